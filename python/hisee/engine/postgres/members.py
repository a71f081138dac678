"""Members and terms on PostgreSQL: numbers, leases by the server's clock, burial, epochs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import errors
from psycopg.rows import TupleRow

from hisee.engine import proof, rules
from hisee.engine import succession as record
from hisee.engine.coordinator import (
    ACTIVE,
    FOLLOWING,
    NO_LEASE,
    PRIMARY,
    Buried,
    Candidate,
    EngineError,
    Grant,
    LostGrant,
    LostMember,
    Member,
    NoNumber,
    Succession,
    TermRow,
)
from hisee.engine.postgres.database import Connection, Database, one, rows
from hisee.engine.postgres.requests import step_forward
from hisee.engine.proof import ENDED, OVER
from hisee.schema.timers import BY_NAME as TIMERS

STOPPED, SERVER, MS = "stop", "KNL", 1_000_000
RENEW_MS = TIMERS["lease_renew"].ms
NUMBERING = 0x6E756D  # advisory lock of joins
COLUMNS = ("incarnation", "kind", "number", "name", "node", "host", "pid", "birth", "port", "mode", "joined_ms", "ended_ms", "ended")
LISTED = ", ".join(COLUMNS)

JOIN = f"""INSERT INTO engine_member ({LISTED}, place)
    VALUES (%(incarnation)s, %(kind)s, %(number)s, %(name)s, %(node)s, %(host)s, %(pid)s, %(birth)s, %(port)s, %(mode)s,
        engine_now(), 0, '', %(place)s)
    RETURNING {LISTED}"""
# set_config: a beat needs no flush. After a crash of the server everybody beats anew.
BEAT = """UPDATE engine_member SET beat = clock_timestamp() FROM (SELECT set_config('synchronous_commit', %s, true)) s
    WHERE incarnation = %s AND ended_ms = 0 RETURNING 1"""
LIVING = f"""SELECT {LISTED}, place, beat::text, clock_timestamp() - beat > make_interval(secs => %s) FROM engine_member
    WHERE ended_ms = 0 ORDER BY kind, number"""
# A claim, a take and an assignment hold the member's row FOR KEY SHARE: beats do not mind, a burial waits for them.
LOCK_MEMBER = "SELECT name FROM engine_member WHERE incarnation = %s AND ended_ms = 0 FOR KEY SHARE"
BURY_MEMBER = "SELECT name FROM engine_member WHERE incarnation = %s AND ended_ms = 0 FOR UPDATE"
SILENT = "SELECT 1 FROM engine_member WHERE incarnation = %s AND clock_timestamp() - beat > make_interval(secs => %s)"
END_MEMBER = "UPDATE engine_member SET ended_ms = engine_now(), ended = %s WHERE incarnation = %s"
FREE_TERMS = "UPDATE engine_term SET holder = 0 WHERE holder = %s RETURNING term"
# What it only watched was not harmed by its death: no attempt counts, and none was the last.
WATCHED = f"(split_part(func, '.', 1) IN ({', '.join(repr(kind) for kind in rules.ELSEWHERE)}))"
LAST = f"attempt >= max_attempts AND NOT {WATCHED}"
BURY_TASKS = f"""UPDATE engine_task SET owner = 0, owner_name = '', orphaned = NOT ({LAST}), attempt = attempt - {WATCHED}::int,
    state = CASE WHEN {LAST} THEN 14 WHEN due_ms > engine_now() THEN 2 ELSE 5 END,
    status = CASE WHEN {LAST} THEN 'not ok' ELSE '' END,
    ended_ms = CASE WHEN {LAST} THEN engine_now() ELSE 0 END,
    text = CASE WHEN {LAST}
        THEN 'attempt ' || attempt || ' of ' || max_attempts || ' ended with its work process: ' || %(why)s::text ELSE text END,
    steps = steps || engine_now() || CASE WHEN {LAST} THEN ' 14 ' WHEN due_ms > engine_now() THEN ' 2 ' ELSE ' 5 ' END
        || owner_name || ' ' || %(why)s::text || E'\\n'
    WHERE owner = %(owner)s AND state BETWEEN 6 AND 9 RETURNING CASE WHEN state = 14 THEN order_key ELSE '' END"""
LEAVE_TASKS = """UPDATE engine_task SET owner = 0, owner_name = '', attempt = attempt - 1,
    state = CASE WHEN due_ms > engine_now() THEN 2 ELSE 5 END,
    steps = steps || engine_now() || CASE WHEN due_ms > engine_now() THEN ' 2 ' ELSE ' 5 ' END
        || owner_name || E' its work process ended in order\\n'
    WHERE owner = %(owner)s AND state BETWEEN 6 AND 9 RETURNING ''"""

TAKE = """INSERT INTO engine_term AS t (term, holder, epoch) VALUES (%s, %s, 1)
    ON CONFLICT (term) DO UPDATE SET holder = excluded.holder, epoch = t.epoch + 1 WHERE t.holder = 0 RETURNING epoch"""
ASSIGN = """INSERT INTO engine_term AS t (term, holder, epoch) VALUES (%s, %s, 1)
    ON CONFLICT (term) DO UPDATE SET holder = excluded.holder, epoch = t.epoch + 1 RETURNING epoch"""
# The computer of a member works: there is no such term, or its holder is of that computer. A claim, a take and an assignment hold the
# row FOR SHARE, before every other term: whoever moves it waits for them, and none of them is committed afterwards.
HOLD_ACTIVE = f"SELECT holder FROM engine_term WHERE term = '{ACTIVE}' FOR SHARE"
IS_ACTIVE = """(NOT EXISTS (SELECT 1 FROM {active})
    OR EXISTS (SELECT 1 FROM {active} a JOIN engine_member h ON h.incarnation = a.holder JOIN engine_member m ON m.node = h.node
        WHERE m.incarnation = %(me)s))"""
ACTIVE_NOW = f"WITH active AS MATERIALIZED ({HOLD_ACTIVE}) SELECT 1 WHERE {IS_ACTIVE.format(active='active')}"
FREE_FOLLOWING = """UPDATE engine_term t SET holder = 0 FROM engine_member m
    WHERE t.term = %s AND m.incarnation = t.holder AND m.node <> %s"""
HELD = "SELECT 1 FROM engine_term WHERE term = %s AND holder = %s AND epoch = %s"
FREE = "SELECT 1 FROM engine_term WHERE term = %s AND holder <> 0 FOR UPDATE"
DROP = "UPDATE engine_term SET holder = 0 WHERE term = %s AND holder = %s AND epoch = %s RETURNING 1"
SUCCESSION = "SELECT engine_now(), (SELECT value FROM engine_fact WHERE key = %s)"
KEEP_SUCCESSION = "INSERT INTO engine_fact VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
TERMS = """SELECT t.term, t.holder, coalesce(m.name, ''), t.epoch
    FROM engine_term t LEFT JOIN engine_member m ON m.incarnation = t.holder ORDER BY t.term"""


def place() -> str:
    """Where a pid means something: this run of this kernel, this pid namespace."""
    return f"{proof.boot_id()}/{os.stat('/proc/self/ns/pid').st_ino}"


def member_of(row: TupleRow) -> Member:
    facts: dict[str, Any] = dict(zip(COLUMNS, row, strict=False))
    return Member(**facts)


class Members:
    """Who takes part, and who holds which term."""

    _db: Database
    _lease_ms: int
    _beats: dict[int, tuple[str, int]]  # of servers: incarnation -> its last beat, and since when this process has seen it
    FREE_FOLLOWING = FREE_FOLLOWING

    def join(self, candidate: Candidate) -> Member:
        for member, why in self.overdue():
            if member.kind == candidate.kind and why == ENDED:
                self.bury(member.incarnation, why)
        occupied: dict[int, bool] = {}  # a port is asked for once, also when the transaction has to run again

        def occupy(port: int) -> bool:
            if port not in occupied:
                occupied[port] = candidate.occupy(port)
            return occupied[port]

        def work(connection: Connection) -> Member:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [NUMBERING])
                return self._insert_member(connection, candidate, occupy)

        return self._db.call(work, lambda connection: self._member(connection, candidate.incarnation))

    def _insert_member(self, connection: Connection, candidate: Candidate, occupy: Any) -> Member:
        used = {row[0] for row in rows(connection, "SELECT number FROM engine_member WHERE kind = %s AND ended_ms = 0", [candidate.kind])}
        number = free_number(candidate, used, occupy)
        connection.execute("DELETE FROM engine_member WHERE kind = %s AND number = %s", [candidate.kind, number])
        facts = {"incarnation": candidate.incarnation, "kind": candidate.kind, "number": number,
                 "name": f"{candidate.kind}{number:03d}", "node": candidate.node,
                 "host": candidate.host, "pid": candidate.pid, "birth": candidate.birth, "mode": candidate.kind, "place": place(),
                 "port": candidate.ports[number - 1] if candidate.ports else 0}
        row = one(connection, JOIN, facts)
        assert row is not None
        return member_of(row)

    @staticmethod
    def _member(connection: Connection, incarnation: int) -> Member | None:
        row = one(connection, f"SELECT {LISTED} FROM engine_member WHERE incarnation = %s", [incarnation])
        return member_of(row) if row is not None else None

    def leave(self, member: Member) -> None:
        self._end(member.incarnation, STOPPED, LEAVE_TASKS)

    def beat(self, member: Member, *, replicated: bool = False) -> None:
        durable = "on" if replicated else "off"
        if not self._db.call(lambda connection: rows(connection, BEAT, [durable, member.incarnation])):
            raise lost_member(member)

    def members(self) -> list[Member]:
        query = f"SELECT {LISTED} FROM engine_member ORDER BY kind, number"
        return [member_of(row) for row in self._db.call(lambda connection: rows(connection, query))]

    def overdue(self) -> list[tuple[Member, str]]:
        here, lease = place(), self._lease_ms / 1000
        found = self._db.call(lambda connection: rows(connection, LIVING, [lease]))
        # Who has just found back to the database gives the others a lease to find back as well.
        silent = not self._db.returned_within(self._lease_ms * MS)
        out = []
        for row in found:
            member, where, beat, over = member_of(row), *row[-3:]
            if where == here and not proof.lives(member.pid, member.birth):
                out.append((member, ENDED))
            elif member.kind not in NO_LEASE and ((over and silent) or self._unchanged(member, beat)):
                out.append((member, OVER))
        self._beats = {row[0]: self._beats[row[0]] for row in found if row[0] in self._beats}
        return out

    def _unchanged(self, member: Member, beat: str) -> bool:
        """A server whose last beat has been the same for a lease by the clock of this process: a database that was away meanwhile has
        had none of it, because a hot server's beats are replicated before they count, and no other clock is asked."""
        now_ns = self._db.now_ns()
        seen, since_ns = self._beats.get(member.incarnation, ("", 0))
        if member.kind == SERVER and seen != beat:
            self._beats[member.incarnation] = beat, now_ns
        return seen == beat and now_ns - since_ns > self._lease_ms * MS and not self._db.returned_within(RENEW_MS * MS)

    def bury(self, incarnation: int, proof: str, *, still_over: bool = False) -> Buried:
        return self._end(incarnation, proof, BURY_TASKS, least_s=self._lease_ms / 1000 if still_over and proof == OVER else 0.0)

    def _end(self, incarnation: int, why: str, free_tasks: str, least_s: float = 0.0) -> Buried:
        """least_s: only when its last beat is older than this, as seen with its row locked."""
        def work(connection: Connection) -> Buried:
            with connection.transaction():
                if one(connection, BURY_MEMBER, [incarnation]) is None:
                    return Buried(0, ())
                if least_s and one(connection, SILENT, [incarnation, least_s]) is None:
                    return Buried(0, ())
                connection.execute(END_MEMBER, [why, incarnation])
                terms = sorted(row[0] for row in rows(connection, FREE_TERMS, [incarnation]))
                tasks = rows(connection, free_tasks, {"owner": incarnation, "why": why.replace("\n", " ")})
                step_forward(connection, (row[0] for row in tasks))
                return Buried(len(tasks), tuple(terms))

        return self._db.call(work)

    def set_mode(self, member: Member, mode: str) -> Member:
        query = "UPDATE engine_member SET mode = %s WHERE incarnation = %s AND ended_ms = 0 RETURNING 1"
        if not self._db.call(lambda connection: rows(connection, query, [mode, member.incarnation])):
            raise lost_member(member)
        return msgspec.structs.replace(member, mode=mode)

    # -- terms
    def take(self, term: str, member: Member) -> Grant | None:
        def work(connection: Connection) -> tuple[Grant | None]:
            with connection.transaction():
                if term in FOLLOWING and not is_active(connection, member):
                    return (None,)
                lock_member(connection, member)
                row = one(connection, TAKE, [term, member.incarnation])
                return (Grant(term, member.incarnation, row[0]) if row is not None else None,)

        return self._db.call(work, lambda connection: self._taken(connection, term, member.incarnation))[0]

    @staticmethod
    def _taken(connection: Connection, term: str, incarnation: int) -> tuple[Grant | None] | None:
        row = one(connection, "SELECT epoch FROM engine_term WHERE term = %s AND holder = %s", [term, incarnation])
        return (Grant(term, incarnation, row[0]),) if row is not None else None

    def take_together(self, terms: Sequence[str], member: Member) -> tuple[Grant, ...] | None:
        def work(connection: Connection) -> tuple[tuple[Grant, ...] | None]:
            with connection.transaction():
                lock_member(connection, member)
                return (self._take_all(connection, terms, member),)

        return self._db.call(work, lambda connection: self._all_taken(connection, terms, member.incarnation))[0]

    def _take_all(self, connection: Connection, terms: Sequence[str], member: Member) -> tuple[Grant, ...] | None:
        if any(one(connection, FREE, [term]) for term in terms):
            return None
        kept, now_ms = kept_succession(connection, terms[0])
        if not record.may_take(kept, member, now_ms):
            return None
        epochs = [one(connection, TAKE, [term, member.incarnation]) for term in terms]
        if None in epochs:  # another one was quicker with the very first row of a term
            raise errors.SerializationFailure("a term was taken meanwhile")
        for term in FOLLOWING if ACTIVE in terms else ():
            connection.execute(self.FREE_FOLLOWING, [term, member.node])
        grants = tuple(Grant(term, member.incarnation, row[0]) for term, row in zip(terms, epochs, strict=True) if row is not None)
        connection.execute(KEEP_SUCCESSION, [record.key(terms[0]), record.text_of(record.taken(grants[0], member))])
        return grants

    def _all_taken(self, connection: Connection, terms: Sequence[str], incarnation: int) -> tuple[tuple[Grant, ...] | None] | None:
        found = [grant for term in terms if (row := self._taken(connection, term, incarnation)) is not None and (grant := row[0])]
        return (tuple(found),) if len(found) == len(terms) else None

    def hand_over(self, grants: Sequence[Grant], heir: str, within_ms: int) -> None:
        def work(connection: Connection) -> bool:
            with connection.transaction():
                for grant in grants:
                    if one(connection, DROP, list(grant)) is None:
                        raise lost_grant(grant)
                kept, now_ms = kept_succession(connection, grants[0].term)
                text = record.text_of(record.named(kept, heir, now_ms + within_ms))
                connection.execute(KEEP_SUCCESSION, [record.key(grants[0].term), text])
            return True

        def settled(connection: Connection) -> bool | None:
            """Dropped, and by nobody else: the record names the heir of this very epoch."""
            kept, _ = kept_succession(connection, grants[0].term)
            return (kept.epoch == grants[0].epoch and kept.heir == heir) or kept.epoch > grants[0].epoch or None

        self._db.call(work, settled)

    def succession(self, term: str) -> Succession:
        return self._db.call(lambda connection: record.told(*kept_succession(connection, term)))

    def assign(self, primary: Grant, term: str, holder: Member) -> Grant:
        def work(connection: Connection) -> Grant:
            with connection.transaction():
                active = is_active(connection, holder)
                hold(connection, primary, PRIMARY)
                lock_member(connection, holder)
                if not active:
                    raise rules.not_active(holder)
                row = one(connection, ASSIGN, [term, holder.incarnation])
                assert row is not None
                return Grant(term, holder.incarnation, row[0])

        return self._db.call(work)

    def keep(self, grant: Grant) -> None:
        if not self._db.call(lambda connection: rows(connection, HELD, list(grant))):
            raise lost_grant(grant)

    def drop(self, grant: Grant) -> None:
        query = "UPDATE engine_term SET holder = 0 WHERE term = %s AND holder = %s AND epoch = %s"
        self._db.call(lambda connection: connection.execute(query, list(grant)))

    def expect(self, term: str) -> None:
        query = "INSERT INTO engine_term (term, holder, epoch) VALUES (%s, 0, 0) ON CONFLICT (term) DO NOTHING"
        self._db.call(lambda connection: connection.execute(query, [term]))

    def forget(self, term: str) -> bool:
        query = "DELETE FROM engine_term WHERE term = %s AND holder = 0 RETURNING 1"
        return bool(self._db.call(lambda connection: rows(connection, query, [term])))

    def terms(self) -> dict[str, TermRow]:
        return {row[0]: TermRow(*row) for row in self._db.call(lambda connection: rows(connection, TERMS))}


def free_number(candidate: Candidate, used: set[int], occupy: Any) -> int:
    """The lowest number that nobody has and whose port can be had."""
    last = len(candidate.ports) or len(used) + 1
    for number in range(1, last + 1):
        if number not in used and (not candidate.ports or occupy(candidate.ports[number - 1])):
            return number
    raise NoNumber(f"no number is free for a process of kind {candidate.kind}",
                   hint=f"its list of ports has {len(candidate.ports)} entries, all used or occupied")


def lock_member(connection: Connection, member: Member) -> str:
    """Name of the member, who stays one until the transaction ends; LostMember when it is none."""
    row = one(connection, LOCK_MEMBER, [member.incarnation])
    if row is None:
        raise lost_member(member)
    return str(row[0])


def is_active(connection: Connection, member: Member) -> bool:
    """The computer of this member works, and does until the transaction ends."""
    return one(connection, ACTIVE_NOW, {"me": member.incarnation}) is not None


def hold(connection: Connection, grant: Grant, *terms: str) -> None:
    """The grant stays in force until the transaction ends; LostGrant when it is not, or is for none of `terms`."""
    if grant.term not in terms:
        raise LostGrant(f"this needs the term {' or '.join(terms)}, not {grant.term}")
    if one(connection, f"{HELD} FOR SHARE", list(grant)) is None:
        raise lost_grant(grant)


def kept_succession(connection: Connection, term: str) -> tuple[record.Kept, int]:
    """With the engine's clock in milliseconds."""
    row = one(connection, SUCCESSION, [record.key(term)])
    assert row is not None
    return record.kept_of(row[1]), int(row[0])


def lost_member(member: Member) -> EngineError:
    return LostMember(f"{member.name} is no member any more", hint="the process has to end and start anew")


def lost_grant(grant: Grant) -> EngineError:
    return LostGrant(f"the term {grant.term} has another holder or a newer epoch than {grant.epoch}")
