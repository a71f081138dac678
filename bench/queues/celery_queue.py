"""Celery on Redis: two prefork workers, acks_late. No batches."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import redis
from celery import Celery
from common import FILLER, main, paced

WHERE = os.environ.get("QUEUE_WHERE", "") or sys.argv[2]
app = Celery("bench", broker=WHERE)
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=8, worker_hijack_root_logger=False)
effects = redis.Redis.from_url(WHERE)


@app.task(name="keep")
def keep(n: int, filler: str) -> None:
    effects.rpush("effects", f"{n} {time.time_ns()}")


def enqueue(where: str, count: int, window: int, per_second: float, first: int) -> dict[str, object]:
    def put(numbers: Sequence[int]) -> None:
        for n in numbers:
            keep.delay(n, FILLER)

    return paced(count, window, per_second, first, put)


def work(where: str, window: int) -> None:
    os.environ["QUEUE_WHERE"] = where
    options = ["-c", "2", "-P", "prefork", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    os.execv(sys.executable, [sys.executable, "-m", "celery", "-A", "celery_queue", "worker", *options])


if __name__ == "__main__":
    main(lambda where: None, enqueue, work)
