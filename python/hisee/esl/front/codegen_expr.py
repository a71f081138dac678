"""Code of expressions, references, conditions. `value` answers a register; the last instruction writes `dest` if one is given."""

from __future__ import annotations

from hisee.esl.front import lexer as L
from hisee.esl.front.checker_expr import FUNCTIONS, LETTER_TYPES, PICTURE_FUNCTIONS, RELATIONS, common_type, result_type
from hisee.esl.front.codegen_base import Registers, typed
from hisee.esl.front.nodes import (
    N_ATTR,
    N_BINARY,
    N_FUNC,
    N_PAREN,
    N_UNARY,
    V_ANY,
    V_BOOL,
    V_INT,
    V_NONE,
    V_OBJECT,
    V_REAL,
    V_TEXT,
    V_TIME,
)
from hisee.esl.front.symbols import P_CELL, P_CONST, P_ITEM, P_PVAR, P_SCALAR, P_WHOLE, S_SPECIAL, UNTYPED, Place, Symbol, type_of_word
from hisee.esl.optimisations import BRANCH, BRANCH_CONSTANT, HOT, IMMEDIATE, IN_PLACE, REAL_CONSTANT
from hisee.esl.unit import Arg, Label, Mode, Type
from hisee.schema.actions import ActionId
from hisee.schema.opcodes import Op

ARITH = {L.T_PLUS: 0, L.T_MINUS: 1, L.T_STAR: 2, L.T_SLASH: 3, L.T_AND: 4, L.T_OR: 5}
COMPARE = {L.T_LT: 0, L.T_LE: 1, L.T_EQ: 2, L.T_NE: 3, L.T_GT: 4, L.T_GE: 5}
RELATION_OPS = {L.T_LT: ("LT", False), L.T_LE: ("LE", False), L.T_EQ: ("EQ", False), L.T_NE: ("NE", False), L.T_GT: ("LT", True),
                L.T_GE: ("LE", True)}
OPPOSITE = {L.T_LT: L.T_GE, L.T_LE: L.T_GT, L.T_EQ: L.T_NE, L.T_NE: L.T_EQ, L.T_GT: L.T_LE, L.T_GE: L.T_LT}
SHORT = {L.T_LT: "LT", L.T_LE: "LE", L.T_EQ: "EQ", L.T_NE: "NE", L.T_GT: "GT", L.T_GE: "GE"}
NUMBER_OPS = {
    (L.T_PLUS, V_INT): Op.ADD_I, (L.T_MINUS, V_INT): Op.SUB_I, (L.T_STAR, V_INT): Op.MUL_I, (L.T_PLUS, V_REAL): Op.ADD_R,
    (L.T_MINUS, V_REAL): Op.SUB_R, (L.T_STAR, V_REAL): Op.MUL_R,
}
REAL_CONSTANT_OPS = {L.T_PLUS: Op.ADDK_R, L.T_MINUS: Op.SUBK_R, L.T_STAR: Op.MULK_R, L.T_SLASH: Op.DIVK_R}
# functions that have an opcode of their own: name -> (opcode by type of the arguments)
HOT_ONE = {"%abs": {V_INT: Op.ABS_I, V_REAL: Op.ABS_R}, "%sqrt": {V_REAL: Op.SQRT_R}, "%strlen": {V_TEXT: Op.LEN_T}}
HOT_TWO = {
    "%min": {V_INT: Op.MIN_I, V_REAL: Op.MIN_R}, "%max": {V_INT: Op.MAX_I, V_REAL: Op.MAX_R}, "%mod": {V_INT: Op.MOD_I},
    "%div": {V_INT: Op.IDIV_I},
}


class ExpressionCode(Registers):
    """value(node, want): the register of a node as type `want` (V_NONE: its own type)."""

    def value(self, node: int, want: int = V_NONE, dest: int = -1) -> int:
        kind = self.type_of(node)
        known = self.checked.known.get(node)  # type: ignore[attr-defined]
        if known is not None and (want in (V_NONE, kind) or want == V_REAL and kind == V_INT):
            return self.load(known, want or kind, dest)
        target = want or kind
        direct = dest if kind == target and IN_PLACE not in self.without else -1
        shape = self.tree.kind[node]
        if shape == N_BINARY:
            register = self._chain(node, direct)
        elif shape == N_PAREN:
            return self.value(self.tree.a[node], want, dest)
        elif shape == N_UNARY:
            register = self._unary(node, kind, direct)
        elif shape == N_ATTR:
            register = self._attribute(node, direct)
        elif shape == N_FUNC:
            register, kind = self._function(node, target, dest)
        elif known is not None:
            register = self.load(known, kind)
        else:
            register, kind = self.read_place(self.checked.places[node], target, dest)  # type: ignore[attr-defined]
        return self.convert(register, kind, target, dest)

    def type_of(self, node: int) -> int:
        return self.checked.typ[node]  # type: ignore[attr-defined, no-any-return]

    # operators
    def _chain(self, node: int, dest: int) -> int:
        """The left spine in a loop; operands keep their order of evaluation."""
        tree, spine = self.tree, []
        known = self.checked.known  # type: ignore[attr-defined]
        while tree.kind[node] == N_BINARY and node not in known:
            spine.append(node)
            node = tree.b[node]
        left, kind = self.value(node), self.type_of(node)
        for at in reversed(spine):
            left = self._binary(at, left, kind, dest if at == spine[0] else -1)
            kind = self.type_of(at)
        return left

    def _binary(self, node: int, left: int, kind: int, dest: int) -> int:
        op, right_node = self.tree.a[node], self.tree.c[node]
        right_kind, result = self.type_of(right_node), self.type_of(node)
        if V_ANY in (kind, right_kind):
            return self._binary_any(op, left, kind, right_node, dest)
        if op in RELATIONS:
            return self._relation(op, left, kind, right_node, right_kind, dest)
        if V_TIME in (kind, right_kind):
            return self._time(op, left, kind, right_node, right_kind, dest)
        return self._arithmetic(op, left, kind, right_node, right_kind, result, dest)

    def _three(self, op: Op, kind: int, left: int, right: int, dest: int) -> int:
        """a := b op c; the left operand's register is used again when it is temporary and of that type."""
        reuse = dest < 0 and left in self.busy and self.busy[left][0] == kind and IN_PLACE not in self.without
        result = left if reuse else self.dest(dest, kind)
        self.emit(op, result, left, right)
        self.free(right)
        if not reuse:
            self.free(left)
        return result

    def _binary_any(self, op: int, left: int, kind: int, right_node: int, dest: int) -> int:
        left = self.convert(left, kind, V_ANY)
        right = self.value(right_node, V_ANY)
        result = self.dest(dest, V_BOOL if op in RELATIONS else V_ANY)
        if op in RELATIONS:
            self.emit(Op.CMP_ANY, result, left, right, x=COMPARE[op])
        else:
            self.emit(Op.BIN_ANY, result, left, right, x=ARITH[op])
        self.free(left)
        self.free(right)
        return result

    def _relation(self, op: int, left: int, kind: int, right_node: int, right_kind: int, dest: int) -> int:
        common = self._compared_as(kind, right_kind)
        left = self.convert(left, kind, common)
        right = self.value(right_node, common)
        name, swapped = RELATION_OPS[op]
        first, second = (right, left) if swapped else (left, right)
        return self._three(typed(name, common), V_BOOL, first, second, dest)

    def _compared_as(self, left: int, right: int) -> int:
        if left == right:
            return left
        return V_REAL if V_REAL in (left, right) else V_INT

    def _time(self, op: int, left: int, kind: int, right_node: int, right_kind: int, dest: int) -> int:
        if kind == right_kind:
            return self._three(Op.DIFF_M, V_REAL, left, self.value(right_node), dest)
        if kind == V_TIME:
            right = self.value(right_node, V_REAL)
            return self._three(Op.ADD_M if op == L.T_PLUS else Op.SUB_M, V_TIME, left, right, dest)
        seconds = self.convert(left, kind, V_REAL)
        return self._three(Op.ADD_M, V_TIME, self.value(right_node), seconds, dest)

    def _arithmetic(self, op: int, left: int, kind: int, right_node: int, right_kind: int, result: int, dest: int) -> int:
        if result == V_TEXT:
            return self._three(Op.CAT_T, V_TEXT, left, self.value(right_node), dest)
        if op in (L.T_AND, L.T_OR):
            code = Op.AND_I if result == V_INT else Op.AND_B if op == L.T_AND else Op.OR_B
            return self._three(code, result, left, self.value(right_node), dest)
        if op == L.T_SLASH:
            return self._divide(left, kind, right_node, right_kind, result, dest)
        left = self.convert(left, kind, result)
        constant = self._small(op, right_node, result) or self._real_constant(op, right_node, result)
        if constant is not None:
            return self._with_constant(constant[0], result, left, constant[1], dest)
        return self._three(NUMBER_OPS[op, result], result, left, self.value(right_node, result), dest)

    def _divide(self, left: int, kind: int, right_node: int, right_kind: int, result: int, dest: int) -> int:
        if result == V_INT:
            return self._three(Op.DIV_B, V_INT, left, self.value(right_node), dest)
        if kind == right_kind == V_INT:
            return self._three(Op.DIV_II, V_REAL, left, self.value(right_node), dest)
        left = self.convert(left, kind, V_REAL)
        constant = self._real_constant(L.T_SLASH, right_node, V_REAL)
        if constant is not None:
            return self._with_constant(constant[0], V_REAL, left, constant[1], dest)
        return self._three(Op.DIV_R, V_REAL, left, self.value(right_node, V_REAL), dest)

    def _small(self, op: int, node: int, kind: int) -> tuple[Op, int] | None:
        """INT + - * with a small number has opcodes of its own."""
        known = self.checked.known.get(node)  # type: ignore[attr-defined]
        if IMMEDIATE in self.without or kind != V_INT or isinstance(known, bool):
            return None
        if not isinstance(known, int) or not -32768 < known < 32768:
            return None
        if op == L.T_STAR:
            return Op.MULI_I, known
        return Op.ADDI_I, known if op == L.T_PLUS else -known

    def _real_constant(self, op: int, node: int, kind: int) -> tuple[Op, int] | None:
        """REAL + - * / with a known number; its index must fit 16 bits."""
        known = self.checked.known.get(node)  # type: ignore[attr-defined]
        if REAL_CONSTANT in self.without or kind != V_REAL or isinstance(known, bool) or not isinstance(known, (int, float)):
            return None
        index = self.unit.const(Type.REAL, float(known))
        return (REAL_CONSTANT_OPS[op], index) if index < 65536 else None

    def _with_constant(self, op: Op, kind: int, left: int, constant: int, dest: int) -> int:
        reuse = dest < 0 and left in self.busy and self.busy[left][0] == kind and IN_PLACE not in self.without
        result = left if reuse else self.dest(dest, kind)
        self.emit(op, result, left, constant)
        if not reuse:
            self.free(left)
        return result

    def _unary(self, node: int, kind: int, dest: int) -> int:
        op, inner = self.tree.a[node], self.tree.b[node]
        operand = self.value(inner, kind)
        result = self.dest(dest, kind)
        if kind == V_ANY:
            self.emit(Op.NOT_ANY if op == L.T_NOT else Op.NEG_ANY, result, operand)
        else:
            self.emit(Op.NOT_B if op == L.T_NOT else typed("NEG", kind), result, operand)
        self.free(operand)
        return result

    # functions
    def _function(self, node: int, want: int, dest: int) -> tuple[int, int]:
        name = self.checked.folded(self.tree.a[node])
        args = self.tree.items(self.tree.b[node])
        if name in PICTURE_FUNCTIONS:
            return self.picture_function(name, args, dest if self.type_of(node) == want else -1)
        row = FUNCTIONS[name]
        types = [self.type_of(a) for a in args]
        kind = result_type(row, types)
        if kind == V_ANY and not any(p[1] == "U" for p in row.parameters) and want in (V_BOOL, V_INT, V_REAL, V_TIME, V_TEXT):
            kind = want
        elif kind != self.type_of(node):
            kind = self.type_of(node)
        result = dest if dest >= 0 and kind == want else -1
        if row.host:
            return self._host_function(row, self._arguments(row, args, types), kind, result)
        if row.letters[:1] == "C":
            return self._column_function(row, args[0], self.type_of(node), dest if self.type_of(node) == want else -1)
        hot = self._hot(name, args, types, kind, result)
        if hot >= 0:
            return hot, kind
        given = self._arguments(row, args, types)
        register = self.dest(result, kind)
        self.function(row.number, given, self.arg_out(kind, register))
        for argument in given:
            self.free(argument.register)
        return register, kind

    def _host_function(self, row, given: list[Arg], kind: int, dest: int) -> tuple[int, int]:  # type: ignore[no-untyped-def]
        """A function that the process around the VM does: the action FUNCTION with its number. One without result answers as well.

        Waiting is the host's business: for the machine this is no waiting action, so that _ERR_NR_TRANS_EX stays as it was.
        """
        register = self.dest(dest, kind or V_INT)
        number = self.load(row.number, V_INT)
        self.act(ActionId.FUNCTION, [self.arg_in(V_INT, number), self.arg_out(kind or V_INT, register), *given], False)
        for used in (number, *(argument.register for argument in given)):
            self.free(used)
        return register, kind

    def _column_function(self, row, column: int, kind: int, dest: int) -> tuple[int, int]:  # type: ignore[no-untyped-def]
        """The record and the index of its column."""
        place: Place = self.checked.places[column]  # type: ignore[attr-defined]
        assert place.symbol is not None
        index = self.load(place.column, V_INT)
        register = self.dest(dest, kind)
        given = [Arg(Mode.IN, Type.RECORD, self.record(place.symbol)), self.arg_in(V_INT, index)]
        self.function(row.number, given, self.arg_out(kind, register))
        self.free(index)
        return register, kind

    def _arguments(self, row, args: list[int], types: list[int]) -> list[Arg]:  # type: ignore[no-untyped-def]
        letters = [row.parameters[min(i, len(row.parameters) - 1)][1] for i in range(len(args))]
        united = [t for t, letter in zip(types, letters, strict=True) if letter == "U"]
        common = common_type(united) if united and row.result == "U" else V_ANY
        given = []
        for arg, kind, letter in zip(args, types, letters, strict=True):
            want = self._argument_type(kind, letter, common)
            given.append(self.arg_in(want, self.value(arg, want)))
        return given

    def _argument_type(self, kind: int, letter: str, common: int) -> int:
        if letter == "N":
            return {V_INT: V_INT, V_BOOL: V_INT}.get(kind, V_REAL)
        if letter == "U":
            return V_REAL if common == V_REAL else kind
        return LETTER_TYPES[letter]

    def _hot(self, name: str, args: list[int], types: list[int], kind: int, dest: int) -> int:
        """Opcode instead of a call, where there is one for these types; -1 where not."""
        if HOT in self.without:
            return -1
        if len(args) == 1 and name in HOT_ONE:
            want = V_REAL if name == "%sqrt" else V_TEXT if name == "%strlen" else kind
            op = HOT_ONE[name].get(want)
            if op is None:
                return -1
            operand = self.value(args[0], want)
            result = self.dest(dest, kind)
            self.emit(op, result, operand)
            self.free(operand)
            return result
        if len(args) == 2 and kind in HOT_TWO.get(name, {}):
            left = self.value(args[0], kind)
            return self._three(HOT_TWO[name][kind], kind, left, self.value(args[1], kind), dest)
        return -1

    def picture_function(self, name: str, args: list[int], dest: int) -> tuple[int, int]:
        """A %HI_ action; its result, or -1."""
        row = PICTURE_FUNCTIONS[name]
        wanted = [type_of_word(o[2]) for o in row.operands if o[1] == "IN"]
        given = [self.arg_in(want, self.value(arg, want)) for arg, want in zip(args, wanted, strict=True)]
        kind = type_of_word(row.result) if row.result else V_NONE
        register = -1
        if kind:
            register = self.dest(dest, kind)
            given.append(self.arg_out(kind, register))
        self.act(row.number, given, row.waits == "always")
        for argument in given:
            if argument.register != register:
                self.free(argument.register)
        return register, kind

    # reading places
    def read_place(self, place: Place, want: int = V_NONE, dest: int = -1) -> tuple[int, int]:
        """(register, type) of the value at a place; cells are read as the wanted type."""
        symbol = place.symbol
        if place.kind == P_SCALAR or place.kind == P_CONST:
            return self._read_name(place, want, dest)
        if place.kind == P_PVAR:
            assert symbol is not None
            register = self.dest(dest if want == place.type else -1, place.type)
            self.emit(typed("PV_RD", place.type), register, self.variable(symbol))
            return register, place.type
        if place.kind == P_ITEM:
            register = self.dest(dest if want == place.type else -1, place.type)
            self.load_item(place, register)
            return register, place.type
        return self._read_cell(place, want or place.type, dest)

    def _read_name(self, place: Place, want: int, dest: int) -> tuple[int, int]:
        symbol = place.symbol
        assert symbol is not None
        direct = dest if want == symbol.type else -1
        if symbol.kind == S_SPECIAL:
            register = self.dest(direct, symbol.type)
            self.emit(Op[str(symbol.value)], register)
            return register, symbol.type
        if symbol.value is not None:
            return self.load(symbol.value, symbol.type, direct), symbol.type  # type: ignore[arg-type]
        return self.read_symbol(symbol, direct), symbol.type

    def _read_cell(self, place: Place, kind: int, dest: int) -> tuple[int, int]:
        register = self.dest(dest, kind)
        if place.base == "name" and place.index < 0:
            self.emit(typed("RDK", kind), register, self.object_index(place))
            return register, kind
        if place.base == "self":
            raise AssertionError("SELF.HIP has no value")
        reference = self.reference(place)
        self.emit(typed("RD", kind), register, reference)
        self.free(reference)
        return register, kind

    def load_item(self, place: Place, register: int) -> None:
        assert place.symbol is not None
        index = self.value(place.index, V_INT)
        if place.struct is UNTYPED:
            self._field(ActionId.FIELD, Mode.IN, place, index, self.arg_out(V_ANY, register))
            return
        kind = place.struct.columns[place.column][1]  # type: ignore[union-attr]
        if place.symbol.bound:
            self.load_bound(place.symbol, index, place.column, kind, register)
            self.free(index)
            return
        if place.column < 256:
            self.emit(typed("LD", kind), register, self.record(place.symbol), index, x=place.column)
        else:
            self.emit(Op.LDW, register, self.record(place.symbol), index)
            self.emit(Op.EXT, place.column)
        self.free(index)

    def store_item(self, place: Place, register: int) -> None:
        assert place.symbol is not None
        index = self.value(place.index, V_INT)
        if place.struct is UNTYPED:
            self._field(ActionId.FIELD_PUT, Mode.INOUT, place, index, self.arg_in(V_ANY, register))
            return
        kind = place.struct.columns[place.column][1]  # type: ignore[union-attr]
        if place.symbol.bound:
            self.store_bound(place.symbol, index, place.column, kind, register)
        if place.column < 256:
            self.emit(typed("ST", kind), self.record(place.symbol), index, register, x=place.column)
        else:
            self.emit(Op.STW, self.record(place.symbol), index, register)
            self.emit(Op.EXT, place.column)
        self.free(index)

    def _field(self, action: int, mode: Mode, place: Place, index: int, value: Arg) -> None:
        """An item of a RECORD without a structure, by the name of its column."""
        assert place.symbol is not None
        name = self.load(place.name, V_TEXT)
        record = Arg(mode, Type.RECORD, self.record(place.symbol))
        self.act(action, [record, self.arg_in(V_INT, index), self.arg_in(V_TEXT, name), value], False)
        self.free(name)
        self.free(index)

    # rows that stand for rows of objects
    def fresh(self, symbol: Symbol) -> int:
        """Record operand of a record that is about to be read as a whole."""
        register = self.record(symbol)
        if symbol.bound:
            self.act(ActionId.REFRESH, [Arg(Mode.INOUT, Type.RECORD, register)], False)
        return register

    def _bond(self, symbol: Symbol, row: int, column: int, local: Label) -> int:
        """Reference of the object's item; where the row is not bound the code goes on at `local`."""
        reference, is_bound = self.temp(V_OBJECT), self.temp(V_BOOL)
        self.emit(Op.BOUND, reference, self.record(symbol), row, x=column + 1)
        self.emit(Op.LINKED, is_bound, reference)
        self.emit(Op.BR_FALSE, is_bound, 0, local)
        self.free(is_bound)
        return reference

    def load_bound(self, symbol: Symbol, row: int, column: int, kind: int, register: int) -> None:
        local, end = self.p.label(), self.p.label()
        reference = self._bond(symbol, row, column, local)
        self.emit(typed("RD", kind), register, reference)
        self.free(reference)
        self.emit(Op.JUMP, end)
        self.p.place(local)
        self.emit(typed("LD", kind), register, self.record(symbol), row, x=column)
        self.p.place(end)

    def store_bound(self, symbol: Symbol, row: int, column: int, kind: int, register: int) -> None:
        """The request to the object, where the row is bound; the own copy is written in any case."""
        local = self.p.label()
        reference = self._bond(symbol, row, column, local)
        self.set_cell(reference, register, kind)
        self.free(reference)
        self.p.place(local)

    def set_cell(self, reference: int, register: int, kind: int, weak: int = -1, time: int = -1, flags: int = -1) -> None:
        raise NotImplementedError

    # references to objects
    def reference(self, place: Place) -> int:
        """OBJECT register of a cell, row or whole object."""
        base = self._base(place)
        if place.index < 0:
            return base
        index = self.value(place.index, V_INT)
        return self.item(base, index, place.column + 1)

    def _base(self, place: Place) -> int:
        if place.base == "alias":
            assert place.symbol is not None
            return self.read_symbol(place.symbol)
        register = self.temp(V_OBJECT)
        if place.base == "name":
            self.emit(Op.OBJ, register, self.object_index(place))
        elif place.base == "hbj":
            number = self.value(place.node, V_INT)
            self.emit(Op.OBJ_HBJ, register, number)
            self.free(number)
        elif place.base == "item":
            assert place.item is not None
            self.load_item(place.item, register)
        else:
            self.emit(Op.OBJ_NONE, register)
        return register

    def item(self, base: int, index: int, column: int) -> int:
        """base[index]^column, columns from 1, 0 = the row."""
        register = self.temp(V_OBJECT)
        if column < 256:
            self.emit(Op.ITEM, register, base, index, x=column)
        else:
            self.emit(Op.ITEMW, register, base, index)
            self.emit(Op.EXT, column)
        self.free(base)
        self.free(index)
        return register

    # attributes
    def _attribute(self, node: int, dest: int) -> int:
        name = self.checked.folded(self.tree.b[node])
        place: Place = self.checked.places[self.tree.a[node]]  # type: ignore[attr-defined]
        if name == "dim" and place.kind == P_WHOLE:
            assert place.symbol is not None
            register = self.dest(dest, V_INT)
            self.emit(Op.DIM, register, self.record(place.symbol))
            return register
        if place.kind == P_CELL:
            return self._cell_attribute(name, place, dest)
        if name == "vld":
            return self._valid(place, dest)
        assert place.symbol is not None
        companion = place.symbol.time if name == "tim" else place.symbol.weak
        assert companion is not None
        return self.read_symbol(companion, dest)

    def _cell_attribute(self, name: str, place: Place, dest: int) -> int:
        op, kind = {"vld": (Op.ATTR_VLD, V_BOOL), "tim": (Op.ATTR_TIM, V_TIME), "wea": (Op.ATTR_WEA, V_BOOL), "dim": (Op.ATTR_DIM, V_INT),
                    "hbj": (Op.HBJ, V_INT)}[name]
        if place.base == "self":
            register = self.dest(dest, V_INT)
            self.emit(Op.PV_RD_I, register, self.variable(self.checked.predefined["_from_hip"]))
            return register
        reference = self.reference(place)
        register = self.dest(dest, kind)
        self.emit(op, register, reference)
        self.free(reference)
        return register

    def _valid(self, place: Place, dest: int) -> int:
        operand, kind = self.read_place(place, place.type)
        register = self.dest(dest, V_BOOL)
        self.emit(typed("VALID", kind), register, operand)
        self.free(operand)
        return register

    # conditions
    def branch(self, node: int, target: Label, when: bool) -> None:
        """Go to `target` when the condition is `when`; an invalid condition raises."""
        while self.tree.kind[node] == N_PAREN:
            node = self.tree.a[node]
        kind = self.type_of(node)
        if self.tree.kind[node] == N_BINARY and self.tree.a[node] in RELATIONS and self._branch_relation(node, target, when):
            return
        if self.tree.kind[node] == N_UNARY and kind == V_BOOL:
            self.branch(self.tree.b[node], target, not when)
            return
        register = self.value(node)
        if kind not in (V_BOOL, V_ANY):
            self.emit(Op.RAISE_NR, x=2)
            self.free(register)
            return
        if kind == V_ANY:
            self._only_bool(register)
        register = self.convert(register, kind, V_BOOL)
        self.emit(Op.BR_TRUE if when else Op.BR_FALSE, register, 0, target)
        self.free(register)

    def _only_bool(self, register: int) -> None:
        """A condition whose type is found when it runs: another one than BOOL raises, as in the text."""
        number, fine = self.temp(V_INT), self.p.label()
        self.function(FUNCTIONS["%typeof"].number, [self.arg_in(V_ANY, register)], self.arg_out(V_INT, number))
        self.emit(Op.BRI_EQ_I, number, V_BOOL, fine)
        self.emit(Op.RAISE_NR, x=2)
        self.p.place(fine)
        self.free(number)

    def _branch_relation(self, node: int, target: Label, when: bool) -> bool:
        tree = self.tree
        op = tree.a[node] if when else OPPOSITE[tree.a[node]]
        left, right = self.type_of(tree.b[node]), self.type_of(tree.c[node])
        if V_ANY in (left, right) or BRANCH in self.without:
            return False
        common = self._compared_as(left, right)
        if common not in (V_INT, V_REAL, V_TIME):
            return False
        first = self.value(tree.b[node], common)
        known = self.checked.known.get(tree.c[node]) if BRANCH_CONSTANT not in self.without else None  # type: ignore[attr-defined]
        if common == V_INT and isinstance(known, int) and not isinstance(known, bool) and -32768 <= known < 32768:
            self.emit(Op[f"BRI_{SHORT[op]}_I"], first, known, target)
        elif known is not None and (constant := self._real_constant(L.T_PLUS, tree.c[node], common)) is not None:
            self.emit(Op[f"BRK_{SHORT[op]}_R"], first, constant[1], target)
        else:
            second = self.value(tree.c[node], common)
            name, swapped = RELATION_OPS[op]
            pair = (second, first) if swapped else (first, second)
            self.emit(typed("BR_" + name, common), *pair, target)
            self.free(second)
        self.free(first)
        return True


