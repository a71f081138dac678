"""The engine on SQLite with one rule broken each; the suite and the crash tests must notice every one."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterable

from hisee.engine.coordinator import Member, OutboxRow
from hisee.engine.sqlite import SqliteCoordinator
from hisee.engine.sqlite.ends import End

FATAL = "TWOTXN_DIES"  # in the environment: the mutant's process ends between its two commits


class NoToken(SqliteCoordinator):
    """Whoever once had the task may change it while somebody has it."""

    def _fits(self, kept: int, shown: int) -> bool:
        return True


class TwoTransactions(SqliteCoordinator):
    """Effects are committed, then the end."""

    def _apply_effects(self, db: sqlite3.Connection, ends: Iterable[End]) -> None:
        super()._apply_effects(db, ends)
        db.execute("COMMIT")
        if os.environ.get(FATAL):
            os.kill(os.getpid(), signal.SIGKILL)
        db.execute("BEGIN IMMEDIATE")


class NoKey(SqliteCoordinator):
    """Receivers do not remember what they have seen."""

    def first_time(self, key: str) -> bool:
        super().first_time(key)
        return True


class AckFirst(SqliteCoordinator):
    """What is handed out to be sent counts as sent."""

    def outbox(self, limit: int) -> list[OutboxRow]:
        rows = super().outbox(limit)
        self.sent(rows)
        return rows


class NoActive(SqliteCoordinator):
    """Whoever asks gets work, wherever it is."""

    def _is_active(self, db: sqlite3.Connection, member: Member) -> bool:
        return True


class Stays(SqliteCoordinator):
    """The terms of work processes stay where they are when the active computer changes."""

    FREE_FOLLOWING = SqliteCoordinator.FREE_FOLLOWING.replace("holder = 0", "holder = holder")


class LateSync(SqliteCoordinator):
    """`put` answers before its rows are on the disk."""

    def put(self, requests):  # type: ignore[no-untyped-def]
        whole, self.store.write = self.store.write, lambda durable=True: whole(durable=False)  # type: ignore[method-assign]
        try:
            return super().put(requests)
        finally:
            self.store.write = whole  # type: ignore[method-assign]


BROKEN = {"NOTOKEN": NoToken, "TWOTXN": TwoTransactions, "NOKEY": NoKey, "ACKFIRST": AckFirst, "LATESYNC": LateSync, "NOACTIVE": NoActive,
          "STAYS": Stays}
