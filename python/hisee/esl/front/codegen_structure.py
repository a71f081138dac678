# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of actions on rows, columns and data containers, and of rows bound to rows of objects."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Arg
from hisee.esl.front.codegen_actions import ActionCode
from hisee.esl.front.codegen_copy import DELETE
from hisee.esl.front.symbols import Place, Symbol
from hisee.esl.front.words import CNT_ORDER, LST_ORDER
from hisee.esl.unit import Mode, Type
from hisee.schema.actions import ActionId

GUARDED = 3  # operand of GUARD: with a label
Backs = list[tuple[Place, int, int]]


class StructureCode(ActionCode):
    # rows
    def sort(self, node: int) -> None:
        keys = self.tree.items(self.tree.a[node])
        places: list[Place] = [self.placed(column) for column in keys[::2]]
        symbol = places[0].symbol
        assert symbol is not None
        args = [Arg(Mode.INOUT, Type.RECORD, self.fresh(symbol))]
        for place, ascending in zip(places, keys[1::2], strict=True):
            args += [self.arg_in(K.V_INT, self.load(place.column, K.V_INT)), self.arg_in(K.V_BOOL, self.value(ascending, K.V_BOOL))]
        self.act(ActionId.SORT, args, False)

    def delete(self, node: int) -> None:
        tree = self.tree
        place = self.placed(tree.a[node])
        first = self.value(tree.b[node], K.V_INT)
        count = self.value(tree.c[node], K.V_INT) if tree.c[node] >= 0 else self.load(1, K.V_INT)
        if place.kind == K.P_CELL:
            self.object_rows(place, DELETE, first, count)
        else:
            self.emit(Op.DELETE, self.record(place.symbol), first, count)  # type: ignore[arg-type]

    def copy_rows(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        source = self.placed(tree.b[node])
        to_from, of_from, count = [self.value(n, K.V_INT) for n in tree.items(tree.c[node])]
        if target.kind == K.P_CELL:
            self.copy_rows_to_object(target, source, [to_from, of_from, count])
            return
        of = self.rows_for(source, target.struct)
        self.act(ActionId.COPY_ROWS, [Arg(Mode.INOUT, Type.RECORD, self.record(target.symbol)),  # type: ignore[arg-type]
                                      self.arg_in(K.V_INT, to_from), Arg(Mode.IN, Type.RECORD, of), self.arg_in(K.V_INT, of_from),
                                      self.arg_in(K.V_INT, count)], False)

    def find_true(self, node: int) -> None:
        """A loop under a guard: whatever fails inside ends it, and its number is the return code."""
        tree = self.tree
        symbol = self.checked.symbol_of(tree.a[node], node)
        assert symbol is not None
        failed, found, none, top, end = (self.p.label() for _ in range(5))
        code = self.temp(K.V_INT)
        self.jump(Op.GUARD, failed, GUARDED)
        most = self.hold(K.V_INT)
        self.value(tree.b[node], K.V_INT, most[0])
        self.p.place(top)
        index = self.read_symbol(symbol)
        self.fork(Op.BR_LT_I, most[0], index, none)
        self.branch(tree.d[node], found, True)
        self._count_to(symbol, index, 1)
        self.jump(Op.LOOP, top)
        self.p.place(none)
        self._count_to(symbol, most[0], 1)
        self.p.place(found)
        self.emit(Op.GUARD, 0, 0, 0, 0)
        self.emit(Op.LOADI_I, code, 0)
        self.jump(Op.JUMP, end)
        self.p.place(failed)
        self.emit(Op.CAUGHT, code)
        self.p.place(end)
        self.store(self.placed(tree.c[node]), code, K.V_INT)
        self.unhold(most)

    def _count_to(self, symbol: Symbol, register: int, more: int) -> None:
        next_one = self.temp(K.V_INT)
        self.emit(Op.ADDI_I, next_one, register, more)
        self.write_symbol(symbol, next_one)
        self.stamp(symbol)
        self.free(next_one)

    # links
    def set_as_structure(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        source = self.checked.place_known(tree.b[node]) if tree.b[node] >= 0 else None
        if target.column >= 0:
            self._link_rows(target, source, bool(tree.d[node]), (target.column,))
        elif target.kind == K.P_ROW:
            assert target.struct is not None
            self._link_row(target, source, bool(tree.d[node]), range(len(target.struct.columns)), -1)
        else:
            assert target.struct is not None
            self._link_rows(target, source, bool(tree.d[node]), range(len(target.struct.columns)))

    def _link_rows(self, target: Place, source: Place | None, direct: bool, columns: range | tuple[int, ...]) -> None:
        """Every row; different numbers of rows raise before anything is linked."""
        rows = self._rows_of(self._all(target))
        if source is not None:
            self.same_rows(self._rows_of(self._all(source)), rows)
        row, end, top = self.temp(K.V_INT), self.p.label(), self.p.label()
        self.emit(Op.LOADI_I, row, 1)
        self.fork(Op.FOR_PREP, row, rows, end)
        self.p.place(top)
        self._link_row(target, source, direct, columns, row)
        self.fork(Op.FOR, row, rows, top)
        self.p.place(end)

    def _link_row(self, target: Place, source: Place | None, direct: bool, columns: range | tuple[int, ...], row: int) -> None:
        to = row if row >= 0 else self._kept_index(target)
        of = row if row >= 0 or source is None else self._kept_index(source)
        base = self.reference(self._whole(self._all(source))) if source is not None and source.base else -1
        assert target.struct is not None
        for column in columns:
            kind = target.struct.columns[column][1]
            if kind == K.V_OBJECT:
                self._link_item(target, to, column, source, base, of, direct)
            elif source is not None:
                value = self._read(base, of, column, kind) if base >= 0 else self._load(source, of, column, kind)
                self._store(target, to, column, kind, value)
                self.free(value)

    def _link_item(self, target: Place, to: int, column: int, source: Place | None, base: int, of: int, direct: bool) -> None:
        from_column = column if source is None or source.column < 0 else source.column
        if source is None:
            link = self.temp(K.V_OBJECT)
            self.emit(Op.OBJ_NONE, link)
        elif base < 0:
            link = self._load(source, of, from_column, K.V_OBJECT)
        else:
            link = self._cell(base, of, from_column)
            if not direct:
                cell, link = link, self.temp(K.V_OBJECT)
                self.emit(Op.RD_O, link, cell)
                self.free(cell)
        self.store_cell(target.symbol, to, column, K.V_OBJECT, link)  # type: ignore[arg-type]
        self.free(link)

    # lists of objects
    def object_list(self, node: int) -> None:
        tree = self.tree
        word, given = LST_ORDER[tree.a[node]], tree.items(tree.b[node])
        if word == "lst_create":
            self._create_list(given)
        elif word == "lst_destroy":
            self.act(ActionId.LST_DESTROY, [self._handle(given[0])], False)
        else:
            step = self.load(1 if word == "lst_go_next" else -1, K.V_INT)
            self.act(ActionId.LST_GO, [self._handle(given[0]), self.arg_in(K.V_INT, step), self._page(given[1])], True)

    def _create_list(self, given: list[int]) -> None:
        mask, kind, group, sort, lines, handle, data, *related = given
        backs: Backs = []
        relation = self.value(related[0], K.V_INT) if related else self.load(0, K.V_INT)
        args = [self.arg_in(K.V_TEXT, self.value(mask, K.V_TEXT)), self.arg_in(K.V_INT, self.value(kind, K.V_INT)),
                self._reference_to(group),
                self.arg_in(K.V_INT, self.value(sort, K.V_INT)), self.arg_in(K.V_INT, self.value(lines, K.V_INT)),
                self.arg_in(K.V_INT, relation),
                self._reference_to(related[1] if related else -1), self._received(handle, backs), self._page(data)]
        self.act(ActionId.LST_CREATE, args, True)
        self._copy_all_back(backs)

    def _reference_to(self, node: int) -> Arg:
        """An object that may be given or not: an alias that is not linked is none."""
        if node >= 0:
            return self.arg_in(K.V_OBJECT, self.reference(self.placed(node)))
        register = self.temp(K.V_OBJECT)
        self.emit(Op.OBJ_NONE, register)
        return self.arg_in(K.V_OBJECT, register)

    def _page(self, node: int) -> Arg:
        return self.record_argument(self.placed(node), Mode.INOUT, [])

    # bound rows
    def set_bind(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        row = self.value(target.index, K.V_INT)
        if tree.b[node] < 0:
            reference = self.temp(K.V_OBJECT)
            self.emit(Op.OBJ_NONE, reference)
        else:
            reference = self.linked(self.placed(tree.b[node]))
        assert target.symbol is not None
        self.act(ActionId.BIND, [Arg(Mode.INOUT, Type.RECORD, self.record(target.symbol)), self.arg_in(K.V_INT, row),
                                 self.arg_in(K.V_OBJECT, reference)], False)

    # containers
    def container(self, node: int) -> None:
        tree = self.tree
        operands = tree.items(tree.b[node])
        CONTAINERS[CNT_ORDER[tree.a[node]]](self, operands, bool(tree.c[node]))

    def _handle(self, node: int) -> Arg:
        return self.arg_in(K.V_INT, self.value(node, K.V_INT))

    def _given(self, node: int) -> Arg:
        """A value, row or structure that goes in."""
        if self.type_of(node) != K.V_RECORD:
            return self.arg_in(self.type_of(node), self.value(node))
        place = self.placed(node)
        if place.kind != K.P_CELL:
            return self.record_argument(place, Mode.IN, [])
        return Arg(Mode.IN, Type.RECORD, self.rows_source(place))

    def _received(self, node: int, backs: Backs) -> Arg:
        place = self.placed(node)
        if place.kind in (K.P_WHOLE, K.P_ROW):
            return self.record_argument(place, Mode.OUT, backs)
        return self.inout(place, Mode.OUT, backs)

    def _copy_all_back(self, backs: Backs) -> None:
        for place, register, kind in backs:
            self.copy_back(place, register, kind)

    def _create(self, operands: list[int], case_sensitive: bool) -> None:
        backs: Backs = []
        handle = self._received(operands[0], backs)
        self.act(ActionId.CNT_CREATE, [handle, self.arg_in(K.V_BOOL, self.load(case_sensitive, K.V_BOOL))], False)
        self._copy_all_back(backs)

    def _put(self, operands: list[int], _: bool) -> None:
        self.act(ActionId.CNT_INSERT, [self._handle(operands[0]), self._given(operands[1]), self._given(operands[2])], False)

    def _find(self, operands: list[int], _: bool) -> None:
        """A value that was not found leaves its variable alone."""
        backs: Backs = []
        found, absent = self.temp(K.V_BOOL), self.p.label()
        args = [self._handle(operands[0]), self._given(operands[1]), self.arg_out(K.V_BOOL, found), self._received(operands[2], backs)]
        self.act(ActionId.CNT_FIND, args, False)
        if backs:
            self.fork(Op.BR_FALSE, found, 0, absent)
            self._copy_all_back(backs)
            self.p.place(absent)
        self.store(self.placed(operands[3]), found, K.V_BOOL)

    def _remove(self, operands: list[int], _: bool) -> None:
        found = self.temp(K.V_BOOL)
        self.act(ActionId.CNT_DELETE, [self._handle(operands[0]), self._given(operands[1]), self.arg_out(K.V_BOOL, found)], False)
        if len(operands) > 2:
            self.store(self.placed(operands[2]), found, K.V_BOOL)

    def _number_of(self, operands: list[int], _: bool) -> None:
        count = self.temp(K.V_INT)
        self.act(ActionId.CNT_GETNR, [self._handle(operands[0]), self.arg_out(K.V_INT, count)], False)
        self.store(self.placed(operands[1]), count, K.V_INT)

    def _item(self, operands: list[int], _: bool) -> None:
        backs: Backs = []
        args = [self._handle(operands[0]), self.arg_in(K.V_INT, self.value(operands[1], K.V_INT)), self._received(operands[2], backs),
                self._received(operands[3], backs)]
        self.act(ActionId.CNT_GETITEM, args, False)
        self._copy_all_back(backs)

    def _to_array(self, operands: list[int], _: bool) -> None:
        self.act(ActionId.CNT_CNVTOARRAY, [self._handle(operands[0])], False)

    def _destroy(self, operands: list[int], _: bool) -> None:
        self.act(ActionId.CNT_DESTROY, [self._handle(operands[0])], False)

    def _name_it(self, operands: list[int], _: bool) -> None:
        self.act(ActionId.CNT_DEBUG, [self._handle(operands[0]), self.arg_in(K.V_TEXT, self.value(operands[1], K.V_TEXT))], False)


CONTAINERS = {
    "cnt_create": StructureCode._create, "cnt_insert": StructureCode._put, "cnt_find": StructureCode._find,
    "cnt_delete": StructureCode._remove, "cnt_getnr": StructureCode._number_of, "cnt_cnvtoarray": StructureCode._to_array,
    "cnt_getitem": StructureCode._item, "cnt_destroy": StructureCode._destroy, "cnt_debug": StructureCode._name_it,
}
