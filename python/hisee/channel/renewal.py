"""Fresh rings for a link that left its own: made by the serving end, at once where that is ordered, after a back-off behind damage."""

from __future__ import annotations

import logging

from hisee._core.ring import RingPoisoned, Rings
from hisee.channel.segments import RingOffer, make_segments
from hisee.channel.settings import Settings
from hisee.seams import Seams

log = logging.getLogger("hisee.channel")


class Renewal:
    """`wanted`: the link goes by rings whenever it can."""

    def __init__(self, config: Settings, seams: Seams, peer: str) -> None:
        self.wanted = True
        self._config, self._seams, self._peer = config, seams, peer
        self._failures = 0  # in a row
        self._since_ns = seams.clock.monotonic_ns()  # of the rings in use
        self._not_before_ns = 0
        self._offered: tuple[int, Rings] | None = None  # epoch, and own mapping of what the other end was offered

    def order(self, *, rings: bool) -> None:
        self.wanted = rings
        if rings:
            self._not_before_ns = 0

    def damaged(self) -> None:
        """Rings that held for the longest wait end the doubling."""
        if self._seams.clock.monotonic_ns() - self._since_ns >= self._config.ring_again_most_ns:
            self._failures = 0
        self._failed()

    def _failed(self) -> None:
        wait_ns = min(self._config.ring_again_ns << min(self._failures, 16), self._config.ring_again_most_ns)
        self._failures += 1
        self._not_before_ns = self._seams.clock.monotonic_ns() + wait_ns

    @property
    def due(self) -> bool:
        return self.wanted and self._offered is None and self._seams.clock.monotonic_ns() >= self._not_before_ns

    def make(self, capacity: int, bell: int, peer_bell: int) -> RingOffer | None:
        """Fresh segments, mapped here too; whoever sends them closes them. None where they cannot be had: later."""
        epoch = int.from_bytes(self._seams.rng.secret(4), "little") | 1
        try:
            own, peer = make_segments(capacity, epoch, self._seams.rng.secret)
        except OSError as fault:
            self._failed_for(fault)
            return None
        offer = RingOffer(capacity, epoch, own, peer, bell, peer_bell)
        try:
            self._offered = epoch, Rings(own, peer, capacity, epoch, peer_bell)
        except (RingPoisoned, OSError, MemoryError) as fault:
            offer.close_segments()
            self._failed_for(fault)
            return None
        return offer

    def _failed_for(self, fault: Exception) -> None:
        log.warning("no fresh rings to %s, the link stays on its socket: %s", self._peer, fault)
        self._failed()

    def settled(self, epoch: int, *, accepted: bool) -> Rings | None:
        """The other end has answered: the rings, when it took them. None for an answer to no offer."""
        offered, self._offered = self._offered, None
        if offered is None or offered[0] != epoch:
            return None
        if not accepted:
            offered[1].close()
            log.warning("%s cannot map fresh rings, the link stays on its socket", self._peer)
            self._failed()
            return None
        self._since_ns = self._seams.clock.monotonic_ns()
        return offered[1]

    def close(self) -> None:
        if self._offered is not None:
            self._offered[1].close()
            self._offered = None
