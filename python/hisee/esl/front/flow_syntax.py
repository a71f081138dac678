# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Parsing jumps that come back, errors that the script raises, and handlers of whole stretches."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.actions_syntax import ActionSyntax


class FlowSyntax(ActionSyntax):
    """GOTO, GOSUB, ON n GOTO, ON n GOSUB, RAISE_EXCEPTION, RERAISE, EXCEPTION_HANDLER, PRAGMA."""

    def word_action(self, word: int) -> int:
        if word == K.W_GOTO:
            return self.jump(K.N_GOTO)
        if word == K.W_GOSUB:
            return self.jump(K.N_GOSUB)
        if word == K.W_EXCEPTION_HANDLER:
            return self.bare(K.N_EXCEPTION_HANDLER)
        if word == K.W_RAISE_EXCEPTION:
            return self.raise_exception()
        if word == K.W_RERAISE:
            return self.bare(K.N_RERAISE)
        if word == K.W_PRAGMA:
            return self.pragma()
        return ActionSyntax.word_action(self, word)

    def label_name(self) -> int:
        return self.expect_name(K.T_NAME, "a label")

    def jump(self, kind: int) -> int:
        start = self.start()
        self.advance()
        return self.tree.add(kind, start, self.last_end(), self.label_name())

    def on_number(self, start: int) -> int:
        """ON expr (GOTO | GOSUB) label {, label}; the cursor stands behind ON."""
        number = self.expression()
        gosub = self.accept_word(K.W_GOSUB)
        if not gosub and not self.accept_word(K.W_GOTO):
            raise self.unexpected("`GOTO` or `GOSUB`", "or ON ERROR, ON CHANGE")
        labels = [self.label_name()]
        while self.accept(K.T_COMMA):
            labels.append(self.label_name())
        return self.node(K.N_ON_JUMP, start, number, self.tree.pack(labels), gosub)

    def raise_exception(self) -> int:
        start = self.start()
        self.advance()
        code = self.expression()
        text = self.expression() if self.accept(K.T_COMMA) else -1
        return self.node(K.N_RAISE, start, code, text)

    def pragma(self) -> int:
        """A line for other tools: read over."""
        while not self.at_line_end():
            self.advance()
        return -1
