"""Starts of events that are tasks of the engine database (docs/design/events.md).

EVENT .. ASYNC DURABLE puts the task and is answered once it is kept. The work process that claims the task asks for its run, and again when
it took the task over: the same task is never begun twice here, and an end is remembered for whoever asks too late.
"""

from __future__ import annotations

import base64
import logging
import uuid
from collections import OrderedDict

from hisee._core.values import decode, encode
from hisee.background import Background
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import EventTask, JobNumber, Progress, ServiceResult, TaskPut, unpack
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.events import CannotOpen, Events, Run, Start, TaskKey
from hisee.server.registry import Process
from hisee.server.router import Router

log = logging.getLogger("hisee.server.durable")
PUT_S = TIMERS["api_request"].ms / 1000
PUTS = 3  # tries, each at another work process if the one before ended; one key, so one task
REMEMBERED = 10_000  # ends of tasks whose asker may be gone
NOT_NOW = (Ext.PROCESS_NOT_RUNNING, Ext.STANDBY, Ext.QUEUE_FULL, Ext.PROCESS_RESTARTED)  # the task decides whether it asks again


class DurableStarts:
    """Puts tasks, and runs events for them."""

    def __init__(self, core: Core, router: Router, events: Events) -> None:
        self._core, self._router, self._events = core, router, events
        self._known: dict[TaskKey, Start] = {}  # they run, or wait for a place
        self._ended: OrderedDict[TaskKey, ServiceResult] = OrderedDict()
        self._background = Background(log)
        core.handlers[Kind.EVENT_PUT] = self._put
        core.handlers[Kind.EVENT_TASK] = self._task
        core.handlers[Kind.EVENT_TASK_STOP] = self._stop
        events.task_begun, events.task_over = self._begun, self._over

    # -- EVENT .. DURABLE

    def _put(self, source: Process, message: Message) -> None:
        try:
            row = self._row(message)
        except CannotOpen as refused:
            self._core.fail(message, refused.error, refused.extended, refused.text)
        else:
            self._background.spawn(self._kept(message, row))

    def _row(self, message: Message) -> dict[str, object]:
        plan = self._events.trigger_plan(message.object)
        priority, names, _, *values = decode(message.payload)
        priority = priority or plan.priority
        args = {"priority": priority, "names": [n for n in names.split(",") if n], "given": base64.b64encode(encode(values)).decode()}
        return {"func": f"event.{plan.object}", "args": args, "priority": 50 * priority - 50, "once": f"once:{uuid.uuid4().hex}"}

    async def _kept(self, message: Message, row: dict[str, object]) -> None:
        for last in range(PUTS - 1, -1, -1):
            worker = self._router.work.choose(Lane.DIALOG)
            if worker is None:
                self._core.nobody(message, "durable starts: EVENT .. DURABLE needs a work process")
                return
            try:
                await self._core.ask(worker.number, Kind.TASK_PUT, TaskPut(rows=[row]), PUT_S, Lane.DIALOG)
            except RequestFailed as failed:
                if not last or failed.extended not in (Ext.PROCESS_RESTARTED, Ext.PROCESS_NOT_RUNNING):
                    self._core.fail(message, failed.error, failed.extended, failed.text)
                    return
            else:
                self._core.reply(message)
                return

    # -- what a work process asks

    def _task(self, source: Process, message: Message) -> None:
        task = unpack(EventTask, message.payload)
        key = TaskKey(task.task, task.run)
        known, ended = self._known.get(key), self._ended.get(key)
        if ended is not None:
            self._core.reply(message, ended)
        elif known is not None:
            self._asked_again(known, message)
        else:
            self._begin(task, key, message)

    def _begin(self, task: EventTask, key: TaskKey, message: Message) -> None:
        try:
            plan = self._events.trigger_plan(self._events.numbered(task.event), task.event)
            start = Start(plan, self._events.parent_number(plan), task.priority, names=task.names, modes="<" * len(task.names),
                          given=task.given, request=message, task=key)
        except CannotOpen as refused:
            if refused.extended in NOT_NOW:
                self._core.fail(message, refused.error, refused.extended, refused.text)
            else:
                self._core.reply(message, ServiceResult(ok=False, text=refused.text, final=True))
        else:
            self._known[key] = start
            self._events.want(start)

    def _asked_again(self, start: Start, message: Message) -> None:
        """Another work process watches it from now on."""
        start.request = message
        run = self._events.run_of(start)
        if run is not None and run.up:
            self._begun(run)

    def _stop(self, source: Process, message: Message) -> None:
        """The task was cancelled."""
        number = unpack(JobNumber, message.payload).job
        for key, start in [(key, start) for key, start in self._known.items() if key.task == number]:
            del self._known[key]
            self._events.give_up(start, "its task was cancelled")

    # -- what becomes of it

    def _begun(self, run: Run) -> None:
        start = run.start
        if start.request is not None and start.task is not None:
            self._core.tell(start.request.source, Kind.SERVICE_PROGRESS, Progress(task=start.task.task, share=0.0), Lane.JAVA)

    def _over(self, start: Start, error: int, extended: int, text: str) -> None:
        """It ran, or did not: in the first case this is its end for good."""
        request, key = start.request, start.task
        if key is None or self._known.pop(key, None) is None:
            return
        if error and (extended in NOT_NOW or error in (Err.ERR_TRANS_ABORT, Err.ERR_TIMEOUT)):
            if request is not None:
                self._core.fail(request, error, extended or Ext.PROCESS_RESTARTED, text)
            return
        result = ServiceResult(ok=not error, text=text if error else "", final=True)
        self._ended[key] = result
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        if request is not None:
            self._core.reply(request, result)
