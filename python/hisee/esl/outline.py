"""The outline of a source text: its sections and where they begin and end, found line by line. Needs no correct text.

What formatter, fixes and language server share: they must work while somebody is typing, when no tree can be had.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from hisee.esl.front.kinds import T_EOF, T_EOL, T_NAME
from hisee.esl.front.lexer import TokenLists, fold, tokenize

HEADER = re.compile(
    r"[ \t]*(?:(?P<public>public)[ \t]+)?(?:(?P<rpc>rpcx?)[ \t]+)?(?P<word>procedure|entryx|entry)\b"
    r"[ \t]*(?:\[[^\]]*\][ \t]*)?(?P<name>[\w.]*)",
    re.IGNORECASE)
BEGIN = re.compile(r"[ \t]*begin[ \t]*(?:;.*)?$", re.IGNORECASE)
END = re.compile(r"[ \t]*end[ \t]+(?P<name>[\w.]+)[ \t]*(?:;.*)?$", re.IGNORECASE)
QUICK = re.compile(r"^[ \t]*(?:public|rpcx?|procedure|entryx?|begin|end)\b.*", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """kind: "globals" | "procedure" | "entry" | "init". Lines from 1; `last` is the line of its END, or the last one before the next."""

    kind: str
    name: str
    head: int
    last: int
    word: str = ""  # PROCEDURE, RPC PROCEDURE, ENTRY ..
    closed: bool = True
    name_column: int = 0  # from 1

    def holds(self, line: int) -> bool:
        return self.head <= line <= self.last


class Part:
    """One text with its lines, tokens and sections; everything is made when it is asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def starts(self) -> list[int]:
        """Offset of each line."""
        return [0, *(m.end() for m in re.finditer("\n", self.text))]

    @cached_property
    def tokens(self) -> TokenLists:
        return tokenize(self.text).lists()

    @property
    def line_count(self) -> int:
        return len(self.starts)

    def line(self, number: int) -> str:
        """A line without its end; "" outside."""
        if not 1 <= number <= len(self.starts):
            return ""
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1]:end].rstrip("\r\n")

    def offset(self, line: int, column: int) -> int:
        """Character offset of a place, at most the end of the text."""
        if line > len(self.starts):
            return len(self.text)
        return min(self.starts[max(1, line) - 1] + max(1, column) - 1, len(self.text))

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    @cached_property
    def sections(self) -> list[Section]:
        """In the order of the text; they cover every line."""
        found: list[Section] = []
        head, kind, name, word, column = 1, "globals", "", "", 0
        for match in QUICK.finditer(self.text):
            row = match[0]
            number = bisect_right(self.starts, match.start())
            end = END.match(row)
            if end and kind in ("procedure", "entry"):
                found.append(Section(kind, name, head, number, word, True, column))
                head, kind, name, word, column = number + 1, "globals", "", "", 0
                continue
            header = HEADER.match(row)
            begin = header is None and BEGIN.match(row) is not None
            if begin or header is not None and header["name"]:
                self._close(found, kind, name, head, number - 1, word, column)
                head, kind, name, word, column = number, "init", "", "BEGIN", 0
                if header is not None:
                    kind = "entry" if header["word"].lower().startswith("entry") else "procedure"
                    name, column = header["name"], header.start("name") + 1
                    word = " ".join(w.upper() for w in (header["public"], header["rpc"], header["word"]) if w)
        self._close(found, kind, name, head, self.line_count, word, column)
        return found

    @staticmethod
    def _close(found: list[Section], kind: str, name: str, head: int, last: int, word: str, column: int) -> None:
        """A section that no END closed: it reaches to the line before the next one."""
        if last >= head:
            found.append(Section(kind, name, head, last, word, kind in ("globals", "init"), column))

    def section_at(self, line: int) -> Section:
        at = bisect_right([s.head for s in self.sections], line) - 1
        return self.sections[max(0, at)]

    def token_rows(self, first: int, last: int) -> list[int]:
        """Numbers of the tokens on lines first..last, without ends of lines."""
        low, high = self.offset(first, 1), self.offset(last + 1, 1) if last < self.line_count else len(self.text) + 1
        tokens = self.tokens
        at = bisect_right(tokens.start, low - 1)
        found = []
        while at < len(tokens.kind) and tokens.start[at] < high:
            if tokens.kind[at] not in (T_EOL, T_EOF):
                found.append(at)
            at += 1
        return found

    def token_text(self, at: int) -> str:
        return self.text[self.tokens.start[at]:self.tokens.end[at]]

    def word_at(self, at: int) -> str:
        """Folded spelling of a NAME token, else ""."""
        tokens = self.tokens
        return tokens.names.folded[tokens.value[at]] if 0 <= at < len(tokens.kind) and tokens.kind[at] == T_NAME else ""

    def same(self, at: int, name: str) -> bool:
        return fold(self.token_text(at)) == fold(name)
