"""What all parts of the SQLite Coordinator share: the store, the clock, the check of a grant, and how a task waits anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hisee.engine import rules
from hisee.engine.coordinator import ACTIVE, Grant, LostGrant, LostMember, Member
from hisee.engine.sqlite.store import Store
from hisee.schema.task_states import TaskStateId
from hisee.seams import Clock

DIED = 2  # value of `alone`: the member that had the task died
FAILED = 1  # an attempt failed


class Waiting(NamedTuple):
    """What decides how an open task waits."""

    id: int
    due_ms: int
    held: int
    resources: str | None
    order_key: str | None


WAITING = "id, due_ms, held, resources, order_key"


class Base:
    """Small steps inside a transaction; `db` is always a connection that is in one."""

    store: Store
    clock: Clock

    def _check_grant(self, db: sqlite3.Connection, grant: Grant) -> None:
        row = db.execute("SELECT holder, epoch FROM engine_term WHERE term = ?", (grant.term,)).fetchone()
        if row != (grant.incarnation, grant.epoch):
            raise LostGrant(f"the term {grant.term} with epoch {grant.epoch} is over", hint="drop what was done in its name")

    def _member_name(self, db: sqlite3.Connection, member: Member) -> str:
        """Its name while it is a member; raises LostMember."""
        row = db.execute("SELECT name FROM engine_member WHERE incarnation = ? AND ended_ms = 0", (member.incarnation,)).fetchone()
        if row is None:
            raise LostMember(f"{member.name} is no member any more", hint="end this process; its supervisor starts it anew")
        return str(row[0])

    def _is_active(self, db: sqlite3.Connection, member: Member) -> bool:
        """Its computer is the active one, or there is no group."""
        row = db.execute("SELECT (SELECT node FROM engine_member WHERE incarnation = holder) FROM engine_term WHERE term = ?",
                         (ACTIVE,)).fetchone()
        return row is None or row[0] == member.node

    def _reopen(self, db: sqlite3.Connection, tasks: Iterable[Waiting], note: str, *,
                alone: int | None = None, uncount: bool = False) -> None:
        """Nobody's again: each waits for its time, its resources or is ready. `uncount` takes the attempt back."""
        now = self.clock.now_ms()
        rows = []
        for task in tasks:
            state = rules.open_state(now, task.due_ms, condition=bool(task.held), resource=task.resources is not None)
            rows.append((state, task.due_ms, int(uncount), alone, rules.step_line(now, state, note=note), task.id))
        db.executemany("UPDATE engine_task SET state = ?, due_ms = ?, owner = NULL, token = 0, attempt = max(0, attempt - ?),"
                       " alone = coalesce(?, alone), ended_ms = 0, progress = NULL, progress_text = NULL, steps = steps || ?"
                       " WHERE id = ?", rows)

    def _close_tasks(self, db: sqlite3.Connection, ends: Sequence[tuple[int, TaskStateId, str, str | None]], by: str = "") -> None:
        """Ends (task, state, text, order_key) that no outcome stands behind: cancelled, dead letter, review."""
        now = self.clock.now_ms()
        rows = [(state, rules.STATUS_OF.get(state, ""), text, now, rules.step_line(now, state, by, text), task)
                for task, state, text, _ in ends]
        db.executemany("UPDATE engine_task SET state = ?, owner = NULL, token = 0, status = ?, text = ?, ended_ms = ?,"
                       " steps = steps || ? WHERE id = ?", rows)
        self._after_end(db, [(task, state) for task, state, _, _ in ends], [key for *_, key in ends if key])

    def _after_end(self, db: sqlite3.Connection, ended: Sequence[tuple[int, TaskStateId]], keys: Iterable[str]) -> None:
        """Those that wait for an ended task hear of it, and the next of its order_key steps forward."""
        db.executemany("UPDATE engine_after SET ended = ? WHERE before = ?", [(state, task) for task, state in ended])
        self._step_forward(db, keys)

    def _step_forward(self, db: sqlite3.Connection, keys: Iterable[str]) -> None:
        db.executemany("UPDATE engine_task SET behind = 0 WHERE behind = 1 AND id = (SELECT min(id) FROM engine_task"
                       " WHERE order_key = ? AND order_key IS NOT NULL AND state < 10)", [(key,) for key in dict.fromkeys(keys)])


def waiting(rows: Iterable[Any]) -> list[Waiting]:
    return [Waiting(*row) for row in rows]
