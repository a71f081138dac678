"""What the split of a picture is worth: one click all beside the console, all beside the server, split, over shaped links."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.harness.machine import facts
from bench.harness.options import Options, progress
from bench.harness.report import Ratio, Report, Row
from hisee.demo import application
from hisee.demo.headline import Cell, Table, run_headline
from hisee.demo.program import DATABASE
from support.system import running

RTTS_MS = (0.0, 5.0, 25.0, 100.0)
CLICKS = (60, 40, 20, 8)
QUICK = 4
JUDGED_MS = 25.0
SPLIT = "split by hand"


def run(options: Options) -> Report:
    """The headline of the demo. A click counts when the screen shows the right result and the database has the right rows."""
    report = Report("split", facts())
    with tempfile.TemporaryDirectory(prefix="hisee-split-") as folder:
        table = measured(Path(folder) / "data", options)
    for cell in table.cells:
        case = f"{cell.rtt_ms:g} ms"
        report.rows.append(Row(case, cell.placement, "ms", (cell.p50_ms,)))
        report.rows.append(Row(case, f"{cell.placement}, predicted of {cell.round_trips:g} round trips", "ms", (cell.predicted_ms,)))
    report.ratios += judged(table)
    report.notes.append("p50 of the clicks; predicted = the click over the bare link + round trips x what the shape adds to an echo")
    return report


def measured(data: Path, options: Options) -> Table:
    wanted = {rtt: max(QUICK, count // 10) if options.quick else count
              for rtt, count in zip(RTTS_MS, CLICKS, strict=True) if options.wanted(f"{rtt:g} ms")}
    with running(application(), data) as system, system.connect() as client:
        return run_headline(client, rtts=list(wanted), clicks=list(wanted.values()), database=data / DATABASE,
                            progress=lambda line: progress(f"  {line}"))


def judged(table: Table) -> list[Ratio]:
    """At the judged round trip time, split against the worse placement; everywhere, measured against predicted."""
    worst = max(table.cells, key=lambda cell: abs(cell.error_percent))
    found = [Ratio(f"measured against predicted, %: {told(worst)}", abs(worst.error_percent), 10.0, at_most=True)]
    at = {cell.placement: cell.p50_ms for cell in table.cells if cell.rtt_ms == JUDGED_MS}
    if at:
        found.insert(0, Ratio(f"split against the worse placement at {JUDGED_MS:g} ms", max(at.values()) / at[SPLIT], 5.0))
    return found


def told(cell: Cell) -> str:
    return f"the worst cell, {cell.placement} at {cell.rtt_ms:g} ms"
