"""A table to be printed: the one shape that every report has before it becomes CSV, HTML or PDF."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Cell = str | int | float | bool | None
MAX_ROWS = 100_000
INVALID = "?"  # what an invalid value looks like in every output


@dataclass(frozen=True, slots=True)
class Column:
    """`decimals` of numbers, None = as they are; kind "time" = milliseconds UTC, shown in the report's zone."""

    name: str
    unit: str = ""
    decimals: int | None = None
    kind: str = "value"

    @property
    def heading(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(slots=True)
class Table:
    """Rows in the order of `columns`; None = invalid. `notes` stand below it."""

    title: str
    columns: Sequence[Column]
    rows: list[Sequence[Cell]]
    zone: str = "UTC"
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.rows) > MAX_ROWS:
            self.notes.append(f"{len(self.rows) - MAX_ROWS} more rows are left out; the limit is {MAX_ROWS}")
            self.rows = self.rows[:MAX_ROWS]
        wrong = next((number for number, row in enumerate(self.rows, 1) if len(row) != len(self.columns)), None)
        if wrong is not None:
            raise ValueError(f"report {self.title}: row {wrong} has {len(self.rows[wrong - 1])} cells, not {len(self.columns)}")

    def texts(self) -> Iterable[list[str]]:
        """Every row as it is shown."""
        zone = zoneinfo.ZoneInfo(self.zone)
        for row in self.rows:
            yield [shown(cell, column, zone) for cell, column in zip(row, self.columns, strict=True)]


def shown(cell: Cell, column: Column, zone: dt.tzinfo) -> str:
    """One cell as text: invalid is `?`, a time is local, a number has the column's decimals."""
    if cell is None:
        return INVALID
    if column.kind == "time" and isinstance(cell, int):
        return dt.datetime.fromtimestamp(cell / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float) and column.decimals is not None:
        return f"{cell:.{column.decimals}f}"
    return str(cell)
