"""Start conditions of trigger events: told of each change, says which events are to start. Pure but for the table it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hisee._core.cells import CellTable
from hisee.model.events import EventPlan, Start
from hisee.values import Ref


def holds(start: Start, cell: Any) -> bool:
    """Is the place in the configured state?"""
    return CONDITIONS[start.condition](start, cell) != start.invert


def _number(cell: Any) -> float | None:
    return float(cell.value) if cell.reason == 0 and isinstance(cell.value, (int, float)) else None


def _low(start: Start, cell: Any) -> bool:
    value = _number(cell)
    return value is not None and start.low is not None and value < start.low


def _high(start: Start, cell: Any) -> bool:
    value = _number(cell)
    return value is not None and start.high is not None and value > start.high


CONDITIONS: dict[str, Callable[[Start, Any], bool]] = {
    "Change": lambda start, cell: True,
    "Value": lambda start, cell: cell.reason == 0,
    "Err": lambda start, cell: cell.reason != 0,
    "True": lambda start, cell: cell.reason == 0 and bool(cell.value) and not isinstance(cell.value, str),
    "False": lambda start, cell: cell.reason == 0 and not cell.value and not isinstance(cell.value, str),
    "Weak": lambda start, cell: bool(cell.weak),
    "LowLim": _low,
    "HiLim": _high,
    "InLim": lambda start, cell: _number(cell) is not None and not _low(start, cell) and not _high(start, cell),
}


class Triggers:
    """The trigger events of a configuration by the object that starts them."""

    def __init__(self, table: CellTable) -> None:
        self._table = table
        self._by_object: dict[int, list[EventPlan]] = {}
        self._held: dict[tuple[int, Ref], bool] = {}  # event and cell -> was it in the state at the last look

    def configure(self, plans: Iterable[EventPlan]) -> None:
        """From now on these; what is in a state now does not start anything, what comes into it does."""
        self._by_object, self._held = {}, {}
        for plan in plans:
            if plan.start is not None and plan.unit:
                self._by_object.setdefault(plan.start.object, []).append(plan)
                for ref in self._cells(plan.start, Ref(plan.start.object)):
                    self._held[plan.hbj, ref] = holds(plan.start, self._table.get(ref))

    def changed(self, ref: Ref) -> list[EventPlan]:
        """Events that start because of this change: once for each cell that came into the state."""
        found: list[EventPlan] = []
        for plan in self._by_object.get(ref.object, ()):
            assert plan.start is not None
            for cell in self._cells(plan.start, ref):
                now = holds(plan.start, self._table.get(cell))
                before = self._held.get((plan.hbj, cell), False)
                self._held[plan.hbj, cell] = now
                if now and (not before or plan.start.condition == "Change"):
                    found.append(plan)
        return found

    def _cells(self, start: Start, changed: Ref) -> list[Ref]:
        """Cells of the place that a change of `changed` (a cell, a row, a whole object) touches."""
        if not self._table.has(start.object):
            return []
        kind, rows, columns, _ = self._table.shape(start.object)
        if getattr(kind, "name", kind) != "RECORD":
            return [Ref(start.object)]
        return [Ref(start.object, row, column) for row in _span(start.row, changed.row, rows)
                for column in _span(start.column, changed.column, len(columns))]


def _span(wanted: int, changed: int, most: int) -> Iterable[int]:
    """Numbers that both mean, 0 = all of them."""
    if wanted and changed:
        return (wanted,) if wanted == changed else ()
    number = wanted or changed
    if number:
        return (number,) if number <= most else ()  # a script may have taken its row away
    return range(1, most + 1)
