"""The worker of a work process: claim, run, finish the batch in one commit. No sockets, no threads of its own, no waiting."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from hisee.engine import rules
from hisee.engine.coordinator import Claim, Coordinator, EngineError, LostMember, Member, Outcome, StaleClaim, StorageFull
from hisee.outputs.shelf import Shelf
from hisee.schema.limits import BY_NAME as LIMITS
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock
from hisee.tasks import Refuse
from hisee.work.batch import BUDGET_NS, MS, Batch
from hisee.work.context import Busy, Context
from hisee.work.functions import Functions, Prepared
from hisee.work.lease import Lease
from hisee.work.reach import NOWHERE, Reach
from hisee.work.view import View

log = logging.getLogger("hisee.work")
LOOK_NS = 10 * MS  # in a batch of lower rank: look at the own queues at this distance
TEXT_CHARS = 8_000  # of a traceback that is kept
BUSY_MS = 1_000  # a task whose lock is held comes again after this time
POLL_MS, RENEW_MS = TIMERS["engine_poll"].ms, TIMERS["lease_renew"].ms
LATER_MS = 20  # the primary begins what becomes due; the others look so much later, when it was busy
SOON_MS = 20  # due already and not taken: by another clock its time has not come


class Round(NamedTuple):
    """ended: tasks whose end was committed. rest_ms: 0 = again at once, else the longest sleep on the doorbell.
    trouble: why the engine took nothing, "" = all is well."""

    ended: int
    rest_ms: int
    trouble: str = ""


class Present:
    """The run under way; `steps` are the states it passed, `written` how many of them the engine has already."""

    def __init__(self, claim: Claim, began_ns: int) -> None:
        self.claim, self.began_ns = claim, began_ns
        self.steps: list[tuple[str, int]] = []
        self.written = 0
        self.generated = claim.generated


class Worker:
    """One per work process. `round` belongs to the worker's thread; `see`, `stop`, `yield_rest`, `overrun` may come from another."""

    def __init__(self, coordinator: Coordinator, clock: Clock, member: Member, functions: Functions, lease: Lease, *,
                 elsewhere: Callable[[Claim], None] | None = None, ring: Callable[[Iterable[str]], None] = lambda queues: None,
                 reach: Reach = NOWHERE, shelf: Shelf | None = None, most: int = LIMITS["claim_batch"].value,
                 began: Callable[[], None] = lambda: None) -> None:
        """elsewhere: takes programs and services and watches them from then on; ring: wakes others for these queues;
        began: a run is `present` from now on."""
        self.functions = functions
        self.ran = 0  # tasks run here since the start
        self.ran_of: Counter[str] = Counter()  # the same by queue
        self.busy_ns = 0
        self._coordinator, self._clock, self._member, self._lease = coordinator, clock, member, lease
        self._elsewhere, self._ring, self._began = elsewhere, ring, began
        self._reach, self._shelf = reach, shelf
        self._view = View(member.mode)
        self._queues, self._own = self._view.queues, self._view.own
        self._batch = Batch(most)
        self._stop = False
        self._lock = threading.Lock()  # guards _rest and _present between worker and steward
        self._rest: deque[Claim] = deque()
        self._present: Present | None = None
        self._ends: list[tuple[Claim, Outcome]] = []  # run, not yet committed
        self._back: list[tuple[Claim, str, int]] = []  # to be given back: why, and not before
        self._singly = False  # a batch was refused: find the end that is wrong
        self._doubtful = False  # claims may have been lost: the engine decides before anything goes on
        self._looked_ns = 0
        self._idle = True

    # -- what the steward may call at any time
    def see(self, view: View) -> None:
        """Roles, mode or the presence of dialog work processes changed."""
        if view != self._view:
            self._view, self._queues, self._own = view, view.queues, view.own

    def stop(self) -> None:
        """Finish the present task, give back the rest, claim nothing more (R129)."""
        self._stop = True

    @property
    def done(self) -> bool:
        """Stopped, and nothing is held any more."""
        return self._stop and not (self._rest or self._present or self._ends or self._back)

    @property
    def present(self) -> Claim | None:
        present = self._present
        return present.claim if present else None

    def yield_rest(self, coordinator: Coordinator) -> int:
        """When the present run takes long: give back what is not begun and store the states passed. With the caller's
        own coordinator. How many were given back. Raises EngineError; nothing is lost then."""
        with self._lock:
            present = self._present
            if present is None or self._clock.monotonic_ns() - present.began_ns < BUDGET_NS:
                return 0
            rest = list(self._rest)
            if rest:
                coordinator.give_back(rest, "a task before it runs long")
                self._rest.clear()
            self._store_steps(coordinator, present)
        if rest:
            self._ring({claim.queue for claim in rest})
        return len(rest)

    def overrun(self, grace_s: float = 5.0) -> Claim | None:
        """The present task when it ignores its timeout: only the end of this process frees it."""
        present = self._present
        if present is None or not present.claim.timeout_s:
            return None
        over = self._clock.monotonic_ns() - present.began_ns > (present.claim.timeout_s + grace_s) * 1e9
        return present.claim if over else None

    # -- the worker's own
    def round(self) -> Round:
        """One turn: settle what is left, claim, run, commit. Raises LostMember when this process has to end."""
        if not self._lease.good():
            self._doubtful = True
            return Round(0, RENEW_MS, "the lease is not renewed")
        before = self.ran
        try:
            ended = self._turn()
            self._idle = not (ended or self._rest or self.ran > before)
            rest_ms = self._pause_ms() if self._idle else 0
        except LostMember:
            raise
        except EngineError as error:
            self._doubtful |= not isinstance(error, StorageFull)
            return Round(0, RENEW_MS, error.text)
        return Round(ended, rest_ms)

    def _pause_ms(self) -> int:
        """Until the next task is due; the bell tells of those that are put meanwhile."""
        if self._stop:
            return 0
        due_ms = self._coordinator.next_due() if self._queues else 0
        if not due_ms:
            return POLL_MS
        left_ms = due_ms - self._clock.now_ms()
        return min(POLL_MS, (left_ms if left_ms > 0 else SOON_MS) + (0 if "pwp" in self._view.terms else LATER_MS))

    def _turn(self) -> int:
        if self._doubtful:
            self._keep_what_is_ours()
        ended = self._settle()
        if self._stop:
            with self._lock:
                self._back += [(claim, "this process ends", 0) for claim in self._rest]
                self._rest.clear()
            return ended + self._settle()
        before, began = self.ran, self._clock.monotonic_ns()
        self._claim()
        while (claim := self._next(began)) is not None:
            self._run(claim)
        spent = self._clock.monotonic_ns() - began
        self._batch.ran(self.ran - before, spent)
        self.busy_ns += spent if self.ran > before else 0
        return ended + (self._settle() if self._lease.good() else 0)

    def _keep_what_is_ours(self) -> None:
        """After a silence: tasks that were taken over meanwhile are abandoned before anything is begun."""
        held = [*self._rest, *(claim for claim, _ in self._ends)]
        mine = {claim.id for claim in self._coordinator.renew(held)} if held else set()
        with self._lock:
            self._rest = deque(claim for claim in self._rest if claim.id in mine)
            self._ends = [end for end in self._ends if end[0].id in mine]
        self._doubtful = False

    def _claim(self) -> None:
        if not self._rest and self._queues:
            found = self._coordinator.claim(self._member, self._queues, self._batch.limit)
            self._looked_ns = self._clock.monotonic_ns()
            with self._lock:
                self._rest.extend(found)
            if self._idle and len(found) == self._batch.limit:
                self._ring({claim.queue for claim in found})  # there may be more, and the others may be asleep

    def _next(self, began_ns: int) -> Claim | None:
        """The next claim of the batch, or None when the batch ends here."""
        if self._own and self._lease.good() and self._clock.monotonic_ns() - self._looked_ns > LOOK_NS:
            self._look_at_own()
        now = self._clock.monotonic_ns()
        if self._stop or not self._lease.good() or now - began_ns > BUDGET_NS:
            return None  # the lease is asked last: nothing that may take time stands between it and the beginning of the run
        with self._lock:
            while self._rest:
                claim = self._rest.popleft()
                if claim.queue in self._queues:
                    self._present = Present(claim, now)
                    self._began()
                    return claim
                self._back.append((claim, "the role or mode of this process changed", 0))
        return None

    def _look_at_own(self) -> None:
        """A new request of the role or the primary goes before the rest of a general batch (R106, R108)."""
        self._looked_ns = self._clock.monotonic_ns()
        if self._rest and self._rest[0].queue not in self._own:
            found = self._coordinator.claim(self._member, self._own, self._batch.limit)
            with self._lock:
                self._rest.extendleft(reversed(found))

    def _run(self, claim: Claim) -> None:
        present = self._present
        assert present is not None
        try:
            if rules.elsewhere(claim.func) and self._elsewhere is not None:
                self._elsewhere(claim)
            else:
                self._end(present, self._outcome(present))
        finally:
            with self._lock:
                self._present = None
        self.ran += 1
        self.ran_of[claim.queue] += 1

    def _end(self, present: Present, outcome: Outcome | None) -> None:
        if outcome is None:
            self._back.append((present.claim, "what it needs is not free", self._clock.now_ms() + BUSY_MS))
            return
        with self._lock:
            outcome.steps = [f"{ms} {state} {self._member.name}" for state, ms in present.steps[present.written:]]
            outcome.generated = present.generated
        self._ends.append((present.claim, outcome))

    def _outcome(self, present: Present) -> Outcome | None:
        """Run the function; None = it has to come again later."""
        claim = present.claim
        ctx = Context(claim, self._coordinator, self._clock, self._lease, self._member, self.functions.request,
                      self._reach, self._shelf)
        try:
            prepared = self.functions.prepare(claim)
            self._begin(present, prepared)
            result = msgspec.to_builtins(prepared.call(ctx, **prepared.args))
        except LostMember:
            raise
        except (EngineError, Busy):  # no fault of the function: its attempt is not counted
            return None
        except Refuse as refused:
            return Outcome(status="not ok", text=str(refused))
        except (Exception, SystemExit) as fault:
            return Outcome(status="not ok", text=_told(fault), retry=True)
        if ctx.timed_out:
            return Outcome(status="not ok", text=f"ran longer than {claim.timeout_s:g} s", retry=True)
        return Outcome(status="ok", result=result, effects=ctx.effects, follow_ups=ctx.follow_ups)

    def _begin(self, present: Present, prepared: Prepared) -> None:
        """The three states between activation and end are passed in one go here; elsewhere they lie apart."""
        now = self._clock.now_ms()
        present.generated = prepared.generated
        present.steps += [(state, now) for state in ("generated", "started", "active")]

    @staticmethod
    def _store_steps(coordinator: Coordinator, present: Present) -> None:
        """Show a long run while it lasts. A claim that is stale meanwhile needs no states."""
        try:
            for state, _ in present.steps[present.written:]:
                coordinator.step(present.claim, state, generated=present.generated if state == "generated" else None)
                present.written += 1
        except StaleClaim:
            present.written = len(present.steps)

    def _settle(self) -> int:
        """Commit every end in one transaction and give back what comes again later; all stays held until the engine took it.
        How many ends were still ours."""
        ended = self._finish() if self._ends else 0
        while self._back:
            claim, why, due_ms = self._back[-1]
            self._coordinator.give_back([claim], why, due_ms)
            self._back.pop()
        return ended

    def _finish(self) -> int:
        """A batch that the engine refuses as wrong is ended one by one, and the wrong one as not ok: it must not hold up the rest."""
        if not self._singly:
            try:
                return self._commit(len(self._ends))
            except (StorageFull, LostMember):
                raise
            except EngineError:
                self._singly = True
                raise
        ended = 0
        while self._ends:
            ended += self._commit_one()
        self._singly = False
        return ended

    def _commit_one(self) -> int:
        claim, outcome = self._ends[0]
        try:
            return self._commit(1)
        except (StorageFull, LostMember):
            raise
        except EngineError as error:
            self._coordinator.renew([claim])  # raises where the engine is what fails, not this end
            self._ends[0] = (claim, Outcome(status="not ok", text=f"its end was refused: {error}", steps=outcome.steps, retry=True))
            return self._commit(1)

    def _commit(self, count: int) -> int:
        """The first `count` ends in one transaction."""
        part = self._ends[:count]
        kept = self._coordinator.finish(part)
        woken: set[str] = set()
        for (claim, outcome), ours in zip(part, kept, strict=True):
            if ours:
                woken |= {request.queue for request in outcome.follow_ups}
            else:
                log.warning("task %d: taken over or cancelled while it ran; its effects are dropped", claim.id)
        del self._ends[:count]
        if woken:
            self._ring(woken)
        return sum(kept)


def _told(fault: BaseException) -> str:
    """The traceback without the frame of the worker, which says nothing to whoever wrote the function."""
    frames = fault.__traceback__.tb_next if fault.__traceback__ is not None else None
    return "".join(traceback.format_exception(type(fault), fault, frames, limit=-20))[-TEXT_CHARS:]
