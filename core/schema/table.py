"""The shape of every table: numbered rows of one dataclass, and how they reach C, Python and the manual.

A number is explicit, append-only and never used again: other processes, stored units and frames carry it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any


class Symbol(str):
    """The name of a C function or constant: written into the C header bare, not as a string."""


@dataclass(frozen=True)
class Table:
    """One table of the product.

    name     file name of everything derived from it ("opcodes")
    enum     name of the generated IntEnum ("Op"); rows need `number` and `name`
    rows     dataclass instances, all of one class
    title    heading and one sentence for the manual
    in_c     fields that go into the C X-macro besides number and name; None = no C header
    page     lines of the manual page where one table would be hard to read; None = a table of all fields
    manual   module beside this one whose `text(note)` is the page of the manual; empty = one table of all fields
    """

    name: str
    enum: str
    rows: Sequence[Any]
    title: str
    in_c: Sequence[str] | None = None
    page: Callable[[Table], list[str]] | None = None
    manual: str = ""

    def __post_init__(self) -> None:
        numbers = [row.number for row in self.rows]
        names = [row.name.upper() for row in self.rows]
        for what, values in (("number", numbers), ("name", names)):
            double = {v for v in values if values.count(v) > 1}
            if double:
                raise ValueError(f"table {self.name}: {what} used twice: {sorted(double)}")

    @property
    def row_class(self) -> type:
        return type(self.rows[0])

    @property
    def fields(self) -> list[str]:
        return [f.name for f in fields(self.row_class)]
