# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of jumps, of errors, and of sections with EXCEPTION_HANDLER.

A section with markers is a row of stretches: stretch k is protected by the handler behind marker k, which is stretch k + 1. The mode
of the frame follows the stretch that runs; a jump from one into another sets it, and so does the return of a GOSUB.
"""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Label, UnitBuilder
from hisee.esl.front.checker import Checker
from hisee.esl.front.codegen_structure import StructureCode
from hisee.esl.front.lexer import fold
from hisee.esl.front.signatures import FUNCTIONS
from hisee.esl.front.symbols import Procedure

MOST_IMMEDIATE = 32767
TIMEOUT = 21  # _ERR_TIMEOUT
LOOK_S = 0.1  # between two looks at the condition of a WAIT


class FlowCode(StructureCode):
    def __init__(self, unit: UnitBuilder, checked: Checker, without: frozenset[str]) -> None:
        super().__init__(unit, checked, without)
        self.has_handler = self.has_off = False  # ON ERROR with a label, ON ERROR OFF stands somewhere in the script
        self.labels: dict[str, Label] = {}

    def begin_flow(self, procedure: Procedure, items: list[int]) -> None:
        self.markers = procedure.markers
        self.handlers = [self.p.label() for _ in self.markers]
        self.stretch = 0
        start = self.tree.start
        self.stretch_of = {name: sum(start[m] < start[node] for m in self.markers) for name, (node, _) in procedure.labels.items()
                           } if self.markers else {}
        self.returns = procedure.gosubs
        if self.markers:
            self.action(items[0])
            self._protect(0)

    def _protect(self, stretch: int) -> None:
        """Errors of this stretch go behind its marker; behind the last one they leave the section."""
        if stretch < len(self.handlers):
            self.jump(Op.ON_ERR, self.handlers[stretch], K.E_LABEL)
        else:
            self.emit(Op.ON_ERR, 0, 0, 0, K.E_NONE)

    def exception_handler(self, node: int) -> None:
        self._return()
        self.p.place(self.handlers[self.stretch])
        self.stretch += 1
        self._protect(self.stretch)

    # jumps
    def goto(self, node: int) -> None:
        self._jump(self.tree.a[node])

    def _label(self, name: int) -> Label:
        return self.labels[self.checked.folded(name)]

    def _crosses(self, name: int) -> bool:
        return bool(self.markers) and self.stretch_of[self.checked.folded(name)] != self.stretch

    def _jump(self, name: int) -> None:
        if self.markers:
            if self._crosses(name):
                self.emit(Op.LEAVE)
                self._protect(self.stretch_of[self.checked.folded(name)])
        elif self.has_handler:
            self.emit(Op.LEAVE)
        self.jump(Op.JUMP, self._label(name))

    def if_goto(self, node: int) -> None:
        tree = self.tree
        if not self.has_handler and not self._crosses(tree.b[node]):
            self.branch(tree.a[node], self._label(tree.b[node]), True)
            return
        past = self.p.label()
        self.branch(tree.a[node], past, False)
        self._jump(tree.b[node])
        self.p.place(past)

    def gosub(self, node: int) -> None:
        self._gosub(self.tree.a[node])

    def _gosub(self, name: int) -> None:
        if self._crosses(name):
            self._protect(self.stretch_of[self.checked.folded(name)])
        self.jump(Op.GOSUB, self._label(name))
        if self.markers:
            self._protect(self.stretch)

    def on_jump(self, node: int) -> None:
        tree = self.tree
        number = self.value(tree.a[node], K.V_INT)
        go = self._gosub if tree.c[node] else self._jump
        end = self.p.label()
        for at, name in enumerate(tree.items(tree.b[node]), 1):
            past = self.p.label()
            self._unless(number, at, past)
            go(name)
            if tree.c[node]:
                self.jump(Op.JUMP, end)
            self.p.place(past)
        self.p.place(end)

    def _unless(self, number: int, at: int, past: Label) -> None:
        if at <= MOST_IMMEDIATE:
            self.fork(Op.BRI_NE_I, number, at, past)
        else:
            self.fork(Op.BR_NE_I, number, self.load(at, K.V_INT), past)

    def _return(self) -> None:
        """RETURN of a GOSUB if one is open, else of the section."""
        if self.returns:
            self.emit(Op.RETSUB)
        self.emit(Op.RET if self.here.index or self.inner else Op.END)

    def wait_for(self, node: int) -> None:
        """Look, sleep, look again: values come while the script sleeps. The condition is looked at before the time."""
        tree = self.tree
        met, end, top = self.p.label(), self.p.label(), self.p.label()
        until = self.temp(K.V_REAL)
        if tree.b[node] >= 0:
            self._three(Op.ADD_R, K.V_REAL, self.span(tree.b[node], tree.c[node]), self._tick(), until)
            self.emit(Op.VALID_TEST_R, until)
        self.p.place(top)
        self.branch(tree.a[node], met, True)
        if tree.b[node] >= 0:
            late = self.p.label()
            now = self._tick()
            self.fork(Op.BR_LT_R, now, until, late)
            self._too_late(tree.d[node])
            self.jump(Op.JUMP, end)
            self.p.place(late)
            self.free(now)
        self.sleep(self.load(LOOK_S, K.V_REAL))
        self.jump(Op.LOOP, top)
        self.p.place(met)
        if tree.d[node] >= 0:
            self.store(self.placed(tree.d[node]), self.load(True, K.V_BOOL), K.V_BOOL)
        self.p.place(end)

    def _tick(self) -> int:
        """REAL register: seconds of a clock that only goes forward."""
        milliseconds = self.temp(K.V_REAL)
        self.function(FUNCTIONS["%tickms"].number, [], self.arg_out(K.V_REAL, milliseconds))
        return self._three(Op.MUL_R, K.V_REAL, milliseconds, self.load(0.001, K.V_REAL), self.temp(K.V_REAL))

    def _too_late(self, variable: int) -> None:
        if variable < 0:
            self.emit(Op.RAISE_NR, 0, 0, 0, TIMEOUT)
        else:
            self.store(self.placed(variable), self.load(False, K.V_BOOL), K.V_BOOL)

    # errors
    def on_error(self, node: int) -> None:
        mode = self.tree.a[node]
        if mode == K.E_LABEL:
            label = self.labels[fold(self.checked.spelled(self.tree.b[node]))]
            self.jump(Op.ON_ERR, label, mode)
        else:
            self.emit(Op.ON_ERR, 0, 0, 0, mode)

    def plain(self, node: int) -> None:
        kind = self.tree.kind[node]
        if kind == K.N_RETURN:
            self._return()
        else:
            end = Op.RET if self.inner and not self.here.index else Op.END  # of a unit's init part: the script goes on
            self.emit({K.N_END: end, K.N_RETRY: Op.RETRY, K.N_RESUME: Op.RESUME, K.N_RERAISE: Op.RERAISE}[kind])

    def raise_exception(self, node: int) -> None:
        code = self.value(self.tree.a[node], K.V_INT)
        if self.tree.b[node] < 0:
            self.emit(Op.RAISE, code)
        else:
            self.emit(Op.RAISE_T, code, self.value(self.tree.b[node], K.V_TEXT))
