"""What the holder of a term does for all, on PostgreSQL: conditions and resources worked out, the purge of a cold start, schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from psycopg.rows import TupleRow

from hisee.engine import rules
from hisee.engine.coordinator import PRIMARY, EngineError, Grant, Schedule
from hisee.engine.postgres.database import Connection, one, rows
from hisee.engine.postgres.members import Members, hold
from hisee.engine.postgres.requests import put_within, step_forward
from hisee.schema.queues import BY_NAME as QUEUES

RELEASING = 0x72656C  # advisory lock: two calculations never give the same resource away
# A chain of tasks goes link by link; deleted by a purge = has not ended ok.
CANCEL_CHAIN = """UPDATE engine_task t SET state = 12, status = 'cancelled', ended_ms = engine_now(), text = b.why,
    steps = t.steps || engine_now() || ' 12 - ' || b.why || E'\\n'
    FROM (SELECT DISTINCT ON (w.id) w.id, 'task ' || a || ' before it did not end ok' AS why
        FROM engine_task w, unnest(w.after) a LEFT JOIN engine_task e ON e.id = a
        WHERE w.state = 3 AND (e.id IS NULL OR e.state > 10) ORDER BY w.id, a) b
    WHERE t.id = b.id AND t.state = 3 RETURNING t.order_key"""
MEET = """UPDATE engine_task t SET state = CASE WHEN t.resources <> '{}' THEN 4 ELSE 5 END,
    steps = t.steps || engine_now() || CASE WHEN t.resources <> '{}' THEN E' 4 -\\n' ELSE E' 5 -\\n' END
    WHERE t.state = 3 AND NOT EXISTS (SELECT 1 FROM unnest(t.after) a LEFT JOIN engine_task e ON e.id = a
        WHERE e.state IS DISTINCT FROM 10) RETURNING t.state"""
WAITED_FOR = "SELECT DISTINCT resources FROM engine_task WHERE state = 4"
FIRST_WAITING = "SELECT priority, due_ms, id, resources FROM engine_task WHERE state = 4 AND resources = %s::text[] " \
                "ORDER BY priority, due_ms, id LIMIT %s"
GIVE = "UPDATE engine_task SET state = 5, steps = steps || engine_now() || E' 5 -\\n' WHERE id = ANY(%s) AND state = 4"
USED = """SELECT r, count(*) FROM engine_task, unnest(resources) r WHERE resources <> '{}' AND state >= 5 AND state < 10
    GROUP BY r"""
FORGET = ("DELETE FROM engine_seen WHERE key IN (SELECT key FROM engine_seen WHERE at_ms < engine_now() - %s LIMIT 1000)",
          "DELETE FROM engine_outbox WHERE (task, position) IN (SELECT task, position FROM engine_outbox "
          "WHERE sent_ms > 0 AND sent_ms < engine_now() - %s LIMIT 1000)")

REVIEW = """UPDATE engine_task SET state = 15, orphaned = false, ended_ms = engine_now(),
    steps = steps || engine_now() || E' 15 - was running when the system ended\\n'
    WHERE state < 6 AND orphaned AND queue = ANY(%s) RETURNING order_key"""
PURGE = """WITH gone AS (DELETE FROM engine_task WHERE state < 6 AND queue = ANY(%s) RETURNING queue, order_key)
    SELECT queue, count(*), array_agg(DISTINCT order_key) FROM gone GROUP BY queue"""
AUDIT = "INSERT INTO engine_audit (call, at_ms, who, what, detail) VALUES (%s, engine_now(), %s, %s, %s)"
AUDITED = "SELECT detail FROM engine_audit WHERE call = %s"


class Release(Members):
    """In the name of a term, checked inside the transaction."""

    def release(self, primary: Grant) -> int:
        def work(connection: Connection) -> int:
            with connection.transaction():
                hold(connection, primary, PRIMARY, "role.R")
                rows(connection, "SELECT pg_advisory_xact_lock(%s)", [RELEASING])
                for query in FORGET:
                    connection.execute(query, [rules.KEYS_KEPT_MS])
                while cancelled := rows(connection, CANCEL_CHAIN):
                    step_forward(connection, (row[0] for row in cancelled))
                met = [row[0] for row in rows(connection, MEET)]
                return met.count(5) + give_resources(connection)

        return self._db.call(work)

    def set_capacity(self, resource: str, capacity: int) -> None:
        if capacity < 0:
            raise EngineError(f"capacity {capacity} of {resource!r} is negative", hint="0 lets nothing run")
        query = "INSERT INTO engine_capacity VALUES (%s, %s) ON CONFLICT (resource) DO UPDATE SET capacity = excluded.capacity"
        self._db.call(lambda connection: connection.execute(query, [resource, capacity]))

    def capacities(self) -> dict[str, tuple[int, int]]:
        def work(connection: Connection) -> dict[str, tuple[int, int]]:
            with connection.transaction():
                return capacities(connection)

        return self._db.call(work)

    def purge(self, primary: Grant, queues: Iterable[str]) -> Mapping[str, int]:
        names = list(dict.fromkeys(queues))
        unknown = [name for name in names if name not in QUEUES]
        if unknown:
            raise EngineError(f"no queue `{unknown[0]}`", hint=f"there are {', '.join(QUEUES)}")
        self.keep(primary)
        for member, why in self.overdue():
            self.bury(member.incarnation, why)
        call = self._db.number()
        counts = self._db.call(lambda connection: purge(connection, primary, names, call), lambda connection: purged(connection, call))
        return {name: counts.get(name, 0) for name in names}

    def audit(self, who: str, what: str, detail: msgspec.Raw | dict[str, object]) -> None:
        call, text = self._db.number(), rules.encode(detail)
        self._db.call(lambda connection: bool(connection.execute(AUDIT, [call, who, what, text])),
                      lambda connection: bool(rows(connection, AUDITED, [call])) or None)

    # -- schedules
    def put_schedule(self, schedule: Schedule) -> None:
        rules.encoded_args(schedule.request, 0)
        query = """INSERT INTO engine_schedule VALUES (%s, %s, %s)
            ON CONFLICT (name) DO UPDATE SET plan = excluded.plan, next_ms = excluded.next_ms"""
        self._db.call(lambda connection: connection.execute(query, [schedule.name, rules.encode(schedule), schedule.next_ms]))

    def drop_schedule(self, name: str) -> bool:
        query = "DELETE FROM engine_schedule WHERE name = %s RETURNING 1"
        gone = "SELECT 1 FROM engine_schedule WHERE name = %s"
        return self._db.call(lambda connection: bool(rows(connection, query, [name])),
                             lambda connection: not rows(connection, gone, [name]) or None)

    def schedules(self) -> list[Schedule]:
        found = self._db.call(lambda connection: rows(connection, "SELECT plan, next_ms FROM engine_schedule ORDER BY name"))
        return [msgspec.structs.replace(msgspec.json.decode(plan, type=Schedule), next_ms=next_ms) for plan, next_ms in found]

    def fire(self, primary: Grant, schedule: Schedule, instants: Sequence[int], next_ms: int) -> list[int]:
        requests = [msgspec.structs.replace(schedule.request, key=f"{schedule.name}@{instant}") for instant in instants]

        def work(connection: Connection) -> list[int]:
            with connection.transaction():
                hold(connection, primary, PRIMARY)
                moved = "UPDATE engine_schedule SET next_ms = %s WHERE name = %s RETURNING 1"
                if one(connection, moved, [next_ms, schedule.name]) is None:
                    return []
                return put_within(connection, requests, "schedule")

        return self._db.call(work)  # its keys make doing it again harmless


def capacities(connection: Connection) -> dict[str, tuple[int, int]]:
    used = Counter({name: int(count) for name, count in rows(connection, USED)})
    found = rows(connection, "SELECT resource, capacity FROM engine_capacity ORDER BY resource")
    known: dict[str, int] = {name: capacity for name, capacity in found}  # noqa: C416  (rows are typed as Any)
    return {name: (known.get(name, rules.UNLISTED_CAPACITY), used[name]) for name in [*known, *sorted(set(used) - set(known))]}


def give_resources(connection: Connection) -> int:
    """In the order of claims over all that wait; one that lacks a resource holds up only those that want the same."""
    free = {name: capacity - used for name, (capacity, used) in capacities(connection).items()}
    waiting: list[TupleRow] = []
    for (wanted,) in rows(connection, WAITED_FOR):
        most = min(free.get(name, rules.UNLISTED_CAPACITY) for name in wanted)
        waiting += rows(connection, FIRST_WAITING, [wanted, max(0, most)])
    given = [row[2] for row in sorted(waiting) if reserve(free, row[3])]
    if given:
        connection.execute(GIVE, [given])
    return len(given)


def reserve(free: dict[str, int], wanted: Sequence[str]) -> bool:
    """Take one of each if all are there."""
    if any(free.get(name, rules.UNLISTED_CAPACITY) < 1 for name in wanted):
        return False
    for name in wanted:
        free[name] = free.get(name, rules.UNLISTED_CAPACITY) - 1
    return True


def purge(connection: Connection, primary: Grant, names: list[str], call: int) -> dict[str, int]:
    with connection.patient(), connection.transaction():
        hold(connection, primary, PRIMARY)
        keys = {row[0] for row in rows(connection, REVIEW, [names])}
        gone = rows(connection, PURGE, [names])
        step_forward(connection, keys.union(*(row[2] for row in gone)))
        counts = {row[0]: int(row[1]) for row in gone}
        connection.execute(AUDIT, [call, "primary", "purge", rules.encode(counts)])
    return counts


def purged(connection: Connection, call: int) -> dict[str, int] | None:
    row = one(connection, AUDITED, [call])
    return msgspec.json.decode(row[0], type=dict[str, int]) if row is not None else None
