"""Parsing expressions and references. Base of the parser; knows no actions.

Levels, high to low: postfix, unary, * /, + -, comparison (not chained), &, |. Binary chains grow to the left in a loop, so only
brackets and unary operators cost nesting.
"""

from __future__ import annotations

from hisee.esl.front import lexer as L
from hisee.esl.front.lexer import Source, Tokens
from hisee.esl.front.nodes import (
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
    Tree,
)

SHOWN = {
    L.T_EOF: "the end of the script", L.T_EOL: "the end of the line", L.T_LPAREN: "`(`", L.T_RPAREN: "`)`", L.T_LBRACKET: "`[`",
    L.T_RBRACKET: "`]`", L.T_COMMA: "`,`", L.T_CARET: "`^`", L.T_BACKSLASH: "`\\`", L.T_COLON: "`:`", L.T_ASSIGN: "`:=`", L.T_EQ: "`=`",
}
RELATIONS = frozenset((L.T_EQ, L.T_NE, L.T_LT, L.T_GT, L.T_LE, L.T_GE))
LITERALS = {L.T_INT: N_INT, L.T_REAL: N_REAL, L.T_TEXT: N_TEXT, L.T_AT: N_AT}


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
        return kinds[at] if at < len(kinds) else L.T_EOF

    def start(self) -> int:
        return self.tokens.start[self.at]

    def last_end(self) -> int:
        return self.tokens.end[self.at - 1] if self.at else 0

    def value(self) -> int:
        return self.tokens.value[self.at]

    def word(self, ahead: int = 0) -> str:
        """Folded spelling of a NAME token, else ""."""
        if self.kind(ahead) != L.T_NAME:
            return ""
        return self.tokens.names.folded[self.tokens.value[self.at + ahead]]

    def text(self) -> str:
        return self.source.text[self.tokens.start[self.at]:self.tokens.end[self.at]]

    def advance(self) -> int:
        at = self.at
        if self.tokens.kind[at] != L.T_EOF:
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
        end = self.tokens.end[self.at] if kind not in (L.T_EOL, L.T_EOF) else self.start()
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
        node = self._chain(self._and, (L.T_OR,))
        self.leave()
        return node

    def _and(self) -> int:
        return self._chain(self._relation, (L.T_AND,))

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
        return self._chain(self._product, (L.T_PLUS, L.T_MINUS))

    def _product(self) -> int:
        return self._chain(self._unary, (L.T_STAR, L.T_SLASH))

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
        if op not in (L.T_MINUS, L.T_NOT):
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
        if self.kind() == L.T_LBRACKET and not self._unit_follows():
            self.advance()
            index = self.expression()
            self.expect(L.T_RBRACKET, "`]`")
            node = self.tree.add(N_INDEX, start, self.last_end(), node, index)
        if self.accept(L.T_CARET):
            name = self._column_name()
            node = self.tree.add(N_COLUMN, start, self.last_end(), node, name)
        if self.accept(L.T_BACKSLASH):
            name = self.expect_name(L.T_NAME, "an attribute such as VLD or TIM")
            node = self.tree.add(N_ATTR, start, self.last_end(), node, name)
        return node

    def _unit_follows(self) -> bool:
        return False

    def _column_name(self) -> int:
        if self.kind() == L.T_LOCAL:
            return self.tokens.value[self.advance()]
        return self.expect_name(L.T_NAME, "a column name")

    def _primary(self) -> int:
        kind, start = self.kind(), self.start()
        if kind in LITERALS:
            value = self.tokens.value[self.advance()]
            return self.tree.add(LITERALS[kind], start, self.last_end(), value)
        if kind == L.T_LOCAL or kind == L.T_NAME:
            value = self.tokens.value[self.advance()]
            return self.tree.add(N_LOCAL if kind == L.T_LOCAL else N_OBJECT, start, self.last_end(), value)
        if kind == L.T_FUNC:
            return self.function()
        if kind == L.T_LPAREN:
            return self._brackets()
        raise self.unexpected("a value")

    def _brackets(self) -> int:
        start = self.start()
        self.advance()
        inner = self.expression()
        if self.kind() == L.T_COMMA:
            raise SyntaxFault("ESL1003", start, self.tokens.end[self.at], construct="an object by number, row and column `(a, b, c)`")
        self.expect(L.T_RPAREN, "`)`")
        return self.tree.add(N_PAREN, start, self.last_end(), inner)

    def function(self) -> int:
        start = self.start()
        name = self.tokens.value[self.advance()]
        if self.kind() != L.T_LPAREN:
            raise self.unexpected("`(`")
        return self.tree.add(N_FUNC, start, self.last_end(), name, self.arguments())

    def arguments(self) -> int:
        """`(` [expr {, expr}] `)` as a list."""
        self.expect(L.T_LPAREN, "`(`")
        args: list[int] = []
        if self.kind() != L.T_RPAREN:
            args.append(self.expression())
            while self.accept(L.T_COMMA):
                args.append(self.expression())
        self.expect(L.T_RPAREN, "`,` or `)`")
        return self.tree.pack(args)

    def reference(self, wanted: str) -> int:
        """Something that can be a target: local, object, item, (hbj)."""
        if self.kind() not in (L.T_LOCAL, L.T_NAME, L.T_LPAREN):
            raise self.unexpected(wanted)
        return self.postfix()

    def bad(self, start: int) -> int:
        return self.tree.add(N_BAD, start, max(start, self.last_end()))
