"""JSON values inside a process: dictionaries and lists that several handles and parents may share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from hisee.values import Invalid, Time

LEAST, MOST = -(2**63) + 16, 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OUT_OF_RANGE = 2  # reason of an invalid value
OVERHEAD = 64  # bytes that a value costs beside its text


class TooLarge(Exception):
    """More values, levels or characters than the limits allow."""


def parsed(text: str, depth: int, items: int) -> Any:
    """Value of a JSON text. Raises ValueError with the reason, TooLarge."""
    try:
        value = msgspec.json.decode(text)
    except RecursionError as error:
        raise TooLarge(f"more than json_depth = {depth} levels") from error
    for _ in walk(value, depth, items):
        pass
    return value


def walk(value: Any, depth: int, items: int) -> Iterator[Any]:
    """Every value, parents first, counted as often as it would be written; TooLarge at a limit: a document that holds itself ends there."""
    waiting, count = [(value, 1)], 0
    while waiting:
        value, level = waiting.pop()
        count += 1
        yield value
        if isinstance(value, (dict, list)):
            if level > depth:
                raise TooLarge(f"more than json_depth = {depth} levels")
            if count + len(waiting) + len(value) > items:
                raise TooLarge(f"more than json_items = {items} values")
            waiting += [(below, level + 1) for below in (value.values() if isinstance(value, dict) else value)]
    if count > items:
        raise TooLarge(f"more than json_items = {items} values")


def written(value: Any, pretty: bool, depth: int, items: int, chars: int) -> str:
    """JSON text. Raises TooLarge: the sizes are added up before anything is written."""
    size = 0
    for part in walk(value, depth, items):
        size += len(part) if isinstance(part, str) else sum(map(len, part)) if isinstance(part, dict) else 1
        if size > chars:
            raise TooLarge(f"more than text_chars = {chars} characters")
    data = msgspec.json.encode(value)
    text = (msgspec.json.format(data, indent=2) if pretty else data).decode()
    if len(text) > chars:
        raise TooLarge(f"more than text_chars = {chars} characters")
    return text


def size_of(values: list[Any]) -> int:
    """Bytes, about, of everything that can be reached from `values`; shared parts once."""
    seen: set[int] = set()
    waiting, size = list(values), 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, (dict, list)):
            if id(value) in seen:
                continue
            seen.add(id(value))
            waiting += value.values() if isinstance(value, dict) else value
            size += sum(map(len, value)) if isinstance(value, dict) else 0
        size += OVERHEAD + (len(value) if isinstance(value, str) else 0)
    return size


def as_json(value: Any) -> Any:
    """A script's value in a document: invalid is null, TIME is ISO 8601 in UTC."""
    if isinstance(value, Invalid):
        return None
    if isinstance(value, Time):
        try:
            moment = EPOCH + timedelta(milliseconds=int(value))
        except OverflowError:
            return None
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def as_value(value: Any) -> Any:
    """The other way; a whole number beyond INT is REAL, beyond REAL it is invalid; None = no simple value."""
    if isinstance(value, int) and not isinstance(value, bool) and not LEAST <= value <= MOST:
        try:
            return float(value)
        except OverflowError:
            return Invalid(OUT_OF_RANGE)
    return None if isinstance(value, (dict, list)) else value
