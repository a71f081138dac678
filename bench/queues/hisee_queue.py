"""hisee itself: the Coordinator puts, the Worker of a work process runs. WHERE is a folder (SQLite) or postgresql://..."""

from __future__ import annotations

import os
import random
import select
import time
from collections.abc import Sequence
from pathlib import Path

from common import FILLER, main, paced

from hisee.engine import open_doorbell, open_engine, proof
from hisee.engine.coordinator import Candidate, TaskRequest
from hisee.seams import SystemClock
from hisee.work.functions import Functions
from hisee.work.lease import Lease
from hisee.work.worker import Worker

SOURCE = b"""
import time
import hisee

@hisee.task
def keep(ctx, n, filler):
    ctx.add(f"n {n}", time.time_ns())
"""
BEAT_NS = 400_000_000


def address(where: str) -> tuple[str, Path]:
    return (where, Path("/nowhere")) if "://" in where else ("", Path(where))


def prepare(where: str) -> None:
    open_engine(*address(where)).close()


def enqueue(where: str, count: int, window: int, per_second: float, first: int) -> dict[str, object]:
    engine, bell = open_engine(*address(where)), open_doorbell(*address(where))

    def put(numbers: Sequence[int]) -> None:
        engine.put([TaskRequest(func="tasks.keep", args={"n": n, "filler": FILLER}) for n in numbers])
        bell.ring(["general"])

    return paced(count, window, per_second, first, put)


def work(where: str, window: int) -> None:
    engine, clock, pid = open_engine(*address(where)), SystemClock(), os.getpid()
    member = engine.join(Candidate(kind="WP", node="SRV1", host="localhost", pid=pid, birth=proof.birth(pid),
                                   incarnation=random.getrandbits(62)))
    functions, lease, bell = Functions(), Lease(clock), open_doorbell(*address(where), member)
    functions.load(SOURCE)
    worker = Worker(engine, clock, member, functions, lease, ring=bell.ring, most=window)
    beaten = 0
    while True:
        began = time.monotonic_ns()
        if began - beaten > BEAT_NS:
            engine.beat(member)
            lease.renewed(began)
            beaten = began
        rest_ms = worker.round().rest_ms
        if rest_ms:
            wait(bell.fileno(), min(rest_ms, BEAT_NS // 1_000_000))
            bell.clear()


def wait(descriptor: int, ms: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(ms)


if __name__ == "__main__":
    main(prepare, enqueue, work)
