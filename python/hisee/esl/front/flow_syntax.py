"""Parsing jumps that come back, errors that the script raises, and handlers of whole stretches."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.actions_syntax import LINE_ENDS, ActionSyntax
from hisee.esl.front.kinds import N_EXCEPTION_HANDLER, N_GOSUB, N_ON_JUMP, N_RAISE, N_RERAISE


class FlowSyntax(ActionSyntax):
    """GOSUB, ON n GOTO, ON n GOSUB, RAISE_EXCEPTION, RERAISE, EXCEPTION_HANDLER, PRAGMA."""

    def label_name(self) -> int:
        return self.expect_name(K.T_NAME, "a label")

    def do_gosub(self) -> int:
        start = self.start()
        self.advance()
        return self.tree.add(N_GOSUB, start, self.last_end(), self.label_name())

    def on_number(self, start: int) -> int:
        """ON expr (GOTO | GOSUB) label {, label}; the cursor stands behind ON."""
        number = self.expression()
        gosub = self.accept_word("gosub")
        if not gosub and not self.accept_word("goto"):
            raise self.unexpected("`GOTO` or `GOSUB`", "or ON ERROR, ON CHANGE")
        labels = [self.label_name()]
        while self.accept(K.T_COMMA):
            labels.append(self.label_name())
        return self.tree.add(N_ON_JUMP, start, self.last_end(), number, self.tree.pack(labels), int(gosub))

    def do_exception_handler(self) -> int:
        return self._plain(N_EXCEPTION_HANDLER)

    def do_raise_exception(self) -> int:
        start = self.start()
        self.advance()
        code = self.expression()
        text = self.expression() if self.accept(K.T_COMMA) else -1
        return self.tree.add(N_RAISE, start, self.last_end(), code, text)

    def do_reraise(self) -> int:
        return self._plain(N_RERAISE)

    def do_pragma(self) -> int:
        """A line for other tools: read over."""
        while self.kind() not in LINE_ENDS:
            self.advance()
        return -1
