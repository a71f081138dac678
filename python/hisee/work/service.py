"""Tasks that run in a Java work process: called through the server, watched to their end by the work process that claimed them.

No sockets and no waiting: `begin`, `on_message` and `tick` are called by the thread of the link. What the engine does not take now is
kept and offered again at the next tick.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import JobNumber, Progress, ServiceCall, ServiceResult, pack, unpack
from hisee.channel.requests import failure
from hisee.engine.coordinator import Claim, Coordinator, EngineError, LostMember, Outcome, StaleClaim
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock

log = logging.getLogger("hisee.work.service")
PREFIX = "service."
ENOUGH = 256  # tasks watched at the same time; more stay in their queue, for others
MOST = 4 * ENOUGH  # with those that were claimed before the worker heard of it
FIRST_CORR = 1 << 48  # apart from those of other requests over the same link
MS = 1_000_000
AGAIN_NS, RENEW_NS = TIMERS["heartbeat"].ms * MS, TIMERS["lease_renew"].ms * MS
WAIT_NS = TIMERS["service_wait"].ms * MS
LOSSES = 2  # before a loss counts as an attempt although the call had not begun: it may have, and killed the process at once
GRACE_NS = TIMERS["watchdog"].ms * MS  # for the answer of a process that judges the time limit itself
NOT_BEGUN = (Ext.PROCESS_NOT_RUNNING, Ext.QUEUE_FULL)  # another process, or the same one later, may take the call


@dataclass(slots=True)
class Call:
    """One claim on its way. `target` is known from the first sign of the process that works on it."""

    claim: Claim
    refused_ns: int = 0  # since when nobody begins it
    why: str = ""
    losses: int = 0  # of processes that had it and had not begun
    corr: int = 0  # 0 = not under way: nobody offers the service now
    again_ns: int = 0
    target: int = 0
    active_ns: int = 0
    end: Outcome | None = None  # not yet taken by the engine
    note: tuple[float | None, str] | None = None  # progress not yet stored


class ServiceCalls:
    """The service tasks of one work process."""

    first_corr = FIRST_CORR
    wait_ns: float = WAIT_NS  # so long nobody may begin it

    def __init__(self, engine: Coordinator, send: Callable[[Message], bool], clock: Clock) -> None:
        """`send` hands a message to the link, with our number as source; False = it was not taken."""
        self._engine, self._send, self._clock = engine, send, clock
        self._calls: dict[int, Call] = {}  # by task
        self._tasks: dict[int, int] = {}  # corr -> task
        self._corrs = itertools.count(self.first_corr)
        self._renewed_ns = clock.monotonic_ns()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def busy(self) -> bool:
        """No more of these should be claimed now."""
        return len(self._calls) >= ENOUGH

    @property
    def full(self) -> bool:
        """No more may be begun."""
        return len(self._calls) >= MOST

    # -- entry points

    def begin(self, claim: Claim) -> None:
        """A claimed task `service.NAME`; from now on this object sees to its end. Raises LostMember."""
        call = Call(claim)
        self._calls[claim.id] = call
        self._store(call, "generated", generated=claim.generated or f"{claim.func} {msgspec.json.encode(claim.args).decode()}")
        if claim.id in self._calls:
            self._ask(call)

    def on_message(self, message: Message) -> bool:
        """True = it was an answer or a note of one of ours. Raises LostMember."""
        if message.kind == Kind.SERVICE_PROGRESS:
            return self._progress(message)
        task = self._tasks.pop(message.corr, None) if message.kind in (Kind.REPLY, Kind.FAILED) else None
        if task is None:
            return message.corr >= self.first_corr and message.kind in (Kind.REPLY, Kind.FAILED)
        call = self._calls.get(task)
        if call is not None and call.corr == message.corr:
            call.corr = 0
            self._answered(call, message)
        return True

    def tick(self) -> None:
        """Some times a second: time limits, calls that nobody took, ends that the engine did not take. Raises LostMember."""
        now = self._clock.monotonic_ns()
        if now - self._renewed_ns >= RENEW_NS:
            self._renewed_ns = now
            self._keep_ours()
        for call in list(self._calls.values()):
            self._judge(call, now)

    # -- out

    def _ask(self, call: Call) -> None:
        claim = call.claim
        call.corr = next(self._corrs)
        self._tasks[call.corr] = claim.id
        if self._send(self._request(call)):
            self._store(call, "started")
        else:
            self._later(call, "the link takes nothing now")

    def _request(self, call: Call) -> Message:
        claim = call.claim
        service, timeout_ms = claim.func.removeprefix(PREFIX), int(claim.timeout_s * 1000)
        request = ServiceCall(task=claim.id, service=service, args=claim.args, timeout_ms=timeout_ms)
        return Message(kind=Kind.SERVICE_CALL, lane=Lane.JAVA, corr=call.corr, payload=pack(request), wants_answer=True)

    def _later(self, call: Call, why: str) -> None:
        """Nobody begins it now: ask again, but not for ever."""
        now = self._clock.monotonic_ns()
        self._tasks.pop(call.corr, None)
        call.corr, call.again_ns = 0, now + AGAIN_NS
        call.refused_ns = call.refused_ns or now
        if now - call.refused_ns >= self.wait_ns:
            self._end(call, Outcome(status="not ok", text=f"{why}, for {WAIT_NS / 1e9:g} s"))
        elif why != call.why:
            call.why = why
            self._note(call, None, why)

    def _cancel(self, call: Call) -> None:
        """The call is of no use any more; the process may spare itself the rest."""
        if call.target and call.corr:
            self._send(Message(kind=Kind.JOB_STOP, lane=Lane.JAVA, target=call.target, payload=pack(JobNumber(job=call.claim.id))))

    # -- in

    def _progress(self, message: Message) -> bool:
        """False = of none of ours."""
        try:
            note = unpack(Progress, message.payload)
        except msgspec.MsgspecError as error:
            log.warning("a note of a service that cannot be read: %s", error)
            return True
        call = self._calls.get(note.task)
        if call is None or not call.corr:
            return call is not None
        if not call.target:
            call.target, call.active_ns = message.source, self._clock.monotonic_ns()
            self._store(call, "active")
        if note.text or note.share:
            self._note(call, note.share, note.text)
        return True

    def _answered(self, call: Call, message: Message) -> None:
        if message.kind == Kind.REPLY:
            self._end(call, outcome_of(message.payload))
            return
        failed = failure(message.payload)
        if failed.extended in NOT_BEGUN and not call.target:
            self._later(call, failed.text)
        elif failed.extended == Ext.PROCESS_RESTARTED and not call.target and call.losses < LOSSES:
            call.losses += 1
            call.refused_ns, call.again_ns = 0, 0  # it had been accepted; another process takes it at the next tick
        else:
            self._end(call, lost(failed))

    # -- time

    def _judge(self, call: Call, now: int) -> None:
        if call.end is not None:
            self._end(call, call.end)
            return
        limit_ns = int(call.claim.timeout_s * 1e9)
        if limit_ns and call.active_ns and now - call.active_ns > limit_ns + GRACE_NS:
            self._cancel(call)
            self._end(call, Outcome(status="not ok", text=f"ran longer than {call.claim.timeout_s:g} s", retry=True))
        elif not call.corr and now >= call.again_ns:
            self._ask(call)
        elif call.note is not None:
            self._note(call, *call.note)

    def _keep_ours(self) -> None:
        try:
            kept = {claim.id for claim in self._engine.renew([call.claim for call in self._calls.values()])}
            for call in [call for task, call in self._calls.items() if task not in kept]:
                self._leave(call)
        except LostMember:
            raise
        except EngineError as error:
            log.warning("service tasks not looked at: %s", error)

    def _leave(self, call: Call) -> None:
        """No longer ours. One that was cancelled is stopped where it runs; one that another work process has goes on there."""
        self._forget(call)
        row = self._engine.task(call.claim.id)
        if row is None or row.status:
            self._cancel(call)

    # -- the engine

    def _store(self, call: Call, state: str, *, generated: str | None = None) -> None:
        """A state passed. One that cannot be written now is missing in the life of the task, nothing else."""
        try:
            self._engine.step(call.claim, state, generated=generated)
        except StaleClaim:
            self._leave(call)
        except LostMember:
            raise
        except EngineError as error:
            log.warning("task %d: %s not stored: %s", call.claim.id, state, error)

    def _note(self, call: Call, share: float | None, text: str) -> None:
        try:
            self._engine.progress(call.claim, share, text)
            call.note = None
        except StaleClaim:
            self._leave(call)
        except LostMember:
            raise
        except EngineError:
            call.note = (share, text)

    def _end(self, call: Call, outcome: Outcome) -> None:
        """In the engine, or kept for the next tick."""
        call.end = outcome
        try:
            (ours,) = self._engine.finish([(call.claim, outcome)])
        except LostMember:
            raise
        except EngineError as error:
            log.warning("end of task %d not stored: %s", call.claim.id, error)
            return
        if not ours:
            log.warning("task %d: taken over or cancelled while it ran; its result is dropped", call.claim.id)
        self._forget(call)

    def _forget(self, call: Call) -> None:
        self._calls.pop(call.claim.id, None)
        self._tasks.pop(call.corr, None)


def outcome_of(payload: bytes) -> Outcome:
    """The end of a task after the answer of its service."""
    try:
        result = unpack(ServiceResult, payload)
    except msgspec.MsgspecError as error:
        return Outcome(status="not ok", text=f"the service's answer cannot be read: {error}")
    if result.ok:
        return Outcome(status="ok", result=result.result)
    return Outcome(status="not ok", text=result.text, retry=not result.final)


def lost(failed: RequestFailed) -> Outcome:
    """The process is gone, or cannot say how the call ended: a further attempt decides."""
    return Outcome(status="not ok", text=failed.text or "the Java work process is gone", retry=True)
