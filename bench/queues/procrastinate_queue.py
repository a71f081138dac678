"""procrastinate on PostgreSQL: tasks deferred in lists of the window, two workers with as many at a time (64 at most)."""

from __future__ import annotations

import asyncio
import sys
import time

import procrastinate
import psycopg
from common import EFFECTS, FILLER, INSERT, main, paced
from psycopg_pool import AsyncConnectionPool

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=sys.argv[2]))
pool = None


@app.task(name="keep", queue="q")
async def keep(n: int, filler: str) -> None:
    began = time.time_ns()
    async with pool.connection() as connection:
        await connection.execute(INSERT.format("%s"), (n, began))


async def make() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


def prepare(where: str) -> None:
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(EFFECTS)
    asyncio.run(make())


def enqueue(where: str, count: int, window: int, per_second: float, first: int) -> dict[str, object]:
    with asyncio.Runner() as runner:
        runner.run(app.open_async().__aenter__())

        def put(numbers: range) -> None:
            runner.run(keep.batch_defer_async(*[{"n": n, "filler": FILLER} for n in numbers]))

        figures = paced(count, window, per_second, first, put)
        runner.run(app.close_async())
        return figures


async def serve(where: str, window: int) -> None:
    global pool
    async with AsyncConnectionPool(where, min_size=1, max_size=8, kwargs={"autocommit": True}) as pool, app.open_async():
        await app.run_worker_async(queues=["q"], concurrency=min(window, 64), listen_notify=True)


if __name__ == "__main__":
    main(prepare, enqueue, lambda where, window: asyncio.run(serve(where, window)))
