"""Placement transparency (R133): a script that uses nothing of its picture does the same in the local and in the remote part.

The conformance scripts run through the real engine host, once as part 1 and once as part 2, with an outside that answers what a
server would; what they did, what came out and how they ended is compared. Some run again through real processes.
"""

from __future__ import annotations

import asyncio
import re
import selectors
import shutil
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from esl.directory import ENTRIES, event, picture, plain
from esl.host import as_text
from esl.scripts import expectations, files
from hisee._core.values import Record, decode
from hisee.channel import Message
from hisee.channel.payloads import Failed, LogWrite, SetAck, pack, unpack
from hisee.config import limits
from hisee.esl import compile_source
from hisee.profile import Recorder
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script.engine import Engine
from hisee.script.instance import Instance
from hisee.seams import Seams
from hisee.server.object_rows import RowChange, RowsRefused, change_rows
from hisee.values import Stamped
from support.system import RunningSystem, running, until

APP = Path(__file__).parent / "app"
OBJECT = re.compile(r"\b(U|SV|SD|DBT|WS1|E)\.")
CONTEXTS = {"script": plain, "picture": picture, "event": event}
OF_ITS_PICTURE = re.compile(r"%HI_|CALL \[\]|CALL \[E\.Counter\]|_FROM_HIP|_selected|_title|_BtnGo|_Lbl")
DIRECTORY = re.compile(r"%Obj|%HbjOf|LST_CREATE|%X\.")  # what asks the server for the list of its objects, or a foreign library
NUMBER, END_S = 77, 1e6  # seconds of jumping time
UNKNOWN = 11  # reason: there is no such object


class Still:
    """A clock that stands, so that times are the same in every run."""

    def now_ms(self) -> int:
        return 1_795_420_800_000

    def monotonic_ns(self) -> int:
        return 1


class Same:
    """Random numbers that are the same in every run."""

    def below(self, limit: int) -> int:
        return 7 % limit

    def bytes(self, count: int) -> bytes:
        return bytes(count)


class Recording:
    """The outside of an engine: keeps what leaves it, owns the objects, answers what a server would."""

    def __init__(self) -> None:
        self.engine = Engine(self, Seams(clock=Still(), rng=Same()), Recorder())  # type: ignore[arg-type]
        self.trace: list[Any] = []
        self.over = asyncio.Event()
        for entry in ENTRIES:
            if entry.rows:
                self.engine.cells.define(entry.hbj, "RECORD", entry.rows, [kind.upper() for _, kind in entry.columns])
            elif entry.value_type:
                self.engine.cells.define(entry.hbj, entry.value_type)
        self.engine.cells.limits(101, 0, 10, 90, 100)  # U.Count

    def send(self, message: Message) -> None:
        if message.kind == Kind.LOG_WRITE:
            line = unpack(LogWrite, message.payload)
            self.trace.append(("log", line.text, line.priority, line.line))
            return
        values = decode(message.payload) if message.lane != Lane.CONTROL else message.payload
        self.trace.append((Kind(message.kind).name, message.lane, message.target, [plain_value(v) for v in values]))
        if message.kind == Kind.SET:
            self._store(message, *values)
        elif message.kind == Kind.OBJECT_ROWS:
            self._change_rows(message, *values)

    def _store(self, message: Message, target: Any, value: Any, flags: int = 0) -> None:
        """KNL: the value first, the acknowledgement behind it."""
        answer = SetAck(up_to=message.corr)
        if target.object in self.engine.cells:
            given = value if isinstance(value, Stamped) else Stamped(value)
            time_ms = Still().now_ms() if given.time_ms is None else given.time_ms
            self.engine.cells.set(target, given.value, time_ms, given.weak, flags=flags)
            self.engine.values(self.engine.cells.changes([target]))
        else:
            answer = SetAck(up_to=message.corr, failed=message.corr, error=Err.ERR_TRANS_ERROR, extended=UNKNOWN)
        self._answer(message, Kind.SET_ACK, pack(answer), 0)

    def _change_rows(self, message: Message, target: Any, *change: Any) -> None:
        try:
            change_rows(self.engine.cells, RowChange.of(target, *change), Still().now_ms())
        except RowsRefused as refused:
            failed = Failed(error=refused.error, extended=refused.extended, text=str(refused))
            self._answer(message, Kind.FAILED, pack(failed), message.corr)
        else:
            self.engine.values(self.engine.cells.changes([target]))
            self._answer(message, Kind.REPLY, b"", message.corr)

    def _answer(self, message: Message, kind: Kind, payload: bytes, corr: int) -> None:
        answer = Message(kind=kind, lane=message.lane, source=1, target=message.source, corr=corr, payload=payload)
        asyncio.get_running_loop().call_soon(self.engine.deliver, answer)

    near = None

    def far(self, message: Message) -> bool:
        return False

    def ended(self, instance: Instance, reason: str) -> None:
        self.trace.append(("ended", reason.replace("[L]", "[]").replace("[R]", "[]")))
        self.over.set()

    def script_failed(self, instance: Instance, failure: Any) -> None:
        self.trace.append(("failed", failure.name, failure.number, failure.line, failure.text))

    def script_idle(self, instance: Instance) -> None:
        self.over.set()


def plain_value(value: Any) -> Any:
    """A value as something that compares and shows what differs."""
    return (type(value).__name__, value.columns if isinstance(value, Record) else as_text(value))


class Jumping(selectors.DefaultSelector):
    """Waits for nothing: time jumps to the next timer, so that a DELAY of an hour takes no time."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += max(0.0, timeout or 0.0)
        return super().select(0)


def without_waiting(work: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    selector = Jumping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now_s  # type: ignore[method-assign]
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def run_as(part: int, unit: bytes) -> list[Any]:
    """Everything that the init part of the unit did as that part of an object."""
    async def body() -> list[Any]:
        outside = Recording()
        outside.engine.start(number=NUMBER, name="WS1_1.HIS" if part == 1 else "WS1_2.SEE", object="S.Test", part=part,
                             unit=outside.engine.load(unit), console=301, limits=dict(limits()), variables=[])
        await asyncio.wait_for(outside.over.wait(), END_S)
        outside.engine.stop(NUMBER)
        return outside.trace

    return without_waiting(body())


def scripts() -> list[Path]:
    """Those that use nothing of their picture, call no event that only the host of the other tests has, and need no list of objects and no
    foreign library (tests/proc/test_external_system.py calls one from either part)."""
    return [path for path in files("language") + files("samples")
            if not OF_ITS_PICTURE.search(path.read_text()) and not DIRECTORY.search(path.read_text())]


@pytest.mark.req("R133")
@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.stem)
def test_a_script_does_the_same_in_either_part(path: Path) -> None:
    text = path.read_text()
    wanted = expectations(text)
    done = [compile_source(text, name="S.Test", context=CONTEXTS[wanted.kind](), part=part) for part in (1, 2)]
    assert all(d.ok for d in done)
    local, remote = (run_as(part, d.unit) for part, d in zip((1, 2), done, strict=True))
    assert local == remote
    assert [entry[1] for entry in local if entry[0] == "log"] == expected(path)
    if wanted.failure is not None:
        assert [entry[1] for entry in local if entry[0] == "failed"] == [wanted.failure[0]]


def expected(path: Path) -> list[str]:
    """The lines that the script logs itself; `follow` and `leave` are of the host of the other tests."""
    return [line for line in expectations(path.read_text()).lines if not line.startswith(("follow ", "leave "))]


def test_most_of_the_conformance_scripts_take_part() -> None:
    assert len(scripts()) >= 20


# -- through real processes


def alone() -> list[Path]:
    """Scripts that name no object of a system and run to their end: both parts may run them at the same time."""
    return [path for path in scripts() if not OBJECT.search(path.read_text()) and expectations(path.read_text()).failure is None
            and expectations(path.read_text()).kind == "script" and "DELAY" not in path.read_text()]


@pytest.fixture(scope="module")
def system_of_scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The proving application with one picture for each script, which is its local and its remote part."""
    folder = tmp_path_factory.mktemp("placement")
    app = shutil.copytree(APP, folder / "app", ignore=shutil.ignore_patterns(".hisee"))
    for path in alone():
        target = app / f"pictures/S.{path.stem}"
        target.mkdir()
        (target / "picture.toml").write_text("server_script = true\n")
        (target / "picture.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>\n')
        for part in ("local.esl", "remote.esl"):
            (target / part).write_text(path.read_text())
    with running(app, folder / "data") as system:
        yield system


@pytest.mark.boot
@pytest.mark.req("R133", "R39")
def test_real_processes_run_the_scripts_alike(system_of_scripts: RunningSystem) -> None:
    chosen = alone()
    assert len(chosen) >= 5
    with system_of_scripts.connect() as client:
        opened = [client.console("WS1").open(f"S.{path.stem}") for path in chosen]
        for picture_opened in opened:
            picture_opened.settle(20)
        for path in chosen:
            until(lambda path=path: lines(system_of_scripts, path, "R") == expected(path), f"the remote part of {path.stem}")
            assert lines(system_of_scripts, path, "L") == expected(path)
        for picture_opened in opened:
            picture_opened.close()


def lines(system: RunningSystem, path: Path, part: str) -> list[str]:
    """What that part of the picture logged."""
    mark = re.compile(rf" S\.{path.stem}\[{part}\](?::\d+)? (.*)$")
    return [found[1] for line in system.log("events.log").split("\n") if (found := mark.search(line))]
