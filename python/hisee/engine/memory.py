"""The engine in memory, for the simulator and unit tests: MemoryEngine is the database, MemoryCoordinator a member's door to it.

One thread. Leases run by the Clock that is handed in; deaths are proven by whoever drives the test (`MemoryEngine.killed`).
Every call first looks for what is wrong and then changes: an exception leaves everything as it was, as a rolled-back transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hisee.engine import rules
from hisee.engine.coordinator import (
    JSON,
    PRIMARY,
    Add,
    Claim,
    EngineError,
    Grant,
    LostGrant,
    Member,
    OutboxRow,
    Outcome,
    QueueRow,
    Schedule,
    Send,
    StaleClaim,
    TaskRequest,
    TaskRow,
    Write,
)
from hisee.engine.memory_members import MemoryEngine, MemoryMembers
from hisee.engine.memory_task import NAMES, Task
from hisee.schema.queues import BY_NAME as QUEUES
from hisee.schema.task_states import TaskStateId as S

__all__ = ["MemoryCoordinator", "MemoryEngine"]
STEPS = {name: state for state, name in NAMES.items() if name in rules.STEP_STATES}


class MemoryCoordinator(MemoryMembers):
    """See `hisee.engine.coordinator.Coordinator`."""

    # -- tasks
    def put(self, requests: Sequence[TaskRequest]) -> list[int]:
        self._check(requests)
        return [self._put(request) for request in requests]

    def _check(self, requests: Sequence[TaskRequest]) -> None:
        for index, request in enumerate(requests):
            rules.encoded_args(request, index)
            unknown = [task for task in request.after if task not in self._tasks.all]
            if unknown:
                raise rules.refused(request, index, f"there is no task {unknown[0]} to wait for")

    def _put(self, request: TaskRequest, by: str = "") -> int:
        known = self._tasks.by_key.get(request.key) if request.key else None
        if known is not None:
            return known
        task = self._tasks.add(request, self._now())
        task.note(task.created_ms, S.REGISTERED, by)
        self._open(task)
        return task.id

    def _open(self, task: Task) -> None:
        """Where a task waits, from its request: for its time, for others, for a resource, or for nothing."""
        waits = any(self._status(before) != "ok" for before in task.request.after)
        state = rules.open_state(self._now(), task.due_ms, condition=waits, resource=bool(task.request.resources))
        self._tasks.move(task, state)
        task.note(self._now(), state)

    def _status(self, task: int) -> str:
        found = self._tasks.all.get(task)
        return found.status if found is not None else "cancelled"  # deleted by a purge

    def claim(self, member: Member, queues: Sequence[str], limit: int) -> list[Claim]:
        self._member(member)
        if not self._is_active(member):
            return []
        self._wake_due()
        found: list[Task] = []
        for task in self._candidates(member, queues):
            if self._alone(task):
                found = found or [task]
                break
            found.append(task)
            if len(found) >= limit:
                break
        return [self._give(task, member) for task in found[:limit]]

    def _candidates(self, member: Member, queues: Sequence[str]) -> Iterator[Task]:
        for queue in queues:
            term = QUEUES[queue].term if queue in QUEUES else ""
            if term and (term not in self.engine.terms or self.engine.terms[term].holder != member.incarnation):
                continue
            ready = self._tasks.ready.get(queue, {})
            yield from (t for t in sorted(ready.values(), key=Task.order) if self._tasks.next_of_key(t))

    @staticmethod
    def _alone(task: Task) -> bool:
        """It failed or killed its worker before: it takes no neighbours with it this time."""
        return task.attempt > 0

    def _wake_due(self) -> None:
        now = self._now()
        for task in [t for t in self._tasks.due.values() if t.due_ms <= now]:
            self._open(task)

    def _give(self, task: Task, member: Member) -> Claim:
        self.engine.fence += 1
        task.owner, task.token, task.attempt = member.incarnation, self.engine.fence, task.attempt + 1
        task.owner_name, task.orphaned = member.name, False
        self._tasks.move(task, S.ACTIVATED)
        task.note(self._now(), S.ACTIVATED, member.name)
        return task.claim()

    def _mine(self, claim: Claim) -> Task | None:
        """The task, if it is still in the hands that this claim names: rule 1."""
        task = self._tasks.all.get(claim.id)
        return task if task is not None and task.token == claim.token and task.owner else None

    def _own(self, claim: Claim) -> Task:
        task = self._mine(claim)
        if task is None:
            raise StaleClaim(f"task {claim.id} is not this process's any more")
        return task

    def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        return [claim for claim in claims if self._mine(claim) is not None]

    def step(self, claim: Claim, state: str, note: str = "", *, generated: str | None = None) -> None:
        task = self._own(claim)
        if state not in rules.STEP_STATES:
            raise EngineError(f"{state!r} is no state that a running task passes into", hint=f"those are: {', '.join(rules.STEP_STATES)}")
        self._tasks.move(task, STEPS[state])
        task.note(self._now(), STEPS[state], task.owner_name, note)
        if generated is not None:
            task.generated = generated

    def progress(self, claim: Claim, share: float | None, text: str) -> None:
        task = self._own(claim)
        task.progress, task.progress_text = share, text

    def finish(self, ends: Sequence[tuple[Claim, Outcome]]) -> list[bool]:
        for claim, outcome in ends:
            if self._mine(claim) is not None:
                self._check(outcome.follow_ups)
                rules.encode(outcome.result)
                self._check_effects(outcome)
        return [self._finish(claim, outcome) for claim, outcome in ends]

    def _check_effects(self, outcome: Outcome) -> None:
        for effect in outcome.effects:
            if not isinstance(effect, Add):
                rules.encode(effect.value if isinstance(effect, Write) else effect.payload)

    def _finish(self, claim: Claim, outcome: Outcome) -> bool:
        task = self._mine(claim)
        if task is None:
            return False
        repeats = outcome.retry and outcome.status == "not ok" and task.attempt < task.request.max_attempts
        if not repeats:
            self._effects(task, outcome)
        self._end(task, outcome)
        return True

    def _effects(self, task: Task, outcome: Outcome) -> None:
        position = 0
        for effect in outcome.effects:
            if isinstance(effect, Send):
                self.engine.outbox[task.id, position] = OutboxRow(task.id, position, effect.target, effect.payload)
                position += 1
            elif isinstance(effect, Add):
                before = self.engine.facts.get(effect.key)
                self.engine.facts[effect.key] = (before if isinstance(before, int | float) else 0) + effect.delta
            elif effect.value is None:
                self.engine.facts.pop(effect.key, None)
            else:
                self.engine.facts[effect.key] = effect.value
        for request in outcome.follow_ups:
            self._put(request, task.owner_name)

    def _end(self, task: Task, outcome: Outcome) -> None:
        task.steps.extend(line + "\n" for line in outcome.steps)
        task.generated = outcome.generated or task.generated
        task.text, task.result = outcome.text, outcome.result
        if outcome.retry and outcome.status == "not ok":
            self._fail(task)
        else:
            self._close(task, rules.END_STATES[outcome.status], outcome.status)

    def _fail(self, task: Task) -> None:
        if task.attempt >= task.request.max_attempts:
            self._close(task, S.DEAD_LETTER, "not ok")
        else:
            task.due_ms = self._now() + rules.backoff_ms(task.request.retry_s, task.attempt)
            self._again(task, counted=True, why=task.text[:200])

    def _again(self, task: Task, *, counted: bool, why: str) -> None:
        """Out of its owner's hands; the token it had is worth nothing any more."""
        by, task.owner, task.owner_name = task.owner_name, 0, ""
        if not counted:
            task.attempt -= 1
        state = S.WAITING_DUE if task.due_ms > self._now() else S.READY
        self._tasks.move(task, state)
        task.note(self._now(), state, by, why)

    def _close(self, task: Task, state: S, status: str) -> None:
        by, task.owner, task.owner_name = task.owner_name, 0, ""
        task.status, task.ended_ms = status, self._now()
        self._tasks.move(task, state)
        task.note(task.ended_ms, state, by)

    def give_back(self, claims: Sequence[Claim], why: str, due_ms: int = 0) -> None:
        for claim in claims:
            task = self._mine(claim)
            if task is not None:
                task.due_ms = due_ms or task.due_ms
                self._again(task, counted=False, why=why)

    def cancel(self, task: int) -> bool:
        found = self._tasks.living.get(task)
        if found is None:
            return False
        self._close(found, S.CANCELLED, "cancelled")
        return True

    def retry(self, task: int) -> bool:
        found = self._tasks.all.get(task)
        if found is None or found.state not in rules.RETRIED_STATES:
            return False
        found.attempt, found.status, found.ended_ms, found.due_ms = 0, "", 0, self._now()
        self._open(found)
        return True

    def task(self, task: int) -> TaskRow | None:
        found = self._tasks.all.get(task)
        return found.row() if found is not None else None

    def tasks(self, *, state: str = "", queue: str = "", func: str = "", limit: int = 100, before: int = 0) -> list[TaskRow]:
        if state and state not in NAMES.values():
            raise EngineError(f"no state {state!r}", hint=f"states: {', '.join(NAMES.values())}")
        found = []
        for task in reversed(self._tasks.all.values()):
            fits = (not before or task.id < before) and (not state or NAMES[task.state] == state)
            if fits and (not queue or task.request.queue == queue) and (not func or task.request.func == func):
                found.append(task.row())
                if len(found) == limit:
                    break
        return found

    def queues(self) -> dict[str, QueueRow]:
        now = self._now()
        out = {}
        for name in QUEUES:
            tasks = [t for t in self._tasks.living.values() if t.request.queue == name]
            waiting = [t for t in tasks if not t.owner]
            due = [now - max(t.due_ms, t.created_ms) for t in waiting if t.due_ms <= now]
            out[name] = QueueRow(len(waiting), len(tasks) - len(waiting), max(due) if due else None)
        return out

    def next_due(self) -> int:
        now = self._now()
        return min((t.due_ms for t in self._tasks.living.values() if not t.owner and t.due_ms > now), default=0)

    def changes(self) -> object:
        return object()  # nobody counts here

    def purge(self, primary: Grant, queues: Iterable[str]) -> Mapping[str, int]:
        self._primary(primary)
        lost = {member.incarnation for member, _ in self.overdue()}
        out: dict[str, int] = {}
        for name in queues:
            out[name] = sum(self._purge_one(t, lost) for t in list(self._tasks.living.values()) if t.request.queue == name)
        self.audit(self.engine.members[primary.incarnation].name, "purge", dict(out))
        return out

    def _purge_one(self, task: Task, lost: set[int]) -> int:
        """Delete what nobody began; what a dead member had begun is for a person to decide."""
        if task.orphaned or task.owner in lost:
            self._close(task, S.REVIEW, "")
        elif not task.owner:
            self._tasks.remove(task)
            return 1
        return 0

    def release(self, primary: Grant) -> int:
        if primary.term not in (PRIMARY, "role.R"):
            raise LostGrant(f"the resource calculation needs the term {PRIMARY} or role.R, not {primary.term}")
        self.keep(primary)
        freed = sum(self._release_condition(t) for t in list(self._tasks.condition.values()))
        return freed + self._release_resources()

    def _release_condition(self, task: Task) -> int:
        statuses = {self._status(before) for before in task.request.after}
        if statuses - {"ok", ""}:
            bad = next(before for before in task.request.after if self._status(before) not in ("ok", ""))
            task.text = f"task {bad} before it did not end ok"
            self._close(task, S.CANCELLED, "cancelled")
        elif statuses <= {"ok"}:
            self._open(task)
            return int(task.state == S.READY)
        return 0

    def _release_resources(self) -> int:
        free = {name: capacity - used for name, (capacity, used) in self.capacities().items()}
        freed = 0
        for task in sorted(self._tasks.resource.values(), key=Task.order):
            wanted = task.request.resources
            if all(free.get(name, rules.UNLISTED_CAPACITY) > 0 for name in wanted):
                for name in wanted:
                    free[name] = free.get(name, rules.UNLISTED_CAPACITY) - 1
                self._tasks.move(task, S.READY)
                task.note(self._now(), S.READY)
                freed += 1
        return freed

    # -- effects
    def outbox(self, limit: int) -> list[OutboxRow]:
        return [self.engine.outbox[key] for key in sorted(self.engine.outbox)[:limit]]

    def sent(self, rows: Sequence[OutboxRow]) -> None:
        for row in rows:
            self.engine.outbox.pop((row.task, row.position), None)

    def first_time(self, key: str) -> bool:
        if key in self.engine.seen:
            return False
        self.engine.seen.add(key)
        return True

    def fact(self, key: str) -> Any:
        return self.engine.facts.get(key)

    def facts(self, prefix: str) -> dict[str, Any]:
        return {key: value for key, value in sorted(self.engine.facts.items()) if key.startswith(prefix)}

    # -- schedules
    def put_schedule(self, schedule: Schedule) -> None:
        self._check([schedule.request])
        self.engine.schedules[schedule.name] = schedule

    def drop_schedule(self, name: str) -> bool:
        return self.engine.schedules.pop(name, None) is not None

    def schedules(self) -> list[Schedule]:
        return [self.engine.schedules[name] for name in sorted(self.engine.schedules)]

    def fire(self, primary: Grant, schedule: Schedule, instants: Sequence[int], next_ms: int) -> list[int]:
        self._primary(primary)
        if schedule.name not in self.engine.schedules:
            return []
        requests = [self._tick(schedule, instant) for instant in instants]
        self._check(requests)
        self.engine.schedules[schedule.name] = msgspec.structs.replace(self.engine.schedules[schedule.name], next_ms=next_ms)
        return [self._put(request, "schedule") for request in requests]

    def _tick(self, schedule: Schedule, instant: int) -> TaskRequest:
        return msgspec.structs.replace(schedule.request, key=f"{schedule.name}@{instant}")

    # -- limits on parallel runs, reports of agents
    def set_capacity(self, resource: str, capacity: int) -> None:
        self.engine.capacity[resource] = capacity

    def capacities(self) -> dict[str, tuple[int, int]]:
        used: dict[str, int] = {}
        for task in self._tasks.living.values():
            if task.request.resources and (task.owner or task.state == S.READY):
                for name in task.request.resources:
                    used[name] = used.get(name, 0) + 1
        names = sorted(self.engine.capacity.keys() | used.keys())
        return {name: (self.engine.capacity.get(name, rules.UNLISTED_CAPACITY), used.get(name, 0)) for name in names}

    def report(self, job: int, number: int, row: JSON) -> bool:
        kept = self.engine.reports.setdefault(job, {})
        if number in kept:
            return False
        kept[number] = row
        return True

    def reports(self, job: int, after: int = 0) -> list[tuple[int, JSON]]:
        return sorted((number, row) for number, row in self.engine.reports.get(job, {}).items() if number > after)

    def audit(self, who: str, what: str, detail: JSON) -> None:
        self.engine.audit.append((self._now(), who, what, detail))

    def close(self) -> None:
        """Nothing to close: the store belongs to the test."""
