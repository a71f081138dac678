"""Events: which event handler runs what, starts by values, by scripts and by an operator, and their ends (docs/design/events.md).

The server decides; an event handler runs what it is told, as an SES does with remote parts.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hisee._core.values import decode, encode
from hisee.background import Background
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import EventEnded, EventRun, SeeStop, unpack
from hisee.model.events import OWN_PARENT, EventPlan
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.opening import Opening
from hisee.server.registry import Process, State
from hisee.server.router import Router
from hisee.server.triggers import Triggers
from hisee.server.values import Values
from hisee.values import Ref

log = logging.getLogger("hisee.server.events")
EACH_S = TIMERS["see_start_each"].ms / 1000
STAYS = ("server",)


class CannotOpen(Exception):
    """An event that is not started; `error` is an _ERR_ number."""

    def __init__(self, error: int, extended: int, text: str) -> None:
        super().__init__(text)
        self.error, self.extended, self.text = error, extended, text


@dataclass(slots=True)
class Start:
    """One run that is wanted. `request` is whose answer waits for its end."""

    plan: EventPlan
    host: int
    priority: int
    instance: int = 0
    names: list[str] = field(default_factory=list)
    modes: str = ""
    given: bytes = b""
    request: Message | None = None


@dataclass(slots=True, eq=False)
class Run:
    """A script of an event that was handed to an event handler."""

    start: Start
    process: Process
    up: bool = False

    @property
    def stays(self) -> bool:
        return self.start.plan.type in STAYS


class Events:
    """All events of the system on this server."""

    def __init__(self, core: Core, values: Values, router: Router, opening: Opening, limits: dict[str, int], node: str, *,
                 plans: Callable[[], list[EventPlan]], handlers: Callable[[], list[tuple[str, str]]]) -> None:
        """`plans`: events as they are stored now; `handlers`: name and node of the configured event handlers."""
        self._core, self._values, self._router, self._opening = core, values, router, opening
        self._limits, self._node, self._stored, self._handlers = limits, node, plans, handlers
        self.runs: dict[int, Run] = {}
        self.plans: dict[int, EventPlan] = {}
        self.active = True  # False: another server of the group is hot
        self.only: Process | None = None  # `hisee run`: it runs every event, and none by itself
        self._triggers = Triggers(values.table)
        self._waiting: dict[int, list[tuple[int, int, Start]]] = {}  # event handler -> heap of (priority, order, start)
        self._order = 0
        self._again: set[int] = set()  # events that merge: a change came while they ran
        self._background = Background(log)
        values.observers.append(self._changed)
        core.handlers[Kind.EVENT_START] = self._event_start
        core.handlers[Kind.EVENT_ENDED] = self._event_ended
        core.ended.append(self._process_ended)

    # -- the configuration

    def configured(self) -> None:
        """The store may have changed: server events that were saved start anew at their parent, what others opened runs on (R61)."""
        before, self.plans = self.plans, {plan.hbj: plan for plan in self._stored()}
        if not self.active or self.only is not None:
            return
        self._triggers.configure(self.plans.values())
        for run in [r for r in self.runs.values() if self._own(r)]:
            plan = self.plans.get(run.start.plan.hbj)
            if plan is None or plan.version != run.start.plan.version or plan.type != run.start.plan.type or self.parent(
                    plan) is not self._core.registry.get(run.start.host):
                self.stop(run, "saved")
        for plan in self.plans.values():
            old = before.get(plan.hbj)
            if old is None or old.version != plan.version:
                self._open_server_event(plan)

    def _own(self, run: Run) -> bool:
        """The run of a server event that its parent has by itself."""
        return run.stays and run.start.instance == 0 and run.start.request is None

    def parent(self, plan: EventPlan) -> Process | None:
        """The event handler that runs it, while it runs."""
        if self.only is not None:
            return self.only
        if plan.parent != OWN_PARENT:
            return next((p for p in self._core.registry.of_kind("EVH") if p.name.casefold() == plan.parent and p.link), None)
        configured = self._handlers()
        names = [name for name, node in configured if node == self._node] or [name for name, _ in configured]
        if names:
            found = self._core.registry.named(names[0])
            return found if found is not None and found.running and found.link else None
        running = [p for p in self._core.registry.of_kind("EVH") if p.link]
        return min(running, key=lambda p: p.logon_order, default=None)

    # -- life of event handlers and of this server

    def handler_up(self, handler: Process) -> None:
        """An event handler has logged on: its server events and start-up events begin."""
        if not self.plans:
            self.plans = {plan.hbj: plan for plan in self._stored()}
            if self.active and self.only is None:
                self._triggers.configure(self.plans.values())
        if self.active and self.only is None:
            for plan in self.plans.values():
                if self.parent(plan) is handler:
                    self._begin(plan)

    def _begin(self, plan: EventPlan) -> None:
        self._open_server_event(plan)
        if plan.type == "start_up" and plan.unit:
            self._wanted(Start(plan, self._host(plan), plan.priority))

    def _open_server_event(self, plan: EventPlan) -> None:
        parent = self.parent(plan)
        if plan.type != "server" or parent is None or not plan.unit:
            return
        if not any(self._own(run) and run.start.plan.hbj == plan.hbj for run in self.runs.values()):
            self._wanted(Start(plan, parent.number, plan.priority))

    def _host(self, plan: EventPlan) -> int:
        parent = self.parent(plan)
        return parent.number if parent is not None else 0

    def begin(self) -> None:
        """This server is hot: everything starts afresh (R80)."""
        self.active = True
        self.plans = {}
        for handler in self._core.registry.of_kind("EVH"):
            if handler.link is not None:
                self.handler_up(handler)

    def end(self) -> None:
        """This server is hot no more: all scripts of its event handlers end, and what waits does not start (R80)."""
        self.active = False
        waiting, self._waiting = self._waiting, {}
        self._triggers.configure(())
        self._again.clear()
        for _, _, start in [entry for heap in waiting.values() for entry in heap]:
            self._refuse(start, Err.ERR_TRANS_ABORT, Ext.STANDBY, "the server is not hot any more")
        for run in list(self.runs.values()):
            self.stop(run, "the server is not hot any more")

    # -- starts

    def _changed(self, ref: Ref) -> None:
        if not self.active:
            return
        for plan in self._triggers.changed(ref):
            self._triggered(plan)

    def _triggered(self, plan: EventPlan) -> None:
        host = self._host(plan)
        if not host:
            log.info("%s does not start: its event handler does not run", plan.object)
        elif plan.merge and self._busy(plan):
            self._again.add(plan.hbj)
        else:
            self._wanted(Start(plan, host, plan.priority))

    def _busy(self, plan: EventPlan) -> bool:
        waiting = any(start.plan.hbj == plan.hbj for heap in self._waiting.values() for _, _, start in heap)
        return waiting or any(run.start.plan.hbj == plan.hbj for run in self.runs.values())

    def _event_start(self, source: Process, message: Message) -> None:
        """EVENT of a script."""
        try:
            self._wanted(self._start_of(source, message))
        except CannotOpen as refused:
            self._core.fail(message, refused.error, refused.extended, refused.text)

    def _start_of(self, source: Process, message: Message) -> Start:
        plan = self.plan_of(message.object)
        if plan.type != "trigger":
            raise CannotOpen(Err.ERR_NOT_SUPPORTED, Ext.WRONG_TYPE, f"{plan.object} is a {plan.type} event: EVENT starts trigger events")
        if message.wants_answer and source.kind == "EVS" and source.object == plan.object:
            raise CannotOpen(Err.ERR_DEADLOCK, 0, f"deadlock: {plan.object} waits for itself; start it with ASYNC")
        host = self._host(plan)
        if not host:
            raise CannotOpen(Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, f"the event handler of {plan.object} does not run")
        priority, names, modes, *values = decode(message.payload)
        return Start(plan, host, priority or plan.priority, names=[n for n in names.split(",") if n], modes=modes, given=encode(values),
                     request=message if message.wants_answer else None)

    def plan_of(self, number: int) -> EventPlan:
        """Raises CannotOpen."""
        if not self.active:
            raise CannotOpen(Err.ERR_TRANS_IGNORED, Ext.STANDBY, f"{self._node} is no hot server")
        if number not in self.plans:
            self.plans = {plan.hbj: plan for plan in self._stored()}
        plan = self.plans.get(number)
        if plan is None:
            name = self._core.name_of(number) if number else "nothing"
            raise CannotOpen(Err.ERR_OBJECT_NOT_FOUND, Ext.OBJECT_UNKNOWN, f"{name} is no event")
        return plan

    def _wanted(self, start: Start) -> None:
        """Run it now, or when its turn has come: at most `event_runs` of those that end by themselves run at once."""
        if start.plan.type in STAYS or self._running(start.host) < self._limits["event_runs"]:
            self._run(start)
            return
        heap = self._waiting.setdefault(start.host, [])
        if len(heap) >= self._limits["event_starts"]:
            log.warning("%s is not started: limit event_starts = %d", start.plan.object, self._limits["event_starts"])
            self._refuse(start, Err.ERR_TRANS_ABORT, Ext.QUEUE_FULL, f"{start.plan.object}: too many starts wait")
            return
        self._order += 1
        heapq.heappush(heap, (start.priority, self._order, start))

    def _running(self, host: int) -> int:
        return sum(run.start.host == host and not run.stays for run in self.runs.values())

    def _refuse(self, start: Start, error: int, extended: int, text: str) -> None:
        if start.request is not None:
            self._core.fail(start.request, error, extended, text)

    def _run(self, start: Start) -> Run | None:
        """None = its caller would wait for itself."""
        host = self._core.registry.get(start.host)
        if host is None or host.link is None:
            self._refuse(start, Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, f"the event handler of {start.plan.object} does not run")
            return None
        registry = self._core.registry
        process = registry.add(Process(
            number=registry.free_number(), name=registry.free_name(host.name.rsplit(".", 1)[0], "EVS"), kind="EVS",
            object=start.plan.object, node=host.node, pid=host.pid, host=host.number, facts={"instance": start.instance}))
        self._core.route(process, host.link)
        if start.request is not None:
            start.request.target = process.number
            if not self._router.waits(start.request):
                self._opening.process_gone(process, State.STOP)
                return None
        run = self.runs[process.number] = Run(start, process)
        self._values.subscribe(host.number, start.plan.objects)
        self._background.spawn(self._hand_over(run))
        return run

    async def _hand_over(self, run: Run) -> None:
        try:
            await self._core.ask(run.start.host, Kind.EVENT_RUN, self._order_of(run), EACH_S, Lane.SCRIPT)
        except RequestFailed as failed:
            log.warning("%s: %s", run.process.object, failed)
            if self.runs.get(run.process.number) is run:
                self._core.tell(run.start.host, Kind.EVENT_STOP, SeeStop(number=run.process.number, reason="not started"), Lane.SCRIPT)
                self._over(run, b"", failed.text, failed.error)
        else:
            run.up = True

    def _order_of(self, run: Run) -> EventRun:
        start, plan = run.start, run.start.plan
        return EventRun(number=run.process.number, name=run.process.name, object=plan.object, version=plan.version, unit=plan.unit,
                        stays=run.stays, instance=start.instance, priority=start.priority, variables=plan.variables,
                        values=self._values.snapshot(plan.objects, self._values.takes_flags(run.process.host)), limits=self._limits,
                        names=start.names, modes=start.modes, given=start.given)

    async def open(self, plan: EventPlan, host: Process, instance: int) -> None:
        """OPENEVENT at an event handler; raises CannotOpen."""
        if plan.type != "server":
            raise CannotOpen(Err.ERR_NOT_SUPPORTED, Ext.WRONG_TYPE,
                             f"{plan.object} is a {plan.type} event: {host.name} opens server events")
        if self.only is None and self.parent(plan) is host:
            raise CannotOpen(Err.ERR_TRANS_IGNORED, 0, f"{host.name} is the parent of {plan.object} and has it open by itself")
        if any(r.start.plan.hbj == plan.hbj and r.start.host == host.number and r.start.instance == instance for r in self.runs.values()):
            raise CannotOpen(Err.ERR_TRANS_IGNORED, 0, f"instance {instance} of {plan.object} is open at {host.name}")
        if not plan.unit:
            raise CannotOpen(Err.ERR_NOT_SUPPORTED, 0, f"{plan.object} has no script")
        run = self._run(Start(plan, host.number, plan.priority, instance))
        reason = f"{host.name} does not run" if run is None else await self.opened_run(run)
        if reason:
            raise CannotOpen(Err.ERR_TRANS_ERROR, 0, f"{plan.object}: {reason}")

    async def opened_run(self, run: Run) -> str:
        """Wait until it is open or will not be."""
        deadline = asyncio.get_running_loop().time() + EACH_S
        while not run.up and self.runs.get(run.process.number) is run and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.001)
        return "" if run.up else "it did not start; see the log"

    # -- ends

    def stop(self, run: Run, reason: str) -> None:
        """End it by order."""
        self._core.tell(run.start.host, Kind.EVENT_STOP, SeeStop(number=run.process.number, reason=reason), Lane.SCRIPT)
        self._over(run, b"", reason, Err.ERR_EVENT_CLOSED)

    def _event_ended(self, source: Process, message: Message) -> None:
        ended = unpack(EventEnded, message.payload)
        run = self.runs.get(ended.number)
        if run is not None and run.start.host == source.number:
            self._over(run, ended.results, ended.reason, Err.ERR_EVENT_CLOSED if ended.failed else 0)

    def _over(self, run: Run, results: bytes, reason: str, error: int = 0) -> None:
        """It runs no more: its caller gets the values or the error, and whoever waits for a place gets it."""
        request = run.start.request
        if request is not None:
            if error:
                self._core.fail(request, error, 0, f"{run.process.object} ended: {reason}")
            else:
                self._core.reply(request, results or encode([]))
            self._router.waits_no_more(request)
        self._opening.process_gone(run.process, State.STOP)

    def _process_ended(self, process: Process) -> None:
        run = self.runs.pop(process.number, None)
        if run is not None:
            self._values.unsubscribe(run.start.host, run.start.plan.objects)
            self._next(run)
        elif process.kind == "EVH":
            for _, _, start in self._waiting.pop(process.number, ()):
                self._refuse(start, Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED, f"{process.name} ended")

    def _next(self, run: Run) -> None:
        plan = run.start.plan
        if plan.hbj in self._again and not self._busy(plan):
            self._again.discard(plan.hbj)
            self._triggered(self.plans.get(plan.hbj, plan))
        heap = self._waiting.get(run.start.host)
        while heap and self._running(run.start.host) < self._limits["event_runs"]:
            self._run(heapq.heappop(heap)[2])

    # -- who is open

    def find(self, number: int, host: int, instance: int) -> list[Run]:
        """Runs that take calls, the best first; host 0 = at the parent, instance -1 = not given."""
        found: Iterable[Run] = (r for r in self.runs.values() if r.start.plan.hbj == number and r.stays)
        wanted = [r for r in found if r.start.host == host] if host else self._at_parent(list(found))
        if instance >= 0:
            wanted = [r for r in wanted if r.start.instance == instance]
        return sorted(wanted, key=lambda r: r.start.instance)

    def _at_parent(self, runs: list[Run]) -> list[Run]:
        return [r for r in runs if (p := self.parent(r.start.plan)) is not None and p.number == r.start.host]

