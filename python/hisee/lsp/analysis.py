"""Checking both parts of an object while somebody types. Pure: texts in, diagnostics out; knows no files and no protocol.

A part of 2,500 lines takes a quarter of a second to check, far too long between two keys. But a section (procedure, entry, init
part) sees of the others only their headers and the globals: so a section is checked in a copy of the text in which the bodies of
all others are blank. An edit inside a body costs its own section; one that changes a header or a global makes every section due,
and they are checked in bites, between which the server answers other requests. Only a text whose sections are in order can be taken
apart like this: while a procedure has no END, say, the whole part is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from hisee.esl.compile import check_source, declared_locals
from hisee.esl.context import ObjectContext
from hisee.esl.diagnostics import Diagnostic, Note, make
from hisee.esl.front.checker import Checker
from hisee.esl.front.lexer import fold
from hisee.esl.outline import Part, Section
from hisee.esl.pair import double_headers, steps

BITE = 250  # lines checked at once
DECLARATION = re.compile(r"\s*(?:public|int|bool|real|text|time|record|alias|unit)\b", re.IGNORECASE)
NOTHING = re.compile(r"\s*(;.*)?$")


@dataclass(eq=False)
class Piece:
    """One section with its own text and what was found in it; lines of `found` count from the section's first line (0)."""

    section: Section
    text: str
    due: bool = True
    found: list[tuple[Diagnostic, list[tuple[Piece, Note]]]] = field(default_factory=list)
    steps: dict[str, tuple[str, int, int, int, int]] = field(default_factory=dict)  # picture variable -> name and place, line from 0
    _part: Part | None = None
    _declared: frozenset[str] | None = None
    _frame: str | None = None
    _masked: str | None = None

    @property
    def head(self) -> int:
        return self.section.head

    @property
    def part(self) -> Part:
        """Lines and tokens of this section alone; line 1 is its head."""
        if self._part is None:
            self._part = Part(self.text)
        return self._part

    @property
    def declared(self) -> frozenset[str]:
        if self._declared is None:
            self._declared = declared_locals(self.text)
        return self._declared

    @property
    def frame(self) -> str:
        """What other sections see of this one."""
        if self._frame is None:
            self._frame = self._make_frame()
        return self._frame

    def _make_frame(self) -> str:
        if self.section.kind == "globals":
            return "\n".join(row for row in self.text.split("\n") if not NOTHING.match(row))
        return self.text.partition("\n")[0] + ("" if self.section.closed else "\n(open)")

    @property
    def masked(self) -> str:
        """The section without its body: as many lines, the first and (of a procedure) the last one kept."""
        if self._masked is None:
            self._masked = self._make_masked()
        return self._masked

    def _make_masked(self) -> str:
        rows = self.text.split("\n")
        if self.section.kind == "globals" or len(rows) < 3:
            return self.text
        keep_last = self.section.kind != "init" and self.section.closed
        end = len(rows) - 1 if rows[-1] else len(rows) - 2  # the text ends with the line's end
        return "\n".join(row if at == 0 or at == end and keep_last else "" for at, row in enumerate(rows))


def _in_order(pieces: Sequence[Piece]) -> bool:
    """Declarations, then closed procedures and entries with declarations or nothing between them, at last the init part."""
    for at, piece in enumerate(pieces):
        last = not any(p.text.strip() for p in pieces[at + 1:])
        if piece.section.kind == "init" and not last or not piece.section.closed:
            return False
        if piece.section.kind == "globals" and not last and not all(DECLARATION.match(row) for row in piece.frame.split("\n") if row):
            return False
    return True


class PartAnalysis:
    """One text cut into pieces; keeps what it found of pieces that did not change."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.text = ""
        self.pieces: list[Piece] = []
        self.checker: Checker | None = None  # of the last bite: headers are in every one
        self.common: list[Diagnostic] = []  # found in no section's lines
        self.regular = True  # may sections be checked one by one?
        self._frame: tuple[str, ...] = ()
        self._context: object = None

    def update(self, text: str) -> None:
        """Take a new text: pieces that it shares with the old one, in front and behind, stay as they are."""
        if text == self.text and self.pieces:
            return
        self.text = text
        part = Part(text)
        fresh = [Piece(s, text[part.offset(s.head, 1):part.offset(s.last + 1, 1) if s.last < part.line_count else len(text)])
                 for s in part.sections]
        self._reuse(fresh)
        frame = tuple(p.frame for p in fresh if p.frame)
        self.pieces = fresh
        self.regular = _in_order(fresh)
        if frame != self._frame or not self.regular:
            self._frame = frame
            self.all_due()

    def _reuse(self, fresh: list[Piece]) -> None:
        old = self.pieces
        front = 0
        while front < min(len(old), len(fresh)) and old[front].text == fresh[front].text:
            fresh[front] = self._moved(old[front], fresh[front])
            front += 1
        back = 1
        while back <= min(len(old), len(fresh)) - front and old[-back].text == fresh[-back].text:
            fresh[-back] = self._moved(old[-back], fresh[-back])
            back += 1

    @staticmethod
    def _moved(old: Piece, new: Piece) -> Piece:
        """The old piece at its new lines; a sentence that names a line must be made anew."""
        if old.head != new.head and any(" line " in note.text for _, notes in old.found for _, note in notes):
            old.due = True
        old.section = new.section
        return old

    def all_due(self) -> None:
        for piece in self.pieces:
            piece.due = True

    def seen_with(self, context: ObjectContext) -> None:
        """Other graphical objects, variables or names of the other part: everything is due."""
        mark = (context.kind, context.server_script, tuple(context.refs.items()), tuple(context.variables), id(context.directory),
                context.other_locals)
        if mark != self._context:
            self._context = mark
            self.all_due()

    @property
    def declared(self) -> frozenset[str]:
        return frozenset().union(*(p.declared for p in self.pieces))

    def piece_at(self, line: int) -> Piece:
        """The section of a line; lines behind the end belong to the last one."""
        return next((p for p in self.pieces if p.section.holds(line)), self.pieces[-1])

    def bite(self, near: int) -> list[Piece]:
        """The due pieces to check next: that of line `near` and its neighbours first."""
        if not self.regular:
            return list(self.pieces) if any(p.due for p in self.pieces) else []
        due = sorted((p for p in self.pieces if p.due), key=lambda p: abs(p.head - near) if not p.section.holds(near) else -1)
        chosen: list[Piece] = []
        lines = 0
        for piece in due:
            size = piece.section.last - piece.section.head + 1
            if chosen and lines + size > BITE:
                break
            chosen.append(piece)
            lines += size
        return chosen

    def check(self, chosen: Sequence[Piece], name: str, context: ObjectContext) -> None:
        """Check these pieces in a text without the bodies of the others."""
        wanted = set(map(id, chosen))
        text = "".join(p.text if id(p) in wanted else p.masked for p in self.pieces)
        done = check_source(text, name=name, context=context, part=self.number)
        self.checker = done.checked or self.checker
        by_piece: dict[int, list[Diagnostic]] = {}
        common = []
        for found in done.diagnostics:
            piece = self.piece_at(found.line)
            if id(piece) in wanted:
                by_piece.setdefault(id(piece), []).append(found)
            elif piece.section.kind == "globals":
                common.append(found)
        for piece in chosen:
            piece.due = False
            piece.found = [self._relative(d, piece) for d in by_piece.get(id(piece), ())]
            piece.steps = {}
        self._keep_steps(done.checked, wanted)
        self.common = common

    def _relative(self, found: Diagnostic, piece: Piece) -> tuple[Diagnostic, list[tuple[Piece, Note]]]:
        notes = []
        for note in found.notes:
            owner = self.piece_at(note.line) if note.line else piece
            notes.append((owner, replace(note, line=note.line - owner.head) if note.line else replace(note, line=-1 << 30)))
        return replace(found, line=found.line - piece.head, end_line=found.end_line - piece.head, notes=[]), notes

    def _keep_steps(self, checker: Checker | None, wanted: set[int]) -> None:
        if checker is None or not hasattr(checker, "places"):
            return
        for key, node in steps(checker).items():
            line, column, end_line, end_column = checker.source.span(checker.tree.start[node], checker.tree.end[node])
            piece = self.piece_at(line)
            if id(piece) in wanted:
                piece.steps[key] = (checker.pvars[key].name, line - piece.head, column, end_line - piece.head, end_column)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Everything known now, at the lines where it stands now."""
        found = [self._absolute(d, notes, piece) for piece in self.pieces for d, notes in piece.found]
        return sorted([*found, *(d for d in self.common if d not in found)], key=lambda d: (d.line, d.column))

    @staticmethod
    def _absolute(found: Diagnostic, notes: Iterable[tuple[Piece, Note]], piece: Piece) -> Diagnostic:
        placed = [replace(n, line=max(0, n.line + owner.head)) for owner, n in notes]
        return replace(found, line=found.line + piece.head, end_line=found.end_line + piece.head, notes=placed)


class ObjectAnalysis:
    """Both parts of one object, and the rules over them."""

    def __init__(self, name: str, context: ObjectContext) -> None:
        self.name = name
        self.context = context
        self.parts: dict[int, PartAnalysis] = {}

    def update(self, number: int, text: str) -> None:
        self.parts.setdefault(number, PartAnalysis(number)).update(text)

    def step(self, number: int, near: int = 1) -> bool:
        """Check one bite of a part, or of the other one when this is done; False when nothing is due any more."""
        self._see_each_other()
        for part in sorted(self.parts.values(), key=lambda p: p.number != number):
            if part.number == 2 and not self.context.server_script:
                continue
            chosen = part.bite(near if part.number == number else 1)
            if chosen:
                part.check(chosen, self.name, self._context(part))
                return True
        return False

    @property
    def long(self) -> bool:
        """Does checking all that is due take many bites?"""
        due = (p.section.last - p.section.head + 1 for part in self.parts.values() for p in part.pieces if p.due)
        return sum(due) > 2 * BITE

    def complete(self) -> None:
        """Check all that is due."""
        while self.step(1):
            pass

    def _context(self, part: PartAnalysis) -> ObjectContext:
        others = [p.declared for p in self.parts.values() if p.number != part.number]
        return replace(self.context, other_locals=frozenset().union(*others))

    def _see_each_other(self) -> None:
        for part in self.parts.values():
            part.seen_with(self._context(part))

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Of both parts; a finding names its part."""
        found = [d for number in sorted(self.parts) for d in self.parts[number].diagnostics]
        checkers = {n: p.checker for n, p in self.parts.items() if p.checker is not None}
        if set(checkers) == {1, 2} and self.context.server_script:
            found += [self._real_place(d) for d in double_headers(checkers)]
            found += self._shared_steps()
        return found

    def _real_place(self, found: Diagnostic) -> Diagnostic:
        """Checkers are of earlier texts: headers are found again by their names."""
        moved = self._header_line(found.part, found.values["name"], found.line)
        notes = [replace(n, line=self._header_line(n.part, found.values["name"], n.line)) if n.line else n for n in found.notes]
        return replace(found, line=moved, end_line=moved, notes=notes)

    def _header_line(self, number: int, name: str, otherwise: int) -> int:
        heads = [p.head for p in self.parts[number].pieces if fold(p.section.name) == fold(name)]
        return otherwise if otherwise in heads or not heads else heads[0]

    def _shared_steps(self) -> list[Diagnostic]:
        local, remote = ({k: (p, s) for p in self.parts[n].pieces for k, s in p.steps.items()} for n in (1, 2))
        found = []
        for key, (piece, (name, line, column, end_line, end_column)) in remote.items():
            if key in local:
                other, (_, row, col, _, end) = local[key]
                notes = [Note(1, row + other.head, col, end, "and here (local)")]
                place = (line + piece.head, column, end_line + piece.head, end_column)
                found.append(make("ESL4005", self.name, 2, place, notes=notes, name=name))
        return found
