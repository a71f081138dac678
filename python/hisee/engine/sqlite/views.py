"""What people and other processes read: tasks with their lives, lengths of queues. Never waits for a writer."""

from __future__ import annotations

from typing import Any

import msgspec

from hisee.engine import rules
from hisee.engine.coordinator import EngineError, QueueRow, TaskRow
from hisee.engine.sqlite.base import Base
from hisee.engine.sqlite.queue import as_args
from hisee.schema.queues import BY_NAME, BY_NUMBER
from hisee.schema.queues import ROWS as QUEUES
from hisee.schema.task_states import BY_NAME as STATES
from hisee.schema.task_states import BY_NUMBER as STATE_ROWS

COLUMNS = ("id, func, queue, state, priority, due_ms, attempt, max_attempts, order_key, key, args, status, result, text, progress,"
           " progress_text, generated, created_ms, ended_ms, agent, parent, resources, after, steps,"
           " (SELECT name FROM engine_member WHERE incarnation = owner) AS owner").replace("\n", "")
NAMES = [word.split(" AS ")[-1] for word in COLUMNS.split(", ")]
# Each index that holds what waits, with its own condition: the lengths are counted without a look at history.
WAITING = ("state = 5 AND behind = 0", "state = 5 AND behind = 1", "state = 2", "state = 3", "state = 4")


class Views(Base):
    """Reads."""

    def task(self, task: int) -> TaskRow | None:
        with self.store.read() as db:
            row = db.execute(f"SELECT {COLUMNS} FROM engine_task WHERE id = ?", (task,)).fetchone()
        return _task_row(row) if row else None

    def tasks(self, *, state: str = "", queue: str = "", func: str = "", limit: int = 100, before: int = 0) -> list[TaskRow]:
        index, terms, values = "", ["1"], []
        if state:
            index, term = _state_term(state)
            terms.append(term)
        for column, value in (("queue", _number(queue)), ("func", func), ("id", before)):
            if value:
                terms.append(f"{column} {'<' if column == 'id' else '='} ?")
                values.append(value)
        sql = f"SELECT {COLUMNS} FROM engine_task {index} WHERE {' AND '.join(terms)} ORDER BY id DESC LIMIT ?"
        with self.store.read() as db:
            rows = db.execute(sql, (*values, limit)).fetchall()
        return [_task_row(row) for row in rows]

    def queues(self) -> dict[str, QueueRow]:
        now = self.clock.now_ms()
        waits, oldest, runs = dict.fromkeys(BY_NUMBER, 0), dict.fromkeys(BY_NUMBER, now + 1), dict.fromkeys(BY_NUMBER, 0)
        with self.store.read() as db:
            for condition in WAITING:
                sql = f"SELECT queue, count(*), min(due_ms) FROM engine_task WHERE {condition} GROUP BY queue"
                for queue, count, due in db.execute(sql):
                    waits[queue] += count
                    oldest[queue] = min(oldest[queue], due)
            for queue, count in db.execute("SELECT queue, count(*) FROM engine_task WHERE owner IS NOT NULL GROUP BY queue"):
                runs[queue] += count
        return {row.name: QueueRow(waits[row.number], runs[row.number], _age(now, oldest[row.number])) for row in QUEUES}

    def next_due(self) -> int:
        with self.store.read() as db:
            [due] = db.execute("SELECT min(due_ms) FROM engine_task WHERE state = 2").fetchone()
        return int(due or 0)

    def changes(self) -> object:
        return self.store.changes()


def _age(now: int, due: int) -> int | None:
    return now - due if due <= now else None


def _number(queue: str) -> int:
    if not queue:
        return 0
    if queue not in BY_NAME:
        raise EngineError(f"no queue `{queue}`", hint=f"there are {', '.join(BY_NAME)}")
    return BY_NAME[queue].number


def _state_term(name: str) -> tuple[str, str]:
    """An index to be used and the condition: literal numbers, so that the partial indexes fit."""
    row = STATES.get(name)
    if row is None:
        raise EngineError(f"no state `{name}`", hint=f"there are {', '.join(STATES)}")
    if row.claimed:
        return "INDEXED BY engine_task_owner", f"owner IS NOT NULL AND state = {row.number:d}"
    if row.number > STATES["ended ok"].number:
        return "INDEXED BY engine_task_failed", f"state > 10 AND state = {row.number:d}"
    return "", f"state = {row.number:d}"


def _task_row(row: tuple[Any, ...]) -> TaskRow:
    facts = dict(zip(NAMES, row, strict=True))
    facts["queue"], facts["state"] = BY_NUMBER[facts["queue"]].name, STATE_ROWS[facts["state"]].name
    facts["args"], facts["steps"] = as_args(facts["args"]), rules.read_steps(facts["steps"])
    for name in ("result", "resources", "after"):
        facts[name] = msgspec.json.decode(facts[name]) if facts[name] else None
    kept = {name: value for name, value in facts.items() if value is not None}
    return TaskRow(**kept)
