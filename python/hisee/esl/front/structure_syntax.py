# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Parsing actions on rows and on data containers."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.flow_syntax import FlowSyntax


class StructureSyntax(FlowSyntax):
    """REDIM, INSERT, SORT, FIND_TRUE, DELETE, COPY_ROWS, SET .. BIND, CNT_*."""

    def word_action(self, word: int) -> int:
        if word == K.W_REDIM:
            return self.redim()
        if word == K.W_INSERT:
            return self.insert()
        if word == K.W_SORT:
            return self.sort()
        if word == K.W_FIND_TRUE:
            return self.find_true()
        if word == K.W_DELETE:
            return self.delete()
        if word == K.W_COPY_ROWS:
            return self.copy_rows()
        if K.W_CNT_CREATE <= word <= K.W_CNT_DEBUG:
            return self.container(word)
        if K.W_LST_CREATE <= word <= K.W_LST_DESTROY:
            return self.object_list(word)
        return FlowSyntax.word_action(self, word)

    def redim(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("a structure with its new number of rows, `x[n]`")
        return self.node(K.N_REDIM, start, target)

    def insert(self) -> int:
        """INSERT structure, before, rows [, last]"""
        start = self.start()
        self.advance()
        target = self.reference("a structure")
        self.comma()
        before = self.expression()
        self.comma()
        rows = self.reference("a row or structure")
        last = self.expression() if self.accept(K.T_COMMA) else -1
        return self.node(K.N_INSERT, start, target, before, rows, last)

    def sort(self) -> int:
        """SORT record^Column, ascending {, record^Column, ascending}"""
        start = self.start()
        self.advance()
        keys: list[int] = []
        while True:
            keys.append(self.reference("a column, `_r^Column`"))
            self.comma()
            keys.append(self.expression())
            if not self.accept(K.T_COMMA):
                return self.node(K.N_SORT, start, self.tree.pack(keys))

    def find_true(self) -> int:
        start = self.start()
        self.advance()
        index = self.expect_name(K.T_LOCAL, "the variable that counts")
        self.comma()
        most = self.expression()
        self.comma()
        code = self.reference("a variable for the return code")
        self.comma()
        return self.tree.add(K.N_FIND_TRUE, start, self.last_end(), index, most, code, self.expression())

    def delete(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("a structure")
        self.comma()
        first = self.expression()
        count = self.expression() if self.accept(K.T_COMMA) else -1
        return self.node(K.N_DELETE, start, target, first, count)

    def copy_rows(self) -> int:
        """COPY_ROWS to, toFrom, of, ofFrom, count"""
        start = self.start()
        self.advance()
        target = self.reference("a structure")
        self.comma()
        numbers = [self.expression()]
        self.comma()
        source = self.reference("a structure")
        for _ in range(2):
            self.comma()
            numbers.append(self.expression())
        return self.node(K.N_COPY_ROWS, start, target, source, self.tree.pack(numbers))

    def set_bind(self, start: int, target: int) -> int:
        source = -1 if self.accept_word(K.W_NONE) else self.reference("a row of an object, or NONE")
        return self.node(K.N_SET_BIND, start, target, source)

    def container(self, word: int) -> int:
        start = self.start()
        self.advance()
        operands: list[int] = []
        self.expressions(operands)
        flag = self.accept_word(K.W_CASE_SENSITIVE)
        return self.node(K.N_CNT, start, word - K.W_CNT_CREATE, self.tree.pack(operands), flag)

    def object_list(self, word: int) -> int:
        """LST_CREATE mask, type, group, sort, lines, _h, _data [, relation, object]; LST_GO_NEXT, LST_GO_PREV _h, _data; LST_DESTROY _h"""
        start = self.start()
        self.advance()
        operands: list[int] = []
        self.expressions(operands)
        return self.node(K.N_LST, start, word - K.W_LST_CREATE, self.tree.pack(operands))
