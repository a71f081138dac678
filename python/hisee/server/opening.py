"""Opened objects: names for HIS and SEE, the choice of an SES, starts, restarts and ends of remote parts (sequence F.3)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import Close, Ended, Numbers, Open, RemoteDown, RemoteUp, SeeStart, SeeState, SeeStop, unpack
from hisee.channel.payloads import Opened as OpenedReply
from hisee.model.store import OpenPlan, StoreError
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.pairs import Pairs
from hisee.server.placement import choose_ses
from hisee.server.registry import Process, State
from hisee.server.values import Values

log = logging.getLogger("hisee.server.opening")
EACH_S = TIMERS["see_start_each"].ms / 1000
RECONCILE_S = TIMERS["reconcile"].ms / 1000
MOST_FIGURES = 1_000
NOTHING: dict[str, Any] = {}  # what is known of a part at first: shared, never changed
MOST_MEASURED = 200  # pairs whose round trip is measured in one period


@dataclass(slots=True)
class OpenObject:
    """One object open on one console, with its virtual processes."""

    plan: OpenPlan
    console: int
    his: Process
    see: Process | None = None
    ses: int = 0
    incarnation: int = 0
    up: bool = False
    was_up: bool = False
    starting: asyncio.Task[None] | None = None  # a start under way
    instance: int = 0  # of OPENEVENT
    refusals: tuple[str, ...] = ()  # by which SES the last start was refused, and why

    @property
    def number(self) -> int:
        return self.his.number

    @property
    def objects(self) -> Iterable[int]:
        """Numbers of the objects whose values its parts and its picture use."""
        return self.plan.objects.values()


class Opening:
    """Opens and closes objects for consoles and keeps each remote part on a living SES."""

    def __init__(self, core: Core, values: Values, pairs: Pairs, plan_of: Any, limits: dict[str, int]) -> None:
        """`plan_of(name)` gives the OpenPlan of the newest stored version."""
        self._core, self._values, self._plan_of, self._limits = core, values, plan_of, limits
        self.opened: dict[int, OpenObject] = {}
        self._of_console: Counter[int] = Counter()  # console -> its open objects
        self._load: Counter[int] = Counter()  # SES -> SEEs running or starting
        self._up: dict[int, dict[int, OpenObject]] = {}  # SES -> number of a SEE that it has confirmed -> its object
        self._measured = 0
        self._figures: dict[tuple[tuple[str, int], ...], dict[str, Any]] = {}
        self._pairs = pairs
        self.arranges: Callable[[], bool] = lambda: True  # False: the remote parts of its script servers are another server's
        core.handlers[Kind.OPEN] = self._open
        core.handlers[Kind.CLOSE] = self._close
        core.handlers[Kind.OPENED_LOST] = self._close
        core.handlers[Kind.SEE_ENDED] = self._see_ended
        core.handlers[Kind.SEE_STATE] = self._see_state
        core.ended.append(self._process_ended)

    # -- opening

    def _open(self, source: Process, message: Message) -> None:
        request = unpack(Open, message.payload)
        console = self._core.registry.get(request.console)
        if console is None or console.kind != "HIP" or not self._same_link(console, source):
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, f"console number {request.console} is not this process's")
            return
        if not self._core.allow(source, "open", request.object):
            self._core.deny(message, "open", request.object)
            return
        try:
            plan = self._plan_of(request.object)
        except StoreError as error:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, str(error))
            return
        most = self._limits["sees_per_console"]
        if self._of_console[console.number] >= most:
            self._core.fail(message, Err.ERR_RANGE_ERROR, 14, f"{console.name} has {most} objects open already (limit sees_per_console)")
            return
        opened = self._enter(plan, console)
        opened.instance = request.instance
        self._core.reply(message, self._reply(opened))
        if plan.remote_unit:
            self.start_remote(opened)

    @staticmethod
    def _same_link(a: Process, b: Process) -> bool:
        return a.link is not None and b.link is not None and a.link.place == b.link.place

    def _his_host(self, console: Process) -> Process | None:
        for host in self._core.registry.of_kind("HISHOST"):
            hip = self._core.registry.get(host.facts.get("hip", 0))
            if hip is not None and self._same_link(hip, console):
                return host
        return None

    def _enter(self, plan: OpenPlan, console: Process) -> OpenObject:
        host = self._his_host(console)
        his = self._virtual("HIS", console, plan.object, host)
        opened = OpenObject(plan, console.number, his)
        his.opened = his.number
        if host is not None:
            self._values.subscribe(host.number, opened.objects)
        self._values.subscribe(console.number, opened.objects)
        self.opened[his.number] = opened
        self._of_console[console.number] += 1
        return opened

    def _virtual(self, kind: str, console: Process, name: str, host: Process | None) -> Process:
        registry = self._core.registry
        workstation = console.name.rsplit(".", 1)[0]
        process = registry.add(Process(
            number=registry.free_number(), name=registry.free_name(workstation, kind), kind=kind, object=name,
            node=host.node if host else console.node, pid=host.pid if host else 0,
            host=host.number if host else 0, console=console.number, facts=NOTHING))
        if host is not None:
            self._core.route(process, host.link)
        return process

    def _reply(self, opened: OpenObject) -> OpenedReply:
        plan = opened.plan
        return OpenedReply(
            object=plan.object, version=plan.version, opened=opened.number, picture=plan.picture, svg=plan.svg,
            local_unit=plan.local_unit, his_name=opened.his.name, his=opened.number, see_name="",
            variables=[list(v) for v in plan.variables], handlers=plan.handlers,
            values=self._values.snapshot(opened.objects, self._values.takes_flags(opened.his.host)), objects=dict(plan.objects))

    # -- remote parts

    def start_remote(self, opened: OpenObject) -> None:
        if opened.starting is None:
            opened.starting = asyncio.get_running_loop().create_task(self._start(opened))

    async def _start(self, opened: OpenObject) -> None:
        try:
            await self._ask_each(opened)
        finally:
            opened.starting = None

    async def _ask_each(self, opened: OpenObject) -> None:
        """One SES after the other, once each (R26); nobody left = REMOTE_DOWN, tried again at the next SES logon (R25)."""
        tried: list[int] = []
        opened.refusals = ()
        while opened.number in self.opened:
            ses = choose_ses(self._candidates(), self.load(), tried)
            if ses is None:
                reason = "; ".join(["no SES took the start", *opened.refusals]) if tried else "no SES is logged on"
                self._tell_down(opened, reason)
                return
            tried.append(ses.number)
            if await self._start_at(opened, ses):
                return

    def _candidates(self) -> list[Process]:
        """SES that take remote parts; a draining one takes no more (R35)."""
        serving = [p for p in self._core.registry.of_kind("SES") if "SES_REMOTE" in p.facts.get("serves", ())]
        return [p for p in serving if not p.facts.get("drain")]

    def load(self) -> dict[int, int]:
        """SEEs running or starting by SES number (R21, R23)."""
        return dict(+self._load)

    def _place(self, opened: OpenObject, ses: int) -> None:
        """Its remote part is at this SES from now on; 0 = nowhere."""
        for number, change in ((opened.ses, -1), (ses, 1)):
            if number:
                self._load[number] += change
        opened.ses = ses

    async def _start_at(self, opened: OpenObject, ses: Process) -> bool:
        console = self._core.registry.get(opened.console)
        if console is None:
            return True
        load = self.load()
        counts = {p.name: load.get(p.number, 0) for p in self._candidates()}
        self._place(opened, ses.number)
        opened.incarnation += 1
        see = opened.see = self._virtual("SEE", console, opened.plan.object, ses)
        see.opened, see.incarnation = opened.number, opened.incarnation
        self._values.subscribe(ses.number, opened.objects)
        later = asyncio.get_running_loop().call_soon  # writing a log takes longer than asking the SES, and somebody waits for that
        later(log.info, "SEE %s for %s: chosen %s from %s", see.name, console.name, ses.name, counts)
        try:
            await self._core.ask(ses.number, Kind.SEE_START, self._see_start(opened, see), EACH_S)
        except RequestFailed as failed:
            log.warning("SEE %s: %s refused: %s", see.name, ses.name, failed)
            opened.refusals += (f"{ses.name}: {failed}",)
            self._forget_remote(opened, see, f"{ses.name}: {failed}", stop=True)
            return False
        if opened.see is not see or opened.number not in self.opened:
            self._core.tell(ses.number, Kind.SEE_STOP, SeeStop(number=see.number, reason="superseded"))
            return opened.number not in self.opened
        self._confirm(opened, see)
        return True

    def _see_start(self, opened: OpenObject, see: Process) -> SeeStart:
        plan = opened.plan
        return SeeStart(number=see.number, name=see.name, incarnation=see.incarnation, object=plan.object, version=plan.version,
                        unit=plan.remote_unit, his=opened.number, console=opened.console, limits=self._limits,
                        variables=[list(v) for v in plan.variables],
                        values=self._values.snapshot(opened.objects, self._values.takes_flags(see.host)))

    def _confirm(self, opened: OpenObject, see: Process) -> None:
        up = RemoteUp(opened=opened.number, see=see.number, name=see.name, restarted=opened.was_up)
        opened.up = opened.was_up = True
        self._up.setdefault(opened.ses, {})[see.number] = opened
        self._core.tell(opened.number, Kind.REMOTE_UP, up)
        self._core.tell(opened.console, Kind.REMOTE_UP, up)
        log.info("SEE %s runs", see.name)
        self._pairs.measure(opened.number, see.number)

    def channel_of(self, process: Process) -> dict[str, Any] | None:
        """The virtual channel of a HIS or SEE of an object with a remote part; None for any other process (R134)."""
        opened = self.opened.get(process.opened)
        if opened is None or not opened.plan.remote_unit:
            return None
        state = "open" if opened.up else "opening" if opened.starting is not None else "closed"
        if opened.his.link is not None and opened.his.link.resuming:
            state = "resuming"
        return self._pairs.row(process, opened.number, opened.see.number if opened.see else 0, state)

    def _tell_down(self, opened: OpenObject, reason: str, starting: bool = False) -> None:
        down = RemoteDown(opened=opened.number, reason=reason, starting=starting)
        self._core.tell(opened.number, Kind.REMOTE_DOWN, down)
        self._core.tell(opened.console, Kind.REMOTE_DOWN, down)

    def _forget_remote(self, opened: OpenObject, see: Process, reason: str, *, stop: bool) -> None:
        if stop and opened.ses:
            self._core.tell(opened.ses, Kind.SEE_STOP, SeeStop(number=see.number, reason=reason))
        self._values.unsubscribe(opened.ses, opened.objects)
        self._up.get(opened.ses, {}).pop(see.number, None)
        self._place(opened, 0)
        opened.see, opened.up = None, False
        self.process_gone(see, State.CRASH)

    def process_gone(self, process: Process, state: State) -> None:
        self._core.route(process, None)
        self._core.registry.end(process, state)
        for told in self._core.ended:
            told(process)

    # -- closing and loss

    def _close(self, source: Process, message: Message) -> None:
        self.close(unpack(Close, message.payload).opened)
        if message.wants_answer:
            self._core.reply(message)

    def close(self, number: int) -> None:
        """The console closed the object: both parts end and leave the list (R30)."""
        opened = self.opened.pop(number, None)
        if opened is None:
            return
        self._of_console[opened.console] -= 1
        if opened.starting is not None:
            opened.starting.cancel()
        if opened.see is not None:
            self._forget_remote(opened, opened.see, "closed", stop=True)
        self._values.unsubscribe(opened.his.host, opened.objects)
        self._values.unsubscribe(opened.console, opened.objects)
        self.process_gone(opened.his, State.STOP)

    def _see_ended(self, source: Process, message: Message) -> None:
        ended = unpack(Ended, message.payload)
        see = self._core.registry.get(ended.number)
        opened = self.opened.get(see.opened) if see is not None else None
        if opened is not None and opened.see is see and see is not None and opened.ses == source.number:
            log.warning("SEE %s ended: %s", see.name, ended.reason)
            self._forget_remote(opened, see, ended.reason, stop=False)
            self._tell_down(opened, ended.reason)

    def _see_state(self, source: Process, message: Message) -> None:
        state = unpack(SeeState, message.payload)
        process = self._core.registry.get(state.number)
        if process is None:
            return
        if process.host == source.number:
            self._learn(process, memory_bytes=state.memory_bytes, queue=state.queue)
        if process.console == source.number:  # the console counts events that an absent part missed
            self._learn(process, dropped=state.dropped)

    def _learn(self, process: Process, **news: int) -> None:
        """Very many parts have the same figures: they share them, and nobody changes them in place."""
        if len(self._figures) > MOST_FIGURES:
            self._figures.clear()
        known = {**process.facts, **news}
        process.facts = self._figures.setdefault(tuple(known.items()), known)

    def _process_ended(self, process: Process) -> None:
        if process.kind == "SES":
            self._ses_lost(process)
            self._up.pop(process.number, None)
        elif process.kind == "HIP":
            self._close_all(o for o in self.opened.values() if o.console == process.number)
        elif process.kind == "HISHOST":
            self._close_all(o for o in self.opened.values() if o.his.host == process.number)

    def close_all(self) -> None:
        """This server arranges nothing any more."""
        self._close_all(self.opened.values())

    def _close_all(self, objects: Any) -> None:
        for opened in list(objects):
            self.close(opened.number)

    def _ses_lost(self, ses: Process) -> None:
        """All its SEEs vanish in one step; each starts again on another SES from its initial part (R28)."""
        lost = [o for o in self.opened.values() if o.ses == ses.number and o.see is not None]
        for opened in lost:
            assert opened.see is not None
            self._forget_remote(opened, opened.see, f"{ses.name} is lost", stop=False)
            self._tell_down(opened, f"{ses.name} is lost", starting=True)
        for opened in lost:
            self.start_remote(opened)

    def ses_logged_on(self) -> None:
        for opened in self.opened.values():
            if opened.plan.remote_unit and opened.see is None:
                self.start_remote(opened)

    async def reconcile_forever(self) -> None:
        """Compare each SES's list with ours every period; an orphan is stopped, a missing one is started again (R33)."""
        while True:
            await asyncio.sleep(RECONCILE_S)
            await self.reconcile()

    async def reconcile(self) -> None:
        """One comparison with every SES, draining ones too."""
        if self.arranges():
            await asyncio.gather(*(self.reconcile_one(ses) for ses in self._core.registry.of_kind("SES")))

    async def reconcile_one(self, ses: Process) -> None:
        """Only what differs is looked at one by one: an SES may run a hundred thousand."""
        ours = set(self._up.get(ses.number, ()))
        try:
            answer = await self._core.ask(ses.number, Kind.SEE_LIST, None, EACH_S)
        except RequestFailed:
            return
        if not self.arranges():  # not any more: what it runs now was started by another one
            return
        theirs = set(unpack(Numbers, answer.payload).numbers)
        for number in self._core.registry.unknown(theirs):
            self._core.tell(ses.number, Kind.SEE_STOP, SeeStop(number=number, reason="unknown to the server"))
        up = self._up.get(ses.number, {})
        for opened in [up[number] for number in ours - theirs if number in up]:
            assert opened.see is not None
            self._forget_remote(opened, opened.see, "missing at its SES", stop=False)
            self._tell_down(opened, f"missing at {ses.name}", starting=True)
            self.start_remote(opened)
        self._measure(list(up.values()))

    def _measure(self, running: list[OpenObject]) -> None:
        """Some pairs each time, in turn."""
        first = self._measured % len(running) if len(running) > MOST_MEASURED else 0
        self._measured += MOST_MEASURED
        for opened in running[first:first + MOST_MEASURED]:
            if opened.see is not None:
                self._pairs.measure(opened.number, opened.see.number)
