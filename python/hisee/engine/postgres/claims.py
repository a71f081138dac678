"""Claims on PostgreSQL: taking, keeping, giving back, cancelling. One statement per queue, locked rows are passed over."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from psycopg.rows import TupleRow

from hisee.engine import rules
from hisee.engine.coordinator import ACTIVE, Claim, EngineError, Member, StaleClaim
from hisee.engine.postgres.database import Connection, Database, one, rows
from hisee.engine.postgres.members import HOLD_ACTIVE, IS_ACTIVE, LOCK_MEMBER, is_active, lost_member
from hisee.engine.postgres.requests import step_forward
from hisee.schema.queues import BY_NAME as QUEUES
from hisee.schema.task_states import ROWS as STATES
from hisee.schema.task_states import TaskStateId

# What a claim may find, read only: an idle poll writes nothing. Queues of a term count only for its holder.
LOOK = """WITH active AS (SELECT holder FROM engine_term WHERE term = '{term}')
    SELECT EXISTS (SELECT 1 FROM engine_member WHERE incarnation = %(me)s AND ended_ms = 0), {is_active},
    EXISTS (SELECT 1 FROM engine_task WHERE state = 2 AND due_ms <= engine_now()),
    ARRAY(SELECT q.queue FROM unnest(%(queues)s::text[], %(terms)s::text[]) WITH ORDINALITY q (queue, term, nth)
        WHERE (q.term = '' OR EXISTS (SELECT 1 FROM engine_term t WHERE t.term = q.term AND t.holder = %(me)s))
        AND EXISTS (SELECT 1 FROM engine_task k WHERE k.state = 5 AND NOT k.behind AND k.queue = q.queue) ORDER BY q.nth)"""
LOOK = LOOK.format(term=ACTIVE, is_active=IS_ACTIVE.format(active="active"))
# From waiting for their time to waiting for tasks before them, for resources, or ready.
WAKE = """WITH due AS MATERIALIZED (
        SELECT id FROM engine_task WHERE state = 2 AND due_ms <= engine_now() ORDER BY due_ms LIMIT 10000 FOR UPDATE SKIP LOCKED)
    UPDATE engine_task t SET state = o.state, steps = t.steps || engine_now() || ' ' || o.state || E' -\\n'
    FROM due JOIN engine_task b ON b.id = due.id, LATERAL (SELECT CASE
        WHEN EXISTS (SELECT 1 FROM unnest(b.after) a LEFT JOIN engine_task e ON e.id = a WHERE e.state IS DISTINCT FROM 10) THEN 3
        WHEN b.resources <> '{}' THEN 4 ELSE 5 END AS state) o
    WHERE t.id = due.id"""
HOLDS_TERM = "SELECT 1 FROM engine_term WHERE term = %s AND holder = %s FOR SHARE"
# The oldest living one of its key, and none of the key runs. Tasks that failed before come alone (nth = 1 of an empty hand).
CLAIM = """WITH active AS MATERIALIZED ({active}), me AS MATERIALIZED ({me}),
    c AS MATERIALIZED (SELECT t.id, t.priority, t.due_ms, t.attempt FROM engine_task t
        WHERE t.state = 5 AND NOT t.behind AND t.queue = %(queue)s AND {is_active}
        AND (t.order_key = '' OR NOT EXISTS (SELECT 1 FROM engine_task o
            WHERE o.order_key = t.order_key AND o.order_key <> '' AND o.state < 10 AND o.id <> t.id AND (o.id < t.id OR o.state > 5)))
        ORDER BY t.priority, t.due_ms, t.id LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED),
    p AS (SELECT id, row_number() OVER w AS nth, bool_or(attempt > 0) OVER w AS failed FROM c
        WINDOW w AS (ORDER BY priority, due_ms, id)),
    n AS MATERIALIZED (SELECT id, nth, nextval('engine_fence') AS token FROM (
        SELECT id, nth FROM p WHERE NOT failed OR (nth = 1 AND %(empty)s) ORDER BY nth) s)
    UPDATE engine_task t SET state = 6, owner = %(me)s, owner_name = me.name, token = n.token, attempt = t.attempt + 1, taken = %(call)s,
        orphaned = false, progress = NULL, progress_text = '', steps = t.steps || engine_now() || ' 6 ' || me.name || E'\\n'
    FROM n, me WHERE t.id = n.id RETURNING n.nth, {columns}"""
COLUMNS = """t.id, t.token, t.attempt, t.func, t.args, t.queue, t.priority, t.due_ms, t.order_key, t.created_ms, t.max_attempts, t.retry_s,
    t.timeout_s, t.resources, t.agent, t.parent, t.generated"""
TAKEN = f"SELECT 0, {COLUMNS} FROM engine_task t WHERE t.owner = %s AND t.taken = %s AND t.state BETWEEN 6 AND 9 ORDER BY t.token"

# Whose claim it is: rule 1. `e` are the claims presented, `t` the tasks.
MINE = "t.id = e.id AND t.token = e.token AND t.state BETWEEN 6 AND 9"
RENEW = "SELECT e.id, e.token FROM unnest(%s::bigint[], %s::bigint[]) e (id, token) JOIN engine_task t ON {mine}"
# set_config: steps, progress and tasks given back need no flush of their own, the next durable commit carries them.
SOON = "(SELECT set_config('synchronous_commit', 'off', true)) soon"
STEP = """UPDATE engine_task t SET state = %(state)s, generated = coalesce(%(generated)s, t.generated),
    steps = t.steps || engine_now() || ' ' || %(state)s || ' ' || t.owner_name || ' ' || %(note)s::text || E'\\n'
    FROM (SELECT %(id)s::bigint AS id, %(token)s::bigint AS token) e, {soon} WHERE {mine} RETURNING 1"""
PROGRESS = """UPDATE engine_task t SET progress = %(share)s, progress_text = %(text)s
    FROM (SELECT %(id)s::bigint AS id, %(token)s::bigint AS token) e, {soon} WHERE {mine} RETURNING 1"""
GIVE_BACK = """UPDATE engine_task t SET state = o.state, owner = 0, owner_name = '', attempt = t.attempt - 1, due_ms = o.due,
    steps = t.steps || engine_now() || ' ' || o.state || ' ' || t.owner_name || ' ' || %(why)s::text || E'\\n'
    FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) e (id, token) JOIN engine_task b ON b.id = e.id,
        LATERAL (SELECT CASE WHEN %(due)s > 0 THEN %(due)s ELSE b.due_ms END AS due) d,
        LATERAL (SELECT d.due, CASE WHEN d.due > engine_now() THEN 2 ELSE 5 END AS state) o, {soon} WHERE {mine} RETURNING 1"""
CANCEL = """UPDATE engine_task SET state = 12, status = 'cancelled', owner = 0, owner_name = '', orphaned = false, ended_ms = engine_now(),
    steps = steps || engine_now() || ' 12 ' || coalesce(nullif(owner_name, ''), '-') || E'\\n'
    WHERE id = %s AND state < 10 RETURNING order_key"""
CANCELLED = "SELECT 1 FROM engine_task WHERE id = %s AND state = 12"
RETRY = """UPDATE engine_task t SET state = o.state, attempt = 0, status = '', ended_ms = 0, due_ms = engine_now(), orphaned = false,
    steps = t.steps || engine_now() || ' ' || o.state || E' -\\n'
    FROM engine_task b, LATERAL (SELECT CASE
        WHEN EXISTS (SELECT 1 FROM unnest(b.after) a LEFT JOIN engine_task e ON e.id = a WHERE e.state IS DISTINCT FROM 10) THEN 3
        WHEN b.resources <> '{}' THEN 4 ELSE 5 END AS state) o
    WHERE t.id = %s AND b.id = t.id AND t.state = ANY(%s) RETURNING t.order_key"""

NUMBER_OF = {row.name: row.number for row in STATES}


def claim_of(row: TupleRow) -> Claim:
    _, task, token, attempt, func, args, queue, priority, due, order_key, created, most, retry_s, timeout_s, resources = row[:-3]
    agent, parent, form = row[-3:]
    return Claim(id=task, token=token, attempt=attempt, func=func, args=msgspec.json.decode(args), queue=queue, priority=priority,
                 due_ms=due, order_key=order_key, created_ms=created, max_attempts=most, retry_s=retry_s, timeout_s=timeout_s,
                 resources=resources, agent=agent, parent=parent, generated=form)


class Claims:
    """What a member has in its hands."""

    _db: Database
    MINE = MINE
    LOOK = LOOK
    CLAIM = CLAIM.format(active=HOLD_ACTIVE, is_active=IS_ACTIVE.format(active="active"), me=LOCK_MEMBER.replace("%s", "%(me)s"),
                         columns=COLUMNS)

    def claim(self, member: Member, queues: Sequence[str], limit: int) -> list[Claim]:
        listed = [name for name in queues if name in QUEUES]
        if not listed or limit < 1:
            return []
        call = self._db.number()
        return self._db.call(lambda connection: self._claim(connection, member, listed, limit, call),
                             lambda connection: self._claimed(connection, member, call))

    def _claim(self, connection: Connection, member: Member, queues: list[str], limit: int, call: int) -> list[Claim]:
        found = self._look(connection, member, queues)
        if len(found) < 2:
            return self._claim_one(connection, member, found[0], limit, True, call) if found else []
        claims: list[Claim] = []
        with connection.transaction():
            for queue in found:
                if len(claims) < limit and not (claims and claims[-1].attempt > 1):
                    claims += self._claim_one(connection, member, queue, limit - len(claims), not claims, call)
        return claims

    def _look(self, connection: Connection, member: Member, queues: list[str]) -> list[str]:
        """Queues in which there is something to take."""
        facts = {"me": member.incarnation, "queues": queues, "terms": [QUEUES[name].term for name in queues]}
        living, active, due, ready = one(connection, self.LOOK, facts) or (False, False, False, [])
        if not living:
            raise lost_member(member)
        if due and active:
            connection.execute(WAKE, prepare=True)
            _, active, _, ready = one(connection, self.LOOK, facts) or (False, False, False, [])
        return list(ready) if active else []

    def _claim_one(self, connection: Connection, member: Member, queue: str, limit: int, empty: bool, call: int) -> list[Claim]:
        term = QUEUES[queue].term
        facts = {"me": member.incarnation, "queue": queue, "limit": limit, "empty": empty, "call": call}
        if not term:
            return claims_of(rows(connection, self.CLAIM, facts))
        with connection.transaction():  # the term stays with its holder until the claim is committed
            if not is_active(connection, member):  # before the other term, as whoever moves both does
                return []
            if one(connection, HOLDS_TERM, [term, member.incarnation]) is None:
                return []
            return claims_of(rows(connection, self.CLAIM, facts))

    @staticmethod
    def _claimed(connection: Connection, member: Member, call: int) -> list[Claim] | None:
        """What a claim took whose commit was lost from sight."""
        return [claim_of(row) for row in rows(connection, TAKEN, [member.incarnation, call])] or None

    def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        if not claims:
            return []
        query = RENEW.format(mine=self.MINE)
        mine = set(self._db.call(lambda connection: rows(connection, query, [[c.id for c in claims], [c.token for c in claims]])))
        return [claim for claim in claims if (claim.id, claim.token) in mine]

    def step(self, claim: Claim, state: str, note: str = "", *, generated: str | None = None) -> None:
        if state not in rules.STEP_STATES:
            raise EngineError(f"{state!r} is no state that a running task passes into", hint=f"those are: {', '.join(rules.STEP_STATES)}")
        self._change(claim, STEP, {"state": NUMBER_OF[state], "generated": generated, "note": note.replace("\n", " ")})

    def progress(self, claim: Claim, share: float | None, text: str) -> None:
        self._change(claim, PROGRESS, {"share": share, "text": text})

    def _change(self, claim: Claim, query: str, facts: dict[str, object]) -> None:
        query = query.format(mine=self.MINE, soon=SOON)
        if not self._db.call(lambda connection: rows(connection, query, facts | {"id": claim.id, "token": claim.token})):
            raise StaleClaim(f"task {claim.id} is not this process's any more")

    def give_back(self, claims: Sequence[Claim], why: str, due_ms: int = 0) -> None:
        if claims:
            facts = {"ids": [c.id for c in claims], "tokens": [c.token for c in claims], "why": why.replace("\n", " "), "due": due_ms}
            self._db.call(lambda connection: rows(connection, GIVE_BACK.format(mine=self.MINE, soon=SOON), facts))

    def cancel(self, task: int) -> bool:
        return self._db.call(lambda connection: self._moved(connection, CANCEL, [task]),
                             lambda connection: bool(rows(connection, CANCELLED, [task])) or None)

    def retry(self, task: int) -> bool:
        states = [int(state) for state in rules.RETRIED_STATES]
        return self._db.call(lambda connection: self._moved(connection, RETRY, [task, states]),
                             lambda connection: self._retried(connection, task))

    @staticmethod
    def _moved(connection: Connection, query: str, values: list[object]) -> bool:
        """Ends or revives a task, and whose turn it is then in the line of its key."""
        with connection.transaction():
            row = one(connection, query, values)
            step_forward(connection, row or ())
        return row is not None

    @staticmethod
    def _retried(connection: Connection, task: int) -> bool | None:
        row = one(connection, "SELECT state FROM engine_task WHERE id = %s", [task])
        return True if row is not None and row[0] < TaskStateId.ENDED_OK else None


def claims_of(found: list[TupleRow]) -> list[Claim]:
    """In the order in which they were taken."""
    return [claim_of(row) for row in sorted(found, key=lambda row: row[0])]
