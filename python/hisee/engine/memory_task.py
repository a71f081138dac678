"""Tasks of the engine in memory: one object per task, and the sets in which it stands by its state."""

from __future__ import annotations

from collections.abc import Callable

from hisee.engine import rules
from hisee.engine.coordinator import Claim, TaskRequest, TaskRow
from hisee.schema.task_states import BY_NUMBER as STATES
from hisee.schema.task_states import TaskStateId as S

ENDED = frozenset(S(n) for n, row in STATES.items() if row.ended)
NAMES = {S(n): row.name for n, row in STATES.items()}


class Task:
    """`orphaned`: it was running when its member died, and nobody has taken it since."""

    __slots__ = ("id", "request", "state", "due_ms", "attempt", "owner", "owner_name", "token", "status", "result", "text", "progress",
                 "progress_text", "generated", "created_ms", "ended_ms", "steps", "orphaned")

    def __init__(self, number: int, request: TaskRequest, now_ms: int) -> None:
        self.id, self.request, self.state = number, request, S.REGISTERED
        self.due_ms, self.created_ms, self.ended_ms = request.due_ms or now_ms, now_ms, 0
        self.attempt = self.owner = self.token = 0
        self.owner_name = self.status = self.text = self.progress_text = self.generated = ""
        self.result: object = None
        self.progress: float | None = None
        self.steps: list[str] = []
        self.orphaned = False

    def order(self) -> tuple[int, int, int]:
        """Priority, due time, arrival (R109)."""
        return self.request.priority, self.due_ms, self.id

    def note(self, at_ms: int, state: S, by: str = "", note: str = "") -> None:
        self.steps.append(rules.step_line(at_ms, state, by, note))

    def claim(self) -> Claim:
        r = self.request
        return Claim(id=self.id, token=self.token, attempt=self.attempt, func=r.func, args=r.args, queue=r.queue, priority=r.priority,
                     due_ms=self.due_ms, order_key=r.order_key, created_ms=self.created_ms, max_attempts=r.max_attempts,
                     retry_s=r.retry_s, timeout_s=r.timeout_s, resources=r.resources, agent=r.agent, parent=r.parent,
                     generated=self.generated)

    def row(self) -> TaskRow:
        r = self.request
        return TaskRow(id=self.id, func=r.func, queue=r.queue, state=NAMES[self.state], priority=r.priority, due_ms=self.due_ms,
                       attempt=self.attempt, max_attempts=r.max_attempts, owner=self.owner_name, order_key=r.order_key, key=r.key,
                       args=r.args, status=self.status, result=self.result, text=self.text, progress=self.progress,
                       progress_text=self.progress_text, generated=self.generated, created_ms=self.created_ms, ended_ms=self.ended_ms,
                       agent=r.agent, parent=r.parent, resources=r.resources, after=r.after,
                       steps=rules.read_steps("".join(self.steps)))


class Tasks:
    """All tasks by number, and indexes of the living ones. `move` is the only way to another state."""

    def __init__(self) -> None:
        self.all: dict[int, Task] = {}
        self.living: dict[int, Task] = {}
        self.ready: dict[str, dict[int, Task]] = {}
        self.due: dict[int, Task] = {}
        self.condition: dict[int, Task] = {}
        self.resource: dict[int, Task] = {}
        self.by_key: dict[str, int] = {}
        self._by_order_key: dict[str, dict[int, Task]] = {}
        self._last = 0

    def add(self, request: TaskRequest, now_ms: int) -> Task:
        self._last += 1
        task = Task(self._last, request, now_ms)
        self.all[task.id] = task
        if request.key:
            self.by_key[request.key] = task.id
        return task

    def move(self, task: Task, state: S) -> None:
        self._leave(task)
        task.state = state
        if state in ENDED:
            return
        self.living[task.id] = task
        if task.request.order_key:
            self._by_order_key.setdefault(task.request.order_key, {})[task.id] = task
        index = self._index(task)
        if index is not None:
            index[task.id] = task

    def _leave(self, task: Task) -> None:
        index = self._index(task)
        if index is not None:
            index.pop(task.id, None)
        self.living.pop(task.id, None)
        if task.request.order_key:
            same = self._by_order_key.get(task.request.order_key, {})
            same.pop(task.id, None)
            if not same:
                self._by_order_key.pop(task.request.order_key, None)

    def _index(self, task: Task) -> dict[int, Task] | None:
        if task.state == S.READY:
            return self.ready.setdefault(task.request.queue, {})
        return {S.WAITING_DUE: self.due, S.WAITING_CONDITION: self.condition, S.WAITING_RESOURCE: self.resource}.get(task.state)

    def remove(self, task: Task) -> None:
        self._leave(task)
        del self.all[task.id]
        if task.request.key:
            self.by_key.pop(task.request.key, None)

    def of(self, incarnation: int) -> list[Task]:
        return [task for task in self.living.values() if task.owner == incarnation]

    def next_of_key(self, task: Task) -> bool:
        """True when nothing stands before it: no key, or the oldest living one of its key with none of them running."""
        if not task.request.order_key:
            return True
        same = self._by_order_key[task.request.order_key]
        return min(same) == task.id and not any(other.owner for other in same.values())

    def waiting(self, fits: Callable[[Task], bool]) -> list[Task]:
        """Living ones in nobody's hands."""
        return [task for task in self.living.values() if not task.owner and fits(task)]
