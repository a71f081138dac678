"""Links inside the router's data plane (hisee._core.router): its thread moves their messages; a channel sees only what comes up.

A link of rings is handed over once its logon is done. Its channel goes on as before, with another carrier: what comes up arrives in
order, what it sends goes out at once behind what has passed. Such a link changes its carrier no more: where its ring is damaged it ends.
"""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable

from hisee._core.book import Book
from hisee._core.router import DAMAGED, ENDED, Router
from hisee.channel.carriers import BATCH, Payload, RingCarrier
from hisee.channel.channel import Channel
from hisee.channel.errors import ChannelFull, Lost
from hisee.channel.lanes import LANE_COUNT
from hisee.channel.local import LocalCarrier
from hisee.channel.message import WANTS_ANSWER, WHOLE, Part
from hisee.channel.settings import Settings
from hisee.schema.messages import MessageKind

log = logging.getLogger("hisee.channel")
UP_BYTES = 1 << 20  # that wait in the plane for Python; beyond them a link that has more is not read
SIGN_OF_LIFE: Part = (MessageKind.HEARTBEAT, 0, WHOLE, 0, 0, 0, 0, 0, b"", 0)


class PlaneCarrier(RingCarrier):
    """The owner's end of one port. Numbers of lanes are the plane's; those that the channel sees are made here, one for each message."""

    def __init__(self, plane: Plane, port: int, link: RingCarrier | LocalCarrier, message_bytes: int, channel: Channel) -> None:
        rings, control, bell, peer_bell, poll_s = link.parts()
        super().__init__(rings, message_bytes, control, bell, peer_bell, poll_s)
        self._link = link
        self.port, self.over = port, ""  # reason, once the port has ended
        self.left = False  # the channel needs it no more
        self.farewell: bytes | None = None
        self._plane, self._router, self._channel = plane, plane.router, channel
        self._inbox: deque[Part] = deque()
        self._came, self._taken = [0] * LANE_COUNT, [0] * LANE_COUNT
        self._unsettled = False
        self._heard = 0
        self._dropped = False
        self.deliver: Callable[[], None] | None = None  # once the channel is attached

    # -- out

    def push(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
             payload: Payload, quiet: bool = False) -> bool:
        """Whole messages only: those of others pass in the same lane. Raises ChannelFull."""
        if kind == MessageKind.GOODBYE:
            self.farewell = bytes(payload)  # goes out behind everything, with `close`
            return True
        if self.over:  # the number of the port may be another link's by now
            return True
        if self._router.send(self.port, kind, lane, source, target, object, corr, payload, bool(flags & WANTS_ANSWER), quiet):
            return True
        raise ChannelFull(f"{self._router.backlog(self.port)} bytes wait for the peer", hint="it is slow or stopped; try again later")

    def want_room(self, payload_bytes: int) -> bool:
        return True

    def flush(self) -> None:
        pass

    # -- in

    def came(self, kind: int, lane: int, asks: bool, source: int, target: int, object: int, corr: int, payload: bytes) -> None:
        """A message has come up."""
        seq = 0
        if kind < MessageKind.HELLO:
            self._came[lane] += 1
            seq = self._came[lane]
        self._inbox.append((kind, lane, WHOLE | WANTS_ANSWER if asks else WHOLE, source, target, object, len(payload), corr, payload, seq))

    def take(self) -> list[Part]:
        self._settle()
        if self._inbox:
            return [self._taken_out() for _ in range(min(len(self._inbox), BATCH))]
        if self.over:
            raise Lost(self.over)
        if not self._dropped and (self.dead or self._hung_up()):
            self.dead = self._dropped = True
            self._router.drop(self.port)  # what it left is read first; its end comes up behind
        before, self._heard = self._heard, self._router.heard(self.port)
        return [SIGN_OF_LIFE] if self._heard != before else []

    def _taken_out(self) -> Part:
        part = self._inbox.popleft()
        self._taken[part[1]] += part[9] > 0
        self._unsettled = True
        return part

    def _settle(self) -> None:
        """Everything taken has been delivered by now: what comes behind it may pass again."""
        if self._unsettled and not self.over:
            for lane in [lane for lane, count in enumerate(self._taken) if count]:
                self._router.settle(self.port, lane, self._taken[lane])
                self._taken[lane] = 0
        self._unsettled = False

    def arm(self) -> bool:
        self._settle()
        return not self._inbox and not self.over

    def readers(self) -> list[int]:
        return [self._control.fileno()]

    def listen(self, wake: Callable[[], None] | None) -> None:
        self.deliver = self._channel.turn if wake is not None else None

    # -- beside the rings

    def _hung_up(self) -> bool:
        return self._link.gone()

    def hand(self, token: int, fds: list[int]) -> None:
        self._link.hand(token, fds)

    def handed(self, token: int) -> list[int]:
        return self._link.handed(token)

    # -- the end

    def close(self) -> None:
        self._inbox.clear()
        self._plane.leave(self)

    def release(self) -> None:
        """Nothing of the plane uses the ring any more."""
        self._link.close()


class Plane:
    """The thread, and the channels that have a port of it. Belongs to one loop."""

    def __init__(self, loop: AbstractEventLoop, book: Book, config: Settings) -> None:
        self.router = Router(backlog_bytes=config.backlog_bytes, message_bytes=config.message_bytes, up_bytes=UP_BYTES,
                             part_bytes=config.fragment_bytes, book=book)
        self._loop, self._config = loop, config
        self._carriers: dict[int, PlaneCarrier] = {}
        loop.add_reader(self.router.up_bell, self._on_bell)

    def join(self, channel: Channel) -> bool:
        """Take over the rings of a channel that has carried nothing yet; False: it has none, or there is no port left."""
        ring = channel.ring
        if ring is None:
            return False
        try:
            port = self.router.add_mapped(ring.parts()[0], ring.readers()[0])
        except MemoryError:
            log.warning("no port for %s: its messages pass the server's loop", channel.hello.name if channel.hello else "a link")
            return False
        carrier = self._carriers[port] = PlaneCarrier(self, port, ring, self._config.message_bytes, channel)
        channel.go_by(carrier, "the data plane: start the server without --plane")
        return True

    @staticmethod
    def port_of(channel: Channel) -> int:
        """-1: it has none, or it ends: nothing passes to it any more."""
        ring = channel.ring
        return ring.port if isinstance(ring, PlaneCarrier) and not ring.over and not ring.left else -1

    def _on_bell(self) -> None:
        touched: dict[int, PlaneCarrier] = {}
        for _ in range(BATCH):
            found = self.router.up()
            if found is None:
                break
            port, why, kind, lane, asks, source, target, object_, corr, payload = found
            carrier = touched[port] = self._carriers[port]
            if why in (ENDED, DAMAGED):
                del self._carriers[port]
                self._ended(carrier, why)
            else:
                carrier.came(kind, lane, asks, source, target, object_, corr, payload)
        for carrier in touched.values():
            if carrier.deliver is not None:
                carrier.deliver()

    def _ended(self, carrier: PlaneCarrier, why: int) -> None:
        carrier.over = "poisoned: the peer's positions or bytes cannot be" if why == DAMAGED else "died"
        if carrier.left:
            carrier.release()

    def leave(self, carrier: PlaneCarrier) -> None:
        """The channel has ended: by our own wish with a farewell, which a slow peer gets some time to take."""
        carrier.left = True
        if carrier.over:
            carrier.release()
            return
        if carrier.farewell is None or carrier.dead:
            self.router.drop(carrier.port)
        else:
            self.router.leave(carrier.port, carrier.farewell)
            self._loop.call_later(self._config.linger_s, self._cut, carrier)
        self.router.sync()  # from here on nothing passes to it

    def _cut(self, carrier: PlaneCarrier) -> None:
        if not carrier.over:
            self.router.drop(carrier.port)

    def close(self) -> None:
        """End the thread, and every port with it."""
        self._loop.remove_reader(self.router.up_bell)
        self.router.close()
        for carrier in self._carriers.values():
            carrier.over = "closed"
            carrier.release()
        self._carriers.clear()
