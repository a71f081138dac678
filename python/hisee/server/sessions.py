"""The server's end of sessions that outlive their connections: which line of which communication process carries each, and its limit.

A client of a communication process logs on with the wish for a session; its numbers live here. A *line* is a channel of a
communication process and a connection there. When the active line is gone the process stays, `resuming`, until the client says
RESUME over another line, or its time is over. Two networks are two lines of one session; one is active.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from hisee.channel import Channel, ChannelClosed, ChannelFull, Message
from hisee.channel.networks import NETWORK, NETWORKS, NO_SESSION, SESSION
from hisee.channel.payloads import Hello, LinkClosed, Payload, Refused, Resume, SessionAck, SessionEnd, pack, unpack
from hisee.channel.peer import computer
from hisee.channel.session import Session, SessionFault
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.server.registry import KNL_NUMBER, Link, Process

log = logging.getLogger("hisee.server.sessions")
HEARTBEAT_S = TIMERS["heartbeat"].ms / 1000
WATCHDOG_S = TIMERS["watchdog"].ms / 1000
DATA = Kind.SESSION_DATA  # asked for with each message, and Python 3.11 calls a function for each mention of a member
ACTIVE, ALTERNATE, BROKEN = "active", "alternate", "broken"
Line = tuple[Channel, int]
Over = Callable[[Link, str], None]


def wants_session(hello: Hello) -> bool:
    return hello.facts.get(SESSION) is True


def session_named(hello: Hello) -> int:
    """Number of the session that this logon is another way into; 0 = it is none."""
    named = hello.facts.get(SESSION)
    return named if isinstance(named, int) and not isinstance(named, bool) else 0


@dataclass(slots=True)
class Way:
    """One line of a session. `door`: name of its communication process."""

    line: Line
    network: int
    door: str
    address: str


class Held:
    """One client's session. It is the `session` of the client's Link: everything for the client goes through `send`."""

    def __init__(self, number: int, link: Link, hello: Hello, limit_bytes: int, owner: Sessions) -> None:
        self.number, self.link, self.hello = number, link, hello
        self.numbers = Session(limit_bytes)
        self.ways: dict[Line, Way] = {}
        self.told: list[str] = []  # states of its networks, as the client said last
        self.began = False  # the client has spoken
        self.broken_at: float | None = None  # loop time at which its active line was gone
        self.stuck = False  # its communication process took nothing more: a message was kept and not sent
        self.timer: asyncio.TimerHandle | None = None
        self.pidfd = -1
        self._owner = owner

    @property
    def resuming(self) -> bool:
        return self.broken_at is not None

    @property
    def networks(self) -> list[str]:
        return [str(name) for name in self.hello.facts.get(NETWORKS) or [""]]

    def send(self, message: Message) -> None:
        """Raises ChannelFull when the client has not confirmed too much: its session ends."""
        try:
            frame = self.numbers.keep(message)
        except ChannelFull:
            self._owner.overflown(self)
            raise
        if self.numbers.open:
            self.push(frame)

    def push(self, frame: Message) -> None:
        channel, frame.object = self.link.channel, self.link.connection
        try:
            channel.send(frame)
        except ChannelClosed:
            return  # kept; the loss of the line is on its way
        except ChannelFull as full:
            log.warning("to connection %d: %s", self.link.connection, full)
            self.numbers.open, self.stuck = False, True

    def state(self, network: int) -> str:
        """What either end knows of a network; the server's knowledge of a missing line is the stronger."""
        way = next((way for way in self.ways.values() if way.network == network), None)
        if way is None or (network < len(self.told) and self.told[network] == BROKEN and way.line != self.numbers.line):
            return BROKEN
        return ACTIVE if way.line == self.numbers.line and not self.resuming else ALTERNATE


class Sessions:
    """`over(link, reason)` ends every process behind a link, as its loss always did; `take(link, message)` is the router."""

    def __init__(self, seams: Seams, limit_bytes: int, take: Callable[[Link, Message], None], over: Over) -> None:
        self._seams, self._limit_bytes, self._take, self._over = seams, limit_bytes, take, over
        self._by_number: dict[int, Held] = {}
        self._by_line: dict[Line, Held] = {}

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._by_number.values()))

    # -- logon

    def open(self, link: Link, hello: Hello, door: str, address: str) -> int:
        """A client that wants a session was admitted; the number of the session."""
        number = int.from_bytes(self._seams.rng.secret(8), "little") >> 1 | 1
        held = Held(number, link, hello, self._limit_bytes, self)
        link.session = self._by_number[number] = held
        line = (link.channel, link.connection)
        self._add(held, line, hello, door, address)
        held.numbers.bind(line)
        return number

    def join(self, hello: Hello, line: Line, door: str, address: str) -> Held | Refused:
        """Another way into a session that runs: nothing changes until RESUME comes by it."""
        held = self._by_number.get(session_named(hello))
        if held is None or held.hello.kind != hello.kind or held.hello.name != hello.name:
            return Refused(code=NO_SESSION, text="the server knows no such session: it began anew, or the session's time was over")
        self._add(held, line, hello, door, address)
        return held

    def _add(self, held: Held, line: Line, hello: Hello, door: str, address: str) -> None:
        network = hello.facts.get(NETWORK)
        number = network if isinstance(network, int) else 0
        self._leave_others(held, number, held.numbers.line)
        held.ways[line] = Way(line, number, door, address)
        self._by_line[line] = held

    def _leave_others(self, held: Held, network: int, but: object) -> None:
        """A network has one line; an earlier one is broken, whether its communication process knows or not."""
        for old in [way.line for way in held.ways.values() if way.network == network and way.line != but]:
            self._cut(old, "the client came by another connection")
            del held.ways[old], self._by_line[old]

    # -- messages of lines

    def receive(self, channel: Channel, message: Message) -> None:
        """A message that a communication process passed on by its connection."""
        line = (channel, message.object)
        held = self._by_line.get(line)
        if held is None:
            log.debug("message of connection %d, which carries no session", message.object)
            return
        try:
            self._receive(held, line, message)
        except (SessionFault, msgspec.ValidationError, msgspec.DecodeError) as fault:
            log.warning("connection %d: %s", message.object, fault)
            self._cut(line, str(fault))
            self.line_gone(line, f"died: {fault}")

    def _receive(self, held: Held, line: Line, message: Message) -> None:
        if message.kind == DATA:
            inner = held.numbers.take(line, message)
            if inner is not None:
                self._hand_on(held, inner)
            if held.numbers.due:
                self._acknowledge(held, quiet=False)
        elif message.kind == Kind.RESUME:
            self._resume(held, line, unpack(Resume, message.payload))
        elif message.kind == Kind.SESSION_ACK and line == held.numbers.line:
            ack = unpack(SessionAck, message.payload)
            held.numbers.confirm(ack.received)
            held.told = ack.networks or held.told

    def _hand_on(self, held: Held, message: Message) -> None:
        """What breaks in a handler is no fault of the line."""
        try:
            self._take(held.link, message)
        except Exception as fault:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"handler of message {message.kind:#06x}", "exception": fault})

    def _resume(self, held: Held, line: Line, resume: Resume) -> None:
        """From now on this line counts; what is missing at the client goes again. Raises SessionFault."""
        if resume.session != held.number:
            raise SessionFault("RESUME of another session")
        if not held.numbers.newer(resume.turn):
            log.info("connection %d was left by its client before its RESUME came", line[1])
            return
        if held.began:
            log.info("connection %d carries on the session of connection %d", line[1], held.link.connection)
        held.began, held.broken_at, held.stuck = True, None, False
        self._forget_limit(held)
        held.link.channel, held.link.connection = line
        self._leave_others(held, held.ways[line].network, line)
        counts = held.numbers.bind(line)
        missing = held.numbers.resume(resume.received)
        self._tell(line, Kind.SESSION_ACK, SessionAck(received=counts, turn=resume.turn))
        for frame in missing:
            held.push(frame)

    def _acknowledge(self, held: Held, *, quiet: bool) -> None:
        if not held.resuming:
            line = (held.link.channel, held.link.connection)
            self._tell(line, Kind.SESSION_ACK, SessionAck(received=held.numbers.confirmation()), quiet=quiet)

    @staticmethod
    def _tell(line: Line, kind: Kind, payload: Payload, *, quiet: bool = False) -> None:
        with suppress(ChannelClosed, ChannelFull):  # the client asks again over the next line
            line[0].send(Message(kind, source=KNL_NUMBER, object=line[1], payload=pack(payload), quiet=quiet))

    def _cut(self, line: Line, reason: str) -> None:
        with suppress(ChannelClosed, ChannelFull):
            closed = LinkClosed(connection=line[1], number=0, reason=reason)
            line[0].send(Message(Kind.LINK_CLOSED, source=KNL_NUMBER, payload=pack(closed)))

    async def acknowledge_forever(self) -> None:
        """What has been taken is confirmed with the heartbeat; who is stuck begins again over another connection."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for held in self:
                if held.numbers.owed:
                    self._acknowledge(held, quiet=True)
                if held.stuck and not held.resuming:
                    self._cut((held.link.channel, held.link.connection), "a message did not pass")

    # -- ends of lines

    def line_gone(self, line: Line, reason: str) -> bool:
        """A communication process says that a connection has ended, and how. False = it carried no session."""
        held = self._by_line.pop(line, None)
        if held is None:
            return False
        held.ways.pop(line, None)
        if line == held.numbers.line:
            self._active_gone(held, reason)
        return True

    def channel_gone(self, channel: Channel) -> None:
        """A communication process is gone, however it ended: no proof of the death of its clients."""
        for line in [line for line in self._by_line if line[0] is channel]:
            self.line_gone(line, f"died: its communication process is gone ({channel.ended})")

    def _active_gone(self, held: Held, reason: str) -> None:
        """Ended in order, silent for the whole limit by its only line, or never begun: over. Else its time runs."""
        if reason.startswith("goodbye") or not held.began or (reason.startswith("silent") and not held.ways):
            self.end(held, reason)
            return
        held.numbers.bind(None)
        held.broken_at = asyncio.get_running_loop().time()
        log.info("connection %d is broken (%s): its session waits %g s", held.link.connection, reason, WATCHDOG_S)
        self._limit(held, reason, WATCHDOG_S)
        self._watch_death(held)

    def _limit(self, held: Held, reason: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        held.timer = loop.call_later(seconds, self._time_over, held, reason, loop.time() + seconds)

    def _time_over(self, held: Held, reason: str, due: float) -> None:
        """A server that was paused itself must first read what came meanwhile."""
        if asyncio.get_running_loop().time() - due > HEARTBEAT_S:
            self._limit(held, reason, HEARTBEAT_S)
        else:
            self.end(held, reason)

    def _watch_death(self, held: Held) -> None:
        """A process of this computer that is dead will not resume: proven, so it acts at once (R31)."""
        if not held.hello.pid or not held.hello.boot or held.hello.boot != computer():
            return
        try:
            held.pidfd = os.pidfd_open(held.hello.pid)
        except ProcessLookupError:
            asyncio.get_running_loop().call_soon(self.end, held, "died")
        except OSError as fault:
            log.debug("process %d cannot be watched: %s", held.hello.pid, fault)
        else:
            asyncio.get_running_loop().add_reader(held.pidfd, self.end, held, "died")

    def _forget_limit(self, held: Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        fd, held.pidfd = held.pidfd, -1
        if fd >= 0:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)

    # -- ends of sessions

    def end(self, held: Held, reason: str) -> None:
        """The session is over, and every process behind it; idempotent."""
        if self._by_number.get(held.number) is held:
            self._drop(held, reason)
            self._over(held.link, reason)

    def _drop(self, held: Held, reason: str) -> None:
        del self._by_number[held.number]
        self._forget_limit(held)
        for line in list(held.ways):
            self._by_line.pop(line, None)
            self._cut(line, reason)
        held.ways.clear()
        held.numbers.open = False

    def overflown(self, held: Held) -> None:
        """It took too little for too long; ended a little later, since whoever sends is in the middle of something."""
        asyncio.get_running_loop().call_soon(self.end, held, "died: it confirms nothing, and backlog_bytes wait for it")

    def process_ended(self, process: Process) -> None:
        """Whatever ended the process that logged on: its session is over."""
        for held in self:
            if held.link.number == process.number:
                self._drop(held, "the process has ended")

    def replace(self, process: Process | None, hello: Hello) -> None:
        """A process of that name logs on. Where the one that has it lost its connection and was of the same computer, it is dead:
        its supervisor would not start another one."""
        held = process.link.session if process is not None and process.link is not None else None
        if isinstance(held, Held) and held.resuming and hello.boot and hello.boot == held.hello.boot:
            self.end(held, "died: another process of its computer has its name")

    def dismiss(self, held: Held, reason: str) -> None:
        """Tell the client that its session ends, and end it: the client does not try to resume."""
        self._dismiss(held, reason)
        self.end(held, f"goodbye: {reason}")

    def _dismiss(self, held: Held, reason: str) -> None:
        for line in list(held.ways):
            self._tell(line, Kind.SESSION_END, SessionEnd(reason=f"goodbye: {reason}"))

    def close(self, reason: str) -> None:
        """The server ends: every client is told, so that none tries to resume."""
        for held in self:
            self._dismiss(held, reason)

    # -- what is shown

    def rows(self) -> list[tuple[Held, str, str, str | None]]:
        """(session, network, state, its communication process) of every network of every session."""
        found = []
        for held in self:
            for number, name in enumerate(held.networks):
                way = next((way for way in held.ways.values() if way.network == number), None)
                found.append((held, name, held.state(number), way.door if way else None))
        return found

    @staticmethod
    def networks_of(link: Any) -> list[dict[str, str]] | None:
        """Networks of a process with a session, for `ps`."""
        held = link.session if link is not None else None
        if not isinstance(held, Held):
            return None
        return [{"network": name, "state": held.state(number)} for number, name in enumerate(held.networks)]
