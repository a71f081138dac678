"""`hisee hip /SSRV1 /WWS1`: the console process. Logs on, keeps one warm HIS host, serves the page, recovers from losses.

As a client of a group it follows the hot server and keeps a second session at a standby one, from which it shows values meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from functools import partial

from hisee.background import Background
from hisee.channel import Channel, LogonRefused, Message, RequestFailed
from hisee.channel.duties import MessageTrace, answer_soon
from hisee.channel.group import LOGON, STAYS, WARM
from hisee.channel.networks import split
from hisee.channel.payloads import (
    Command,
    ConsoleAdd,
    Failed,
    Hello,
    HisHostStart,
    Payload,
    SettleGet,
    Subscribe,
    Welcome,
    pack,
    unpack,
)
from hisee.channel.plan import plan_of
from hisee.channel.sessions import route_ordered
from hisee.channel.way import WANTED, Member, dial
from hisee.commands import Commands
from hisee.config import limits
from hisee.console import commands
from hisee.console.api import Ask
from hisee.console.bindings import Replica
from hisee.console.console import Console
from hisee.console.hishost import HisHostProcess, start_his_host
from hisee.console.link import ChannelLink
from hisee.console.opened import Link, Part
from hisee.console.servers import Servers, Session
from hisee.console.web import Page
from hisee.datadir import DataDir
from hisee.errors import AccessRefused, CannotConnect, HiseeError, UsageError
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, run_until_stopped, to_grid
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.tls import certificates, to_dial

log = logging.getLogger("hisee.console")
KNL = 1
REQUEST_S = TIMERS["api_request"].ms / 1000
RETRY_S = TIMERS["restart_delay"].ms / 1000
PING_S = TIMERS["stall"].ms / 1000
FIRST_NS = TIMERS["ready"].ms * 250_000  # a console of a group is ready without a server after this time, and goes on looking
SERVED = (Kind.COMMAND, Kind.ECHO, Kind.PEER_LOST)  # the process answers or ignores them itself
DOUBT_S = TIMERS["in_doubt"].ms / 5000


def main(parameters: StartParameters) -> int:
    """Returns the exit code; raises HiseeError when the first logon or the port fails, or the one server of a group's /S console ends."""
    data = DataDir(parameters.data or ".", Seams())
    names = list(parameters.names) or [parameters.node]
    if not names[0]:
        raise UsageError("a console needs a name", hint="/WWS1")
    named_log(data.log_dir, f"{names[0]}.HIP")
    hip = Hip(parameters, data, names)
    return run_until_stopped(lambda stop: hip.serve(stop, parameters.ready_fd))


def open_page(seams: Seams, port: int, ask: Ask) -> Page:
    try:
        return Page(seams.rng, port, ask)
    except OSError as error:
        raise CannotConnect(f"port {port} for the operator's page is taken ({error.strerror})",
                            hint="--web-port 0 takes any free one") from error


def run_facts(data: DataDir) -> dict[str, object]:
    try:
        return data.read_run()
    except CannotConnect:
        return {}


class Nobody:
    """The link of a console that has none yet."""

    def send(self, message: Message) -> bool:
        log.info("message of kind %#06x not sent: no server is known", message.kind)
        return False

    async def ask(self, message: Message, timeout_s: float) -> Message:
        raise RequestFailed(Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, "no server is known; the console tries to reach one")

    def reshape(self, shape: object) -> bool:
        return False

    def crossed(self, about: set[int], since_ns: int) -> list[dict[str, object]]:
        return []


class Hip:
    """One hip process: consoles by number, sessions with servers, one HIS host, one page server."""

    def __init__(self, parameters: StartParameters, data: DataDir, names: list[str]) -> None:
        self._data, self._names, self._seams = data, names, data.seams
        self._node = parameters.node or names[0]
        plan = plan_of(parameters, self._node, run_facts(data), data.control_socket, self._seams.rng)
        self._secret = data.secret()
        self.servers = Servers(plan, self._dial, self, self._seams.clock)
        self.page = open_page(self._seams, parameters.web_port or 0, self._ask_server)
        self.consoles: list[Console] = []
        self._by_number: dict[int, Console] = {}
        self._replica = Replica()
        self._host: HisHostProcess | None = None
        self._entered: Session | None = None  # the one whose numbers the consoles have
        self._home: object = None  # of the objects that are opened now
        self._viewed: tuple[Session, list[int]] | None = None  # what a standby server tells us
        self._numbers: list[int] = []
        self._full_names: list[str] = []
        self._limits = limits()
        self._settled = False  # everything is open at the hot server
        self._lost = asyncio.Event()
        self._stop = asyncio.Event()
        self._failure: HiseeError | None = None
        self._background = Background(log)
        self._commands: Commands | None = None  # made with each main session: the trace is of this one

    # -- life

    async def serve(self, stop: asyncio.Event, ready_fd: int | None) -> int:
        self._stop = stop
        await self.page.start()
        try:
            await self._begin()
            announce_ready(ready_fd, f"hip web={self.page.url}")
            for work in (self._ping_forever(), self.servers.keep_warm(), self._doubt_forever()):
                self._background.spawn(work)
            await self._watch()
        finally:
            await self._end()
        if self._failure is not None:
            raise self._failure
        return 0

    async def _begin(self) -> None:
        """The first logon. Without a hot server a group's console begins too, and says so; one of a single server does not."""
        clock, plan = self._seams.clock, self.servers.plan
        deadline_ns = clock.monotonic_ns() + FIRST_NS
        while not self._stop.is_set():
            try:
                await self._first_logon()
                break
            except AccessRefused:
                raise
            except HiseeError as error:
                if plan.single and self.servers.warm is None:
                    raise
                if plan.single or clock.monotonic_ns() > deadline_ns:
                    log.warning("the console begins without a hot server: %s", error)
                    break
            await _first(self._stop, self.servers.news, timeout_s=self.servers.again_s)
        self._make_consoles()

    async def _first_logon(self) -> None:
        session = await self.servers.find()
        await self._enter(session)
        await self._have_host(session)

    async def _watch(self) -> None:
        """Until the stop: whatever is lost is made anew and the objects open again."""
        said = ""
        while not self._stop.is_set():
            await _first(self._stop, self._lost)
            while self._lost.is_set() and not self._stop.is_set():
                self._lost.clear()
                try:
                    await self._recover()
                except (HiseeError, OSError) as error:
                    log.log(logging.DEBUG if str(error) == said else logging.WARNING, "not recovered: %s", error)
                    said = str(error)
                    self._lost.set()
                    await _first(self._stop, self.servers.news, timeout_s=RETRY_S if self.servers.plan.single else self.servers.again_s)

    async def _recover(self) -> None:
        session = await self.servers.find()
        await self._enter(session)
        host = await self._have_host(session)
        for console, number in zip(self.consoles, self._numbers, strict=True):
            await console.reopen(host.link, session.link, number, self._home)
        self._settled = not self._lost.is_set()
        self._end_view()
        log.info("everything is open at %s", session.node)

    async def _end(self) -> None:
        self._background.cancel()
        await self.page.close()
        if self._host is not None:
            await self._host.end()
        self.servers.close("the console ends")

    # -- logon

    def _dial(self, member: Member) -> Channel:
        """In a thread. A client of one server waits for it as long as anybody would."""
        timers = {} if self.servers.plan.single else LOGON
        return dial(member.way, self._hello(member), self._secret, self._seams, partial(to_dial, self._data), timers=timers)

    def _hello(self, member: Member) -> Hello:
        here = {STAYS: True} if self.servers.plan.single else {WARM: True}
        facts = {"host": socket.gethostname(), "address": self.page.url, "consoles": len(self._names), **here, **member.facts}
        return Hello(kind="HIP", name=self._names[0], node=self._node, pid=os.getpid(), facts=facts)

    async def _enter(self, session: Session) -> None:
        """Be at home at a hot server: with the further consoles too. Raises RequestFailed, LogonRefused."""
        if self._entered is session:
            return
        if not session.state.group:
            self._replica.reset()
        self._limits = {**self._limits, **session.welcome.limits}
        self._commands = Commands("HIP", self._stop.set, {"ROUTE": self._route}, status=lambda: {"consoles": self._full_names},
                                  trace=MessageTrace(session.link.channel).switch)
        numbers, names = [session.number], [session.welcome.name]
        try:
            for name in self._names[1:]:
                added = await self._add(session, name)
                numbers.append(added.number)
                names.append(added.name)
        except RequestFailed as failed:
            session.link.close("a console was refused")
            self.servers.lost(session, "a console was refused")
            raise LogonRefused("CONSOLE", failed.text) from failed
        self._numbers, self._full_names, self._entered = numbers, names, session
        self._by_number = dict(zip(numbers, self.consoles, strict=False))  # at the first logon there are none yet

    async def _add(self, session: Session, name: str) -> Welcome:
        request = Message(kind=Kind.CONSOLE_ADD, source=session.number, target=KNL, payload=pack(ConsoleAdd(name=name, node=self._node)))
        return unpack(Welcome, (await session.link.ask(request, REQUEST_S)).payload)

    def _route(self, words: list[str]) -> str:
        """The HIS host takes the same way."""
        main = self.servers.main
        told = route_ordered(main.link.channel if main is not None else None, words)
        if self._host is not None:
            self._host.link.send(Message(kind=Kind.COMMAND, payload=pack(Command(command=f"ROUTE {words[0]}"))))
        return told

    # -- the HIS host

    async def _have_host(self, session: Session) -> HisHostProcess:
        """One that is logged on where the console is. In a group it is sent there, and what runs in it goes on."""
        host = self._host
        if host is not None and host.session is session:
            return host
        if host is not None and session.state.group and not host.lost:
            try:
                await host.move(self._host_start(session), session)
            except RequestFailed as failed:
                if not host.lost and failed.error != Err.ERR_TIMEOUT:
                    raise  # there is no way to that server now: what runs in it is worth another attempt
                log.warning("the HIS host does not come along: %s", failed)
            else:
                self._home = object()
                return host
        return await self._new_host(session)

    async def _new_host(self, session: Session) -> HisHostProcess:
        if self._host is not None:
            await self._host.end()
            self._host = None
            for console in self.consoles:
                console.local_lost()
        log_file = self._data.log_dir / f"{self._names[0]}.HIS.log"
        self._host = await start_his_host(self._host_start(session), log_file, self._seams, self._from_host, self._host_lost, session)
        self._home = object()
        return self._host

    def _host_start(self, session: Session) -> HisHostStart:
        way, networks = session.member.way, self._proven(session)
        secure = any(to_dial(self._data, split(door)[0]) is not None for doors in way.networks for door in doors)
        return HisHostStart(secret=self._secret, workstation=self._names[0], node=self._node, console=session.number,
                            server_path=str(way.path or ""), networks=networks, link=way.link, limits=self._limits,
                            tls=str(certificates(self._data).folder) if secure else "", wanted=session.member.facts.get(WANTED, ""),
                            follows=bool(session.state.group), stays=self.servers.plan.single)

    @staticmethod
    def _proven(session: Session) -> list[list[str]]:
        """Doors of the server for the HIS host. In a group time counts: of the network in use that one which this process came in by;
        the server tells the others."""
        peer, networks = session.link.channel.peer, session.member.way.networks
        door = peer.address if peer is not None and session.state.group else ""
        return [[door] if door in doors else doors for doors in networks]

    def _make_consoles(self) -> None:
        """With numbers of the hot server, or none while there is none."""
        session, host = self.servers.main, self._host
        known = session is not None and host is not None and self._entered is session
        names = self._full_names if known else [f"{name}.HIP" for name in self._names]
        for name, number in zip(names, self._numbers if known else [0] * len(names), strict=True):
            local, server = (host.link, session.link) if host is not None and session is not None and known else (Nobody(), Nobody())
            console = Console(name, number, local, server, self._seams, replica=self._replica, limits=self._limits)
            console.home, console.connected = self._home, known
            self.consoles.append(console)
            self.page.add(console)
        if known:
            self._by_number, self._settled = dict(zip(self._numbers, self.consoles, strict=True)), True
        else:
            self._lost.set()

    # -- messages

    def from_main(self, session: Session, message: Message) -> None:
        link, console = session.link, self._by_number.get(message.target)
        if session is not self._entered:  # a moment ago it was the second one
            self.from_warm(session, message)
        elif message.kind == Kind.VALUES:
            self._replica.apply(message.payload)
        elif message.kind == Kind.STOP:
            self._stop_ordered(session)
        elif not self._served(message, link) and console is None:
            log.info("message of kind %#06x for nobody here (%d)", message.kind, message.target)
            self._refuse(message, link, Ext.PROCESS_NOT_RUNNING, f"number {message.target} is no console here, or not yet")
        elif console is not None and message.kind == Kind.CONSOLE:
            console.soon(commands.serve(console, message, link, self.page.url))
        elif console is not None and message.kind not in SERVED:
            console.take(message, link)

    def _stop_ordered(self, session: Session) -> None:
        """A server of a group ends in order: its console looks for another one; that of a single server ends with it."""
        if self.servers.plan.single:
            self._stop.set()
        else:
            session.link.close("the server ends")
            self.servers.lost(session, "the server ends")

    def from_warm(self, session: Session, message: Message) -> None:
        """Views only: values, and the questions of programs at that server. It owns no object."""
        if message.kind == Kind.VALUES:
            if self._viewed is not None and self._viewed[0] is session:
                self._replica.apply(message.payload)
        elif message.kind == Kind.STOP:
            self._stop_ordered(session)
        elif message.kind == Kind.CONSOLE and self.consoles:
            self.consoles[0].soon(commands.serve(self.consoles[0], message, session.link, self.page.url))
        elif not self._served(message, session.link):
            self._refuse(message, session.link, Ext.STANDBY, f"{session.node} is no hot server: the console is there for views only")

    @staticmethod
    def _refuse(message: Message, link: ChannelLink, extended: int, text: str) -> None:
        """Who asks gets an answer, whatever it was."""
        if message.wants_answer:
            failed = Failed(error=Err.ERR_TRANS_IGNORED, extended=extended, text=text)
            link.send(Message(kind=Kind.FAILED, lane=message.lane, source=message.target, target=message.source, corr=message.corr,
                              payload=pack(failed)))

    def _served(self, message: Message, link: ChannelLink) -> bool:
        """What the process itself answers, over either session."""
        if message.kind == Kind.COMMAND and self._commands is not None:
            answer_soon(message, self._commands, link)
        elif message.kind == Kind.ECHO:
            link.send(Message(kind=Kind.REPLY, lane=message.lane, source=message.target, target=message.source, corr=message.corr,
                              payload=message.payload))
        return message.kind in SERVED

    def _from_host(self, message: Message) -> None:
        host = self._host
        if host is None:
            return
        if message.kind == Kind.HIS_CUT:
            host.session = None
            self._lost.set()
            return
        console = self._by_number.get(message.target)
        for taker in [console] if console is not None else self.consoles:
            taker.take(message, host.link)

    async def _ask_server(self, kind: Kind, payload: Payload, target: int, lane: int) -> bytes:
        """A question of the JSON API, to the hot server or else to the standby one; raises RequestFailed, also while there is none."""
        session = self.servers.main or self.servers.warm
        if session is None:
            raise RequestFailed(Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, "the server is lost; the console tries to reach it")
        message = Message(kind=kind, lane=lane, source=session.number, target=target, payload=pack(payload))
        return (await session.link.ask(message, REQUEST_S)).payload

    # -- losses

    def main_gone(self, session: Session, reason: str) -> None:
        log.warning("the server is lost: %s", reason)
        self._settled, self._home = False, object()
        if self._ends_with(session, reason):
            return
        for console in self.consoles:
            if not session.state.group:
                console.local_lost()
            console.server_lost(viewing=self.servers.warm is not None)
        if not session.state.group and self._host is not None:
            self._host.lost, self._host.session = True, None
        self._lost.set()
        self.servers.news.set()  # whoever waits before the next attempt makes it at once
        self._views()

    def _ends_with(self, session: Session, reason: str) -> bool:
        """The console of one server of a group ends with that, since nobody would expect it to come back as the same (R76)."""
        ends = self.servers.plan.single and bool(session.state.group) and self.servers.warm is not session
        if ends:
            self._failure = CannotConnect(f"server {session.node} has ended ({reason}), and this console stays with one server",
                                          hint=f"/RF{session.state.group} follows the hot server of the group")
            self._stop.set()
        return ends

    def warm_changed(self) -> None:
        """The second session began or ended."""
        if self._viewed is not None and self.servers.warm is not self._viewed[0]:
            self._viewed = None
        self._views()

    def _host_lost(self, reason: str) -> None:
        log.warning("the HIS host is lost: %s", reason)
        if self._host is not None:
            self._host.lost, self._host.session = True, None
        for console in self.consoles:
            console.local_lost()
        self._lost.set()

    # -- views from the standby server

    async def _doubt_forever(self) -> None:
        """A session that is silent or broken is not lost yet; what is shown does not wait for that."""
        while not self.servers.plan.single:
            await asyncio.sleep(DOUBT_S)
            self._views()

    def _views(self) -> None:
        """Where values come from: of the standby server too, as soon as the hot one is quiet; a little later the consoles say so."""
        main, warm = self.servers.main, self.servers.warm
        if main is not None and not self._settled:
            return  # objects are opening there
        quiet = main is None or main.quiet
        if quiet and warm is not None and self._viewed is None:
            self._viewed = (warm, sorted(set().union(*(console.shown_objects for console in self.consoles))))
            self._background.spawn(self._view(*self._viewed))
        elif not quiet:
            self._end_view()
        for console in self.consoles:
            console.view(self._viewed is not None and (main is None or main.in_doubt))

    async def _view(self, warm: Session, objects: list[int]) -> None:
        request = Message(kind=Kind.SUBSCRIBE, lane=Lane.SCRIPT, source=warm.number, target=KNL, payload=pack(Subscribe(objects=objects)))
        try:
            answer = await warm.link.ask(request, REQUEST_S)
        except RequestFailed as failed:
            log.warning("no values from %s: %s", warm.node, failed)
            if self._viewed == (warm, objects):
                self._viewed = None  # the next look asks again
                for console in self.consoles:
                    console.view(False)
            return
        self._replica.apply(answer.payload)
        log.info("%d values come from %s", len(objects), warm.node)

    def _end_view(self) -> None:
        """The hot server has what is shown."""
        viewed, self._viewed = self._viewed, None
        if viewed is not None:
            session, objects = viewed
            session.link.send(Message(kind=Kind.UNSUBSCRIBE, lane=Lane.SCRIPT, source=session.number, target=KNL,
                                      payload=pack(Subscribe(objects=objects))))
        for console in self.consoles:
            console.view(False)

    # -- latency for the status chip

    async def _ping_forever(self) -> None:
        """While pages look: round trips to the HIS host and to a remote part."""
        while True:
            await asyncio.sleep(to_grid(PING_S, asyncio.get_running_loop().time()))
            for console in self.consoles:
                main = self.servers.main
                if console.listeners and self._host is not None and main is not None:
                    see = next((o.see for o in console.opened.values() if o.remote is Part.UP), 0)
                    console.latency_ms["L"] = await self._ping(self._host.link, console.number, 0)
                    console.latency_ms["R"] = await self._ping(main.link, console.number, see) if see else None
                    console.tell_pages()

    async def _ping(self, link: Link, source: int, target: int) -> float | None:
        request = Message(kind=Kind.SETTLE_GET, lane=Lane.CONTROL, source=source, target=target, payload=pack(SettleGet(opened=target)))
        before = self._seams.clock.monotonic_ns()
        try:
            await link.ask(request, PING_S)
        except RequestFailed:
            return None
        return round((self._seams.clock.monotonic_ns() - before) / 1e6, 2)


async def _first(*events: asyncio.Event, timeout_s: float | None = None) -> None:
    """Until one of the events is set, or the time is over."""
    waits = [asyncio.get_running_loop().create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
