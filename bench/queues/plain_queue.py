"""The least a queue on SQLite can be: one table, synchronous=FULL, claimed in one transaction, effect and end in another."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from common import EFFECTS, FILLER, INSERT, main, paced, sqlite

CLAIM = """UPDATE task SET owner = ? WHERE id IN (SELECT id FROM task WHERE owner = 0 ORDER BY id LIMIT ?) RETURNING id, n"""


def path(where: str) -> str:
    return os.path.join(where, "effects.db")


def prepare(where: str) -> None:
    connection = sqlite(path(where))
    connection.execute(EFFECTS)
    connection.execute("CREATE TABLE task (id integer PRIMARY KEY, owner int DEFAULT 0, n int, body text)")
    connection.execute("CREATE INDEX free ON task (id) WHERE owner = 0")


def enqueue(where: str, count: int, window: int, per_second: float, first: int) -> dict[str, object]:
    connection = sqlite(path(where))

    def put(numbers: Sequence[int]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO task (n, body) VALUES (?, ?)", [(n, FILLER) for n in numbers])
        connection.execute("COMMIT")

    return paced(count, window, per_second, first, put)


def work(where: str, window: int) -> None:
    connection = sqlite(path(where))
    while True:
        if not connection.execute("SELECT 1 FROM task WHERE owner = 0 LIMIT 1").fetchone():
            time.sleep(0.005)
            continue
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute(CLAIM, (os.getpid(), window)).fetchall()
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT.format("?"), [(n, time.time_ns()) for _, n in rows])
        connection.executemany("DELETE FROM task WHERE id = ?", [(task,) for task, _ in rows])
        connection.execute("COMMIT")


if __name__ == "__main__":
    main(prepare, enqueue, work)
