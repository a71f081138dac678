"""What a name at a place means, as Markdown: from the tables, the application and the declarations."""

from __future__ import annotations

from hisee.esl.front.lexer import fold
from hisee.lsp import knowledge
from hisee.lsp.analysis import ObjectAnalysis
from hisee.lsp.completion import columns_of, described, signature_of
from hisee.lsp.symbols import Meaning, Token, header, meaning, token_at

SIDES = {1: "local", 2: "remote"}


def hover(both: ObjectAnalysis, number: int, line: int, column: int) -> tuple[str, Token] | None:
    """Text and the token it speaks of; None where there is nothing to say."""
    token = token_at(both.parts[number], line, column)
    found = meaning(both, token) if token is not None else None
    text = described_meaning(both, token, found) if token is not None and found is not None else ""
    return (text, token) if text and token is not None else None


def described_meaning(both: ObjectAnalysis, token: Token, found: Meaning) -> str:
    if found.kind == "function":
        signature = signature_of(both, found.name)
        return f"{code(signature.label)}\n\n{signature.doc}" if signature else ""
    if found.kind == "constant":
        name, doc = knowledge.constant_docs().get(fold(found.name), ("", ""))
        return f"{code(name)}\n\n{doc}" if name else ""
    if found.kind == "attribute":
        return knowledge.ATTRIBUTES.get(found.name.upper(), "")
    if found.kind in ("local", "global") and found.declared is not None:
        place = "local variable" if found.kind == "local" else f"global of the {SIDES[token.part]} part"
        where = "parameter" if found.declared.kind == "parameter" else place
        return f"{code(f'{found.declared.mode} {found.declared.type} {found.declared.name}'.strip())}\n\n{where}"
    if found.kind == "procedure":
        return _procedure(found)
    return _other(both, token, found)


def _procedure(found: Meaning) -> str:
    if found.piece is None:
        return ""
    text = f"{code(header(found.piece))}\n\n{found.piece.section.kind} of the {SIDES[found.part]} part"
    event = knowledge.events_by_name().get(fold(found.name.rpartition("_")[2]))
    return f"{text}: {event.doc}" if event is not None and found.piece.section.kind == "entry" else text


def _other(both: ObjectAnalysis, token: Token, found: Meaning) -> str:
    if found.kind == "picture":
        kind = next(k for n, k in both.context.variables if n == found.name)
        return f"{code(f'{kind} {found.name}')}\n\npicture variable, shared by both parts"
    if found.kind == "ref":
        return f"{code(f'_{found.name}')}\n\ngraphical object `{found.name}` of the picture"
    if found.kind == "column":
        return _column(both, token)
    if found.kind == "object":
        entry = both.context.directory.object(found.name) if both.context.directory else None
        columns = "".join(f"\n- `{n}` {t}" for n, t in entry.columns) if entry else ""
        return f"{code(found.name)}\n\n{described(entry)}{columns}" if entry else ""
    return knowledge.word_doc(found.name) if found.kind == "word" else ""


def _column(both: ObjectAnalysis, token: Token) -> str:
    """The type of a column: what stands before `^`, an index skipped."""
    part = token.piece.part
    at = token.at - 2
    depth = 0
    while at >= 0:
        text = part.token_text(at)
        depth += (text == "]") - (text == "[")
        if not depth and text not in ("]", "["):
            break
        at -= 1
    base = part.token_text(at) if at >= 0 else ""
    kind = next((t for n, t in columns_of(both, token.part, token.piece, base) if fold(n) == fold(token.text)), "")
    return f"{code(f'{base}^{token.text}')}\n\ncolumn {kind}" if kind else ""


def code(text: str) -> str:
    return f"```esl\n{text}\n```"
