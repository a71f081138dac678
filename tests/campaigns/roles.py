"""Work processes start, end, die and stand still at random: never two primaries, every role in one hand, all places right after settling.

Two watchers: the overview of the system at 10 Hz (what people see), and the engine's terms after each step, judged by a rule that is
written here once more, without looking at the product's. Take-over times stand beside a bare hand-over of a file lock.
"""

from __future__ import annotations

import argparse
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from campaigns.counters import engine_options, engine_url, system_of_work
from hisee.engine import open_engine
from hisee.engine.coordinator import PRIMARY, Coordinator, Member, TermRow
from hisee.schema.timers import BY_NAME as TIMERS
from support.system import RunningSystem, until
from support.workers import Worker, work_processes

MOST = 5
SAMPLE_S = 0.1
SETTLE_S = 20.0
ROLES = ("role.O", "role.R")
DETECTION_S = TIMERS["lease"].ms / 1000 + 1.0
WAITER = """
import fcntl, sys, time
file = open(sys.argv[1])
print("waits", flush=True)
fcntl.flock(file, fcntl.LOCK_EX)
print(time.monotonic_ns(), flush=True)
"""
# A holder as big as a work process: what the kernel needs to end 36 MiB is the same for both.
HOLDER = """
import hisee.work.wp, hisee.engine.sqlite.store
import fcntl, sys, time
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("has it", flush=True)
time.sleep(600)
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=100, help="starts, ends, kills and freezes")
    parser.add_argument("--takeovers", type=int, default=40, help="measured kills of the primary")
    parser.add_argument("--freezes", type=int, default=3, help="measured freezes of the primary")
    parser.add_argument("--seed", type=int, default=0, help="0 = a new one")
    engine_options(parser)


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with engine_url(given.url) as url, system_of_work(url) as system:
        return run(system, steps=given.steps, takeovers=given.takeovers, freezes=given.freezes, seed=given.seed or time.time_ns(), url=url)


def run(system: RunningSystem, *, steps: int = 12, takeovers: int = 3, freezes: int = 0, seed: int = 1, url: str = "",
        most: int = MOST) -> dict[str, Any]:
    """Figures; AssertionError when a place is held twice, by the wrong one, or by nobody after settling."""
    engine = open_engine(url, system.data)
    try:
        with work_processes(system.data, 2) as processes:
            changes = Changes(engine, processes, system.data, random.Random(seed), most)
            with Samples(system) as samples:
                changes.settle()
                for _ in range(steps):
                    changes.step()
            figures = {"seed": seed, "steps": dict(changes.counts), "samples": samples.count, "two_holders": 0, "two_primaries": 0}
            changes.fill()
            return figures | measure(changes, takeovers, freezes)
    finally:
        engine.close()


# -- what people see


class Samples(threading.Thread):
    """The overview at 10 Hz, in a session of its own."""

    def __init__(self, system: RunningSystem) -> None:
        super().__init__(name="samples", daemon=True)
        self._system, self._ended = system, threading.Event()
        self.count, self.wrong = 0, ""

    def __enter__(self) -> Samples:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        assert not self.wrong, self.wrong
        assert self.count, "the overview was never seen"

    def run(self) -> None:
        with self._system.connect() as client:
            while not self._ended.wait(SAMPLE_S):
                self.wrong = self.wrong or wrong_overview(client.ps())
                self.count += 1


def wrong_overview(rows: list[dict[str, Any]]) -> str:
    """Why one picture of the processes cannot be; "" = it can."""
    running = [row for row in rows if row["state"] == "Run" and row["kind"] in ("WP", "PWP", "DWP")]
    primaries = [row["name"] for row in running if row["kind"] == "PWP"]
    holders = [(role, row["name"]) for row in running for role in (row["role"] or "").split(",") if role]
    if len(primaries) > 1:
        return f"two primaries: {primaries}"
    twice = [role for role, count in Counter(role for role, _ in holders).items() if count > 1]
    dialog = [row["name"] for row in running if row["kind"] == "DWP" and row["role"]]
    return f"role held twice: {holders}" if twice else f"dialog process with a role: {dialog}" if dialog else ""


# -- the rule, once more


def misplaced(members: list[Member], terms: dict[str, TermRow], before: dict[str, int]) -> str:
    """Why the places of a settled system are wrong; "" = they are right. `before`: term -> holder at the last settled moment.

    One primary; each of O and R in one living hand; as many roles as possible with others than the primary, no two with one of
    them; who had a role and was not primary keeps it.
    """
    plain = {m.incarnation: m.name for m in members if m.kind == "WP" and m.mode == "WP" and not m.ended_ms}
    holder = {term: terms[term].holder if term in terms else 0 for term in (PRIMARY, *ROLES)}
    nobody = [term for term, who in holder.items() if who not in plain]
    if nobody:
        return f"{nobody} in no living plain hand"
    primary, others = holder[PRIMARY], [holder[role] for role in ROLES if holder[role] != holder[PRIMARY]]
    if len(others) != min(2, len(plain) - 1) or len(set(others)) != len(others):
        return f"roles {[plain[holder[role]] for role in ROLES]} of {len(plain)}, primary {plain[primary]}"
    for role in ROLES:
        had = before.get(role, 0)
        if had in plain and had not in (primary, before.get(PRIMARY, 0)) and holder[role] != had:
            return f"{role} was taken from {plain[had]}"
    return ""


class Changes:
    """Random steps, each settled and judged."""

    def __init__(self, engine: Coordinator, processes: list[Worker], data: Path, rng: random.Random, most: int) -> None:
        self._engine, self._processes, self._data, self._rng, self._most = engine, processes, data, rng, most
        self._before: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    def step(self) -> None:
        living = len(self._processes)
        choices = [self._start] * (living < self._most) * 2 + [self._kill, self._end] * (living > 1) + [self._freeze] * (living > 2)
        chosen = self._rng.choice(choices)
        self.counts[chosen.__name__.strip("_")] += 1
        chosen()
        self.settle()

    def settle(self) -> None:
        def right() -> bool:
            members, terms = self._engine.members(), self._engine.terms()
            living = {m.pid for m in members if not m.ended_ms and m.kind == "WP"}
            self._wrong = misplaced(members, terms, self._before) or ("" if living == {p.pid for p in self._processes} else "members")
            if not self._wrong:
                self._settled = {term: row.holder for term, row in terms.items()}
            return not self._wrong

        try:
            until(right, "places are right", SETTLE_S)
        except AssertionError:
            raise AssertionError(f"{self._wrong} after {dict(self.counts)}") from None
        self._before = self._settled

    def fill(self) -> None:
        while len(self._processes) < self._most:
            self._start()
        self.settle()

    def _start(self) -> None:
        self._processes.append(Worker(self._data))

    def _any(self) -> Worker:
        """Holders of terms twice as often as the others."""
        held = {row.name for row in self._engine.terms().values()}
        return self._rng.choice(self._processes + [p for p in self._processes if p.name in held])

    def _kill(self) -> None:
        victim = self._any()
        self._processes.remove(victim)
        victim.kill()

    def _end(self) -> None:
        victim = self._any()
        self._processes.remove(victim)
        assert victim.stop() == 0, victim.said()

    def _freeze(self) -> None:
        """Beyond the lease, then awake again: it must end by itself."""
        victim = self._any()
        self._processes.remove(victim)
        victim.signal(signal.SIGSTOP)
        try:
            until(lambda: victim.pid not in {m.pid for m in self._engine.members() if not m.ended_ms}, "the frozen one is out", 30)
        finally:
            victim.signal(signal.SIGCONT)
        victim.child.wait(60)

    # -- take-over

    def primary(self) -> Worker:
        name = self._engine.terms()[PRIMARY].name
        return next(p for p in self._processes if p.name == name)

    def taken_over_ms(self, number: int) -> float:
        """From the signal to the moment at which the engine shows another primary."""
        victim = self.primary()
        old = self._engine.terms()[PRIMARY].holder
        self._processes.remove(victim)
        began = time.monotonic_ns()
        victim.signal(number)
        until(lambda: self._engine.terms()[PRIMARY].holder not in (0, old), "another primary", 30, 0.0005)
        taken = (time.monotonic_ns() - began) / 1e6
        victim.signal(signal.SIGCONT)
        victim.child.wait(60)
        self._start()
        self.settle()
        return taken


def measure(changes: Changes, takeovers: int, freezes: int) -> dict[str, Any]:
    """Kills of the primary and hand-overs of a bare lock, in turn; then freezes."""
    kills, locks = [], []
    for _ in range(takeovers):
        kills.append(changes.taken_over_ms(signal.SIGKILL))
        locks.append(lock_handed_over_ms())
    frozen = [changes.taken_over_ms(signal.SIGSTOP) for _ in range(freezes)]
    assert all(ms <= DETECTION_S * 1000 for ms in frozen), f"a frozen primary was replaced after {frozen} ms"
    ratio = round(statistics.median(kills) / statistics.median(locks), 2)
    return {"takeover_after_kill_ms": shown(kills), "bare_lock_after_kill_ms": shown(locks), "ratio_of_p50": ratio,
            "takeover_after_freeze_ms": shown(frozen)}


def shown(values: list[float]) -> dict[str, float]:
    return {"count": len(values), "p50": round(statistics.median(values), 2), "max": round(max(values), 2)} if values else {"count": 0}


def lock_handed_over_ms() -> float:
    """One process holds a file lock and is killed, another waits for it."""
    with tempfile.NamedTemporaryFile() as file, python(HOLDER, file.name) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        with python(WAITER, file.name) as waiter:
            assert waiter.stdout is not None and waiter.stdout.readline()
            time.sleep(0.05)
            began = time.monotonic_ns()
            holder.kill()
            return (int(waiter.stdout.readline()) - began) / 1e6


def python(text: str, path: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-I", "-c", text, path], stdout=subprocess.PIPE, text=True)
