# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of what stands beside a value: user flags A..P, the limit state, and attributes of subsystems that this system does not have.

The machine's registers hold values only. Flags stand in the cells of objects, and beside a local that the script asks for flags or gives
some; a copy (`x := y`, brackets allowed) takes them along, every operator and function clears them.
"""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.checker_expr import STATE_ATTRIBUTES
from hisee.esl.front.codegen_copy import CopyCode
from hisee.esl.front.codegen_expr import ExpressionCode
from hisee.esl.front.signatures import FUNCTIONS
from hisee.esl.front.symbols import Place
from hisee.schema.actions import ActionId

NO_DATA = 5  # reason of a time that no alarm has
L_ERR = 5  # \LIM of a value without limits


class FlagCode(CopyCode):
    def flags_of(self, node: int) -> int:
        """INT register of the user flags that a copy of this value has; -1 = certainly none."""
        name, args = self.call_of(node)
        if name == "%setflagsv":
            return self._or_none(self.value(args[1], K.V_INT))
        if name == "%setflag":
            return self._with_flag(args)
        while self.tree.kind[node] == K.N_PAREN:
            node = self.tree.a[node]
        place: Place | None = self.checked.places[node]
        if place is None or place.type == K.V_RECORD:
            return -1
        if place.kind == K.P_CELL and place.base != "self":
            return self._state_of_cell(ActionId.FLAGS, place)
        if place.kind == K.P_SCALAR and place.symbol is not None and place.symbol.flags is not None:
            return self._or_none(self.read_symbol(place.symbol.flags))
        return -1

    def call_of(self, node: int) -> tuple[str, list[int]]:
        """Name and arguments of a function's call; "" for anything else."""
        tree = self.tree
        while tree.kind[node] == K.N_PAREN:
            node = tree.a[node]
        if tree.kind[node] != K.N_FUNC:
            return "", []
        return self.checked.folded(tree.a[node]), tree.items(tree.b[node])

    def flag_function(self, node: int) -> tuple[int, int]:
        """Register and type of %Flag, %GetFlags and %LimState where their value may have a state; -1: the builtin answers, it has none."""
        name, args = self.call_of(node)
        if name == "%limstate":
            return self._limit_of(args[0]), K.V_INT
        if name not in ("%flag", "%getflags"):
            return -1, K.V_INT
        flags = self.flags_of(args[0])
        if flags < 0:
            return -1, K.V_INT
        none = self._builtin(name, [self.value(args[0]), *[self.value(a, K.V_INT) for a in args[1:]]], [self.type_of(args[0]), K.V_INT])
        if name == "%getflags":
            return self._three(Op.ADD_I, K.V_INT, none, flags, self.temp(K.V_INT)), K.V_INT
        found = self._builtin("%bittest", [flags, self.value(args[1], K.V_INT)], [K.V_INT, K.V_INT])
        return self._three(Op.OR_B, K.V_BOOL, none, found, self.temp(K.V_BOOL)), K.V_BOOL

    def _builtin(self, name: str, given: list[int], kinds: list[int]) -> int:
        """A builtin of one type of result: validity of the arguments is its own business."""
        signature = FUNCTIONS[name]
        result = self.temp(signature.result)
        args = [self.arg_in(kind, register) for register, kind in zip(given, kinds, strict=False)]
        self.function(signature.number, args, self.arg_out(signature.result, result))
        return result

    def _with_flag(self, args: list[int]) -> int:
        """%SetFlag: the flags of its value with one of them set or cleared."""
        before = self.flags_of(args[0])
        given = [before if before >= 0 else self.load(0, K.V_INT), self.value(args[1], K.V_INT), self.value(args[2], K.V_BOOL)]
        return self._or_none(self._builtin("%bitset", given, [K.V_INT, K.V_INT, K.V_BOOL]))

    def _or_none(self, flags: int) -> int:
        """Sixteen bits; an invalid mask has none."""
        bits = self._three(Op.AND_I, K.V_INT, flags, self.load(0xFFFF, K.V_INT), self.temp(K.V_INT))
        result = self.temp(K.V_INT)
        given = [self.arg_in(K.V_INT, bits), self.arg_in(K.V_INT, self.load(0, K.V_INT))]
        self.function(FUNCTIONS["%ifinvalid"].number, given, self.arg_out(K.V_INT, result))
        return result

    def _limit_of(self, node: int) -> int:
        """%LimState of an object: its limit state, invalid where the value is."""
        while self.tree.kind[node] == K.N_PAREN:
            node = self.tree.a[node]
        place: Place | None = self.checked.places[node]
        if place is None or place.kind != K.P_CELL or place.type == K.V_RECORD or place.base == "self":
            return -1
        none = self._builtin("%limstate", [self.value(node)], [self.type_of(node)])
        more = self._three(Op.SUB_I, K.V_INT, self._state_of_cell(ActionId.LIMIT, place), self.load(L_ERR, K.V_INT), self.temp(K.V_INT))
        return self._three(Op.ADD_I, K.V_INT, none, more, self.temp(K.V_INT))

    def _state_of_cell(self, action: int, place: Place, dest: int = -1) -> int:
        """INT register of what stands beside the value of an object: FLAGS or LIMIT."""
        reference, state = self.reference(place), self.dest(dest, K.V_INT)
        self.act(action, [self.arg_in(K.V_OBJECT, reference), self.arg_out(K.V_INT, state)], False)
        self.free(reference)
        return state

    # attributes
    def _attribute(self, node: int, dest: int) -> int:
        name = self.checked.folded(self.tree.b[node])
        if name not in STATE_ATTRIBUTES:
            return ExpressionCode._attribute(self, node, dest)
        place = self.placed(self.tree.a[node])
        if place.kind == K.P_CELL and name == "lim":
            return self._state_of_cell(ActionId.LIMIT, place, dest)
        if place.kind == K.P_CELL:  # what cannot be reached raises, as for the attributes that are kept
            self.free(self._cell_attribute("vld", place, -1))
        kind = STATE_ATTRIBUTES[name]
        if kind == K.V_TIME:
            return self.invalid(K.V_TIME, dest, NO_DATA)
        return self.load(False, K.V_BOOL, dest) if kind == K.V_BOOL else self.load(L_ERR if name == "lim" else 0, K.V_INT, dest)
