"""What a script meets outside itself: objects with their values, and whoever carries out its actions. Keeps the trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .values import UNDEFINED, EslError, Value, convert, invalid

NOW_MS = 1_795_420_800_000  # time stands still for these scripts
NO_ALIAS, RANGE_ERROR, RECORD_NO_COMP, NOT_FOUND = 3, 4, 5, 8
KINDS = {"BOOL": "B", "INT": "I", "REAL": "R", "TIME": "M", "TEXT": "T", "OBJECT": "O"}


@dataclass(frozen=True)
class Ref:
    """An object by number, a row of it (0 = whole) or an item (column from 1)."""

    object: int = 0
    row: int = 0
    column: int = 0


@dataclass
class Columns:
    """A structure definition."""

    name: str
    columns: list[tuple[str, str]]  # folded name, kind

    def position(self, folded: str) -> int:
        return [name for name, _ in self.columns].index(folded)

    def values(self) -> Columns:
        """Of a NOALIAS record: Object columns are values of any type."""
        return Columns(self.name, [(name, "?" if kind == "O" else kind) for name, kind in self.columns])

    def fresh_row(self) -> list[Any]:
        return [Ref() if kind == "O" else invalid(kind, UNDEFINED) for _, kind in self.columns]


@dataclass
class World:
    """`objects`: number -> kind and value, or rows. Time stands still. `trace`: actions in order, (name, operands)."""

    entries: Iterable[Any]
    trace: list[tuple[str, list[Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_name = {entry.name.lower(): entry for entry in self.entries}
        self.by_number = {entry.hbj: entry for entry in self.entries}
        self.values: dict[Ref, Value] = {}
        self.stamps: dict[Ref, tuple[Value, bool]] = {}

    def structure(self, name: str) -> Columns:
        entry = self.by_name[name.lower()]
        return Columns(entry.name, [(column.lower(), KINDS[kind.upper()]) for column, kind in entry.columns])

    def kind(self, ref: Ref) -> str:
        """Kind of the value at a reference; errors of aliases, numbers and rows."""
        if not ref.object:
            raise EslError(NO_ALIAS)
        entry = self.by_number.get(ref.object)
        if entry is None or not (entry.value_type or entry.rows):
            raise EslError(NOT_FOUND)
        if ref.row and not 1 <= ref.row <= max(1, entry.rows):
            raise EslError(RANGE_ERROR)
        return KINDS[entry.columns[ref.column - 1][1].upper()] if ref.column else KINDS[entry.value_type.upper()]

    def read(self, ref: Ref) -> Value:
        """An Object item of an object is worth what it refers to."""
        kind = self.kind(ref)
        if kind == "O":
            return self.read(self.link(ref))
        return self.values.get(ref) or invalid(kind, UNDEFINED)

    def held(self, ref: Ref) -> Any:
        """The value of a cell, or the link of an Object item."""
        return self.link(ref) if self.kind(ref) == "O" else self.read(ref)

    def rows(self, ref: Ref) -> int:
        if not ref.object:
            raise EslError(NO_ALIAS)
        entry = self.by_number.get(ref.object)
        if entry is None:
            raise EslError(NOT_FOUND)
        return int(entry.rows)

    def columns(self, ref: Ref) -> list[tuple[str, str]]:
        """Folded names and kinds."""
        if not ref.object:
            raise EslError(NO_ALIAS)
        entry = self.by_number.get(ref.object)
        return [(name.lower(), KINDS[kind.upper()]) for name, kind in entry.columns] if entry else []

    def link(self, ref: Ref) -> Ref:
        """What an item of type Object refers to: nothing, in these scripts."""
        self.kind(ref)
        return Ref()

    def stamp(self, ref: Ref) -> tuple[Value, bool]:
        """Time and Weak of an object's value."""
        self.kind(ref)
        return self.stamps.get(ref, (invalid("M", UNDEFINED), False))

    def act(self, name: str, *operands: Any) -> None:
        """Carry out an action. What an operand forbids is an error of the script (action table)."""
        self.trace.append((name, list(operands)))
        method = getattr(self, "do_" + name.lower(), None)
        if method is not None:
            method(*operands)

    def do_set(self, ref: Ref, value: Value, time: Value, weak: Value) -> None:
        """A request: what becomes of it is seen at WAIT. One to an object that does not exist changes nothing."""
        if ref.object in self.by_number:
            self.values[ref] = convert(value, self.kind(ref))
            self.stamps[ref] = (time if time.valid else Value("M", NOW_MS), bool(weak.data))

    def do_log(self, flags: Value, label: Value, priority: Value, value: Value) -> None:
        check_priority(priority)

    def do_logex(self, flags: Value, text: Value, priority: Value) -> None:
        check_priority(priority)

    def do_delay(self, seconds: Value) -> None:
        if not seconds.valid or seconds.data < 0:
            raise EslError(2)


def check_priority(priority: Value) -> None:
    if not priority.valid:
        raise EslError(2)
    if not 0 <= priority.data <= 5:
        raise EslError(RANGE_ERROR)
