"""The engine on SQLite with real processes: killed in the middle, frozen with the turn, joining at once, woken by bells."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.crew import Crew
from engine.lab import request, until
from engine.mutants_sqlite import FATAL
from hisee.engine import open_doorbell, open_engine, proof
from hisee.engine.coordinator import Coordinator
from hisee.engine.sqlite import turn
from hisee.model.tables_sqlite import connect
from support.source import PYTHON

pytestmark = pytest.mark.slow
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def crew(data_dir: Path) -> Iterator[Crew]:
    crew = Crew(data_dir)
    yield crew
    crew.end()


@pytest.fixture
def engine(data_dir: Path) -> Iterator[Coordinator]:
    engine = open_engine("", data_dir)
    yield engine
    engine.close()


def bury_the_dead(engine: Coordinator) -> int:
    return sum(engine.bury(member.incarnation, why).tasks for member, why in engine.overdue() if why == "process ended")


@pytest.mark.req("R110")
def stop_at_work(engine: Coordinator, victim: subprocess.Popen[str], dice: random.Random) -> int:
    """Stand it still at a random instant, until it is seen to hold tasks; how many were put for it meanwhile."""
    for count in range(200):
        engine.put([request(max_attempts=50) for _ in range(40)])
        time.sleep(dice.uniform(0.0, 0.01))
        victim.send_signal(signal.SIGSTOP)
        if engine.queues()["general"].running:
            return 40 * (count + 1)
        victim.send_signal(signal.SIGCONT)
    raise AssertionError("it was never seen at work")


def test_effects_are_exact_over_kills(engine: Coordinator, crew: Crew) -> None:
    """Workers are killed wherever they are; at the end each task has its effect once (the ledger), and half of the kills hit work."""
    tasks, kills, dice = 400, 8, random.Random(5)
    workers = [crew.start("work") for _ in range(kills + 1)]
    engine.put([request(max_attempts=50, retry_s=0.0) for _ in range(tasks)])
    crew.ready(*workers)
    busy, total = 0, tasks
    for victim in workers[:kills]:
        crew.go(victim)
        assert crew.line(victim)[0] == "joined"
        total += stop_at_work(engine, victim, dice)
        victim.kill()
        victim.wait()
        busy += bury_the_dead(engine) > 0
    crew.go(workers[-1])
    until(lambda: engine.fact("sum") == total, "all tasks have ended", 60)
    ledger = engine.facts("task.")
    assert len(ledger) == total and set(ledger.values()) == {1} and busy >= kills / 2
    assert not [row for name, row in engine.queues().items() if row.waiting or row.running]


def test_what_was_acknowledged_is_there_after_a_kill(engine: Coordinator, crew: Crew) -> None:
    acknowledged = 0
    for _ in range(3):
        child = crew.start("put")
        crew.ready(child)
        crew.go(child)
        for _ in range(60):
            words = crew.line(child)
            acknowledged = max(acknowledged, int(words[1]) + 1)
        child.kill()
        child.wait()
    keys = sorted(int(row.key[1:]) for row in engine.tasks(limit=100_000))
    assert keys == list(range(len(keys))) and len(keys) >= acknowledged


@needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_a_kill_at_every_write_of_an_end(engine: Coordinator, crew: Crew, call: str) -> None:
    """One task per process, which the kernel kills at its n-th write or sync; whoever comes next finds the effect whole or not at all."""
    before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
    n, hits = 1, 0
    step = 5 if call == "pwrite64" else 1
    while n < 40:
        [task] = engine.put([request(max_attempts=100, retry_s=0.0)])
        child = crew.start("once", before=[*before, "-e", f"inject={call}:signal=SIGKILL:when={n}"])
        crew.go(child)
        child.wait()
        died = "ended" not in (child.stdout.read() if child.stdout else "")
        bury_the_dead(engine)
        row = engine.task(task)
        assert row is not None
        assert row.state in ("ended ok", "ready") and (engine.fact("sum") or 0) == len(engine.tasks(state="ended ok")), row
        engine.cancel(task)
        hits += died
        if not died:
            break
        n += step
    assert hits >= 2


def test_two_transactions_are_noticed(engine: Coordinator, crew: Crew) -> None:
    """The mutant that commits effects and end apart, killed between: its effect happens twice."""
    engine.put([request(retry_s=0.0)])
    crew.go(crew.start("once", "TWOTXN", **{FATAL: "1"}))
    crew.children[-1].wait()
    assert bury_the_dead(engine) == 1
    crew.go(crew.start("once"))
    crew.children[-1].wait()
    assert engine.fact("sum") == 2


@needs_strace
@pytest.mark.parametrize(("mutant", "synced"), [("", True), ("LATESYNC", False)])
def test_put_is_on_the_disk_when_it_answers(engine: Coordinator, crew: Crew, tmp_path: Path, mutant: str, synced: bool) -> None:
    trace = tmp_path / "trace"
    child = crew.start("put", mutant, before=["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=fdatasync,fsync,write"], PUTS="20")
    crew.go(child)
    assert child.wait(60) == 0
    lines = trace.read_text().splitlines()
    answers = [place for place, line in enumerate(lines) if 'write(1, "put ' in line]
    syncs = [any("sync(" in line for line in lines[a:b]) for a, b in zip(answers, answers[1:], strict=False)]
    assert len(syncs) >= 15 and all(syncs) is synced


@pytest.mark.req("R90", "R91", "R92")
def test_joins_at_once(crew: Crew) -> None:
    """Four processes, fifty rounds: always the four lowest numbers, each once, each with its own port."""
    children = [crew.start("join") for _ in range(4)]
    crew.ready(*children)
    for round_ in range(50):
        ports = (2218, 2219, 2220, 2221) if round_ % 2 else ()
        for child in children:
            crew.go(child, " ".join(map(str, ports)))
        got = sorted(tuple(map(int, crew.line(child))) for child in children)
        assert got == [(n, ports[n - 1] if ports else 0) for n in range(1, 5)]
        for child in children:
            crew.go(child)
        assert [crew.line(child) for child in children] == [["left"]] * 4


@pytest.mark.req("R111")
def test_a_process_frozen_with_the_turn_is_ended(engine: Coordinator, crew: Crew) -> None:
    holder, other = crew.start("hold"), crew.start("once")
    engine.put([request()])
    crew.ready(holder, other)
    crew.go(holder)
    assert crew.line(holder)[0] == "holds"
    assert turn.holders(crew.data / "engine.turn") == [holder.pid]
    os.kill(holder.pid, signal.SIGSTOP)
    crew.go(other)
    assert crew.line(other) == ["ended"]
    assert holder.wait(30) == -signal.SIGKILL and engine.fact("sum") == 1


def test_a_slow_holder_of_the_turn_that_beats_is_left_alone(crew: Crew, engine: Coordinator) -> None:
    """Its lease goes on: a long commit is no frozen process."""
    holder, waiter = crew.start("hold"), crew.start("once")
    crew.ready(holder, waiter)
    crew.go(holder)
    [word, incarnation] = crew.line(holder)
    slot = engine.store.beats.slot_of(int(incarnation))  # type: ignore[attr-defined]
    crew.go(waiter)
    end = time.monotonic() + 2.6
    while time.monotonic() < end:
        assert engine.store.beats.beat(slot, int(incarnation))  # type: ignore[attr-defined]
        time.sleep(0.05)
    assert word == "holds" and holder.poll() is None and waiter.poll() is None


def test_bells_wake_sleepers_and_none_is_missed(engine: Coordinator, crew: Crew, data_dir: Path) -> None:
    """Sleepers that look only when they are rung; every task put is done, also those put at the very moment one goes to sleep."""
    sleepers = [crew.start("bell") for _ in range(2)]
    crew.ready(*sleepers)
    for child in sleepers:
        crew.go(child)
        assert crew.line(child) == ["waits"]
    ringer, dice = open_doorbell("", data_dir), random.Random(3)
    for _ in range(300):
        engine.put([request()])
        ringer.ring(["general"])
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, 0.003))
    until(lambda: engine.queues()["general"] == (0, 0, None), "every task has been done", 30)
    sleepers[0].kill()
    sleepers[0].wait()
    ringer.ring(["general"])  # a bell whose owner is dead is taken away
    assert len(list((ringer._folder).glob("bell-*"))) == 2  # type: ignore[attr-defined]
    ringer.close()


def test_a_bell_is_not_rung_while_its_worker_is_busy(engine: Coordinator, data_dir: Path) -> None:
    pid = os.getpid()
    from engine.child import candidate

    member = engine.join(candidate())
    worker, steward = open_doorbell("", data_dir, member), open_doorbell("", data_dir)
    quiet = open_doorbell("", data_dir)
    engine.put([request()])
    claims = engine.claim(member, ["general"], 1)
    quiet.ring(["general"])
    assert len(claims) == 1 and proof.lives(pid, member.birth) and not rung(worker) and rung(steward)
    assert engine.claim(member, ["general"], 1) == []
    quiet.ring(["general"])
    assert rung(worker) and not rung(quiet)
    for bell in (worker, steward, quiet):
        bell.clear()
        assert not rung(bell)
        bell.close()


def rung(bell: object) -> bool:
    import select

    return bool(select.select([bell], [], [], 0)[0])


@pytest.mark.parametrize("first", ["engine", "store"])
def test_engine_and_configuration_share_a_file(data_dir: Path, first: str) -> None:
    """Either may make the file; each keeps its own tables and its own version."""
    makers = {"engine": lambda: open_engine("", data_dir), "store": lambda: connect(data_dir / "engine.db")}
    opened = [makers[first](), makers["store" if first == "engine" else "engine"]()]
    with sqlite3.connect(data_dir / "engine.db") as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    db.close()
    assert {"engine_task", "engine_meta", "object", "version"} <= names
    for one in opened:
        one.close()  # type: ignore[attr-defined]


def test_engine_and_configuration_opened_at_once(tmp_path: Path) -> None:
    """Six processes at an empty folder, half of them on each side."""
    program = ("import sys; from pathlib import Path; from hisee.engine import open_engine; from hisee.model.tables_sqlite import connect\n"
               "data = Path(sys.argv[2]); sys.stdin.readline()\n"
               "(open_engine('', data) if sys.argv[1] == 'engine' else connect(data / 'engine.db')).close()")
    environ = os.environ | {"PYTHONPATH": str(PYTHON)}
    children = [subprocess.Popen([sys.executable, "-c", program, side, str(tmp_path)], stdin=subprocess.PIPE, env=environ)
                for side in ("engine", "store") * 3]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.close()
    assert [child.wait(60) for child in children] == [0] * 6
