"""The outbox leaves: send, wait for the answer, then mark (P4). Knows no link; who sends is handed in."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hisee.engine.coordinator import Coordinator, OutboxRow
from hisee.errors import HiseeError

log = logging.getLogger("hisee.relay")
AT_ONCE = 64


class NoTarget(HiseeError):
    """Nobody of that name takes rows: the row is kept, a person is told."""


class NotAnswered(HiseeError):
    """The receiver cannot be reached or did not answer: the row is sent again later, under the same key."""


class Relay:
    """Rows of the outbox, oldest first. A row without a receiver is told of once and stays, the others pass it."""

    def __init__(self, coordinator: Coordinator, alarm: Callable[[str], None]) -> None:
        self._coordinator, self._alarm = coordinator, alarm
        self._kept: set[str] = set()  # keys of rows without a receiver
        self._under_way: set[str] = set()

    def rows(self, limit: int = AT_ONCE) -> list[OutboxRow]:
        """What is to be sent now. A row is answered by `answered`, `failed` or `unknown`; until then it is not offered again."""
        passed = self._kept | self._under_way
        found = [row for row in self._coordinator.outbox(limit + len(passed)) if row.key not in passed][:limit]
        self._under_way.update(row.key for row in found)
        return found

    def answered(self, row: OutboxRow) -> None:
        """The receiver has it. Only now it leaves the outbox: before, a crash would lose it."""
        self._coordinator.sent([row])
        self._under_way.discard(row.key)

    def failed(self, row: OutboxRow) -> None:
        self._under_way.discard(row.key)

    def unknown(self, row: OutboxRow, why: str) -> None:
        self._under_way.discard(row.key)
        self._kept.add(row.key)
        text = f"outbox row {row.key}: nobody takes rows for {row.target!r}: {why}; it is kept"
        log.error("%s", text)
        self._alarm(text)

    def release(self) -> None:
        """Rows that were offered and neither answered nor refused are offered again."""
        self._under_way.clear()

    def try_again(self) -> None:
        """A receiver came: offer also the rows that had none."""
        self._kept.clear()

    def round(self, send: Callable[[OutboxRow], None], limit: int = AT_ONCE) -> int:
        """Send everything there is, where sending blocks until the answer. How many were answered."""
        count, rows = 0, self.rows(limit)
        try:
            for row in rows:
                count += self._send(row, send)
        finally:
            self._under_way.difference_update(row.key for row in rows)  # a mark that failed: all of them come again
        return count

    def _send(self, row: OutboxRow, send: Callable[[OutboxRow], None]) -> bool:
        try:
            send(row)
        except NoTarget as error:
            self.unknown(row, str(error))
            return False
        except NotAnswered:
            return False
        self.answered(row)
        return True
