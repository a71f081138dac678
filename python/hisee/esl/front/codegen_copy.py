# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of actions on structures: SET WITH, REDIM, INSERT, COPY_ROWS, between records and objects."""

from __future__ import annotations

from collections.abc import Callable

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Arg, Label
from hisee.esl.front.codegen_base import typed
from hisee.esl.front.codegen_expr import ExpressionCode
from hisee.esl.front.symbols import UNTYPED, Place, Struct, Symbol
from hisee.esl.unit import Mode, Type
from hisee.schema.actions import ActionId

RANGE_ERROR = 4
REDIM, INSERT, DELETE = 1, 2, 3  # operations of OBJECT_ROWS
Read = Callable[[int, int, int], int]
Write = Callable[[int, int, int, int], None]


class CopyCode(ExpressionCode):
    def row_copy(self, place: Place) -> int:
        raise NotImplementedError

    def linked(self, place: Place) -> int:
        raise NotImplementedError

    def set_with(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        source = self.placed(tree.b[node])
        if _bound(target) or _bound(source):
            whole = target.kind == K.P_WHOLE or target.kind == K.P_CELL and target.whole
            self._copy_all(target, source) if whole else self._copy_row(target, source)
        elif target.kind == K.P_WHOLE and (source.kind == K.P_WHOLE and _as_it_is(target, source) or target.struct is UNTYPED):
            self.emit(Op.SET_WITH, self.record(target.symbol), self._taken_rows(target, source))  # type: ignore[arg-type]
        elif target.kind == K.P_ROW and (source.kind == K.P_ROW and _as_it_is(target, source) or target.struct is UNTYPED):
            row = self._taken_rows(target, source)
            index = self.value(target.index, K.V_INT)
            self.emit(Op.ROW_PUT, self.record(target.symbol), index, row)  # type: ignore[arg-type]
        elif target.kind == K.P_WHOLE or target.kind == K.P_CELL and target.whole:
            self._copy_all(target, source)
        else:
            self._copy_row(target, source)

    def _rows_of(self, place: Place) -> int:
        register = self.temp(K.V_INT)
        if place.kind == K.P_WHOLE:
            self.emit(Op.DIM, register, self.record(place.symbol))  # type: ignore[arg-type]
        else:
            self.emit(Op.ATTR_DIM, register, self.reference(place))
        return register

    def _taken_rows(self, target: Place, source: Place) -> int:
        """Rows for a record that takes them as they are. One without a structure takes values if it is NOALIAS."""
        assert target.symbol is not None and source.struct is not None
        return self.rows_for(source, source.struct.values() if target.symbol.noalias else source.struct)

    def _copy_all(self, target: Place, source: Place, links: bool = True) -> None:
        """Row by row; different numbers of rows raise before anything is copied."""
        rows = self._rows_of(source)
        self.same_rows(rows, self._rows_of(target))
        end, top = self.p.label(), self.p.label()
        row = self.temp(K.V_INT)
        self.emit(Op.LOADI_I, row, 1)
        self.fork(Op.FOR_PREP, row, rows, end)
        write, read = self._cell_writer(target), self._cell_reader(source)
        self.p.place(top)
        self._copy_columns(target, source, read, write, row, row, links)
        self.fork(Op.FOR, row, rows, top)
        self.p.place(end)

    def same_rows(self, rows: int, others: int) -> None:
        same = self.p.label()
        self.fork(Op.BR_EQ_I, rows, others, same)
        self.emit(Op.RAISE_NR, 0, 0, 0, RANGE_ERROR)
        self.p.place(same)

    def _copy_row(self, target: Place, source: Place) -> None:
        write, read = self._cell_writer(target), self._cell_reader(source)
        to, of = self._kept_index(target), self._kept_index(source)
        self._copy_columns(target, source, read, write, to, of)

    def _kept_index(self, place: Place) -> int:
        register = self.temp(K.V_INT)
        self.value(place.index, K.V_INT, register)
        return register

    def _copy_columns(self, target: Place, source: Place, read: Read, write: Write, to: int, of: int, links: bool = True) -> None:
        """Values of a row. What goes to an Object item goes to the object behind its link, without `links` nowhere; the link stays."""
        assert target.struct is not None and source.struct is not None
        for column, (_, kind) in enumerate(target.struct.columns):
            if kind == K.V_OBJECT and not links:
                continue
            link = self._link_at(target, to, column) if kind == K.V_OBJECT else -1
            register = self._copied(read, of, column, source.struct.columns[column][1])
            if link >= 0:
                self.set_cell(link, register, K.V_ANY)
                self.free(link)
            else:
                write(to, column, kind, register)
            self.free(register)

    def _copied(self, read: Read, row: int, column: int, kind: int) -> int:
        """The value to copy; of an Object item that behind its link."""
        register = read(row, column, kind)
        if kind != K.V_OBJECT:
            return register
        value = self.invalid(K.V_ANY)
        self._value_behind(register, value)
        return value

    def _link_at(self, target: Place, row: int, column: int) -> int:
        """What an item is linked to. A record's item without a link raises here; that of an object is refused, and WAIT says so."""
        if target.kind not in (K.P_WHOLE, K.P_ROW):
            return self._read(self.reference(self._whole(target)), row, column, K.V_OBJECT)
        link, number = self._load(target, row, column, K.V_OBJECT), self.temp(K.V_INT)
        self.emit(Op.HBJ, number, link)
        self.free(number)
        return link

    def _value_behind(self, link: int, value: int) -> None:
        """The value of what a reference is linked to, invalid where it is not linked."""
        linked, nothing = self.temp(K.V_BOOL), self.p.label()
        self.emit(Op.LINKED, linked, link)
        self.fork(Op.BR_FALSE, linked, 0, nothing)
        self.emit(Op.RD_A, value, link)
        self.p.place(nothing)
        self.free(linked)
        self.free(link)

    def _cell_reader(self, place: Place) -> Callable[[int, int, int], int]:
        if place.kind in (K.P_WHOLE, K.P_ROW):
            return lambda row, column, kind: self._load(place, row, column, kind)
        base = self.reference(self._whole(place))
        return lambda row, column, kind: self._read(base, row, column, kind)

    def _cell_writer(self, place: Place) -> Callable[[int, int, int, int], None]:
        if place.kind in (K.P_WHOLE, K.P_ROW):
            return lambda row, column, kind, register: self._store(place, row, column, kind, register)
        base = self.reference(self._whole(place))
        return lambda row, column, kind, register: self._set(base, row, column, kind, register)

    def _whole(self, place: Place) -> Place:
        """The object that a row belongs to."""
        if place.index < 0:
            return place
        return Place(K.P_CELL, K.V_RECORD, place.symbol, place.struct, base=place.base, entry=place.entry, node=place.node, name=place.name)

    def _load(self, place: Place, row: int, column: int, kind: int) -> int:
        register = self.temp(kind)
        if not _bound(place):
            self.load_cell(place.symbol, row, column, kind, register)  # type: ignore[arg-type]
        elif kind == K.V_ANY:
            self._load_bound_value(place.symbol, row, column, register)  # type: ignore[arg-type]
        else:
            self.load_bound(place.symbol, row, column, kind, register)  # type: ignore[arg-type]
        return register

    def _load_bound_value(self, symbol: Symbol, row: int, column: int, register: int) -> None:
        """As load_bound() of an Object item, but an item without a link counts as invalid."""
        local, end = self.p.label(), self.p.label()
        link = self._bond(symbol, row, column, local)
        self.emit(Op.RD_O, link, link)
        self.invalid(K.V_ANY, register)
        self._value_behind(link, register)
        self.jump(Op.JUMP, end)
        self.p.place(local)
        self.load_cell(symbol, row, column, K.V_ANY, register)
        self.p.place(end)

    def _store(self, place: Place, row: int, column: int, kind: int, register: int) -> None:
        if _bound(place):
            self.store_bound(place.symbol, row, column, kind, register)  # type: ignore[arg-type]
        self.store_cell(place.symbol, row, column, kind, register)  # type: ignore[arg-type]

    def _cell(self, base: int, row: int, column: int) -> int:
        """As item(), but base and row are used again."""
        register = self.temp(K.V_OBJECT)
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
        rows = self.value(self.tree.b[target], K.V_INT)
        if place.kind == K.P_CELL:
            self.object_rows(place, REDIM, self.load(0, K.V_INT), rows)
        else:
            self.emit(Op.REDIM, self.record(place.symbol), rows)  # type: ignore[arg-type]

    def insert(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        rows = self.placed(tree.c[node])
        before = self.value(tree.b[node], K.V_INT)
        if target.kind == K.P_CELL:
            self.object_rows(target, INSERT, before, self.load(0, K.V_INT), self._rows_to_insert(target, rows, tree.d[node]))
            return
        record = self.record(target.symbol)  # type: ignore[arg-type]
        if tree.d[node] >= 0:
            self._insert_range(record, target, before, rows, tree.d[node])
        else:
            self.emit(Op.INSERT, record, before, self.rows_for(rows, target.struct))

    def _insert_range(self, record: int, target: Place, before: int, rows: Place, last_row: int) -> None:
        first, last = self.value(rows.index, K.V_INT), self.value(last_row, K.V_INT)
        self.emit(Op.INSERT_ROWS, record, before, self.rows_for(self._all(rows), target.struct))
        self.emit(Op.EXT, first, last)

    def _rows_to_insert(self, target: Place, rows: Place, last_row: int) -> int:
        """Record operand that holds just the rows that go to an object."""
        if last_row < 0:
            return self.rows_for(rows, target.struct)
        some = self.temp(K.V_RECORD, target.struct)
        self.emit(Op.REDIM, some, self.load(0, K.V_INT))
        self._insert_range(some, target, self.load(1, K.V_INT), rows, last_row)
        return some

    def object_rows(self, place: Place, operation: int, first: int, count: int, rows: int = -1) -> None:
        """Rows of an object are the server's: the script waits until it has changed them."""
        given = [self.arg_in(K.V_OBJECT, self.linked(place)), self.arg_in(K.V_INT, self.load(operation, K.V_INT)),
                 self.arg_in(K.V_INT, first),
                 self.arg_in(K.V_INT, count)]
        if rows >= 0:
            given.append(Arg(Mode.IN, Type.RECORD, rows))
        self.act(ActionId.OBJECT_ROWS, given, True)

    def copy_rows_to_object(self, target: Place, source: Place, numbers: list[int]) -> None:
        """Values over existing rows of an object; whatever does not fit raises before the first request."""
        to, of, count = [self._own(number) for number in numbers]
        source = source if source.kind != K.P_CELL else self._present(source)
        self._must_fit(target, source, to, of, count)
        k, end, top = self.temp(K.V_INT), self.p.label(), self.p.label()
        self.emit(Op.LOADI_I, k, 1)
        write, read = self._cell_writer(target), self._cell_reader(source)
        self.fork(Op.FOR_PREP, k, count, end)
        self.p.place(top)
        self._copy_columns(target, source, read, write, to, of)
        for row in (to, of):
            self.emit(Op.ADDI_I, row, row, 1)
        self.fork(Op.FOR, k, count, top)
        self.p.place(end)

    def _own(self, number: int) -> int:
        register = self.temp(K.V_INT)
        self.emit(Op.MOV_I, register, number)
        self.emit(Op.VALID_TEST_I, register)
        return register

    def _present(self, source: Place) -> Place:
        """The values that an object has now, as a record of their own: what is copied does not change under way."""
        assert source.struct is not None
        return self._held(source, self.rows_source(source), source.struct)

    def _held(self, place: Place, register: int, struct: Struct) -> Place:
        """A register with rows of a form of the place's structure, as a record."""
        held = Symbol(place.name, K.S_LOCAL, K.V_RECORD, self.here.index, struct)
        held.register = register
        return Place(K.P_WHOLE, K.V_RECORD, held, struct, name=place.name)

    def rows_to_object(self, place: Place, register: int, code: int) -> None:
        """What an action has read into a register goes to the object by requests. Nothing does where it read nothing."""
        assert place.struct is not None
        found, end = self._held(place, register, place.struct.values()), self.p.label()
        if place.whole:
            self._all_to_object(place, found, end)
        else:
            self.fork(Op.BRI_NE_I, code, 0, end)
            write, read = self._cell_writer(place), self._cell_reader(found)
            self._copy_columns(place, found, read, write, self._kept_index(place), self.load(1, K.V_INT))
        self.p.place(end)

    def _all_to_object(self, place: Place, found: Place, none: Label) -> None:
        """The object has as many rows as were found; it cannot have none."""
        fits, rows = self.p.label(), self._rows_of(found)
        self.fork(Op.BRI_LT_I, rows, 1, none)
        self.fork(Op.BR_EQ_I, rows, self._rows_of(place), fits)
        self.object_rows(place, REDIM, self.load(0, K.V_INT), rows)
        self.p.place(fits)
        self._copy_all(place, found)

    def _must_fit(self, target: Place, source: Place, to: int, of: int, count: int) -> None:
        bad, fine = self.p.label(), self.p.label()
        self.fork(Op.BRI_LT_I, count, 0, bad)
        for place, first in ((source, of), (target, to)):
            self.fork(Op.BRI_LT_I, first, 1, bad)
            behind, rows = self.temp(K.V_INT), self._rows_of(place)
            self.emit(Op.ADD_I, behind, first, count)
            self.emit(Op.ADDI_I, rows, rows, 1)
            self.fork(Op.BR_LT_I, rows, behind, bad)
            self.free(rows)
            self.free(behind)
        self.jump(Op.JUMP, fine)
        self.p.place(bad)
        self.emit(Op.RAISE_NR, 0, 0, 0, RANGE_ERROR)
        self.p.place(fine)

    def rows_source(self, place: Place) -> int:
        """Record operand of a whole structure, or of a row of an object, that is read."""
        if place.kind != K.P_CELL:
            return self.fresh(place.symbol)  # type: ignore[arg-type]
        return self._read_rows(place, place.struct)

    def _read_rows(self, place: Place, struct: Struct | None) -> int:
        """Present rows of an object. In the form of a NOALIAS record: the values behind the links."""
        register = self.temp(K.V_RECORD, struct)
        self.emit(Op.RD_C, register, self.reference(place))
        return register

    def rows_for(self, place: Place, struct: Struct | None) -> int:
        """Record operand of a row or whole, in the form of a record of this structure: values in place of links, or no links."""
        if struct is None or place.struct is None or place.struct.boxed == struct.boxed or UNTYPED in (place.struct, struct):
            return self.row_copy(place) if place.kind == K.P_ROW else self.rows_source(place)
        if place.kind == K.P_CELL:
            return self._read_rows(place, struct)
        register = self.temp(K.V_RECORD, struct)
        made = self._held(place, register, struct)
        if place.kind == K.P_WHOLE:
            self.emit(Op.REDIM, register, self._rows_of(place))
            self._copy_all(made, place, struct.boxed)
        else:
            one = self.load(1, K.V_INT)
            self.emit(Op.REDIM, register, one)
            self._copy_columns(made, place, self._cell_reader(place), self._cell_writer(made), one, self._kept_index(place), struct.boxed)
        return register

    def _all(self, place: Place) -> Place:
        """The whole that a row or column belongs to."""
        kind = K.P_CELL if place.base else K.P_WHOLE
        return Place(kind, K.V_RECORD, place.symbol, place.struct, base=place.base, entry=place.entry, node=place.node, name=place.name)


def _bound(place: Place) -> bool:
    return place.kind in (K.P_WHOLE, K.P_ROW) and place.symbol is not None and place.symbol.bound


def _as_it_is(target: Place, source: Place) -> bool:
    """Rows of the same form without Object items: what is copied into one of those goes to the object that it is linked to."""
    assert target.struct is not None and source.struct is not None
    same = target.struct.boxed == source.struct.boxed or source.struct is UNTYPED
    return same and not target.struct.links
