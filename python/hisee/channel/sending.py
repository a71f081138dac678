"""Own direction of a link on one computer: into the ring or over the socket, changed while messages are under way.

docs/design/protocol.md, "Changing the carrier"; model: the sender of tests/ring/models/carrier.pml. Everything here is called under the
guard of the channel.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum

from hisee._core.kept import Kept
from hisee._core.ring import RingPoisoned, Rings
from hisee._core.session import Lanes
from hisee.channel.carriers import Payload
from hisee.channel.control import ControlStream
from hisee.channel.errors import Lost
from hisee.channel.lanes import LANE_COUNT
from hisee.channel.message import WHOLE
from hisee.channel.payloads import Broken, Mark, pack
from hisee.schema.link_counters import BY_NAME as COUNTERS
from hisee.schema.messages import MessageKind as Kind

log = logging.getLogger("hisee.channel")


class To(Enum):
    """Where own messages go. LEAVING: into the ring until MARK is there. BROKEN: nowhere until the other end has said LOST."""

    RING = "ring"
    LEAVING = "leaving"
    BROKEN = "broken"
    SOCKET = "socket"


class Sender:
    """`counts`: of the table link_counters. `lanes`: numbers of what was sent, known once the channel is there."""

    lanes: Lanes

    def __init__(self, rings: Rings, epoch: int, stream: ControlStream, peer: str, changed: Callable[[], None]) -> None:
        self.rings, self.epoch = rings, epoch
        self.kept = Kept(rings)
        self.to = To.RING
        self.counts = dict.fromkeys(COUNTERS, 0)
        self._stream, self._peer, self._changed = stream, peer, changed
        self._behind = False  # own messages go by the socket, and the ring before it may not be read to its end
        self._told = False  # BROKEN, about this ring

    def push(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
             payload: Payload, quiet: bool) -> bool:
        """As of a Carrier."""
        self.go_on()
        if self.to is To.SOCKET:
            return self._push_frame(seq, kind, lane, flags, source, target, object, total, corr, payload)
        if self.to is not To.RING:
            return False
        try:
            return self.kept.push(seq, kind, lane, flags, source, target, object, total, corr, payload, quiet)
        except RingPoisoned as fault:
            self._cannot_send(str(fault))
            return False

    def _push_frame(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
                    payload: Payload) -> bool:
        if not self._stream.push(seq, kind, lane, flags, source, target, object, total, corr, payload):
            return False
        if self._behind and not self._drained() and seq:
            self.kept.note(seq, kind, lane, flags, source, target, object, total, corr, payload)
        return True

    def _drained(self) -> bool:
        """Once the ring that was left is read to its end, what went by the socket after it needs no copy."""
        try:
            if self.kept.drained:
                self.kept.clear()
                self._behind = False
        except RingPoisoned as fault:
            self._tell_broken(str(fault))
        return not self._behind

    def _cannot_send(self, reason: str) -> None:
        self.to = To.BROKEN
        self._tell_broken(reason)
        self._changed()

    def _tell_broken(self, reason: str) -> None:
        if not self._told:
            self._told = True
            self._stream.tell(Kind.BROKEN, Broken(epoch=self.epoch, reason=reason))

    def want_room(self, payload_bytes: int) -> bool:
        """As of a Carrier."""
        if self.to is To.SOCKET:
            return self._stream.want_room(payload_bytes)
        if self.to is not To.RING:
            return True  # MARK waits for room, or LOST will come
        try:
            return self.rings.block(payload_bytes)
        except RingPoisoned as fault:
            self._cannot_send(str(fault))
            return True

    def leave(self) -> None:
        """Own messages go by the socket from here on, behind those in the ring. The other end does likewise when it reads of it."""
        if self.to is To.RING:
            self.to = To.LEAVING
            self._changed()
            self.go_on()

    def go_on(self) -> None:
        """Where MARK waits for room and there is some: the ring is left. Else the bell will tell of it."""
        if self.to is not To.LEAVING:
            return
        mark = pack(Mark(epoch=self.epoch))
        try:
            while not self.rings.push(0, Kind.MARK, 0, WHOLE, 0, 0, 0, len(mark), 0, mark):
                if self.rings.block(len(mark)):
                    return
        except RingPoisoned as fault:
            self._cannot_send(str(fault))
            return
        self.to, self._behind = To.SOCKET, True
        self._count("socket")

    def _count(self, carrier: str) -> None:
        self.counts["switches"] += 1
        log.info("messages to %s go by the %s", self._peer, carrier)
        self._changed()

    def lost(self, received: list[int]) -> None:
        """The other end cannot read the ring and has taken so much: the rest goes again, over the socket. Raises Lost."""
        missing, left = self._missing(received), self.to is To.SOCKET
        self.to, self._behind = To.SOCKET, False
        self._stream.tell(Kind.AGAIN, Mark(epoch=self.epoch))
        for part in missing:
            self._stream.put(*part)
        self.counts["again"] += len(missing)
        self.kept.clear()
        if not left:
            self._count("socket")

    def _missing(self, received: list[int]) -> list[tuple[int, int, int, int, int, int, int, int, int, Payload]]:
        """What is kept behind these counts. Raises Lost when something was forgotten that the other end has not taken."""
        sent = [self.lanes.sent(lane) for lane in range(LANE_COUNT)]
        if len(received) != len(sent) or any(count > most for count, most in zip(received, sent, strict=True)):
            raise Lost("poisoned: the other end took messages that were never sent")
        missing = [part for part in self.kept.parts() if part[0] > received[part[2]]]
        for lane, (count, most) in enumerate(zip(received, sent, strict=True)):
            if [part[0] for part in missing if part[2] == lane] != list(range(count + 1, most + 1)):
                raise Lost(f"poisoned: lane {lane} cannot be sent again from {count}: the read position was damaged too")
        return missing

    def use(self, rings: Rings, epoch: int) -> None:
        """Own messages go by fresh rings from here on; those before have been left by both ends."""
        self.rings.close()
        self.rings, self.kept, self.epoch = rings, Kept(rings), epoch
        self._behind = self._told = False
        self._stream.tell(Kind.MARK, Mark(epoch=epoch))
        self.to = To.RING
        self._count("ring")

    def tend(self) -> None:
        """Now and then: forget what has been read."""
        if self.to is To.RING:
            self.kept.look()
        elif self._behind:
            self._drained()
