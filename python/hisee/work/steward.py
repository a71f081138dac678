"""The steward of a work process: the second thread. Watch of the other members, primary's duties, link to the server.

It runs no task. It has a Coordinator of its own, so whatever the worker does, requests are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any

from hisee.channel import Channel, RequestFailed
from hisee.channel.duties import KNL, report_load
from hisee.channel.payloads import Payload
from hisee.datadir import DataDir
from hisee.engine import open_doorbell, open_engine
from hisee.engine.coordinator import Claim, EngineError, LostMember, Member
from hisee.engine.proof import ENDED
from hisee.engine.rules import active_node
from hisee.errors import HiseeError
from hisee.load import MeteredLoop, WorkTime
from hisee.outputs.shelf import Shelf
from hisee.process import to_grid
from hisee.schema.exits import Exit
from hisee.schema.lanes import Lane
from hisee.schema.limits import BY_NAME as LIMITS
from hisee.schema.messages import MessageKind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.work.cold import cold_start
from hisee.work.context import Busy
from hisee.work.declared import declare
from hisee.work.desk import Desk
from hisee.work.functions import Functions
from hisee.work.lease import Lease
from hisee.work.modes import ModeRefused, change_mode
from hisee.work.primary import Primary
from hisee.work.pulse import Pulse, renew
from hisee.work.roles import candidates
from hisee.work.view import View, view_of
from hisee.work.watch import Watch
from hisee.work.worker import Worker

log = logging.getLogger("hisee.work.steward")
STAGGER_S = 0.02  # after a death each further one waits so much longer
TICK_S = 0.1  # a run that lasts is looked at so often
TIMED = frozenset({"pwp", "role.R"})
SHORTEST_S = 0.002  # between two looks at schedules
RENEW_S, TIME_BASIS_S = TIMERS["lease_renew"].ms / 1000, TIMERS["time_basis"].ms / 1000
DECISIONS = 2 * TIMERS["election"].ms // TIMERS["lease_renew"].ms  # looks for the active computer before a cold start gives up
End = Callable[[int, str], None]


class Steward:
    """`with steward:` runs its thread. `settled` is set once roles and functions are known and work may begin."""

    worker: Worker  # set before the thread starts

    def __init__(self, member: Member, data: DataDir, channel: Channel, lease: Lease, functions: Functions, *, busy: WorkTime,
                 wake: Callable[[], None], end: End, cold: bool = False, dialog: bool = False) -> None:
        """`wake` ends the worker's sleep, `end(code, why)` ends the process in order; both may be called from any thread."""
        self.member = member
        self.settled = threading.Event()
        self.deleted: dict[str, int] = {}  # by a cold start, by queue
        self._declared = False  # as primary: the schedules of tasks.py are in line
        self.shelf = Shelf(data.outputs, data.seams.disk)
        self._data, self._channel, self._lease, self._functions = data, channel, lease, functions
        self._busy, self._wake, self._end, self._cold, self._dialog = busy, wake, end, cold, dialog
        self._view = View(member.mode)
        self._seen: object = None  # what `changes` said at the last look
        self._ticking = False  # read and set by the worker's thread, too
        self._plain: list[Member] = []  # living plain work processes of the active computer in the order in which they joined
        self._thread = threading.Thread(target=self._run, name=f"{member.name}.steward")
        self._stop, self._begun, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- the other thread's side

    def __enter__(self) -> Steward:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._in_thread(self._stop.set)
        self._thread.join()

    def _in_thread(self, call: Callable[..., object], *args: Any) -> None:
        """Do it in the steward's thread; nothing once that has ended."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(call, *args)

    def ask(self, kind: MessageKind, payload: Payload | bytes, *, target: int = KNL, lane: int = Lane.CONTROL, object: int = 0) -> bytes:
        """A request for a running task, from the worker's thread; its reply's payload. Raises RequestFailed."""
        assert self._loop is not None
        asked = self._desk.ask(kind, payload, target=target, lane=lane, object=object)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def elsewhere(self, claim: Claim) -> None:
        """A claim whose program or service runs in another process: watched here, the worker goes on."""
        self._in_thread(self._begin_elsewhere, claim)

    def work_began(self) -> None:
        """From the worker's thread: there is a run to be looked after."""
        if not self._ticking:
            self._ticking = True
            self._in_thread(self._begun.set)

    def _begin_elsewhere(self, claim: Claim) -> None:
        self._begun.set()
        try:
            self._desk.elsewhere.begin(claim)
        except LostMember as error:
            self._end(Exit.LOST_MEMBER, str(error))

    # -- the thread

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=MeteredLoop) as runner:
                runner.run(self._serve())
        except LostMember as error:
            self._end(Exit.LOST_MEMBER, str(error))
        except HiseeError as error:
            self._end(error.exit, str(error))
        except Exception:
            log.exception("the steward failed")
            self._end(Exit.INTERNAL, "the steward failed")
        finally:
            self.settled.set()
            self._channel.close("the work process ends")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        url = self._data.engine_url()
        self._engine = open_engine(url, self._data.path, self._data.seams)
        self._bell = open_doorbell(url, self._data.path)
        self._pulse = Pulse(lambda: open_engine(url, self._data.path, self._data.seams, hasty=True), self.member, self._lease,
                            self._data.seams.clock,
                            lambda why: self._end(Exit.LOST_MEMBER, why))
        self._watch = Watch(self._loop, self.member, self._died)
        self._desk = Desk(self._engine, self._channel, self.member, self._functions, self._bell.ring, self.worker, self._end,
                          self._data.seams.clock, self.shelf)
        self._primary = Primary(self._engine, self._data.seams.clock, self.member, self._lease, wp_min=self._wp_min(),
                                ring=self._bell.ring, alarm=self._desk.alarm)
        try:
            await self._settle()
            await self._serve_until_stopped()
        finally:
            self._pulse.close()
            self._watch.close()
            self._desk.close()
            self._bell.close()
            self._engine.close()

    async def _settle(self) -> None:
        """Before any work: alive, logged on, functions loaded, the primary known."""
        self._desk.attach(asyncio.get_running_loop())
        assert self._channel.welcome is not None
        report_load(self._channel, self._channel.welcome.number, counters=self._desk.counters, busy=lambda: self._busy.busy_ns)
        renew(self._engine, self.member, self._lease)
        self._pulse.start()
        await self._desk.loading.load()
        self._desk.loading.renewed = self._renewed
        self._desk.moved = self._look_now
        if self._dialog:
            self._become_dialog()
        self._look()
        if self._cold:
            await self._decided()
            self.deleted = cold_start(self._engine, self.member, self._primary.grant)
        self._desk.open()
        self.settled.set()

    async def _decided(self) -> None:
        """In a group nobody is primary before one of its computers is the active one."""
        for _ in range(DECISIONS):
            if active_node(self._engine.members(), self._engine.terms()) != "":
                return
            await asyncio.sleep(RENEW_S)
            self._administer()

    def _become_dialog(self) -> None:
        try:
            change_mode(self._engine, self.member, "DWP")
        except ModeRefused as error:
            log.warning("--dialog: %s", error)

    def _wp_min(self) -> int:
        return int(self._data.read_run().get("limits", {}).get("wp_min", LIMITS["wp_min"].value))

    async def _serve_until_stopped(self) -> None:
        assert self._loop is not None
        self._fault = self._loop.create_future()
        works: list[asyncio.Future[None]] = [self._fault, asyncio.create_task(self._tick_while_busy()),
                                             asyncio.create_task(self._send_forever())]
        for step in (self._administer, self._time):
            self._again(step)
        stopped: asyncio.Future[Any] = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({stopped, *works}, return_when=asyncio.FIRST_COMPLETED)
            for work in works:
                if work.done():
                    work.result()
        finally:
            stopped.cancel()
            for work in works:
                work.cancel()

    def _again(self, step: Callable[[], float], trouble: str = "") -> None:
        """`step`, then again after the seconds that it gives, until it raises LostMember; an engine that cannot answer is tried again.
        A plain timer: a sleeping coroutine would cost two turns of the loop each time."""
        assert self._loop is not None
        if self._fault.done():
            return
        now, pause_s = "", TIME_BASIS_S
        try:
            pause_s = step()
        except EngineError as error:
            if isinstance(error, LostMember):
                self._fault.set_exception(error)
                return
            now = str(error)
            if now != trouble:
                log.warning("%s: %s", step.__name__.strip("_"), now)
        except Exception as error:  # ends the steward, as it would in a coroutine
            self._fault.set_exception(error)
            return
        self._loop.call_later(pause_s, self._again, step, now)

    # -- lease and members

    def _pause_s(self, period_s: float) -> float:
        assert self._loop is not None
        return to_grid(period_s, self._loop.time())

    def _administer(self) -> float:
        self._pulse.went_round(self._engine)
        self._look()
        return self._pause_s(RENEW_S)

    def _look(self) -> None:
        """Members and terms as they stand; the term of the primary is taken when it is free."""
        changed = self._primary.look()
        self._declare()
        seen = self._engine.changes()
        if seen == self._seen and not changed:
            return
        members, terms = self._engine.members(), self._engine.terms()
        self._seen = seen
        self._plain = candidates(members, terms)
        self._watch.see(members)
        if changed:
            self._desk.tell_members_changed()
        view = view_of(self.member, members, terms)._replace(shut=self._view.shut)
        if view != self._view:
            self._show(view)

    def _declare(self) -> None:
        """As primary, once after each change of tasks.py: its schedules come into force."""
        if self._primary.grant is not None and not self._declared:
            declare(self._engine, self._functions, self._desk.acceptance)
            self._declared = True

    def _renewed(self) -> None:
        """Other functions were loaded."""
        self._declared = False
        try:
            self._declare()
        except EngineError as error:  # tried again at the next look
            log.warning("schedules of tasks.py: %s", error)

    @property
    def works(self) -> bool:
        """Its computer is the active one, or there is no group."""
        return self._view.active

    def refresh(self) -> bool:
        """From the worker's thread, for a task that does not fit the functions: load tasks.py if it is another one by now. True = it
        was. Raises Busy when that cannot be found out."""
        assert self._loop is not None
        try:
            return asyncio.run_coroutine_threadsafe(self._desk.loading.fetch(), self._loop).result()
        except (RequestFailed, RuntimeError, CancelledError) as error:
            raise Busy("tasks.py cannot be read now") from error

    def _show(self, view: View) -> None:
        """Roles or mode changed: the worker looks at other queues from now on."""
        self._view = view
        self.worker.see(view)
        self._desk.see(view)
        log.info("%s is %s, terms %s", self.member.name, view.kind, ", ".join(sorted(view.terms)) or "none")
        self._desk.tell_members_changed()
        self._wake()

    def _died(self, incarnation: int) -> None:
        """The death of a member is proven. The first one of those who are left acts at once; the others give it a moment, so that
        nobody queues up to write what is written already."""
        rank = next((place for place, m in enumerate(m for m in self._plain if m.incarnation != incarnation)
                     if m.incarnation == self.member.incarnation), len(self._plain))
        assert self._loop is not None
        self._loop.call_later(rank * STAGGER_S, self._bury, incarnation)

    def _bury(self, incarnation: int) -> None:
        """What the dead one held is free at once, and its term of the primary taken in the same breath."""
        try:
            if any(m.incarnation == incarnation and not m.ended_ms for m in self._engine.members()):
                buried = self._engine.bury(incarnation, ENDED)
                log.info("buried a member: %d tasks and %s are free", buried.tasks, ", ".join(buried.terms) or "no term")
            self._look()
            self._wake()
        except LostMember as error:
            self._end(Exit.LOST_MEMBER, str(error))
        except EngineError as error:  # the next look finds it overdue
            log.warning("not buried: %s", error)

    def _look_now(self) -> None:
        """The server says that it stands elsewhere in its group: another computer may be the active one."""
        try:
            self._look()
        except LostMember as error:
            self._end(Exit.LOST_MEMBER, str(error))
        except EngineError as error:  # the next look comes by itself
            log.warning("the active computer: %s", error)

    def _shut(self, queues: frozenset[str]) -> None:
        """Work that is done elsewhere is claimed as fast as it is done there."""
        if queues != self._view.shut:
            self._view = self._view._replace(shut=queues)
            self.worker.see(self._view)
            self._wake()

    # -- time

    async def _send_forever(self) -> None:
        """The primary empties the outbox whenever something was committed (one sender: rows keep their order)."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                while self._primary.grant is not None and await self._desk.outgoing.round():
                    pass
            except EngineError as error:
                self._desk.outgoing.stuck = True
                log.warning("outbox: %s", error)

    def _time(self) -> float:
        """Only who has the primary's term or role R has something to do here, and only when something changed or is due."""
        if self._primary.time() or self._primary.news:
            self._wake()
        if self._primary.news or self._desk.outgoing.stuck:
            self._news.set()
        if self._view.terms.isdisjoint(TIMED):
            return self._pause_s(RENEW_S)
        return min(self._pause_s(TIME_BASIS_S), max(SHORTEST_S, self._primary.rest_ms() / 1000))

    async def _tick_while_busy(self) -> None:
        """While something runs here or is watched elsewhere; a moment longer, so that short runs cost one beginning."""
        ran = 0
        while True:
            self._tick_once()
            if self.worker.present is None and not len(self._desk.elsewhere) and ran == self.worker.ran:
                self._begun.clear()
                self._ticking = False
                if self.worker.present is None:  # else it began before it could see that
                    await self._begun.wait()
                self._ticking = True
            ran = self.worker.ran
            await asyncio.sleep(TICK_S)

    def _tick_once(self) -> None:
        try:
            self._tick()
        except LostMember:
            raise
        except EngineError as error:
            log.warning("tick: %s", error)

    def _tick(self) -> None:
        """A run that lasts gives the rest of its batch back; one that ignores its timeout is ended with the process."""
        self._desk.elsewhere.tick()
        self._shut(self._desk.elsewhere.shut)
        self.worker.yield_rest(self._engine)
        late = self.worker.overrun()
        if late is not None:
            self._desk.give_up(f"task {late.id} ({late.func}) ignores its timeout of {late.timeout_s:g} s")

