"""A queue with a million waiting tasks: puts stay as fast as at the beginning, a start and a take-over stay quick, a cold start
deletes exactly them and says so.

Puts are those of the engine, in batches of one commit each, without work processes; then a whole system starts on the full queue.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from campaigns.counters import APP, engine_options, engine_url
from hisee.engine import open_engine
from hisee.engine.coordinator import PRIMARY, Coordinator, Member, TaskRequest
from support.system import RunningSystem, kill, until

COUNT = 1_000_000
BATCH = 1_000  # tasks of one commit
SECTION = 100_000  # puts are timed by so many
WORKERS = 3
TASK_MS = 20.0  # slow enough that the queue stays full
LEAST_RATE = 0.7  # of the last section against the first
NEAR = 1_000  # tasks are begun in the order of their numbers, so those under way have numbers near that of the last one ended
MOST_S = 10.0  # for a start and for a take-over


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=COUNT, help="waiting tasks")
    parser.add_argument("--kills", type=int, default=5, help="measured kills of the primary")
    engine_options(parser)


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with engine_url(given.url) as url, tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder:
        figures = run(Path(folder), count=given.count, kills=given.kills, url=url)
    rates = list(figures["puts_per_s"].values())
    assert rates[-1] >= LEAST_RATE * rates[0], figures
    assert max(figures["start_s"], *figures["take_over_s"]) < MOST_S, figures
    return figures


def run(folder: Path, *, count: int = COUNT, kills: int = 5, url: str = "", section: int = SECTION) -> dict[str, Any]:
    """Figures; AssertionError when a task is lost, or a cold start deletes other ones than those that wait or tells another number."""
    app, data = application(folder, url), folder / "data"
    data.mkdir()
    engine = open_engine(url, data)
    try:
        figures: dict[str, Any] = {"count": count, "puts_per_s": fill(engine, count, section)}
        assert engine.queues()["general"].waiting == count
        with starting(app, data) as system:
            figures["start_s"] = seconds(lambda: ended(engine) > 0, "the first task has ended", system.began)
            figures["take_over_s"] = [take_over(engine) for _ in range(kills)]
        figures["ended"] = ended(engine)
        return figures | cold_start(app, data, engine, count)
    finally:
        engine.close()


def application(folder: Path, url: str) -> Path:
    """The application of tasks that count, with work processes."""
    app = folder / "app"
    shutil.copytree(APP, app)
    text = (app / "app.toml").read_text().replace('{kind = "server"}', f'{{kind = "server"}}, {{kind = "wp", count = {WORKERS}}}')
    (app / "app.toml").write_text(text + (f'\n[engine]\nurl = "{url}"\n' if url else ""))
    return app


def fill(engine: Coordinator, count: int, section: int) -> dict[str, int]:
    """Tasks per second of each section, by the number of tasks that waited at its beginning."""
    rates = {}
    for before in range(0, count, section):
        left, began = min(section, count - before), time.monotonic()
        for size in (min(BATCH, left - done) for done in range(0, left, BATCH)):
            engine.put([TaskRequest(func="tasks.count", args={"ms": TASK_MS})] * size)
        rates[str(before)] = round(left / (time.monotonic() - began))
    return rates


class Started:
    """A system and the moment at which its start began."""

    def __init__(self, app: Path, data: Path, *more: str) -> None:
        self.began = time.monotonic()
        self.running = RunningSystem(app, data, *more)


@contextlib.contextmanager
def starting(app: Path, data: Path, *more: str) -> Iterator[Started]:
    system = Started(app, data, *more)
    try:
        yield system
        assert system.running.stop() == 0, system.running.output()
    finally:
        system.running.end()


def ended(engine: Coordinator) -> int:
    """Each task that ended added one."""
    return int(engine.fact("sum") or 0)


def seconds(condition: Any, what: str, began: float) -> float:
    until(condition, what, 120.0, 0.002)
    return round(time.monotonic() - began, 3)


def living(engine: Coordinator) -> list[Member]:
    return [member for member in engine.members() if member.kind == "WP" and not member.ended_ms]


def primary(engine: Coordinator) -> Member | None:
    holder = engine.terms()[PRIMARY].holder
    return next((member for member in living(engine) if member.incarnation == holder), None)


def take_over(engine: Coordinator) -> float:
    """From the kill of the primary until another one is primary and all that the killed one had in its hands has ended."""
    until(lambda: len(living(engine)) == WORKERS and primary(engine), "all work processes run", 120)
    victim = primary(engine)
    assert victim is not None
    kill(victim.pid, signal.SIGSTOP)
    held = [row.id for row in engine.tasks(before=ended(engine) + NEAR, limit=NEAR) if row.owner == victim.name]
    began = time.monotonic()
    kill(victim.pid)
    until(lambda: engine.terms()[PRIMARY].holder not in (0, victim.incarnation), "another primary", 120, 0.002)
    return seconds(lambda: all(row is not None and row.status == "ok" for row in map(engine.task, held)), "what it held has ended", began)


def cold_start(app: Path, data: Path, engine: Coordinator, count: int) -> dict[str, Any]:
    """Exactly what waits goes, and the number that is told is that of what went."""
    waiting, done = engine.queues()["general"].waiting, ended(engine)
    assert waiting + done == count, (waiting, done, count)
    with starting(app, data, "--cold", "--yes") as system:
        took = time.monotonic() - system.began
        review = len(engine.tasks(state="review", limit=1_000))  # what a killed one had begun is for a person
        left = engine.queues()["general"]
        said = system.running.output()
        assert f"cold start: deleted {waiting - review} waiting requests of queue general\n" in said, said
        assert (left.waiting, left.running, ended(engine)) == (0, 0, done), left
    return {"cold_deleted": waiting - review, "cold_review": review, "cold_start_s": round(took, 3)}
