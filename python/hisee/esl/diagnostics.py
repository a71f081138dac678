"""Diagnostics: what the compiler found, where, why and what to do; their JSON and their text for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hisee.schema.diagnostics import BY_NAME

PARTS = {1: "L", 2: "R"}
COLORS = {"error": "\033[1;31m", "warning": "\033[1;33m", "place": "\033[1;34m", "off": "\033[0m"}


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that belongs to a diagnostic; line 0 = a sentence without a place."""

    part: int
    line: int
    column: int
    end_column: int
    text: str

    def to_json(self) -> dict[str, Any]:
        return {"part": self.part, "line": self.line, "column": self.column, "end_column": self.end_column, "text": self.text}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Lines and columns count characters from 1; the end column is behind the last character."""

    code: str
    severity: str
    message: str
    name: str
    part: int
    line: int
    column: int
    end_line: int
    end_column: int
    label: str = ""
    hint: str = ""
    why: str = ""
    notes: list[Note] = field(default_factory=list)
    values: Mapping[str, str] = field(default_factory=dict)  # what fills the templates: another language needs them again
    fix: str = ""  # what `hisee check --fix` would do

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code, "severity": self.severity, "file": self.name, "part": self.part, "line": self.line,
            "column": self.column, "end_line": self.end_line, "end_column": self.end_column, "message": self.message,
            "hint": self.hint, "notes": [note.to_json() for note in self.notes],
        }


class _Blank(dict[str, str]):
    """Placeholders of a template that the caller did not fill read as nothing."""

    def __missing__(self, key: str) -> str:
        return ""


def make(code: str, name: str, part: int, place: tuple[int, int, int, int], /, *, label: str = "", hint: str = "",
         notes: Iterable[Note] = (), **values: object) -> Diagnostic:
    """A diagnostic of the table row `code`; `place` = line, column, end line, end column. `hint` replaces the row's hint."""
    row = BY_NAME[code]
    words = {k: shown(v, 300 if k == "wanted" else 72) for k, v in values.items()}  # a header to copy is shown whole
    return Diagnostic(code, row.severity, filled(row.template, words), name, part, *place, label=label,
                      hint=hint or filled(row.hint, words), why=filled(row.why, words), notes=list(notes), values=words)


def filled(template: str, words: Mapping[str, str]) -> str:
    """A template with its placeholders filled."""
    return template.format_map(_Blank(words))


def shown(value: object, limit: int = 72) -> str:
    """A piece of source inside a message: one line, printable, not endless."""
    text = "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in str(value))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[int, str], color: bool = False,
           words: Mapping[str, str] | None = None) -> str:
    """The text a person reads; `sources` = part -> source text, `words`: the marks of a page in another language."""
    lines = {part: text.replace("\r\n", "\n").split("\n") for part, text in sources.items()}
    return "\n\n".join(_Page(lines, color, words or {}).show(d) for d in diagnostics)


class _Page:
    """One rendered diagnostic."""

    def __init__(self, lines: Mapping[int, list[str]], color: bool, words: Mapping[str, str]) -> None:
        self._lines = lines
        self._color = color
        self._words = words
        self._out: list[str] = []

    def show(self, d: Diagnostic) -> str:
        self._out.append(self._paint(d.severity, f"{self._word(d.severity)}[{d.code}]") + f": {d.message}")
        placed = [n for n in d.notes if n.line]
        width = max(len(str(x)) for x in [d.line, *(n.line for n in placed)])
        end = d.end_column if d.end_line == d.line else 0
        self._snippet(d.name, d.part, d.line, d.column, end, "^", d.label, width)
        for n in placed:
            self._snippet(d.name, n.part, n.line, n.column, n.end_column, "-", n.text, width)
        self._facts(d, width)
        return "\n".join(self._out)

    def _facts(self, d: Diagnostic, width: int) -> None:
        pad = " " * (width + 1)
        fix = f"{d.fix}   [hisee check --fix {d.code}]" if d.fix else ""
        facts = [("why", d.why), ("help", d.hint), ("fix available", fix), *(("note", n.text) for n in d.notes if not n.line)]
        self._out += [f"{pad}= {self._word(word)}: {text}" for word, text in facts if text]

    def _word(self, english: str) -> str:
        return self._words.get(english, english)

    def _snippet(self, name: str, part: int, line: int, column: int, end: int, mark: str, label: str, width: int) -> None:
        pad = " " * (width + 1)
        self._out.append(self._paint("place", f"{' ' * width}--> ") + f"{name} [{PARTS.get(part, part)}] "
                         f"{self._word('line')} {line}, {self._word('column')} {column}")
        rows = self._lines.get(part, [])
        if not 0 < line <= len(rows):
            return
        text = rows[line - 1]
        end = min(end or len(text) + 1, len(text) + 1)
        lead = "".join(c if c == "\t" else " " for c in text[: column - 1])
        marks = mark * max(1, end - column)
        self._out += [f"{pad}|", f"{line:>{width}} | {text}", f"{pad}| {lead}{self._paint('error', marks)} {label}".rstrip()]

    def _paint(self, color: str, text: str) -> str:
        return f"{COLORS[color]}{text}{COLORS['off']}" if self._color else text
