"""Outbox, keys that receivers keep, facts and reports of agents on PostgreSQL; what people read of tasks and queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from hisee.engine import rules
from hisee.engine.coordinator import JSON, EngineError, OutboxRow, QueueRow, TaskRow
from hisee.engine.postgres.database import Database, rows
from hisee.schema.queues import BY_NAME as QUEUES
from hisee.schema.task_states import BY_NAME as STATES
from hisee.schema.task_states import BY_NUMBER as STATE_ROWS

OUTBOX = "SELECT task, position, target, payload FROM engine_outbox WHERE sent_ms = 0 ORDER BY task, position LIMIT %s"
SENT = """UPDATE engine_outbox o SET sent_ms = engine_now() FROM unnest(%s::bigint[], %s::int[]) e (task, position)
    WHERE o.task = e.task AND o.position = e.position AND o.sent_ms = 0"""
FIRST = "INSERT INTO engine_seen VALUES (%s, %s, engine_now()) ON CONFLICT DO NOTHING RETURNING 1"
OWN_KEY = "SELECT 1 FROM engine_seen WHERE key = %s AND call = %s"
REPORT = "INSERT INTO engine_report VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING 1"
OWN_REPORT = "SELECT 1 FROM engine_report WHERE job = %s AND number = %s AND call = %s"
REPORTS = "SELECT number, report FROM engine_report WHERE job = %s AND number > %s ORDER BY number"

TASK_COLUMNS = ("id", "func", "queue", "state", "priority", "due_ms", "attempt", "max_attempts", "owner", "order_key", "key", "args",
                "status", "result", "text", "progress", "progress_text", "generated", "created_ms", "ended_ms", "agent", "parent",
                "resources", "after", "steps")
TASKS = f"SELECT {', '.join(TASK_COLUMNS).replace('owner', 'owner_name')} FROM engine_task"
# Each of the three has an index of its own: history is not looked at.
QUEUE_LENGTHS = """SELECT queue, sum(waiting), sum(running), min(oldest) FROM (
        SELECT queue, count(*) AS waiting, 0 AS running, min(greatest(due_ms, created_ms)) AS oldest
            FROM engine_task WHERE state = 5 AND NOT behind GROUP BY 1
        UNION ALL SELECT queue, count(*), 0, min(greatest(due_ms, created_ms)) FROM engine_task WHERE state = 5 AND behind GROUP BY 1
        UNION ALL SELECT queue, count(*), 0, min(due_ms) FILTER (WHERE due_ms <= engine_now()) FROM engine_task WHERE state = 2 GROUP BY 1
        UNION ALL SELECT queue, count(*), 0, min(greatest(due_ms, created_ms)) FROM engine_task WHERE state = 3 GROUP BY 1
        UNION ALL SELECT queue, count(*), 0, min(greatest(due_ms, created_ms)) FROM engine_task WHERE state = 4 GROUP BY 1
        UNION ALL SELECT queue, 0, count(*), NULL FROM engine_task WHERE state BETWEEN 6 AND 9 GROUP BY 1) parts
    GROUP BY queue"""


class Records:
    """Reads, and what is kept beside tasks."""

    _db: Database

    # -- effects
    def outbox(self, limit: int) -> list[OutboxRow]:
        found = self._db.call(lambda connection: rows(connection, OUTBOX, [limit]))
        return [OutboxRow(task, position, target, msgspec.json.decode(payload)) for task, position, target, payload in found]

    def sent(self, rows: Sequence[OutboxRow]) -> None:
        if rows:
            self._db.call(lambda connection: connection.execute(SENT, [[row.task for row in rows], [row.position for row in rows]]))

    def first_time(self, key: str) -> bool:
        call = self._db.number()
        return self._db.call(lambda connection: bool(rows(connection, FIRST, [key, call])),
                             lambda connection: bool(rows(connection, OWN_KEY, [key, call])) or None)

    def fact(self, key: str) -> Any:
        found = self._db.call(lambda connection: rows(connection, "SELECT value FROM engine_fact WHERE key = %s", [key]))
        return msgspec.json.decode(found[0][0]) if found else None

    def facts(self, prefix: str) -> dict[str, Any]:
        query = "SELECT key, value FROM engine_fact WHERE starts_with(key, %s) ORDER BY key"
        return {key: msgspec.json.decode(value) for key, value in self._db.call(lambda connection: rows(connection, query, [prefix]))}

    # -- reports of agents
    def report(self, job: int, number: int, row: JSON) -> bool:
        call, text = self._db.number(), rules.encode(row)
        return self._db.call(lambda connection: bool(rows(connection, REPORT, [job, number, call, text])),
                             lambda connection: bool(rows(connection, OWN_REPORT, [job, number, call])) or None)

    def reports(self, job: int, after: int = 0) -> list[tuple[int, JSON]]:
        found = self._db.call(lambda connection: rows(connection, REPORTS, [job, after]))
        return [(number, msgspec.json.decode(text)) for number, text in found]

    # -- what people read
    def task(self, task: int) -> TaskRow | None:
        found = self._db.call(lambda connection: rows(connection, f"{TASKS} WHERE id = %s", [task]))
        return task_row(found[0]) if found else None

    def tasks(self, *, state: str = "", queue: str = "", func: str = "", limit: int = 100, before: int = 0) -> list[TaskRow]:
        terms, values = conditions(state, queue, func, before)
        query = f"{TASKS} WHERE {' AND '.join(['true', *terms])} ORDER BY id DESC LIMIT %s"
        return [task_row(row) for row in self._db.call(lambda connection: rows(connection, query, [*values, limit]))]

    def next_due(self) -> int:
        [(due,)] = self._db.call(lambda connection: rows(connection, "SELECT min(due_ms) FROM engine_task WHERE state = 2", []))
        return int(due or 0)

    def changes(self) -> object:
        return object()  # to ask the server would cost as much as to look

    def queues(self) -> dict[str, QueueRow]:
        query = "SELECT engine_now()"
        lengths = self._db.call(lambda connection: (rows(connection, QUEUE_LENGTHS), rows(connection, query)))
        now = lengths[1][0][0]
        found = {queue: QueueRow(int(waiting), int(running), max(0, now - oldest) if oldest is not None else None)
                 for queue, waiting, running, oldest in lengths[0]}
        return {name: found.get(name, QueueRow(0, 0, None)) for name in QUEUES}


def conditions(state: str, queue: str, func: str, before: int) -> tuple[list[str], list[Any]]:
    """Terms of a WHERE and their values. The state is a literal, so that the partial indexes fit."""
    if state and state not in STATES:
        raise EngineError(f"no state `{state}`", hint=f"there are {', '.join(STATES)}")
    if queue and queue not in QUEUES:
        raise EngineError(f"no queue `{queue}`", hint=f"there are {', '.join(QUEUES)}")
    terms = [f"state = {STATES[state].number:d}"] if state else []
    values: list[Any] = []
    for term, value in (("queue = %s", queue), ("func = %s", func), ("id < %s", before)):
        if value:
            terms.append(term)
            values.append(value)
    return terms, values


def task_row(row: TupleRow) -> TaskRow:
    facts = dict(zip(TASK_COLUMNS, row, strict=True))
    facts["state"], facts["key"] = STATE_ROWS[facts["state"]].name, facts["key"] or ""
    facts["args"], facts["result"] = msgspec.json.decode(facts["args"]), msgspec.json.decode(facts["result"])
    facts["steps"] = rules.read_steps(facts["steps"])
    return TaskRow(**facts)
