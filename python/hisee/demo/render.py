"""The headline table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from hisee.demo.headline import GOAL_PERCENT, Cell, Table

COLUMNS = ("placement", "added ms", "round trips", "link ms", "T0 ms", "p50 ms", "p99 ms", "predicted ms", "error", "clicks")


def rows(table: Table) -> Iterable[tuple[str, ...]]:
    """Cells as texts in the order of COLUMNS."""
    for cell in table.cells:
        yield (cell.placement, f"{cell.rtt_ms:g}", f"{cell.round_trips:g}", f"{cell.link_ms:.2f}", f"{cell.t0_ms:.1f}",
               f"{cell.p50_ms:.1f}", _p99(cell), f"{cell.predicted_ms:.1f}", f"{cell.error_percent:+.1f} %", f"{cell.clicks}")


def _p99(cell: Cell) -> str:
    return "-" if cell.p99_ms != cell.p99_ms else f"{cell.p99_ms:.1f}"


def grid(table: Table) -> Grid:
    """One line per cell, a rule after each placement."""
    made = Grid(title="One click on Apply: 24 fields read, 48 rows read, 24 rows written, 1 text set")
    for column in COLUMNS:
        made.add_column(column, justify="left" if column == "placement" else "right", no_wrap=True)
    cells = table.cells
    for number, row in enumerate(rows(table)):
        last = number + 1 == len(cells) or cells[number + 1].placement != cells[number].placement
        made.add_row(*row, end_section=last)
    made.caption = (f"predicted = T0 + round trips x link; link = echo over the shaped link less echo at added 0. "
                    f"Worst error {table.worst_percent:.1f} %, goal {GOAL_PERCENT:g} %.")
    return made


def show(table: Table, **console: Any) -> None:
    """Print it; keyword arguments go to rich's Console."""
    Console(**({"width": 120} | console)).print(grid(table))
