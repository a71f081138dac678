"""TOML text to forms, with messages that name file, key, value and the way out. Knows no folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from hisee.model.problem import BAD_FILE, BAD_KEY, BAD_VALUE, Findings, choose_from, shown

F = TypeVar("F", bound=msgspec.Struct)
_AT = re.compile(r" - at `\$?(?P<key>.*?)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
_TOML_PLACE = re.compile(r"line (\d+)")


class Segment(NamedTuple):
    """The text of one object in objects.toml, with the blank and comment lines before it that belong to it."""

    name: str
    text: str
    line: int  # of its first line in the file, from 1


def decode(data: bytes, file: str, findings: Findings) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        findings.error(BAD_FILE, file, f"not UTF-8 at byte {error.start}", line=line, hint="save the file as UTF-8")
        return None


def parse(data: bytes, file: str, findings: Findings, first_line: int = 1) -> dict[str, Any] | None:
    """The tables of a TOML file, or None after an entry in `findings`."""
    text = decode(data, file, findings)
    if text is None:
        return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = first_line - 1 + (int(place.group(1)) if place else 1)
        findings.error(BAD_FILE, file, f"not TOML: {error}", line=line)
        return None


def convert(value: Any, form: type[F], file: str, findings: Findings, *, prefix: str = "", text: str = "", line: int = 1) -> F | None:
    """`value` as `form`, or None after an entry in `findings`. `text` (from `line` on) only serves to find the line."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        _report(str(error), value, form, file, findings, prefix, text, line)
        return None


def _report(message: str, value: Any, form: type, file: str, findings: Findings, prefix: str, text: str, line: int) -> None:
    place = _AT.search(message)
    inner = place.group("key").lstrip(".") if place else ""
    what = message[: place.start()] if place else message
    if match := _UNKNOWN.match(what):
        field = match.group("field")
        known = [f.name for f in msgspec.structs.fields(_form_at(form, inner))]
        findings.error(
            BAD_KEY,
            file,
            "unknown key",
            key=joined(prefix, inner, field),
            line=line_of(text, field, line),
            hint=choose_from(field, known),
        )
    elif match := _MISSING.match(what):
        findings.error(BAD_VALUE, file, "missing", key=joined(prefix, inner, match.group("field")), line=line, hint="add it")
    else:
        findings.error(
            BAD_VALUE,
            file,
            _plain(what),
            key=joined(prefix, inner),
            value=shown(_value_at(value, inner)),
            line=line_of(text, re.split(r"[.\[]", inner)[0], line),
        )


def _plain(what: str) -> str:
    """The validator's words in those of TOML."""
    what = what.replace("`str`", "text").replace("`int`", "a whole number").replace("`float`", "a number")
    what = what.replace("`bool`", "true or false").replace("`array`", "a list").replace("`object`", "a table").replace("`null`", "nothing")
    return what[0].lower() + what[1:]


def joined(*parts: str) -> str:
    return ".".join(p for p in parts if p)


def _steps(key: str) -> Iterator[str | int]:
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", key):
        yield int(index) if index else name


def _value_at(value: Any, key: str) -> Any:
    for step in _steps(key):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return value
    return value


def _form_at(form: type, key: str) -> type:
    """The struct at `key` inside `form`: its fields are what may stand there."""
    for step in _steps(key):
        if isinstance(step, int):
            continue
        field = next(f for f in msgspec.structs.fields(form) if f.name == step)
        inner = [t for t in _nested(field.type) if isinstance(t, type) and issubclass(t, msgspec.Struct)]
        if not inner:
            return form
        form = inner[0]
    return form


def _nested(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _nested(argument)


def line_of(text: str, key: str, first_line: int = 1) -> int:
    """Line on which `key` is assigned; the first one when it is not found."""
    if key:
        found = re.search(rf"^[ \t]*(?:\[[^\n]*[.\"])?[\"']?{re.escape(key)}[\"']?[ \t]*[=\]]", text, re.M)
        found = found or re.search(rf"\b{re.escape(key)}\b", text)
        if found:
            return first_line + text.count("\n", 0, found.start())
    return first_line


def segments(text: str) -> tuple[str, list[Segment]]:
    """Cut objects.toml into what stands before the first table and one piece per object; joined they are the file.

    Sub-tables (`["U.X".extra]`) stay with their object. A `[` at the start of a line inside a list or a long text is
    no table: a header counts only where the text since the last one is complete TOML.
    """
    preamble, found = "", list[Segment]()
    start, offset, current, line = 0, 0, None, 1
    for row in text.splitlines(keepends=True):
        name = header(row)
        if name is not None and name != current and _complete(text[start:offset]):
            cut = _leading(text, start, offset)
            if current is None:
                preamble = text[:cut]
            else:
                found.append(Segment(current, text[start:cut], line))
            line += text.count("\n", start, cut)
            start, current = cut, name
        offset += len(row)
    if current is None:
        return text, []
    return preamble, [*found, Segment(current, text[start:], line)]


def header(row: str) -> str | None:
    """Name of the object whose table starts on this line; None when the line is no table header."""
    if not row.lstrip().startswith("["):
        return None
    try:
        tables = tomllib.loads(row)
    except tomllib.TOMLDecodeError:
        return None
    return next(iter(tables), None)


def _complete(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _leading(text: str, start: int, offset: int) -> int:
    """Move a cut up over the comment lines that stand directly above a header: they speak of what follows."""
    lines = text[start:offset].splitlines(keepends=True)
    while lines and lines[-1].lstrip().startswith("#"):
        offset -= len(lines.pop())
    return offset
