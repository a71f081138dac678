"""Python forms of script values, as the value codec and the cell tables give and take them. Pure data.

BOOL, INT, REAL and TEXT are bool, int, float and str; the classes here are what Python has no type for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple


class Type(IntEnum):
    """Types of values; the numbers stand in units and on the wire."""

    NONE = 0
    BOOL = 1
    INT = 2
    REAL = 3
    TIME = 4
    TEXT = 5
    RECORD = 6
    OBJECT = 7
    ANY = 8


class Reason(IntEnum):
    """Why a value is invalid; others up to 15 may occur."""

    UNDEFINED = 1
    OUT_OF_RANGE = 2
    CONVERSION = 3
    DIV_BY_ZERO = 4
    NO_DATA = 5
    COMMUNICATION = 6


def type_of(kind: Type | int | str) -> Type:
    """A type by number or by name in any case; raises ValueError."""
    if type(kind) is Type:
        return kind
    if isinstance(kind, str):
        try:
            return Type[kind.upper()]
        except KeyError:
            raise ValueError(f"{kind!r} is no type of values") from None
    return Type(kind)


class Time(int):
    """A moment: milliseconds since 1970 UTC."""

    __slots__ = ()

    @property
    def ms(self) -> int:
        return int(self)

    def __repr__(self) -> str:
        return f"Time({int(self)})"


class Invalid:
    """An invalid value of a type. `reason` 1..15; equal when both are."""

    __slots__ = ("reason", "type")
    reason: int
    type: Type

    def __init__(self, reason: int = Reason.UNDEFINED, type: Type | int | str = Type.INT) -> None:
        if not 1 <= reason <= 15:
            raise ValueError(f"reason {reason} is not in 1..15")
        self.reason = int(reason)
        self.type = type_of(type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Invalid) and (self.reason, self.type) == (other.reason, other.type)

    def __hash__(self) -> int:
        return hash((self.reason, self.type))

    def __repr__(self) -> str:
        return f"Invalid({self.reason}, {self.type.name})"


class Ref(NamedTuple):
    """Reference to an object, a row of it (from 1; 0 = the whole) or an item (column from 1; 0 = none)."""

    object: int
    row: int = 0
    column: int = 0


class Stamped:
    """A value with its time (ms UTC, None = not known) and the mark "weak" (suspicious)."""

    __slots__ = ("value", "time_ms", "weak")

    def __init__(self, value: Any, time_ms: int | None = None, weak: bool = False) -> None:
        self.value = value
        self.time_ms = time_ms
        self.weak = weak

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stamped):
            return NotImplemented
        return (self.value, self.time_ms, self.weak) == (other.value, other.time_ms, other.weak)

    __hash__ = None  # type: ignore[assignment]  # values may be records

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r}, time_ms={self.time_ms}, weak={self.weak})"


class Cell(Stamped):
    """State of one cell of an object: `value` is Invalid while the state is, `last` the last valid value beside it (or None)."""

    __slots__ = ("type", "reason", "change", "last", "flags", "limit")

    def __init__(self, value: Any, type: Type, reason: int, time_ms: int | None, weak: bool, change: int, last: Any,
                 flags: int = 0, limit: int | None = None) -> None:
        super().__init__(value, time_ms, weak)
        self.type = type
        self.reason = reason  # 0 = valid
        self.change = change  # number of the change that made it; 0 = never set
        self.last = last
        self.flags = flags  # user flags, bit 0 = A
        self.limit = limit  # where the value stands against its limits, as \\LIM; None = it has none


USER_FLAGS = "ABCDEFGHIJKLMNOP"  # of a value, bit 0 = A


def flag_bits(flags: str | Iterable[str]) -> int:
    """User flags by their letters, as bits: "A,C" or ["A", "C"]. ValueError names what is no flag."""
    given = flags.split(",") if isinstance(flags, str) and flags else flags
    bits = 0
    for letter in (each.strip().upper() for each in given):
        if len(letter) != 1 or letter not in USER_FLAGS:
            raise ValueError(f"{letter!r} is no user flag: they are A to P, separated by commas")
        bits |= 1 << USER_FLAGS.index(letter)
    return bits


def flag_letters(bits: int) -> list[str]:
    """The letters of the flags that are set, in their order."""
    return [letter for at, letter in enumerate(USER_FLAGS) if bits >> at & 1]


class Record:
    """Rows of a structure: `columns[c][r]`. None and Invalid are invalid cells; None means "no data"."""

    __slots__ = ("structure_hbj", "types", "columns")

    def __init__(self, structure_hbj: int, types: Sequence[Type | int | str], columns: Sequence[Sequence[Any]]) -> None:
        self.structure_hbj = structure_hbj
        self.types = [type_of(t) for t in types]
        self.columns = [list(c) for c in columns]
        if len(self.types) != len(self.columns) or len({len(c) for c in self.columns}) > 1:
            lengths = [len(c) for c in self.columns]
            raise ValueError(f"record of {len(self.types)} types and columns of lengths {lengths}")

    @property
    def rows(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def row(self, index: int) -> list[Any]:
        return [column[index] for column in self.columns]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return (self.structure_hbj, self.types, self.columns) == (other.structure_hbj, other.types, other.columns)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        names = ", ".join(t.name for t in self.types)
        return f"Record({self.structure_hbj}, [{names}], {self.rows} rows)"


class Unchanged:
    """Stands for an IN parameter in a list of results; there is one, UNCHANGED."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED = Unchanged()
