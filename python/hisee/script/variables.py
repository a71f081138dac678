"""Picture variables of one part: a replica that never waits. The local part's host owns them (decisions: R135).

The owner applies writes in arrival order and numbers each; the other part ignores what is older than its own unanswered write.
"""

from __future__ import annotations

from collections.abc import Sequence

from hisee._core.cells import CellTable
from hisee._core.vm import Unit
from hisee.esl.context import FROM_HIP_NUMBER
from hisee.values import Ref


class Variables:
    """Replica of the picture variables; variable k (from 0) is object k+1 of its own small table."""

    __slots__ = ("_unanswered", "_versions", "names", "owner", "table")

    def __init__(self, declared: Sequence[Sequence[str]], unit: Unit | None, *, owner: bool, console: int = 0) -> None:
        self.names = tuple(name for name, _ in declared)
        self.owner = owner
        self.table = _table(declared) if unit is not None else None  # None: there is nothing to know
        self.belongs_to(console)
        self._versions = [0] * len(self.names)
        self._unanswered = [0] * len(self.names)

    def belongs_to(self, console: int) -> None:
        """The number of the console, as scripts read it."""
        if self.table is not None:
            self.table.set(FROM_HIP_NUMBER, console)

    @property
    def _cells(self) -> CellTable:
        if self.table is None:
            raise IndexError("a picture variable that was not declared")
        return self.table

    def value(self, index: int) -> object:
        return self._cells.get(Ref(index + 1, 0, 0)).value

    def wrote(self, index: int) -> int:
        """The own script wrote: the owner gives the version, the other part counts the write as unanswered."""
        if self.owner:
            self._versions[index] += 1
        else:
            self._unanswered[index] += 1
        return self._versions[index]

    def apply_write(self, index: int, value: object, now_ms: int) -> int:
        """Owner: a write of the other part arrives; returns the new version."""
        self._cells.set(Ref(index + 1, 0, 0), value, now_ms)
        self._versions[index] += 1
        return self._versions[index]

    def apply_state(self, index: int, version: int, value: object, now_ms: int, *, answers_own: bool) -> bool:
        """Other part: the owner's state. Ignored while an own write is unanswered, and when older than what is known."""
        if answers_own and self._unanswered[index]:
            self._unanswered[index] -= 1
        if self._unanswered[index] or version <= self._versions[index]:
            return False
        self._versions[index] = version
        self._cells.set(Ref(index + 1, 0, 0), value, now_ms)
        return True

    def state(self) -> list[tuple[int, int, object]]:
        """(index, version, value) of every variable, for a part that starts."""
        return [(i, self._versions[i], self.value(i)) for i in range(len(self.names))]


def _table(declared: Sequence[Sequence[str]]) -> CellTable:
    table = CellTable()
    for index, (_, kind) in enumerate(declared):
        table.define(index + 1, kind)
    table.define(FROM_HIP_NUMBER, "INT")
    return table
