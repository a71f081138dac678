"""Members and terms: who is there, with which number, and who holds what. Leases stand in the beats file, everything else is a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from hisee.engine import proof, rules
from hisee.engine import succession as record
from hisee.engine.coordinator import (
    ACTIVE,
    FOLLOWING,
    NO_LEASE,
    PRIMARY,
    Buried,
    Candidate,
    Grant,
    LostGrant,
    LostMember,
    Member,
    NoNumber,
    Succession,
    TermRow,
)
from hisee.engine.sqlite.base import DIED, WAITING, Base, waiting
from hisee.engine.sqlite.beats import SLOTS
from hisee.schema.task_states import TaskStateId

COLUMNS = "number, kind, name, node, host, pid, birth, incarnation, port, mode, joined_ms, ended_ms, ended"
LIVING = "ended_ms = 0"
# Work processes of other computers than the active one hold them no more.
FREE_FOLLOWING = f"""UPDATE engine_term SET holder = 0 WHERE term IN ({", ".join("?" * len(FOLLOWING))})
    AND holder IN (SELECT incarnation FROM engine_member WHERE node <> ?)"""
EPOCH_LEAP = 1_000  # more changes of hands than ever wait for one sync


def _member(row: tuple[object, ...]) -> Member:
    return Member(**dict(zip(COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]


class Members(Base):
    """Joining, leaving, beating, burying."""

    lease_ns: int
    _slots: dict[int, int]
    _living: proof.Living
    _members_seen: tuple[int, int, int]
    _those: list[Member]

    def join(self, candidate: Candidate) -> Member:
        with self.store.write() as db:
            for member, why in self._overdue(db):
                self._bury(db, member.incarnation, why)
            self._clear_slots(db)
            _pass_boot(db)
            number, port = self._number(db, candidate)
            member, slot = self._enter(db, candidate, number, port), self._free_slot(db)
            db.execute("DELETE FROM engine_member WHERE kind = ? AND number = ?", (member.kind, member.number))
            facts = (*(getattr(member, column) for column in COLUMNS.split(", ")), slot)
            db.execute(f"INSERT INTO engine_member ({COLUMNS}, slot) VALUES ({', '.join('?' * len(facts))})", facts)
            # Before the commit: whoever sees the row finds the lease running.
            self.store.beats.occupy(slot, member.incarnation, member.pid, member.birth)
        self._slots[member.incarnation] = slot
        return member

    def _enter(self, db: sqlite3.Connection, candidate: Candidate, number: int, port: int) -> Member:
        return Member(number=number, kind=candidate.kind, name=f"{candidate.kind}{number:03d}", node=candidate.node, host=candidate.host,
                      pid=candidate.pid, birth=candidate.birth, incarnation=candidate.incarnation, port=port, mode=candidate.kind,
                      joined_ms=self.clock.now_ms())

    def _number(self, db: sqlite3.Connection, candidate: Candidate) -> tuple[int, int]:
        """Lowest number that no member of the kind has and whose port is free."""
        taken = {n for (n,) in db.execute(f"SELECT number FROM engine_member WHERE kind = ? AND {LIVING}", (candidate.kind,))}
        if not candidate.ports:
            return next(n for n in range(1, len(taken) + 2) if n not in taken), 0
        for number, port in enumerate(candidate.ports, 1):
            if number not in taken and candidate.occupy(port):
                return number, port
        raise NoNumber(f"no number for another {candidate.kind}: each of its {len(candidate.ports)} ports has a process",
                       hint=f"add ports to `{candidate.kind.lower()}` in [ports] of app.toml, or end what listens on them")

    def _free_slot(self, db: sqlite3.Connection) -> int:
        taken = {slot for (slot,) in db.execute(f"SELECT slot FROM engine_member WHERE {LIVING}")}
        slot = next((s for s in range(1, SLOTS) if s not in taken), 0)
        if not slot:
            raise NoNumber(f"{SLOTS - 1} processes are members already", hint="end some of them")
        return slot

    def _clear_slots(self, db: sqlite3.Connection) -> None:
        """Slots of those who are members no more: whoever buried them died before it cleared them."""
        living = {i for (i,) in db.execute(f"SELECT incarnation FROM engine_member WHERE {LIVING}")}
        for incarnation, slot in self.store.beats.occupied().items():
            if incarnation not in living:
                self.store.beats.vacate(slot, incarnation)

    def leave(self, member: Member) -> None:
        with self.store.write() as db:
            if self._end_member(db, member.incarnation, "stop"):
                self._free_terms(db, member.incarnation)
                rows = db.execute(f"SELECT {WAITING} FROM engine_task WHERE owner = ?", (member.incarnation,)).fetchall()
                self._reopen(db, waiting(rows), f"{member.name} ended in order", uncount=True)
            self._clear_slots(db)

    def beat(self, member: Member, *, replicated: bool = False) -> None:
        if not self.store.beats.beat(self._slot(member), member.incarnation):
            raise LostMember(f"{member.name} was buried: its lease was over", hint="end this process; its supervisor starts it anew")

    def _slot(self, member: Member) -> int:
        slot = self._slots.get(member.incarnation, 0) or self.store.beats.slot_of(member.incarnation)
        if slot:
            self._slots[member.incarnation] = slot
        return slot

    def members(self) -> list[Member]:
        with self.store.read() as db:
            return list(self._members(db, "1"))

    def _members(self, db: sqlite3.Connection, condition: str) -> Iterator[Member]:
        sql = f"SELECT {COLUMNS} FROM engine_member WHERE {condition} ORDER BY joined_ms, kind, number"
        return (_member(row) for row in db.execute(sql))

    def overdue(self) -> list[tuple[Member, str]]:
        """Asked often: reads rows only after something was committed."""
        seen = self.store.changes()
        if seen != self._members_seen:
            with self.store.read() as db:
                self._those = list(self._members(db, LIVING))
            self._members_seen = seen
            self._living.only({(member.pid, member.birth) for member in self._those})
        return [(member, why) for member in self._those if (why := self._why_overdue(member))]

    def _overdue(self, db: sqlite3.Connection) -> list[tuple[Member, str]]:
        return [(member, why) for member in self._members(db, LIVING) if (why := self._why_overdue(member))]

    def _why_overdue(self, member: Member) -> str:
        if not self._living(member.pid, member.birth):
            return proof.ENDED
        if member.kind in NO_LEASE:
            return ""
        age = self.store.beats.age_ns(self._slot(member), member.incarnation)
        return proof.OVER if age is None or age > self.lease_ns else ""

    def bury(self, incarnation: int, proof: str, *, still_over: bool = False) -> Buried:
        # No sync of its own: take-over waits for it, and what a power cut could undo, the next start would find dead and bury again.
        with self.store.write(durable=False) as db:
            if still_over and all(member.incarnation != incarnation for member, _ in self._overdue(db)):
                return Buried(0, ())
            buried = self._bury(db, incarnation, proof)
        slot = self.store.beats.slot_of(incarnation)
        if slot:
            self.store.beats.vacate(slot, incarnation)
        return buried

    def _bury(self, db: sqlite3.Connection, incarnation: int, why: str) -> Buried:
        name = self._end_member(db, incarnation, why)
        if not name:
            return Buried(0, ())
        terms = self._free_terms(db, incarnation)
        return Buried(self._bury_tasks(db, incarnation, f"{name}: {why}"), terms)

    def _bury_tasks(self, db: sqlite3.Connection, incarnation: int, note: str) -> int:
        """What it had is free, or a dead letter after the last attempt; of what it only watched no attempt counts. How many."""
        owned = db.execute(f"SELECT {WAITING}, attempt >= max_attempts, func FROM engine_task WHERE owner = ?", (incarnation,)).fetchall()
        watched, run = ([row[:-1] for row in owned if rules.elsewhere(row[-1]) is there] for there in (True, False))
        self._reopen(db, waiting(row[:-1] for row in watched), note, alone=DIED, uncount=True)
        self._reopen(db, waiting(row[:-1] for row in run if not row[-1]), note, alone=DIED)
        last = waiting(row[:-1] for row in run if row[-1])
        self._close_tasks(db, [(t.id, TaskStateId.DEAD_LETTER, f"its last attempt ended with {note}", t.order_key) for t in last])
        return len(owned)

    def _end_member(self, db: sqlite3.Connection, incarnation: int, why: str) -> str:
        """Its name; "" when it was none."""
        row = db.execute(f"UPDATE engine_member SET ended_ms = ?, ended = ? WHERE incarnation = ? AND {LIVING} RETURNING name",
                         (max(1, self.clock.now_ms()), why, incarnation)).fetchone()
        return str(row[0]) if row else ""

    def _free_terms(self, db: sqlite3.Connection, incarnation: int) -> tuple[str, ...]:
        rows = db.execute("UPDATE engine_term SET holder = 0 WHERE holder = ? RETURNING term", (incarnation,)).fetchall()
        return tuple(sorted(term for (term,) in rows))

    def set_mode(self, member: Member, mode: str) -> Member:
        with self.store.write() as db:
            self._member_name(db, member)
            db.execute("UPDATE engine_member SET mode = ? WHERE incarnation = ?", (mode, member.incarnation))
            return next(self._members(db, f"incarnation = {member.incarnation:d}"))


def _pass_boot(db: sqlite3.Connection) -> None:
    """The first join after the computer started: epochs leap over those that a power cut may have taken back."""
    boot = proof.boot_id()
    row = db.execute("SELECT value FROM engine_meta WHERE key = 'boot'").fetchone()
    if row != (boot,):
        db.execute("UPDATE engine_term SET epoch = epoch + ?", (EPOCH_LEAP if row else 0,))
        db.execute("INSERT OR REPLACE INTO engine_meta VALUES ('boot', ?)", (boot,))


class Terms(Base):
    """One holder each; the epoch grows with every change of hands. No sync: a take-over does not wait for the disk. What a power cut
    takes back belonged to processes that it ended too, and the next start begins with epochs beyond it."""

    FREE_FOLLOWING = FREE_FOLLOWING

    def take(self, term: str, member: Member) -> Grant | None:
        with self.store.write(durable=False) as db:
            self._member_name(db, member)
            row = db.execute("SELECT holder FROM engine_term WHERE term = ?", (term,)).fetchone()
            waits = term in FOLLOWING and not self._is_active(db, member)
            return None if waits or (row and row[0]) else self._hand_over(db, term, member)

    def _hand_over(self, db: sqlite3.Connection, term: str, member: Member) -> Grant:
        [epoch] = db.execute("INSERT INTO engine_term VALUES (?, ?, 1) ON CONFLICT (term) DO UPDATE"
                             " SET holder = excluded.holder, epoch = epoch + 1 RETURNING epoch", (term, member.incarnation)).fetchone()
        return Grant(term, member.incarnation, epoch)

    def take_together(self, terms: Sequence[str], member: Member) -> tuple[Grant, ...] | None:
        with self.store.write() as db:
            self._member_name(db, member)
            held = [db.execute("SELECT 1 FROM engine_term WHERE term = ? AND holder <> 0", (term,)).fetchone() for term in terms]
            if any(held) or not record.may_take(_kept(db, terms[0]), member, self.clock.now_ms()):
                return None
            if ACTIVE in terms:
                db.execute(self.FREE_FOLLOWING, (*FOLLOWING, member.node))
            grants = tuple(self._hand_over(db, term, member) for term in terms)
            _keep_succession(db, terms[0], record.taken(grants[0], member))
            return grants

    def hand_over(self, grants: Sequence[Grant], heir: str, within_ms: int) -> None:
        with self.store.write() as db:
            for grant in grants:
                self._check_grant(db, grant)
                db.execute("UPDATE engine_term SET holder = 0 WHERE term = ?", (grant.term,))
            term = grants[0].term
            _keep_succession(db, term, record.named(_kept(db, term), heir, self.clock.now_ms() + within_ms))

    def succession(self, term: str) -> Succession:
        with self.store.read() as db:
            return record.told(_kept(db, term), self.clock.now_ms())

    def assign(self, primary: Grant, term: str, holder: Member) -> Grant:
        if primary.term != PRIMARY:
            raise LostGrant(f"a grant of {primary.term} gives no roles")
        with self.store.write(durable=False) as db:
            self._check_grant(db, primary)
            self._member_name(db, holder)
            if not self._is_active(db, holder):
                raise rules.not_active(holder)
            return self._hand_over(db, term, holder)

    def keep(self, grant: Grant) -> None:
        with self.store.read() as db:
            self._check_grant(db, grant)

    def drop(self, grant: Grant) -> None:
        with self.store.write(durable=False) as db:
            db.execute("UPDATE engine_term SET holder = 0 WHERE term = ? AND holder = ? AND epoch = ?",
                       (grant.term, grant.incarnation, grant.epoch))

    def expect(self, term: str) -> None:
        with self.store.write() as db:
            db.execute("INSERT INTO engine_term VALUES (?, 0, 0) ON CONFLICT (term) DO NOTHING", (term,))

    def forget(self, term: str) -> bool:
        with self.store.write() as db:
            return db.execute("DELETE FROM engine_term WHERE term = ? AND holder = 0", (term,)).rowcount > 0

    def terms(self) -> dict[str, TermRow]:
        with self.store.read() as db:
            rows = db.execute("SELECT term, holder, coalesce(name, ''), epoch FROM engine_term"
                              " LEFT JOIN engine_member ON incarnation = holder AND holder <> 0").fetchall()
        return {row[0]: TermRow(*row) for row in rows}


def _kept(db: sqlite3.Connection, term: str) -> record.Kept:
    row = db.execute("SELECT value FROM engine_fact WHERE key = ?", (record.key(term),)).fetchone()
    return record.kept_of(row[0] if row else None)


def _keep_succession(db: sqlite3.Connection, term: str, kept: record.Kept) -> None:
    db.execute("INSERT OR REPLACE INTO engine_fact VALUES (?, NULL, ?)", (record.key(term), record.text_of(kept)))
