"""Tasks that count, while work processes are killed or stood still at random: the sum is exact and each effect happened once.

The victims are the primary, holders of roles and plain ones in turn. What a victim held is read from the engine while it stands
still (SIGSTOP) before it is killed, so a kill in the middle of work is a fact and no guess.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hisee
from hisee.engine import open_engine
from hisee.engine.coordinator import PRIMARY, ROLES, Coordinator
from hisee.engine.sqlite.turn import holders
from hisee.schema.exits import Exit
from hisee.schema.task_states import ROWS as STATES
from support import postgres
from support.system import RunningSystem, running, until
from support.workers import Worker, work_processes

APP = Path(__file__).with_name("work_app")
HELD_STATES = [row.name for row in STATES if row.claimed]
TRIES = 300  # to stop a victim at a certain moment
BATCH = 200  # tasks of one put; so many are kept waiting, so that there is always work
STANDSTILL_S = 60.0  # longest time in which no open task ends
# How a frozen one may end: by itself, first told by the engine or by the server; killed by the others when it froze with the turn.
LOST = {Exit.LOST_MEMBER: "ended_by_engine", Exit.CANNOT_CONNECT: "ended_by_server", -signal.SIGKILL: "ended_by_others"}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=20_000, help="least number of tasks")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--ms", type=float, default=3.0, help="work of one task")
    parser.add_argument("--stop", action="store_true", help="stand still beyond the lease and go on, instead of dying")
    parser.add_argument("--seed", type=int, default=0, help="0 = a new one")
    engine_options(parser)


def engine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="", help="engine database: postgresql://..., or `postgresql` for a server of the campaign's own; "
                                                  "default: SQLite in the data directory")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with engine_url(given.url) as url, system_of_work(url) as system:
        return run(system, count=given.count, kills=given.kills, workers=given.workers, ms=given.ms, stop=given.stop,
                   seed=given.seed or time.time_ns(), url=url)


@contextlib.contextmanager
def engine_url(wanted: str) -> Iterator[str]:
    """The address as given, or that of an empty database on a server that lives as long as the campaign."""
    if wanted != "postgresql":
        yield wanted
        return
    with postgres.postgres_server() as server:
        yield server.database("campaign")


@contextlib.contextmanager
def system_of_work(url: str = "") -> Iterator[RunningSystem]:
    """A server without work processes, with the engine database of `url`."""
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder:
        app = Path(folder) / "app"
        shutil.copytree(APP, app)
        if url:
            with open(app / "app.toml", "a") as file:
                file.write(f'\n[engine]\nurl = "{url}"\n')
        with running(app, Path(folder) / "data") as system:
            yield system


def run(system: RunningSystem, *, count: int = 2000, kills: int = 6, workers: int = 3, ms: float = 3.0, stop: bool = False,
        seed: int = 1, url: str = "") -> dict[str, Any]:
    """Figures; AssertionError when an effect is lost or doubled, or fewer than half of the victims held work."""
    engine = open_engine(url, system.data)
    try:
        with work_processes(system.data, workers, at_once=True) as processes, system.connect() as client:
            chaos = Chaos(engine, client, processes, system.data, random.Random(seed), ms, url)
            started = time.monotonic()
            for _ in range(kills):
                chaos.strike(stop)
            chaos.feed_up_to(count)
            chaos.heal()
            return {"seed": seed, **chaos.check(), "seconds": round(time.monotonic() - started, 1)}
    finally:
        engine.close()


class Chaos:
    """One run: puts work, chooses victims, counts."""

    def __init__(self, engine: Coordinator, client: hisee.System, processes: list[Worker], data: Path, rng: random.Random,
                 ms: float, url: str) -> None:
        self._engine, self._client, self._processes, self._data, self._rng, self._ms = engine, client, processes, data, rng, ms
        self._url = url
        self._ids: set[int] = set()
        self._before = int(engine.fact("sum") or 0)
        self.victims: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.held = 0

    # -- work

    def feed(self) -> None:
        """Keep a batch waiting."""
        if self._engine.queues()["general"].waiting < BATCH:
            self._put(BATCH)

    def feed_up_to(self, count: int) -> None:
        while len(self._ids) < count:
            self._put(min(BATCH, count - len(self._ids)))

    def _put(self, count: int) -> None:
        rows = [{"func": "tasks.count", "args": {"ms": self._ms}}] * count
        self._ids.update(task.id for task in self._client.tasks.put(rows))

    # -- faults

    def strike(self, stop: bool) -> None:
        """One victim, caught at work or, half of the frozen ones, in the middle of a write."""
        until(lambda: len(self._ready()) >= 2, "two work processes are ready", 60)
        what, victim = self._choose()
        if stop and not self._url and self._rng.random() < 0.5:
            self.ends["frozen_with_the_turn"] += self._catch(victim, self._has_turn)
            self.held += self._at_work(victim)
        else:
            self.held += self._catch(victim, self._at_work)
        self.victims[what] += 1
        if stop:
            self._thaw_when_buried(victim)
        else:
            victim.kill()
        self._processes.remove(victim)
        victim.close()
        self._processes.append(Worker(self._data, wait=False))

    def _ready(self) -> list[Worker]:
        """Those that take work; a name is there from the ready line on."""
        members = {m.pid for m in self._engine.members() if not m.ended_ms}
        for process in self._processes:
            if not process.name and process.pid in members:
                process.await_ready()
        return [p for p in self._processes if p.name and p.lives]

    def _choose(self) -> tuple[str, Worker]:
        wanted = self._rng.choice((PRIMARY, *ROLES, "any"))
        row = self._engine.terms().get(wanted)
        ready = self._ready()
        of_term = [p for p in ready if row is not None and p.name == row.name]
        return (wanted, of_term[0]) if of_term else ("any", self._rng.choice(ready))

    def _catch(self, victim: Worker, caught: Callable[[Worker], bool]) -> bool:
        """Stopped as wanted, while there is work for everybody; False = stopped, but not so after so many tries."""
        for _ in range(TRIES):
            self.feed()
            time.sleep(self._rng.random() * 0.01)
            victim.signal(signal.SIGSTOP)
            time.sleep(0.001)  # the signal takes effect
            if caught(victim):
                return True
            victim.signal(signal.SIGCONT)
        victim.signal(signal.SIGSTOP)
        return False

    def _at_work(self, victim: Worker) -> bool:
        """The engine shows tasks in its hands. It stands still, so this is what the kill hits."""
        return any(row.owner == victim.name for state in HELD_STATES for row in self._engine.tasks(state=state, limit=1000))

    def _has_turn(self, victim: Worker) -> bool:
        """In the middle of a write, so that nobody else can write either."""
        return victim.pid in holders(self._data / "engine.turn")

    def _thaw_when_buried(self, victim: Worker) -> None:
        """The others take over by the lease; awake again it must change nothing and end."""
        until(lambda: not any(m.pid == victim.pid and not m.ended_ms for m in self._engine.members()), "the frozen one is buried", 30)
        self.feed()
        victim.signal(signal.SIGCONT)
        code = victim.child.wait(60)
        assert code in LOST, f"a buried one ended with {code}: {victim.said()}"
        self.ends[LOST[code]] += 1

    # -- the end

    def heal(self) -> None:
        """No more faults: everything has to end, however slow the computer is; a standstill is a fault."""
        while left := self._open():
            until(lambda left=left: self._open() < left, f"one of {left} open tasks ends", STANDSTILL_S)

    def _open(self) -> int:
        queues = self._engine.queues()
        return sum(row.waiting + row.running for row in queues.values())

    def check(self) -> dict[str, Any]:
        effects = {int(key.rpartition("/")[2]): value for key, value in self._engine.facts("effect/sum/").items()}
        wrong = {task: effects.get(task, 0) for task in self._ids if effects.get(task, 0) != 1}
        total = int(self._engine.fact("sum") or 0) - self._before
        assert not wrong, f"effects that did not happen once: {wrong}"
        assert total == len(self._ids), f"sum {total} of {len(self._ids)} tasks"
        not_ok = {row.id: row.state for row in self._engine.tasks(state="dead letter") if row.id in self._ids}
        assert not not_ok, f"ended not ok: {not_ok}"
        struck = sum(self.victims.values())
        assert self.held * 2 >= struck, f"only {self.held} of {struck} victims held work"
        return {"tasks": len(self._ids), "sum": total, "lost_or_doubled": 0, "struck": struck, "victims": dict(self.victims),
                "struck_while_working": self.held, **self.ends}
