"""A channel that outlives its connections: the client's end of a session with the server, over any communication process, any network.

Each network has a task that dials while it has no line. One line is active; the others are kept ready. When the active one breaks,
the session goes on over another one: RESUME tells what has been taken, SESSION_ACK answers with the same, both send the rest again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hisee.channel.channel import Channel, OnLost, OnMessage
from hisee.channel.errors import ChannelClosed, ChannelError, ChannelFull, LogonRefused, MessageTooLong, NotSpoken, PeerUnreachable
from hisee.channel.message import Message
from hisee.channel.networks import NO_SESSION, SESSION, Network
from hisee.channel.payloads import CpList, Hello, Resume, SessionAck, SessionEnd, pack, unpack
from hisee.channel.session import HEAD, Session, SessionFault, enclose
from hisee.channel.settings import MS, Settings
from hisee.channel.spoken import in_force, unspoken
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams

log = logging.getLogger("hisee.channel")
KNL = 1
DATA = Kind.SESSION_DATA  # asked for with each message, and Python 3.11 calls a function for each mention of a member
ACTIVE, ALTERNATE, BROKEN = "active", "alternate", "broken"


@dataclass(slots=True)
class Way:
    """One network as the session uses it."""

    network: Network
    number: int
    line: Channel | None = None
    door: str = ""  # of the line, or of the last one
    failures: int = 0
    wanted: asyncio.Event = field(default_factory=asyncio.Event)  # dial now
    keeper: asyncio.Task[None] | None = None


class SessionChannel(Channel):
    """Used as any Channel, attached to a loop only. `on_lost` comes when the session is over, not when a connection is.

    `sent` and `received` count messages of the session, however often they travelled.
    """

    def __init__(self, line: Channel, number: int, networks: Sequence[Network], hello: Hello, seams: Seams, config: Settings) -> None:
        assert line.welcome is not None
        self.hello, self.welcome, self.peer, self.shape = hello, line.welcome, line.peer, line.shape
        self._unspoken = dict(unspoken(in_force(line.welcome)))
        self.sent = self.received = 0
        self.resumed = 0  # times that the session went on over another line
        self._seams, self._config = seams, config
        self._id = int(line.welcome.facts[SESSION])
        self._session = Session(config.backlog_bytes)
        self._guard = threading.RLock()  # numbers and line belong together
        self._ways = [Way(network, place) for place, network in enumerate(networks)]
        self._take_in(self._ways[number], line)
        self._active: Channel | None = line
        self._asked_ns = 0  # RESUME was sent and not answered
        self._broken_ns = 0
        self._why = ""
        self._preferred = -1
        self._end = ""
        self._told = False
        self._held = False
        self._report: Callable[[], Message] | None = None
        self._loop: AbstractEventLoop | None = None
        self._on_message: OnMessage | None = None
        self._on_lost: OnLost | None = None
        self._timer: TimerHandle | None = None
        self._learn(line)

    # --- what a user sees ---

    @property
    def carrier(self) -> str:
        return "tcp"

    @property
    def backlog_bytes(self) -> int:
        """Bytes that have not left; of a broken line: that are not confirmed."""
        active = self._active
        return active.backlog_bytes if active is not None and self._session.open else self._session.bytes

    @property
    def silent_ms(self) -> int:
        active = self._active
        return active.silent_ms if active is not None else (self._seams.clock.monotonic_ns() - self._broken_ns) // MS

    @property
    def ended(self) -> str:
        return self._end

    @property
    def networks(self) -> list[tuple[str, str]]:
        """Name and state of each network: active, alternate, broken."""
        return [(way.network.name, self._state(way)) for way in self._ways]

    def send(self, message: Message) -> None:
        if message.kind in self._unspoken:
            raise NotSpoken(self._unspoken[message.kind])
        size, limit = len(message.payload), self._config.message_bytes - HEAD.size
        if size > limit:
            raise MessageTooLong(f"message of {size} bytes", hint=f"the limit message_bytes leaves {limit} in a session")
        with self._guard:
            if self._end:
                raise ChannelClosed(self._end)
            frame = self._session.keep(message)
            self.sent += 1
            if self._session.open and self._active is not None:
                self._push(self._active, frame)

    def _push(self, line: Channel, frame: Message) -> None:
        try:
            line.send(frame)
        except ChannelClosed:
            pass  # it is kept, and the loss of the line is on its way
        except ChannelFull as full:  # cannot be: what is kept has the bounds of the line
            self._session.open = False
            self._soon(self._broken, line, str(full))

    def _soon(self, call: Callable[..., None], *words: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *words)

    def beat(self) -> None:
        for way in self._ways:
            if way.line is not None:
                way.line.beat()

    def report(self, make: Callable[[], Message]) -> None:
        self._report = make
        if self._loop is not None and self._active is not None:
            self._active.report(lambda: enclose(make(), 0))

    def attach(self, loop: AbstractEventLoop, on_message: OnMessage, on_lost: OnLost) -> None:
        self._loop, self._on_message, self._on_lost = loop, on_message, on_lost
        active = self._active
        assert active is not None
        with self._guard:
            counts = self._session.bind(active)
            self._listen(active)
            self._push(active, self._resume(counts))
            for frame in self._session.resume(counts):  # a session that begins: nothing was ever taken
                self._push(active, frame)
        for way in self._ways:
            way.keeper = loop.create_task(self._keep(way))
        self._tick()

    def receive(self, timeout_s: float, also: Sequence[int] = ()) -> Message | None:
        raise ChannelError("a session needs an event loop", hint="attach it")

    def hold(self, on: bool) -> None:
        self._held = on
        for way in self._ways:
            if way.line is not None:
                way.line.hold(on)

    def prefer(self, network: int) -> None:
        """The session goes over that network whenever it can; -1 = it stays where it is until that breaks. Raises IndexError."""
        self._preferred = network
        if network >= 0:
            way = self._ways[network]
            if way.line is not None and way.line is not self._active and self._loop is not None:
                self._switch(way.line)

    def abandon(self) -> None:
        self._told = True
        self._end = self._end or "closed"
        self._finish()

    def close(self, reason: str = "") -> None:
        """GOODBYE over the active line, behind everything accepted; without one the server ends the session by its limit."""
        if self._told:
            return
        self._told = True
        self._end = self._end or "closed"
        lines = sorted((way.line for way in self._ways if way.line is not None), key=lambda line: line is not self._active)
        for line in lines:
            line.close(reason)
        self._finish()

    # --- lines ---

    def _listen(self, line: Channel) -> None:
        assert self._loop is not None
        line.attach(self._loop, lambda message: self._from_line(line, message), lambda reason: self._broken(line, reason))
        if self._held:
            line.hold(True)
        report = self._report
        if report is not None:
            line.report(lambda: enclose(report(), 0))

    def _learn(self, line: Channel) -> None:
        rows = line.welcome.facts.get("cps", ()) if line.welcome is not None else ()
        for way in self._ways:
            way.network.learn(rows)

    def _state(self, way: Way) -> str:
        return BROKEN if way.line is None else ACTIVE if way.line is self._active else ALTERNATE

    async def _keep(self, way: Way) -> None:
        """As long as the session lives, this network has a line or is dialled."""
        while not self._end:
            if way.line is None and not await self._dial(way):
                await self._until_wanted(way, self._pause_s(way))
            else:
                await self._until_wanted(way, None)

    async def _until_wanted(self, way: Way, seconds: float | None) -> None:
        way.wanted.clear()
        try:
            await asyncio.wait_for(way.wanted.wait(), seconds)
        except TimeoutError:
            return

    def _pause_s(self, way: Way) -> float:
        """Jittered: short and growing while nothing carries the session, long beside an active line."""
        first = self._config.resume_wait_ms << min(way.failures, 8)
        way.failures += 1
        most = min(first, self._config.reconnect_ms) if self._active is None else self._config.alternate_ms
        return (most // 2 + self._seams.rng.below(most // 2 + 1)) / 1000

    async def _dial(self, way: Way) -> bool:
        assert self.hello is not None
        deadline_ms = int(self._config.resume_dial_s * 1000)
        if self.shape is not None:
            way.network.link = self.shape.link
        try:
            line = await asyncio.to_thread(way.network.again, self.hello, self._id, way.number, deadline_ms, way.door)
        except (PeerUnreachable, OSError) as fault:
            log.debug("network %s: %s", way.network.name, fault)
            return False
        except LogonRefused as refused:
            log.info("network %s: %s", way.network.name, refused)
            if refused.refusal == NO_SESSION and self._active is None:
                self._over(f"{self._why}; {refused}")
            return False
        if self._end:
            line.close("the session is over")
            return True
        self._joined(way, line)
        return True

    @staticmethod
    def _take_in(way: Way, line: Channel) -> None:
        way.line, way.failures = line, 0
        way.door = line.peer.address if line.peer is not None else ""

    def _joined(self, way: Way, line: Channel) -> None:
        self._take_in(way, line)
        self._listen(line)
        self._learn(line)
        if self._active is None or way.number == self._preferred:
            self._switch(line)
        else:
            log.info("network %s is the alternate", way.network.name)
            self._tell_networks()

    def _switch(self, line: Channel) -> None:
        """The session goes on over `line`, once the server has answered."""
        with self._guard:
            self._active, self.peer, self.shape = line, line.peer, line.shape
            self._asked_ns = self._seams.clock.monotonic_ns()
            self._broken_ns = self._broken_ns or self._asked_ns
            self._push(line, self._resume(self._session.bind(line)))

    def _resume(self, counts: list[int]) -> Message:
        assert self.welcome is not None
        told = Resume(session=self._id, turn=self._session.next_turn(), received=counts)
        return Message(Kind.RESUME, source=self.welcome.number, target=KNL, payload=pack(told))

    def _broken(self, line: Channel, reason: str) -> None:
        """A line is gone, or no longer to be used: its network is dialled again, and the session takes another one."""
        way = next((way for way in self._ways if way.line is line), None)
        if way is None or self._end:
            return
        way.line, way.failures = None, 0
        line.abandon()
        log.log(logging.WARNING if line is self._active else logging.INFO, "the connection to %s is broken: %s", way.door, reason)
        if line is self._active:
            with self._guard:
                self._session.open, self._active, self._asked_ns = False, None, 0
                self._broken_ns = self._broken_ns or self._seams.clock.monotonic_ns()
                self._why = reason
            self._take_alternate()
        else:
            self._tell_networks()
        way.wanted.set()

    def _take_alternate(self) -> None:
        """Without one every network is dialled at once."""
        ready = sorted((way for way in self._ways if way.line is not None), key=lambda way: way.number != self._preferred)
        if ready and ready[0].line is not None:
            self._switch(ready[0].line)
            return
        for way in self._ways:
            way.failures = 0
            way.wanted.set()

    # --- messages ---

    def _from_line(self, line: Channel, message: Message) -> None:
        try:
            self._take(line, message)
        except SessionFault as fault:
            self._broken(line, str(fault))

    def _take(self, line: Channel, message: Message) -> None:
        if message.kind == DATA:
            inner = self._session.take(line, message)
            if inner is not None:
                self._deliver_one(inner)
            if self._session.due:
                self._tell_taken(quiet=False)
        elif message.kind == Kind.SESSION_ACK:
            if line is self._active:
                self._confirmed(line, unpack(SessionAck, message.payload))
        elif message.kind == Kind.SESSION_END:
            self._over(unpack(SessionEnd, message.payload).reason)
        elif message.kind == Kind.CP_LIST:
            for way in self._ways:
                way.network.learn(unpack(CpList, message.payload).rows)
        else:
            log.info("message of kind %#06x outside the session dropped", message.kind)

    def _deliver_one(self, message: Message) -> None:
        """One handler's fault must not cost the messages behind it, nor their confirmation."""
        assert self._loop is not None and self._on_message is not None
        self.received += 1
        if self._told:
            return
        try:
            self._on_message(message)
        except Exception as fault:
            self._loop.call_exception_handler({"message": f"handler of message {message.kind:#06x}", "exception": fault})

    def _confirmed(self, line: Channel, told: SessionAck) -> None:
        """While RESUME is out only its own answer counts: an older word may still come by a line that carries the session again."""
        with self._guard:
            if not self._asked_ns:
                self._session.confirm(told.received)
            if not self._asked_ns or told.turn != self._session.turn:
                return
            took_ms = (self._seams.clock.monotonic_ns() - self._broken_ns) // MS
            self._asked_ns = self._broken_ns = 0
            self.resumed += 1
            before = self._session.again
            for frame in self._session.resume(told.received):
                self._push(line, frame)
        log.info("the session goes on through %s after %d ms; %d messages sent again", line.peer.address if line.peer else "?", took_ms,
                 self._session.again - before)
        self._tell_networks()

    def _tell_networks(self) -> None:
        if len(self._ways) > 1:
            self._tell_taken(quiet=False, networks=[self._state(way) for way in self._ways])

    def _tell_taken(self, *, quiet: bool, networks: list[str] | None = None) -> None:
        assert self.welcome is not None
        with self._guard:
            if self._active is not None and not self._asked_ns and not self._end:
                told = SessionAck(received=self._session.confirmation(), networks=networks or [])
                self._push(self._active, Message(Kind.SESSION_ACK, source=self.welcome.number, target=KNL, payload=pack(told), quiet=quiet))

    # --- time ---

    def _tick(self) -> None:
        """Twice per heartbeat: confirm, and look whether lines are silent or the time of the session is over."""
        assert self._loop is not None
        if self._end:
            return
        self._timer = self._loop.call_later(self._config.tick_s, self._tick)
        if self._session.owed:
            self._tell_taken(quiet=True)
        now_ns = self._seams.clock.monotonic_ns()
        for way in self._ways:
            if way.line is not None and not self._held and way.line.silent_ms >= self._config.resume_silence_ms:
                self._broken(way.line, "silent")
        if self._asked_ns and self._active is not None and now_ns - self._asked_ns > self._config.resume_dial_s * 1e9:
            self._broken(self._active, "no answer to RESUME")
        if self._broken_ns and now_ns - self._broken_ns > self._config.watchdog_ns:
            self._over(self._why or "silent")

    # --- the end ---

    def _over(self, reason: str) -> None:
        if self._end:
            return
        self._end = reason
        told, self._told = self._told, True
        self._finish()
        if not told and self._on_lost is not None:
            self._on_lost(reason)

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for way in self._ways:
            line, way.line = way.line, None
            if line is not None and not line.ended:
                line.abandon()
            if way.keeper is not None:
                way.keeper.cancel()
        self._active = None
