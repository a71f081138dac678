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

import msgspec

from hisee._core.ring import RingPoisoned
from hisee._core.route import Place, QuickWay, Spin, Watch, edge
from hisee.channel.channel import Channel, OnLost, OnMessage
from hisee.channel.errors import ChannelClosed, ChannelError, ChannelFull, Lost
from hisee.channel.message import Message
from hisee.channel.payloads import Failed, Payload, RouteBroken, RouteGrant, RouteRevoke, RouteTurn, pack, unpack
from hisee.channel.route_end import ENDS, EdgeCarrier, RouteCarrier, RouteEnd, open_end
from hisee.channel.settings import settings
from hisee.load import MeteredLoop
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Clock

log = logging.getLogger("hisee.channel")
FACT = "direct"  # of HELLO: this program takes direct routes
KNL = 1


class Direct(QuickWay):
    """`send` and `receive` or `attach` as of a Channel; the server's link stays the one for everything else.

    `send`, `receive` and `rest` are those of QuickWay, which asks `_receive` and `_hand_over` here for everything but whole messages.
    """

    def __init__(self, server: Channel, clock: Clock) -> None:
        assert server.welcome is not None
        self._server, self._gone, self._clock = server, ChannelClosed, clock
        self._number = server.welcome.number
        self._config = settings(server.welcome.limits)
        self._ends: dict[int, RouteEnd] = {}  # by route: in use, or with something not answered
        self._ways, self._reading = {}, []
        self._loop: AbstractEventLoop | None = None
        self._epoll = -1
        self._ready = deque()
        self._spin, self.place = Spin(), Place()
        self._kinds: dict[int, Callable[[Message], None]] = {
            Kind.ROUTE_GRANT: self._granted, Kind.ROUTE_REVOKE: self._revoked, Kind.ROUTE_TURN: self._turned}
        self._answers, self._own_kinds = frozenset(ENDS), frozenset({*self._kinds, *ENDS})

    @property
    def routes(self) -> int:
        """Direct routes that own messages take now."""
        return sum(end.sending for end in self._ends.values())

    def close(self) -> None:
        """The server is gone, and with it what it granted."""
        self._ways.clear()
        for end in self._ends.values():
            self._close(end)
        self._ends.clear()

    # -- out

    def _tell(self, kind: Kind, payload: Payload, lane: int = 0, target: int = KNL) -> None:
        with suppress(ChannelClosed, ChannelFull):  # then the server is gone or will end this process
            self._server.send(Message(kind=kind, lane=lane, source=self._number, target=target, payload=pack(payload)))

    # -- in, on a loop

    def attach(self, loop: AbstractEventLoop, on_message: OnMessage, on_lost: OnLost) -> None:
        self._loop, self._on_message = loop, on_message
        self._epoll = loop.time_spent.fileno() if isinstance(loop, MeteredLoop) else -1

        def lost(reason: str) -> None:
            self.close()
            on_lost(reason)

        self._server.attach(loop, self._from_server, lost)

    def _from_server(self, message: Message) -> None:
        for end in [end for end in self._ends.values() if end.reading]:
            end.channel.deliver_now()  # what its sender said before the server heard of it
        self._take_in(message)

    def _take_in(self, message: Message) -> None:
        """The next one from the server. A thread has its turn with what is to be sent for it behind what came before."""
        if message.kind == Kind.ROUTE_TURN:
            self._hear_turn(message)
        if self._loop is None:
            self._ready.append((message, None))
        else:
            self._act(message)

    def _act(self, message: Message) -> None:
        handler = self._kinds.get(message.kind)
        if handler is not None:
            handler(message)
        else:
            self._hand_over(message, None)

    def _hand_over(self, message: Message, end: RouteEnd | None) -> None:
        if message.kind in self._answers:
            for one in self._ends.values():  # what was asked by a route may be answered through the server
                one.answered(message)
        if self._loop is None:
            self._ready.append((message, end))
        else:
            assert self._on_message is not None
            self._on_message(message)

    def close_turn(self) -> None:
        """After `rest`: what came meanwhile has its turn in the loop."""
        if self.waited_ns and isinstance(self._loop, MeteredLoop):
            self._loop.time_spent.slept(self.waited_ns)
        if not self.leave():
            for end in self._reading:
                end.channel.look_again()

    # -- in, blocking

    def _receive(self, timeout_s: float, also: Sequence[int] = ()) -> Message | None:
        """The next message, whatever it is and wherever it comes from."""
        if self._watch is not None:
            if self.is_server_due():
                self._look_at_server()
        elif not self._ready:  # what came before the last route ended may be left
            began_ns = self._clock.monotonic_ns()
            self._from_link(timeout_s, also)
            self.waited_ns += self._clock.monotonic_ns() - began_ns
        if not self._ready:
            self._read_ends()
        if not self._ready and self._watch is not None:
            self._wait(self._watch, timeout_s, also)
            self._read_ends()
        while self._ready:
            message, self._came_by = self._ready.popleft()
            if message.kind not in self._kinds:
                self._taken += self._came_by is not None
                return message
            self._act(message)
        return None

    def _wait(self, watch: Watch, timeout_s: float, also: Sequence[int]) -> None:
        """Until something may have come."""
        if not self._arm():
            return
        watch.look_for_room(self._server.writing)
        began_ns = self._clock.monotonic_ns()
        if not watch.wait(min(timeout_s, self._server.until_tick_s()), also):
            watch.server_due = True  # it has a heartbeat to send
        self.waited_ns += self._clock.monotonic_ns() - began_ns

    def take_in(self, messages: Sequence[Message]) -> None:
        """What the server's link brought before this object was made."""
        for message in messages:
            self._take_in(message)

    def _look_at_server(self) -> None:
        """Everything that the server has sent by now; its link is then armed for the watch."""
        self._taken = 0
        while self._from_link(0.0, ()):
            pass
        if self._watch is not None:
            self._watch.server_due = not self._server.arm()
            self.tick_in(self._server.until_tick_s())

    def _from_link(self, timeout_s: float, also: Sequence[int]) -> bool:
        """Take what the server sends; False = nothing came, or one of the descriptors is readable."""
        message = self._server.receive(timeout_s, also)
        if message is None:
            return False
        while self._read_ends():  # what its sender said before the server heard of it
            pass
        self._take_in(message)
        return True

    def _read_ends(self) -> bool:
        """A batch of each route; False = there was nothing."""
        found = False
        for end in list(self._ends.values()):
            if end.reading:
                found |= self._read(end)
        return found

    def _read(self, end: RouteEnd) -> bool:
        try:
            messages = end.channel.batch()
        except ChannelClosed as closed:
            self._read_no_more(end)
            self._lost(end, str(closed))
            return False
        for message in messages:
            self._hand_over(message, end)
        return bool(messages)

    def _arm(self) -> bool:
        """False: one of the routes has something by now."""
        return all(end.channel.arm() for end in self._ends.values() if end.reading)

    # -- the life of a route

    def _granted(self, message: Message) -> None:
        """Whoever answers says yes or no; whoever asks begins at once."""
        grant = unpack(RouteGrant, message.payload)
        try:
            kind = EdgeCarrier if self._loop is None else RouteCarrier
            end = open_end(grant, self._server.handed(grant.route), self._config, self._clock, kind)
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

    def _turn_of(self, message: Message) -> tuple[RouteTurn, RouteEnd | None]:
        """None = of no route with its sender. Any process may send this kind."""
        try:
            turn = unpack(RouteTurn, message.payload)
        except msgspec.MsgspecError:
            return RouteTurn(route=0, on=False), None
        end = self._ends.get(turn.route)
        return turn, None if end is None or end.ended or message.source != end.peer else end

    def _hear_turn(self, message: Message) -> None:
        """The other end's messages come by the route from now on, or no longer: then its last ones are in the ring."""
        turn, end = self._turn_of(message)
        if end is None:
            return
        if turn.on:
            self._open(end)
            return
        self._drain(end)
        self._shut(end)
        if end.channel.received != turn.count:
            self._broken(end, f"{end.channel.received} of {turn.count} messages were there")

    def _turned(self, message: Message) -> None:
        """Own messages follow: whoever answers goes the way of who asks, unless it has been told to leave."""
        turn, end = self._turn_of(message)
        if end is None:
            return
        if not turn.on:
            if not end.left:
                self._leave(end)
            end.close()
            self._forget(end)
        elif not end.asks and not end.left:
            self._begin(end)

    def _open(self, end: RouteEnd) -> None:
        if end.opened:
            return
        end.opened = end.reading = True
        self._reading.append(end)
        if self._loop is None:
            self._watch = self._watch or Watch(self._server.readers())
            self._watch.add(end)
        else:
            end.channel.attach(self._loop, lambda message: self._hand_over(message, end), lambda reason: self._lost(end, reason))
            if self._epoll >= 0:
                edge(self._epoll, end.carrier.descriptors[0])
                end.carrier.edge = True

    def _shut(self, end: RouteEnd) -> None:
        """Nothing more is read."""
        self._read_no_more(end)
        if self._watch is not None:
            self._watch.drop(end)
            if self._watch.empty:
                self._watch.close()
                self._watch = None

    def _read_no_more(self, end: RouteEnd) -> None:
        end.reading = False
        self.place.release()
        if end in self._reading:
            self._reading.remove(end)

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
        if gone:
            self._drain(end)
        self._close(end)

    def _drain(self, end: RouteEnd) -> None:
        """Read what is in its ring by now."""
        if self._loop is not None and end.reading:
            end.channel.deliver_now()
        while self._loop is None and end.reading and self._read(end):
            pass

    def _close(self, end: RouteEnd) -> None:
        if not end.ended:
            self._shut(end)
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
        self._close(end)
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
