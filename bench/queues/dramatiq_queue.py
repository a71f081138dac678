"""dramatiq on Redis: two worker processes of eight threads. No batches."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import dramatiq
import redis
from common import FILLER, main, paced
from dramatiq.brokers.redis import RedisBroker

WHERE = os.environ.get("QUEUE_WHERE", "") or sys.argv[2]
dramatiq.set_broker(RedisBroker(url=WHERE))
effects = redis.Redis.from_url(WHERE)


@dramatiq.actor(max_retries=3)
def keep(n: int, filler: str) -> None:
    effects.rpush("effects", f"{n} {time.time_ns()}")


def enqueue(where: str, count: int, window: int, per_second: float, first: int) -> dict[str, object]:
    def put(numbers: Sequence[int]) -> None:
        for n in numbers:
            keep.send(n, FILLER)

    return paced(count, window, per_second, first, put)


def work(where: str, window: int) -> None:
    os.environ["QUEUE_WHERE"] = where
    os.execv(sys.executable, [sys.executable, "-m", "dramatiq", "dramatiq_queue", "-p", "2", "-t", "8"])


if __name__ == "__main__":
    main(lambda where: None, enqueue, work)
