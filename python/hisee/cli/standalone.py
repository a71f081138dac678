"""`hisee run`: one script in this process, with the same server, engine and lane code as a system, over memory carriers.

This is the only place besides the launcher that puts all process kinds together.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from hisee._core.values import decode, encode
from hisee.channel import Channel, Message
from hisee.channel.payloads import Failed, Hello, LogWrite, pack
from hisee.cli.run import data_lane
from hisee.datadir import DataDir
from hisee.esl.session import UNKNOWN
from hisee.model import Application, load_application
from hisee.model.store import Store
from hisee.schema.actions import ActionId
from hisee.schema.errors import Err
from hisee.schema.exits import Exit
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.script.evh import Evh
from hisee.script.instance import Instance, Item
from hisee.seams import Seams
from hisee.server.eventlog import one_line
from hisee.server.knl import Knl
from hisee.server.registry import KNL_NUMBER
from hisee.values import UNCHANGED

NODE = "RUN"
ECHO_S = TIMERS["api_request"].ms / 1000
BARE_APPLICATION = 'name = "run"\n[nodes.RUN]\nprocesses = [{kind = "server"}]\n'


@dataclass(frozen=True, kw_only=True)
class Run:
    """What to run. `data` None = a directory of its own that is gone afterwards."""

    name: str
    compile: Callable[[Any], bytes | None]  # gets the names of the objects; None = it does not compile, and said so
    application: Application | None
    data: Path | None = None
    timeout_s: float | None = None
    limits: dict[str, int] = field(default_factory=dict)


class Output:
    """LOG and LOGEX lines on standard output, nothing else."""

    def write(self, entry: LogWrite, process: str) -> None:
        click.echo(one_line(entry.text))

    def close(self) -> None:
        sys.stdout.flush()


class RunHost(Evh):
    """An engine with one script, whose end is the end of the run, and the events that it starts."""

    def __init__(self, server: Channel, seams: Seams) -> None:
        super().__init__(server, seams)
        self.trouble: list[str] = []

    def ended(self, instance: Instance, reason: str) -> None:
        if instance.event:
            super().ended(instance, reason)
            return
        self.trouble.append(reason.removeprefix(f"{instance.object} [L] "))
        self.stop.set()

    def script_failed(self, instance: Instance, failure: Any) -> None:
        text = f"line {failure.line}: unhandled {failure.name}" + (f": {failure.text}" if failure.text else "")
        if instance.event:
            click.echo(f"{instance.object} {text}", err=True)
        else:
            self.trouble.append(text)

    def external_failed(self, instance: Instance, text: str, line: int) -> None:
        """Told by the error, if the script does not catch it; standard output is the script's."""

    def script_idle(self, instance: Instance) -> None:
        if not instance.event:
            self.stop.set()


class InputHost(RunHost):
    """A host whose one instance keeps its last results for whoever waits."""

    def __init__(self, server: Channel, seams: Seams) -> None:
        super().__init__(server, seams)
        self.results: list[Any] = []

    def script_idle(self, instance: Instance) -> None:
        if not self.trouble:
            self.results = decode(instance.script.results())
        super().script_idle(instance)


def run_alone(wanted: Run) -> int:
    """Run to the end; errors on standard error, the exit code as documented."""
    logging.getLogger("hisee.script").addHandler(logging.NullHandler())  # how a script ended is told once, by `trouble`
    return asyncio.run(_run(wanted))


async def _run(wanted: Run) -> int:
    async def script(knl: Knl, store: Store, seams: Seams, limits: dict[str, int]) -> int:
        return await _script(wanted, knl, store, seams, limits)

    return await _with_store(wanted.application, wanted.data, wanted.name, wanted.limits, script)


class World:
    """The small system for one input after the other: what `hisee repl` needs of it."""

    def __init__(self, knl: Knl, store: Store, seams: Seams, limits: dict[str, int]) -> None:
        self._knl, self._seams, self._limits = knl, seams, limits
        self.directory = store.directory()

    async def call(self, code: bytes, values: list[Any], timeout_s: float) -> tuple[list[Any], list[str]]:
        """Run the last procedure of a unit with these values for its first parameters; all parameters afterwards, or what went wrong."""
        host = await self._host()
        try:
            unit = host.engine.load(code)
            self._start(host, unit, values)
            try:
                await asyncio.wait_for(host.stop.wait(), timeout_s)
            except TimeoutError:
                host.trouble.append(f"still running after {timeout_s:g} s")
            return host.results, host.trouble
        finally:
            for number in list(host.engine.instances):
                host.engine.stop(number, "the input ended")
            host.engine.shut()
            host.server.close("the input ended")

    async def _host(self) -> InputHost:
        host = InputHost(await self._knl.connect(Hello(kind="SES", name="RUN")), self._seams)
        host.attach(asyncio.get_running_loop())
        return host

    def _start(self, host: InputHost, unit: Any, values: list[Any]) -> None:
        console = self._knl.core.registry.named("RUN.HIP")
        assert console is not None
        objects = [number for _, number, *_ in unit.objects]
        process = self._knl.host_script(host.number, "repl", objects)
        host.engine.values(self._knl.values.snapshot(objects))
        instance = host.engine.start(number=process.number, name=process.name, object="repl", part=1, unit=unit, console=console.number,
                                     limits=self._limits, variables=[])
        last = len(unit.procedures) - 1
        rest = len(unit.procedures[last].parameters) - len(values)
        instance.put(Item(last, encode([*(UNCHANGED if v is UNKNOWN else v for v in values), *([UNCHANGED] * rest)]), "input"))


async def in_world(application: Application | None, data: Path | None, name: str, body: Callable[[World], Awaitable[None]]) -> None:
    """Make the small system, let `body` use it, take it down."""
    async def inside(knl: Knl, store: Store, seams: Seams, limits: dict[str, int]) -> int:
        await body(World(knl, store, seams, limits))
        return Exit.OK

    await _with_store(application, data, name, {}, inside)


Body = Callable[[Knl, Store, Seams, dict[str, int]], Awaitable[int]]


async def _with_store(application: Application | None, where: Path | None, name: str, limits: dict[str, int], body: Body) -> int:
    with tempfile.TemporaryDirectory(prefix="hisee-run-") as own:
        data = DataDir(where or own)
        data.path.mkdir(parents=True, exist_ok=True)
        with data.lock(f"hisee run {name}"):
            store = Store.open(data.path)  # never that of a group: a script that is tried out changes no other computer's configuration
            try:
                store.import_application(application or _bare(Path(own)), take="folder")
                return await _in_system(limits, store, data, body)
            finally:
                store.close()


def _bare(folder: Path) -> Application:
    root = folder / "application"
    root.mkdir(exist_ok=True)
    (root / "app.toml").write_text(BARE_APPLICATION)
    return load_application(root)


async def _in_system(own_limits: dict[str, int], store: Store, data: DataDir, body: Body) -> int:
    limits = {**store.system().limits, **own_limits}
    stopped = asyncio.Event()
    knl = Knl(store, data.seams, node=NODE, system=store.system().name, limits=limits, event_log=Output(), stop=stopped.set)
    knl.start(asyncio.get_running_loop())
    try:
        await _console(knl)
        close_lane = await _database(knl, store, data)
        try:
            return await body(knl, store, data.seams, limits)
        finally:
            close_lane()
    finally:
        knl.close()


async def _script(wanted: Run, knl: Knl, store: Store, seams: Seams, limits: dict[str, int]) -> int:
    code = wanted.compile(store.directory())
    if code is None:
        return Exit.FINDINGS
    host = await _host(knl, seams)
    unit = host.engine.load(code)
    objects = [number for _, number, *_ in unit.objects]
    console = knl.core.registry.named("RUN.HIP")
    assert console is not None
    process = knl.host_script(host.number, wanted.name, objects)
    host.engine.values(knl.values.snapshot(objects))
    script = host.engine.start(number=process.number, name=process.name, object=wanted.name, part=1, unit=unit, console=console.number,
                               limits=limits, variables=[])
    try:
        await asyncio.wait_for(_ended(knl, host), wanted.timeout_s)
    except TimeoutError:
        line = script.waiting.line if script.waiting else script.script.line
        host.trouble.append(f"line {line}: still running after --timeout {wanted.timeout_s:g} s")
        host.engine.stop(script.number, "time-out")
    host.engine.shut()
    host.server.close("the run ended")
    for text in host.trouble:
        click.echo(f"{wanted.name} {text}", err=True)
    return Exit.FINDINGS if host.trouble else Exit.OK


async def _host(knl: Knl, seams: Seams) -> RunHost:
    """It runs every event that is asked for, and none by itself."""
    knl.scripts.active = False
    host = RunHost(await knl.connect(Hello(kind="EVH", name="RUN")), seams)
    host.attach(asyncio.get_running_loop())
    knl.scripts.only = knl.core.registry.get(host.number)
    knl.scripts.active = True
    return host


async def _ended(knl: Knl, host: RunHost) -> None:
    """The script, and the trigger events that it started."""
    await host.stop.wait()
    request = Message(kind=Kind.ECHO, lane=Lane.SCRIPT, source=host.number, target=KNL_NUMBER, wants_answer=True)
    await host.requests.ask(request, ECHO_S)  # behind the last EVENT
    while any(not run.stays for run in knl.scripts.runs.values()):
        await asyncio.sleep(0.002)


async def _console(knl: Knl) -> None:
    """Whoever stands where an operator would: MESSAGE is printed, graphical objects do not exist."""
    channel = await knl.connect(Hello(kind="HIP", name="RUN"))

    def take(message: Message) -> None:
        number, *operands = decode(message.payload)
        if number == ActionId.MESSAGE:
            click.echo(one_line(str(operands[0])))
        elif message.wants_answer:
            failed = Failed(error=Err.ERR_NOT_IN_PICTURE, text="no picture is open in `hisee run`")
            channel.send(Message(kind=Kind.FAILED, lane=message.lane, source=message.target, target=message.source, corr=message.corr,
                                 payload=pack(failed)))

    channel.attach(asyncio.get_running_loop(), take, lambda reason: None)
    console = knl.core.registry.named("RUN.HIP")
    assert console is not None and console.link is not None
    console.link.channel.send = take  # type: ignore[method-assign]  # at once, so that its lines keep their place among those of LOG


async def _database(knl: Knl, store: Store, data: DataDir) -> Any:
    """One lane for all databases of the application, made at the first request."""
    facts = store.dbm_facts()
    if not facts.get("databases"):
        return lambda: None
    channel = await knl.connect(Hello(kind="DBM", name="RUN", facts={"databases": list(facts["databases"])}))
    lane = data_lane(facts, data.path, data.seams, lambda part: store.read(part).data)
    channel.attach(asyncio.get_running_loop(), lambda message: _serve(lane, channel, message), lambda reason: None)
    return lane.close


def _serve(lane: Any, channel: Channel, message: Message) -> None:
    answer = lane.answer(message)
    if answer is not None:
        channel.send(answer)
