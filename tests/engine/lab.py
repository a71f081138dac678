"""What an implementation of the Coordinator gives to the contract suite, and short words for the suite's steps."""

from __future__ import annotations

import contextlib
import itertools
import random
import subprocess
import time
from typing import Any

from hisee.engine import proof
from hisee.engine.coordinator import PRIMARY, Add, Candidate, Claim, Coordinator, Effect, Grant, Member, Outcome, TaskRequest

INCARNATIONS = random.SystemRandom()


class Lab:
    """One engine database and everything around it. An implementation derives from this; four methods are its own.

    Members of the suite are real processes that only sleep; `kill` ends one and waits, so that its death is proven.
    """

    def __init__(self) -> None:
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._opened: list[Coordinator] = []

    # an implementation's own
    def open(self) -> Coordinator:
        """One more Coordinator on the same database, as another thread or process would have it. Ends with `keep(...)`."""
        raise NotImplementedError

    def lapse(self) -> None:
        """Longer than a lease passes, in which nobody beats."""
        raise NotImplementedError

    def advance(self, ms: int) -> None:
        """The engine's clock for due times goes on by so much."""
        raise NotImplementedError

    def now_ms(self) -> int:
        """The engine's clock for due times."""
        raise NotImplementedError

    # the same for all
    def keep(self, coordinator: Coordinator) -> Coordinator:
        self._opened.append(coordinator)
        return coordinator

    def candidate(self, kind: str = "WP", **facts: Any) -> Candidate:
        child = subprocess.Popen(["sleep", "1000"])
        self._processes[child.pid] = child
        plain = {"kind": kind, "node": "SRV1", "host": "localhost", "pid": child.pid, "birth": proof.birth(child.pid),
                 "incarnation": INCARNATIONS.getrandbits(62) + 1, "first_ms": self.now_ms()}
        return Candidate(**(plain | facts))

    def kill(self, member: Member) -> None:
        child = self._processes.pop(member.pid)
        child.kill()
        child.wait()

    def close(self) -> None:
        for coordinator in self._opened:
            with contextlib.suppress(Exception):
                coordinator.close()
        for child in self._processes.values():
            child.kill()
            child.wait()


COUNT = itertools.count()
EVERY = ("primary", "O", "R", "general", "dialog", "java", "event")


def join(lab: Lab, engine: Coordinator, kind: str = "WP", **facts: Any) -> Member:
    return engine.join(lab.candidate(kind, **facts))


def lead(engine: Coordinator, member: Member) -> Grant:
    grant = engine.take(PRIMARY, member)
    assert grant is not None, "the primary's term is not free"
    return grant


def request(func: str = "tasks.work", **facts: Any) -> TaskRequest:
    return TaskRequest(func=func, **facts)


def put(engine: Coordinator, **facts: Any) -> int:
    return engine.put([request(**facts)])[0]


def claim_one(engine: Coordinator, member: Member, *queues: str) -> Claim:
    claims = engine.claim(member, queues or EVERY, 1)
    assert len(claims) == 1, "nothing to claim"
    return claims[0]


def claim_ids(engine: Coordinator, member: Member, *queues: str, limit: int = 1000) -> list[int]:
    return [claim.id for claim in engine.claim(member, queues or EVERY, limit)]


def end(engine: Coordinator, claim: Claim, status: str = "ok", *effects: Effect, **facts: Any) -> bool:
    return engine.finish([(claim, Outcome(status=status, effects=list(effects), **facts))])[0]


def ended_with_add(engine: Coordinator, claim: Claim, key: str = "sum") -> bool:
    return end(engine, claim, "ok", Add(key))


def state(engine: Coordinator, task: int) -> str:
    row = engine.task(task)
    assert row is not None, f"no task {task}"
    return row.state


def until(condition: Any, what: str, seconds: float = 20.0) -> None:
    """Wait for something that other processes do; fails with `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
