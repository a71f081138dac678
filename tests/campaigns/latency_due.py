"""From the moment that a task is due to the start of its run, at a steady rate, on a whole system with work processes."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import hisee
from support.system import running, until

APP = Path(__file__).with_name("work_app")
HEAD_S = 2.0  # between the put and the first due time
DONE_S = 120.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1_000, help="tasks of each kind")
    parser.add_argument("--rate", type=float, default=100.0, help="tasks a second")
    parser.add_argument("--workers", type=int, default=3)


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    return run(given.count, given.rate, given.workers)


def run(count: int = 1_000, rate: float = 100.0, workers: int = 3) -> dict[str, Any]:
    """Percentiles in ms: of tasks put beforehand with due times, of tasks put one by one that are due at once, of a schedule."""
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder:
        app = Path(folder) / "app"
        shutil.copytree(APP, app)
        line = f'[nodes.SRV1]\nprocesses = [{{kind = "server"}}, {{kind = "wp", count = {workers}}}]\n'
        (app / "app.toml").write_text((app / "app.toml").read_text().partition("[nodes.SRV1]")[0] + line)
        with running(app, Path(folder) / "data") as system, system.connect() as client:
            return {"due later, ms": waits(client, planned(client, count, rate)),
                    "due at once, ms": waits(client, at_once(client, count, rate)),
                    "schedule, ms": waits(client, ticks(client))}


def planned(client: hisee.System, count: int, rate: float) -> list[int]:
    first = time.time() * 1000 + HEAD_S * 1000
    rows = [{"func": "tasks.count", "due_ms": int(first + number * 1000 / rate)} for number in range(count)]
    return [task.id for task in client.tasks.put(rows)]


def at_once(client: hisee.System, count: int, rate: float) -> list[int]:
    began, found = time.monotonic(), []
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        found.append(client.enqueue("tasks.count").id)
    return found


def ticks(client: hisee.System, seconds: int = 10) -> list[int]:
    client.tasks.schedule("tick", "every 0.5", "tasks.count", key="tick")
    time.sleep(seconds)
    client.tasks.put_schedule({"name": "tick", "rule": "every 0.5", "request": {"func": "tasks.count"}, "enabled": False})
    return [row["id"] for row in client.tasks.list(func="tasks.count", limit=1_000) if row["args"] == {"key": "tick"}]


def waits(client: hisee.System, tasks: list[int]) -> dict[str, float]:
    """Due (or put, when that is later) to `started`, as the life of each task says."""
    until(lambda: client.tasks.show(tasks[-1])["ended_ms"], "the last task has ended", DONE_S, 0.1)
    rows = [client.tasks.show(task) for task in tasks]
    found = sorted(started_ms(row) - max(row["due_ms"], row["created_ms"]) for row in rows)
    return {"tasks": len(found), "p50": found[len(found) // 2], "p99": found[int(len(found) * 0.99)], "most": found[-1]}


def started_ms(row: dict[str, Any]) -> int:
    return int(next(step["at_ms"] for step in row["steps"] if step["state"] == "started"))
