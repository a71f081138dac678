# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Parsing expressions and references. Base of the parser; knows no actions.

Levels, high to low: postfix, unary, * /, + -, comparison (not chained), &, |. Binary chains grow to the left in a loop, so only
brackets and unary operators cost nesting.
"""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import WORDS, Source, Tokens
from hisee.esl.front.nodes import Tree
from hisee.esl.front.rows import zeros

SHOWN = {
    K.T_EOF: "the end of the script", K.T_EOL: "the end of the line", K.T_LPAREN: "`(`", K.T_RPAREN: "`)`", K.T_LBRACKET: "`[`",
    K.T_RBRACKET: "`]`", K.T_COMMA: "`,`", K.T_CARET: "`^`", K.T_BACKSLASH: "`\\`", K.T_COLON: "`:`", K.T_ASSIGN: "`:=`", K.T_EQ: "`=`",
}
# operators, each level binds tighter than the one before
LEVELS = (
    (K.T_OR,), (K.T_AND,), (K.T_EQ, K.T_NE, K.T_LT, K.T_GT, K.T_LE, K.T_GE), (K.T_PLUS, K.T_MINUS), (K.T_STAR, K.T_SLASH),
)
LOOSEST, RELATION = 1, 3
LEVEL_OF = zeros(K.T_COLON + 1)  # kind of a token -> level, 0 = no operator
for _level, _operators in enumerate(LEVELS, LOOSEST):
    for _operator in _operators:
        LEVEL_OF[_operator] = _level


class SyntaxFault(Exception):
    """One syntax error; the parser reports it and goes on at the next line."""

    def __init__(self, code: str, start: int, end: int, hint: str = "", label: str = "", **values: object) -> None:
        super().__init__(code)
        self.code, self.start, self.end, self.hint, self.label, self.values = code, start, end, hint, label, values


class TooDeep(SyntaxFault):
    """The nesting limit: parsing of this part ends."""


def shown_word(word: int) -> str:
    """A word of the language as it is written."""
    return WORDS[word].upper()


class Expressions:
    """A cursor over tokens and the expression half of the grammar. `kind` and `word` are those of the token under the cursor;
    `word` is 0 when it is no word of the language."""

    def __init__(self, source: Source, tokens: Tokens, nesting: int) -> None:
        self.source = source
        self.tokens = tokens
        self.tree = Tree(tokens.count)  # more nodes than tokens are rare
        self.depth = 0
        self.nesting = nesting
        self.move(0)

    # cursor
    def move(self, at: int) -> None:
        self.at = at
        self.kind = self.tokens.kind[at]
        self.word = self.word_ahead(0)

    def advance(self) -> int:
        """To the next token; the number of the one that was under the cursor. The end stays under it."""
        at = self.at
        if self.kind != K.T_EOF:
            self.move(at + 1)
        return at

    def ahead(self, count: int) -> int:
        """Kind of a token further on."""
        return self.tokens.kind[self.at + count]

    def word_ahead(self, count: int) -> int:
        at = self.at + count
        number = self.tokens.value[at]
        return number if number < K.WORD_COUNT and self.tokens.kind[at] == K.T_NAME else K.NO_WORD

    def start(self) -> int:
        return self.tokens.start[self.at]

    def end(self) -> int:
        return self.tokens.end[self.at]

    def last_end(self) -> int:
        """Where the token before the cursor ends."""
        return self.tokens.end[self.at - 1] if self.at > 0 else 0

    def value(self) -> int:
        return self.tokens.value[self.at]

    def text(self) -> str:
        return self.source.text[self.start():self.end()]

    def at_line_end(self) -> bool:
        return self.kind == K.T_EOL or self.kind == K.T_EOF

    def accept(self, kind: int) -> bool:
        if self.kind != kind:
            return False
        self.advance()
        return True

    def accept_word(self, word: int) -> bool:
        if self.word != word:
            return False
        self.advance()
        return True

    def expect(self, kind: int, wanted: str) -> int:
        if self.kind != kind:
            raise self.unexpected(wanted)
        return self.advance()

    def expect_word(self, word: int) -> None:
        if not self.accept_word(word):
            raise self.unexpected(f"`{shown_word(word)}`")

    def expect_name(self, kind: int, wanted: str) -> int:
        return self.tokens.value[self.expect(kind, wanted)]

    def comma(self) -> None:
        self.expect(K.T_COMMA, "`,`")

    def unexpected(self, wanted: str, hint: str = "") -> SyntaxFault:
        found = SHOWN.get(self.kind) or f"`{self.text()}`"
        end = self.start() if self.at_line_end() else self.end()
        return SyntaxFault("ESL1001", self.start(), end, hint, wanted=wanted, found=found)

    # nesting
    def enter(self) -> None:
        self.depth += 1
        if self.depth > self.nesting:
            raise TooDeep("ESL1008", self.start(), self.end(), limit=self.nesting)

    def leave(self) -> None:
        self.depth -= 1

    # expressions
    def node(self, kind: int, start: int, a: int = -1, b: int = -1, c: int = -1, d: int = -1) -> int:
        """A node from `start` to the end of the last token."""
        return self.tree.add(kind, start, self.last_end(), a, b, c, d)

    def is_whole(self) -> bool:
        """Is all that follows one expression? A syntax fault says why not."""
        self.expression()
        self.accept(K.T_EOL)
        return self.kind == K.T_EOF

    def expression(self) -> int:
        self.enter()
        node = self.operation(LOOSEST)
        self.leave()
        return node

    def operation(self, loosest: int) -> int:
        """Operands between operators, none of which binds looser than `loosest`."""
        node = self.unary()
        while True:
            operator = self.kind
            level = LEVEL_OF[operator]
            if level < loosest:
                return node
            self.advance()
            right = self.operation(level + 1)
            node = self.node(K.N_BINARY, self.tree.start[node], operator, node, right)
            if level == RELATION and LEVEL_OF[self.kind] == RELATION:
                raise SyntaxFault("ESL1011", self.start(), self.end())

    def unary(self) -> int:
        operator = self.kind
        if operator != K.T_MINUS and operator != K.T_NOT:
            return self.postfix()
        start = self.start()
        self.advance()
        self.enter()
        operand = self.unary()
        self.leave()
        return self.node(K.N_UNARY, start, operator, operand)

    def postfix(self) -> int:
        """root [index] [^column] [\\attribute]"""
        start = self.start()
        node = self.primary()
        if self.kind == K.T_LBRACKET and not self.unit_follows():
            self.advance()
            index = self.expression()
            self.expect(K.T_RBRACKET, "`]`")
            node = self.node(K.N_INDEX, start, node, index)
        if self.accept(K.T_CARET):
            column = self.column_name()
            node = self.node(K.N_COLUMN, start, node, column)
        if self.accept(K.T_BACKSLASH):
            attribute = self.expect_name(K.T_NAME, "an attribute such as VLD or TIM")
            node = self.node(K.N_ATTR, start, node, attribute)
        return node

    def unit_follows(self) -> bool:
        """Is the bracket that follows a unit of time, not an index?"""
        return False

    def column_name(self) -> int:
        if self.kind == K.T_LOCAL:
            return self.tokens.value[self.advance()]
        return self.expect_name(K.T_NAME, "a column name")

    def primary(self) -> int:
        kind = self.kind
        if kind == K.T_LOCAL:
            return self.leaf(K.N_LOCAL)
        if kind == K.T_NAME:
            return self.leaf(K.N_OBJECT)
        if kind == K.T_INT:
            return self.leaf(K.N_INT)
        if kind == K.T_FUNC:
            return self.function()
        if kind == K.T_LPAREN:
            return self.brackets()
        if kind == K.T_TEXT:
            return self.leaf(K.N_TEXT)
        if kind == K.T_REAL:
            return self.leaf(K.N_REAL)
        if kind == K.T_AT:
            return self.leaf(K.N_AT)
        raise self.unexpected("a value")

    def leaf(self, kind: int) -> int:
        """A node of one token: its name or literal."""
        start = self.start()
        value = self.tokens.value[self.advance()]
        return self.node(kind, start, value)

    def brackets(self) -> int:
        start = self.start()
        self.advance()
        inner = self.expression()
        if self.kind == K.T_COMMA:
            raise SyntaxFault("ESL1003", start, self.end(), construct="an object by number, row and column `(a, b, c)`")
        self.expect(K.T_RPAREN, "`)`")
        return self.node(K.N_PAREN, start, inner)

    def function(self) -> int:
        start = self.start()
        name = self.tokens.value[self.advance()]
        end = self.last_end()
        if self.kind != K.T_LPAREN:
            raise self.unexpected("`(`")
        return self.tree.add(K.N_FUNC, start, end, name, self.arguments())

    def arguments(self) -> int:
        """`(` [expr {, expr}] `)` as a list."""
        self.expect(K.T_LPAREN, "`(`")
        first = self.tree.waiting
        try:
            self.waiting_arguments()
        except SyntaxFault:
            self.tree.waiting = first
            raise
        return self.tree.pack_from(first)

    def waiting_arguments(self) -> None:
        if self.kind != K.T_RPAREN:
            self.tree.wait(self.expression())
            while self.accept(K.T_COMMA):
                self.tree.wait(self.expression())
        self.expect(K.T_RPAREN, "`,` or `)`")

    def expressions(self, found: list[int]) -> None:
        """expr {, expr}"""
        found.append(self.expression())
        while self.accept(K.T_COMMA):
            found.append(self.expression())

    def reference(self, wanted: str) -> int:
        """Something that can be a target: local, object, item, (hbj)."""
        if self.kind != K.T_LOCAL and self.kind != K.T_NAME and self.kind != K.T_LPAREN:
            raise self.unexpected(wanted)
        return self.postfix()
