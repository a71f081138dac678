"""Values of the oracle and the operators of the language. Rules V1-V14: docs/design/validity.md.

A value has a kind (the first letter of its type, M for TIME, ? for "not known yet") and either data or reasons. Where the
language does not say which of several reasons an invalid result has (V2), the value keeps all of them; `Value.reason` picks one
when a script asks, through the Chooser, so that a comparison may try the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from . import times

INT_LEAST, INT_MOST = -(2**63) + 16, 2**63 - 1  # V7
TEXT_CHARS = 100_000
UNDEFINED, RANGE, CONVERSION, DIV_BY_ZERO = 1, 2, 3, 4
EXPRESSION_STATUS, TYPE_MISMATCH = 2, 15  # run-time errors
NUMBERS = "BIR"


class EslError(Exception):
    """A run-time error of the script."""

    def __init__(self, number: int, extended: int = 0, text: str | None = None) -> None:
        super().__init__(number)
        self.number, self.extended, self.text = number, extended, text


class Value:
    """One value. Never changed after it is made, but that a set of reasons may shrink to the one that was told. `cut`: a text that was
    longer than one may be; that makes it weak."""

    __slots__ = ("cut", "data", "kind", "reasons")

    def __init__(self, kind: str, data: Any = None, reasons: frozenset[int] = frozenset(), *, cut: bool = False) -> None:
        self.kind, self.data, self.reasons, self.cut = kind, data, reasons, cut

    @property
    def valid(self) -> bool:
        return not self.reasons

    def __repr__(self) -> str:
        return f"{self.kind}:{self.data!r}" if self.valid else f"{self.kind}:invalid {sorted(self.reasons)}"


def invalid(kind: str, *reasons: int) -> Value:
    return Value(kind, None, frozenset(reasons))


def make(kind: str, data: Any) -> Value:
    """A value of a computation: what does not fit its type is invalid, reason 2; a text is cut (V1, V6, V7)."""
    if kind == "I" and not INT_LEAST <= data <= INT_MOST:
        return invalid("I", RANGE)
    if kind == "R" and not math.isfinite(data):
        return invalid("R", RANGE)
    if kind == "M" and not times.LEAST <= data <= times.MOST:
        return invalid("M", RANGE)
    return Value(kind, data[:TEXT_CHARS], cut=len(data) > TEXT_CHARS) if kind == "T" else Value(kind, data)


def all_reasons(*operands: Value) -> frozenset[int]:
    """Reasons that a strict result may have: those of any invalid operand (V2); empty = all are valid."""
    return frozenset().union(*(v.reasons for v in operands))


def rounded(x: float) -> int:
    """Nearest whole number, half away from zero; exact."""
    whole = int(abs(x))
    whole += abs(x) - whole >= 0.5
    return -whole if x < 0 else whole


def convert(value: Value, kind: str) -> Value:
    """The table of conversions: assignments, IN parameters, columns (V5)."""
    if value.kind == kind or kind == "?":
        return value
    if not value.valid:
        return Value(kind, None, value.reasons)
    if value.kind not in NUMBERS or kind not in NUMBERS:
        return invalid(kind, CONVERSION)
    if kind == "R":
        return make("R", float(value.data))
    whole = make("I", rounded(value.data) if value.kind == "R" else int(value.data))
    if kind == "I" or not whole.valid:
        return Value(kind, whole.data, whole.reasons)
    return Value("B", bool(whole.data)) if whole.data in (0, 1) else invalid("B", CONVERSION)


# operators
def result_kind(op: str, a: str, b: str) -> str:
    """Kind of `a op b`; "" where the operator does not join them."""
    if op in COMPARISONS:
        return "B" if a == b or a in NUMBERS and b in NUMBERS else ""
    if op in "&|":
        return a if a == b and (a == "B" or a == "I" and op == "&") else ""
    if a in NUMBERS and b in NUMBERS:
        if op == "/":
            return "I" if a == b == "B" else "R"
        return "R" if "R" in (a, b) else "I"
    pair = op + a + b
    return {"+TT": "T", "-MM": "R"}.get(pair) or ("M" if pair in PAIRS_OF_TIME else "")


PAIRS_OF_TIME = {op + "M" + n for op in "+-" for n in NUMBERS} | {"+" + n + "M" for n in NUMBERS}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "=": lambda a, b: a == b, "#": lambda a, b: a != b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}


def binary(op: str, a: Value, b: Value) -> Value:
    """Strict: an invalid operand makes the result invalid, and nothing is skipped (V2, V4, V8)."""
    kind = result_kind(op, a.kind, b.kind)
    if op == "/" and (reasons := divisor_reasons(a, b)):
        return Value(kind or "?", None, reasons)
    if reasons := all_reasons(a, b):
        return Value(kind or ("B" if op in COMPARISONS else "?"), None, reasons)
    if not kind:
        raise EslError(TYPE_MISMATCH)
    if op in COMPARISONS:
        return Value("B", COMPARISONS[op](*comparable(a, b)))
    if op in "&|":
        return make(kind, a.data & b.data if op == "&" else a.data | b.data)
    return joined(op, a, b, kind)


def divisor_reasons(a: Value, b: Value) -> frozenset[int]:
    """V3: an invalid divisor gives its own reason (or the dividend's, V2); zero gives the dividend's, else 4."""
    if not b.valid:
        return b.reasons | a.reasons
    return (a.reasons or frozenset((DIV_BY_ZERO,))) if b.kind in NUMBERS and b.data == 0 else frozenset()


def comparable(a: Value, b: Value) -> tuple[Any, Any]:
    """INT with INT is exact; with a REAL both become REAL. Texts compare by code point, as Python's do."""
    if "R" in (a.kind, b.kind):
        return float(a.data), float(b.data)
    return a.data, b.data


def joined(op: str, a: Value, b: Value, kind: str) -> Value:
    """+ - * / of valid operands."""
    if "M" in (a.kind, b.kind):
        return with_time(op, a, b)
    if kind == "T":
        return make("T", a.data + b.data)
    x, y = (float(a.data), float(b.data)) if kind == "R" else (int(a.data), int(b.data))
    if op == "/":
        return make(kind, x / y if kind == "R" else x // y)  # BOOL by TRUE: exact
    return make(kind, x + y if op == "+" else x - y if op == "-" else x * y)


def with_time(op: str, a: Value, b: Value) -> Value:
    """TIME with a number of seconds, or the difference of two, by the wall clock (V12)."""
    home = times.zone("")
    assert home is not None
    if a.kind == b.kind:
        return difference(times.wall(home, a.data), times.wall(home, b.data))
    time, seconds = (a, b) if a.kind == "M" else (b, a)
    return later(time.data, -float(seconds.data) if op == "-" else float(seconds.data), home)


MOST_SECONDS = 4e11  # more than all years together


def later(ms: int, seconds: float, where: tzinfo | None = None) -> Value:
    """The moment so many seconds later, rounded to milliseconds, half up: elapsed, or by the wall clock of a zone. A wall time that
    comes twice is that of the same offset."""
    if abs(seconds) >= MOST_SECONDS:
        return invalid("M", RANGE)
    exact = seconds * 1000.0
    moved = math.floor(exact) + (exact - math.floor(exact) >= 0.5)
    if where is None or moved == 0:
        return make("M", ms + moved)
    wall = times.wall(where, ms)
    if not times.LEAST <= wall + moved <= times.MOST:
        return invalid("M", RANGE)
    return make("M", times.near(where, wall + moved, wall - ms))


def difference(a_ms: int, b_ms: int) -> Value:
    return make("R", (a_ms - b_ms) / 1000.0)


def negative(value: Value) -> Value:
    if not value.valid:
        return Value("I" if value.kind == "B" else value.kind, None, value.reasons)
    if value.kind not in NUMBERS:
        raise EslError(TYPE_MISMATCH)
    return make("R", -value.data) if value.kind == "R" else make("I", -int(value.data))


def negated(value: Value) -> Value:
    if not value.valid:
        return Value("B", None, value.reasons)
    if value.kind != "B":
        raise EslError(TYPE_MISMATCH)
    return Value("B", not value.data)
