"""Regular expressions (RE2: linear time, whatever the expression) and the dictionary."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hisee.script.functions.registry import CONVERSION, RANGE, function

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

MEMORY = 8 << 20  # bytes that one compiled expression may take


@lru_cache(maxsize=128)
def compiled(expression: str) -> Any:
    """The compiled expression; None when it is none."""
    import re2

    options = re2.Options()
    options.max_mem, options.log_errors = MEMORY, False
    try:
        return re2.compile(expression, options=options)
    except re2.error:
        return None


def pattern(own: Functions, expression: str) -> Any:
    return compiled(expression) if len(expression) <= own.site.limit("regex_chars") else None


@function("%RegMatch")
def reg_match(own: Functions, text: str, expression: str) -> Any:
    found = pattern(own, expression)
    return CONVERSION if found is None else found.search(text) is not None


@function("%RegFind")
def reg_find(own: Functions, text: str, expression: str, group: int) -> Any:
    found = pattern(own, expression)
    if found is None:
        return CONVERSION
    if not 0 <= group <= found.groups:
        return RANGE
    match = found.search(text)
    return "" if match is None else match.group(group) or ""


@function("%RegReplace")
def reg_replace(own: Functions, text: str, expression: str, by: str) -> Any:
    found = pattern(own, expression)
    if found is None:
        return CONVERSION
    return replaced(found, text, by, own.site.limit("text_chars"))


def replaced(found: Any, text: str, by: str, most: int) -> Any:
    """Piece by piece, so that a long replacement cannot grow beyond the limit before it is cut. A `\\9` that is no group: invalid."""
    template = parts_of(by, found.groups)
    if template is None:
        return CONVERSION
    pieces, at, length = [], 0, 0
    for match in found.finditer(text):
        pieces.append(text[at:match.start()])
        pieces += [part if isinstance(part, str) else match.group(part) or "" for part in template]
        length += match.start() - at + len(by)
        at = match.end()
        if length > most * 2:
            break
    return "".join(pieces) + text[at:]


def parts_of(by: str, groups: int) -> list[str | int] | None:
    """Texts and numbers of groups; None when a backslash stands for neither a group nor itself."""
    out: list[str | int] = []
    pieces = iter(by.split("\\"))
    out.append(next(pieces))
    for piece in pieces:
        if piece == "":  # two of them are one
            out.append("\\" + next(pieces, ""))
        elif piece[0] in "0123456789" and int(piece[0]) <= groups:
            out += [int(piece[0]), piece[1:]]
        else:
            return None
    return out


@function("%DictText")
def dict_text(own: Functions, key: str, language: str) -> str:
    """No dictionary exists: each key stands for itself."""
    return key
