"""Small tables: outbox, keys of receivers, facts, schedules, reports of agents, audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hisee.engine import rules
from hisee.engine.coordinator import JSON, OutboxRow, Schedule
from hisee.engine.sqlite.base import Base


def _fact(number: int | None, value: str | None) -> Any:
    return number if value is None else msgspec.json.decode(value)


class Records(Base):
    """One short transaction each."""

    def outbox(self, limit: int) -> list[OutboxRow]:
        with self.store.read() as db:
            rows = db.execute("SELECT task, position, target, payload FROM engine_outbox WHERE sent = 0 ORDER BY task, position LIMIT ?",
                              (limit,)).fetchall()
        return [OutboxRow(task, position, target, msgspec.json.decode(payload)) for task, position, target, payload in rows]

    def sent(self, rows: Sequence[OutboxRow]) -> None:
        if rows:
            with self.store.write() as db:
                db.executemany("UPDATE engine_outbox SET sent = 1 WHERE task = ? AND position = ?", [row[:2] for row in rows])

    def first_time(self, key: str) -> bool:
        with self.store.write() as db:
            return db.execute("INSERT OR IGNORE INTO engine_seen VALUES (?, ?)", (key, self.clock.now_ms())).rowcount == 1

    def fact(self, key: str) -> Any:
        with self.store.read() as db:
            row = db.execute("SELECT number, value FROM engine_fact WHERE key = ?", (key,)).fetchone()
        return _fact(*row) if row else None

    def facts(self, prefix: str) -> dict[str, Any]:
        with self.store.read() as db:
            rows = db.execute("SELECT key, number, value FROM engine_fact WHERE key >= ? AND substr(key, 1, ?) = ? ORDER BY key",
                              (prefix, len(prefix), prefix)).fetchall()
        return {key: _fact(number, value) for key, number, value in rows}

    def put_schedule(self, schedule: Schedule) -> None:
        rules.encoded_args(schedule.request, 0)
        with self.store.write() as db:
            db.execute("INSERT OR REPLACE INTO engine_schedule VALUES (?, ?, ?)", (schedule.name, rules.encode(schedule), schedule.next_ms))

    def drop_schedule(self, name: str) -> bool:
        with self.store.write() as db:
            return db.execute("DELETE FROM engine_schedule WHERE name = ?", (name,)).rowcount == 1

    def schedules(self) -> list[Schedule]:
        with self.store.read() as db:
            rows = db.execute("SELECT row, next_ms FROM engine_schedule ORDER BY name").fetchall()
        return [msgspec.structs.replace(msgspec.json.decode(row, type=Schedule), next_ms=next_ms) for row, next_ms in rows]

    def report(self, job: int, number: int, row: JSON) -> bool:
        with self.store.write() as db:
            return db.execute("INSERT OR IGNORE INTO engine_report VALUES (?, ?, ?)", (job, number, rules.encode(row))).rowcount == 1

    def reports(self, job: int, after: int = 0) -> list[tuple[int, JSON]]:
        with self.store.read() as db:
            rows = db.execute("SELECT number, row FROM engine_report WHERE job = ? AND number > ? ORDER BY number", (job, after)).fetchall()
        return [(number, msgspec.json.decode(row)) for number, row in rows]

    def audit(self, who: str, what: str, detail: JSON) -> None:
        with self.store.write() as db:
            db.execute("INSERT INTO engine_audit (at_ms, who, what, detail) VALUES (?, ?, ?, ?)",
                       (self.clock.now_ms(), who, what, rules.encode(detail)))
