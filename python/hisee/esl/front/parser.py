"""Parser: tokens to a tree. One diagnostic per cause: after a syntax error it goes on with the next line.

Owns the shape of the script (declarations, procedures, entries, init part, blocks). Actions stand in statements.py.
"""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import lexer as L
from hisee.esl.front.expressions import SyntaxFault, TooDeep
from hisee.esl.front.kinds import (
    D_PUBLIC,
    F_ENTRY,
    F_ENTRYX,
    F_PUBLIC,
    F_RPC,
    F_RPCX,
    M_IN,
    M_INOUT,
    M_OUT,
    N_DECL,
    N_IMPLEMENTS,
    N_PARAM,
    N_PROC,
    N_TYPE,
    N_UNIT,
    N_VAR,
    T_HANDLE,
    V_INT,
    V_OBJECT,
    V_RECORD,
)
from hisee.esl.front.lexer import Source, Tokens
from hisee.esl.front.nodes import TYPE_WORDS, Tree
from hisee.esl.front.statements import Fault, Statements
from hisee.esl.front.words import HEADERS, RESERVED

FLAGS = {"procedure": 0, "public": F_PUBLIC, "rpc": F_RPC, "rpcx": F_RPCX, "entry": F_ENTRY, "entryx": F_ENTRYX}


def parse(source: Source, tokens: Tokens, nesting: int) -> tuple[Tree, list[Fault], list[Fault]]:
    """The tree, the errors and the warnings."""
    parser = Parser(source, tokens, nesting)
    parser.script()
    return parser.tree, parser.faults, parser.warnings


class Parser(Statements):
    """script = [IMPLEMENTATION] {decl | proc | entry} [init]"""

    def script(self) -> None:
        try:
            while self.kind() != K.T_EOF:
                self._top()
        except TooDeep as fault:
            self.report(fault)

    def _top(self) -> None:
        at = self.at
        try:
            if self.accept(K.T_EOL):
                return
            if self._header():
                self._procedure()
            elif self.word() == "unit" and self.kind(1) == K.T_LPAREN:
                self._unit()
            elif self.word() == "pragma" and self.kind(1) != K.T_ASSIGN:
                self.do_pragma()
            elif self._declares():
                self.tree.globals.append(self.declaration())
            elif self.word() == "implementation":
                self._implements()
            else:
                self._init()
        except TooDeep:
            raise
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line(at)

    def _init(self) -> None:
        self.begun = self.word() == "begin"
        self.section, self.in_init = "", True
        if self.begun:
            self.advance()
            self.end_line_or_report()
        self.tree.init.extend(self.block(frozenset()))
        while self.kind() != K.T_EOF:  # procedures behind the init part: an error each, parsed all the same
            self._late_header()
            self.tree.init.extend(self.block(frozenset()))

    def _unit(self) -> None:
        """UNIT (E.Name) _u {, _u}"""
        start = self.start()
        self.advance()
        self.advance()
        name = self.expect_name(K.T_NAME, "the name of a unit event")
        self.expect(K.T_RPAREN, "`)`")
        locals_ = [self.expect_name(K.T_LOCAL, "a variable name beginning with `_`")]
        while self.accept(K.T_COMMA):
            locals_.append(self.expect_name(K.T_LOCAL, "a variable name beginning with `_`"))
        self.tree.units.append(self.tree.add(N_UNIT, start, self.last_end(), name, self.tree.pack(locals_)))
        self.unit_names.update(locals_)
        self.end_line()

    def _implements(self) -> None:
        """IMPLEMENTATION I.A {, I.B}, in front of everything else"""
        at = self.at
        self.advance()
        if self.tree.globals or self.tree.procedures or self.tree.units:
            self.report(self.at_token("ESL2031", at))
        while True:
            start, name = self.start(), self.expect_name(K.T_NAME, "the name of an interface")
            self.tree.implements.append(self.tree.add(N_IMPLEMENTS, start, self.last_end(), name))
            if not self.accept(K.T_COMMA):
                break
        self.end_line()

    begun = False

    def _late_header(self) -> None:
        """A header behind the init part; when that part is only a faulty line, its error is the one cause."""
        at = self.at
        if self.begun or self.tree.init:
            self.report(SyntaxFault("ESL1009", self.start(), self.tokens.end[self.at], word=self.text().upper()))
        try:
            if self._header():
                self._procedure()
                self.section, self.in_init = "", True
                return
        except TooDeep:
            raise
        except SyntaxFault as second:
            self.report(second)
        self.skip_line(at)

    # declarations
    def _declares(self) -> bool:
        word = self.word()
        if word == "public":
            return True
        if word == "time":
            return self.kind(1) == K.T_LOCAL
        return word in TYPE_WORDS and word != "hbj" or word in ("alias", "record", "unit")

    def declaration(self) -> int:
        """["PUBLIC"] type var {"," var}"""
        start = self.start()
        public = D_PUBLIC if self.accept_word("public") else 0
        if public and self.section:
            self.report(SyntaxFault("ESL2040", start, self.last_end()))
        kind = self._type()
        names = [self._variable()]
        while self.accept(K.T_COMMA):
            names.append(self._variable())
        node = self.tree.add(N_DECL, start, self.last_end(), kind, self.tree.pack(names), public)
        self.end_line()
        return node

    def _variable(self) -> int:
        start = self.start()
        name = self.expect_name(K.T_LOCAL, "a variable name beginning with `_`")
        value = -1
        if self.accept(K.T_EQ) or self.accept(K.T_ASSIGN):
            value = self.expression()
        return self.tree.add(N_VAR, start, self.last_end(), name, value)

    def _type(self) -> int:
        start, word = self.start(), self.word()
        if word == "unit":
            raise self.at_token("ESL2011", self.at, construct="UNIT", place="the declarations of the script, outside procedures")
        if word == "cnt_handle":
            self.advance()
            return self.tree.add(N_TYPE, start, self.last_end(), V_INT, -1, T_HANDLE)
        if word in TYPE_WORDS:
            self.advance()
            return self.tree.add(N_TYPE, start, self.last_end(), TYPE_WORDS[word], -1, 0)
        if word not in ("alias", "record"):
            raise self.unexpected("a type")
        self.advance()
        noalias = int(word == "record" and self.accept_word("noalias"))
        structure = -1
        if self.accept(K.T_LPAREN):
            structure = self.expect_name(K.T_NAME, "the name of a structure")
            self.expect(K.T_RPAREN, "`)`")
        kind = V_RECORD if word == "record" else V_OBJECT
        return self.tree.add(N_TYPE, start, self.last_end(), kind, structure, noalias)

    # procedures and entries
    def _header(self) -> bool:
        word = self.word()
        if word == "public":  # in front of a type it marks a variable
            return self.word(1) in ("procedure", "rpc", "rpcx", "entry", "entryx")
        return word in FLAGS

    def _procedure(self) -> None:
        start, word = self.start(), self.word()
        self.advance()
        flags = FLAGS[word]
        if flags == F_PUBLIC:
            self.expect_word("procedure")
        if word in ("rpc", "rpcx"):
            self.expect_word("procedure")
        conversation = self.conversation_parameter()
        name_at = self.at
        name = self.expect_name(K.T_NAME, "a name")
        if self.tokens.names.folded[name] in RESERVED:
            self.report(self.at_token("ESL1010", name_at, name=self.tokens.names.spelled[name]))
        params = conversation + self._parameters_or_skip()
        node = self.tree.add(N_PROC, self.tokens.start[name_at], self.tokens.end[name_at], name, -1, -1, flags)
        self.tree.procedures.append(node)
        self.tree.b[node] = self.tree.pack(params)
        self._body(node, self.tokens.names.spelled[name], start)

    def _parameters_or_skip(self) -> list[int]:
        """A faulty parameter list costs one error, the body is still parsed."""
        params: list[int] = []
        try:
            if self.kind() == K.T_LPAREN:
                self._parameters(params)
            self.end_line()
        except TooDeep:
            raise
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line(self.at)
        return params

    def _parameters(self, params: list[int]) -> None:
        self.advance()
        if self.accept(K.T_RPAREN):
            return
        mode, kind = M_INOUT, -1
        while True:
            start = self.start()
            if self.kind() != K.T_LOCAL or kind < 0:
                mode, kind = self._mode(), self._parameter_type()
            name = self.expect_name(K.T_LOCAL, "a parameter name beginning with `_`")
            params.append(self.tree.add(N_PARAM, start, self.last_end(), kind, name, mode))
            if not self.accept(K.T_COMMA):
                break
        self.expect(K.T_RPAREN, "`,` or `)`")

    def _mode(self) -> int:
        if self.accept_word("in"):
            return M_IN
        return M_OUT if self.accept_word("out") else M_INOUT

    def _parameter_type(self) -> int:
        if self.word() == "hbj":
            start = self.start()
            self.advance()
            return self.tree.add(N_TYPE, start, self.last_end(), V_INT, -1, 0)
        return self._type()

    def _body(self, node: int, name: str, start: int) -> None:
        self.section, self.in_init = name, False
        items = self.block(frozenset())
        self.tree.c[node] = self.tree.pack(items)
        if self.word() == "end" and self.kind(1) == K.T_NAME:
            self.advance()
            self._closing_name(name)
            return
        if self.bare_end_closes:
            self.bare_end_closes = False
            return
        fault = SyntaxFault("ESL1006", self.tree.start[node], self.tree.end[node], name=name)
        fault.label = "opened here"
        self.report(fault)

    def _closing_name(self, name: str) -> None:
        found_at = self.at
        found = self.tokens.names.spelled[self.tokens.value[self.advance()]]
        if L.fold(found) != L.fold(name):
            self.report(self.at_token("ESL2003", found_at, name=name, found=found))
        self.end_line_or_report()

    def starts_section(self) -> bool:
        """Does a header of the next section stand here?"""
        word = self.word()
        if word == "public":
            return self._header()
        return word in HEADERS and self.kind(1) not in (K.T_ASSIGN, K.T_COLON)
