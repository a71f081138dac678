"""Rows of structured objects, as scripts change them: REDIM, INSERT and DELETE of an object. On a table of values, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hisee._core.cells import CellTable
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.limits import BY_NAME as LIMITS
from hisee.values import Invalid, Record, Ref, Type

REDIM, INSERT, DELETE = 1, 2, 3
MOST_ROWS = LIMITS["record_rows"].value


class RowsRefused(Exception):
    """The rows stay as they are: an error of the script with its reason."""

    def __init__(self, error: Err, extended: Ext, text: str) -> None:
        super().__init__(text)
        self.error, self.extended = error, extended


@dataclass(frozen=True, slots=True)
class RowChange:
    """One change of the rows of an object: REDIM to `count`, INSERT of `rows` before `first`, DELETE of `count` rows from `first` on."""

    object: int
    operation: int
    first: int
    count: int
    rows: Record | None = None

    @classmethod
    def of(cls, target: Ref, operation: Any, first: Any, count: Any, *rows: Record) -> RowChange:
        """From the values of the action. Raises RowsRefused for an invalid number, an alias that is not linked and a part of an object."""
        if any(isinstance(number, Invalid) for number in (operation, first, count)):
            raise RowsRefused(Err.ERR_EXPRESSION_STATUS, Ext.NO_REASON, "a number of rows is invalid")
        if not target.object:
            raise RowsRefused(Err.ERR_NO_ASSIGNED_ALIAS, Ext.NO_REASON, "the alias is not linked")
        if target.row or target.column:
            raise RowsRefused(Err.ERR_RANGE_ERROR, Ext.NO_REASON, "rows belong to a whole object, not to a row or item of it")
        return cls(target.object, operation, first, count, rows[0] if rows else None)


def change_rows(table: CellTable, change: RowChange, time_ms: int) -> None:
    """Carry it out; a failure leaves the object as it was. Raises RowsRefused."""
    if change.object not in table:
        raise RowsRefused(Err.ERR_TRANS_ERROR, Ext.OBJECT_UNKNOWN, "it has no value")
    kind, rows, columns, _ = table.shape(change.object)
    if kind != Type.RECORD:
        raise RowsRefused(Err.ERR_TRANS_ERROR, Ext.WRONG_TYPE, "it has no rows")
    try:
        HOW[change.operation](table, change, rows, columns, time_ms)
    except (IndexError, OverflowError) as error:
        raise RowsRefused(Err.ERR_RANGE_ERROR, Ext.OUT_OF_LIMITS, f"it has {rows} rows: {error}") from error
    except MemoryError as error:
        raise RowsRefused(Err.ERR_RANGE_ERROR, Ext.OUT_OF_LIMITS, str(error)) from error


def _redim(table: CellTable, change: RowChange, rows: int, columns: tuple[Type, ...], time_ms: int) -> None:
    if not 1 <= change.count <= MOST_ROWS:
        raise IndexError(f"an object has 1 to {MOST_ROWS} rows, not {change.count}")
    table.redim(change.object, change.count)


def _insert(table: CellTable, change: RowChange, rows: int, columns: tuple[Type, ...], time_ms: int) -> None:
    given = change.rows
    if given is None or given.types != list(columns):
        raise RowsRefused(Err.ERR_RECORD_NO_COMP, Ext.WRONG_TYPE, "it has other columns")
    before = rows + 1 if change.first == -1 else change.first
    if not 1 <= before <= rows + 1 or rows + given.rows > MOST_ROWS:
        raise IndexError(f"no place before row {change.first}")
    table.insert_rows(change.object, before, given.rows)
    for index in range(given.rows):
        one = Record(given.structure_hbj, given.types, [[cell] for cell in given.row(index)])
        table.set(Ref(change.object, before + index), one, time_ms)


def _delete(table: CellTable, change: RowChange, rows: int, columns: tuple[Type, ...], time_ms: int) -> None:
    if change.first < 1 or change.count < 0:
        raise IndexError(f"no rows {change.first} and {change.count - 1} behind it")
    table.delete_rows(change.object, change.first, change.count)


HOW = {REDIM: _redim, INSERT: _insert, DELETE: _delete}
