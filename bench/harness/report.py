"""What a benchmark found: rows of figures, ratios beside their aims, as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Self


@dataclass(frozen=True)
class Row:
    """One subject in one case, its figure in every round."""

    case: str
    subject: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """Highest by lowest round: 1.0 = all rounds alike."""
        low = min(self.rounds)
        return max(self.rounds) / low if low > 0 else math.inf


@dataclass(frozen=True)
class Ratio:
    """A figure that counts, beside what it must be and what it should be; `at_most` turns both round."""

    figure: str
    value: float
    must: float | None = None
    goal: float | None = None
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """goal | reached | missed, or "" where nothing is asked."""
        if self._meets(self.goal):
            return "goal"
        if self.must is None:
            return ""
        return "reached" if self._meets(self.must) else "missed"

    def _meets(self, asked: float | None) -> bool:
        return asked is not None and (self.value <= asked if self.at_most else self.value >= asked)


@dataclass
class Report:
    """A whole benchmark: `notes` say what it does not show and which peers are not there."""

    name: str
    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, case: str, subject: str) -> Row | None:
        """The row of this case and subject; None when the peer is not there."""
        return next((r for r in self.rows if (r.case, r.subject) == (case, subject)), None)

    def median(self, case: str, subject: str) -> float | None:
        row = self.row(case, subject)
        return row.median if row else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        rows = [Row(**{**row, "rounds": tuple(row["rounds"])}) for row in data["rows"]]
        return cls(data["name"], data["machine"], rows, [Ratio(**r) for r in data["ratios"]], data["notes"])


def geometric_mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.exp(sum(map(math.log, found)) / len(found))


def short(value: float) -> str:
    """Three digits, thousands with commas."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def table(head: list[str], body: list[list[str]]) -> list[str]:
    """Lines of a Markdown table that reads well as plain text too."""
    widths = [max(len(row[at]) for row in [head, *body]) for at in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in [head, *body]]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def text(report: Report) -> list[str]:
    """The report as Markdown lines: figures, ratios, notes."""
    rows = [[r.case, r.subject, short(r.median), r.unit, f"{r.spread:.2f}"] for r in report.rows]
    lines = table(["case", "subject", "median", "unit", "spread"], rows) if rows else []
    if report.ratios:
        lines += ["", *table(["figure", "value", "must", "goal", "verdict"], [asked(r) for r in report.ratios])]
    return [*lines, *([""] if report.notes else []), *(f"- {note}" for note in report.notes)]


def asked(ratio: Ratio) -> list[str]:
    sign = "<= " if ratio.at_most else ">= "
    marks = [sign + short(value) if value is not None else "" for value in (ratio.must, ratio.goal)]
    return [ratio.figure, short(ratio.value), *marks, ratio.verdict]
