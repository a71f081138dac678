# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Parser: tokens to a tree. One diagnostic per cause: after a syntax error it goes on with the next line.

Owns the shape of the script (declarations, procedures, entries, init part, blocks). Actions stand in statements.py.
"""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.expressions import SyntaxFault, TooDeep, shown_word
from hisee.esl.front.lexer import Source, Tokens
from hisee.esl.front.nodes import Tree
from hisee.esl.front.statements import Statements

VARIABLE = "a variable name beginning with `_`"


def parse(source: Source, tokens: Tokens, nesting: int) -> tuple[Tree, list[SyntaxFault], list[SyntaxFault]]:
    """The tree, the errors and the warnings."""
    parser = Parser(source, tokens, nesting)
    parser.script()
    return parser.tree, parser.faults, parser.warnings


def declared_names(tokens: Tokens) -> frozenset[str]:
    """Folded names of variables that a text declares, by a look at its tokens: those of lines that begin with a type."""
    found: set[str] = set()
    begins, declares = True, False
    for at in range(tokens.count):
        kind = tokens.kind[at]
        if begins:
            declares = kind == K.T_NAME and is_type(tokens.value[at])
        elif declares and kind == K.T_LOCAL:
            found.add(tokens.names.folded[tokens.value[at]])
        begins = kind == K.T_EOL
    return frozenset(found)


def is_type(word: int) -> bool:
    return type_of(word) != K.V_NONE and word != K.W_HBJ or word == K.W_RECORD or word == K.W_ALIAS


def type_of(word: int) -> int:
    """The type that a word names by itself; V_NONE = none."""
    if word == K.W_INT or word == K.W_HBJ:
        return K.V_INT
    if word == K.W_BOOL:
        return K.V_BOOL
    if word == K.W_REAL:
        return K.V_REAL
    if word == K.W_TEXT:
        return K.V_TEXT
    return K.V_TIME if word == K.W_TIME else K.V_NONE


def flags_of(word: int) -> int:
    """What the first word of a header says of its procedure; -1 = it begins none."""
    if word == K.W_PROCEDURE:
        return 0
    if word == K.W_PUBLIC:
        return K.F_PUBLIC
    if word == K.W_RPC:
        return K.F_RPC
    if word == K.W_RPCX:
        return K.F_RPCX
    if word == K.W_ENTRY:
        return K.F_ENTRY
    return K.F_ENTRYX if word == K.W_ENTRYX else -1


class Parser(Statements):
    """script = [IMPLEMENTATION] {decl | proc | entry} [init]"""

    def script(self) -> None:
        try:
            while self.kind != K.T_EOF:
                self.top()
        except TooDeep as fault:
            self.report(fault)

    def top(self) -> None:
        try:
            self.part()
        except TooDeep:
            raise
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line()

    def part(self) -> None:
        """What a line of the script outside procedures begins."""
        word = self.word
        if self.kind == K.T_EOL:
            self.advance()
        elif self.header():
            self.procedure()
        elif word == K.W_UNIT and self.ahead(1) == K.T_LPAREN:
            self.unit_event()
        elif word == K.W_PRAGMA and self.ahead(1) != K.T_ASSIGN:
            self.pragma()
        elif self.declares():
            self.tree.globals.append(self.declaration())
        elif word == K.W_IMPLEMENTATION:
            self.implementation()
        else:
            self.init()

    def init(self) -> None:
        """[BEGIN] actions, up to the end. Lines that cannot be read do not begin it: a header or BEGIN may follow them."""
        self.section, self.in_init = "", True
        if self.accept_word(K.W_BEGIN):
            self.begun = True
            self.end_line_or_report()
        self.init_items()
        while self.begun and self.kind != K.T_EOF:  # procedures behind the init part: an error each, parsed all the same
            self.late_header()
            self.init_items()

    def init_items(self) -> None:
        self.tree.init.extend(self.tree.items(self.block()))

    def unit_event(self) -> None:
        """UNIT (E.Name) _u {, _u}"""
        start = self.start()
        self.advance()
        self.advance()
        name = self.expect_name(K.T_NAME, "the name of a unit event")
        self.expect(K.T_RPAREN, "`)`")
        variables = [self.expect_name(K.T_LOCAL, VARIABLE)]
        while self.accept(K.T_COMMA):
            variables.append(self.expect_name(K.T_LOCAL, VARIABLE))
        self.tree.units.append(self.node(K.N_UNIT, start, name, self.tree.pack(variables)))
        self.unit_names.update(variables)
        self.end_line()

    def implementation(self) -> None:
        """IMPLEMENTATION I.A {, I.B}, in front of everything else"""
        at = self.advance()
        if self.tree.globals or self.tree.procedures or self.tree.units:
            self.report(self.at_token("ESL2031", at))
        while True:
            start = self.start()
            name = self.expect_name(K.T_NAME, "the name of an interface")
            self.tree.implements.append(self.node(K.N_IMPLEMENTS, start, name))
            if not self.accept(K.T_COMMA):
                break
        self.end_line()

    def late_header(self) -> None:
        """A header behind the init part."""
        if self.header():
            self.procedure()
            self.section, self.in_init = "", True
        else:
            self.late(self.at)
            self.skip_line()

    def late(self, at: int) -> None:
        self.report(self.at_token("ESL1009", at, word=shown_word(self.tokens.value[at])))

    # declarations
    def declares(self) -> bool:
        word = self.word
        if word == K.W_TIME:
            return self.ahead(1) == K.T_LOCAL
        return is_type(word) or word == K.W_PUBLIC or word == K.W_UNIT

    def declaration(self) -> int:
        """["PUBLIC"] type var {"," var}"""
        start = self.start()
        public = self.accept_word(K.W_PUBLIC)
        if public and self.section:
            self.report(SyntaxFault("ESL2040", start, self.last_end()))
        kind = self.type_name()
        names = [self.variable()]
        while self.accept(K.T_COMMA):
            names.append(self.variable())
        node = self.node(K.N_DECL, start, kind, self.tree.pack(names), K.D_PUBLIC if public else 0)
        self.end_line()
        return node

    def variable(self) -> int:
        """name [(= | :=) value]"""
        start = self.start()
        name = self.expect_name(K.T_LOCAL, VARIABLE)
        value = self.expression() if self.accept(K.T_EQ) or self.accept(K.T_ASSIGN) else -1
        return self.node(K.N_VAR, start, name, value)

    def type_name(self) -> int:
        word = self.word
        if word == K.W_RECORD or word == K.W_ALIAS:
            return self.structured_type(word)
        if word == K.W_CNT_HANDLE:
            return self.simple_type(K.V_INT, K.T_HANDLE)
        if word == K.W_UNIT:
            raise self.at_token("ESL2011", self.at, construct="UNIT", place="the declarations of the script, outside procedures")
        kind = type_of(word)
        if kind == K.V_NONE:
            raise self.unexpected("a type")
        return self.simple_type(kind, 0)

    def simple_type(self, kind: int, handle: int) -> int:
        start = self.start()
        self.advance()
        return self.node(K.N_TYPE, start, kind, -1, handle)

    def structured_type(self, word: int) -> int:
        """(RECORD [NOALIAS] | ALIAS) [`(`structure`)`]"""
        start = self.start()
        self.advance()
        noalias = word == K.W_RECORD and self.accept_word(K.W_NOALIAS)
        structure = -1
        if self.accept(K.T_LPAREN):
            structure = self.expect_name(K.T_NAME, "the name of a structure")
            self.expect(K.T_RPAREN, "`)`")
        kind = K.V_RECORD if word == K.W_RECORD else K.V_OBJECT
        return self.node(K.N_TYPE, start, kind, structure, K.T_NOALIAS if noalias else 0)

    # procedures and entries
    def header(self) -> bool:
        """Does a procedure or entry begin here? PUBLIC in front of a type marks a variable."""
        if self.word != K.W_PUBLIC:
            return flags_of(self.word) >= 0
        word = self.word_ahead(1)
        return word != K.W_PUBLIC and flags_of(word) >= 0

    def procedure(self) -> None:
        """A header and its body. A header with a fault costs one error, its body and its END are still read."""
        flags, told = flags_of(self.word), len(self.faults)
        at = self.advance()
        params: list[int] = []
        self.head(flags, params)
        faulty = len(self.faults) > told
        if self.begun and not faulty:
            self.late(at)
        name_at = self.at
        name = self.value() if self.kind == K.T_NAME else -1
        node = self.tree.add(K.N_PROC, self.tokens.start[name_at], self.tokens.end[name_at], name, -1, -1, flags)
        if name < 0:
            self.skip_line()
        else:
            self.named(node, name_at, params)
        self.body(node, name, faulty)

    def head(self, flags: int, params: list[int]) -> None:
        """What stands before the name; the cursor is then on the name, or at the end of the line when a fault left none."""
        try:
            if flags == K.F_PUBLIC or flags == K.F_RPC or flags == K.F_RPCX:
                self.expect_word(K.W_PROCEDURE)
            self.conversation_parameter(params)
            if self.kind != K.T_NAME:
                raise self.unexpected("a name")
        except SyntaxFault as fault:
            self.report(fault)
            while not self.at_line_end() and not self.ends_head():
                self.advance()

    def ends_head(self) -> bool:
        """Is this the name in a header with a fault: the one before the parameters or the end of the line?"""
        following = self.ahead(1)
        return self.kind == K.T_NAME and (following == K.T_LPAREN or following == K.T_EOL or following == K.T_EOF)

    def named(self, node: int, name_at: int, params: list[int]) -> None:
        name = self.tokens.value[self.advance()]
        if name <= K.LAST_RESERVED:
            self.report(self.at_token("ESL1010", name_at, name=self.tokens.names.spelled[name]))
        self.parameters_or_skip(params)
        self.tree.procedures.append(node)
        self.tree.b[node] = self.tree.pack(params)

    def parameters_or_skip(self, params: list[int]) -> None:
        """A faulty parameter list costs one error, the body is still parsed."""
        try:
            if self.kind == K.T_LPAREN:
                self.parameters(params)
            self.end_line()
        except TooDeep:
            raise
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line()

    def parameters(self, params: list[int]) -> None:
        """`(` [mode type name {, [mode type] name}] `)`"""
        self.advance()
        if self.kind != K.T_RPAREN:
            self.parameter_names(params)
        self.expect(K.T_RPAREN, "`,` or `)`")

    def parameter_names(self, params: list[int]) -> None:
        mode, kind = K.M_INOUT, -1
        while True:
            start = self.start()
            if self.kind != K.T_LOCAL or kind < 0:
                mode = self.mode()
                kind = self.parameter_type()
            name = self.expect_name(K.T_LOCAL, "a parameter name beginning with `_`")
            params.append(self.node(K.N_PARAM, start, kind, name, mode))
            if not self.accept(K.T_COMMA):
                break

    def mode(self) -> int:
        if self.accept_word(K.W_IN):
            return K.M_IN
        return K.M_OUT if self.accept_word(K.W_OUT) else K.M_INOUT

    def parameter_type(self) -> int:
        return self.simple_type(K.V_INT, 0) if self.word == K.W_HBJ else self.type_name()

    def body(self, node: int, name: int, faulty: bool) -> None:
        self.section, self.in_init = self.tokens.names.spelled[name] if name >= 0 else "PROCEDURE", False
        self.tree.c[node] = self.block()
        if self.word == K.W_END and self.ahead(1) == K.T_NAME:
            self.advance()
            self.closing_name(name)
        elif self.bare_end_closes:
            self.bare_end_closes = False
        elif not faulty:
            fault = SyntaxFault("ESL1006", self.tree.start[node], self.tree.end[node], name=self.section)
            fault.label = "opened here"
            self.report(fault)

    def closing_name(self, name: int) -> None:
        at, found = self.at, self.value()
        self.advance()
        if found != name and name >= 0:
            spelled = self.tokens.names.spelled
            self.report(self.at_token("ESL2003", at, name=spelled[name], found=spelled[found]))
        self.end_line_or_report()

    def starts_section(self) -> bool:
        """Does a header of the next section stand here?"""
        word = self.word
        if word == K.W_PUBLIC:
            return self.header()
        begins = flags_of(word) >= 0 or word == K.W_IMPLEMENTATION or word == K.W_BEGIN
        return begins and self.ahead(1) != K.T_ASSIGN and self.ahead(1) != K.T_COLON
