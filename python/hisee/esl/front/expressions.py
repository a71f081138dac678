"""Parsing expressions and references. Base of the parser; knows no actions.

Levels, high to low: postfix, unary, * /, + -, comparison (not chained), &, |. Binary chains grow to the left in a loop, so only
brackets and unary operators cost nesting.
"""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.kinds import (
    N_AT,
    N_ATTR,
    N_BAD,
    N_BINARY,
    N_COLUMN,
    N_FUNC,
    N_INDEX,
    N_INT,
    N_LOCAL,
    N_OBJECT,
    N_PAREN,
    N_REAL,
    N_TEXT,
    N_UNARY,
)
from hisee.esl.front.lexer import Source, Tokens
from hisee.esl.front.nodes import Tree

SHOWN = {
    K.T_EOF: "the end of the script", K.T_EOL: "the end of the line", K.T_LPAREN: "`(`", K.T_RPAREN: "`)`", K.T_LBRACKET: "`[`",
    K.T_RBRACKET: "`]`", K.T_COMMA: "`,`", K.T_CARET: "`^`", K.T_BACKSLASH: "`\\`", K.T_COLON: "`:`", K.T_ASSIGN: "`:=`", K.T_EQ: "`=`",
}
RELATIONS = frozenset((K.T_EQ, K.T_NE, K.T_LT, K.T_GT, K.T_LE, K.T_GE))
LITERALS = {K.T_INT: N_INT, K.T_REAL: N_REAL, K.T_TEXT: N_TEXT, K.T_AT: N_AT}


class SyntaxFault(Exception):
    """One syntax error; the parser reports it and goes on at the next line."""

    def __init__(self, code: str, start: int, end: int, hint: str = "", label: str = "", **values: object) -> None:
        super().__init__(code)
        self.code, self.start, self.end, self.hint, self.label, self.values = code, start, end, hint, label, values


class TooDeep(SyntaxFault):
    """The nesting limit: parsing of this part ends."""


class Expressions:
    """A cursor over tokens and the expression half of the grammar."""

    def __init__(self, source: Source, tokens: Tokens, nesting: int) -> None:
        self.source = source
        self.tokens = tokens
        self.tree = Tree()
        self.at = 0
        self.depth = 0
        self.nesting = nesting

    # cursor
    def kind(self, ahead: int = 0) -> int:
        at = self.at + ahead
        kinds = self.tokens.kind
        return kinds[at] if at < len(kinds) else K.T_EOF

    def start(self) -> int:
        return self.tokens.start[self.at]

    def last_end(self) -> int:
        return self.tokens.end[self.at - 1] if self.at else 0

    def value(self) -> int:
        return self.tokens.value[self.at]

    def word(self, ahead: int = 0) -> str:
        """Folded spelling of a NAME token, else ""."""
        if self.kind(ahead) != K.T_NAME:
            return ""
        return self.tokens.names.folded[self.tokens.value[self.at + ahead]]

    def text(self) -> str:
        return self.source.text[self.tokens.start[self.at]:self.tokens.end[self.at]]

    def advance(self) -> int:
        at = self.at
        if self.tokens.kind[at] != K.T_EOF:
            self.at = at + 1
        return at

    def accept(self, kind: int) -> bool:
        if self.kind() != kind:
            return False
        self.advance()
        return True

    def accept_word(self, word: str) -> bool:
        if self.word() != word:
            return False
        self.advance()
        return True

    def expect(self, kind: int, wanted: str) -> int:
        if self.kind() != kind:
            raise self.unexpected(wanted)
        return self.advance()

    def expect_word(self, word: str) -> None:
        if not self.accept_word(word):
            raise self.unexpected(f"`{word.upper()}`")

    def expect_name(self, kind: int, wanted: str) -> int:
        return self.tokens.value[self.expect(kind, wanted)]

    def unexpected(self, wanted: str, hint: str = "") -> SyntaxFault:
        kind = self.kind()
        found = SHOWN.get(kind) or f"`{self.text()}`"
        end = self.tokens.end[self.at] if kind not in (K.T_EOL, K.T_EOF) else self.start()
        return SyntaxFault("ESL1001", self.start(), end, hint, wanted=wanted, found=found)

    # nesting
    def enter(self) -> None:
        self.depth += 1
        if self.depth > self.nesting:
            raise TooDeep("ESL1008", self.start(), self.tokens.end[self.at], limit=self.nesting)

    def leave(self) -> None:
        self.depth -= 1

    # expressions
    def expression(self) -> int:
        self.enter()
        node = self._chain(self._and, (K.T_OR,))
        self.leave()
        return node

    def _and(self) -> int:
        return self._chain(self._relation, (K.T_AND,))

    def _relation(self) -> int:
        left = self._sum()
        op = self.kind()
        if op not in RELATIONS:
            return left
        self.advance()
        node = self._binary(op, left, self._sum())
        if self.kind() in RELATIONS:
            raise SyntaxFault("ESL1011", self.start(), self.tokens.end[self.at])
        return node

    def _sum(self) -> int:
        return self._chain(self._product, (K.T_PLUS, K.T_MINUS))

    def _product(self) -> int:
        return self._chain(self._unary, (K.T_STAR, K.T_SLASH))

    def _chain(self, part, ops: tuple[int, ...]) -> int:  # type: ignore[no-untyped-def]
        node = part()
        while self.kind() in ops:
            op = self.kind()
            self.advance()
            node = self._binary(op, node, part())
        return int(node)

    def _binary(self, op: int, left: int, right: int) -> int:
        return self.tree.add(N_BINARY, self.tree.start[left], self.last_end(), op, left, right)

    def _unary(self) -> int:
        op = self.kind()
        if op not in (K.T_MINUS, K.T_NOT):
            return self.postfix()
        start = self.start()
        self.advance()
        self.enter()
        operand = self._unary()
        self.leave()
        return self.tree.add(N_UNARY, start, self.last_end(), op, operand)

    def postfix(self) -> int:
        """root [index] [^column] [\\attribute]"""
        start = self.start()
        node = self._primary()
        if self.kind() == K.T_LBRACKET and not self._unit_follows():
            self.advance()
            index = self.expression()
            self.expect(K.T_RBRACKET, "`]`")
            node = self.tree.add(N_INDEX, start, self.last_end(), node, index)
        if self.accept(K.T_CARET):
            name = self._column_name()
            node = self.tree.add(N_COLUMN, start, self.last_end(), node, name)
        if self.accept(K.T_BACKSLASH):
            name = self.expect_name(K.T_NAME, "an attribute such as VLD or TIM")
            node = self.tree.add(N_ATTR, start, self.last_end(), node, name)
        return node

    def _unit_follows(self) -> bool:
        return False

    def _column_name(self) -> int:
        if self.kind() == K.T_LOCAL:
            return self.tokens.value[self.advance()]
        return self.expect_name(K.T_NAME, "a column name")

    def _primary(self) -> int:
        kind, start = self.kind(), self.start()
        if kind in LITERALS:
            value = self.tokens.value[self.advance()]
            return self.tree.add(LITERALS[kind], start, self.last_end(), value)
        if kind == K.T_LOCAL or kind == K.T_NAME:
            value = self.tokens.value[self.advance()]
            return self.tree.add(N_LOCAL if kind == K.T_LOCAL else N_OBJECT, start, self.last_end(), value)
        if kind == K.T_FUNC:
            return self.function()
        if kind == K.T_LPAREN:
            return self._brackets()
        raise self.unexpected("a value")

    def _brackets(self) -> int:
        start = self.start()
        self.advance()
        inner = self.expression()
        if self.kind() == K.T_COMMA:
            raise SyntaxFault("ESL1003", start, self.tokens.end[self.at], construct="an object by number, row and column `(a, b, c)`")
        self.expect(K.T_RPAREN, "`)`")
        return self.tree.add(N_PAREN, start, self.last_end(), inner)

    def function(self) -> int:
        start = self.start()
        name = self.tokens.value[self.advance()]
        if self.kind() != K.T_LPAREN:
            raise self.unexpected("`(`")
        return self.tree.add(N_FUNC, start, self.last_end(), name, self.arguments())

    def arguments(self) -> int:
        """`(` [expr {, expr}] `)` as a list."""
        self.expect(K.T_LPAREN, "`(`")
        args: list[int] = []
        if self.kind() != K.T_RPAREN:
            args.append(self.expression())
            while self.accept(K.T_COMMA):
                args.append(self.expression())
        self.expect(K.T_RPAREN, "`,` or `)`")
        return self.tree.pack(args)

    def reference(self, wanted: str) -> int:
        """Something that can be a target: local, object, item, (hbj)."""
        if self.kind() not in (K.T_LOCAL, K.T_NAME, K.T_LPAREN):
            raise self.unexpected(wanted)
        return self.postfix()

    def bad(self, start: int) -> int:
        return self.tree.add(N_BAD, start, max(start, self.last_end()))
