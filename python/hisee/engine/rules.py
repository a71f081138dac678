"""Rules of durable tasks that do not depend on where they are kept: what a request must be, back-off, states, lines of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from hisee.engine.coordinator import ACTIVE, JSON, EngineError, Member, NotActive, TaskRequest, TermRow
from hisee.schema import limits, queues, task_states
from hisee.schema.task_states import TaskStateId

ARGS_BYTES = next(row.value for row in limits.ROWS if row.name == "task_args_bytes")
LONGEST_RETRY_S = 300.0
LAST_PRIORITY = 999
UNLISTED_CAPACITY = 1  # a resource that nobody gave a capacity lets one task run at a time
KEYS_KEPT_MS = 7 * 86_400_000

END_STATES = {"ok": TaskStateId.ENDED_OK, "not ok": TaskStateId.ENDED_NOT_OK, "cancelled": TaskStateId.CANCELLED, "lost": TaskStateId.LOST}
STATUS_OF = {state: status for status, state in END_STATES.items()} | {TaskStateId.DEAD_LETTER: "not ok"}
RETRIED_STATES = frozenset({TaskStateId.DEAD_LETTER, TaskStateId.ENDED_NOT_OK, TaskStateId.LOST, TaskStateId.REVIEW})
STEP_STATES = ("generated", "started", "active")
ELSEWHERE = ("program", "service", "event")  # kinds of functions that a work process watches while another process runs them


def encode(value: object) -> str:
    """JSON text; raises EngineError for what JSON cannot hold."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise EngineError(f"not a JSON value: {error}", hint="use texts, numbers, lists and dictionaries with text keys") from error


def encoded_args(request: TaskRequest, index: int, limit_bytes: int = ARGS_BYTES) -> str:
    """The arguments as JSON text after the request has been checked; raises EngineError that names request number `index`."""
    try:
        text = encode(request.args)
    except EngineError as error:
        raise refused(request, index, error.text) from error
    wrong = _wrong(request)
    if not wrong and len(text) > limit_bytes // 4 and len(text.encode()) > limit_bytes:
        wrong = f"arguments of {len(text.encode())} bytes, the limit is {limit_bytes}; put them into a file or a table"
    if wrong:
        raise refused(request, index, wrong)
    return text


def refused(request: TaskRequest, index: int, why: str) -> EngineError:
    return EngineError(f"request {index} ({request.func!r}): {why}", hint="nothing was put")


def _wrong(request: TaskRequest) -> str:
    row = queues.BY_NAME.get(request.queue)
    if row is None:
        return f"no queue `{request.queue}`; there are {', '.join(queues.BY_NAME)}"
    kind, point, name = request.func.partition(".")
    if not point or not name or kind not in row.runs.split():
        return f"queue {request.queue} runs {' '.join(f'{k}.NAME' for k in row.runs.split())}"
    if not 0 <= request.priority <= LAST_PRIORITY:
        return f"priority {request.priority} is not within 0..{LAST_PRIORITY}"
    if request.max_attempts < 1 or request.retry_s < 0 or request.timeout_s < 0 or request.due_ms < 0:
        return "max_attempts under 1, or a negative time"
    return ""


def backoff_ms(retry_s: float, attempt: int) -> int:
    """Wait before the attempt after `attempt`: doubled each time, at most LONGEST_RETRY_S."""
    return int(min(retry_s * 2.0 ** min(attempt - 1, 30), LONGEST_RETRY_S) * 1000)


def step_line(at_ms: int, state: int, by: str = "", note: str = "") -> str:
    """One line of a task's life, as it is kept: `ms state by note`, with a line feed at its end."""
    return f"{at_ms} {int(state)} {by or '-'} {note.replace(chr(10), ' ')}".rstrip() + "\n"


def own_lines(steps: Sequence[str]) -> str:
    """Lines that a work process noted itself (`ms state who`)."""
    return "".join(step.replace("\n", " ") + "\n" for step in steps)


def read_steps(text: str) -> list[JSON]:
    """Lines of a life as dictionaries: state (name), at_ms, by, message (number of the message, then the note)."""
    return [_read_step(line) for line in text.splitlines() if line]


def _read_step(line: str) -> JSON:
    at, state, by, note = (line.split(" ", 3) + ["", "", ""])[:4]
    row = task_states.BY_NUMBER[int(state)] if state.isdigit() else task_states.BY_NAME[state]
    return {"state": row.name, "at_ms": int(at), "by": "" if by == "-" else by, "message": f"{row.message} {note}".rstrip()}


def elsewhere(func: str) -> bool:
    """Its work process only watches it: the death of the watcher is no fault of the task and counts no attempt."""
    return func.partition(".")[0] in ELSEWHERE


def first_state(request: TaskRequest, now_ms: int) -> TaskStateId:
    """What `registered` turns into at once."""
    return open_state(now_ms, request.due_ms, condition=bool(request.after), resource=bool(request.resources))


def open_state(now_ms: int, due_ms: int, *, condition: bool, resource: bool) -> TaskStateId:
    """Where a task waits: for its time, then for the tasks before it, then for its resources."""
    if due_ms > now_ms:
        return TaskStateId.WAITING_DUE
    if condition:
        return TaskStateId.WAITING_CONDITION
    return TaskStateId.WAITING_RESOURCE if resource else TaskStateId.READY


def active_node(members: Sequence[Member], terms: Mapping[str, TermRow]) -> str | None:
    """The computer whose work processes work; "" = none at this moment, None = all of them: there is no group."""
    row = terms.get(ACTIVE)
    if row is None:
        return None
    return next((m.node for m in members if row.holder and m.incarnation == row.holder), "")


def is_active(node: str, members: Sequence[Member], terms: Mapping[str, TermRow]) -> bool:
    return active_node(members, terms) in (None, node)


def not_active(member: Member) -> NotActive:
    return NotActive(f"{member.name} is of {member.node or 'a computer without a name'}, which is not the active computer")
