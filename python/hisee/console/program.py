"""`hisee hip /SSRV1 /WWS1`: the console process. Logs on, keeps one warm HIS host, serves the page, recovers from losses."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from functools import partial

from hisee.channel import Channel, LinkShape, LogonRefused, Message, RequestFailed, dial_unix
from hisee.channel.duties import MessageTrace, answer_soon, report_load
from hisee.channel.networks import split
from hisee.channel.payloads import Command, ConsoleAdd, Hello, HisHostStart, Payload, SettleGet, Welcome, pack, unpack
from hisee.channel.sessions import dial_session, route_ordered
from hisee.channel.trace import Trace
from hisee.commands import Commands
from hisee.config import limits
from hisee.console import commands
from hisee.console.api import Ask
from hisee.console.bindings import Replica
from hisee.console.console import Console
from hisee.console.hishost import HisHostProcess, start_his_host
from hisee.console.link import ChannelLink
from hisee.console.opened import Link, Part
from hisee.console.way import Way, way_to_server
from hisee.console.web import Page
from hisee.datadir import DataDir
from hisee.errors import CannotConnect, HiseeError, UsageError
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


def main(parameters: StartParameters) -> int:
    """Returns the exit code; raises HiseeError when the first logon or the port fails."""
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


class Hip:
    """One hip process: consoles by number, one server link, one HIS host, one page server."""

    def __init__(self, parameters: StartParameters, data: DataDir, names: list[str]) -> None:
        self._data, self._names, self._seams = data, names, data.seams
        self._node = parameters.node or names[0]
        self._way = way_to_server(parameters.server, self._node, run_facts(data), data.control_socket)
        self._secret = data.secret()
        self.page = open_page(self._seams, parameters.web_port or 0, self._ask_server)
        self.consoles: list[Console] = []
        self._by_number: dict[int, Console] = {}
        self._replica = Replica()
        self._server: ChannelLink | None = None
        self._host: HisHostProcess | None = None
        self._numbers: list[int] = []
        self._full_names: list[str] = []
        self._limits = limits()
        self._lost = asyncio.Event()
        self._stop = asyncio.Event()
        self._commands: Commands | None = None  # made with each link: the trace is of this one

    # -- life

    async def serve(self, stop: asyncio.Event, ready_fd: int | None) -> int:
        self._stop = stop
        await self.page.start()
        try:
            await self._log_on()
            self._host = await self._start_host()
            self._make_consoles()
            announce_ready(ready_fd, f"hip web={self.page.url}")
            pinging = asyncio.get_running_loop().create_task(self._ping_forever())
            await self._watch()
            pinging.cancel()
        finally:
            await self._end()
        return 0

    async def _watch(self) -> None:
        """Until the stop: whatever is lost is made anew and the objects open again."""
        while not self._stop.is_set():
            await _first(self._stop, self._lost)
            while self._lost.is_set() and not self._stop.is_set():
                self._lost.clear()
                try:
                    await self._recover()
                except (HiseeError, OSError) as error:
                    log.warning("not recovered: %s", error)
                    self._lost.set()
                    await _first(self._stop, timeout_s=RETRY_S)

    async def _recover(self) -> None:
        if self._host is not None:
            await self._host.end()
            self._host = None
        if self._server is None:
            await self._log_on()
            self._replica.reset()
        self._host = await self._start_host()
        self._by_number = dict(zip(self._numbers, self.consoles, strict=True))
        for console, number in zip(self.consoles, self._numbers, strict=True):
            assert self._server is not None
            await console.reopen(self._host.link, self._server, number)

    async def _end(self) -> None:
        await self.page.close()
        if self._host is not None:
            await self._host.end()
        if self._server is not None:
            self._server.close("the console ends")

    # -- logon

    async def _log_on(self) -> None:
        """Log on, then add the further consoles; raises CannotConnect or AccessRefused."""
        channel = await asyncio.to_thread(dial, self._way, self._hello(), self._secret, self._seams, self._data)
        welcome = channel.welcome
        assert welcome is not None
        self._limits = {**self._limits, **welcome.limits}
        self._server = ChannelLink(channel, self._from_server, self._server_lost, Trace(self._seams.clock))
        self._server.attach(asyncio.get_running_loop())
        report_load(channel, welcome.number)
        self._commands = Commands("HIP", self._stop.set, {"ROUTE": self._route}, status=lambda: {"consoles": self._full_names},
                                  trace=MessageTrace(channel).switch)
        self._numbers, self._full_names = [welcome.number], [welcome.name]
        try:
            for name in self._names[1:]:
                await self._add(name, welcome.number)
        except RequestFailed as failed:
            self._server.close("a console was refused")
            self._server = None
            raise LogonRefused("CONSOLE", failed.text) from failed

    def _route(self, words: list[str]) -> str:
        """The HIS host takes the same way."""
        told = route_ordered(self._server.channel if self._server is not None else None, words)
        if self._host is not None:
            self._host.link.send(Message(kind=Kind.COMMAND, payload=pack(Command(command=f"ROUTE {words[0]}"))))
        return told

    def _hello(self) -> Hello:
        facts = {"host": socket.gethostname(), "address": self.page.url, "consoles": len(self._names)}
        return Hello(kind="HIP", name=self._names[0], node=self._node, pid=os.getpid(), facts=facts)

    async def _add(self, name: str, source: int) -> None:
        assert self._server is not None
        request = Message(kind=Kind.CONSOLE_ADD, source=source, target=KNL, payload=pack(ConsoleAdd(name=name, node=self._node)))
        welcome = unpack(Welcome, (await self._server.ask(request, REQUEST_S)).payload)
        self._numbers.append(welcome.number)
        self._full_names.append(welcome.name)

    async def _start_host(self) -> HisHostProcess:
        way = self._way
        secure = any(to_dial(self._data, split(door)[0]) is not None for doors in way.networks for door in doors)
        start = HisHostStart(secret=self._secret, workstation=self._names[0], node=self._node, console=self._numbers[0],
                             server_path=str(way.path or ""), networks=way.networks, link=way.link,
                             limits=self._limits, tls=str(certificates(self._data).folder) if secure else "")
        return await start_his_host(start, self._data.log_dir / f"{self._names[0]}.HIS.log", self._seams, self._from_host, self._host_lost)

    def _make_consoles(self) -> None:
        assert self._host is not None and self._server is not None
        for name, number in zip(self._full_names, self._numbers, strict=True):
            console = Console(name, number, self._host.link, self._server, self._seams, replica=self._replica, limits=self._limits)
            self.consoles.append(console)
            self._by_number[number] = console
            self.page.add(console)

    # -- messages

    def _from_server(self, message: Message) -> None:
        link, console = self._server, self._by_number.get(message.target)
        if message.kind == Kind.VALUES:
            self._replica.apply(message.payload)
        elif message.kind == Kind.STOP:
            self._stop.set()
        elif message.kind == Kind.COMMAND and link is not None and self._commands is not None:
            answer_soon(message, self._commands, link)
        elif link is None or message.kind == Kind.PEER_LOST:
            pass
        elif message.kind == Kind.ECHO:
            link.send(Message(kind=Kind.REPLY, lane=message.lane, source=message.target, target=message.source, corr=message.corr,
                              payload=message.payload))
        elif console is None:
            log.info("message of kind %#06x for nobody here (%d)", message.kind, message.target)
        elif message.kind == Kind.CONSOLE:
            console.soon(commands.serve(console, message, link, self.page.url))
        else:
            console.take(message, link)

    def _from_host(self, message: Message) -> None:
        if self._host is None:
            return
        console = self._by_number.get(message.target)
        for taker in [console] if console is not None else self.consoles:
            taker.take(message, self._host.link)

    async def _ask_server(self, kind: Kind, payload: Payload, target: int, lane: int) -> bytes:
        """A question of the JSON API; raises RequestFailed, also while there is no server."""
        if self._server is None:
            raise RequestFailed(Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, "the server is lost; the console tries to reach it")
        message = Message(kind=kind, lane=lane, source=self._numbers[0], target=target, payload=pack(payload))
        return (await self._server.ask(message, REQUEST_S)).payload

    # -- losses

    def _server_lost(self, reason: str) -> None:
        log.warning("the server is lost: %s", reason)
        self._server = None
        for console in self.consoles:
            console.server_lost()
            console.local_lost()
        self._lost.set()

    def _host_lost(self, reason: str) -> None:
        log.warning("the HIS host is lost: %s", reason)
        for console in self.consoles:
            console.local_lost()
        self._lost.set()

    # -- latency for the status chip

    async def _ping_forever(self) -> None:
        """While pages look: round trips to the HIS host and to a remote part."""
        while True:
            await asyncio.sleep(to_grid(PING_S, asyncio.get_running_loop().time()))
            for console in self.consoles:
                if console.listeners and self._host is not None and self._server is not None:
                    see = next((o.see for o in console.opened.values() if o.remote is Part.UP), 0)
                    console.latency_ms["L"] = await self._ping(self._host.link, console.number, 0)
                    console.latency_ms["R"] = await self._ping(self._server, console.number, see) if see else None
                    console.tell_pages()

    async def _ping(self, link: Link, source: int, target: int) -> float | None:
        request = Message(kind=Kind.SETTLE_GET, lane=Lane.CONTROL, source=source, target=target, payload=pack(SettleGet(opened=target)))
        before = self._seams.clock.monotonic_ns()
        try:
            await link.ask(request, PING_S)
        except RequestFailed:
            return None
        return round((self._seams.clock.monotonic_ns() - before) / 1e6, 2)


def dial(way: Way, hello: Hello, secret: bytes, seams: Seams, data: DataDir) -> Channel:
    """Blocks until the logon ended; raises CannotConnect or AccessRefused. `data` holds the certificates, if there are any."""
    if way.path is not None:
        return dial_unix(way.path, hello, secret, seams=seams, limits=limits())
    shape = LinkShape(**way.link) if way.link else None  # type: ignore[arg-type]
    return dial_session(way.networks, hello, secret, seams=seams, limits=limits(), link=shape, tls=partial(to_dial, data))


async def _first(*events: asyncio.Event, timeout_s: float | None = None) -> None:
    """Until one of the events is set, or the time is over."""
    waits = [asyncio.get_running_loop().create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
