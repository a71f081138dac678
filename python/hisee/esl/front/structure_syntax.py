"""Parsing actions on rows and on data containers."""

from __future__ import annotations

from hisee.esl.front import lexer as L
from hisee.esl.front.flow_syntax import FlowSyntax
from hisee.esl.front.nodes import N_CNT, N_COPY_ROWS, N_DELETE, N_FIND_TRUE, N_LST, N_SET_BIND, N_SORT
from hisee.esl.front.words import CNT_ORDER, LST_ORDER


class StructureSyntax(FlowSyntax):
    """SORT, FIND_TRUE, DELETE, COPY_ROWS, SET .. BIND, CNT_*."""

    def _comma(self) -> None:
        self.expect(L.T_COMMA, "`,`")

    def do_sort(self) -> int:
        """SORT record^Column, ascending {, record^Column, ascending}"""
        start = self.start()
        self.advance()
        keys: list[int] = []
        while True:
            keys.append(self.reference("a column, `_r^Column`"))
            self._comma()
            keys.append(self.expression())
            if not self.accept(L.T_COMMA):
                return self.tree.add(N_SORT, start, self.last_end(), self.tree.pack(keys))

    def do_find_true(self) -> int:
        start = self.start()
        self.advance()
        index = self.expect_name(L.T_LOCAL, "the variable that counts")
        self._comma()
        most = self.expression()
        self._comma()
        code = self.reference("a variable for the return code")
        self._comma()
        return self.tree.add(N_FIND_TRUE, start, self.last_end(), index, most, code, self.expression())

    def do_delete(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("a structure")
        self._comma()
        first = self.expression()
        count = self.expression() if self.accept(L.T_COMMA) else -1
        return self.tree.add(N_DELETE, start, self.last_end(), target, first, count)

    def do_copy_rows(self) -> int:
        """COPY_ROWS to, toFrom, of, ofFrom, count"""
        start = self.start()
        self.advance()
        target = self.reference("a structure")
        self._comma()
        numbers = [self.expression()]
        self._comma()
        source = self.reference("a structure")
        for _ in range(2):
            self._comma()
            numbers.append(self.expression())
        return self.tree.add(N_COPY_ROWS, start, self.last_end(), target, source, self.tree.pack(numbers))

    def set_bind(self, start: int, target: int) -> int:
        source = -1 if self.accept_word("none") else self.reference("a row of an object, or NONE")
        return self.tree.add(N_SET_BIND, start, self.last_end(), target, source)

    def _container(self) -> int:
        start, word = self.start(), CNT_ORDER.index(self.word())
        self.advance()
        operands = [self.expression()]
        while self.accept(L.T_COMMA):
            operands.append(self.expression())
        flag = int(self.accept_word("case_sensitive"))
        return self.tree.add(N_CNT, start, self.last_end(), word, self.tree.pack(operands), flag)

    def _list(self) -> int:
        """LST_CREATE mask, type, group, sort, lines, _h, _data [, relation, object]; LST_GO_NEXT, LST_GO_PREV _h, _data; LST_DESTROY _h"""
        start, word = self.start(), LST_ORDER.index(self.word())
        self.advance()
        operands = [self.expression()]
        while self.accept(L.T_COMMA):
            operands.append(self.expression())
        return self.tree.add(N_LST, start, self.last_end(), word, self.tree.pack(operands))

    do_lst_create = do_lst_go_next = do_lst_go_prev = do_lst_destroy = _list
    do_cnt_create = do_cnt_insert = do_cnt_find = do_cnt_delete = do_cnt_getnr = do_cnt_cnvtoarray = do_cnt_getitem = _container
    do_cnt_destroy = do_cnt_debug = _container
