"""Names in a text and what they stand for, by its tokens alone: works in the middle of a typo. Places are lines and columns from 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import fold
from hisee.lsp.analysis import ObjectAnalysis, PartAnalysis, Piece

TYPES = frozenset(("int", "bool", "real", "text", "time", "record", "alias", "hbj"))
JUMPS = frozenset(("goto", "error"))
PROCEDURE_KINDS = ("procedure", "entry")


@dataclass(frozen=True, slots=True)
class Declared:
    """A variable or label as its declaration says it. `structure`: name of the SD of a record or alias."""

    name: str
    type: str
    line: int
    column: int
    kind: str = "variable"  # variable | parameter | label
    structure: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a part at its place."""

    part: int
    line: int
    column: int
    kind: int
    text: str
    piece: Piece
    at: int  # its number in the piece

    @property
    def end(self) -> int:
        return self.column + len(self.text)


def tokens_of(part: PartAnalysis, piece: Piece) -> Iterator[Token]:
    tokens = piece.part.tokens
    for at in range(len(tokens.kind)):
        if tokens.kind[at] not in (K.T_EOL, K.T_EOF):
            line, column = piece.part.place(tokens.start[at])
            yield Token(part.number, line - 1 + piece.head, column, tokens.kind[at], piece.part.token_text(at), piece, at)


def token_at(part: PartAnalysis, line: int, column: int) -> Token | None:
    """The token under or directly before a place; names win over signs."""
    piece = part.piece_at(line)
    row = line - piece.head + 1
    found = None
    for at in piece.part.token_rows(row, row):
        start = piece.part.tokens.start[at] - piece.part.offset(row, 1) + 1
        text = piece.part.token_text(at)
        if start <= column <= start + len(text):
            token = Token(part.number, line, start, piece.part.tokens.kind[at], text, piece, at)
            if K.T_NAME <= token.kind <= K.T_AT:
                return token
            found = found or token
    return found


def word_before(token: Token, back: int = 1) -> str:
    """Folded text of an earlier token on the same line, "" when there is none."""
    tokens = token.piece.part.tokens
    at = token.at - back
    if at < 0 or any(tokens.kind[i] == K.T_EOL for i in range(at, token.at)):
        return ""
    return fold(token.piece.part.token_text(at))


def declarations(piece: Piece) -> list[Declared]:
    """Variables, parameters and labels of a section."""
    found: list[Declared] = []
    part = piece.part
    row: list[int] = []
    tokens = part.tokens
    for at in range(len(tokens.kind)):
        if tokens.kind[at] not in (K.T_EOL, K.T_EOF):
            row.append(at)
            continue
        if row:
            found += _of_row(piece, row, first=found == [] and part.place(tokens.start[row[0]])[0] == 1)
        row = []
    return found


def _of_row(piece: Piece, row: list[int], first: bool) -> Iterator[Declared]:
    part = piece.part
    words = [part.word_at(at) for at in row]
    if first and piece.section.kind in PROCEDURE_KINDS:
        yield from _parameters(piece, row)
    elif words[0] in TYPES and len(row) > 1:
        yield from _variables(piece, row)
    elif len(row) > 1 and words[0] and part.tokens.kind[row[1]] == K.T_COLON:
        line, column = part.place(part.tokens.start[row[0]])
        yield Declared(part.token_text(row[0]), "label", line - 1 + piece.head, column, "label")


def _variables(piece: Piece, row: list[int]) -> Iterator[Declared]:
    """`TYPE _a, _b = value`: names directly behind the type or a comma of depth 0."""
    part = piece.part
    shown, structure, at = _type(piece, row, 0)
    depth, due = 0, True
    for token in row[at:]:
        kind = part.tokens.kind[token]
        depth += (kind in (K.T_LPAREN, K.T_LBRACKET)) - (kind in (K.T_RPAREN, K.T_RBRACKET))
        if kind == K.T_LOCAL and due:
            line, column = part.place(part.tokens.start[token])
            yield Declared(part.token_text(token), shown, line - 1 + piece.head, column, "variable", structure)
        due = kind == K.T_COMMA and not depth


def _parameters(piece: Piece, row: list[int]) -> Iterator[Declared]:
    part = piece.part
    shown, structure, mode = "", "", ""
    at = next((i for i, token in enumerate(row) if part.tokens.kind[token] == K.T_LPAREN), len(row)) + 1
    while at < len(row):
        word = part.word_at(row[at])
        if word in ("in", "out"):
            mode = word.upper()
            at += 1
        elif word in TYPES:
            if part.word_at(row[at - 1]) not in ("in", "out"):
                mode = ""
            shown, structure, at = _type(piece, row, at)
        else:
            if part.tokens.kind[row[at]] == K.T_LOCAL and shown:
                line, column = part.place(part.tokens.start[row[at]])
                yield Declared(part.token_text(row[at]), shown, line - 1 + piece.head, column, "parameter", structure, mode)
            at += 1


def _type(piece: Piece, row: list[int], at: int) -> tuple[str, str, int]:
    """Type as shown, name of its structure, and where the names begin."""
    part = piece.part
    shown, structure = part.token_text(row[at]).upper(), ""
    at += 1
    if at < len(row) and part.word_at(row[at]) == "noalias":
        shown, at = shown + " NOALIAS", at + 1
    if at + 1 < len(row) and part.tokens.kind[row[at]] == K.T_LPAREN:
        structure = part.token_text(row[at + 1])
        shown, at = f"{shown} ({structure})", at + 3
    return shown, structure, at


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a token stands for. kind: local | global | picture | ref | procedure | label | object | column | function | constant |
    attribute | word | event; `part` and `piece` where it is declared."""

    kind: str
    name: str
    part: int = 0
    piece: Piece | None = None
    declared: Declared | None = None


def meaning(both: ObjectAnalysis, token: Token) -> Meaning | None:
    """What a token of one of the parts stands for."""
    before = word_before(token)
    if token.kind == K.T_FUNC:
        return Meaning("function", token.text)
    if token.kind == K.T_AT:
        return Meaning("constant", token.text)
    if before == "\\":
        return Meaning("attribute", token.text)
    if before == "^":
        return Meaning("column", token.text)
    if token.kind == K.T_LOCAL:
        return _variable(both, token)
    return _name(both, token, before) if token.kind == K.T_NAME else None


def _variable(both: ObjectAnalysis, token: Token) -> Meaning | None:
    part = both.parts[token.part]
    key = fold(token.text)
    for piece, kind in ((token.piece, "local"), *((p, "global") for p in part.pieces if p.section.kind in ("globals", "init"))):
        found = next((d for d in declarations(piece) if fold(d.name) == key and d.kind != "label"), None)
        if found is not None:
            local = kind == "local" and piece.section.kind in PROCEDURE_KINDS
            return Meaning("local" if local else "global", found.name, token.part, piece, found)
    name = next((n for n, _ in both.context.variables if fold(n) == key), None)
    if name is not None:
        return Meaning("picture", name)
    ref = next((n for n in both.context.refs if fold("_" + n) == key), None)
    return Meaning("ref", ref) if ref is not None else Meaning("constant", token.text)


def _name(both: ObjectAnalysis, token: Token, before: str) -> Meaning | None:
    if before in ("procedure", "entry", "entryx", "end"):
        return Meaning("procedure", token.text, token.part, _procedure(both.parts[token.part], token.text))
    if before in JUMPS or before == "on" and word_before(token, 2) == "":
        found = _label(token.piece, token.text)
        own = _procedure(both.parts[token.part], token.text)
        if found is not None:
            return Meaning("label", found.name, token.part, token.piece, found)
        if own is not None:
            return Meaning("procedure", token.text, token.part, own)
    if before == "call":
        return Meaning("procedure", token.text, token.part, _procedure(both.parts[token.part], token.text))
    if before == "]" and word_before(token, 2) == "[" and word_before(token, 3) == "call":
        return _of_other_part(both, token)
    found = _label(token.piece, token.text)
    if found is not None and (found.line, found.column) == (token.line, token.column):
        return Meaning("label", found.name, token.part, token.piece, found)
    directory = both.context.directory
    entry = directory.object(token.text) if directory is not None else None
    return Meaning("object", entry.name) if entry is not None else Meaning("word", token.text)


def _label(piece: Piece, name: str) -> Declared | None:
    return next((d for d in declarations(piece) if d.kind == "label" and fold(d.name) == fold(name)), None)


def _procedure(part: PartAnalysis | None, name: str) -> Piece | None:
    if part is None:
        return None
    return next((p for p in part.pieces if p.section.kind in PROCEDURE_KINDS and fold(p.section.name) == fold(name)), None)


def _of_other_part(both: ObjectAnalysis, token: Token) -> Meaning:
    """CALL [] P: the own part's procedure of that name if there is one, else the other part's."""
    for number in (token.part, 3 - token.part):
        piece = _procedure(both.parts.get(number), token.text)
        if piece is not None:
            return Meaning("procedure", token.text, number, piece)
    return Meaning("procedure", token.text)


def same(a: Meaning, b: Meaning) -> bool:
    """Do both stand for the same thing?"""
    if a.kind != b.kind or fold(a.name) != fold(b.name):
        return False
    return a.kind in ("picture", "ref", "object", "function") or a.part == b.part and a.piece is b.piece


def uses(both: ObjectAnalysis, wanted: Meaning) -> list[Token]:
    """Every token of both parts that stands for it."""
    key = fold(wanted.name if wanted.kind != "ref" else "_" + wanted.name)
    found = []
    for part in both.parts.values():
        for piece in part.pieces:
            if key not in fold(piece.text) or wanted.kind in ("local", "label") and piece is not wanted.piece:
                continue
            for token in tokens_of(part, piece):
                if fold(token.text) == key and (meant := meaning(both, token)) is not None and same(meant, wanted):
                    found.append(token)
    return found


def header(piece: Piece) -> str:
    """The line a procedure or entry begins with, without its comment."""
    rows = piece.part.token_rows(1, 1)
    return piece.text[piece.part.tokens.start[rows[0]]:piece.part.tokens.end[rows[-1]]] if rows else ""
