"""What a running task sees: its number, its progress, and the effects that are committed together with its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hisee.engine.coordinator import Add, Claim, Coordinator, Effect, Grant, Member, Send, StaleClaim, TaskRequest, Write
from hisee.errors import HiseeError
from hisee.outputs.shelf import Shelf
from hisee.schema.timers import BY_NAME
from hisee.seams import Clock
from hisee.tasks import Refuse
from hisee.work.lease import Lease
from hisee.work.reach import NOWHERE, Reach

MS = 1_000_000
PROGRESS_NS = BY_NAME["progress"].ms * MS


class Busy(HiseeError):
    """A lock is held by another work process: the task is given back and comes again later, its attempt not counted."""


class Context:
    """Handed to every function as its first argument; belongs to the thread that runs the function.

    `add`, `write`, `send`, `set_value` and `enqueue` collect; nothing of it happens before the end, and all of it or nothing then.
    """

    def __init__(self, claim: Claim, coordinator: Coordinator, clock: Clock, lease: Lease, member: Member,
                 request: Callable[..., TaskRequest], reach: Reach = NOWHERE, shelf: Shelf | None = None) -> None:
        self._claim, self._coordinator, self._clock, self._lease, self._member = claim, coordinator, clock, lease, member
        self._request = request
        self._shelf = shelf
        self.reach = reach  # what it may read of the system
        self._told_ns = 0
        self._lost = False
        self._held: list[Grant] = []
        self._ends_ns = clock.monotonic_ns() + int(claim.timeout_s * 1e9) if claim.timeout_s else 0
        self.effects: list[Effect] = []
        self.follow_ups: list[TaskRequest] = []

    @property
    def task_id(self) -> int:
        """The same at every attempt: the key under which others may remember what this task did."""
        return self._claim.id

    @property
    def attempt(self) -> int:
        """1 at the first."""
        return self._claim.attempt

    @property
    def timed_out(self) -> bool:
        return bool(self._ends_ns) and self._clock.monotonic_ns() >= self._ends_ns

    def still_mine(self) -> bool:
        """False once the task was taken over or cancelled, or its time is up: whatever it does from now on counts for nothing."""
        if not self._lost and not self.timed_out and self._lease.good():
            self._lost = not self._coordinator.renew([self._claim])
            return not self._lost
        return False

    def progress(self, share: float | None, text: str = "") -> None:
        """How far it is (0..1), for people. Stored at most every half second, so it may be called often."""
        now = self._clock.monotonic_ns()
        if self._lost or (self._told_ns and now - self._told_ns < PROGRESS_NS):
            return
        self._told_ns = now
        try:
            self._coordinator.progress(self._claim, share, text)
        except StaleClaim:
            self._lost = True

    def add(self, key: str, delta: int = 1) -> None:
        """Add to the number of a fact."""
        self.effects.append(Add(key, delta))

    def write(self, key: str, value: Any) -> None:
        """Set a fact; None deletes it."""
        self.effects.append(Write(key, value))

    def send(self, target: str, payload: Mapping[str, Any]) -> None:
        """A message that leaves after the commit, at least once, with the key `<task id>:<position>`."""
        self.effects.append(Send(target, dict(payload)))

    def set_value(self, name: str, value: Any) -> None:
        """Set an object of the system, such as U.Count."""
        self.send("value", {"name": name, "value": value})

    def enqueue(self, func: str, *, queue: str | None = None, priority: int | None = None, retries: int | None = None,
                idempotency_key: str | None = None, due_ms: int = 0, order_key: str | None = None, **args: Any) -> None:
        """A further task, put by the same commit as the end of this one."""
        given = {"queue": queue, "priority": priority, "key": idempotency_key, "order_key": order_key,
                 "max_attempts": None if retries is None else retries + 1}
        self.put(self._request(func, args, due_ms=due_ms, **{k: v for k, v in given.items() if v is not None}))

    def put(self, request: TaskRequest) -> None:
        """As `enqueue`, with everything that a request can say (conditions, resources)."""
        request.parent = request.parent or self._claim.id
        self.follow_ups.append(request)

    def fact(self, key: str) -> Any:
        """Committed number or value of a fact; this task's own effects are not in it yet."""
        return self._coordinator.fact(key)

    def facts(self, prefix: str) -> dict[str, Any]:
        """Committed facts whose keys begin so."""
        return self._coordinator.facts(prefix)

    def value(self, name: str) -> Any:
        """Present value of an object of the system; None while it is invalid. Raises RequestFailed when there is none."""
        return self.reach.value(name)

    def now_ms(self) -> int:
        return self._clock.now_ms()

    @property
    def shelf(self) -> Shelf:
        """Where outputs are kept. Raises Refuse in a worker without a system."""
        if self._shelf is None:
            raise Refuse("this function needs a running system")
        return self._shelf

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Exclude the same lock in other work processes; it ends with the block, or with this process.

        Raises Busy when another one holds it; not caught, the task comes again later.
        """
        grant = self._coordinator.take(f"lock.{name}", self._member)
        if grant is None:
            raise Busy(f"lock {name} is held")
        try:
            yield
        finally:
            self._coordinator.drop(grant)

    def limits(self) -> dict[str, tuple[int, int]]:
        """Resource -> how many tasks may use it at a time, and how many do."""
        return self._coordinator.capacities()

    def limit(self, resource: str, capacity: int) -> None:
        """So many tasks may use the resource at a time, from now on; may be said twice. What runs already goes on."""
        self._coordinator.set_capacity(resource, capacity)

    def release(self) -> int:
        """Resource calculation; only in queue R, whose holder this process must be."""
        row = self._coordinator.terms()["role.R"]
        return self._coordinator.release(Grant(row.term, self._member.incarnation, row.epoch))
