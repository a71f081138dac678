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
    pieces, at, length = [], 0, 0
    for match in found.finditer(text):
        piece = expanded(match, by, found.groups)
        if piece is None:
            return CONVERSION
        pieces += [text[at:match.start()], piece]
        length += match.start() - at + len(piece)
        at = match.end()
        if length > most:
            break
    return "".join(pieces) + text[at:]


def expanded(match: Any, by: str, groups: int) -> str | None:
    parts = by.split("\\")
    out, i = [parts[0]], 1
    while i < len(parts):
        part = parts[i]
        if part == "" and i + 1 < len(parts):  # two of them are one
            out.append("\\" + parts[i + 1])
            i += 2
            continue
        if part[:1] not in "0123456789" or part == "" or int(part[0]) > groups:
            return None
        out.append((match.group(int(part[0])) or "") + part[1:])
        i += 1
    return "".join(out)


@function("%DictText")
def dict_text(own: Functions, key: str, language: str) -> str:
    """No dictionary exists: each key stands for itself."""
    return key
