"""The link of a process to its server with the direct routes beside it, used like the link itself (docs/design/direct-routes.md).

A message goes by a direct route where the server has granted one for its lane and object, else through the server. Nobody reads a
route before its other end has said on the lane itself, through the server, that it begins; whoever leaves a route says how many
messages it sent by it, and the other end takes those before it takes what came after that word. So the order of a lane never changes,
nothing is lost and nothing comes twice, whatever way a message takes.
"""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from hisee._core.ring import RingPoisoned
from hisee.channel.channel import Channel, OnLost, OnMessage
from hisee.channel.errors import ChannelClosed, ChannelError, ChannelFull, Lost
from hisee.channel.message import Message
from hisee.channel.payloads import Failed, Payload, RouteBroken, RouteGrant, RouteRevoke, RouteTurn, pack, unpack
from hisee.channel.route_end import ENDS, RouteEnd, open_end
from hisee.channel.settings import settings
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Clock

log = logging.getLogger("hisee.channel")
FACT = "direct"  # of HELLO: this program takes direct routes
KNL = 1
TURN_MESSAGES = 16  # taken from direct routes before the server's link gets a look


class Direct:
    """`send` and `receive` or `attach` as of a Channel; the server's link stays the one for everything else."""

    def __init__(self, server: Channel, clock: Clock) -> None:
        assert server.welcome is not None
        self._server, self._clock = server, clock
        self._number = server.welcome.number
        self._config = settings(server.welcome.limits)
        self._ends: dict[int, RouteEnd] = {}  # by route: in use, or with something not answered
        self._ways: dict[tuple[int, int], RouteEnd] = {}  # (lane, object) -> the end that requests for it take
        self._loop: AbstractEventLoop | None = None
        self._on_message: OnMessage | None = None
        self._ready: deque[tuple[Message, RouteEnd | None]] = deque()  # blocking mode
        self._came_by: RouteEnd | None = None  # blocking mode: way of the message handed over last
        self._taken = 0
        self._kinds: dict[int, Callable[[Message], None]] = {
            Kind.ROUTE_GRANT: self._granted, Kind.ROUTE_REVOKE: self._revoked, Kind.ROUTE_TURN: self._turned}

    @property
    def routes(self) -> int:
        """Direct routes that own messages take now."""
        return sum(end.sending for end in self._ends.values())

    def close(self) -> None:
        """The server is gone, and with it what it granted."""
        self._ways.clear()
        for end in self._ends.values():
            end.close()
        self._ends.clear()

    # -- out

    def send(self, message: Message) -> None:
        """As Channel.send. An answer goes back the way its request came, in blocking mode."""
        end = self._way(message)
        if end is None:
            self._server.send(message)
            return
        if end.asks:
            message.target = end.peer
        try:
            end.send(message)
        except ChannelClosed:  # the peer is gone; the server says so, and knows what becomes of this one
            self._server.send(message)

    def _way(self, message: Message) -> RouteEnd | None:
        if not message.target:
            return self._ways.get((message.lane, message.object)) if self._ways else None
        came = self._came_by
        return came if came is not None and came.sending and message.kind in ENDS and message.lane == came.lane else None

    def _tell(self, kind: Kind, payload: Payload, lane: int = 0, target: int = KNL) -> None:
        with suppress(ChannelClosed, ChannelFull):  # then the server is gone or will end this process
            self._server.send(Message(kind=kind, lane=lane, source=self._number, target=target, payload=pack(payload)))

    # -- in, on a loop

    def attach(self, loop: AbstractEventLoop, on_message: OnMessage, on_lost: OnLost) -> None:
        self._loop, self._on_message = loop, on_message

        def lost(reason: str) -> None:
            self.close()
            on_lost(reason)

        self._server.attach(loop, self._from_server, lost)

    def _from_server(self, message: Message) -> None:
        for end in [end for end in self._ends.values() if end.reading]:
            end.channel.drain()  # what its sender said before the server heard of it
        self._take_in(message)

    def _take_in(self, message: Message) -> None:
        handler = self._kinds.get(message.kind)
        if handler is not None:
            handler(message)
        else:
            self._hand_over(message, None)

    def _hand_over(self, message: Message, end: RouteEnd | None) -> None:
        if message.kind in ENDS:
            for one in self._ends.values():
                one.answered(message)
        if self._loop is None:
            self._ready.append((message, end))
        else:
            assert self._on_message is not None
            self._on_message(message)

    # -- in, blocking

    def receive(self, timeout_s: float, also: Sequence[int] = ()) -> Message | None:
        """As Channel.receive, None also for a mere look; a direct route is read before what the server sends behind it."""
        if self._taken >= TURN_MESSAGES:
            self._taken = 0
            self._from_link(0.0, [])
        if not self._ready:
            self._collect()
        if not self._ready:
            bells = self._arm()
            if bells is None or not self._from_link(timeout_s, [*also, *bells]):
                self._collect()
        if not self._ready:
            return None
        message, self._came_by = self._ready.popleft()
        self._taken += self._came_by is not None
        return message

    def take_in(self, messages: Sequence[Message]) -> None:
        """What the server's link brought before this object was made."""
        for message in messages:
            self._take_in(message)

    def _from_link(self, timeout_s: float, also: list[int]) -> bool:
        """Take what the server sends; False = nothing came, or one of the descriptors is readable."""
        message = self._server.receive(timeout_s, also)
        if message is None:
            return False
        self._collect()
        self._take_in(message)
        return True

    def _collect(self) -> None:
        for end in [end for end in self._ends.values() if end.reading]:
            self._read(end)

    def _read(self, end: RouteEnd) -> None:
        try:
            while (message := end.channel.poll()) is not None:
                self._hand_over(message, end)
        except ChannelClosed as closed:
            end.reading = False
            self._lost(end, str(closed))

    def _arm(self) -> list[int] | None:
        """Descriptors of the routes; None = one of them has something by now."""
        bells: list[int] = []
        for end in self._ends.values():
            if end.reading:
                found = end.channel.arm()
                if not found:
                    return None
                bells += found
        return bells

    # -- the life of a route

    def _granted(self, message: Message) -> None:
        """Whoever answers says yes or no; whoever asks begins at once."""
        grant = unpack(RouteGrant, message.payload)
        try:
            end = open_end(grant, self._server.handed(grant.route), self._config, self._clock)
        except (RingPoisoned, OSError, MemoryError, Lost, ValueError) as fault:
            log.warning("direct route %d to process %d cannot be used: %s", grant.route, grant.peer, fault)
            self._refuse(message, grant, str(fault))
            return
        self._ends[grant.route] = end
        if message.wants_answer:
            self._server.send(Message(kind=Kind.REPLY, lane=message.lane, source=self._number, target=message.source, corr=message.corr))
        if end.asks:
            self._begin(end)

    def _refuse(self, message: Message, grant: RouteGrant, why: str) -> None:
        if message.wants_answer:
            failed = pack(Failed(error=Err.ERR_NOT_SUPPORTED, text=why))
            self._server.send(Message(kind=Kind.FAILED, lane=message.lane, source=self._number, target=message.source,
                                      corr=message.corr, payload=failed))
        else:
            self._tell(Kind.ROUTE_BROKEN, RouteBroken(route=grant.route, reason=why))

    def _begin(self, end: RouteEnd) -> None:
        """From here on own messages go by the route."""
        self._tell(Kind.ROUTE_TURN, RouteTurn(route=end.route, on=True), end.lane, end.peer)
        end.sending = True
        for number in end.objects:
            self._ways[end.lane, number] = end

    def _turned(self, message: Message) -> None:
        turn = unpack(RouteTurn, message.payload)
        end = self._ends.get(turn.route)
        if end is None or end.ended or message.source != end.peer:
            return
        if turn.on:
            self._open(end)
        else:
            self._read_to(end, turn.count)

    def _open(self, end: RouteEnd) -> None:
        """The other end's messages come by the route from now on; whoever answers does the same, unless it has been told to leave."""
        end.reading = True
        if self._loop is not None:
            end.channel.attach(self._loop, lambda message: self._hand_over(message, end), lambda reason: self._lost(end, reason))
        if not end.asks and not end.left:
            self._begin(end)

    def _read_to(self, end: RouteEnd, count: int) -> None:
        """The other end has left: its last messages are in the ring, before the word that says so."""
        if end.reading:
            if self._loop is not None:
                end.channel.drain()
            else:
                self._read(end)
        if end.channel.received != count:
            self._broken(end, f"{end.channel.received} of {count} messages were there")
            return
        if not end.left:
            self._leave(end)
        end.close()
        self._forget(end)

    def _revoked(self, message: Message) -> None:
        told = unpack(RouteRevoke, message.payload)
        end = self._ends.get(told.route)
        if end is not None and not end.ended:
            if told.gone or told.broken:
                self._cut(end, told.gone)
            elif not end.left:
                self._leave(end)
        for one in [one for one in self._ends.values() if told.gone == one.peer or (told.broken and one is end)]:
            self._end_open(one, told.reason)
        for one in list(self._ends.values()):
            self._forget(one)

    def _cut(self, end: RouteEnd, gone: int) -> None:
        """The other end is gone: what it left in the ring still counts, unless the ring itself is broken."""
        self._off(end)
        if gone and end.reading:
            if self._loop is not None:
                end.channel.drain()
            else:
                self._read(end)
        end.close()

    def _leave(self, end: RouteEnd) -> None:
        """Go back to the way through the server, behind everything that went by the route."""
        self._off(end)
        back = end.turn_back()
        self._tell(Kind.ROUTE_TURN, RouteTurn(route=end.route, on=False, count=end.channel.sent), end.lane, end.peer)
        for message in back:
            with suppress(ChannelError):
                self._server.send(message)

    def _off(self, end: RouteEnd) -> None:
        end.sending = False
        for key in [key for key, one in self._ways.items() if one is end]:
            del self._ways[key]

    def _lost(self, end: RouteEnd, reason: str) -> None:
        """The other end closed, or died: the server knows which. A ring that is damaged is its business at once."""
        if reason.startswith("poisoned"):
            self._broken(end, reason)

    def _broken(self, end: RouteEnd, reason: str) -> None:
        log.error("direct route %d to process %d is broken: %s", end.route, end.peer, reason)
        self._off(end)
        end.close()
        self._tell(Kind.ROUTE_BROKEN, RouteBroken(route=end.route, reason=reason))

    def _end_open(self, end: RouteEnd, reason: str) -> None:
        """Nobody can say whether these were carried out; they are not asked again."""
        while end.open:
            asked = end.open.pop(next(iter(end.open)))
            failed = Failed(error=Err.ERR_TRANS_ABORT, extended=Ext.PROCESS_RESTARTED, text=reason)
            self._hand_over(Message(kind=Kind.FAILED, lane=asked.lane, source=KNL, target=asked.source, object=asked.object,
                                    corr=asked.corr, payload=pack(failed)), None)

    def _forget(self, end: RouteEnd) -> None:
        """Kept only as long as answers to what was asked by it may come through the server."""
        if end.ended and not end.open:
            self._ends.pop(end.route, None)
