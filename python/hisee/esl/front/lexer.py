# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Lexer: source text to rows of tokens. Knows characters, words and places; knows no grammar.

A token is one row over four int arrays: kind, start, end (character offsets) and value: the number of an interned name, of a
literal, or 0. Names are interned by NFC and simple case fold, the first spelling is kept for display. A bad character costs one
diagnostic per run of them and never stops the lexer.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import NamedTuple

from hisee.esl.front import kinds as K
from hisee.esl.front.rows import as_list, doubled, zeros

SIGNS = {
    ":=": K.T_ASSIGN, "+": K.T_PLUS, "-": K.T_MINUS, "*": K.T_STAR, "/": K.T_SLASH, "&": K.T_AND, "|": K.T_OR, "!": K.T_NOT,
    "=": K.T_EQ, "#": K.T_NE, "<=": K.T_LE, ">=": K.T_GE, "<": K.T_LT, ">": K.T_GT, "(": K.T_LPAREN, ")": K.T_RPAREN,
    "[": K.T_LBRACKET, "]": K.T_RBRACKET, ",": K.T_COMMA, "^": K.T_CARET, "\\": K.T_BACKSLASH, ":": K.T_COLON,
}
INT_MAX = 2**63 - 1
ROOM = 64  # rows of new tokens
LOOK_AHEAD = 8  # spare rows behind the last token
_MARKS = "\u0300-\u036f"
_TAIL = rf"(?:[\w{_MARKS}]|\.(?=\w))*"
_PATTERN = re.compile(
    r"(?P<blank>[ \t\f\u00a0]+)|(?P<comment>;[^\r\n]*)|(?P<eol>\r\n|\n)|(?P<cr>\r)"
    rf"|(?P<local>_{_TAIL})|(?P<word>[^\W\d_]{_TAIL})|(?P<func>%[^\W\d]{_TAIL})|(?P<at>@[^\W\d]{_TAIL})"
    r"|(?P<real>[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))|(?P<int>[0-9]+)"
    r"""|(?P<text>"(?:[^"\r\n]|"")*"|'(?:[^'\r\n]|'')*')|(?P<open>["'][^\r\n]*)"""
    r"|(?P<sign>:=|<=|>=|[-+*/&|!=#<>()\[\],^\\:])"
    r"|(?P<bad>.)",
    re.DOTALL,
)
_KINDS = {"local": K.T_LOCAL, "word": K.T_NAME, "func": K.T_FUNC, "at": K.T_AT}


def fold(name: str) -> str:
    """The form under which names are equal: NFC and simple case folding (one character stays one character)."""
    if name.isascii():
        return name.lower()
    return "".join(_fold_one(c) for c in unicodedata.normalize("NFC", name))


def _fold_one(c: str) -> str:
    folded = c.casefold()
    if len(folded) == 1:
        return folded
    lower = c.lower()
    return lower if len(lower) == 1 else c


class Names:
    """Interned names: number <-> folded form, with the first spelling."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.folded: list[str] = []
        self.spelled: list[str] = []

    def number(self, name: str) -> int:
        key = fold(name)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.folded)
            self.folded.append(key)
            self.spelled.append(unicodedata.normalize("NFC", name))
        return found


class Source:
    """A text and its lines: turns character offsets into lines and columns, both from 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def span(self, start: int, end: int) -> tuple[int, int, int, int]:
        """line, column, end line, end column of [start, end)."""
        return (*self.place(start), *self.place(max(start, end)))

    def line(self, offset: int) -> int:
        return bisect_right(self._starts, offset)


class TokenLists(NamedTuple):
    """The rows of tokens as lists."""

    kind: list[int]
    start: list[int]
    end: list[int]
    value: list[int]
    names: Names
    literals: list[int | float | str]
    faults: list[tuple[str, int, int, dict[str, object]]]


class Tokens:
    """Rows of tokens, the interned names and the literal values. `faults`: (code, start, end, values of the message).

    Rows from `count` on are spare and zero, which reads as EOF: a look ahead needs no test for the end."""

    def __init__(self) -> None:
        self.count = 0
        self.kind, self.start, self.end, self.value = zeros(ROOM), zeros(ROOM), zeros(ROOM), zeros(ROOM)
        self.names = Names()
        self.literals: list[int | float | str] = []
        self.faults: list[tuple[str, int, int, dict[str, object]]] = []

    def add(self, kind: int, start: int, end: int, value: int = 0) -> None:
        at = self.count
        if at + LOOK_AHEAD == len(self.kind):
            self._grow()
        self.kind[at] = kind
        self.start[at] = start
        self.end[at] = end
        self.value[at] = value
        self.count = at + 1

    def _grow(self) -> None:
        self.kind, self.start = doubled(self.kind), doubled(self.start)
        self.end, self.value = doubled(self.end), doubled(self.value)

    def lists(self) -> TokenLists:
        """For those who are not compiled and look at many tokens."""
        count = self.count
        return TokenLists(as_list(self.kind, count), as_list(self.start, count), as_list(self.end, count), as_list(self.value, count),
                          self.names, self.literals, self.faults)

    def literal(self, value: int | float | str) -> int:
        self.literals.append(value)
        return len(self.literals) - 1

    def fault(self, code: str, start: int, end: int, **values: object) -> None:
        self.faults.append((code, start, end, values))


def tokenize(text: str, name_chars: int = 64) -> Tokens:
    """All tokens of `text`, closed by EOL and EOF."""
    lexer = _Lexer(text, name_chars)
    lexer.run()
    return lexer.tokens


class _Lexer:
    def __init__(self, text: str, name_chars: int) -> None:
        self.text = text
        self.tokens = Tokens()
        self.name_chars = name_chars
        self.bad_end = -1  # end of the last run of bad characters: the next one joins it

    def run(self) -> None:
        tokens = self.tokens
        start = 1 if self.text.startswith("\ufeff") else 0
        for match in _PATTERN.finditer(self.text, start):
            group = match.lastgroup
            if group == "blank" or group == "comment":
                continue
            if group == "eol":
                self._end_line(match.start(), match.end())
            elif group == "sign":
                tokens.add(SIGNS[match.group()], match.start(), match.end())
            elif group in _KINDS:
                self._name(_KINDS[group], match.start(), match.end())
            else:
                self._rest(group or "bad", match.start(), match.end())
        end = len(self.text)
        self._end_line(end, end)
        tokens.add(K.T_EOF, end, end)

    def _end_line(self, start: int, end: int) -> None:
        tokens = self.tokens
        if tokens.count and tokens.kind[tokens.count - 1] != K.T_EOL:
            tokens.add(K.T_EOL, start, end)

    def _name(self, kind: int, start: int, end: int) -> None:
        name = self.text[start:end]
        if len(name) > self.name_chars:
            self.tokens.fault("ESL0006", start, end, limit=self.name_chars)
        self.tokens.add(kind, start, end, self.tokens.names.number(name))

    def _rest(self, group: str, start: int, end: int) -> None:
        if group == "int" or group == "real":
            self._number(group, start, end)
        elif group == "text":
            quote = self.text[start]
            body = self.text[start + 1:end - 1].replace(quote * 2, quote)
            self.tokens.add(K.T_TEXT, start, end, self.tokens.literal(body))
        elif group == "open":
            self.tokens.fault("ESL0002", start, end, quote=self.text[start])
            self.tokens.add(K.T_TEXT, start, end, self.tokens.literal(self.text[start + 1:end]))
        elif group == "cr":
            self.tokens.fault("ESL0003", start, end)
            self._end_line(start, end)
        else:
            self._bad(start, end)

    def _number(self, group: str, start: int, end: int) -> None:
        text = self.text[start:end]
        following = self.text[end:end + 1]
        if following.isalpha() or following == "_":
            self.tokens.fault("ESL0004", start, end + 1, text=text + following)
        if group == "int":
            value = int(text) if len(text) < 40 else INT_MAX + 1
            if value > INT_MAX:
                self.tokens.fault("ESL0007", start, end, text=text, type="INT")
                value = 0
            self.tokens.add(K.T_INT, start, end, self.tokens.literal(value))
            return
        real = float(text)
        if real in (float("inf"), float("-inf")):
            self.tokens.fault("ESL0007", start, end, text=text, type="REAL")
            real = 0.0
        self.tokens.add(K.T_REAL, start, end, self.tokens.literal(real))

    def _bad(self, start: int, end: int) -> None:
        if start != self.bad_end:
            c = self.text[start]
            what = f"`{c}`" if c.isprintable() else f"character U+{ord(c):04X}"
            self.tokens.fault("ESL0001", start, end, what=what)
        self.bad_end = end
