"""Putting tasks on PostgreSQL: one statement for a whole list, keys looked up, tasks of one order key numbered in order of commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hisee.engine import rules
from hisee.engine.coordinator import TaskRequest
from hisee.engine.postgres.database import Connection, Database, as_json, one, rows

INSERT = """INSERT INTO engine_task (func, args, queue, state, priority, due_ms, order_key, key, max_attempts, retry_s, timeout_s, agent,
        parent, born, behind, created_ms, steps)
    SELECT func, args, queue, state, priority, CASE WHEN due = 0 THEN now ELSE due END, order_key, nullif(key, ''), max_attempts, retry_s,
        timeout_s, agent, parent, %(born)s, behind, now, now || ' 1 ' || %(by)s::text || E'\\n' || now || ' ' || state || E' -\\n'
    FROM (SELECT e.*, engine_now() AS now, order_key <> '' AND (
            row_number() OVER (PARTITION BY order_key ORDER BY nth) > 1 OR EXISTS (SELECT 1 FROM engine_task o
                WHERE o.order_key = e.order_key AND o.order_key <> '' AND o.state < 10)) AS behind,
            CASE WHEN due > engine_now() THEN 2 WHEN has_after THEN 3 WHEN has_resources THEN 4 ELSE 5 END AS state
        FROM json_to_recordset(%(requests)s) AS e (nth int, func text, args text, queue text, priority int, due bigint, order_key text,
            key text, max_attempts int, retry_s float8, timeout_s float8, agent text, parent bigint, has_after bool, has_resources bool)) r
    ORDER BY nth RETURNING id"""
# Two lists with one order key commit one after the other and number their tasks in that order.
LOCK_LINES = "SELECT count(pg_advisory_xact_lock(hashtextextended(k, 0))) FROM (SELECT unnest(%s::text[]) AS k) s"
BY_KEY = "SELECT key, id FROM engine_task WHERE key = ANY(%s)"
BY_CALL = "SELECT id FROM engine_task WHERE born = %s AND key IS NULL ORDER BY id"
ANY_OF_CALL = "SELECT 1 FROM engine_task WHERE born = %s LIMIT 1"
UNKNOWN = "SELECT a FROM unnest(%s::bigint[]) a WHERE NOT EXISTS (SELECT 1 FROM engine_task WHERE id = a) LIMIT 1"
# The oldest living one of each key may be claimed once those before it have ended.
STEP_FORWARD = """UPDATE engine_task t SET behind = false FROM (SELECT DISTINCT ON (order_key) id FROM engine_task
        WHERE order_key = ANY(%s) AND order_key <> '' AND state < 10 ORDER BY order_key, id) head
    WHERE t.id = head.id AND t.behind"""
RELATIONS = "UPDATE engine_task SET after = %s, resources = %s WHERE id = %s"

Columns = dict[str, object]


class Requests:
    """put, and the part of it that an end's follow-ups and a schedule's tasks share."""

    _db: Database

    def put(self, requests: Sequence[TaskRequest]) -> list[int]:
        if not requests:
            return []
        args = [rules.encoded_args(request, index) for index, request in enumerate(requests)]
        born = self._db.number()

        def work(connection: Connection) -> list[int]:
            if is_plain(requests):
                return insert(connection, requests, args, born)
            with connection.transaction():
                return insert_all(connection, requests, args, born)

        return self._db.call(work, lambda connection: found_again(connection, requests, born))


def step_forward(connection: Connection, ended: Iterable[str]) -> None:
    """After tasks with these order keys ended or went: the next of each key. Waits for those who are just putting one."""
    keys = sorted({key for key in ended if key})
    if keys:
        rows(connection, LOCK_LINES, [keys])
        connection.execute(STEP_FORWARD, [keys])


def is_plain(requests: Sequence[TaskRequest]) -> bool:
    """One statement does it: nothing to look up, nothing to wait for."""
    return not any(r.key or r.order_key or r.after or r.resources for r in requests)


def put_within(connection: Connection, requests: Sequence[TaskRequest], by: str = "") -> list[int]:
    """Put as a part of the transaction that is open."""
    args = [rules.encoded_args(request, index) for index, request in enumerate(requests)]
    return insert_all(connection, requests, args, 0, by) if requests else []


def insert_all(connection: Connection, requests: Sequence[TaskRequest], args: Sequence[str], born: int, by: str = "") -> list[int]:
    """Ids in the order of the requests; those with a known key get the id of the first."""
    _check_after(connection, requests)
    lines = sorted({r.order_key for r in requests if r.order_key})
    if lines:
        rows(connection, LOCK_LINES, [lines])
    keys = {r.key for r in requests if r.key}
    known = _by_key(connection, keys)
    fresh = _fresh(requests, known)
    ids = insert(connection, [requests[n] for n in fresh], [args[n] for n in fresh], born, by) if fresh else []
    given = dict(zip(fresh, ids, strict=True))
    known |= {requests[n].key: task for n, task in given.items() if requests[n].key}
    _relate(connection, requests, given)
    return [known[r.key] if r.key else given[n] for n, r in enumerate(requests)]


def insert(connection: Connection, requests: Sequence[TaskRequest], args: Sequence[str], born: int, by: str = "") -> list[int]:
    """Ids of the new tasks. A key that somebody else puts at this moment undoes the transaction, which is then repeated."""
    table = [columns_of(n, request, text) for n, (request, text) in enumerate(zip(requests, args, strict=True))]
    return [row[0] for row in rows(connection, INSERT, {"requests": as_json(table), "born": born, "by": by or "-"})]


def columns_of(nth: int, r: TaskRequest, args: str) -> Columns:
    return {"nth": nth, "func": r.func, "args": args, "queue": r.queue, "priority": r.priority, "due": r.due_ms, "order_key": r.order_key,
            "key": r.key, "max_attempts": r.max_attempts, "retry_s": r.retry_s, "timeout_s": r.timeout_s, "agent": r.agent,
            "parent": r.parent, "has_after": bool(r.after), "has_resources": bool(r.resources)}


def _fresh(requests: Sequence[TaskRequest], known: dict[str, int]) -> list[int]:
    """Positions of the requests that become tasks: without a key, or the first one with a new key."""
    seen = set(known)
    out = []
    for n, request in enumerate(requests):
        if request.key not in seen or not request.key:
            out.append(n)
            seen.add(request.key)
    return out


def _by_key(connection: Connection, keys: set[str]) -> dict[str, int]:
    return dict(rows(connection, BY_KEY, [sorted(keys)])) if keys else {}


def _check_after(connection: Connection, requests: Sequence[TaskRequest]) -> None:
    for n, request in enumerate(requests):
        if request.after and (row := one(connection, UNKNOWN, [request.after])) is not None:
            raise rules.refused(request, n, f"no task {row[0]} to wait for")


def _relate(connection: Connection, requests: Sequence[TaskRequest], given: dict[int, int]) -> None:
    for n, task in given.items():
        if requests[n].after or requests[n].resources:
            connection.execute(RELATIONS, [requests[n].after, requests[n].resources, task])


def found_again(connection: Connection, requests: Sequence[TaskRequest], born: int) -> list[int] | None:
    """Ids of a put whose commit was lost from sight; None when it was not committed."""
    if one(connection, ANY_OF_CALL, [born]) is None:
        return None
    ids = iter([row[0] for row in rows(connection, BY_CALL, [born])])
    known = _by_key(connection, {r.key for r in requests if r.key})
    return [known[r.key] if r.key else next(ids) for r in requests]
