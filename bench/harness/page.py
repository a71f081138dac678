"""The page with the latest figures, docs/benchmarks.md, and a plot for each benchmark, from the files in bench/results."""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path

from bench.harness.report import Report, Row, text

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"
HEAD = """# Benchmarks: the latest figures

Written by `./hisee bench page` from `bench/results`, which `./hisee bench NAME --keep` fills; what each benchmark does, and does not
show, stands in [bench/README.md](../bench/README.md). Only figures of one table may be compared: they come from one run. A plot shows
medians against those of hisee in the same case, on a logarithmic scale: a bar to the right is more than hisee's.
"""
BAR, GAP, LEFT, WIDTH = 14, 4, 300, 420  # pixels
OURS = "hisee"


def keep(report: Report) -> None:
    """Put the report among the results that the page shows."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{report.name}.json").write_text(json.dumps(report.to_json(), indent=1) + "\n")


def write() -> list[Path]:
    """The page and its plots; what was written."""
    PLOTS.mkdir(exist_ok=True)
    files = contents()
    for path, content in files.items():
        path.write_text(content)
    return list(files)


def contents() -> dict[Path, str]:
    """Path -> text of everything that is written."""
    lines, files = [HEAD], {}
    for path in sorted(RESULTS.glob("*.json")):
        report = Report.from_json(json.loads(path.read_text()))
        lines += section(report)
        if bars := relative(report):
            files[PLOTS / f"{report.name}.svg"] = drawn(bars)
            lines += [f"![{report.name}](benchmarks/{report.name}.svg)", ""]
    return {PAGE: "\n".join(lines), **files}


def section(report: Report) -> list[str]:
    facts = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    return [f"## {report.name}", "", f"({facts})", "", *text(report), ""]


def relative(report: Report) -> list[tuple[str, float]]:
    """Each row of a peer by the row of hisee in its case, where there is one."""
    ours = {row.case: row for row in report.rows if row.subject.startswith(OURS)}
    return [(label(row), row.median / ours[row.case].median) for row in report.rows
            if row.case in ours and row is not ours[row.case] and row.median > 0 < ours[row.case].median]


def label(row: Row) -> str:
    return f"{row.case}, {row.subject} ({row.unit})"


def drawn(bars: list[tuple[str, float]]) -> str:
    """SVG: a bar to the right of the middle = more than hisee, to the left = less."""
    reach = max(abs(math.log10(value)) for _, value in bars) or 1.0
    middle = LEFT + WIDTH / 2
    width, height = LEFT + WIDTH + 80, len(bars) * (BAR + GAP) + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">'
    axis = f'<line x1="{middle:.0f}" y1="0" x2="{middle:.0f}" y2="{height}" stroke="#555"/>'
    parts = [bar(name, value, place, middle, reach) for place, (name, value) in enumerate(bars)]
    return "\n".join([head, axis, *parts, "</svg>", ""])


def bar(name: str, value: float, place: int, middle: float, reach: float) -> str:
    length, top = math.log10(value) / reach * WIDTH / 2, GAP + place * (BAR + GAP)
    begin, word = min(middle, middle + length), top + BAR - 3
    return (f'<text x="{LEFT - 8}" y="{word}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{begin:.1f}" y="{top}" width="{abs(length):.1f}" height="{BAR}" fill="{"#2a7" if value > 1 else "#c63"}"/>'
            f'<text x="{LEFT + WIDTH + 8}" y="{word}">{value:.2f}</text>')
