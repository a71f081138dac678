"""What may stand at the cursor: names and signatures, from the line in front of it, the texts of both parts and the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hisee.esl.context import ObjectEntry
from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import fold
from hisee.esl.front.words import RESERVED
from hisee.lsp import knowledge
from hisee.lsp.analysis import ObjectAnalysis, Piece
from hisee.lsp.symbols import PROCEDURE_KINDS, declarations, header
from hisee.schema import events

MOST = 200  # items of one answer; the editor asks again while somebody types on
WORD = re.compile(r"[%@\\^]?[\w.]*$")
COLUMN = re.compile(r"([_\w.]+)\s*(?:\[[^\]]*\])?\s*\^([\w]*)$")
ATTRIBUTE = re.compile(r"\\(\w*)$")
ENTRY = re.compile(r"\s*ENTRYX?\s+[\w.]*$", re.IGNORECASE)
OTHER = re.compile(r"CALL\s*\[\s*\]\s*[\w.]*$", re.IGNORECASE)
CALL = re.compile(r"CALL\s+[\w.]*$", re.IGNORECASE)
JUMP = re.compile(r"(?:GOTO|ON\s+ERROR)\s+[\w.]*$", re.IGNORECASE)
CHANGE = re.compile(r"ON\s+CHANGE\s+\S+\s+GOTO\s+[\w.]*$", re.IGNORECASE)
STRUCTURE = re.compile(r"(?:RECORD(?:\s+NOALIAS)?|ALIAS)\s*\(\s*[\w.]*$", re.IGNORECASE)
FIRST = re.compile(r"\s*(?:[\w.]+:\s*)?[\w.]*$")
SNIPPETS = {
    "IF": "IF ${1:condition} THEN\n  $0\nENDIF", "FOR": "FOR ${1:_i} = ${2:1} TO ${3:n} DO_LOOP\n  $0\nEND_LOOP",
    "DO_LOOP": "DO_LOOP\n  $0\nEND_LOOP", "PROCEDURE": "PROCEDURE ${1:Name}\n  $0\nEND ${1:Name}",
}
LINE_WORDS = ("IF", "ELSIF", "ELSE", "ENDIF", "FOR", "DO_LOOP", "END_LOOP", "EXIT_LOOP", "GOTO", "RETURN", "END", "RETRY", "RESUME", "ON",
              "SET", "REDIM", "INSERT", "CALL", "INT", "BOOL", "REAL", "TEXT", "TIME", "RECORD", "ALIAS")
TOP_WORDS = ("PROCEDURE", "ENTRY", "ENTRYX", "RPC", "RPCX", "BEGIN")


@dataclass(frozen=True, slots=True)
class Item:
    """kind: function | constant | variable | procedure | object | column | event | word | label | property."""

    label: str
    kind: str
    detail: str = ""
    doc: str = ""
    insert: str = ""  # a snippet; "" = the label


@dataclass(frozen=True, slots=True)
class Answer:
    items: list[Item]
    start: int  # column from 1 at which the word begun begins
    cut: bool = False


def complete(both: ObjectAnalysis, number: int, line: int, column: int) -> Answer:
    """What may stand at a place, with the word begun there in front; nothing inside comments and texts."""
    piece = both.parts[number].piece_at(line)
    text = piece.part.line(line - piece.head + 1)[:column - 1]
    if in_comment_or_text(text):
        return Answer([], column)
    begun = WORD.search(text)
    assert begun is not None
    word, start = begun[0], begun.start() + 1
    if word[:1] in ("\\", "^"):
        word, start = word[1:], start + 1
    chosen = list(_matching(_candidates(both, number, piece, text), word))
    return Answer(chosen[:MOST], start, len(chosen) > MOST)


def in_comment_or_text(text: str) -> bool:
    """Does the cursor behind this stand in a comment, or in a text that is not closed?"""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
    return any(c in bare for c in ";\"'")


def _matching(items: Iterable[Item], word: str) -> Iterator[Item]:
    """Those that begin with the word, then those that hold it."""
    key = fold(word)
    inside = []
    for item in items:
        label = fold(item.label)
        if label.startswith(key):
            yield item
        elif len(key) > 1 and key in label:
            inside.append(item)
    yield from inside


def _candidates(both: ObjectAnalysis, number: int, piece: Piece, text: str) -> Iterator[Item]:
    column = COLUMN.search(text)
    if column is not None:
        yield from _columns(both, number, piece, column[1])
    elif ATTRIBUTE.search(text):
        yield from (Item(name, "property", doc.partition(":")[0], doc) for name, doc in knowledge.ATTRIBUTES.items())
    elif ENTRY.match(text):
        yield from _events(both)
    elif CHANGE.search(text):
        yield from _procedures(both, number, PROCEDURE_KINDS[:1])
    elif OTHER.search(text):
        yield from _procedures(both, 3 - number, PROCEDURE_KINDS[:1], rpc=True)
        yield from _procedures(both, number, PROCEDURE_KINDS[:1])
    elif CALL.search(text):
        yield from _procedures(both, number, PROCEDURE_KINDS[:1])
    elif JUMP.search(text):
        yield from (Item(d.name, "label") for d in declarations(piece) if d.kind == "label")
    elif STRUCTURE.search(text):
        yield from _objects(both, lambda e: bool(e.columns) and not e.structure)
    else:
        yield from _general(both, number, piece, text)


def _general(both: ObjectAnalysis, number: int, piece: Piece, text: str) -> Iterator[Item]:
    """An expression or the begin of a line, by the sign in front."""
    sign = WORD.search(text)
    first = sign[0][:1] if sign else ""
    if first == "%":
        yield from _functions(both)
    elif first == "@":
        yield from (Item(name, "constant", doc) for name, doc in knowledge.constant_docs().values() if name.startswith("@"))
    elif first == "_":
        yield from variables(both, number, piece)
        yield from (Item(name, "constant", doc) for name, doc in knowledge.constant_docs().values() if name.startswith("_"))
    else:
        if FIRST.match(text):
            yield from _words(piece)
        yield from _objects(both)
        if not first:
            yield from variables(both, number, piece)
            yield from _functions(both)


def _functions(both: ObjectAnalysis) -> Iterator[Item]:
    """Of the language, then external ones by the names of their objects."""
    directory = both.context.directory
    entries = [] if directory is None else [e for name in directory.names() if (e := directory.object(name)) is not None]
    for signature in (*knowledge.signatures().values(), *filter(None, map(knowledge.external, entries))):
        yield Item(signature.name, "function", signature.label, signature.doc, _call(signature))


def _call(signature: knowledge.Signature) -> str:
    return f"{signature.name}($0)" if signature.parameters else f"{signature.name}()"


def variables(both: ObjectAnalysis, number: int, piece: Piece) -> Iterator[Item]:
    """Of the section, the part, the picture; the nearer one hides the others."""
    seen: set[str] = set()
    part = both.parts[number]
    for owner in (piece, *(p for p in part.pieces if p.section.kind in ("globals", "init") and p is not piece)):
        for declared in declarations(owner):
            if declared.kind != "label" and fold(declared.name) not in seen:
                seen.add(fold(declared.name))
                yield Item(declared.name, "variable", f"{declared.mode} {declared.type}".strip(), declared.kind)
    for name, kind in both.context.variables:
        yield Item(name, "variable", kind, "picture variable, shared by both parts")
    for ref in both.context.refs:
        yield Item("_" + ref, "constant", "INT", "graphical object of the picture")


def _words(piece: Piece) -> Iterator[Item]:
    inside = piece.section.kind != "globals"
    for word in (*LINE_WORDS, *TOP_WORDS):
        yield Item(word, "word", "", knowledge.word_doc(word), SNIPPETS.get(word, ""))
    if inside:
        for rows in knowledge.actions_by_word().values():
            if fold(rows[0].name) not in RESERVED:
                yield Item(rows[0].name, "word", rows[0].label, rows[0].doc)


def _events(both: ObjectAnalysis) -> Iterator[Item]:
    handled = {fold(p.section.name) for part in both.parts.values() for p in part.pieces if p.section.kind == "entry"}
    for row in events.ROWS:
        refs = [*(both.context.refs if row.form != "picture" else ()), *([""] if row.form != "special" else ())]
        for ref in refs:
            head = knowledge.event_header(row, ref)
            name = head.partition("(")[0]
            if fold(name) not in handled:
                yield Item(name, "event", head, row.doc, f"{head}\n  $0\nEND {name}")


def _procedures(both: ObjectAnalysis, number: int, kinds: tuple[str, ...], rpc: bool = False) -> Iterator[Item]:
    part = both.parts.get(number)
    for piece in part.pieces if part else ():
        section = piece.section
        if section.kind in kinds and (not rpc or section.word.startswith("RPC")):
            head = header(piece)
            inside = head.partition("(")[2].rstrip(")")
            side = {1: "local", 2: "remote"}[number]
            yield Item(section.name, "procedure", head, f"procedure of the {side} part", f"{section.name}($0)" if inside else "")


def _objects(both: ObjectAnalysis, wanted: object = None) -> Iterator[Item]:
    directory = both.context.directory
    if directory is None:
        return
    for name in directory.names():
        entry = directory.object(name)
        if entry is not None and (wanted is None or wanted(entry)):  # type: ignore[operator]
            yield Item(entry.name, "object", described(entry))


def described(entry: ObjectEntry) -> str:
    """`user INT`, `structured SD.Tank[3]`."""
    if entry.foreign is not None:
        return f"{entry.kind} {entry.foreign.result or 'without result'}"
    rows = f"[{entry.rows}]" if entry.rows else ""
    return f"{entry.kind} {entry.structure or entry.value_type}{rows}".strip()


def _columns(both: ObjectAnalysis, number: int, piece: Piece, base: str) -> Iterator[Item]:
    for name, kind in columns_of(both, number, piece, base):
        yield Item(name, "column", kind)


def columns_of(both: ObjectAnalysis, number: int, piece: Piece, base: str) -> list[tuple[str, str]]:
    """Columns of what stands before `^`: a record, an alias with a structure, an object."""
    directory = both.context.directory
    if directory is None:
        return []
    name = base
    if base.startswith("_"):
        owners = (piece, *(p for p in both.parts[number].pieces if p.section.kind in ("globals", "init")))
        found = next((d for o in owners for d in declarations(o) if fold(d.name) == fold(base)), None)
        name = found.structure if found else ""
    entry = directory.object(name) if name else None
    return [(n, t) for n, t in entry.columns] if entry is not None else []


def signature_of(both: ObjectAnalysis, name: str) -> knowledge.Signature | None:
    """The function of a name with its sign %: of the language, else the external one."""
    entry = both.context.directory.object(name[1:]) if both.context.directory is not None else None
    return knowledge.signatures().get(fold(name)) or (knowledge.external(entry) if entry is not None else None)


# signature help
@dataclass(frozen=True, slots=True)
class Help:
    signature: knowledge.Signature
    active: int


def signature_help(both: ObjectAnalysis, number: int, line: int, column: int) -> Help | None:
    """What is being called at a place: a function, a procedure of either part, or an action with its operands."""
    piece = both.parts[number].piece_at(line)
    row = line - piece.head + 1
    rows = [at for at in piece.part.token_rows(row, row) if piece.part.tokens.end[at] <= piece.part.offset(row, column)]
    depth, commas = 0, 0
    for i in range(len(rows) - 1, -1, -1):
        kind = piece.part.tokens.kind[rows[i]]
        if kind in (K.T_RPAREN, K.T_RBRACKET):
            depth += 1
        elif kind in (K.T_LPAREN, K.T_LBRACKET):
            if depth:
                depth -= 1
            elif kind == K.T_LPAREN and i and (found := _called(both, number, piece, rows[:i])) is not None:
                return Help(found, _active(found, commas))
            else:
                commas = 0
        elif kind == K.T_COMMA and not depth:
            commas += 1
    return _action_help(piece, rows, commas)


def _active(signature: knowledge.Signature, commas: int) -> int:
    return min(commas, max(0, len(signature.parameters) - 1)) if signature.repeats else commas


def _called(both: ObjectAnalysis, number: int, piece: Piece, rows: list[int]) -> knowledge.Signature | None:
    text = piece.part.token_text(rows[-1])
    if text.startswith("%"):
        return signature_of(both, text)
    other = len(rows) > 1 and piece.part.token_text(rows[-2]) == "]"
    for side in ((number, 3 - number) if other else (number,)):
        part = both.parts.get(side)
        procedures = [p for p in part.pieces if p.section.kind == "procedure"] if part else []
        found = next((p for p in procedures if fold(p.section.name) == fold(text)), None)
        if found is not None:
            head = header(found)
            inside = head.partition("(")[2].rpartition(")")[0]
            return knowledge.Signature(text, head, "", tuple(p.strip() for p in inside.split(",")) if inside else ())
    return None


def _action_help(piece: Piece, rows: list[int], commas: int) -> Help | None:
    found = knowledge.actions_by_word().get(piece.part.word_at(rows[0])) if rows else None
    return Help(found[0], commas) if found and found[0].parameters else None
