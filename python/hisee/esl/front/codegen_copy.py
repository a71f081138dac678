# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of actions on structures: SET WITH between records and objects, REDIM, INSERT."""

from __future__ import annotations

from collections.abc import Callable

from hisee.esl.front import ops as Op
from hisee.esl.front.codegen_base import typed
from hisee.esl.front.codegen_expr import ExpressionCode
from hisee.esl.front.kinds import P_CELL, P_ROW, P_WHOLE, V_INT, V_OBJECT, V_RECORD
from hisee.esl.front.symbols import Place

RANGE_ERROR = 4


class CopyCode(ExpressionCode):
    def row_copy(self, place: Place) -> int:
        raise NotImplementedError

    def set_with(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        source = self.placed(tree.b[node])
        if _bound(target) or _bound(source):
            whole = target.kind == P_WHOLE or target.kind == P_CELL and target.whole
            self._copy_all(target, source) if whole else self._copy_row(target, source)
        elif target.kind == source.kind == P_WHOLE:
            self.emit(Op.SET_WITH, self.record(target.symbol), self.record(source.symbol))  # type: ignore[arg-type]
        elif target.kind == source.kind == P_ROW:
            row = self.row_copy(source)
            index = self.value(target.index, V_INT)
            self.emit(Op.ROW_PUT, self.record(target.symbol), index, row)  # type: ignore[arg-type]
        elif target.kind == P_WHOLE or target.kind == P_CELL and target.whole:
            self._copy_all(target, source)
        else:
            self._copy_row(target, source)

    def _rows_of(self, place: Place) -> int:
        register = self.temp(V_INT)
        if place.kind == P_WHOLE:
            self.emit(Op.DIM, register, self.record(place.symbol))  # type: ignore[arg-type]
        else:
            self.emit(Op.ATTR_DIM, register, self.reference(place))
        return register

    def _copy_all(self, target: Place, source: Place) -> None:
        """Row by row; different numbers of rows raise before anything is copied."""
        rows = self._rows_of(source)
        self.same_rows(rows, self._rows_of(target))
        end, top = self.p.label(), self.p.label()
        row = self.temp(V_INT)
        self.emit(Op.LOADI_I, row, 1)
        self.emit(Op.FOR_PREP, row, rows, end)
        write, read = self._cell_writer(target), self._cell_reader(source)
        self.p.place(top)
        self._copy_columns(target, read, write, row, row)
        self.emit(Op.FOR, row, rows, top)
        self.p.place(end)

    def same_rows(self, rows: int, others: int) -> None:
        same = self.p.label()
        self.emit(Op.BR_EQ_I, rows, others, same)
        self.emit(Op.RAISE_NR, 0, 0, 0, RANGE_ERROR)
        self.p.place(same)

    def _copy_row(self, target: Place, source: Place) -> None:
        write, read = self._cell_writer(target), self._cell_reader(source)
        to, of = self._kept_index(target), self._kept_index(source)
        self._copy_columns(target, read, write, to, of)

    def _kept_index(self, place: Place) -> int:
        register = self.temp(V_INT)
        self.value(place.index, V_INT, register)
        return register

    def _copy_columns(self, target: Place, read: Callable[[int, int, int], int], write: Callable[[int, int, int, int], None],
                      to: int, of: int) -> None:
        assert target.struct is not None
        for column, (_, kind) in enumerate(target.struct.columns):
            if kind == V_OBJECT:
                continue  # references stay as they are: NOALIAS items hold none
            register = read(of, column, kind)
            write(to, column, kind, register)
            self.free(register)

    def _cell_reader(self, place: Place) -> Callable[[int, int, int], int]:
        if place.kind in (P_WHOLE, P_ROW):
            return lambda row, column, kind: self._load(place, row, column, kind)
        base = self.reference(self._whole(place))
        return lambda row, column, kind: self._read(base, row, column, kind)

    def _cell_writer(self, place: Place) -> Callable[[int, int, int, int], None]:
        if place.kind in (P_WHOLE, P_ROW):
            return lambda row, column, kind, register: self._store(place, row, column, kind, register)
        base = self.reference(self._whole(place))
        return lambda row, column, kind, register: self._set(base, row, column, kind, register)

    def _whole(self, place: Place) -> Place:
        """The object that a row belongs to."""
        if place.index < 0:
            return place
        return Place(P_CELL, V_RECORD, place.symbol, place.struct, base=place.base, entry=place.entry, node=place.node, name=place.name)

    def _load(self, place: Place, row: int, column: int, kind: int) -> int:
        register = self.temp(kind)
        if _bound(place):
            self.load_bound(place.symbol, row, column, kind, register)  # type: ignore[arg-type]
        elif column < 256:
            self.emit(typed("LD", kind), register, self.record(place.symbol), row, column)  # type: ignore[arg-type]
        else:
            self.emit(Op.LDW, register, self.record(place.symbol), row)  # type: ignore[arg-type]
            self.emit(Op.EXT, column)
        return register

    def _store(self, place: Place, row: int, column: int, kind: int, register: int) -> None:
        if _bound(place):
            self.store_bound(place.symbol, row, column, kind, register)  # type: ignore[arg-type]
        self._store_here(place, row, column, kind, register)

    def _store_here(self, place: Place, row: int, column: int, kind: int, register: int) -> None:
        if column < 256:
            self.emit(typed("ST", kind), self.record(place.symbol), row, register, column)  # type: ignore[arg-type]
        else:
            self.emit(Op.STW, self.record(place.symbol), row, register)  # type: ignore[arg-type]
            self.emit(Op.EXT, column)

    def _cell(self, base: int, row: int, column: int) -> int:
        """As item(), but base and row are used again."""
        register = self.temp(V_OBJECT)
        if column < 255:
            self.emit(Op.ITEM, register, base, row, column + 1)
        else:
            self.emit(Op.ITEMW, register, base, row)
            self.emit(Op.EXT, column + 1)
        return register

    def _read(self, base: int, row: int, column: int, kind: int) -> int:
        cell = self._cell(base, row, column)
        register = self.temp(kind)
        self.emit(typed("RD", kind), register, cell)
        self.free(cell)
        return register

    def _set(self, base: int, row: int, column: int, kind: int, register: int) -> None:
        cell = self._cell(base, row, column)
        self.set_cell(cell, register, kind)
        self.free(cell)

    # size
    def redim(self, node: int) -> None:
        target = self.tree.a[node]
        place = self.placed(self.tree.a[target])
        rows = self.value(self.tree.b[target], V_INT)
        self.emit(Op.REDIM, self.record(place.symbol), rows)  # type: ignore[arg-type]

    def insert(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        rows = self.placed(tree.c[node])
        before = self.value(tree.b[node], V_INT)
        record = self.record(target.symbol)  # type: ignore[arg-type]
        if tree.d[node] >= 0:
            first, last = self.value(rows.index, V_INT), self.value(tree.d[node], V_INT)
            self.emit(Op.INSERT_ROWS, record, before, self.rows_source(self._whole(rows) if rows.kind == P_CELL else rows))
            self.emit(Op.EXT, first, last)
        elif rows.kind == P_ROW:
            self.emit(Op.INSERT, record, before, self.row_copy(rows))
        else:
            self.emit(Op.INSERT, record, before, self.rows_source(rows))

    def rows_source(self, place: Place) -> int:
        """Record operand of a whole structure, or of a row of an object, that is read."""
        if place.kind != P_CELL:
            return self.fresh(place.symbol)  # type: ignore[arg-type]
        register = self.temp(V_RECORD, place.struct)
        self.emit(Op.RD_C, register, self.reference(place))
        return register


def _bound(place: Place) -> bool:
    return place.kind in (P_WHOLE, P_ROW) and place.symbol is not None and place.symbol.bound
