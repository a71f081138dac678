# cython: annotation_typing=False, infer_types=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Lexer: source text to rows of tokens. Knows characters, words and places; knows no grammar.

A token is one row over four int arrays: kind, start, end (character offsets) and value: the number of an interned name, of a
literal, or 0. Names are interned by NFC and simple case fold, the first spelling is kept for display. A bad character costs one
diagnostic per run of them and never stops the lexer.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from hisee.esl.front import kinds as K
from hisee.esl.front.rows import as_list, characters, doubled, zeros

SIGNS = {
    ":=": K.T_ASSIGN, "+": K.T_PLUS, "-": K.T_MINUS, "*": K.T_STAR, "/": K.T_SLASH, "&": K.T_AND, "|": K.T_OR, "!": K.T_NOT,
    "=": K.T_EQ, "#": K.T_NE, "<=": K.T_LE, ">=": K.T_GE, "<": K.T_LT, ">": K.T_GT, "(": K.T_LPAREN, ")": K.T_RPAREN,
    "[": K.T_LBRACKET, "]": K.T_RBRACKET, ",": K.T_COMMA, "^": K.T_CARET, "\\": K.T_BACKSLASH, ":": K.T_COLON,
}
INT_MAX = 2**63 - 1
ROOM = 64  # rows of new tokens
LOOK_AHEAD = 8  # spare rows behind the last token
WORDS = ("", *K.WORDS)
NO_SPELLINGS = ("",) * len(WORDS)
ASCII = 128
HASH = 2**30 - 1
SLOTS = 64  # of a new table of names
LETTERS = 8  # of a name, for the room of a new table
DIGITS = 18  # of a number that surely fits into an INT
SIGN_OF = zeros(ASCII)  # character -> kind, of the signs of one character
for _sign, _kind in SIGNS.items():
    if len(_sign) == 1:
        SIGN_OF[ord(_sign)] = _kind


def fold(name: str) -> str:
    """The form under which names are equal: NFC and simple case folding (one character stays one character)."""
    if name.isascii():
        return name.lower()
    return "".join([_fold_one(c) for c in unicodedata.normalize("NFC", name)])


def _fold_one(c: str) -> str:
    folded = c.casefold()
    if len(folded) == 1:
        return folded
    lower = c.lower()
    return lower if len(lower) == 1 else c


def is_letter(c: str) -> bool:
    """May a name begin with it? Letters, and numbers that are no digits, of any alphabet."""
    return c.isalnum() and not c.isdecimal()


def small(c: str) -> int:
    """A character as names are compared: of A..Z the small letter."""
    code = ord(c)
    return code + 32 if 65 <= code <= 90 else code


class Letters:
    """A text to be looked at character by character; END stands behind it."""

    def __init__(self, text: str) -> None:
        self.size = len(text)
        self.row = characters(text)

    def hash(self) -> int:
        """As Lexer.end_of_name() reckons it while it looks for the end."""
        hash = 0
        for at in range(self.size):
            hash = hash * 31 + small(self.row[at]) & HASH
        return hash


class Table:
    """Folded names without an object for each: their characters one behind the other, found by hash with open addressing. Rows count
    from 1."""

    def __init__(self) -> None:
        self.count = 0
        self.slots = zeros(SLOTS)  # row by hash, 0 = free
        self.hashes, self.ends = zeros(SLOTS), zeros(SLOTS)  # by row; a name's characters begin where those of the row before end
        self.letters = zeros(SLOTS * LETTERS)

    def find(self, text: Letters, start: int, end: int, hash: int) -> int:
        """The row of text[start:end], 0 = none."""
        at = hash
        while True:
            row = self.slots[at & len(self.slots) - 1]
            if row == 0 or self.hashes[row] == hash and self._same(row, text, start, end):
                return row
            at += 1

    def _same(self, row: int, text: Letters, start: int, end: int) -> bool:
        first = self.ends[row - 1]
        if self.ends[row] - first != end - start:
            return False
        at = 0
        while at < end - start and self.letters[first + at] == small(text.row[start + at]):
            at += 1
        return at == end - start

    def add(self, text: Letters, start: int, end: int, hash: int) -> int:
        """A new row for what find() does not know."""
        row = self.count + 1
        if 2 * row >= len(self.slots):
            self._grow()
        first = self.ends[row - 1]
        while first + end - start > len(self.letters):
            self.letters = doubled(self.letters)
        for at in range(end - start):
            self.letters[first + at] = small(text.row[start + at])
        self.ends[row] = first + end - start
        self.hashes[row] = hash
        self.count = row
        self._enter(row)
        return row

    def _enter(self, row: int) -> None:
        at = self.hashes[row]
        while self.slots[at & len(self.slots) - 1]:
            at += 1
        self.slots[at & len(self.slots) - 1] = row

    def _grow(self) -> None:
        self.slots = zeros(2 * len(self.slots))
        self.hashes, self.ends = doubled(self.hashes), doubled(self.ends)
        for row in range(1, self.count + 1):
            self._enter(row)


def words() -> Table:
    table = Table()
    for word in WORDS[1:]:
        letters = Letters(word)
        table.add(letters, 0, letters.size, letters.hash())
    return table


class Names:
    """Interned names: number <-> folded form, with the first spelling ("" = not met). The words of the language have the first
    numbers, their own (kinds.W_...); 0 is no name."""

    def __init__(self) -> None:
        self._own = Table()  # of names that are no words of the language
        self.folded = list(WORDS)
        self.spelled = list(NO_SPELLINGS)

    def number(self, name: str) -> int:
        """Of any name; the lexer asks for plain ones itself."""
        key = fold(name)
        text = Letters(key)
        hash = text.hash()
        return self.met(text, 0, text.size, hash) or self.meet(name, key, text, 0, hash)

    def met(self, text: Letters, start: int, end: int, hash: int) -> int:
        """The number of text[start:end], 0 when it is met the first time."""
        row = self._own.find(text, start, end, hash)
        if row:
            return K.LAST_WORD + row
        row = WORD_TABLE.find(text, start, end, hash)
        return row if row and self.spelled[row] else 0

    def meet(self, name: str, key: str, text: Letters, start: int, hash: int) -> int:
        """The number of a name that is met the first time; `key` is its folded form, its characters begin in `text` at `start`."""
        end = start + len(key)
        number = WORD_TABLE.find(text, start, end, hash)
        if number == 0:
            number = K.LAST_WORD + self._own.add(text, start, end, hash)
            self.folded.append(key)
            self.spelled.append("")
        self.spelled[number] = name if name.isascii() else unicodedata.normalize("NFC", name)
        return number


WORD_TABLE = words()


class Source:
    """A text and its lines: turns character offsets into lines and columns, both from 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.letters = Letters(text)
        self.lines = 1 + text.count("\n")
        self.starts = zeros(self.lines)
        self._near = 1
        self._begin_lines()

    def _begin_lines(self) -> None:
        line, letters = 1, self.letters
        for at in range(letters.size):
            if letters.row[at] == "\n":
                self.starts[line] = at + 1
                line += 1

    def line(self, offset: int) -> int:
        """The last line that does not begin behind `offset`."""
        near = self._near
        if self.starts[near - 1] <= offset:  # most questions go forward by a line or two
            if near == self.lines or offset < self.starts[near]:
                return near
            near += 1
            if near == self.lines or offset < self.starts[near]:
                self._near = near
                return near
        near = self._search(offset)
        self._near = max(1, near)
        return near

    def _search(self, offset: int) -> int:
        low, high = 0, self.lines
        while low < high:
            middle = (low + high) // 2
            if self.starts[middle] <= offset:
                low = middle + 1
            else:
                high = middle
        return low

    def place(self, offset: int) -> tuple[int, int]:
        line = self.line(offset)
        return line, offset - self.starts[line - 1] + 1

    def span(self, start: int, end: int) -> tuple[int, int, int, int]:
        """line, column, end line, end column of [start, end)."""
        return (*self.place(start), *self.place(max(start, end)))


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

    def __init__(self, room: int = ROOM) -> None:
        self.count = 0
        self.kind, self.start, self.end, self.value = zeros(room), zeros(room), zeros(room), zeros(room)
        self.names = Names()
        self.literals: list[int | float | str] = []
        self.faults: list[tuple[str, int, int, dict[str, object]]] = []

    def add(self, kind: int, start: int, end: int, value: int) -> None:
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
    """All tokens of `text`, closed by EOL and EOF. `name_chars`: longest name."""
    return tokens_of(Source(text), name_chars)


def tokens_of(source: Source, name_chars: int = 64) -> Tokens:
    """The same for a source that is at hand."""
    lexer = Lexer(source, name_chars)
    lexer.run()
    return lexer.tokens


class Lexer:
    """Each method reads what begins at a place and answers the place behind it."""

    def __init__(self, source: Source, name_chars: int) -> None:
        self.whole = source.text
        self.letters = source.letters
        self.text = self.letters.row
        self.end = self.letters.size
        self.tokens = Tokens(max(ROOM, self.end // 3))
        self.names = self.tokens.names
        self.name_chars = name_chars
        self.hash = 0  # of the name that was read last
        self.plain = True  # ASCII alone
        self.spellings: dict[str, int] = {}  # names that are not: folded only once
        self.bad_end = -1  # end of the last run of bad characters: the next one joins it

    def run(self) -> None:
        at = 1 if self.text[0] == "\ufeff" else 0
        while at < self.end:
            at = self.token(at)
        self.end_line(self.end, self.end)
        self.tokens.add(K.T_EOF, self.end, self.end, 0)

    def token(self, at: int) -> int:
        c = self.text[at]
        if c == " ":
            return at + 1
        if "a" <= c <= "z" or "A" <= c <= "Z":
            return self.name(K.T_NAME, at)
        if c == "_":
            return self.name(K.T_LOCAL, at)
        if "0" <= c <= "9":
            return self.number(at)
        if c == "\n":
            return self.end_line(at, at + 1)
        if c == ";":
            return self.rest_of_line(at)
        if c == '"' or c == "'":
            return self.quoted(at)
        return self.sign(at) if c < "\x80" else self.other(at)

    def sign(self, at: int) -> int:
        c = self.text[at]
        end = at + 1
        kind = SIGN_OF[ord(c)]
        if kind == 0:
            return self.other(at)
        if self.text[end] == "=" and c in ":<>":
            end += 1
            kind = K.T_ASSIGN if c == ":" else K.T_LE if c == "<" else K.T_GE
        self.tokens.add(kind, at, end, 0)
        return end

    def other(self, at: int) -> int:
        """What is rare: functions, constants, letters of other alphabets, other spaces and line ends; else a bad character."""
        c, following = self.text[at], self.text[at + 1]
        if (c == "%" or c == "@") and (following == "_" or is_letter(following)):
            return self.name(K.T_FUNC if c == "%" else K.T_AT, at)
        if is_letter(c):
            return self.name(K.T_NAME, at)
        if c in "\t\f\u00a0":
            return at + 1
        if c == "\r":
            return self.carriage_return(at)
        return self.bad(at)

    def name(self, kind: int, start: int) -> int:
        """From its first character or sign on."""
        end = self.end_of_name(start)
        number = self.names.met(self.letters, start, end, self.hash) if self.plain else 0
        if number == 0:
            number = self.new_name(start, end)
        if end - start > self.name_chars:
            self.tokens.fault("ESL0006", start, end, limit=self.name_chars)
        self.tokens.add(kind, start, end, number)
        return end

    def new_name(self, start: int, end: int) -> int:
        name = self.whole[start:end]
        if self.plain:
            return self.names.meet(name, name.lower(), self.letters, start, self.hash)
        number = self.spellings.get(name, 0)
        if number == 0:
            number = self.spellings[name] = self.names.number(name)
        return number

    def end_of_name(self, at: int) -> int:
        """A point belongs to a name when the name goes on behind it. Leaves the hash of the name."""
        hash, seen = 0, 0
        while True:
            c = self.text[at]
            hash = hash * 31 + small(c) & HASH
            seen |= ord(c)
            at += 1
            c = self.text[at]
            if "a" <= c <= "z" or "A" <= c <= "Z" or c == "_" or "0" <= c <= "9":
                continue
            if c == ".":
                c = self.text[at + 1]
                if c == "_" or c.isalnum():
                    continue
            elif c >= "\x80" and (c.isalnum() or "\u0300" <= c <= "\u036f"):
                continue
            self.hash, self.plain = hash, seen < ASCII
            return at

    def rest_of_line(self, at: int) -> int:
        """The end of the line on which `at` stands."""
        while True:
            c = self.text[at]
            if c == "\n" or c == "\r" or c == "\0" and at >= self.end:
                return at
            at += 1

    def end_line(self, start: int, end: int) -> int:
        """Lines without tokens have no end."""
        tokens = self.tokens
        if tokens.count and tokens.kind[tokens.count - 1] != K.T_EOL:
            tokens.add(K.T_EOL, start, end, 0)
        return end

    def carriage_return(self, at: int) -> int:
        if self.text[at + 1] == "\n":
            return self.end_line(at, at + 2)
        self.tokens.fault("ESL0003", at, at + 1)
        return self.end_line(at, at + 1)

    def quoted(self, start: int) -> int:
        """A text; two quotes stand for one. Without a closing quote the last pair closes it, else it is open to the line's end."""
        quote = self.text[start]
        at, pair = start + 1, -1
        while True:
            c = self.text[at]
            if c == quote:
                if self.text[at + 1] != quote:
                    return self.closed(start, at, pair)
                pair = at
                at += 1
            elif c == "\n" or c == "\r" or c == "\0" and at >= self.end:
                return self.open(start, at) if pair < 0 else self.closed(start, pair, pair)
            at += 1

    def closed(self, start: int, last: int, pair: int) -> int:
        """`last`: the closing quote; `pair`: -1 = there is none inside."""
        body = self.whole[start + 1:last]
        if pair >= 0:
            body = body.replace('""', '"') if self.text[start] == '"' else body.replace("''", "'")
        self.tokens.add(K.T_TEXT, start, last + 1, self.tokens.literal(body))
        return last + 1

    def open(self, start: int, end: int) -> int:
        self.tokens.fault("ESL0002", start, end, quote=self.text[start])
        self.tokens.add(K.T_TEXT, start, end, self.tokens.literal(self.whole[start + 1:end]))
        return end

    def number(self, start: int) -> int:
        end = self.digits(start)
        whole = end
        if self.text[end] == "." and "0" <= self.text[end + 1] <= "9":
            end = self.digits(end + 1)
        end = self.exponent(end)
        following = self.text[end]
        if following == "_" or following.isalpha():
            self.tokens.fault("ESL0004", start, end + 1, text=self.whole[start:end + 1])
        if end == whole:
            self.tokens.add(K.T_INT, start, end, self.integer(start, end))
        else:
            self.tokens.add(K.T_REAL, start, end, self.real(start, end))
        return end

    def digits(self, at: int) -> int:
        while "0" <= self.text[at] <= "9":
            at += 1
        return at

    def exponent(self, at: int) -> int:
        """[e[sign]digits]: the end of it, `at` when there is none."""
        c = self.text[at]
        if c != "e" and c != "E":
            return at
        c = self.text[at + 1]
        first = at + 2 if c == "+" or c == "-" else at + 1
        end = self.digits(first)
        return end if end > first else at

    def integer(self, start: int, end: int) -> int:
        """Number of the literal."""
        if end - start > DIGITS:
            return self.long_integer(self.whole[start:end], start, end)
        value = 0
        for at in range(start, end):
            value = 10 * value + ord(self.text[at]) - 48
        return self.tokens.literal(value)

    def long_integer(self, text: str, start: int, end: int) -> int:
        value = int(text) if len(text) < 40 else INT_MAX + 1
        if value > INT_MAX:
            self.tokens.fault("ESL0007", start, end, text=text, type="INT")
            value = 0
        return self.tokens.literal(value)

    def real(self, start: int, end: int) -> int:
        """Number of the literal."""
        text = self.whole[start:end]
        value = float(text)
        if value == float("inf"):
            self.tokens.fault("ESL0007", start, end, text=text, type="REAL")
            value = 0.0
        return self.tokens.literal(value)

    def bad(self, at: int) -> int:
        if at != self.bad_end:
            c = self.text[at]
            what = f"`{c}`" if c.isprintable() else f"character U+{ord(c):04X}"
            self.tokens.fault("ESL0001", at, at + 1, what=what)
        self.bad_end = at + 1
        return at + 1
