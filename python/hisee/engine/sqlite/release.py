"""What the holder of a term does for all: conditions and resources worked out, the purge of a cold start, schedules fired."""

from __future__ import annotations

import heapq
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from hisee.engine import rules
from hisee.engine.coordinator import EngineError, Grant, Schedule
from hisee.engine.sqlite.base import DIED, WAITING, Waiting, waiting
from hisee.engine.sqlite.ends import Ends
from hisee.engine.sqlite.queue import Prepared
from hisee.schema.queues import BY_NAME
from hisee.schema.task_states import BY_NUMBER, TaskStateId

NO_LONGER_THERE = TaskStateId.LOST  # how a purged task has ended for those that waited for it
KEYS_AT_ONCE = 1_000
# The different lists of resources that tasks wait for, each found by one step in the index.
WAITED_FOR = ("WITH RECURSIVE r(x) AS (SELECT min(resources) FROM engine_task WHERE state = 4 UNION ALL SELECT (SELECT min(resources)"
              " FROM engine_task WHERE state = 4 AND resources > x) FROM r WHERE x IS NOT NULL) SELECT x FROM r WHERE x IS NOT NULL")


class Release(Ends):
    """In the name of a term, checked inside the transaction."""

    def release(self, primary: Grant) -> int:
        with self.store.write() as db:
            self._check_grant(db, primary)
            self._forget_keys(db)
            while self._cancel_dependents(db):
                pass
            return self._meet_conditions(db) + self._give_resources(db)

    def _forget_keys(self, db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM engine_seen WHERE key IN (SELECT key FROM engine_seen WHERE at_ms < ? LIMIT ?)",
                   (self.clock.now_ms() - rules.KEYS_KEPT_MS, KEYS_AT_ONCE))

    def _cancel_dependents(self, db: sqlite3.Connection) -> int:
        """Tasks behind one that did not end ok; a chain goes link by link."""
        rows = db.execute("SELECT task, before, ended, order_key, state FROM engine_after JOIN engine_task ON id = task"
                          " WHERE ended IS NOT NULL AND ended > 10 GROUP BY task").fetchall()
        living = [row for row in rows if row[4] < TaskStateId.ENDED_OK]
        self._close_tasks(db, [(task, TaskStateId.CANCELLED, f"task {before} before it: {BY_NUMBER[ended].name}", key)
                               for task, before, ended, key, _ in living])
        db.executemany("DELETE FROM engine_after WHERE task = ?", [(row[0],) for row in rows])
        return len(living)

    def _meet_conditions(self, db: sqlite3.Connection) -> int:
        touched = [row[0] for row in db.execute("SELECT DISTINCT task FROM engine_after WHERE ended IS NOT NULL")]
        db.execute("DELETE FROM engine_after WHERE ended IS NOT NULL")
        free = [task for task in touched if not db.execute("SELECT 1 FROM engine_after WHERE task = ?", (task,)).fetchone()]
        db.executemany("UPDATE engine_task SET held = 0 WHERE id = ? AND state < 6", [(task,) for task in free])
        ids = msgspec.json.encode(free).decode()
        rows = waiting(db.execute(f"SELECT {WAITING} FROM engine_task WHERE id IN (SELECT value FROM json_each(?)) AND state = 3", (ids,)))
        self._reopen(db, rows, "")
        return sum(row.resources is None for row in rows)

    def _give_resources(self, db: sqlite3.Connection) -> int:
        """In the order of claims over all that wait; one that lacks a resource holds up only those that want the same."""
        free = Counter({name: capacity - used for name, (capacity, used) in self._capacities(db).items()})
        heads = [self._first_waiting(db, wanted, free) for (wanted,) in db.execute(WAITED_FOR).fetchall()]
        given = 0
        for _, due_ms, task, wanted in heapq.merge(*heads):
            names = msgspec.json.decode(wanted)
            if all(free.get(name, rules.UNLISTED_CAPACITY) > 0 for name in names):
                for name in names:
                    free[name] = free.get(name, rules.UNLISTED_CAPACITY) - 1
                self._reopen(db, [Waiting(task, min(due_ms, self.clock.now_ms()), 0, None, None)], "")
                given += 1
        return given

    def _first_waiting(self, db: sqlite3.Connection, wanted: str, free: Mapping[str, int]) -> list[tuple[int, int, int, str]]:
        """As many as could run at most, in order."""
        most = min(free.get(name, rules.UNLISTED_CAPACITY) for name in msgspec.json.decode(wanted))
        return db.execute("SELECT priority, due_ms, id, resources FROM engine_task WHERE state = 4 AND resources = ?"
                          " ORDER BY priority, due_ms, id LIMIT ?", (wanted, max(0, most))).fetchall()

    def set_capacity(self, resource: str, capacity: int) -> None:
        if capacity < 0:
            raise EngineError(f"capacity {capacity} of {resource!r} is negative", hint="0 lets nothing run")
        with self.store.write() as db:
            db.execute("INSERT OR REPLACE INTO engine_capacity VALUES (?, ?)", (resource, capacity))

    def capacities(self) -> dict[str, tuple[int, int]]:
        with self.store.read() as db:
            return self._capacities(db)

    def _capacities(self, db: sqlite3.Connection) -> dict[str, tuple[int, int]]:
        used: Counter[str] = Counter()
        using = "WHERE resources IS NOT NULL AND state >= 5 AND state < 10"
        for names, count in db.execute(f"SELECT resources, count(*) FROM engine_task {using} GROUP BY resources"):
            used.update(dict.fromkeys(msgspec.json.decode(names), count))
        rows = dict(db.execute("SELECT resource, capacity FROM engine_capacity ORDER BY resource"))
        return {name: (rows.get(name, rules.UNLISTED_CAPACITY), used[name]) for name in [*rows, *sorted(set(used) - set(rows))]}

    def purge(self, primary: Grant, queues: Iterable[str]) -> Mapping[str, int]:
        names = list(dict.fromkeys(queues))
        unknown = [name for name in names if name not in BY_NAME]
        if unknown:
            raise EngineError(f"no queue `{unknown[0]}`", hint=f"there are {', '.join(BY_NAME)}")
        with self.store.write() as db:
            self._check_grant(db, primary)
            for member, why in self._overdue(db):
                self._bury(db, member.incarnation, why)
            db.execute("UPDATE engine_fence SET task = ?", (self._last_number(db),))
            counts = {name: self._purge_queue(db, BY_NAME[name].number) for name in names}
            self._audit(db, "primary", "purge", counts)
        return counts

    def _purge_queue(self, db: sqlite3.Connection, queue: int) -> int:
        """What waits goes; what a dead member had is for a person to decide."""
        broken = db.execute("SELECT id, order_key FROM engine_task WHERE state < 6 AND queue = ? AND alone = ?", (queue, DIED)).fetchall()
        self._close_tasks(db, [(task, TaskStateId.REVIEW, "was running when the system ended", key) for task, key in broken])
        keys = [key for (key,) in db.execute("SELECT DISTINCT order_key FROM engine_task WHERE order_key IS NOT NULL AND state < 10"
                                             " AND state < 6 AND queue = ?", (queue,)).fetchall()]
        gone = "SELECT id FROM engine_task WHERE state < 6 AND queue = ?"
        db.execute(f"UPDATE engine_after SET ended = ? WHERE before IN ({gone})", (NO_LONGER_THERE, queue))
        db.execute(f"DELETE FROM engine_after WHERE task IN ({gone})", (queue,))
        count = db.execute("DELETE FROM engine_task WHERE state < 6 AND queue = ?", (queue,)).rowcount
        self._step_forward(db, keys)
        return count

    def _audit(self, db: sqlite3.Connection, who: str, what: str, detail: object) -> None:
        db.execute("INSERT INTO engine_audit (at_ms, who, what, detail) VALUES (?, ?, ?, ?)",
                   (self.clock.now_ms(), who, what, rules.encode(detail)))

    def fire(self, primary: Grant, schedule: Schedule, instants: Sequence[int], next_ms: int) -> list[int]:
        args = rules.encoded_args(schedule.request, 0)
        rows = [Prepared(i, msgspec.structs.replace(schedule.request, key=f"{schedule.name}@{at}"), args) for i, at in enumerate(instants)]
        with self.store.write() as db:
            self._check_grant(db, primary)
            changed = db.execute("UPDATE engine_schedule SET next_ms = ? WHERE name = ?", (next_ms, schedule.name)).rowcount
            return self._put(db, rows) if changed else []
