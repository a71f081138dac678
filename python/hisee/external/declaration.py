"""Declarations in C: which function a header declares, and what goes in and comes back in types of the language."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cffi import FFI, CDefError
from cffi.error import FFIError

WHOLE = frozenset({"char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long", "unsigned long",
                   "long long", "unsigned long long", "size_t", "ssize_t", "intptr_t", "uintptr_t",
                   *(f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64))})
TEXTS = frozenset({"char *", "char const *"})
TAKEN = "numbers, _Bool and const char *"
MOST_CHARS = 16_384  # of one header
POINTER = "hisee_pointer"  # to the function that is looked at
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|^[ \t]*#[^\n]*", re.DOTALL | re.MULTILINE)
PROTOTYPE = re.compile(r"(?P<result>[^(){}=]*?[\s*])(?P<name>[A-Za-z_]\w*)\s*(?P<rest>\(.*)", re.DOTALL)
EXTERN = re.compile(r"\Aextern\s+")
NO_PROTOTYPE = re.compile(r"(?:typedef|struct|union|enum)\b[^(]*\{|typedef\b")
PLACE = re.compile(r"<cdef source string>(?::(\d+))?(?::\d+)?:\s*")


class DeclarationError(ValueError):
    """A header that is of no use; `line` in it, from 1."""

    def __init__(self, text: str, line: int = 1) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Declared:
    """A function: its name in the library, types of parameters and result as words of the language, "" = no result."""

    name: str
    parameters: tuple[str, ...]
    result: str


def word_of(kind: Any) -> str:
    """Type of the language for a type of C; "" = there is none."""
    name = kind.cname
    if name == "_Bool":
        return "BOOL"
    if name in ("double", "float"):
        return "REAL"
    if name in TEXTS:
        return "TEXT"
    return "INT" if name in WHOLE or kind.kind == "enum" else ""


@lru_cache(maxsize=1024)
def declared(header: str, function: str = "") -> Declared:
    """The one function of a header, or the one of that name. Raises DeclarationError."""
    found = _prototypes(header)
    if not found or function and function not in found:
        raise DeclarationError(f"it declares no function {function}".rstrip())
    if not function and len(found) > 1:
        raise DeclarationError(f"it declares several functions ({', '.join(found)}): say which one by `function`")
    name = function or next(iter(found))
    text, line = found[name]
    return _signature(name, _pointer(header, text, line), line)


def parsed(header: str) -> FFI:
    """The types and functions of a header. Raises DeclarationError."""
    if len(header) > MOST_CHARS:
        raise DeclarationError(f"{len(header)} characters, at most {MOST_CHARS}")
    ffi = FFI()
    _read(ffi, header)
    return ffi


def _read(ffi: FFI, text: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of variables without `extern`: they are of no interest
            ffi.cdef(text)
    except (CDefError, FFIError, RecursionError) as fault:
        raise _told(str(fault)) from fault


def _told(text: str) -> DeclarationError:
    """Its message and the line in it: `cannot parse ..` is followed by the place."""
    place = PLACE.search(text)
    if place is None:
        return DeclarationError(f"no C: {text}")
    words = text[place.end():].strip()
    what = f"cannot be read {words.replace('before:', 'before')}" if words.startswith("before") else words
    unknown = re.match(r'cannot parse "([^\n]*)"', text)
    return DeclarationError(f"no C: {what}" + (f" in `{unknown[1].strip()}`" if unknown else ""), int(place[1] or 1))


def _prototypes(header: str) -> dict[str, tuple[str, int]]:
    """Functions that a header declares: its text without comments, cut at `;`, and the line where each begins."""
    parsed(header)
    bare = COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), header)
    found = {}
    for start, piece in _pieces(bare):
        text = EXTERN.sub("", piece.strip())
        match = None if NO_PROTOTYPE.match(text) else PROTOTYPE.fullmatch(text)
        if match is not None:
            line = 1 + bare.count("\n", 0, start + len(piece) - len(piece.lstrip()))
            found[match["name"]] = (f"typedef {match['result']} (*{POINTER}){match['rest']};", line)
    return found


def _pieces(text: str) -> list[tuple[int, str]]:
    """Declarations of a text with their places: cut at `;` outside braces."""
    pieces, start, depth = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if sign == ";" and not depth:
            pieces.append((start, text[start:at]))
            start = at + 1
    return pieces


def _pointer(header: str, typedef: str, line: int) -> Any:
    ffi = parsed(header)
    try:
        _read(ffi, typedef)
        return ffi.typeof(POINTER)
    except (DeclarationError, CDefError, FFIError, TypeError, ValueError) as fault:
        raise DeclarationError(f"cannot be called: {fault}", line) from fault


def _signature(name: str, kind: Any, line: int) -> Declared:
    if kind.kind != "function" or kind.ellipsis:
        raise DeclarationError(f"{name} takes any number of arguments: only a fixed number can be given", line)
    words = [word_of(wanted) for wanted in kind.args]
    for at, word in enumerate(words, 1):
        if not word:
            raise DeclarationError(f"parameter {at} of {name} is `{kind.args[at - 1].cname}`: only {TAKEN} can be given", line)
    result = "" if kind.result.cname == "void" else word_of(kind.result)
    if not result and kind.result.cname != "void":
        raise DeclarationError(f"{name} gives `{kind.result.cname}`: only {TAKEN} can come back", line)
    return Declared(name, tuple(words), result)
