"""The end of tasks: effects, outbox, follow-ups and states of a whole batch in one commit; cancel and retry by order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hisee.engine import rules
from hisee.engine.coordinator import Add, Claim, EngineError, Outcome, Send, Write
from hisee.engine.sqlite.base import FAILED
from hisee.engine.sqlite.queue import Prepared, Queue, prepared
from hisee.schema.task_states import BY_NUMBER, TaskStateId

INT64 = 1 << 63
END = ("UPDATE engine_task SET state = ?, owner = NULL, token = 0, status = ?, result = ?, text = ?, ended_ms = ?, steps = steps || ?,"
       " generated = coalesce(?, generated) WHERE id = ?")


class End(NamedTuple):
    """One task's end, made ready before the transaction begins."""

    claim: Claim
    outcome: Outcome
    state: TaskStateId  # what it turns into; READY = another attempt
    result: str | None
    follow_ups: list[Prepared]
    sends: list[tuple[int, int, str, str]]

    @property
    def again(self) -> bool:
        return self.state is TaskStateId.READY


def _end(claim: Claim, outcome: Outcome) -> End:
    state = rules.END_STATES.get(outcome.status)
    if state is None:
        raise EngineError(f"task {claim.id}: no end is called {outcome.status!r}", hint=f"there are {', '.join(rules.END_STATES)}")
    if outcome.status == "not ok" and outcome.retry:
        state = TaskStateId.READY if claim.attempt < claim.max_attempts else TaskStateId.DEAD_LETTER
    result = None if outcome.result is None else rules.encode(outcome.result)
    sends = [effect for effect in outcome.effects if isinstance(effect, Send)]
    rows = [(claim.id, position, send.target, rules.encode(send.payload)) for position, send in enumerate(sends)]
    return End(claim, outcome, state, result, prepared(outcome.follow_ups), rows)


class Ends(Queue):
    """finish, cancel, retry."""

    def finish(self, ends: Sequence[tuple[Claim, Outcome]]) -> list[bool]:
        if not ends:
            return []
        batch = [_end(claim, outcome) for claim, outcome in ends]
        with self.store.write() as db:
            kept = self._kept(db, (end.claim.id for end in batch))
            owners = [self._accept(kept, end) for end in batch]
            self._commit_ends(db, [(end, by) for end, by in zip(batch, owners, strict=True) if by])
        return [bool(by) for by in owners]

    def _accept(self, kept: dict[int, tuple[int, str]], end: End) -> str:
        """Name of the member whose claim it is, once for each claim: what was accepted is under none any more. "" = stale."""
        token, by = kept.get(end.claim.id, (0, ""))
        if not by or not self._fits(token, end.claim.token):
            return ""
        del kept[end.claim.id]
        return by

    def _commit_ends(self, db: sqlite3.Connection, ends: Sequence[tuple[End, str]]) -> None:
        closed = [(end, by) for end, by in ends if not end.again]
        self._apply_effects(db, [end for end, _ in closed])
        for end, _ in closed:
            if end.follow_ups:
                self._put(db, end.follow_ups)
        self._mark_ended(db, closed)
        self._again(db, [end for end, _ in ends if end.again])

    def _apply_effects(self, db: sqlite3.Connection, ends: Iterable[End]) -> None:
        """Facts in the order of the batch, each key written once; outbox rows under the task's number and their position."""
        facts: dict[str, Fact] = {}
        sends: list[tuple[int, int, str, str]] = []
        for end in ends:
            sends += end.sends
            for effect in end.outcome.effects:
                if not isinstance(effect, Send):
                    facts.setdefault(effect.key, Fact()).then(effect)
        db.executemany("INSERT OR IGNORE INTO engine_outbox (task, position, target, payload) VALUES (?, ?, ?, ?)", sends)
        for key, fact in facts.items():
            fact.store(db, key)

    def _mark_ended(self, db: sqlite3.Connection, ends: Sequence[tuple[End, str]]) -> None:
        now = self.clock.now_ms()
        db.executemany(END, [_ended_row(end, by, now) for end, by in ends])
        self._after_end(db, [(end.claim.id, end.state) for end, _ in ends], [end.claim.order_key for end, _ in ends if end.claim.order_key])

    def _again(self, db: sqlite3.Connection, ends: Sequence[End]) -> None:
        """Another attempt after a while; its steps and its text stay."""
        for end in ends:
            task, claim = self._waiting(db, end.claim.id), end.claim
            db.execute("UPDATE engine_task SET text = ?, steps = steps || ?, generated = coalesce(?, generated) WHERE id = ?",
                       (end.outcome.text, rules.own_lines(end.outcome.steps), end.outcome.generated or None, claim.id))
            wait = rules.backoff_ms(claim.retry_s, claim.attempt)
            due = self.clock.now_ms() + wait if wait else task.due_ms
            self._reopen(db, [task._replace(due_ms=due)], f"attempt {claim.attempt} failed", alone=FAILED)

    def cancel(self, task: int) -> bool:
        with self.store.write() as db:
            row = db.execute("SELECT state, order_key FROM engine_task WHERE id = ?", (task,)).fetchone()
            if row is None or row[0] >= TaskStateId.ENDED_OK:
                return False
            self._close_tasks(db, [(task, TaskStateId.CANCELLED, "", row[1])])
            return True

    def retry(self, task: int) -> bool:
        with self.store.write() as db:
            row = db.execute("SELECT state, order_key FROM engine_task WHERE id = ?", (task,)).fetchone()
            if row is None or row[0] not in rules.RETRIED_STATES:
                return False
            db.execute("UPDATE engine_task SET attempt = 0, status = NULL, result = NULL, text = NULL WHERE id = ?", (task,))
            db.execute("UPDATE engine_after SET ended = NULL WHERE before = ?", (task,))
            self._reopen(db, [self._waiting(db, task)], f"tried again after {BY_NUMBER[row[0]].name}")
            if row[1]:
                self._line_up(db, row[1])
            return True

    def _line_up(self, db: sqlite3.Connection, key: str) -> None:
        """The living tasks of a key after an old one came back: one in front, the one that runs or else the oldest."""
        line = "order_key = ? AND order_key IS NOT NULL AND state < 10"
        db.execute(f"UPDATE engine_task SET behind = (owner IS NULL) WHERE {line}", (key,))
        if not db.execute(f"SELECT 1 FROM engine_task WHERE {line} AND behind = 0", (key,)).fetchone():
            self._step_forward(db, [key])

def _ended_row(end: End, by: str, now: int) -> tuple[Any, ...]:
    outcome, lines = end.outcome, rules.own_lines(end.outcome.steps) + rules.step_line(now, end.state, by)
    return end.state, outcome.status, end.result, outcome.text, now, lines, outcome.generated or None, end.claim.id


class Fact:
    """What a batch does to one fact: a last value written, if any, and what was added since."""

    def __init__(self) -> None:
        self.written, self.value, self.added = False, None, 0

    def then(self, effect: Add | Write) -> None:
        if isinstance(effect, Write):
            self.written, self.value, self.added = True, effect.value, 0
        else:
            self.added += effect.delta

    def store(self, db: sqlite3.Connection, key: str) -> None:
        """Adding to what is no whole number begins at 0."""
        if not self.written:
            db.execute("INSERT INTO engine_fact (key, number) VALUES (?, ?) ON CONFLICT (key) DO UPDATE"
                       " SET number = coalesce(number, 0) + excluded.number, value = NULL", (key, self.added))
            return
        value: Any = self.value
        if self.added:
            value = (value if _is_number(value) else 0) + self.added
        if value is None:
            db.execute("DELETE FROM engine_fact WHERE key = ?", (key,))
            return
        pair = (value, None) if _is_number(value) else (None, rules.encode(value))
        db.execute("INSERT OR REPLACE INTO engine_fact VALUES (?, ?, ?)", (key, *pair))


def _is_number(value: Any) -> bool:
    return type(value) is int and -INT64 <= value < INT64
