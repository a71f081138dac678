"""Ends of tasks on PostgreSQL: state, effects, outbox rows and follow-ups of a whole batch in one commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hisee.engine import rules
from hisee.engine.coordinator import Add, Claim, Outcome, Send, Write
from hisee.engine.postgres.claims import MINE
from hisee.engine.postgres.database import Connection, Database, as_json, rows
from hisee.engine.postgres.requests import put_within, step_forward
from hisee.schema.task_states import TaskStateId as S

Ends = Sequence[tuple[Claim, Outcome]]

END = """UPDATE engine_task t SET state = o.state, status = CASE WHEN o.state < 10 THEN '' ELSE e.status END, settled = e.token,
    owner = 0, owner_name = '', result = e.result, text = e.text, generated = coalesce(nullif(e.generated, ''), t.generated),
    due_ms = CASE WHEN o.state < 10 THEN o.due ELSE t.due_ms END, ended_ms = CASE WHEN o.state < 10 THEN 0 ELSE o.now END,
    steps = t.steps || e.steps || o.now || ' ' || o.state || ' ' || t.owner_name
        || CASE WHEN o.state < 10 THEN ' ' || left(translate(e.text, E'\\n', ' '), 200) ELSE '' END || E'\\n'
    FROM json_to_recordset(%s) AS e (id bigint, token bigint, state int, status text, result text, text text, generated text, steps text,
            wait bigint),
        LATERAL (SELECT engine_now() AS now, engine_now() + e.wait AS due,
            CASE WHEN e.state <> 5 THEN e.state WHEN e.wait > 0 THEN 2 ELSE 5 END AS state) o
    WHERE {mine} RETURNING t.id, t.token"""
SETTLED = "SELECT e.id, e.token FROM unnest(%s::bigint[], %s::bigint[]) e (id, token) " \
          "JOIN engine_task t ON t.id = e.id AND t.settled = e.token"
# A number may be added to a number; anything else counts as 0. Rows in the order of their keys, so that two ends never deadlock.
ADD = """INSERT INTO engine_fact AS f (key, value) SELECT key, value FROM json_to_recordset(%s) AS e (key text, value text) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET value = CASE WHEN f.value ~ '^-?[0-9]' THEN f.value::numeric ELSE 0 END + excluded.value::numeric"""
WRITE = """INSERT INTO engine_fact (key, value) SELECT key, value FROM json_to_recordset(%s) AS e (key text, value text) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET value = excluded.value"""
DELETE = "DELETE FROM engine_fact WHERE key = ANY(%s)"
SEND = """INSERT INTO engine_outbox (task, position, target, payload) SELECT *
    FROM json_to_recordset(%s) AS e (task bigint, position int, target text, payload text)
    ON CONFLICT DO NOTHING"""


class Finishing:
    """finish, split so that each half can be looked at alone."""

    _db: Database
    MINE = MINE

    def finish(self, ends: Ends) -> list[bool]:
        if not ends:
            return []
        firsts = {(claim.id, claim.token): n for n, (claim, _) in reversed(list(enumerate(ends)))}  # a claim ends once
        done = self._db.call(lambda connection: self._finish(connection, ends), lambda connection: settled(connection, ends))
        return [(claim.id, claim.token) in done and firsts[claim.id, claim.token] == n for n, (claim, _) in enumerate(ends)]

    def _finish(self, connection: Connection, ends: Ends) -> set[tuple[int, int]]:
        with connection.transaction():
            done = self._close(connection, ends)
            self._apply(connection, ends, done)
        return done

    def _close(self, connection: Connection, ends: Ends) -> set[tuple[int, int]]:
        """Ends the tasks that are still in the hands which the claims name: (id, token) of those."""
        table = as_json([end_columns(*end) for end in firsts_of(ends)])
        return {(task, token) for task, token in rows(connection, END.format(mine=self.MINE), [table])}

    def _apply(self, connection: Connection, ends: Ends, done: set[tuple[int, int]]) -> None:
        """What they leave behind. An attempt that is repeated leaves nothing."""
        kept = [end for end in firsts_of(ends) if (end[0].id, end[0].token) in done and not repeats(*end)]
        self._facts(connection, kept)
        sends = [{"task": claim.id, "position": position, "target": effect.target, "payload": rules.encode(effect.payload)}
                 for claim, outcome in kept for position, effect in sent(outcome)]
        if sends:
            connection.execute(SEND, [as_json(sends)])
        step_forward(connection, (claim.order_key for claim, _ in kept))
        for claim, outcome in kept:
            put_within(connection, outcome.follow_ups, f"task-{claim.id}")

    def _facts(self, connection: Connection, ends: Ends) -> None:
        adds, writes = net_facts(ends)
        kept = {key: rules.encode(value) for key, value in writes.items() if value is not None}
        gone = sorted(writes.keys() - kept.keys())
        if gone:
            connection.execute(DELETE, [gone])
        if kept:
            connection.execute(WRITE, [as_json([{"key": key, "value": value} for key, value in kept.items()])])
        if adds:
            connection.execute(ADD, [as_json([{"key": key, "value": repr(delta)} for key, delta in adds.items()])])


def firsts_of(ends: Ends) -> Iterator[tuple[Claim, Outcome]]:
    """Every claim once."""
    seen = set()
    for claim, outcome in ends:
        if (claim.id, claim.token) not in seen:
            seen.add((claim.id, claim.token))
            yield claim, outcome


def repeats(claim: Claim, outcome: Outcome) -> bool:
    """There will be another attempt."""
    return outcome.retry and outcome.status == "not ok" and claim.attempt < claim.max_attempts


def end_state(claim: Claim, outcome: Outcome) -> int:
    if repeats(claim, outcome):
        return S.READY
    if outcome.retry and outcome.status == "not ok":
        return S.DEAD_LETTER
    return rules.END_STATES[outcome.status]


def end_columns(claim: Claim, outcome: Outcome) -> dict[str, Any]:
    return {"id": claim.id, "token": claim.token, "state": int(end_state(claim, outcome)), "status": outcome.status,
            "result": rules.encode(outcome.result), "text": outcome.text, "generated": outcome.generated,
            "steps": rules.own_lines(outcome.steps),
            "wait": rules.backoff_ms(claim.retry_s, claim.attempt) if repeats(claim, outcome) else 0}


def sent(outcome: Outcome) -> list[tuple[int, Send]]:
    """Effects outside the engine, each with its position: the first is 0."""
    return list(enumerate(effect for effect in outcome.effects if isinstance(effect, Send)))


def net_facts(ends: Ends) -> tuple[dict[str, int], dict[str, Any]]:
    """What a batch adds to facts and what it writes (None = deletes), in the order of the batch, reduced to one change per key."""
    adds: dict[str, int] = {}
    writes: dict[str, Any] = {}
    for effect in (effect for _, outcome in ends for effect in outcome.effects):
        if isinstance(effect, Write):
            writes[effect.key] = effect.value
            adds.pop(effect.key, None)
        elif isinstance(effect, Add):
            if effect.key in writes:
                before = writes[effect.key]
                writes[effect.key] = (before if isinstance(before, int | float) else 0) + effect.delta
            else:
                adds[effect.key] = adds.get(effect.key, 0) + effect.delta
    return adds, writes


def settled(connection: Connection, ends: Ends) -> set[tuple[int, int]] | None:
    """Which of them a lost commit ended; None = it was not committed. Read by id and token."""
    found = set(rows(connection, SETTLED, [[c.id for c, _ in ends], [c.token for c, _ in ends]]))
    return {(task, token) for task, token in found} or None
