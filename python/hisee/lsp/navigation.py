"""From a name to where it is declared and used, over both parts; renaming; the outline of a part."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hisee.esl.front.lexer import fold
from hisee.esl.front.words import RESERVED
from hisee.lsp.analysis import ObjectAnalysis, Piece
from hisee.lsp.symbols import Meaning, Token, declarations, header, meaning, token_at, uses

NAME = re.compile(r"[^\W\d_][\w.]*\Z")
LOCAL = re.compile(r"_[\w.]*\w\Z")
RENAMED = frozenset(("local", "global", "picture", "procedure", "label"))


class NotRenamed(Exception):
    """Why a name stays as it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one of the parts; part 0 = in a file of the application that `meaning` names."""

    part: int
    line: int
    column: int
    end: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """One row of the outline. kind: procedure | entry | init | globals | variable | label."""

    name: str
    kind: str
    detail: str
    line: int
    last: int
    column: int
    children: tuple[Symbol, ...] = field(default=())


def meant(both: ObjectAnalysis, number: int, line: int, column: int) -> tuple[Token, Meaning] | None:
    token = token_at(both.parts[number], line, column)
    found = meaning(both, token) if token is not None else None
    return (token, found) if token is not None and found is not None else None


def definition(both: ObjectAnalysis, number: int, line: int, column: int) -> Place | Meaning | None:
    """Where the name is declared: a place in a part, or the meaning of something that the application's files declare."""
    at = meant(both, number, line, column)
    if at is None:
        return None
    _, found = at
    if found.declared is not None:
        return Place(found.part, found.declared.line, found.declared.column, found.declared.column + len(found.declared.name))
    if found.kind == "procedure" and found.piece is not None:
        return header_place(found.part, found.piece)
    if found.kind == "function" and both.context.directory is not None:
        entry = both.context.directory.object(found.name[1:])
        return Meaning("object", entry.name) if entry is not None and entry.foreign is not None else None
    return found if found.kind in ("picture", "ref", "object") else None


def header_place(number: int, piece: Piece) -> Place:
    column = piece.section.name_column
    return Place(number, piece.head, column, column + len(piece.section.name))


def references(both: ObjectAnalysis, number: int, line: int, column: int) -> list[Place]:
    at = meant(both, number, line, column)
    return [placed(t) for t in uses(both, at[1])] if at is not None else []


def placed(token: Token) -> Place:
    return Place(token.part, token.line, token.column, token.end)


def renamable(both: ObjectAnalysis, number: int, line: int, column: int) -> Token:
    """The token whose name may be changed; raises NotRenamed."""
    at = meant(both, number, line, column)
    if at is None:
        raise NotRenamed("there is no name here")
    token, found = at
    if found.kind not in RENAMED or found.kind == "procedure" and found.piece is None:
        raise NotRenamed(f"`{token.text}` is declared elsewhere: {found.kind}")
    if found.kind == "procedure" and found.piece is not None and found.piece.section.kind == "entry":
        raise NotRenamed("an entry is named after its event")
    return token


def rename(both: ObjectAnalysis, number: int, line: int, column: int, new: str) -> tuple[Meaning, list[Place]]:
    """Every place to change; raises NotRenamed when the new name cannot be one, or is taken."""
    renamable(both, number, line, column)
    at = meant(both, number, line, column)
    assert at is not None
    token, found = at
    pattern = NAME if found.kind in ("procedure", "label") else LOCAL
    if not pattern.match(new) or fold(new) in RESERVED:
        raise NotRenamed(f"`{new}` is no name of a {found.kind}: " + ("a letter first" if pattern is NAME else "an underscore first"))
    if fold(new) != fold(token.text) and _taken(both, found, new):
        raise NotRenamed(f"`{new}` is declared already")
    return found, [placed(t) for t in uses(both, found)]


def _taken(both: ObjectAnalysis, found: Meaning, new: str) -> bool:
    """Would the new name meet another one, in any section that uses the old one?"""
    key = fold(new)
    if key in {fold(n) for n, _ in both.context.variables} | {fold("_" + r) for r in both.context.refs}:
        return True
    pieces = {id(t.piece): t.piece for t in uses(both, found)}
    parts = [p for p in both.parts.values() if any(piece in p.pieces for piece in pieces.values())]
    owners = [*pieces.values(), *(piece for p in parts for piece in p.pieces if piece.section.kind in ("globals", "init"))]
    names = {fold(d.name) for piece in owners for d in declarations(piece)}
    names |= {fold(piece.section.name) for p in parts for piece in p.pieces if piece.section.name}
    return key in names


def outline(both: ObjectAnalysis, number: int) -> list[Symbol]:
    """Sections with their variables and labels; globals stand alone."""
    found: list[Symbol] = []
    for piece in both.parts[number].pieces:
        section = piece.section
        kinds = {"label": "label"}
        inner = tuple(Symbol(d.name, kinds.get(d.kind, "variable"), d.type, d.line, d.line, d.column) for d in declarations(piece))
        if section.kind == "globals":
            found += inner
        else:
            name = section.name or "BEGIN"
            found.append(Symbol(name, section.kind, header(piece), section.head, section.last, max(1, section.name_column), inner))
    return found


