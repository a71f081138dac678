"""What every queue of the comparison does the same way: its command line, its pace, its payload and where an effect is kept.

python QUEUE.py prepare WHERE | enqueue WHERE COUNT WINDOW PER_SECOND FIRST | work WHERE WINDOW
An effect is the row (number of the task, when it began in ns). It is durable in the medium of the queue before the task ends.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence

FILLER = "x" * 100
EFFECTS = "CREATE TABLE IF NOT EXISTS effects (n bigint, began bigint)"
INSERT = "INSERT INTO effects VALUES ({0}, {0})"


def paced(count: int, window: int, per_second: float, first: int, put: Callable[[Sequence[int]], object]) -> dict[str, object]:
    """Put `count` tasks in calls of `window`; per_second 0 = as fast as it goes. When each was due, and the seconds in all."""
    due: list[int] = []
    began = time.time_ns()
    for at in range(0, count, window):
        if per_second:
            wait_until(began + int(at / per_second * 1e9))
        numbers = range(first + at, first + min(at + window, count))
        due += [time.time_ns()] * len(numbers)
        put(numbers)
    return {"seconds": (time.time_ns() - began) / 1e9, "due": due, "first": first}


def wait_until(instant_ns: int) -> None:
    left = (instant_ns - time.time_ns()) / 1e9
    if left > 0:
        time.sleep(left)


def sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    return connection


class SqliteEffects:
    """A file of its own, synchronous=FULL; opened in the process that writes."""

    def __init__(self, where: str) -> None:
        self._path, self._owner = os.path.join(where, "effects.db"), 0

    def prepare(self) -> None:
        sqlite(self._path).execute(EFFECTS)

    def keep(self, n: int) -> None:
        began = time.time_ns()
        if self._owner != os.getpid():
            self._connection, self._owner = sqlite(self._path), os.getpid()
        self._connection.execute(INSERT.format("?"), (n, began))


def main(prepare: Callable[[str], object], enqueue: Callable[..., dict[str, object]], work: Callable[[str, int], object]) -> None:
    what, where, *rest = sys.argv[1:]
    if what == "prepare":
        prepare(where)
    elif what == "enqueue":
        print(json.dumps(enqueue(where, int(rest[0]), int(rest[1]), float(rest[2]), int(rest[3]))))
    else:
        work(where, int(rest[0]))
