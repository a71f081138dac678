# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Checking jumps that come back, raised errors, and where EXCEPTION_HANDLER may stand."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.checker_actions import CHECKS, JUMPS, ActionChecker


class FlowChecker(ActionChecker):
    """Marks of one section: the handlers, and what does not go together with them."""

    def begin_section(self) -> None:
        self.markers: list[int] = []
        self.other_marks: list[tuple[str, int]] = []  # ON ERROR, RETRY, RESUME: code, node

    def end_section(self) -> None:
        """ON ERROR excludes markers anywhere in the section, RETRY and RESUME exclude them in front."""
        if not self.markers:
            return
        first = self.markers[0]
        for code, node in self.other_marks:
            if code == "ESL2022" or self.tree.start[node] > self.tree.start[first]:
                notes = [self.note(self.tree.start[first], self.tree.end[first], "the section's handler")]
                self.error(code, node, word=self.text(node).split()[0].upper(), notes=notes)

    def mark(self, node: int) -> None:
        if self.tree.kind[node] == K.N_ON_ERROR:
            self.other_marks.append(("ESL2022", node))
            self.here.comes_back |= self.tree.a[node] == K.E_LABEL
        elif self.tree.kind[node] in (K.N_RETRY, K.N_RESUME):
            self.other_marks.append(("ESL2023", node))

    def marker(self, node: int, block: int) -> None:
        if block != K.NO_BLOCK:
            self.error("ESL2021", node)
        self.markers.append(node)
        self.here.markers.append(node)

    def gosub(self, node: int, block: int) -> None:
        self.here.gosubs = self.here.comes_back = True
        self.jump(node, self.tree.a[node], block)

    def on_jump(self, node: int, block: int) -> None:
        number = self.tree.a[node]
        self.convertible(number, self.check(number), K.V_INT)
        if self.tree.c[node]:
            self.here.gosubs = self.here.comes_back = True
        for name in self.tree.items(self.tree.b[node]):
            self.jump(node, name, block)

    def wait_for(self, node: int) -> None:
        tree = self.tree
        self.condition(tree.a[node])
        if tree.b[node] >= 0:
            self.convertible(tree.b[node], self.check(tree.b[node]), K.V_REAL)
        if tree.d[node] >= 0:
            self.out(tree.d[node], K.V_BOOL)

    def raise_exception(self, node: int) -> None:
        code, text = self.tree.a[node], self.tree.b[node]
        self.convertible(code, self.check(code), K.V_INT)
        if text >= 0:
            self.convertible(text, self.check(text), K.V_TEXT)


JUMPS.update({K.N_EXCEPTION_HANDLER: FlowChecker.marker, K.N_GOSUB: FlowChecker.gosub, K.N_ON_JUMP: FlowChecker.on_jump})
CHECKS.update({K.N_RAISE: FlowChecker.raise_exception, K.N_WAIT_FOR: FlowChecker.wait_for})
