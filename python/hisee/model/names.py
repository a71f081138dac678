"""Names of objects: their grammar, how they compare, and the addresses of object parts."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from hisee.errors import UsageError
from hisee.model.problem import StoreError
from hisee.schema.limits import BY_NAME as LIMITS

NAME = re.compile(r"[^\W\d_]\w*(\.\w+)*\Z")
LOCAL = re.compile(r"_[\w.]*\w\Z")
NAME_CHARS = LIMITS["name_chars"].value

PICTURE, SVG, EVENT, OBJECT, SQL, CSV = "PICTURE", "SVG", "EVENT", "OBJECT", "SQL", "CSV"
LOCAL_PART, REMOTE_PART = "ESLDefinition:1", "ESLDefinition:2"
PARTS = (PICTURE, SVG, EVENT, OBJECT, SQL, CSV, LOCAL_PART, REMOTE_PART)
CONFIGURATION = "CONFIGURATION"  # of a DBM process: derived, not stored
TASKS = "TASKS"  # of the application itself, APP:TASKS: its tasks.py
_PART_BY_KEY = {part.casefold(): part for part in (*PARTS, CONFIGURATION, TASKS)}


def fold(name: str) -> str:
    """The key under which a name is looked up: NFC and simple case folding, so that ß and SS stay different."""
    return "".join(_fold_char(c) for c in unicodedata.normalize("NFC", name))


def _fold_char(char: str) -> str:
    folded = char.casefold()
    return folded if len(folded) == 1 else char.lower() if len(char.lower()) == 1 else char


def valid_name(name: str) -> bool:
    return len(name) <= NAME_CHARS and NAME.match(name) is not None


class BadAddress(StoreError, UsageError):
    """A text that is no address of a part."""


class Address(NamedTuple):
    """One part of an object, as in `S.Mimic:ESLDefinition:1`."""

    object: str
    part: str

    def __str__(self) -> str:
        return f"{self.object}:{self.part}"


def address(text: str) -> Address:
    """Parse the address of a part; raises BadAddress that shows how one looks."""
    name, colon, part = text.partition(":")
    known = _PART_BY_KEY.get(part.casefold())
    if not colon or not name or known is None:
        raise BadAddress(
            f"{text!r} is no address of a part",
            hint="write S.Name:PICTURE, S.Name:SVG, S.Name:ESLDefinition:1 (local) or S.Name:ESLDefinition:2 (remote)",
        )
    return Address(name, known)
