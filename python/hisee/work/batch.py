"""How many tasks a worker takes at once: many short ones share a commit, long ones are taken singly."""

from __future__ import annotations

MS = 1_000_000
LONG_NS = 20 * MS  # a run from which tasks are taken one at a time
BUDGET_NS = 100 * MS  # a worker holds no more than it can run in this time
GROWTH = 4


class Batch:
    """`limit` tasks may be claimed next."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = 1

    def ran(self, count: int, spent_ns: int) -> None:
        """Learn from a round that ran `count` tasks in `spent_ns`."""
        if not count:
            return
        each = max(spent_ns // count, 1)
        self.limit = 1 if each > LONG_NS else max(1, min(self.most, self.limit * GROWTH, BUDGET_NS // each))
