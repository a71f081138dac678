"""The parts that a simulated member is made of, and mutants of them: each breaks one rule and has to be found by the seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hisee.engine.coordinator import Buried, Claim, Grant, Member, OutboxRow, Outcome, TaskRequest
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.engine.memory_task import Task
from hisee.work.lease import Lease
from hisee.work.primary import Primary
from hisee.work.relay import Relay
from hisee.work.worker import Worker


def beat(hand: Any) -> None:
    """A renewal counts from before it was sent."""
    began = hand.lease.begin()
    hand.door.beat(hand.member)
    hand.lease.renewed(began)


@dataclass(frozen=True)
class Parts:
    """None of `coordinator` = the engine's own."""

    coordinator: Callable[[MemoryEngine], MemoryCoordinator] | None = None
    worker: type[Worker] = Worker
    primary: type[Primary] = Primary
    relay: type[Relay] = Relay
    lease: type[Lease] = Lease
    beat: Callable[[Any], None] = beat


PARTS = Parts()


class NoMargin(Lease):
    """Goes on whatever the time."""

    def good(self) -> bool:
        return True


def late_beat(hand: Any) -> None:
    """Counts the renewal from its answer: a freeze in between makes the lease look young."""
    hand.door.beat(hand.member)
    hand.lease.renewed(hand.lease.begin())


class NoEpoch(MemoryCoordinator):
    """The primary's grant is believed."""

    def _primary(self, grant: Grant) -> None:
        return


class NoAlone(MemoryCoordinator):
    """Poison takes its neighbours with it, again and again."""

    @staticmethod
    def _alone(task: Task) -> bool:
        return False


class NoTickKey(MemoryCoordinator):
    """A tick is an ordinary task."""

    def _tick(self, schedule: Any, instant: int) -> TaskRequest:
        request = schedule.request
        return TaskRequest(func=request.func, args=request.args, queue=request.queue, max_attempts=request.max_attempts)


class NoToken(MemoryCoordinator):
    """Whoever once had the task may end it."""

    def _mine(self, claim: Claim) -> Task | None:
        return self._tasks.all.get(claim.id)


class EffectsAlone(MemoryCoordinator):
    """Can commit effects without the end they belong to."""

    def effects_alone(self, ends: Sequence[tuple[Claim, Outcome]]) -> None:
        for claim, outcome in ends:
            task = self._mine(claim)
            if task is not None and not outcome.retry:
                self._effects(task, outcome)


class TwoTransactions(Worker):
    """Effects first, then the end."""

    def _commit(self, count: int) -> int:
        part = self._ends[:count]
        self._coordinator.effects_alone(part)  # type: ignore[attr-defined]
        self._ends[:count] = [(claim, Outcome(status=o.status, text=o.text, retry=o.retry)) for claim, o in part]
        return super()._commit(count)


class MarkFirst(Relay):
    """Takes rows out before they are sent."""

    def rows(self, limit: int = 64) -> list[OutboxRow]:
        found = super().rows(limit)
        self._coordinator.sent(found)
        return found


class ForgetsEnds(Worker):
    """A commit that fails is forgotten."""

    def _finish(self) -> int:
        ends, self._ends = self._ends, []
        return sum(self._coordinator.finish(ends))


class DropsRest(Worker):
    """Stopped, it forgets what it had not begun, and stays a member's burden until the end."""

    def _claim(self) -> None:
        super()._claim()
        if len(self._rest) > 2:
            self._rest.pop()


class BothRoles(Primary):
    """Gives both roles to the same member."""

    def _administer(self) -> bool:
        changed = super()._administer()
        assert self.grant is not None
        holder = self._coordinator.terms()["role.O"].holder
        member = next(m for m in self._coordinator.members() if m.incarnation == holder)
        self._coordinator.assign(self.grant, "role.R", member)
        return changed


class NoTakeOver(Primary):
    """Leaves the burying to others."""

    def _bury_overdue(self) -> bool:
        return False


class OldLook(MemoryCoordinator):
    """Buries on the word of a look that is old by now."""

    def bury(self, incarnation: int, proof: str, *, still_over: bool = False) -> Buried:
        return super().bury(incarnation, proof)


class NoActive(MemoryCoordinator):
    """Whoever asks gets work, wherever it is."""

    def _is_active(self, member: Member) -> bool:
        return True


class Stays(MemoryCoordinator):
    """Primary and roles stay on the computer that is active no more."""

    def _free_following(self, node: str) -> None:
        return


class Hasty(Lease):
    """Judges others right after its own silence."""

    def judges(self) -> bool:
        return True


class SkipsTicks(Primary):
    """Reckons the next instant from the clock instead of from the last one."""

    def time(self) -> int:
        for schedule in self._coordinator.schedules():
            if self.grant is not None and schedule.name == "tick" and schedule.next_ms <= self._clock.now_ms():
                now = self._clock.now_ms()
                try:
                    self._coordinator.fire(self.grant, schedule, [schedule.next_ms], now - now % 500 + 500)
                except Exception:
                    return 0
        return super().time()


MUTANTS: dict[str, Parts] = {
    "no margin": replace(PARTS, lease=NoMargin),
    "renewal counted from its answer": replace(PARTS, beat=late_beat),
    "assign and fire without epoch check": replace(PARTS, coordinator=NoEpoch),
    "batch without the rule of the alone": replace(PARTS, coordinator=NoAlone),
    "tick without a key": replace(PARTS, coordinator=NoTickKey),
    "end without a token": replace(PARTS, coordinator=NoToken),
    "effects and end in two transactions": replace(PARTS, coordinator=EffectsAlone, worker=TwoTransactions),
    "relay marks first": replace(PARTS, relay=MarkFirst),
    "failed commit forgotten": replace(PARTS, worker=ForgetsEnds),
    "claim forgotten": replace(PARTS, worker=DropsRest),
    "both roles to one": replace(PARTS, primary=BothRoles),
    "nobody buries": replace(PARTS, primary=NoTakeOver),
    "buried on an old look": replace(PARTS, coordinator=OldLook, lease=Hasty),
    "work on a computer that waits": replace(PARTS, coordinator=NoActive),
    "terms stay when the computer changes": replace(PARTS, coordinator=Stays),
    "next instant from the clock": replace(PARTS, primary=SkipsTicks),
}
