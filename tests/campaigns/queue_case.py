"""One queue of the comparison and how a run of it goes: prepare, start workers, put, wait for all effects, check, then measure."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from campaigns.queue_servers import ROOT, Servers, patiently
from hisee.engine import open_engine

PROGRAMS = ROOT / "bench" / "queues"
DRAIN_S = 180.0
WARM = 16  # tasks of a warm-up, numbered from WARM_FIRST
WARM_FIRST = 1 << 40
START_S = 1.0  # the second worker is there a moment after the first


@dataclass(frozen=True)
class Case:
    """name as it is printed; store: sqlite | postgres | redis; commands: worker commands that make two worker processes."""

    name: str
    program: str
    store: str
    peer: bool = True
    venv: bool = True
    commands: int = 2
    most: int = 1 << 30  # tasks of one run: slow ones get fewer

    def tasks(self, wanted: int) -> int:
        return min(wanted, self.most)

    def compared_with(self, ours: Case) -> bool:
        return self.store == ours.store or self.store == "redis"


CASES = [
    Case("hisee on SQLite", "hisee_queue", "sqlite", peer=False, venv=False),
    Case("hisee on PostgreSQL", "hisee_queue", "postgres", peer=False, venv=False),
    Case("plain", "plain_queue", "sqlite", venv=False),
    Case("huey", "huey_queue", "sqlite", commands=1, most=1_000),
    Case("pgqueuer", "pgqueuer_queue", "postgres", most=3_000),
    Case("procrastinate", "procrastinate_queue", "postgres", most=1_500),
    Case("dramatiq", "dramatiq_queue", "redis", commands=1, most=2_000),
    Case("celery", "celery_queue", "redis", commands=1, most=1_500),
]


class Run:
    """Carries cases out."""

    def __init__(self, folder: Path, servers: Servers, peer_python: str) -> None:
        self._folder, self._servers, self._peer_python = folder, servers, peer_python
        self._look: psycopg.Connection[Any] | None = None
        self._looked_at = ""

    def rate(self, case: Case, window: int, tasks: int) -> float:
        """Tasks a second: one process puts while two work. From the first put until the last effect is there."""
        put, ended_ns = self._worked(case, window, tasks, 0)[:2]
        return float(tasks / ((ended_ns - put["due"][0]) / 1e9))

    def delays(self, case: Case, tasks: int, per_second: int = 100) -> dict[str, float]:
        """From due to started while nothing else waits, in ms."""
        put, _, began = self._worked(case, 16, tasks, per_second)
        waits = sorted((began[n] - due) / 1e6 for n, due in enumerate(put["due"]))
        return {"p50": round(statistics.median(waits), 2), "p99": round(waits[int(len(waits) * 0.99)], 2)}

    def _worked(self, case: Case, window: int, tasks: int, per_second: int) -> tuple[dict[str, Any], int, dict[int, int]]:
        """What the putting process says, when the last effect was there (ns), and when each task began. The workers are warm:
        they have done a few tasks before, and their start does not count."""
        call = window if not per_second else 1
        with self._servers.place(case.store) as where:
            self._call(case, "prepare", where)
            with self._workers(case, where, window):
                self._call(case, "enqueue", where, WARM, 1, 0, WARM_FIRST)
                patiently(lambda: self.count(case, where) >= WARM, f"{case.name}: warmed up", DRAIN_S)
                time.sleep(START_S)
                put = self._call(case, "enqueue", where, tasks, call, per_second, 0)
                patiently(lambda: self.count(case, where) >= WARM + tasks, f"{case.name}: all effects", DRAIN_S)
                ended_ns = time.time_ns()
            began = self.checked(case, where, WARM + tasks)
        return put, ended_ns, began

    def fsyncs(self, case: Case, window: int, tasks: int) -> int:
        """Calls of fsync and fdatasync of everybody: who puts, who works, the servers."""
        if shutil.which("strace") is None:
            raise RuntimeError("strace is not installed")
        with self._servers.place(case.store) as where:
            self._call(case, "prepare", where)
            counts = [self._folder / f"strace{n}" for n in range(4)]
            for report in counts:
                report.unlink(missing_ok=True)  # of the case before
            with traced(self._servers.server_pids(case.store), counts[0]):
                self._call(case, "enqueue", where, tasks, window, 0, 0, trace=counts[1])
                with self._workers(case, where, window, traces=counts[2:]):
                    patiently(lambda: self.count(case, where) >= tasks, f"{case.name}: all effects", DRAIN_S)
            self.checked(case, where, tasks)
            return sum(calls(path) for path in counts)

    def count(self, case: Case, where: str) -> int:
        return len(self.effects(case, where)) if case.store == "redis" else self._scalar(case, where)

    def _scalar(self, case: Case, where: str) -> int:
        if case.program == "hisee_queue":
            query, path = "SELECT count(*) FROM engine_fact", Path(where) / "engine.db"
        else:
            query, path = "SELECT count(*) FROM effects", Path(where) / "effects.db"
        return int(self._query(case.store, where, path, query)[0][0])

    def effects(self, case: Case, where: str) -> list[tuple[int, int]]:
        """(number, began) of every effect; one that happened twice is there twice, or has an impossible time."""
        if case.store == "redis":
            lines = self._servers.redis("LRANGE", "effects", "0", "-1").splitlines()
            return [(int(n), int(at)) for n, at in map(str.split, lines)]
        if case.program == "hisee_queue":
            engine = open_engine("" if case.store == "sqlite" else where, Path(where))
            found = [(int(key[2:]), value) for key, value in engine.facts("n ").items()]
            engine.close()
            return found
        return self._query(case.store, where, Path(where) / "effects.db", "SELECT n, began FROM effects")

    def _query(self, store: str, where: str, path: Path, query: str) -> list[Any]:
        if store == "sqlite":
            with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
                return connection.execute(query).fetchall()
        if where != self._looked_at:  # one connection per run: a logon costs as much as a hundred looks
            self.close()
            self._look, self._looked_at = psycopg.connect(where, autocommit=True), where
        assert self._look is not None
        return self._look.execute(query).fetchall()  # type: ignore[arg-type]

    def close(self) -> None:
        if self._look is not None:
            self._look.close()
        self._look, self._looked_at = None, ""

    def checked(self, case: Case, where: str, tasks: int) -> dict[int, int]:
        """Every task had its effect once, at a time that can be; AssertionError otherwise."""
        effects = self.effects(case, where)
        began = dict(effects)
        assert len(effects) == len(began) == tasks, f"{case.name}: {len(effects)} effects of {len(began)} tasks, {tasks} were put"
        latest = time.time_ns()
        assert all(latest - int(3600e9) < at <= latest for at in began.values()), f"{case.name}: an effect happened twice"
        return began

    def _command(self, case: Case, *words: object) -> list[str]:
        python = self._peer_python if case.venv else sys.executable
        return [python, str(PROGRAMS / f"{case.program}.py"), *map(str, words)]

    def _environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": f"{ROOT / 'python'}:{PROGRAMS}", "PYTHONWARNINGS": "ignore"}

    def _call(self, case: Case, *words: object, trace: Path | None = None) -> dict[str, Any]:
        command = strace(trace) + self._command(case, *words)
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment(), cwd=self._folder, check=False)
        if done.returncode:
            raise SystemExit(f"{case.name}: {' '.join(map(str, words[:1]))} failed:\n{done.stderr[-2000:]}")
        return dict(json.loads(done.stdout)) if done.stdout.strip() else {}

    @contextlib.contextmanager
    def _workers(self, case: Case, where: str, window: int, traces: list[Path] | None = None) -> Iterator[None]:
        """Worker commands in groups of their own, ended with everything they started."""
        children = []
        for n in range(case.commands):
            command = strace(traces[n] if traces else None) + self._command(case, "work", where, window)
            with open(self._folder / f"worker{n}.log", "wb") as log:
                children.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, start_new_session=True,
                                                 env=self._environment()))
        try:
            yield
        except SystemExit as error:
            said = [(self._folder / f"worker{n}.log").read_text(errors="replace")[-1000:] for n in range(case.commands)]
            raise SystemExit("\n".join([str(error), *said])) from error
        finally:
            for child in children:
                end_group(child)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM, a moment, SIGKILL, to the group that we made."""
    for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 30.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    child.wait()


def strace(report: Path | None) -> list[str]:
    return [] if report is None else ["strace", "-f", "-qq", "-c", "-e", "trace=fsync,fdatasync", "-o", str(report)]


@contextlib.contextmanager
def traced(pids: list[int], report: Path) -> Iterator[None]:
    """Count the calls of running processes."""
    if not pids:
        yield
        return
    command = strace(report) + [word for pid in pids for word in ("-p", str(pid))]
    child = subprocess.Popen(command, stderr=subprocess.PIPE)
    patiently(lambda: all(tracer(pid) == child.pid for pid in pids), "strace is attached")
    try:
        yield
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)


def tracer(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("TracerPid:"):
                return int(line.split()[1])
    return 0


def calls(report: Path) -> int:
    """Calls in a summary of strace: the fourth column."""
    lines = report.read_text().splitlines() if report.exists() else []
    return sum(int(line.split()[3]) for line in lines if line.rstrip().endswith(("fsync", "fdatasync")))


def measured(measure: Callable[[], Any]) -> Any:
    try:
        return measure()
    except RuntimeError as error:
        return f"not measured: {error}"
