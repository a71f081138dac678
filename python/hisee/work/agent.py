"""`hisee agent`: starts allow-listed programs for the system, on any computer, and reports how they end.

Reaches the system through a communication process (or, on the same computer, the control socket). Losing that link costs
nothing: programs run on, reports wait in the journal, and the agent goes to whichever communication process it finds.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import msgspec

from hisee.channel import Channel, ChannelClosed, ChannelFull, LogonRefused, Message, PeerUnreachable, RequestFailed, Requests
from hisee.channel.carriers import NETWORK
from hisee.channel.duties import answer_soon, report_load
from hisee.channel.payloads import CpList, Failed, Hello, Job, JobNumber, Payload, pack, unpack
from hisee.channel.sessions import route_ordered
from hisee.commands import Commands
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.errors import AccessRefused, UsageError
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, run_until_stopped
from hisee.schema.errors import Err
from hisee.schema.exits import Exit
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.work.jobbook import JobBook
from hisee.work.jobs import Jobs
from hisee.work.journal import Journal
from hisee.work.programs import NotAllowed, Program, read_programs
from hisee.work.reporter import Reporter
from hisee.work.wayin import WayIn

log = logging.getLogger("hisee.work.agent")
TICK_S = TIMERS["progress"].ms / 2000
NAME_FREE_S = (TIMERS["watchdog"].ms + 2 * TIMERS["heartbeat"].ms) / 1000  # by then the system knows that a former agent is gone


class Agent:
    """One run of the program: jobs, reports and the link to the system, which comes and goes."""

    def __init__(self, name: str, node: str, programs: dict[str, Program], state: Path, way: WayIn, seams: Seams,
                 stop: asyncio.Event) -> None:
        self._name, self._node, self._programs, self._way, self._seams, self._stop = name, node, programs, way, seams, stop
        journal = Journal(state / "journal")
        if journal.damaged:
            log.error("%d damaged records in %s; it is kept aside, what they told of is lost", journal.damaged, state / "journal")
        self._journal = journal
        self._book = JobBook(journal, seams.clock)
        self._book.rewrite()
        self._reporter = Reporter(self._book, self._ask, seams.rng)
        self.jobs = Jobs(self._book, programs, state, seams.clock, output_bytes=limits()["job_output_bytes"],
                         changed=self._reporter.changed, loop=asyncio.get_running_loop())
        self._channel: Channel | None = None
        self._requests: Requests | None = None
        self._number = 0
        self._lost: asyncio.Event = asyncio.Event()
        self._commands = Commands("AGENT", stop.set, {"ROUTE": lambda words: route_ordered(self._channel, words)}, status=self._facts)
        self._handlers: dict[int, Callable[[Message], None]] = {
            Kind.JOB_START: self._job_start, Kind.JOB_STOP: self._job_stop, Kind.CP_LIST: self._cp_list, Kind.STOP: self._system_ends,
            Kind.COMMAND: lambda message: answer_soon(message, self._commands, self), Kind.ECHO: lambda m: self._reply(m, m.payload),
        }

    # -- life

    async def serve(self, ready: Callable[[], None]) -> int:
        """Until `stop`; the exit code. A first logon that is refused for good ends it, later ones are tried again."""
        self.jobs.resume()
        ticking = asyncio.get_running_loop().create_task(self._tick_forever())
        try:
            return await self._connect_again_and_again(ready)
        finally:
            ticking.cancel()
            await self._reporter.close()
            if self._channel is not None:
                self._channel.close("the agent ends")
            self.jobs.close()
            self._journal.close()

    async def _connect_again_and_again(self, ready: Callable[[], None]) -> int:
        began_ns, before = self._seams.clock.monotonic_ns(), False
        while not self._stop.is_set():
            try:
                channel = await asyncio.to_thread(self._way.enter, self._hello())
            except PeerUnreachable as fault:
                log.info("%s", fault)
            except LogonRefused as refused:
                log.warning("refused: %s", refused)
                waited_s = (self._seams.clock.monotonic_ns() - began_ns) / 1e9
                if not before and (refused.refusal != "NAME_IN_USE" or waited_s > NAME_FREE_S):
                    raise
            else:
                await self._connected(channel, ready if not before else lambda: None)
                before = True
            await self._pause(self._way.doors.back_off_s())
        return Exit.OK

    async def _connected(self, channel: Channel, ready: Callable[[], None]) -> None:
        """Work over this link until it or the agent ends."""
        assert channel.welcome is not None
        loop = asyncio.get_running_loop()
        self._channel, self._number, self._requests, self._lost = channel, channel.welcome.number, Requests(channel), asyncio.Event()
        channel.attach(loop, self._receive, self._on_lost)
        report_load(channel, self._number, counters=self._counters)
        log.info("connected as %s through %s, carrier %s", channel.welcome.name, channel.peer and channel.peer.address, channel.carrier)
        self._reporter.connected(True)
        ready()
        await self._first(self._lost.wait(), self._stop.wait())
        self._reporter.connected(False)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _first(self, *waits: Any) -> None:
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.jobs.tick()

    def _on_lost(self, reason: str) -> None:
        log.warning("the link is gone: %s", reason)
        assert self._requests is not None
        self._requests.abort(reason)
        self._lost.set()

    def _hello(self) -> Hello:
        return Hello(kind="AGENT", name=self._name, node=self._node, pid=os.getpid(),
                     incarnation=int.from_bytes(self._seams.rng.secret(8), "little") >> 1,
                     facts={"host": socket.gethostname(), "programs": sorted(self._programs)})

    # -- messages

    def send(self, message: Message) -> None:
        """Raises ChannelClosed, ChannelFull."""
        if self._channel is None:
            raise ChannelClosed("not connected")
        self._channel.send(message)

    async def _ask(self, message: Message, timeout_s: float) -> Message:
        if self._requests is None or self._lost.is_set():
            raise RequestFailed(Err.ERR_TRANS_ABORT, text="not connected")
        message.source = self._number
        return await self._requests.ask(message, timeout_s)

    def _receive(self, message: Message) -> None:
        if message.kind in (Kind.REPLY, Kind.FAILED):
            assert self._requests is not None
            self._requests.settle(message)
            return
        handler = self._handlers.get(message.kind)
        if handler is not None:
            handler(message)
        elif message.wants_answer:
            self._fail(message, Err.ERR_NOT_SUPPORTED, "an agent knows no such message")

    def _reply(self, request: Message, payload: Payload | bytes) -> None:
        data = payload if isinstance(payload, bytes) else pack(payload)
        self._answer(Message(kind=Kind.REPLY, lane=request.lane, source=self._number, target=request.source, corr=request.corr,
                             payload=data))

    def _fail(self, request: Message, error: int, text: str) -> None:
        self._answer(Message(kind=Kind.FAILED, lane=request.lane, source=self._number, target=request.source, corr=request.corr,
                             payload=pack(Failed(error=error, text=text))))

    def _answer(self, message: Message) -> None:
        try:
            self.send(message)
        except (ChannelClosed, ChannelFull) as fault:  # whoever asked asks again
            log.info("answer not sent: %s", fault)

    def _job_start(self, message: Message) -> None:
        try:
            self._reply(message, self.jobs.start(unpack(Job, message.payload)))
        except (msgspec.ValidationError, msgspec.DecodeError) as fault:
            self._fail(message, Err.ERR_TYPE_MISMATCH, f"JOB_START cannot be read: {fault}")
        except NotAllowed as refusal:
            log.warning("%s", refusal)
            self._fail(message, Err.ERR_NO_ACCESS, str(refusal))

    def _job_stop(self, message: Message) -> None:
        try:
            self._reply(message, self.jobs.stop(unpack(JobNumber, message.payload).job))
        except (msgspec.ValidationError, msgspec.DecodeError) as fault:
            self._fail(message, Err.ERR_TYPE_MISMATCH, f"JOB_STOP cannot be read: {fault}")

    def _cp_list(self, message: Message) -> None:
        self._way.doors.learn(unpack(CpList, message.payload).rows)

    def _system_ends(self, message: Message) -> None:
        """The agent of this very computer goes with the system; one elsewhere waits for its return."""
        if self._channel is not None and self._channel.carrier not in NETWORK:
            self._stop.set()

    def _facts(self) -> dict[str, Any]:
        return {"jobs": self.jobs.running, "unreported": self._unreported(), "programs": sorted(self._programs)}

    def _unreported(self) -> int:
        return sum(len(entry.waiting) for entry in self._book)

    def _counters(self) -> dict[str, int]:
        return {"jobs": self.jobs.running, "unreported": self._unreported(), "repeated": self._reporter.repeated}


def main(parameters: StartParameters) -> int:
    """Run until SIGTERM, SIGINT or STOP. Programs run on. Raises UsageError, AccessRefused, CannotConnect."""
    if parameters.programs is None:
        raise UsageError("an agent needs its allow-list", hint="--programs programs.toml")
    programs = read_programs(parameters.programs)
    data = DataDir(parameters.data, Seams()) if parameters.data is not None else None
    name = parameters.name or parameters.node or "AGENT"
    state = state_folder(parameters.state, data, name)
    with locked(state):
        named_log(data.log_dir if data is not None and parameters.state is None else state, name)
        way = WayIn.find(parameters, data, state, Seams())
        return run_until_stopped(lambda stop: _serve(parameters, name, programs, state, way, stop))


async def _serve(parameters: StartParameters, name: str, programs: dict[str, Program], state: Path, way: WayIn, stop: asyncio.Event) -> int:
    agent = Agent(name, parameters.node, programs, state, way, Seams(), stop)
    return await agent.serve(lambda: announce_ready(parameters.ready_fd, f"agent {name}"))


def state_folder(wanted: Path | None, data: DataDir | None, name: str) -> Path:
    """--state, else agents/NAME in the data directory."""
    if wanted is None and data is None:
        raise UsageError("an agent needs a folder for its state", hint="--state DIR, or --data DIR on the computer of the system")
    folder = (wanted if wanted is not None else data.path / "agents" / name if data is not None else Path()).resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(state: Path) -> Any:
    """Two agents with one journal would report everything twice. Raises AccessRefused."""
    file: TextIO
    with open(state / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AccessRefused(f"state folder {state} is in use by another agent", hint="give another one with --state") from None
        yield
