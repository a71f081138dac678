"""Two runs of one benchmark beside each other."""

from __future__ import annotations

import json
from pathlib import Path

from bench.harness.report import Report, short, table


def read(path: str) -> list[Report]:
    """The reports of a file written by `--out`."""
    return [Report.from_json(one) for one in json.loads(Path(path).read_text())]


def compared(before: str, after: str) -> list[str]:
    """A table: figure, before, after, after by before; figures that only one file has are told."""
    old, new = figures(read(before)), figures(read(after))
    body = [[name, short(old[name]), short(new[name]), f"{new[name] / old[name]:.3f}"] for name in old if name in new and old[name]]
    alone = sorted(old.keys() ^ new.keys())
    return [*table(["figure", "before", "after", "after/before"], body), *(f"- only in one: {name}" for name in alone)]


def figures(reports: list[Report]) -> dict[str, float]:
    found = {f"{report.name}: {row.case}, {row.subject} ({row.unit})": row.median for report in reports for row in report.rows}
    return found | {f"{report.name}: {ratio.figure}": ratio.value for report in reports for ratio in report.ratios}
