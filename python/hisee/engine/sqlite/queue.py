"""Putting and claiming: what waits, in which order it is handed out, and what a claim may still change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from hisee.engine import rules
from hisee.engine.coordinator import JSON, Claim, EngineError, Member, StaleClaim, TaskRequest
from hisee.engine.sqlite.base import WAITING, Waiting
from hisee.engine.sqlite.members import Members
from hisee.schema.queues import BY_NAME, BY_NUMBER
from hisee.schema.task_states import BY_NAME as STATES
from hisee.schema.task_states import TaskStateId

DUE_AT_ONCE = 10_000  # tasks whose time has come that one claim makes ready
INSERT = ("INSERT INTO engine_task (id, state, queue, priority, due_ms, behind, held, max_attempts, retry_s, timeout_s, created_ms, func,"
          " order_key, key, after, resources, agent, parent, steps, args) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
CLAIMED = ("id, attempt, func, args, priority, due_ms, order_key, created_ms, max_attempts, retry_s, timeout_s, resources, agent, parent,"
           " generated, attempt > 0")
SELECT = f"SELECT {CLAIMED} FROM engine_task WHERE state = 5 AND behind = 0 AND queue = ? ORDER BY priority, due_ms, id LIMIT ?"
TAKE = "UPDATE engine_task SET state = 6, owner = ?, token = ?, attempt = attempt + 1, steps = steps || ? WHERE id = ?"


class Prepared(NamedTuple):
    """A request that was checked, with its arguments as text."""

    place: int  # among the requests of its call
    request: TaskRequest
    args: str


def prepared(requests: Sequence[TaskRequest]) -> list[Prepared]:
    return [Prepared(index, request, rules.encoded_args(request, index)) for index, request in enumerate(requests)]


class Queue(Members):
    """Tasks from put to claim, and the claim's own small changes."""

    def put(self, requests: Sequence[TaskRequest]) -> list[int]:
        if not requests:
            return []
        rows = prepared(requests)
        with self.store.write() as db:
            return self._put(db, rows)

    def _put(self, db: sqlite3.Connection, rows: Sequence[Prepared]) -> list[int]:
        """Ids of the new tasks, or of those that had the key before."""
        last = self._last_number(db)
        keys: dict[str, int] = {}
        lines: set[str] = set()
        ids, inserts, now = [], [], self.clock.now_ms()
        for row in rows:
            known = self._known(db, row.request.key, keys)
            if not known:
                last += 1
                inserts.append(self._values(db, row, last, now, lines))
                keys[row.request.key] = last
            ids.append(known or last)
        db.executemany(INSERT, inserts)
        return ids

    def _last_number(self, db: sqlite3.Connection) -> int:
        """The last task number given. The fence keeps it only where tasks are deleted: one page less to write at each put."""
        [last] = db.execute("SELECT max(coalesce((SELECT max(id) FROM engine_task), 0), task) FROM engine_fence").fetchone()
        return int(last)

    def _known(self, db: sqlite3.Connection, key: str, new: dict[str, int]) -> int:
        """The task that has this idempotency key; 0 = none."""
        if not key:
            return 0
        found = db.execute("SELECT id FROM engine_task WHERE key = ?", (key,)).fetchone()
        return int(found[0]) if found else new.get(key, 0)

    def _values(self, db: sqlite3.Connection, row: Prepared, task: int, now: int, lines: set[str]) -> tuple[Any, ...]:
        r = row.request
        due = r.due_ms or now
        state = rules.open_state(now, due, condition=bool(r.after), resource=bool(r.resources))
        if r.after:
            self._wait_for(db, row, task)
        return (task, state, BY_NAME[r.queue].number, r.priority, due, self._behind(db, r.order_key, lines), bool(r.after), r.max_attempts,
                r.retry_s, r.timeout_s, now, r.func, r.order_key or None, r.key or None, rules.encode(r.after) if r.after else None,
                rules.encode(sorted(set(r.resources))) if r.resources else None, r.agent or None, r.parent,
                f"{now} 1 -\n{now} {state.value} -\n", row.args)

    def _behind(self, db: sqlite3.Connection, order_key: str, lines: set[str]) -> bool:
        """An older living task has the key, in the tables or earlier in this very put."""
        if not order_key:
            return False
        sql = "SELECT 1 FROM engine_task WHERE order_key = ? AND order_key IS NOT NULL AND state < 10 LIMIT 1"
        found = order_key in lines or db.execute(sql, (order_key,)).fetchone() is not None
        lines.add(order_key)
        return found

    def _wait_for(self, db: sqlite3.Connection, row: Prepared, task: int) -> None:
        for before in dict.fromkeys(row.request.after):
            found = db.execute("SELECT state FROM engine_task WHERE id = ?", (before,)).fetchone()
            if found is None:
                raise rules.refused(row.request, row.place, f"there is no task {before} to wait for")
            db.execute("INSERT INTO engine_after VALUES (?, ?, ?)", (task, before, found[0] if found[0] >= TaskStateId.ENDED_OK else None))

    def claim(self, member: Member, queues: Sequence[str], limit: int) -> list[Claim]:
        slot = self._slot(member)
        self.store.beats.want_bell(slot, member.incarnation, True)  # before the look: whoever puts later rings
        with self.store.write(durable=False) as db:
            by, held = self._standing(db, member)
            if not self._is_active(db, member):
                return []
            self._make_due_ready(db)
            found = self._select(db, _allowed(queues, held), limit)
            first = self._take(db, found, member, by) if found else 0
        if found:
            self.store.beats.want_bell(slot, member.incarnation, False)
        return [_claim(queue, row, first + place) for place, (queue, row) in enumerate(found)]

    def _make_due_ready(self, db: sqlite3.Connection) -> None:
        now = self.clock.now_ms()
        rows = db.execute(f"SELECT {WAITING} FROM engine_task WHERE state = 2 AND due_ms <= ? ORDER BY due_ms LIMIT ?",
                          (now, DUE_AT_ONCE)).fetchall()
        if rows:
            self._reopen(db, (Waiting(*row) for row in rows), "")

    def _standing(self, db: sqlite3.Connection, member: Member) -> tuple[str, set[str]]:
        """Name of the member and the terms it holds; raises LostMember."""
        row = db.execute("SELECT name, (SELECT group_concat(term) FROM engine_term WHERE holder = incarnation) FROM engine_member"
                         " WHERE incarnation = ? AND ended_ms = 0", (member.incarnation,)).fetchone()
        if row is None:
            return self._member_name(db, member), set()
        return row[0], set((row[1] or "").split(","))

    def _select(self, db: sqlite3.Connection, queues: Iterable[int], limit: int) -> list[tuple[int, tuple[Any, ...]]]:
        """In order; a task that failed before comes alone."""
        found: list[tuple[int, tuple[Any, ...]]] = []
        for queue in queues:
            for row in db.execute(SELECT, (queue, limit - len(found))):
                if row[-1]:
                    return found or [(queue, row)]
                found.append((queue, row))
            if len(found) >= limit:
                break
        return found

    def _take(self, db: sqlite3.Connection, found: Sequence[tuple[int, tuple[Any, ...]]], member: Member, by: str) -> int:
        """Mark them as the member's; the token of the first one, the others follow."""
        [last] = db.execute("UPDATE engine_fence SET token = token + ? RETURNING token", (len(found),)).fetchone()
        first = int(last) - len(found) + 1
        step = rules.step_line(self.clock.now_ms(), TaskStateId.ACTIVATED, by)
        db.executemany(TAKE, [(member.incarnation, first + place, step, row[0]) for place, (_, row) in enumerate(found)])
        return first

    def _fits(self, kept: int, shown: int) -> bool:
        """The claim is still its holder's. A task that nobody has keeps 0, which no claim ever shows."""
        return kept == shown

    def _kept(self, db: sqlite3.Connection, tasks: Iterable[int]) -> dict[int, tuple[int, str]]:
        """task -> token of the claim it is under now, and the name of the member that has it."""
        ids = msgspec.json.encode(list(tasks)).decode()
        rows = db.execute("SELECT t.id, t.token, name FROM json_each(?) JOIN engine_task t ON t.id = value"
                          " JOIN engine_member ON incarnation = t.owner", (ids,))
        return {task: (token, name) for task, token, name in rows}

    def _still(self, db: sqlite3.Connection, claims: Sequence[Claim]) -> list[Claim]:
        kept = self._kept(db, (claim.id for claim in claims))
        return [claim for claim in claims if claim.id in kept and self._fits(kept[claim.id][0], claim.token)]

    def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        if not claims:
            return []
        with self.store.read() as db:
            return self._still(db, claims)

    def _check_claim(self, db: sqlite3.Connection, claim: Claim) -> str:
        """Name of the member that has it; raises StaleClaim."""
        token, name = self._kept(db, [claim.id]).get(claim.id, (0, ""))
        if not name or not self._fits(token, claim.token):
            raise StaleClaim(f"task {claim.id} is no longer under claim {claim.token}", hint="abandon it")
        return name

    def step(self, claim: Claim, state: str, note: str = "", *, generated: str | None = None) -> None:
        if state not in rules.STEP_STATES:
            raise EngineError(f"`{state}` is no step of a run", hint=f"there are {', '.join(rules.STEP_STATES)}")
        number = STATES[state].number
        with self.store.write(durable=False) as db:
            by = self._check_claim(db, claim)
            db.execute("UPDATE engine_task SET state = ?, generated = coalesce(?, generated), steps = steps || ? WHERE id = ?",
                       (number, generated, rules.step_line(self.clock.now_ms(), number, by, note), claim.id))

    def progress(self, claim: Claim, share: float | None, text: str) -> None:
        with self.store.write(durable=False) as db:
            self._check_claim(db, claim)
            db.execute("UPDATE engine_task SET progress = ?, progress_text = ? WHERE id = ?", (share, text, claim.id))

    def give_back(self, claims: Sequence[Claim], why: str, due_ms: int = 0) -> None:
        if not claims:
            return
        with self.store.write(durable=False) as db:
            tasks = [self._waiting(db, claim.id) for claim in self._still(db, claims)]
            self._reopen(db, [t._replace(due_ms=due_ms or t.due_ms) for t in tasks], why, uncount=True)

    def _waiting(self, db: sqlite3.Connection, task: int) -> Waiting:
        return Waiting(*db.execute(f"SELECT {WAITING} FROM engine_task WHERE id = ?", (task,)).fetchone())


def _allowed(queues: Iterable[str], held: set[str]) -> list[int]:
    """Numbers of the queues, without those whose term the member does not hold."""
    rows = [BY_NAME[queue] for queue in queues if queue in BY_NAME]
    return [row.number for row in rows if not row.term or row.term in held]


def _claim(queue: int, row: tuple[Any, ...], token: int) -> Claim:
    (task, attempt, func, args, priority, due_ms, order_key, created_ms, most, retry_s, timeout_s, resources, agent, parent, form, _) = row
    return Claim(id=task, token=token, attempt=attempt + 1, func=func, args=as_args(args), queue=BY_NUMBER[queue].name, priority=priority,
                 due_ms=due_ms, order_key=order_key or "", created_ms=created_ms, max_attempts=most, retry_s=retry_s, timeout_s=timeout_s,
                 resources=msgspec.json.decode(resources) if resources else [], agent=agent or "", parent=parent, generated=form or "")


def as_args(text: str) -> JSON:
    return {} if text == "{}" else msgspec.json.decode(text, type=dict[str, Any])
