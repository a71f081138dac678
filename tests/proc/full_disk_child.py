"""A system whose data directory is a small file system of its own, filled while tasks and values are written. Prints what it saw as JSON.

    full_disk_child.py APP DATA     in a mount namespace in which DATA is that file system
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import hisee
from hisee.errors import HiseeError
from support.system import RunningSystem, kill, running, until

REFUSALS = 5  # of each kind, before space is made again
UNDER_WAY = 300  # tasks
PATIENCE_S = 60.0
PIECE = b"x" * 4096


class Writers:
    """Puts tasks and sets values one by one, and remembers what was acknowledged and what was said instead."""

    def __init__(self, client: hisee.System) -> None:
        self._client = client
        self.tasks: list[int] = []
        self.value = 0
        self.refused: dict[str, list[str]] = {"task": [], "value": []}

    def put_many(self, count: int) -> None:
        """Work that is under way when the disk is full: its ends wait for space."""
        self.tasks += [task.id for task in self._client.tasks.put([{"func": "tasks.count", "args": {"key": "disk", "ms": 10}}] * count)]

    def turn(self) -> None:
        try:
            self.tasks.append(self._client.enqueue("tasks.count", key="disk").id)
        except HiseeError as error:
            self.refused["task"].append(str(error))
        try:
            self._client.set("U.Sum", self.value + 1)
            self.value += 1
        except HiseeError as error:
            self.refused["value"].append(str(error))

    def turns(self, until_refused: int, seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while min(len(texts) for texts in self.refused.values()) < until_refused and time.monotonic() < end:
            self.turn()

    def accepted_again(self) -> None:
        """Both are taken again, without a restart of anything."""
        for texts in self.refused.values():
            texts.clear()
        end = time.monotonic() + PATIENCE_S
        before = len(self.tasks), self.value
        while not (len(self.tasks) > before[0] + 5 and self.value > before[1] + 5):
            assert time.monotonic() < end, self.refused
            self.turn()


def fill(ballast: Path) -> None:
    """Until not one page is left."""
    with open(ballast, "ab", buffering=0) as file:
        try:
            while True:
                file.write(PIECE)
        except OSError:
            pass


def processes(client: hisee.System) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in client.ps() if row["state"] == "Run" and row["kind"] != "TEL"}


def ended(client: hisee.System, tasks: list[int]) -> bool:
    return all(client.tasks[task].state == "ended ok" for task in tasks)


def work(system: RunningSystem) -> dict[str, Any]:
    with system.connect() as client:
        writers = Writers(client)
        for _ in range(10):
            writers.turn()
        writers.put_many(UNDER_WAY)
        before, ballast = processes(client), system.data / "ballast"
        fill(ballast)
        writers.turns(REFUSALS)
        refused = {kind: sorted(set(texts)) for kind, texts in writers.refused.items()}
        reads = client.get("U.Sum") is not None and len(client.tasks.list(limit=5)) == 5
        waits = [task for task in writers.tasks if client.tasks[task].state != "ended ok"]
        fill(ballast)
        ballast.unlink()
        writers.accepted_again()
        until(lambda: ended(client, writers.tasks), "every acknowledged task has ended", PATIENCE_S)
        counted = client.tasks.facts("disk")["disk"]
        done = len([row for row in client.tasks.list(func="tasks.count", limit=1_000) if row["state"] == "ended ok"])
        same = processes(client) == before
        server = next(row["pid"] for row in client.ps() if row["kind"] == "KNL")
    return {"waited": len(waits), "refused": refused, "reads": reads, "tasks": len(writers.tasks), "counted": counted, "ended": done,
            "same": same, "value": writers.value, "after_a_kill": value_after_a_kill(system, server)}


def value_after_a_kill(system: RunningSystem, server: int) -> object:
    """What the server reads back from the disk."""
    kill(server, signal.SIGKILL)
    until(lambda: is_back(system, server), "the server is back", PATIENCE_S)
    with system.connect() as client:
        return client.get("U.Sum")


def is_back(system: RunningSystem, old: int) -> bool:
    try:
        with system.connect() as client:
            return all(row["pid"] != old for row in client.ps())
    except HiseeError:
        return False


def main() -> None:
    app, data = Path(sys.argv[1]), Path(sys.argv[2])
    with running(app, data) as system:
        seen = work(system)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
