"""The engine in memory keeps the contract; its clock is a fake one, so nothing waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from engine.contract import MUTANTS, Contract, notices
from engine.lab import Lab
from hisee.engine.coordinator import Candidate, Claim, Coordinator, EngineError, Member, OutboxRow, Outcome
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.engine.memory_task import Task
from support.clock import FakeClock

PIDS = itertools.count(1000)


class MemoryLab(Lab):
    """Processes are numbers here: their death is told to the engine."""

    def __init__(self, make: Callable[[MemoryEngine], MemoryCoordinator] = MemoryCoordinator) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.engine = MemoryEngine(self.clock)
        self._make = make

    def open(self) -> Coordinator:
        return self._make(self.engine)

    def lapse(self) -> None:
        self.clock.advance(2_100)

    def advance(self, ms: int) -> None:
        self.clock.advance(ms)

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def candidate(self, kind: str = "WP", **facts: object) -> Candidate:
        pid = next(PIDS)
        plain = {"kind": kind, "node": "SRV1", "host": "localhost", "pid": pid, "birth": 1, "incarnation": pid, "first_ms": 0}
        return Candidate(**(plain | facts))

    def kill(self, member: Member) -> None:
        self.engine.killed(member.incarnation)


class TestMemory(Contract):
    @pytest.fixture
    def lab(self) -> Iterator[Lab]:
        lab = MemoryLab()
        yield lab
        lab.close()


class NoToken(MemoryCoordinator):
    """Whoever has heard of the task may end it."""

    def _mine(self, claim: Claim) -> Task | None:
        return self._tasks.living.get(claim.id)


class TwoTxn(MemoryCoordinator):
    """Effects in one transaction, the end in the next."""

    def finish(self, ends: Sequence[tuple[Claim, Outcome]]) -> list[bool]:
        for claim, outcome in ends:
            task = self._mine(claim)
            if task is not None:
                self._effects(task, Outcome(effects=outcome.effects))
        bare = [(claim, Outcome(status=o.status, text=o.text, retry=o.retry, follow_ups=o.follow_ups)) for claim, o in ends]
        return super().finish(bare)


class NoKey(MemoryCoordinator):
    """A receiver that remembers nothing."""

    def first_time(self, key: str) -> bool:
        return True


class AckFirst(MemoryCoordinator):
    """Rows leave the outbox when they are looked at."""

    def outbox(self, limit: int) -> list[OutboxRow]:
        rows = super().outbox(limit)
        self.sent(rows)
        return rows


class NoActive(MemoryCoordinator):
    """Whoever asks gets work, wherever it is."""

    def _is_active(self, member: Member) -> bool:
        return True


class Stays(MemoryCoordinator):
    """The terms of work processes stay where they are when the active computer changes."""

    def _free_following(self, node: str) -> None:
        return


BROKEN = {"NOTOKEN": NoToken, "TWOTXN": TwoTxn, "NOKEY": NoKey, "ACKFIRST": AckFirst, "NOACTIVE": NoActive, "STAYS": Stays}


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_a_mutant_is_noticed(mutant: str) -> None:
    assert all(notices(test, lambda: MemoryLab(BROKEN[mutant])) for test in MUTANTS[mutant])


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_the_same_tests_pass_without_the_mutant(mutant: str) -> None:
    assert not any(notices(test, MemoryLab) for test in MUTANTS[mutant])


def test_an_error_changes_nothing() -> None:
    lab = MemoryLab()
    engine = lab.open()
    with pytest.raises(EngineError):
        engine.tasks(state="nowhere")
    assert engine.tasks() == [] and engine.facts("") == {}
