"""Service tasks while Java work processes, and the work processes that watch them, are killed or frozen.

Every task ends once, ok, and with its own result.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import hisee
from support.system import RunningSystem, running, until

APP = Path(__file__).parents[1] / "proc" / "java_app"
WAITING = 40  # tasks kept in the queue, so that there is always work
HEAL_S = 180.0
OPTIONS = {"retry_s": 0.1, "max_attempts": 100}
ENDED = ("ended ok", "ended not ok", "dead letter", "lost", "cancelled")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=2_000, help="least number of tasks")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--freezes", type=int, default=4, help="of Java work processes, each longer than the watchdog")
    parser.add_argument("--seed", type=int, default=0, help="0 = a new one")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder, running(APP, Path(folder) / "data") as system:
        return run(system, count=given.count, kills=given.kills, freezes=given.freezes, seed=given.seed or time.time_ns())


def run(system: RunningSystem, *, count: int = 60, kills: int = 2, freezes: int = 0, seed: int = 1) -> dict[str, Any]:
    """Figures; AssertionError when a task is lost, ends twice or with another result."""
    with system.connect() as client:
        chaos = Chaos(client, random.Random(seed))
        started = time.monotonic()
        for number in [signal.SIGKILL] * kills + [signal.SIGSTOP] * freezes:
            chaos.strike(number)
        chaos.put(max(0, count - len(chaos.tasks)))
        chaos.heal()
        return {"seed": seed, **chaos.check(), "seconds": round(time.monotonic() - started, 1)}


class Chaos:
    """One run: puts work, chooses victims, counts."""

    def __init__(self, client: hisee.System, rng: random.Random) -> None:
        self._client, self._rng = client, rng
        self.tasks: dict[int, dict[str, Any]] = {}  # id -> arguments
        self.victims: Counter[str] = Counter()
        self.working = 0  # victims that ran a call, or watched one

    def put(self, count: int) -> None:
        args = [{"n": len(self.tasks) + i, "wait_ms": self._rng.randrange(1_000)} for i in range(count)]
        rows = [{"func": "service.echo", "queue": "java", "args": a, **OPTIONS} for a in args]
        self.tasks |= {task.id: a for task, a in zip(self._client.tasks.put(rows), args, strict=True)}

    def strike(self, number: int) -> None:
        queue = self._client.queues()["java"]
        if queue["waiting"] + queue["running"] < WAITING:
            self.put(WAITING)
        until(lambda: len(self._running("JWP")) == 2 and len(self._running("WP", "PWP")) == 2, "all run again", HEAL_S)
        time.sleep(self._rng.random() * 0.1)
        kind = "JWP" if number == signal.SIGSTOP or self._rng.random() < 0.7 else "WP"
        victim = self._rng.choice(self._running(*(("JWP",) if kind == "JWP" else ("WP", "PWP"))))
        self.working += self._works(victim)
        self.victims[f"{kind} {signal.Signals(number).name}"] += 1
        os.kill(victim["pid"], number)
        if number == signal.SIGSTOP:
            self._thaw(victim)

    def _thaw(self, victim: dict[str, Any]) -> None:
        """Beyond the watchdog, so that it wakes up with calls that others have taken over."""
        until(lambda: victim["pid"] not in [row["pid"] for row in self._running("JWP")], "it counts as gone", HEAL_S)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim["pid"], signal.SIGCONT)

    def _running(self, *kinds: str) -> list[dict[str, Any]]:
        return [row for row in self._client.ps() if row["kind"] in kinds and row["state"] == "Run" and row["carrier"]]

    def _works(self, victim: dict[str, Any]) -> bool:
        answer = self._client.tell(victim["name"], "STATUS")
        if victim["kind"] != "JWP" or answer.result != "ok":
            return any(row["owner"] == victim["name"] for row in self._client.tasks.list(queue="java", limit=200))
        return bool(json.loads(answer.text)["running"])

    def heal(self) -> None:
        def empty() -> bool:
            queue = self._client.queues()["java"]
            return not queue["waiting"] + queue["running"]

        until(empty, "everything is done", HEAL_S)

    def check(self) -> dict[str, Any]:
        attempts: Counter[int] = Counter()
        for number, args in self.tasks.items():
            row = self._client.tasks[number].row
            ends = [step["state"] for step in row["steps"] if step["state"] in ENDED]
            assert ends == ["ended ok"] and row["result"] == args, row
            attempts[row["attempt"]] += 1
        return {"tasks": len(self.tasks), "victims": dict(self.victims), "victims that worked": self.working,
                "tasks by attempts": {str(n): attempts[n] for n in sorted(attempts)}}
