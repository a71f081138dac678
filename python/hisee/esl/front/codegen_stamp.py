# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of the attributes that a value carries beside itself: its time, the mark Weak, user flags (codegen_flags.py)."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.codegen_expr import ExpressionCode
from hisee.esl.front.codegen_flags import FlagCode
from hisee.esl.front.operands import operands
from hisee.esl.front.signatures import FUNCTIONS
from hisee.esl.front.symbols import Place, Symbol

STATED = frozenset(("%flag", "%getflags", "%limstate"))  # functions that look beside a value


class StampCode(FlagCode):
    """The machine's registers hold values only; what a script asks about time and Weak is computed beside them."""

    def stamp(self, symbol: Symbol, weak: int = -1, time: int = -1, flags: int = -1) -> None:
        """Companions of a local whose time, weak mark or flags the script asks for."""
        if symbol.flags is not None:
            self.write_symbol(symbol.flags, self.load(0, K.V_INT) if flags < 0 else flags)
        if symbol.time is not None:
            self.write_symbol(symbol.time, self.now() if time < 0 else time)
        if symbol.weak is not None:
            if symbol.type == K.V_TEXT:
                weak = self._or(weak, self._is_cut(self.read_symbol(symbol)))
            self.write_symbol(symbol.weak, self.load(False, K.V_BOOL) if weak < 0 else weak)

    def given_time(self, node: int) -> int:
        """TIME register of the time that the expression itself gives, by %SetTime; -1 = none."""
        if self.tree.kind[node] not in (K.N_FUNC, K.N_PAREN):
            return -1
        name, args = self.call_of(node)
        if name == "%settime":
            return self.value(args[1], K.V_TIME)
        return self.given_time(args[0]) if name == "%setweak" else -1

    def weak_of(self, node: int) -> int:
        """BOOL register: is any object or tracked local of the expression weak? -1 = certainly not."""
        found = -1
        for operand in operands(self.tree, node, self._sets_weak):
            found = self._or(found, self._weak_flag(operand))
        return found

    def _function(self, node: int, want: int, dest: int) -> tuple[int, int]:
        signature = self.checked.signature_of(self.tree.a[node])
        if signature is None or not signature.beside:
            return ExpressionCode._function(self, node, want, dest)
        name = self.checked.folded(self.tree.a[node])
        if name == "%gettime":
            time = self._time_of(self.tree.items(self.tree.b[node])[0])
            if time >= 0:
                return time, K.V_TIME
        elif name == "%isweak":
            weak = self._weak_or_cut(self.tree.items(self.tree.b[node])[0])
            if weak >= 0:
                return weak, K.V_BOOL
        elif name in STATED:
            register, kind = self.flag_function(node)
            if register >= 0:
                return register, kind
        return ExpressionCode._function(self, node, want, dest)

    def _weak_or_cut(self, node: int) -> int:
        """BOOL register of %IsWeak; -1 = nobody keeps a mark. The value is computed all the same: it may raise."""
        weak = self.weak_of(node)
        if weak < 0:
            return -1
        value = self.value(node)
        if self.type_of(node) == K.V_TEXT:
            weak = self._or(weak, self._is_cut(value))
        self.free(value)
        return weak

    def _attribute(self, node: int, dest: int) -> int:
        r"""\WEA is always valid: a local that was never assigned is not weak."""
        register = FlagCode._attribute(self, node, dest)
        place = self._place_of(self.tree.a[node])
        of_local = place is not None and place.kind == K.P_SCALAR and self.checked.folded(self.tree.b[node]) == "wea"
        return self._sure(register) if of_local else register

    def _sets_weak(self, node: int) -> bool:
        return self.call_of(node)[0] == "%setweak"

    def _time_of(self, node: int) -> int:
        """TIME register of a value that keeps its time; -1 = nobody keeps it."""
        given = self.given_time(node)
        if given >= 0:
            return given
        while self.tree.kind[node] == K.N_PAREN:
            node = self.tree.a[node]
        place = self._place_of(node)
        if place is not None and place.kind == K.P_CELL and place.base != "self":
            return self._cell_attribute("tim", place, -1)
        if place is not None and place.kind == K.P_SCALAR and place.symbol is not None and place.symbol.time is not None:
            return self.read_symbol(place.symbol.time)
        return -1

    def _weak_flag(self, node: int) -> int:
        """Weak of one operand: what %SetWeak says, else what its place keeps; -1 = it keeps none."""
        name, args = self.call_of(node)
        if name == "%setweak":
            return self._sure(self.value(args[1], K.V_BOOL))
        place = self._place_of(node)
        if place is not None and place.kind == K.P_CELL and place.base != "self":
            return self._cell_attribute("wea", place, -1)
        if place is not None and place.symbol is not None and place.symbol.weak is not None:
            return self._sure(self.read_symbol(place.symbol.weak))  # never assigned: not weak
        return -1

    def _place_of(self, node: int) -> Place | None:
        return self.checked.place_known(node)

    def _or(self, left: int, right: int) -> int:
        if left < 0 or right < 0:
            return max(left, right)
        return self._three(Op.OR_B, K.V_BOOL, left, right, self.temp(K.V_BOOL))

    def _is_cut(self, text: int) -> int:
        """Weak of a text itself: it was longer than a text may be."""
        flag = self.temp(K.V_BOOL)
        self.function(FUNCTIONS["%isweak"].number, [self.arg_in(K.V_TEXT, text)], self.arg_out(K.V_BOOL, flag))
        return flag

    def _sure(self, flag: int) -> int:
        """An invalid mark is no mark."""
        given = [self.arg_in(K.V_BOOL, flag), self.arg_in(K.V_BOOL, self.load(False, K.V_BOOL))]
        result = self.temp(K.V_BOOL)
        self.function(FUNCTIONS["%ifinvalid"].number, given, self.arg_out(K.V_BOOL, result))
        return result
