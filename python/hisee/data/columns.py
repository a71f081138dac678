"""Values between a script and SQLite, column by column. NULL is invalid "no data", invalid is NULL (lib 1.5).

The value codec converts numbers by the table of conversions; here is only what it cannot know: texts, times, bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from hisee.data.trouble import Trouble
from hisee.schema.extended import Ext
from hisee.values import Invalid, Ref, Time, Type

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND = dt.timedelta(milliseconds=1)
INT64 = 1 << 63


class TimeForm(Enum):
    """How a column holds a TIME."""

    MS = "ms"  # milliseconds since 1970 UTC, as a number
    TEXT = "text"  # 2026-01-31 12:00:00.000, UTC


class Column(NamedTuple):
    """One column of a structure as the SQL table has it."""

    name: str
    type: Type
    quoted: str  # as SQL writes it
    present: bool = True  # False: an optional column that the table lacks
    not_null: bool = False
    length: int = 0  # of VARCHAR(n); 0 = any
    time_form: TimeForm = TimeForm.MS


def time_form(declared: str) -> TimeForm:
    """By the column's declared SQL type: numbers for numeric ones, text for date and character ones."""
    word = declared.upper()
    return TimeForm.TEXT if any(w in word for w in ("CHAR", "TEXT", "CLOB", "DATE", "TIME")) else TimeForm.MS


# from the database


def time_of(value: object) -> Any:
    """A stored TIME: a whole number is ms UTC, a text ISO 8601; a text without offset is UTC."""
    if isinstance(value, int):
        return Time(value) if -INT64 + 16 <= value < INT64 else Invalid(2, Type.TIME)
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return Invalid(3, Type.TIME)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return Time((moment - EPOCH) // MILLISECOND)
    return None if value is None else Invalid(3, Type.TIME)


def text_of(value: object) -> Any:
    if value is None or isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) else Invalid(3, Type.TEXT)


def number_of(value: object) -> Any:
    """BOOL, INT and REAL: the codec converts; a blob is no number."""
    return value if value is None or isinstance(value, (int, float, str)) else Invalid(3, Type.INT)


def value_of(value: object) -> Any:
    """A column of type Object holds values of any type: what the database has, times as numbers."""
    return Invalid(3, Type.INT) if isinstance(value, bytes) else value


READ: dict[Type, Callable[[object], Any]] = {
    Type.BOOL: number_of,
    Type.INT: number_of,
    Type.REAL: number_of,
    Type.TEXT: text_of,
    Type.TIME: time_of,
    Type.ANY: value_of,
}


def columns_of(rows: Sequence[Sequence[object]], columns: Sequence[Column]) -> list[list[Any]]:
    """Rows of a result as the columns of a RECORD."""
    if not rows:
        return [[] for _ in columns]
    return [list(map(READ[column.type], cells)) for column, cells in zip(columns, zip(*rows, strict=True), strict=True)]


# to the database


def time_text(ms: int) -> str:
    """Raises Trouble for a year that no text form has (before 1, after 9999)."""
    try:
        return (EPOCH + ms * MILLISECOND).replace(tzinfo=None).isoformat(" ", "milliseconds")
    except OverflowError:
        raise Trouble(f"the time {ms} ms lies outside the years 1 to 9999", extended=Ext.OUT_OF_LIMITS) from None


def bound(value: Any, form: TimeForm = TimeForm.MS) -> Any:
    """A script's value as a parameter of a statement."""
    if value is None or isinstance(value, Invalid):
        return None
    if isinstance(value, Time):
        return time_text(value) if form is TimeForm.TEXT else int(value)
    return value.object if isinstance(value, Ref) else value


def parsed(text: str, column: Column) -> Any:
    """A cell of a CSV file as the column's type; empty is NULL. Raises ValueError."""
    if text == "":
        return None
    if column.type is Type.BOOL:
        return int({"true": True, "1": True, "false": False, "0": False}[text.strip().lower()])
    if column.type is Type.TIME:
        moment = time_of(int(text) if text.strip().lstrip("-").isdigit() else text)
        if isinstance(moment, Invalid):
            raise ValueError(text)
        return bound(moment, column.time_form)
    return int(text) if column.type is Type.INT else float(text) if column.type is Type.REAL else text
