"""A host for one script, in a few lines: it logs into a list, owns the objects, and answers what a console would.

It follows docs/design/action-payloads.md and nothing else, so it is a second reading of that page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hisee._core.cells import CellTable
from hisee._core.values import UNCHANGED, Invalid, Record, Ref, Stamped, Time, decode, encode, real_text
from hisee._core.vm import Script, Status, Unit
from hisee.channel.payloads import CallChain
from hisee.esl.context import FROM_HIP_NUMBER
from hisee.external import ExternalError, Library
from hisee.schema import actions, picture_functions
from hisee.script.functions import Functions, Site
from hisee.script.functions.registry import Raised
from hisee.script.object_lists import create_list, destroy_list, go_list
from hisee.server.object_rows import RowChange, RowsRefused, change_rows

from .directory import ENTRIES, REFS, VARIABLES

NAMES = {row.number: row.name for row in (*actions.ROWS, *picture_functions.ROWS)}
MOST_SLICES = 1000


class Endless(AssertionError):
    """A script of a test ran for MOST_SLICES slices."""


def known_objects() -> list[dict[str, Any]]:
    """Objects of the directory as a server tells of them."""
    numbers = {e.name: e.hbj for e in ENTRIES}
    kinds = {"user": "user_variable", "structure": "structure_definition", "structured": "structured_variable"}
    return [{"hbj": e.hbj, "name": e.name, "kind": kinds.get(e.kind, e.kind), "rows": e.rows, "columns": [list(c) for c in e.columns],
             "parent": numbers.get(e.structure, 0)} for e in ENTRIES]


class World:
    """Time stands still, so that results are the same every time."""

    time_ms = 1_795_420_800_000

    def now_ms(self) -> int:
        return self.time_ms

    def tick_ms(self) -> float:
        return 0.0

    def random(self) -> int:
        return 7


def as_text(value: Any) -> str:
    """A value in a log line."""
    value = value.value if isinstance(value, Stamped) else value
    if isinstance(value, Invalid):
        return "?"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return real_text(value)
    return str(int(value)) if isinstance(value, Time) else str(value)


def in_20(value: Any) -> str:
    """The value of a LOG: a text is cut, a number is rounded."""
    text = as_text(value)
    return text[:20] if len(text) <= 20 or not isinstance(value, float) else f"{value:.12g}"


def native(unit: bytes, *given: Any) -> Script:
    """The machine of this computer; tests/wasm has another one."""
    return Script(Unit(unit), *given)


class Host:
    """`log` lines, `sent` actions (name, values), `failure`. `answers` are given to actions by name, in order."""

    def __init__(self, unit: bytes, answers: dict[str, list[list[Any]]] | None = None, site: Site | None = None,
                 world: World | None = None, machine: Callable[..., Any] = native) -> None:
        self.log: list[str] = []
        self.sent: list[tuple[str, list[Any]]] = []
        self.answers = answers or {}
        self.refused: dict[int, int] = {}
        self.pending_error = 0
        self.cells = CellTable()
        self._define_objects()
        self.variables = CellTable()
        for i, (_, kind) in enumerate(VARIABLES):
            self.variables.define(i + 1, kind)
        self.variables.define(FROM_HIP_NUMBER, "INT")
        self.variables.set(FROM_HIP_NUMBER, 301)
        self.properties: dict[tuple[int, str], Any] = {(number, "Text"): name for name, number in REFS.items()}
        self.name, self.object, self.number, self.console = "WS1.HIS", "S.Test", 401, 301
        self.database_error = (0, "")
        self.script = machine(unit, self.cells, self.variables, None, world or World())
        self.libraries: dict[str, Library] = {}
        self.functions = Functions(site or Site(objects=known_objects), self)

    def _define_objects(self) -> None:
        for entry in ENTRIES:
            if entry.rows:
                self.cells.define(entry.hbj, "RECORD", entry.rows, [kind.upper() for _, kind in entry.columns])
            elif entry.value_type:
                self.cells.define(entry.hbj, entry.value_type)
        self.cells.limits(101, 0, 10, 90, 100)  # U.Count

    def chain(self) -> CallChain:
        return CallChain(self.name, self.object, self.number, list(self.script.chain))

    def init(self) -> Status:
        self.script.start_init()
        return self.run()

    def call(self, name: str, *values: Any) -> list[Any]:
        """Run a procedure by name; the values of its parameters afterwards."""
        index = [p.name for p in self.script.unit.procedures].index(name)
        self.script.start(index, encode(list(values)))
        status = self.run()
        assert status == Status.DONE, self.script.failure
        return decode(self.script.results())

    def run(self) -> Status:
        try:
            return self._run()
        finally:
            for library in self.libraries.values():
                library.close()

    def _run(self) -> Status:
        for _ in range(MOST_SLICES):
            status = self.script.run(1000)
            if status == Status.ACTION:
                self._act()
            elif status != Status.SLICE:
                return status
        raise Endless("the script does not end")

    def _act(self) -> None:
        pending = self.script.pending
        name, values = NAMES[pending.number], decode(pending.payload)
        if name in ("FUNCTION", "EXTERNAL"):
            self._function(*values) if name == "FUNCTION" else self._external(*values)
            return
        self.sent.append((name, values))
        if name in self.answers and self.answers[name]:
            self.script.complete(encode(self.answers[name].pop(0)))
            return
        method = getattr(self, "do_" + name.lower(), None)
        if method is None:
            assert name.startswith("%HI_"), f"nobody answers {name}"
            self._picture(name[4:], values)
            return
        reply = method(*values)
        if reply is not None:
            self.script.complete(encode(reply) if pending.waits else b"")

    def _external(self, name: str, path: str, declaration: str, function: str, seconds: Any, *arguments: Any) -> None:
        """By the real library, in its process."""
        bad = next((value for value in arguments if isinstance(value, Invalid)), None)
        if path not in self.libraries:
            self.libraries[path] = Library(path)
        try:
            call = self.libraries[path].call
            self.script.complete(encode([bad if bad is not None else call(function, *arguments, declaration=declaration)]))
        except ExternalError as error:
            self.script.fail(32, 0, f"%{name}: {error}")

    def _function(self, number: int, *arguments: Any) -> None:
        """Those that wait are waited for."""
        try:
            self.script.complete(encode([self.functions.call(number, arguments)]))
        except Raised as error:
            self.script.fail(error.error, 0, error.text)

    def _picture(self, name: str, values: list[Any]) -> None:
        key = (values[0] if values else 0, name[3:])
        if name in ("TimerEnable", "SetTimerPeriod", "ClosePicture"):
            self.script.complete()
        elif name.startswith("Set"):
            self.properties[key] = values[1] if len(values) == 2 else values[1:]
            self.script.complete()
        elif key in self.properties:
            self.script.complete(encode([self.properties[key]]))
        else:
            self.script.fail(13)

    # one method per action: its values in, its reply out (None = already ended)
    def do_set(self, target: Ref, value: Any, time: Any, weak: bool, flags: int = 0) -> list[Any]:
        if target.object in self.refused or target.object not in self.cells:
            self.pending_error = self.refused.get(target.object, 11)
        else:
            when = World.time_ms if isinstance(time, Invalid) else int(time)
            self.cells.set(target, value, when, bool(weak), flags=flags)
        return []

    def do_object_rows(self, target: Ref, operation: int, first: int, count: int, *rows: Record) -> list[Any] | None:
        try:
            change_rows(self.cells, RowChange.of(target, operation, first, count, *rows), World.time_ms)
        except RowsRefused as refused:
            self.script.fail(refused.error, refused.extended, str(refused))
            return None
        return []

    def do_lst_create(self, *operands: Any) -> list[Any] | None:
        return self._list(lambda: create_list(self.functions, *operands))

    def do_lst_go(self, *operands: Any) -> list[Any] | None:
        return self._list(lambda: go_list(self.functions, *operands))

    def do_lst_destroy(self, handle: int) -> list[Any] | None:
        return self._list(lambda: destroy_list(self.functions, handle))

    def _list(self, how: Callable[[], list[Any]]) -> list[Any] | None:
        try:
            return how()
        except Raised as error:
            self.script.fail(error.error, 0, error.text)
            return None

    def do_pvar_write(self, variable: int, value: Any) -> list[Any]:
        return []

    def do_wait(self) -> list[Any] | None:
        if self.pending_error:
            self.script.fail(11, self.pending_error)
            self.pending_error = 0
            return None
        return []

    def do_delay(self, seconds: Any) -> list[Any] | None:
        if isinstance(seconds, Invalid) or seconds < 0:
            self.script.fail(2)
            return None
        return []

    def do_log(self, flags: int, label: Any, priority: int, value: Any) -> list[Any] | None:
        if not 0 <= priority <= 5:
            self.script.fail(4)
            return None
        self.log.append(as_text(label)[:200] + (f" {in_20(value)}" if flags & 1 else ""))
        return []

    def do_logex(self, flags: int, text: Any, priority: int) -> list[Any]:
        self.log.append(as_text(text)[:200])
        return []

    def do_message(self, text: Any, console: Ref) -> list[Any]:
        self.log.append(f"message to {console.object}: {as_text(text)}")
        return []

    def do_query(self, text: Any, single: bool, console: Ref, seconds: Any) -> list[Any]:
        self.log.append(f"question: {as_text(text)}")
        return [1]

    def do_on_change(self, target: Ref, procedure: int, on: bool) -> list[Any]:
        place = f" {target.row}/{target.column}" if target.row or target.column else ""
        self.log.append(f"{'follow' if on else 'leave'} {target.object} {self.script.unit.procedures[procedure].name}{place}")
        return []

    def do_call_object(self, flags: int, target: Ref, procedure: str, interface: str, process: Ref, instance: Any, priority: Any,
                       modes: str, *arguments: Any) -> list[Any] | None:
        name = f"{interface}^{procedure}" if interface else procedure
        self.log.append(f"call {target.object} {name} flags {flags} on {process.object} {given(instance)} prty {as_text(priority)} {modes}")
        if flags & 8:
            self.script.complete(encode([77, 0]))
            return None
        return self.do_call_other(flags, procedure, modes, *arguments[1:])

    def do_event(self, flags: int, target: Ref, names: str, modes: str, priority: Any, *values: Any) -> list[Any]:
        self.log.append(f"event {target.object} {names} {modes} prty {as_text(priority)}{' durable' if flags & 2 else ''}")
        return [] if flags & 1 else [doubled(v) for v, m in zip(values, modes, strict=True) if m == "="]

    def do_openevent(self, flags: int, target: Ref, process: Ref, instance: Any) -> list[Any]:
        self.log.append(f"open {target.object} flags {flags} on {process.object} {given(instance)}")
        return []

    def do_close(self, flags: int, target: Ref, process: Ref, instance: Any) -> list[Any]:
        self.log.append(f"close {target.object} flags {flags} on {process.object} {given(instance)}")
        return []

    def do_command(self, text: str, process: Ref, instance: Any) -> list[Any]:
        self.log.append(f"command {text} on {process.object} {given(instance)}")
        return [12]

    def do_getaccess(self, name: str, public: bool, note: Any) -> list[Any]:
        self.log.append(f"access {name} {as_text(public)} {as_text(note)}")
        return [False, "somebody"]

    def do_releaseaccess(self, name: str, public: bool) -> list[Any]:
        self.log.append(f"release {name} {as_text(public)}")
        return []

    def do_call_other(self, flags: int, procedure: str, modes: str, *arguments: Any) -> list[Any] | None:
        """The other part of these tests doubles every number it may change."""
        if flags & 1:
            return []
        if procedure == "Fails":
            same = {"O": 3, "=": 1}
            return [3, *(UNCHANGED for m in modes for _ in range(same.get(m, 0)))]
        linking = procedure == "Link"
        return [0, *(back for a, m in zip(arguments, modes, strict=True) for back in self._back(m, a, linking))]

    def _back(self, sign: str, argument: Any, linking: bool) -> list[Any]:
        """What comes back for an argument: of an object a new link, or its value, doubled too."""
        if sign != "O":
            return [doubled(argument)] if sign == "=" else []
        number = getattr(self.cells.get(argument), "value", None) if argument.object else None
        if linking:
            return [Ref(103), UNCHANGED, UNCHANGED]
        return [UNCHANGED, True, number * 2] if type(number) in (int, float) else [UNCHANGED] * 3


def given(value: Any) -> int:
    """A number that may be left out: -1."""
    return -1 if isinstance(value, Invalid) else int(value)


def doubled(value: Any) -> Any:
    value = value.value if isinstance(value, Stamped) else value
    if isinstance(value, (Record, Invalid, Ref, bool, str)):
        return value
    return value * 2


