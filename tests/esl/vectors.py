"""Test vectors of the language: lines of vectors.txt, each an expression and its value. All run as procedures of one script."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .cases import Case, fits, written
from .scripts import HERE

FILE = HERE / "vectors.txt"
LATER = re.compile(r"later (\w+): (.*)")


@dataclass(frozen=True)
class Vector(Case):
    """A case of no function; `function` is the type of its result."""

    @property
    def type(self) -> str:
        return self.function

    def holds(self, value: object) -> bool:
        return written(value).startswith("invalid/") if self.expected == "invalid" else fits(self.expected, value)


def lines() -> list[tuple[int, str]]:
    """Numbers and texts, without comments."""
    return [(n, line) for n, line in enumerate(FILE.read_text().splitlines(), 1) if line and not line.startswith("#")]


def read() -> list[Vector]:
    found = []
    for number, line in lines():
        if LATER.match(line):
            continue
        body, arrow, expected = line.rpartition(" -> ")
        kind, _, rest = body.partition(" ")
        assert arrow and rest, f"{FILE.name}:{number}: no vector: {line}"
        *actions, expression = (part.strip() for part in rest.split(" ;; "))
        found.append(Vector(kind, "vector", tuple(actions), expression, expected, f"{FILE.name}:{number}"))
    return found


def waiting() -> list[tuple[str, str]]:
    """(subject, line) of those that wait for it."""
    return [(match[1], match[2]) for _, line in lines() if (match := LATER.match(line))]
