"""Requests of the lane dialog: tasks, schedules and facts for commands and pages. Answered at once from the engine; runs nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from hisee.channel import Message
from hisee.channel.payloads import (
    FactsGet,
    Failed,
    Files,
    OutputGet,
    Payload,
    SchedulePut,
    Table,
    TaskIds,
    TaskNumber,
    TaskPut,
    TaskQuery,
    pack,
    unpack,
)
from hisee.engine.coordinator import Coordinator, EngineError, Schedule, TaskRow
from hisee.outputs.shelf import FACT, OutputRefused, Shelf
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.work.acceptance import ONCE_PREFIX, Acceptance, Unacceptable
from hisee.work.declared import PREFIX, alike

log = logging.getLogger("hisee.work.dialog")
MOST_ROWS = 10_000  # of one list: a longer one is read in pages, so that nobody waits behind it
Handler = Callable[[bytes], Payload | None]


class Unknown(Exception):
    """No task or schedule of that number or name."""


class Dialog:
    """Handlers by message kind; other parts add theirs to `handlers`. Belongs to the steward's thread, as its Coordinator does."""

    def __init__(self, engine: Coordinator, acceptance: Acceptance, ring: Callable[[Iterable[str]], None],
                 shelf: Shelf | None = None) -> None:
        """`ring` wakes the workers of queues; `shelf` holds the outputs."""
        self._shelf = shelf
        self._engine, self._acceptance, self._ring = engine, acceptance, ring
        self.answered = 0
        self.handlers: dict[int, Handler] = {
            Kind.TASK_PUT: self._put, Kind.TASK_LIST: self._list, Kind.TASK_SHOW: self._show,
            Kind.TASK_CANCEL: self._cancel, Kind.TASK_RETRY: self._retry,
            Kind.OUTPUT_LIST: self._outputs, Kind.OUTPUT_GET: self._output,
            Kind.SCHEDULE_LIST: self._schedules, Kind.SCHEDULE_PUT: self._schedule, Kind.FACTS_GET: self._facts,
        }

    def takes(self, message: Message) -> bool:
        return message.kind in self.handlers

    def answer(self, message: Message) -> Message:
        """REPLY or FAILED to one request."""
        self.answered += 1
        try:
            payload = self.handlers[message.kind](message.payload)
            return self._end(message, Kind.REPLY, b"" if payload is None else pack(payload))
        except Unknown as error:
            return self._fail(message, Err.ERR_OBJECT_NOT_FOUND, str(error))
        except (Unacceptable, EngineError, msgspec.ValidationError, msgspec.DecodeError) as error:
            return self._fail(message, Err.ERR_TRANS_ERROR, str(error))
        except Exception as error:  # whoever asks gets an answer, whatever is broken here
            log.exception("%s", Kind(message.kind).name)
            return self._fail(message, Err.ERR_TRANS_ERROR, f"{type(error).__name__}: {error}")

    def refuse(self, message: Message) -> Message:
        """FAILED to a request that nobody here takes."""
        return self._fail(message, Err.ERR_NOT_SUPPORTED, f"work processes do not answer messages of kind {message.kind:#06x}")

    def _end(self, request: Message, kind: Kind, payload: bytes) -> Message:
        return Message(kind=kind, lane=request.lane, source=request.target, target=request.source, corr=request.corr, payload=payload)

    def _fail(self, request: Message, error: Err, text: str) -> Message:
        return self._end(request, Kind.FAILED, pack(Failed(error=error, text=text)))

    # -- tasks

    def _put(self, payload: bytes) -> TaskIds:
        """Durable when it returns; all or none."""
        requests = [self._acceptance.request(row) for row in unpack(TaskPut, payload).rows]
        ids = self._engine.put(requests)
        self._ring({request.queue for request in requests})
        return TaskIds(ids=ids)

    def _list(self, payload: bytes) -> Table:
        query = unpack(TaskQuery, payload)
        limit = min(max(query.limit, 1), MOST_ROWS)
        found = self._engine.tasks(state=query.state, queue=query.queue, func=query.func, limit=limit, before=query.before)
        return Table(rows=[_without_life(row) for row in found])

    def _show(self, payload: bytes) -> Table:
        return Table(rows=[_shown(self._task(unpack(TaskNumber, payload).id))])

    def _task(self, number: int) -> TaskRow:
        row = self._engine.task(number)
        if row is None:
            raise Unknown(f"no task {number}; `hisee task list` shows the newest")
        return row

    def _cancel(self, payload: bytes) -> Table:
        row = self._task(unpack(TaskNumber, payload).id)
        done = self._engine.cancel(row.id)
        self._ring({row.queue})  # the next one of its order key may run
        return Table(rows=[{"id": row.id, "done": done}])

    def _retry(self, payload: bytes) -> Table:
        row = self._task(unpack(TaskNumber, payload).id)
        done = self._engine.retry(row.id)
        self._ring({row.queue})
        return Table(rows=[{"id": row.id, "done": done}])

    # -- schedules and facts

    def _schedules(self, payload: bytes) -> Table:
        return Table(rows=[msgspec.to_builtins(schedule) for schedule in self._engine.schedules()])

    def _schedule(self, payload: bytes) -> None:
        order = unpack(SchedulePut, payload)
        made = None if order.drop else self._acceptance.schedule(order.row)
        self._not_declared(order.drop or (made.name if made else ""), made)
        if made is not None:
            self._engine.put_schedule(made)
        elif not self._engine.drop_schedule(order.drop):
            raise Unknown(f"no schedule {order.drop!r}; `hisee task schedule list` shows them")

    def _not_declared(self, name: str, made: Schedule | None) -> None:
        """One that tasks.py declares would come back as it was with the next text or start; it may be switched off."""
        known = next((s for s in self._engine.schedules() if s.name == name), None)
        if name.startswith(PREFIX) and not (made and known and alike(made, known)):
            raise Unacceptable(f"schedule {name}: names that begin with {PREFIX} are those that tasks.py declares",
                               hint="change it there and `hisee save APP`, or give another name")

    def _facts(self, payload: bytes) -> Table:
        facts = self._engine.facts(unpack(FactsGet, payload).prefix)
        return Table(rows=[{"key": key, "value": value} for key, value in facts.items()])


    # -- outputs

    def _outputs(self, payload: bytes) -> Table:
        return Table(rows=sorted(self._engine.facts(FACT).values(), key=lambda row: (row["made_ms"], row["file"])))

    def _output(self, payload: bytes) -> Files:
        wanted = unpack(OutputGet, payload).name
        try:
            if self._shelf is None:
                raise OutputRefused("outputs are not kept here")
            return Files(files={wanted: self._shelf.get(wanted)})
        except OutputRefused as error:
            raise Unknown(str(error)) from error


def _without_life(row: TaskRow) -> dict[str, Any]:
    """A line of a list: the life of a task is for `show`."""
    built = _shown(row)
    del built["steps"]
    return built


def _shown(row: TaskRow) -> dict[str, Any]:
    """A key that only named one call of a client is nobody's business."""
    built: dict[str, Any] = msgspec.to_builtins(row)
    return built | {"key": ""} if row.key.startswith(ONCE_PREFIX) else built
