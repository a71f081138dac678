"""Durable tasks as a client sees them: put, follow, cancel, retry, schedule. Knows requests, not who answers them."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from hisee.channel.payloads import FactsGet, Files, OutputGet, Payload, SchedulePut, Table, TaskIds, TaskNumber, TaskPut, TaskQuery, unpack
from hisee.errors import CannotConnect, HiseeError, TimeOver, UsageError
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.task_states import BY_NAME as STATES
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.tasks import cause

Row = dict[str, Any]
Rows = list[Row]
BATCH = 1000  # rows of one request: one commit of the engine
FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.25  # pauses of `result` between two looks
REQUEST_S = TIMERS["api_request"].ms / 1000
NOBODY_S = 3.0  # so long a request waits for a work process that is being started again


class Session(Protocol):
    """The part of a session that tasks need; `hisee.System` is one."""

    def ask(self, kind: Kind, payload: Payload | bytes = b"", *, target: int, lane: int, timeout_s: float) -> bytes: ...


class TaskFailed(HiseeError):
    """The task ended, and not ok: `row` tells how."""

    def __init__(self, row: Row) -> None:
        why = cause(row.get("text") or "")
        super().__init__(f"task {row['id']} ({row['func']}) {row['state']}{why and f': {why}'}",
                         hint=f"`hisee task show {row['id']}` shows its life")
        self.row = row


class Task:
    """One durable task of the system. Every property asks the system anew."""

    def __init__(self, tasks: Tasks, number: int) -> None:
        self._tasks, self.id = tasks, number

    def __repr__(self) -> str:
        return f"<hisee.Task {self.id}>"

    @property
    def row(self) -> Row:
        """All facts, `steps` among them: its life so far. Raises RequestRefused when there is no such task."""
        return self._tasks.show(self.id)

    @property
    def state(self) -> str:
        """A row of the task_states table: ready, active, ended ok, dead letter, ..."""
        return str(self.row["state"])

    @property
    def progress(self) -> float | None:
        """0..1 as the task said last; None before it says anything."""
        share = self.row["progress"]
        return None if share is None else float(share)

    def result(self, timeout: float | None = None) -> Any:
        """Wait until it ended ok and return its result. Raises TaskFailed, TimeOver after `timeout` seconds."""
        row = self.wait(timeout)
        if row["state"] != "ended ok":
            raise TaskFailed(row)
        return row["result"]

    def wait(self, timeout: float | None = None, tell: Callable[[Row], None] = lambda row: None) -> Row:
        """Wait until it ended, in whatever way; `tell` gets the facts at each look. Raises TimeOver after `timeout` seconds."""
        end, pause = None if timeout is None else time.monotonic() + timeout, FIRST_LOOK_S
        while True:
            row = self.row
            tell(row)
            if ended(row):
                return row
            if end is not None and time.monotonic() + pause > end:
                raise TimeOver(f"task {self.id} ({row['func']}) is {row['state']} after {timeout:g} s")
            time.sleep(pause)
            pause = min(LONGEST_LOOK_S, pause * 1.5)

    def cancel(self) -> bool:
        """End it; what it did not commit yet does not happen. False when it had ended before."""
        return self._tasks.cancel(self.id)

    def retry(self) -> bool:
        """Run a dead letter or a failed one again, attempts counted from 0. False when it is neither."""
        return self._tasks.retry(self.id)


class Tasks:
    """The durable tasks of a running system: `system.tasks`."""

    def __init__(self, session: Session, retry_on: type[HiseeError]) -> None:
        """`retry_on`: what `session.ask` raises for a refused request; it has `error` and `extended`."""
        self._session, self._refused = session, retry_on

    def __getitem__(self, number: int) -> Task:
        return Task(self, number)

    def enqueue(self, func: str, /, *, queue: str = "", priority: int | None = None, retries: int | None = None, idempotency_key: str = "",
                due: dt.datetime | dt.timedelta | str | None = None, order_key: str = "", options: Mapping[str, Any] | None = None,
                **args: Any) -> Task:
        """Put one task; durable when this returns. `func` is tasks.NAME, program.NAME, service.NAME or engine.NAME, `args` what it gets.

        `queue`, `priority` and `retries` (attempts after the first) are the function's own unless given. `due` is a moment, its
        ISO 8601 text, or a time from now. A second call with the same `idempotency_key` returns the first one's task. `options` are
        further fields of a task request (after, resources, timeout_s, agent, retry_s). Raises RequestRefused naming what is wrong.
        """
        request = request_row(func, args, queue=queue, priority=priority, retries=retries, key=idempotency_key, due=due,
                              order_key=order_key, options=options)
        return self.put([request])[0]

    def put(self, requests: Iterable[Mapping[str, Any]]) -> list[Task]:
        """Put many, in batches; requests are fields of a task request. In the order of the requests."""
        rows, out = [keyed(row) for row in requests], []
        for start in range(0, len(rows), BATCH):
            answer = self._ask(Kind.TASK_PUT, TaskPut(rows=rows[start : start + BATCH]))
            out += [Task(self, number) for number in unpack(TaskIds, answer).ids]
        return out

    def list(self, *, state: str = "", queue: str = "", func: str = "", limit: int = 100, before: int = 0) -> Rows:
        """Facts of tasks, newest first; `before` = only ids below it."""
        if state and state not in STATES:
            raise UsageError(f"no task state {state!r}", hint=f"one of {', '.join(STATES)}")
        return self._rows(Kind.TASK_LIST, TaskQuery(state=state, queue=queue, func=func, limit=limit, before=before))

    def show(self, number: int) -> Row:
        return self._rows(Kind.TASK_SHOW, TaskNumber(id=number))[0]

    def cancel(self, number: int) -> bool:
        return bool(self._rows(Kind.TASK_CANCEL, TaskNumber(id=number))[0]["done"])

    def retry(self, number: int) -> bool:
        return bool(self._rows(Kind.TASK_RETRY, TaskNumber(id=number))[0]["done"])

    # -- schedules and facts

    def schedules(self) -> Rows:
        """Durable schedules: name, rule, zone, missed, next_ms (0 = ended), enabled, request."""
        return self._rows(Kind.SCHEDULE_LIST)

    def schedule(self, name: str, rule: str, func: str, /, *, zone: str = "", missed: str = "once", enabled: bool = True,
                 queue: str = "", priority: int | None = None, retries: int | None = None, **args: Any) -> None:
        """Make or change the schedule `name`. `rule`: "cron M H D M W", "every SECONDS" or "at MOMENT"; `missed` instants: skip, once, all.
        The zone is the system's unless given."""
        request = request_row(func, args, queue=queue, priority=priority, retries=retries)
        self.put_schedule({"name": name, "rule": rule, "zone": zone, "missed": missed, "enabled": enabled, "request": request})

    def put_schedule(self, row: Row) -> None:
        """The same with the fields of a schedule: name, rule, request, zone, missed, enabled."""
        self._ask(Kind.SCHEDULE_PUT, SchedulePut(row=row))

    def drop_schedule(self, name: str) -> None:
        """Raises RequestRefused when there is none of that name."""
        self._ask(Kind.SCHEDULE_PUT, SchedulePut(drop=name))

    def facts(self, prefix: str = "") -> dict[str, Any]:
        """Facts that tasks wrote, by the beginning of their keys."""
        return {row["key"]: row["value"] for row in self._rows(Kind.FACTS_GET, FactsGet(prefix=prefix))}

    def outputs(self) -> Rows:
        """Reports and exports that were made: file, name, bytes, task, made_ms; oldest first."""
        return self._rows(Kind.OUTPUT_LIST)

    def output(self, file: str) -> bytes:
        """One of them, whole. Raises RequestRefused when there is none of that name."""
        return unpack(Files, self._ask(Kind.OUTPUT_GET, OutputGet(name=file))).files[file]

    # -- requests

    def _rows(self, kind: Kind, payload: Payload | bytes = b"") -> Rows:
        return unpack(Table, self._ask(kind, payload)).rows

    def _ask(self, kind: Kind, payload: Payload | bytes) -> bytes:
        """Every request here may be made twice (a put carries keys): the loss of the process that answers is no one's concern."""
        deadline = time.monotonic() + REQUEST_S
        nobody = time.monotonic() + NOBODY_S
        while True:
            try:
                return self._session.ask(kind, payload, target=0, lane=Lane.DIALOG, timeout_s=max(1.0, deadline - time.monotonic()))
            except OverflowError as error:
                raise UsageError(f"a number is too large for a message: {error}") from None
            except self._refused as refused:
                if time.monotonic() > (deadline if was_lost(refused) else nobody if is_nobody(refused) else 0.0):
                    raise (_absent(refused) if is_nobody(refused) else refused) from None
            time.sleep(0.05)


def was_lost(refused: Any) -> bool:
    """The process that had the request ended; whether it was carried out nobody can say."""
    return bool(refused.error == Err.ERR_TRANS_ABORT and refused.extended == Ext.PROCESS_RESTARTED)


def is_nobody(refused: Any) -> bool:
    return bool(refused.error == Err.ERR_TRANS_ABORT and refused.extended == Ext.PROCESS_NOT_RUNNING)


def _absent(refused: HiseeError) -> CannotConnect:
    return CannotConnect(refused.text, hint="start a work process: `hisee wp`, or {kind=\"wp\"} in app.toml")


def ended(row: Row) -> bool:
    return STATES[row["state"]].ended


def request_row(func: str, args: Mapping[str, Any], *, queue: str = "", priority: int | None = None, retries: int | None = None,
                key: str = "", due: dt.datetime | dt.timedelta | str | None = None, order_key: str = "",
                options: Mapping[str, Any] | None = None) -> Row:
    """Fields of a task request; what is not given is left out, so that the function's own defaults hold."""
    row: Row = {"func": func, "args": plain(args), **(options or {})}
    given: Sequence[tuple[str, Any]] = (
        ("queue", queue or None), ("priority", priority), ("max_attempts", None if retries is None else retries + 1), ("key", key or None),
        ("due_ms", None if due is None else moment_ms(due)), ("order_key", order_key or None))
    return row | {name: value for name, value in given if value is not None}


def keyed(row: Mapping[str, Any]) -> Row:
    """With a name for this one call: a put whose answer was lost is made again without a second task."""
    return {**row, "once": f"once:{uuid.uuid4().hex}"}


def plain(args: Mapping[str, Any]) -> Row:
    """Arguments as they will be stored; raises UsageError for what JSON cannot hold."""
    try:
        stored: Row = msgspec.json.decode(msgspec.json.encode(dict(args)))
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"arguments of a task are JSON: {error}") from error
    return stored


def moment_ms(due: dt.datetime | dt.timedelta | str, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> int:
    """Milliseconds UTC of a moment, of its ISO 8601 text, or of a time from now; a moment without zone is this computer's."""
    try:
        moment = now() + due if isinstance(due, dt.timedelta) else dt.datetime.fromisoformat(due) if isinstance(due, str) else due
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError, AttributeError):
        said = str(due) if isinstance(due, dt.timedelta) else repr(due)
        raise UsageError(f"{said} is no moment", hint="ISO 8601, such as 2026-12-01T06:00+01:00") from None
