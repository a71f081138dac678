# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of expressions, references, conditions. `value` answers a register; the last instruction writes `dest` if one is given."""

from __future__ import annotations

from array import array

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Arg, Label, UnitBuilder, arg_of
from hisee.esl.front.checker import Checker
from hisee.esl.front.checker_expr import is_relation
from hisee.esl.front.codegen_base import FAMILIES, Registers, typed
from hisee.esl.front.nodes import LETTERS
from hisee.esl.front.signatures import FUNCTIONS, PICTURE_FUNCTIONS, PictureSignature, Signature
from hisee.esl.front.symbols import UNTYPED, Place, Symbol
from hisee.esl.optimisations import BRANCH, BRANCH_CONSTANT, IMMEDIATE, REAL_CONSTANT
from hisee.esl.optimisations import HOT as OPCODES
from hisee.esl.unit import Mode
from hisee.schema.actions import ActionId

TYPES = len(LETTERS)
NO_FAMILY = [0] * TYPES
IN, INOUT = int(Mode.IN), int(Mode.INOUT)
SPECIALS = {"ERR_NR": Op.ERR_NR, "ERR_MSG": Op.ERR_MSG, "ERR_LINE": Op.ERR_LINE, "ERR_EXT": Op.ERR_EXT}
ARITH = {K.T_PLUS: 0, K.T_MINUS: 1, K.T_STAR: 2, K.T_SLASH: 3, K.T_AND: 4, K.T_OR: 5}
COMPARE = {K.T_LT: 0, K.T_LE: 1, K.T_EQ: 2, K.T_NE: 3, K.T_GT: 4, K.T_GE: 5}


def by_operator(numbers: dict[int, int]) -> array[int]:
    """The numbers of a dict as a row: operators are small numbers."""
    return array("i", [numbers.get(op, 0) for op in range(K.T_GT + 1)])


def by_type(families: dict[int, list[int]]) -> array[int]:
    """Families of opcodes by operator, one row: see of_type()."""
    return array("i", [number for op in range(K.T_GT + 1) for number in families.get(op, NO_FAMILY)])


def of_type(op: int, kind: int) -> int:
    """Where the opcode of an operator for operands of a type stands in such a row."""
    return TYPES * op + kind


def by_relation(lead: str, words: str = "LT LE EQ NE LT LE") -> array[int]:
    """Families of opcodes by relation. Where there is no greater-than it is a less-than with its operands changed over."""
    relations = (K.T_LT, K.T_LE, K.T_EQ, K.T_NE, K.T_GT, K.T_GE)
    return by_type({relation: FAMILIES[lead + word] for relation, word in zip(relations, words.split(), strict=True)})


COMPARISONS, BRANCHES = by_relation(""), by_relation("BR_")
BRANCHES_INT, BRANCHES_REAL = by_relation("BRI_", "LT LE EQ NE GT GE"), by_relation("BRK_", "LT LE EQ NE GT GE")
OPPOSITE = by_operator({K.T_LT: K.T_GE, K.T_LE: K.T_GT, K.T_EQ: K.T_NE, K.T_NE: K.T_EQ, K.T_GT: K.T_LE, K.T_GE: K.T_LT})
NUMBER_OPS = by_type({K.T_PLUS: FAMILIES["ADD"], K.T_MINUS: FAMILIES["SUB"], K.T_STAR: FAMILIES["MUL"]})
REAL_CONSTANT_OPS = by_operator({K.T_PLUS: Op.ADDK_R, K.T_MINUS: Op.SUBK_R, K.T_STAR: Op.MULK_R, K.T_SLASH: Op.DIVK_R})
CELL_ATTRIBUTES = {"vld": (Op.ATTR_VLD, K.V_BOOL), "tim": (Op.ATTR_TIM, K.V_TIME), "wea": (Op.ATTR_WEA, K.V_BOOL),
                   "dim": (Op.ATTR_DIM, K.V_INT), "hbj": (Op.HBJ, K.V_INT)}
# functions that have a family of opcodes of their own: how many operands, their type (V_NONE: that of the result)
HOT = {"%abs": ("ABS", 1, K.V_NONE), "%sqrt": ("SQRT", 1, K.V_REAL), "%strlen": ("LEN", 1, K.V_TEXT),
       "%min": ("MIN", 2, K.V_NONE), "%max": ("MAX", 2, K.V_NONE), "%mod": ("MOD", 2, K.V_NONE), "%div": ("IDIV", 2, K.V_NONE)}
for _name, (_family, _operands, _type) in HOT.items():
    _signature: Signature = FUNCTIONS[_name]
    _signature.opcodes, _signature.operands, _signature.operand_type = array("i", FAMILIES[_family]), _operands, _type


class ExpressionCode(Registers):
    """value(node, want): the register of a node as type `want` (K.V_NONE: its own type)."""

    def __init__(self, unit: UnitBuilder, checked: Checker, without: frozenset[str]) -> None:
        super().__init__(unit, checked, without)
        self.immediates, self.real_constants = IMMEDIATE not in without, REAL_CONSTANT not in without
        self.hot = OPCODES not in without
        self.branches, self.branch_constants = BRANCH not in without, BRANCH_CONSTANT not in without

    def value(self, node: int, want: int = K.V_NONE, dest: int = -1) -> int:
        kind = self.type_of(node)
        known = self.checked.known[node]
        if known is not None and (want in (K.V_NONE, kind) or want == K.V_REAL and kind == K.V_INT):
            return self.load(known, want or kind, dest)
        target = want or kind
        shape = self.tree.kind[node]
        if shape == K.N_LOCAL:
            place = self.placed(node)
            symbol = place.symbol
            if symbol is not None and place.kind == K.P_SCALAR and not self.is_global(symbol):
                return self.convert(symbol.register, kind, target, dest)
        elif shape == K.N_PAREN:
            return self.value(self.tree.a[node], want, dest)
        return self._computed(node, shape, kind, target, dest)

    def _computed(self, node: int, shape: int, kind: int, target: int, dest: int) -> int:
        """What is no plain local and not known now."""
        direct = dest if kind == target and self.in_place else -1
        known = self.checked.known[node]
        if shape == K.N_BINARY:
            register = self._chain(node, direct) if known is None else self.load(known, kind)
        elif shape == K.N_UNARY:
            register = self._unary(node, kind, direct)
        elif shape == K.N_ATTR:
            register = self._attribute(node, direct)
        elif shape == K.N_FUNC:
            register, kind = self._function(node, target, dest)
        elif known is not None:
            register = self.load(known, kind)
        else:
            register, kind = self.read_place(self.placed(node), target, dest)
        return self.convert(register, kind, target, dest)

    def type_of(self, node: int) -> int:
        return self.checked.typ[node]

    def placed(self, node: int) -> Place:
        """Place of a reference; the checker has found one."""
        place = self.checked.places[node]
        assert place is not None
        return place

    def known_number(self, node: int) -> int | float | None:
        """An INT or REAL that is known now."""
        known = self.checked.known[node]
        return known if isinstance(known, (int, float)) and not isinstance(known, bool) else None

    # operators
    def _chain(self, node: int, dest: int) -> int:
        """The left spine in a loop; operands keep their order of evaluation."""
        tree, known = self.tree, self.checked.known
        first = tree.b[node]
        if tree.kind[first] != K.N_BINARY or known[first] is not None:
            if known[first] is not None and self._changes_over(node, first):
                right = tree.c[node]
                left, kind = self.value(right), self.type_of(right)
                return self._arithmetic(tree.a[node], left, kind, first, self.type_of(first), self.type_of(node), dest)
            return self._binary(node, self.value(first), self.type_of(first), dest)
        spine = []
        while tree.kind[first] == K.N_BINARY and known[first] is None:
            spine.append(first)
            first = tree.b[first]
        first = spine.pop()
        left, kind = self._chain(first, -1), self.type_of(first)
        for at in reversed(spine):
            left = self._binary(at, left, kind, -1)
            kind = self.type_of(at)
        return self._binary(node, left, kind, dest)

    def _changes_over(self, node: int, first: int) -> bool:
        """Sum or product of a known number and something else: the number can stand on the right, where there are opcodes for it."""
        op, kind = self.tree.a[node], self.type_of(node)
        if op not in (K.T_PLUS, K.T_STAR) or self.type_of(self.tree.c[node]) not in (K.V_INT, K.V_REAL):
            return False
        if kind == K.V_INT:
            return self._is_small(first)
        return kind == K.V_REAL and self.real_constants and self.known_number(first) is not None

    def _binary(self, node: int, left: int, kind: int, dest: int) -> int:
        op, right_node = self.tree.a[node], self.tree.c[node]
        right_kind, result = self.type_of(right_node), self.type_of(node)
        if K.V_ANY in (kind, right_kind):
            return self._binary_any(op, left, kind, right_node, dest)
        if is_relation(op):
            return self._relation(op, left, kind, right_node, right_kind, dest)
        if K.V_TIME in (kind, right_kind):
            return self._time(op, left, kind, right_node, right_kind, dest)
        return self._arithmetic(op, left, kind, right_node, right_kind, result, dest)

    def _three(self, op: int, kind: int, left: int, right: int, dest: int) -> int:
        """a := b op c; the left operand's register is used again when it is temporary and of that type."""
        reuse = dest < 0 and self.is_temp(left, kind) and self.in_place
        result = left if reuse else self.dest(dest, kind)
        self.emit(op, result, left, right)
        self.free(right)
        if not reuse:
            self.free(left)
        return result

    def _binary_any(self, op: int, left: int, kind: int, right_node: int, dest: int) -> int:
        left = self.convert(left, kind, K.V_ANY)
        right = self.value(right_node, K.V_ANY)
        related = is_relation(op)
        result = self.dest(dest, K.V_BOOL if related else K.V_ANY)
        if related:
            self.emit(Op.CMP_ANY, result, left, right, COMPARE[op])
        else:
            self.emit(Op.BIN_ANY, result, left, right, ARITH[op])
        self.free(left)
        self.free(right)
        return result

    def _relation(self, op: int, left: int, kind: int, right_node: int, right_kind: int, dest: int) -> int:
        common = self._compared_as(kind, right_kind)
        left = self.convert(left, kind, common)
        right = self.value(right_node, common)
        code: int = COMPARISONS[of_type(op, common)]
        if op in (K.T_GT, K.T_GE):
            return self._three(code, K.V_BOOL, right, left, dest)
        return self._three(code, K.V_BOOL, left, right, dest)

    def _compared_as(self, left: int, right: int) -> int:
        if left == right:
            return left
        return K.V_REAL if K.V_REAL in (left, right) else K.V_INT

    def _time(self, op: int, left: int, kind: int, right_node: int, right_kind: int, dest: int) -> int:
        if kind == right_kind:
            return self._three(Op.DIFF_M, K.V_REAL, left, self.value(right_node), dest)
        if kind == K.V_TIME:
            right = self.value(right_node, K.V_REAL)
            return self._three(Op.ADD_M if op == K.T_PLUS else Op.SUB_M, K.V_TIME, left, right, dest)
        seconds = self.convert(left, kind, K.V_REAL)
        return self._three(Op.ADD_M, K.V_TIME, self.value(right_node), seconds, dest)

    def _arithmetic(self, op: int, left: int, kind: int, right_node: int, right_kind: int, result: int, dest: int) -> int:
        if result == K.V_TEXT:
            return self._three(Op.CAT_T, K.V_TEXT, left, self.value(right_node), dest)
        if op in (K.T_AND, K.T_OR):
            code = Op.AND_I if result == K.V_INT else Op.AND_B if op == K.T_AND else Op.OR_B
            return self._three(code, result, left, self.value(right_node), dest)
        if op == K.T_SLASH:
            return self._divide(left, kind, right_node, right_kind, result, dest)
        left = self.convert(left, kind, result)
        if result == K.V_INT and self._is_small(right_node):
            return self._immediate(op, left, right_node, dest)
        constant = self._real_constant(right_node, result)
        if constant >= 0:
            return self._with_constant(REAL_CONSTANT_OPS[op], result, left, constant, dest)
        return self._three(NUMBER_OPS[of_type(op, result)], result, left, self.value(right_node, result), dest)

    def _divide(self, left: int, kind: int, right_node: int, right_kind: int, result: int, dest: int) -> int:
        if result == K.V_INT:
            return self._three(Op.DIV_B, K.V_INT, left, self.value(right_node), dest)
        if kind == right_kind == K.V_INT:
            return self._three(Op.DIV_II, K.V_REAL, left, self.value(right_node), dest)
        left = self.convert(left, kind, K.V_REAL)
        constant = self._real_constant(right_node, K.V_REAL)
        if constant >= 0:
            return self._with_constant(Op.DIVK_R, K.V_REAL, left, constant, dest)
        return self._three(Op.DIV_R, K.V_REAL, left, self.value(right_node, K.V_REAL), dest)

    def _is_small(self, node: int) -> bool:
        """INT + - * with a small number has opcodes of its own."""
        known = self.checked.known[node]
        return self.immediates and isinstance(known, int) and not isinstance(known, bool) and -32768 < known < 32768

    def _immediate(self, op: int, left: int, right_node: int, dest: int) -> int:
        number = self.checked.known[right_node]
        if op == K.T_STAR:
            return self._with_constant(Op.MULI_I, K.V_INT, left, number, dest)  # type: ignore[arg-type]
        addend = number if op == K.T_PLUS else -number  # type: ignore[operator]
        return self._with_constant(Op.ADDI_I, K.V_INT, left, addend, dest)  # type: ignore[arg-type]

    def _real_constant(self, node: int, kind: int) -> int:
        """REAL + - * / with a known number: its index, which must fit 16 bits; -1 for everything else."""
        number = self.known_number(node) if kind == K.V_REAL and self.real_constants else None
        if number is None:
            return -1
        index = self.unit.real(float(number))
        return index if index < 65536 else -1

    def _with_constant(self, op: int, kind: int, left: int, constant: int, dest: int) -> int:
        reuse = dest < 0 and self.is_temp(left, kind) and self.in_place
        result = left if reuse else self.dest(dest, kind)
        self.emit(op, result, left, constant)
        if not reuse:
            self.free(left)
        return result

    def _unary(self, node: int, kind: int, dest: int) -> int:
        op, inner = self.tree.a[node], self.tree.b[node]
        operand = self.value(inner, kind)
        result = self.dest(dest, kind)
        if kind == K.V_ANY:
            self.emit(Op.NOT_ANY if op == K.T_NOT else Op.NEG_ANY, result, operand)
        else:
            self.emit(Op.NOT_B if op == K.T_NOT else typed("NEG", kind), result, operand)
        self.free(operand)
        return result

    # functions
    def _function(self, node: int, want: int, dest: int) -> tuple[int, int]:
        number, own = self.tree.b[node], self.type_of(node)
        signature = self.checked.signature_of(self.tree.a[node])
        if signature is None:
            return self.picture_function(self.checked.folded(self.tree.a[node]), self.tree.items(number), dest if own == want else -1)
        kind = signature.result if signature.is_typed() else signature.result_of(self.checked.types_of(number))
        if kind == K.V_ANY and not signature.united and want in (K.V_BOOL, K.V_INT, K.V_REAL, K.V_TIME, K.V_TEXT):
            kind = want
        elif kind != own:
            kind = own
        result = dest if dest >= 0 and kind == want else -1
        if signature.foreign is not None:
            return self._external_function(signature, number, kind, result)
        if signature.host:
            return self._host_function(signature, self._arguments(signature, number), kind, result)
        if signature.column and self.tree.pool[number]:
            return self._column_function(signature, self.tree.pool[number + 1], own, dest if own == want else -1)
        if self._is_hot(signature, number, kind):
            return self._hot(signature, number, kind, result), kind
        return self._built_in(signature, self._arguments(signature, number), kind, result), kind

    def _built_in(self, signature: Signature, given: list[Arg], kind: int, dest: int) -> int:
        register = self.dest(dest, kind)
        self.function(signature.number, given, self.arg_out(kind, register))
        for argument in given:
            self.free(argument.register)
        return register

    def _host_function(self, signature: Signature, given: list[Arg], kind: int, dest: int) -> tuple[int, int]:
        """A function that the process around the VM does: the action FUNCTION with its number. One without result answers as well.

        Waiting is the host's business: for the machine this is no waiting action, so that _ERR_NR_TRANS_EX stays as it was.
        """
        register = self.dest(dest, kind or K.V_INT)
        number = self.load(signature.number, K.V_INT)
        self.act(ActionId.FUNCTION, [self.arg_in(K.V_INT, number), self.arg_out(kind or K.V_INT, register), *given], False)
        for used in (number, *(argument.register for argument in given)):
            self.free(used)
        return register, kind

    def _external_function(self, signature: Signature, number: int, kind: int, dest: int) -> tuple[int, int]:
        """The action EXTERNAL. The unit carries what the object says, so that a call is made as it was checked, whatever is saved later."""
        foreign = signature.foreign
        assert foreign is not None
        texts = [self.arg_in(K.V_TEXT, self.load(text, K.V_TEXT))
                 for text in (signature.name[1:], foreign.library, foreign.declaration, foreign.function)]
        seconds = self._deadline(foreign.seconds)
        given = self._arguments(signature, number)
        register = self.dest(dest, kind or K.V_INT)
        self.act(ActionId.EXTERNAL, [*texts, seconds, self.arg_out(kind or K.V_INT, register), *given], False)
        for used in (*texts, seconds, *given):
            self.free(used.register)
        return register, kind

    def _deadline(self, seconds: float | None) -> Arg:
        """A register; not given = invalid."""
        if seconds is not None:
            return self.arg_in(K.V_REAL, self.load(seconds, K.V_REAL))
        return self.arg_in(K.V_REAL, self.invalid(K.V_REAL))

    def _column_function(self, signature: Signature, column: int, kind: int, dest: int) -> tuple[int, int]:
        """The record and the index of its column."""
        place = self.placed(column)
        assert place.symbol is not None
        index = self.load(place.column, K.V_INT)
        register = self.dest(dest, kind)
        given = [arg_of(IN, K.V_RECORD, self.record(place.symbol)), self.arg_in(K.V_INT, index)]
        self.function(signature.number, given, self.arg_out(kind, register))
        self.free(index)
        return register, kind

    def _arguments(self, signature: Signature, number: int) -> list[Arg]:
        common = K.V_ANY if signature.is_typed() else signature.common(self.checked.types_of(number))
        given, first = [], self.tree.first(number)
        for at in range(first, self.tree.behind(number)):
            node = self.tree.pool[at]
            want = self._argument_type(signature.type_at(at - first), self.type_of(node), common)
            given.append(self.arg_in(want, self.value(node, want)))
        return given

    def _argument_type(self, wanted: int, kind: int, common: int) -> int:
        if wanted == K.L_NUMBER:
            return K.V_INT if kind in (K.V_INT, K.V_BOOL) else K.V_REAL
        if wanted == K.L_UNITED:
            return K.V_REAL if common == K.V_REAL else kind
        return wanted

    def _is_hot(self, signature: Signature, number: int, kind: int) -> bool:
        """Is there an opcode instead of a call for this type of result?"""
        operands = self.tree.pool[number]
        if not self.hot or operands == 0 or operands != signature.operands:
            return False
        return signature.opcodes[signature.operand_type or kind] != 0

    def _hot(self, signature: Signature, number: int, kind: int, dest: int) -> int:
        want = signature.operand_type or kind
        op = signature.opcodes[want]
        left = self.value(self.tree.pool[number + 1], want)
        if signature.operands == 2:
            return self._hot_of_two(op, kind, left, self.tree.pool[number + 2], want, dest)
        result = self.dest(dest, kind)
        self.emit(op, result, left)
        self.free(left)
        return result

    def _hot_of_two(self, op: int, kind: int, left: int, right: int, want: int, dest: int) -> int:
        if op == Op.MOD_I and self._is_small(right) and self.checked.known[right] > 0:  # type: ignore[operator]
            return self._with_constant(Op.MODI_I, K.V_INT, left, self.checked.known[right], dest)  # type: ignore[arg-type]
        return self._three(op, kind, left, self.value(right, want), dest)

    def picture_function(self, name: str, args: list[int], dest: int) -> tuple[int, int]:
        """A %HI_ action; its result, or -1."""
        signature: PictureSignature = PICTURE_FUNCTIONS[name]
        kind, register = signature.result, -1
        given = []
        for at in range(len(args)):
            want = signature.types[at]
            given.append(self.arg_in(want, self.value(args[at], want)))
        if kind != K.V_NONE:
            register = self.dest(dest, kind)
            given.append(self.arg_out(kind, register))
        self.act(signature.number, given, signature.waits)
        for argument in given:
            if argument.register != register:
                self.free(argument.register)
        return register, kind

    # reading places
    def read_place(self, place: Place, want: int = K.V_NONE, dest: int = -1) -> tuple[int, int]:
        """(register, type) of the value at a place; cells are read as the wanted type."""
        symbol = place.symbol
        if place.kind == K.P_SCALAR or place.kind == K.P_CONST:
            return self._read_name(place, want, dest)
        if place.kind == K.P_PVAR:
            assert symbol is not None
            register = self.dest(dest if want == place.type else -1, place.type)
            self.emit(typed("PV_RD", place.type), register, self.variable(symbol))
            return register, place.type
        if place.kind == K.P_ITEM:
            register = self.dest(dest if want == place.type else -1, place.type)
            self.load_item(place, register)
            return register, place.type
        return self._read_cell(place, want or place.type, dest)

    def _read_name(self, place: Place, want: int, dest: int) -> tuple[int, int]:
        symbol = place.symbol
        assert symbol is not None
        direct = dest if want == symbol.type else -1
        if symbol.kind == K.S_SPECIAL:
            register = self.dest(direct, symbol.type)
            self.emit(SPECIALS[str(symbol.value)], register)
            return register, symbol.type
        if symbol.value is not None:
            return self.load(symbol.value, symbol.type, direct), symbol.type  # type: ignore[arg-type]
        return self.read_symbol(symbol, direct), symbol.type

    def _read_cell(self, place: Place, kind: int, dest: int) -> tuple[int, int]:
        register = self.dest(dest, kind)
        if place.base == "name" and place.index < 0:
            self.emit(typed("RDK", kind), register, self.object_index(place))
            return register, kind
        reference = self.reference(place)
        self.emit(typed("RD", kind), register, reference)
        self.free(reference)
        return register, kind

    def load_item(self, place: Place, register: int) -> None:
        assert place.symbol is not None
        index = self.value(place.index, K.V_INT)
        if place.struct is UNTYPED:
            self._field(ActionId.FIELD, IN, place, index, self.arg_out(K.V_ANY, register))
            return
        kind = place.struct.columns[place.column][1]  # type: ignore[union-attr]
        if place.symbol.bound:
            self.load_bound(place.symbol, index, place.column, kind, register)
            self.free(index)
            return
        self.load_cell(place.symbol, index, place.column, kind, register)
        self.free(index)

    def store_item(self, place: Place, register: int, time: int = -1) -> None:
        assert place.symbol is not None
        index = self.value(place.index, K.V_INT)
        if place.struct is UNTYPED:
            self._field(ActionId.FIELD_PUT, INOUT, place, index, self.arg_in(K.V_ANY, register))
            return
        kind = place.struct.columns[place.column][1]  # type: ignore[union-attr]
        if place.symbol.bound:
            self.store_bound(place.symbol, index, place.column, kind, register, time)
        self.store_cell(place.symbol, index, place.column, kind, register)
        self.free(index)

    def load_cell(self, symbol: Symbol, row: int, column: int, kind: int, register: int) -> None:
        """A cell of the record itself; one over 255 or of any type has a longer instruction."""
        if column < 256 and kind != K.V_ANY:
            self.emit(typed("LD", kind), register, self.record(symbol), row, column)
        else:
            self.emit(Op.LDW, register, self.record(symbol), row)
            self.emit(Op.EXT, column)

    def store_cell(self, symbol: Symbol, row: int, column: int, kind: int, register: int) -> None:
        if column < 256 and kind != K.V_ANY:
            self.emit(typed("ST", kind), self.record(symbol), row, register, column)
        else:
            self.emit(Op.STW, self.record(symbol), row, register)
            self.emit(Op.EXT, column)

    def _field(self, action: int, mode: int, place: Place, index: int, value: Arg) -> None:
        """An item of a RECORD without a structure, by the name of its column."""
        assert place.symbol is not None
        name = self.load(place.name, K.V_TEXT)
        record = arg_of(mode, K.V_RECORD, self.record(place.symbol))
        self.act(action, [record, self.arg_in(K.V_INT, index), self.arg_in(K.V_TEXT, name), value], False)
        self.free(name)
        self.free(index)

    # rows that stand for rows of objects
    def fresh(self, symbol: Symbol) -> int:
        """Record operand of a record that is about to be read as a whole."""
        register = self.record(symbol)
        if symbol.bound:
            self.act(ActionId.REFRESH, [arg_of(INOUT, K.V_RECORD, register)], False)
        return register

    def _bond(self, symbol: Symbol, row: int, column: int, local: Label) -> int:
        """Reference of the object's item; where the row is not bound the code goes on at `local`."""
        reference, is_bound = self.temp(K.V_OBJECT), self.temp(K.V_BOOL)
        self.emit(Op.BOUND, reference, self.record(symbol), row, column + 1)
        self.emit(Op.LINKED, is_bound, reference)
        self.fork(Op.BR_FALSE, is_bound, 0, local)
        self.free(is_bound)
        return reference

    def load_bound(self, symbol: Symbol, row: int, column: int, kind: int, register: int) -> None:
        local, end = self.p.label(), self.p.label()
        reference = self._bond(symbol, row, column, local)
        self.emit(typed("RD", kind), register, reference)
        self.free(reference)
        self.jump(Op.JUMP, end)
        self.p.place(local)
        self.load_cell(symbol, row, column, kind, register)
        self.p.place(end)

    def store_bound(self, symbol: Symbol, row: int, column: int, kind: int, register: int, time: int = -1) -> None:
        """The request to the object, where the row is bound; the own copy is written in any case. Links of objects are not changed."""
        if kind == K.V_OBJECT:
            return
        local = self.p.label()
        reference = self._bond(symbol, row, column, local)
        if kind == K.V_ANY:  # an Object item of the object: what it is linked to
            self.emit(Op.RD_O, reference, reference)
        self.set_cell(reference, register, kind, -1, time)
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
        index = self.value(place.index, K.V_INT)
        return self.item(base, index, place.column + 1)

    def _base(self, place: Place) -> int:
        if place.base == "alias":
            assert place.symbol is not None
            return self.read_symbol(place.symbol)
        register = self.temp(K.V_OBJECT)
        if place.base == "name":
            self.emit(Op.OBJ, register, self.object_index(place))
        elif place.base == "hbj":
            number = self.value(place.node, K.V_INT)
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
        register = self.temp(K.V_OBJECT)
        if column < 256:
            self.emit(Op.ITEM, register, base, index, column)
        else:
            self.emit(Op.ITEMW, register, base, index)
            self.emit(Op.EXT, column)
        self.free(base)
        self.free(index)
        return register

    # attributes
    def _attribute(self, node: int, dest: int) -> int:
        name = self.checked.folded(self.tree.b[node])
        place = self.placed(self.tree.a[node])
        if name == "dim" and place.kind == K.P_WHOLE:
            assert place.symbol is not None
            register = self.dest(dest, K.V_INT)
            self.emit(Op.DIM, register, self.record(place.symbol))
            return register
        if place.kind == K.P_CELL:
            return self._cell_attribute(name, place, dest)
        if name == "vld":
            return self._valid(place, dest)
        assert place.symbol is not None
        companion = place.symbol.time if name == "tim" else place.symbol.weak
        assert companion is not None
        return self.read_symbol(companion, dest)

    def _cell_attribute(self, name: str, place: Place, dest: int) -> int:
        op, kind = CELL_ATTRIBUTES[name]
        if place.base == "self":
            register = self.dest(dest, K.V_INT)
            self.emit(Op.PV_RD_I, register, self.variable(self.checked.predefined["_from_hip"]))
            return register
        reference = self.reference(place)
        register = self.dest(dest, kind)
        self.emit(op, register, reference)
        self.free(reference)
        return register

    def _valid(self, place: Place, dest: int) -> int:
        operand, kind = self.read_place(place, place.type)
        register = self.dest(dest, K.V_BOOL)
        self.emit(typed("VALID", kind), register, operand)
        self.free(operand)
        return register

    # conditions
    def branch(self, node: int, target: Label, when: bool) -> None:
        """Go to `target` when the condition is `when`; an invalid condition raises."""
        while self.tree.kind[node] == K.N_PAREN:
            node = self.tree.a[node]
        kind = self.type_of(node)
        if self.tree.kind[node] == K.N_BINARY and is_relation(self.tree.a[node]) and self._branch_relation(node, target, when):
            return
        if self.tree.kind[node] == K.N_UNARY and kind == K.V_BOOL:
            self.branch(self.tree.b[node], target, not when)
            return
        register = self.value(node)
        if kind not in (K.V_BOOL, K.V_ANY):
            self.emit(Op.RAISE_NR, 0, 0, 0, 2)
            self.free(register)
            return
        if kind == K.V_ANY:
            self._only_bool(register)
        register = self.convert(register, kind, K.V_BOOL)
        self.fork(Op.BR_TRUE if when else Op.BR_FALSE, register, 0, target)
        self.free(register)

    def _only_bool(self, register: int) -> None:
        """A condition whose type is found when it runs: another one than BOOL raises, as in the text."""
        number, fine = self.temp(K.V_INT), self.p.label()
        self.function(FUNCTIONS["%typeof"].number, [self.arg_in(K.V_ANY, register)], self.arg_out(K.V_INT, number))
        self.fork(Op.BRI_EQ_I, number, K.V_BOOL, fine)
        self.emit(Op.RAISE_NR, 0, 0, 0, 2)
        self.p.place(fine)
        self.free(number)

    def _branch_relation(self, node: int, target: Label, when: bool) -> bool:
        tree = self.tree
        op = tree.a[node] if when else OPPOSITE[tree.a[node]]
        left, right_node = self.type_of(tree.b[node]), tree.c[node]
        right = self.type_of(right_node)
        if K.V_ANY in (left, right) or not self.branches:
            return False
        common = self._compared_as(left, right)
        if common not in (K.V_INT, K.V_REAL, K.V_TIME):
            return False
        first = self.value(tree.b[node], common)
        self._compare_and_branch(op, common, first, right_node, target)
        self.free(first)
        return True

    def _compare_and_branch(self, op: int, common: int, first: int, node: int, target: Label) -> None:
        known = self.known_number(node) if self.branch_constants else None
        if common == K.V_INT and isinstance(known, int) and -32768 <= known < 32768:
            self.fork(BRANCHES_INT[of_type(op, K.V_INT)], first, known, target)
            return
        constant = self._real_constant(node, common) if known is not None else -1
        if constant >= 0:
            self.fork(BRANCHES_REAL[of_type(op, K.V_REAL)], first, constant, target)
            return
        second = self.value(node, common)
        code: int = BRANCHES[of_type(op, common)]
        if op in (K.T_GT, K.T_GE):
            self.fork(code, second, first, target)
        else:
            self.fork(code, first, second, target)
        self.free(second)


