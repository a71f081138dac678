"""The database actions: operands in, operands out (docs/design/action-payloads.md). Knows tables and handles, no message.

Handles belong to the process that opened them and end with it (`forget`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hisee._core.reads import Read
from hisee.data import sql
from hisee.data.columns import READ, Column, TimeForm, bound, columns_of
from hisee.data.config import DbmConfig
from hisee.data.database import Database
from hisee.data.shape import Shape
from hisee.data.trouble import NO_KEY_FOR_ROWS, NO_ROW_UPDATED, NOT_NULL, TOO_LONG, Trouble
from hisee.schema.actions import ActionId
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.values import UNCHANGED, Invalid, Record, Ref, Stamped, Type

DB_READ, DB_MODIFY = 1, 2
SERIAL_BITS = 24
SERIALS = 1 << SERIAL_BITS
SHOWN_ROWS = 5  # of a message that lists rows
OK, NO_DATA = Err.ERR_NO_ERROR.value, Err.ERR_NO_DATA.value
READ_CODES = OK, NO_DATA, Err.ERR_DATABASE_ROWS_LIMIT.value  # rows, none, more than the limit of the database object


class Handle(NamedTuple):
    """A table that a process opened with DB_CONNECT."""

    owner: int
    table: int


class Target(NamedTuple):
    """The table of a request with its database."""

    number: int
    structure: int
    database: Database
    shape: Shape


class Where(NamedTuple):
    """A condition of a request with the values of its marks; text "" = none given."""

    text: str = ""
    values: Sequence[Any] = ()


class Actions:
    """Serves the database actions of any process, one at a time."""

    def __init__(self, config: DbmConfig, databases: dict[int, Database], rows_limit: int, forget_reads: Callable[[], None]) -> None:
        self._config = config
        self._databases = databases
        self._rows_limit = rows_limit
        self._forget_reads = forget_reads
        self._handles: dict[int, Handle] = {}
        self._serial = 0
        self._serve: dict[int, Callable[[int, list[Any]], list[Any]]] = {
            ActionId.DB_CONNECT: self._connect,
            ActionId.DB_DISCONNECT: self._disconnect,
            ActionId.DB_READ: self._read,
            ActionId.DBS_READ: self._read,
            ActionId.DBS_INSERT: self._insert,
            ActionId.DBS_UPDATE: self._update,
            ActionId.DBS_DELETE: self._delete,
            ActionId.DBS_DELETE_WHERE: self._delete_where,
        }

    def serves(self, action: int) -> bool:
        return action in self._serve

    def perform(self, action: int, source: int, request: list[Any]) -> list[Any]:
        """The reply list; raises Trouble, or ValueError, TypeError, IndexError, AttributeError when the operands do not fit."""
        return self._serve[action](source, request)

    @staticmethod
    def failed(action: int, code: int) -> list[Any]:
        """The reply list of an action that had no effect."""
        if action == ActionId.DB_CONNECT:
            return [Invalid(5, Type.INT), code]
        if action == ActionId.DB_DISCONNECT:
            return []
        return [UNCHANGED, code] if action in (ActionId.DB_READ, ActionId.DBS_READ) else [code]

    # -- handles

    @property
    def handles(self) -> int:
        return len(self._handles)

    def forget(self, process: int) -> None:
        """The process is gone: its handles end."""
        self._handles = {n: h for n, h in self._handles.items() if h.owner != process}
        self._forget_reads()

    def _connect(self, source: int, request: list[Any]) -> list[Any]:
        table, access = request
        if access not in (DB_READ, DB_MODIFY):
            raise Trouble(f"access {access} is neither _DB_READ nor _DB_MODIFY", code=Err.ERR_RANGE_ERROR, extended=Ext.NO_REASON)
        target = self._table(table.object, write=access == DB_MODIFY)
        handle = self._free_handle(target.number)
        self._handles[handle] = Handle(source, target.number)
        return [handle, OK]

    def _free_handle(self, table: int) -> int:
        while True:
            self._serial = self._serial % (SERIALS - 1) + 1
            handle = table << SERIAL_BITS | self._serial
            if handle not in self._handles:
                return handle

    def _disconnect(self, source: int, request: list[Any]) -> list[Any]:
        handle = self._handles.get(request[0])
        if handle is not None and handle.owner == source:
            del self._handles[request[0]]
            self._forget_reads()
        return []

    # -- what a request names

    def _table(self, number: int, *, write: bool = False) -> Target:
        table = self._config.tables.get(number)
        database = self._databases.get(table.database) if table else None
        if table is None or database is None:
            raise Trouble(f"object {number} is no table of this database manager", extended=Ext.OBJECT_UNKNOWN)
        if table.access == "none" or (write and table.access != "modify"):
            raise Trouble(f"{table.name}: its access is {table.access!r}", extended=Ext.NO_RIGHT)
        return Target(number, table.structure, database, database.shape(number))

    def _named(self, source: int, name: Any) -> Target:
        """The table to read behind an OBJECT operand or a handle."""
        if isinstance(name, Ref):
            return self._table(name.object)
        handle = None if isinstance(name, Invalid) else self._handles.get(name)
        if handle is None or handle.owner != source:
            raise Trouble(f"handle {name} is not open in process {source}", code=NO_DATA, extended=Ext.OBJECT_UNKNOWN)
        return self._table(handle.table)

    # -- reading

    def _read(self, source: int, request: list[Any]) -> list[Any]:
        if request[0] == 0:
            _, name, row, _, where, count, *values = request
            return _read_row(self._named(source, name), row, _where(where, count, values))
        _, name, most, where, count, *values = request
        return self._read_rows(self._named(source, name), most, _where(where, count, values))

    def _read_rows(self, target: Target, most: Any, where: Where) -> list[Any]:
        """The script's own maximum cuts silently; the limit of the database object is told."""
        ceiling = self._ceiling(target)
        wanted = ceiling + 1 if isinstance(most, Invalid) else most
        if wanted < 1:
            raise Trouble(f"{wanted} rows wanted", code=Err.ERR_RANGE_ERROR, extended=Ext.NO_REASON)
        found = _select(target, where, min(wanted, ceiling + 1))
        code = OK if found else NO_DATA
        if len(found) > ceiling:
            del found[ceiling:]
            code = READ_CODES[2]
        return [_as_record(target, found), code]

    def _ceiling(self, target: Target) -> int:
        return min(target.database.config.max_rows, self._rows_limit)

    def read_of(self, action: int, source: int, request: list[Any]) -> Read | None:
        """A request that was just carried out as one to be known again, with any bound values; None: not of that kind."""
        if action not in (ActionId.DB_READ, ActionId.DBS_READ) or request[0] == 0:
            return None
        _, name, most, where, count, *values = request
        target, ceiling = self._named(source, name), self._ceiling(self._named(source, name))
        text, marks = target.shape.select_all, 0
        if not isinstance(where, Invalid) and where.strip():
            condition = sql.condition(where)
            text, marks = f"{text} WHERE {condition.text}", condition.marks
        if marks != len(values) or isinstance(most, Invalid) and ceiling < 1:
            return None
        wanted = ceiling + 1 if isinstance(most, Invalid) else min(most, ceiling + 1)
        columns = target.shape.columns
        return Read(0 if isinstance(name, Ref) else source, target.database, target.number, text, marks, wanted, ceiling,
                    target.structure, [c.type for c in columns], [READ[c.type] for c in columns], READ_CODES)

    # -- writing

    def _insert(self, source: int, request: list[Any]) -> list[Any]:
        mode, name, record = request
        target = self._table(name.object, write=True)
        stored = target.shape.stored
        rows = _bound_rows(target, record, stored, mode)
        _check_cells(target.shape, stored, rows)
        if len(rows) == 1:
            target.database.change(target.number, target.shape.insert, rows[0])
        else:
            target.database.change_each(target.number, target.shape.insert, rows)
        return [OK]

    def _update(self, source: int, request: list[Any]) -> list[Any]:
        mode, name, record, where, count, *values = request
        target = self._table(name.object, write=True)
        condition = _where(where, count, values) if mode == 0 else Where()
        changed = target.shape.changed
        rows = _bound_rows(target, record, changed, mode)
        _check_cells(target.shape, changed, rows)
        if condition.text:
            text = sql.update(target.shape.table, changed, sql.condition(condition.text).text)
            target.database.change(target.number, text, [*rows[0], *_marks(target.shape, condition)])
            return [OK]
        _need_key(target.shape, mode)
        keys = _bound_rows(target, record, target.shape.key, mode)
        target.database.change_each(
            target.number,
            target.shape.update_by_key,
            [[*r, *k] for r, k in zip(rows, keys, strict=True)],
            untouched=lambda index: _no_row(target.shape, keys[index]),
        )
        return [OK]

    def _delete(self, source: int, request: list[Any]) -> list[Any]:
        mode, name, record = request
        target = self._table(name.object, write=True)
        _need_key(target.shape, mode)
        keys = _bound_rows(target, record, target.shape.key, mode)
        touched = target.database.change_each(target.number, target.shape.delete_by_key, keys)
        return [OK if touched or not keys else NO_DATA]

    def _delete_where(self, source: int, request: list[Any]) -> list[Any]:
        name, where, count, *values = request
        target = self._table(name.object, write=True)
        condition = _where(where, count, values)
        if not condition.text:
            raise Trouble(f"{target.shape.name}: WHERE without a condition would delete every row")
        text = sql.delete(target.shape.table, sql.condition(condition.text).text)
        target.database.change(target.number, text, _marks(target.shape, condition))
        return [OK]


def _where(where: Any, count: Any, values: list[Any]) -> Where:
    """The condition of a request; one RECORD value stands for the cells of its row."""
    if count != len(values):
        raise ValueError(f"{count} bound values announced, {len(values)} given")
    if isinstance(where, Invalid):
        return Where()
    values = [v.value if isinstance(v, Stamped) else v for v in values]
    if len(values) == 1 and isinstance(values[0], Record):
        values = values[0].row(0)
    return Where(where if where.strip() else "", values)


def _marks(shape: Shape, where: Where) -> list[Any]:
    """The bound values in the engine's form; raises Trouble when marks and values do not match."""
    condition = sql.condition(where.text)
    if condition.marks != len(where.values):
        raise Trouble(f"{shape.name}: WHERE has {condition.marks} marks, BINDIN gives {len(where.values)} values")
    return [bound(v, _form_of(shape, name)) for v, name in zip(where.values, condition.compared, strict=True)]


def _form_of(shape: Shape, compared: str) -> TimeForm:
    """How a TIME is bound: as the column it is compared with holds it, else as the table's first TIME column does."""
    column = shape.find(compared) if compared else None
    times = [c for c in shape.stored if c.type is Type.TIME]
    if column is not None and column.type is Type.TIME:
        return column.time_form
    return times[0].time_form if times else TimeForm.MS


def _select(target: Target, where: Where, most: int) -> list[tuple[Any, ...]]:
    shape = target.shape
    if not where.text:
        return target.database.query(target.number, shape.select_all, (), most)
    text = f"{shape.select_all} WHERE {sql.condition(where.text).text}"
    return target.database.query(target.number, text, _marks(shape, where), most)


def _read_row(target: Target, row: Any, where: Where) -> list[Any]:
    if where.text:
        found = _select(target, where, 1)
    else:
        _need_key(target.shape, 0)
        key = _bound_rows(target, row, target.shape.key, 0)[0]
        found = target.database.query(target.number, target.shape.select_by_key, key, 1)
    return [_as_record(target, found), OK] if found else [UNCHANGED, NO_DATA]


def _as_record(target: Target, rows: list[tuple[Any, ...]]) -> Record:
    return Record(target.structure, target.shape.types, columns_of(rows, target.shape.columns))


def _bound_rows(target: Target, record: Any, columns: Sequence[Column], mode: int) -> list[list[Any]]:
    """The cells of `columns` as parameters, one list per row (mode 0: the first row only)."""
    shape = target.shape
    if not isinstance(record, Record) or record.structure_hbj != target.structure or _plain(record.types) != shape.types:
        raise Trouble(f"{shape.name}: the row is of another structure", code=Err.ERR_RECORD_NO_COMP, extended=Ext.WRONG_TYPE)
    places = [shape.columns.index(c) for c in columns]
    rows = range(record.rows) if mode else range(1)
    return [[bound(record.columns[p][r], c.time_form) for p, c in zip(places, columns, strict=True)] for r in rows]


def _plain(types: Sequence[Type]) -> list[Type]:
    """Types of a row as a table has them: a reference goes in as the number of its object."""
    return [Type.ANY if kind is Type.OBJECT else kind for kind in types]


def _need_key(shape: Shape, mode: int) -> None:
    if not shape.key:
        raise Trouble(
            f"{shape.name} has no key; name one in objects.toml, or use WHERE",
            extended=Ext.NO_KEY,
            engine_code=NO_KEY_FOR_ROWS if mode else 0,
        )


def _no_row(shape: Shape, key: Sequence[Any]) -> Trouble:
    names = ", ".join(f"{c.name} = {v!r}" for c, v in zip(shape.key, key, strict=True))
    return Trouble(f"{shape.name}: no row with {names}", engine_code=NO_ROW_UPDATED)


def _check_cells(shape: Shape, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    """What the engine would refuse late or not at all: missing and too long values, with their rows."""
    for place, column in enumerate(columns):
        if column.not_null:
            _refuse(shape, column, NOT_NULL, "must be valid", [n for n, row in enumerate(rows, 1) if row[place] is None])
        if column.length and column.type is Type.TEXT:
            long = [n for n, row in enumerate(rows, 1) if row[place] is not None and len(row[place]) > column.length]
            _refuse(shape, column, TOO_LONG, f"holds at most {column.length} characters", long)


def _refuse(shape: Shape, column: Column, engine_code: int, what: str, rows: list[int]) -> None:
    if rows:
        listed = ", ".join(map(str, rows[:SHOWN_ROWS])) + (", ..." if len(rows) > SHOWN_ROWS else "")
        raise Trouble(f"{shape.name}: column {column.name} {what}: row {listed}", engine_code=engine_code)
