"""huey on SQLite with fsync: its consumer with two worker processes. It has no batches; a task is gone before it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from common import FILLER, SqliteEffects, main, paced
from huey import SqliteHuey

WHERE = os.environ.get("QUEUE_WHERE", "") or sys.argv[2]
queue = SqliteHuey("bench", filename=os.path.join(WHERE, "queue.db"), results=False, fsync=True, utc=True, timeout=60)
effects = SqliteEffects(WHERE)


@queue.task()
def keep(n: int, filler: str) -> None:
    effects.keep(n)


def enqueue(where: str, count: int, window: int, per_second: float, first: int) -> dict[str, object]:
    def put(numbers: Sequence[int]) -> None:
        for n in numbers:
            keep(n, FILLER)

    return paced(count, window, per_second, first, put)


def work(where: str, window: int) -> None:
    os.environ["QUEUE_WHERE"] = where
    consumer = os.path.join(os.path.dirname(sys.executable), "huey_consumer")
    arguments = ["huey_queue.queue", "-w", "2", "-k", "process", "-n", "-q", "-d", "0.005", "-m", "0.01", "-b", "1.0"]
    os.execv(sys.executable, [sys.executable, consumer, *arguments])


if __name__ == "__main__":
    import huey_queue  # a task is known by its module, which is this one in the consumer as well

    main(lambda where: huey_queue.effects.prepare(), huey_queue.enqueue, huey_queue.work)
