"""Members and terms of the engine in memory; and the store itself, which a test keeps over the deaths of its members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hisee.engine import rules
from hisee.engine import succession as record
from hisee.engine.coordinator import (
    ACTIVE,
    FOLLOWING,
    JSON,
    NO_LEASE,
    PRIMARY,
    Buried,
    Candidate,
    Grant,
    LostGrant,
    LostMember,
    Member,
    NoNumber,
    OutboxRow,
    Schedule,
    Succession,
    TermRow,
)
from hisee.engine.memory_task import Task, Tasks
from hisee.engine.proof import ENDED, OVER
from hisee.schema.task_states import TaskStateId as S
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock

MS = 1_000_000


class Term:
    __slots__ = ("holder", "epoch")

    def __init__(self) -> None:
        self.holder, self.epoch = 0, 0


class MemoryEngine:
    """Everything durable. A test keeps it over the deaths of its members."""

    def __init__(self, clock: Clock, *, lease_ms: int = TIMERS["lease"].ms) -> None:
        self.clock, self.lease_ns = clock, lease_ms * MS
        self.members: dict[int, Member] = {}  # by incarnation
        self.beats: dict[int, int] = {}
        self.dead: set[int] = set()
        self.terms: dict[str, Term] = {}
        self.tasks = Tasks()
        self.fence = 0
        self.facts: dict[str, Any] = {}
        self.outbox: dict[tuple[int, int], OutboxRow] = {}
        self.seen: set[str] = set()
        self.schedules: dict[str, Schedule] = {}
        self.capacity: dict[str, int] = {}
        self.reports: dict[int, dict[int, JSON]] = {}
        self.audit: list[tuple[int, str, str, JSON]] = []

    def killed(self, incarnation: int) -> None:
        """From now on this member's death is proven."""
        self.dead.add(incarnation)


class MemoryMembers:
    """The part of the Coordinator about members and terms; what becomes of tasks is the other part's."""

    def __init__(self, engine: MemoryEngine) -> None:
        self.engine = engine
        self._tasks = engine.tasks

    # -- members
    def join(self, candidate: Candidate) -> Member:
        for incarnation in self.engine.dead & self.engine.beats.keys():
            self.bury(incarnation, ENDED)
        number = self._free_number(candidate)
        port = candidate.ports[number - 1] if candidate.ports else 0
        for other in [m for m in self.engine.members.values() if m.kind == candidate.kind and m.number == number]:
            del self.engine.members[other.incarnation]
        member = Member(number=number, kind=candidate.kind, name=f"{candidate.kind}{number:03d}", node=candidate.node, host=candidate.host,
                        pid=candidate.pid, birth=candidate.birth, incarnation=candidate.incarnation, port=port, mode=candidate.kind,
                        joined_ms=self._now())
        self.engine.members[member.incarnation] = member
        self.engine.beats[member.incarnation] = self.engine.clock.monotonic_ns()
        return member

    def _free_number(self, candidate: Candidate) -> int:
        used = {m.number for m in self.engine.members.values() if m.kind == candidate.kind and not m.ended_ms}
        last = len(candidate.ports) or len(used) + 1
        for number in range(1, last + 1):
            if number not in used and (not candidate.ports or candidate.occupy(candidate.ports[number - 1])):
                return number
        raise NoNumber(f"no number is free for a process of kind {candidate.kind}",
                       hint=f"the list of ports has {len(candidate.ports)} entries, all used or occupied")

    def leave(self, member: Member) -> None:
        if member.incarnation in self.engine.beats:
            for task in self._tasks.of(member.incarnation):
                self._again(task, counted=False, why="its work process ended in order")
            self._end_member(member.incarnation, "stop")

    def beat(self, member: Member, *, replicated: bool = False) -> None:
        self._member(member)
        self.engine.beats[member.incarnation] = self.engine.clock.monotonic_ns()

    def members(self) -> list[Member]:
        return sorted(self.engine.members.values(), key=lambda m: (m.kind, m.number))

    def overdue(self) -> list[tuple[Member, str]]:
        oldest = self.engine.clock.monotonic_ns() - self.engine.lease_ns
        found = []
        for incarnation, beat in self.engine.beats.items():
            if incarnation in self.engine.dead:
                found.append((self.engine.members[incarnation], ENDED))
            elif beat < oldest and self.engine.members[incarnation].kind not in NO_LEASE:
                found.append((self.engine.members[incarnation], OVER))
        return found

    def bury(self, incarnation: int, proof: str, *, still_over: bool = False) -> Buried:
        if incarnation not in self.engine.beats or (still_over and not self._is_overdue(incarnation)):
            return Buried(0, ())
        tasks = self._tasks.of(incarnation)
        for task in tasks:
            self._bury_task(task, proof)
        return Buried(len(tasks), self._end_member(incarnation, proof))

    def _is_overdue(self, incarnation: int) -> bool:
        return any(member.incarnation == incarnation for member, _ in self.overdue())

    def _bury_task(self, task: Task, proof: str) -> None:
        if task.attempt >= task.request.max_attempts and not rules.elsewhere(task.request.func):
            task.text = f"attempt {task.attempt} of {task.request.max_attempts} ended with its work process: {proof}"
            self._close(task, S.DEAD_LETTER, "not ok")
        else:
            self._again(task, counted=not rules.elsewhere(task.request.func), why=proof)
            task.orphaned = True

    def _end_member(self, incarnation: int, proof: str) -> tuple[str, ...]:
        del self.engine.beats[incarnation]
        member = self.engine.members[incarnation]
        self.engine.members[incarnation] = msgspec.structs.replace(member, ended_ms=self._now(), ended=proof)
        freed = tuple(sorted(name for name, term in self.engine.terms.items() if term.holder == incarnation))
        for name in freed:
            self.engine.terms[name].holder = 0
        return freed

    def set_mode(self, member: Member, mode: str) -> Member:
        self._member(member)
        changed = msgspec.structs.replace(self.engine.members[member.incarnation], mode=mode)
        self.engine.members[member.incarnation] = changed
        return changed

    def _member(self, member: Member) -> None:
        if member.incarnation not in self.engine.beats:
            raise LostMember(f"{member.name} is no member any more", hint="the process has to end and start anew")

    # -- terms
    def take(self, term: str, member: Member) -> Grant | None:
        self._member(member)
        row = self.engine.terms.setdefault(term, Term())
        if row.holder or (term in FOLLOWING and not self._is_active(member)):
            return None
        row.holder, row.epoch = member.incarnation, row.epoch + 1
        return Grant(term, member.incarnation, row.epoch)

    def take_together(self, terms: Sequence[str], member: Member) -> tuple[Grant, ...] | None:
        self._member(member)
        rows = [self.engine.terms.setdefault(term, Term()) for term in terms]
        if any(row.holder for row in rows) or not record.may_take(self._kept(terms[0]), member, self._now()):
            return None
        if ACTIVE in terms:
            self._free_following(member.node)
        grants = []
        for term, row in zip(terms, rows, strict=True):
            row.holder, row.epoch = member.incarnation, row.epoch + 1
            grants.append(Grant(term, member.incarnation, row.epoch))
        self._keep_succession(terms[0], record.taken(grants[0], member))
        return tuple(grants)

    def _free_following(self, node: str) -> None:
        """Work processes of other computers hold them no more."""
        for row in (self.engine.terms[term] for term in FOLLOWING if term in self.engine.terms):
            if row.holder and self.engine.members[row.holder].node != node:
                row.holder = 0

    def _is_active(self, member: Member) -> bool:
        return rules.is_active(member.node, list(self.engine.members.values()), self.terms())

    def hand_over(self, grants: Sequence[Grant], heir: str, within_ms: int) -> None:
        for grant in grants:
            self.keep(grant)
        for grant in grants:
            self.engine.terms[grant.term].holder = 0
        term = grants[0].term
        self._keep_succession(term, record.named(self._kept(term), heir, self._now() + within_ms))

    def succession(self, term: str) -> Succession:
        return record.told(self._kept(term), self._now())

    def _kept(self, term: str) -> record.Kept:
        return record.kept_of(self.engine.facts.get(record.key(term)))

    def _keep_succession(self, term: str, kept: record.Kept) -> None:
        self.engine.facts[record.key(term)] = record.text_of(kept)

    def assign(self, primary: Grant, term: str, holder: Member) -> Grant:
        self._primary(primary)
        self._member(holder)
        if not self._is_active(holder):
            raise rules.not_active(holder)
        row = self.engine.terms.setdefault(term, Term())
        row.holder, row.epoch = holder.incarnation, row.epoch + 1
        return Grant(term, holder.incarnation, row.epoch)

    def _primary(self, grant: Grant) -> None:
        if grant.term != PRIMARY:
            raise LostGrant(f"this needs the term {PRIMARY}, not {grant.term}")
        self.keep(grant)

    def keep(self, grant: Grant) -> None:
        row = self.engine.terms.get(grant.term)
        if row is None or (row.holder, row.epoch) != (grant.incarnation, grant.epoch):
            raise LostGrant(f"the term {grant.term} has another holder or a newer epoch than {grant.epoch}")

    def drop(self, grant: Grant) -> None:
        row = self.engine.terms.get(grant.term)
        if row is not None and (row.holder, row.epoch) == (grant.incarnation, grant.epoch):
            row.holder = 0

    def expect(self, term: str) -> None:
        self.engine.terms.setdefault(term, Term())

    def forget(self, term: str) -> bool:
        if term not in self.engine.terms or self.engine.terms[term].holder:
            return False
        del self.engine.terms[term]
        return True

    def terms(self) -> dict[str, TermRow]:
        return {name: TermRow(name, row.holder, self.engine.members[row.holder].name if row.holder else "", row.epoch)
                for name, row in self.engine.terms.items()}

    # -- the other part's
    def _again(self, task: Task, *, counted: bool, why: str) -> None:
        raise NotImplementedError

    def _close(self, task: Task, state: S, status: str) -> None:
        raise NotImplementedError

    def _now(self) -> int:
        return self.engine.clock.now_ms()
