"""A crew for unit tests: one engine in memory, one clock that stands still, members with their worker and their administration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hisee.engine.coordinator import PRIMARY, Candidate, Grant, Member, TaskRequest, TaskRow
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.work.functions import Functions
from hisee.work.lease import Lease
from hisee.work.primary import Primary
from hisee.work.view import view_of
from hisee.work.worker import Worker
from support.clock import FakeClock

SOURCE = b'''
import hisee

@hisee.task
def work(ctx, n=1):
    ctx.add("sum", n)
    return n

@hisee.task(retries=2, retry_s=1.0)
def fail(ctx):
    raise ValueError("broken pump")

@hisee.task
def refuse(ctx):
    raise hisee.Refuse("no such meter")
'''


class Hand:
    """One member: worker and administration over the same coordinator."""

    def __init__(self, crew: Crew, node: str = "SRV1", kind: str = "WP", **facts: Any) -> None:
        crew.count += 1
        self.crew = crew
        self.coordinator = MemoryCoordinator(crew.engine)
        number = crew.count
        self.member: Member = self.coordinator.join(Candidate(kind=kind, node=node, host="h", pid=number, birth=1, incarnation=number))
        self.lease = Lease(crew.clock)
        self.functions = Functions()
        self.functions.load(SOURCE)
        self.rung: list[str] = []
        self.alarms: list[str] = []
        self.primary = Primary(self.coordinator, crew.clock, self.member, self.lease, ring=self._ring, alarm=self.alarms.append,
                               wp_min=crew.wp_min)
        self.worker = Worker(self.coordinator, crew.clock, self.member, self.functions, self.lease, ring=self._ring, **facts)

    def _ring(self, queues: Iterable[str]) -> None:
        self.rung += queues

    def beat(self) -> None:
        began = self.lease.begin()
        self.coordinator.beat(self.member)
        self.lease.renewed(began)

    def look(self) -> None:
        """What a steward does each renewal."""
        self.beat()
        self.primary.look()
        self.worker.see(view_of(self.member, self.coordinator.members(), self.coordinator.terms()))

    def rounds(self, most: int = 50) -> int:
        """Until the worker would sleep; how many tasks it ended."""
        ended = 0
        for _ in range(most):
            done = self.worker.round()
            ended += done.ended
            if done.rest_ms:
                break
        return ended


class Crew:
    """The system around the members. `hands` are those that live."""

    def __init__(self, count: int = 0, wp_min: int = 5) -> None:
        self.clock = FakeClock()
        self.engine = MemoryEngine(self.clock)
        self.coordinator = MemoryCoordinator(self.engine)
        self.count, self.wp_min = 0, wp_min
        self.hands: list[Hand] = []
        for _ in range(count):
            self.start()

    def start(self, **facts: Any) -> Hand:
        """A member joins; everybody looks."""
        hand = Hand(self, **facts)
        self.hands.append(hand)
        self.clock.advance(1)
        self.settle()
        return hand

    def settle(self) -> None:
        for _ in range(3):
            for hand in self.hands:
                hand.look()

    def kill(self, hand: Hand) -> None:
        """Proven death; everybody looks."""
        self.engine.killed(hand.member.incarnation)
        self.hands.remove(hand)
        self.settle()

    def holders(self) -> dict[str, str]:
        """Term -> name of its holder."""
        return {term: row.name for term, row in sorted(self.coordinator.terms().items())}

    def modes(self) -> str:
        """Modes of the living in the order of their numbers."""
        return " ".join(m.mode for m in self.coordinator.members() if not m.ended_ms)

    def grant(self) -> Grant:
        row = self.coordinator.terms()[PRIMARY]
        return Grant(PRIMARY, row.holder, row.epoch)

    def put(self, func: str = "tasks.work", count: int = 1, **facts: Any) -> list[int]:
        return self.coordinator.put([TaskRequest(func=func, **facts) for _ in range(count)])

    def row(self, task: int) -> TaskRow:
        row = self.coordinator.task(task)
        assert row is not None
        return row
