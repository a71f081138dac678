"""pgqueuer on PostgreSQL: enqueue in lists of the window, two workers that fetch batches of it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import psycopg
from common import EFFECTS, FILLER, INSERT, main, paced
from pgqueuer import PgQueuer
from pgqueuer.db import PsycopgDriver
from pgqueuer.queries import Queries
from psycopg_pool import AsyncConnectionPool


async def queries(where: str) -> Queries:
    return Queries(PsycopgDriver(await psycopg.AsyncConnection.connect(where, autocommit=True)))


async def make(where: str) -> None:
    await (await queries(where)).install()


def prepare(where: str) -> None:
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(EFFECTS)
    asyncio.run(make(where))


def enqueue(where: str, count: int, window: int, per_second: float, first: int) -> dict[str, object]:
    with asyncio.Runner() as runner:
        queue = runner.run(queries(where))

        def put(numbers: range) -> None:
            payloads = [f"{n} {FILLER}".encode() for n in numbers]
            runner.run(queue.enqueue(["keep"] * len(payloads), payloads, [0] * len(payloads)))

        return paced(count, window, per_second, first, put)


async def serve(where: str, window: int) -> None:
    queue = PgQueuer.from_psycopg_connection(await psycopg.AsyncConnection.connect(where, autocommit=True))
    async with AsyncConnectionPool(where, min_size=1, max_size=8, kwargs={"autocommit": True}) as pool:

        @queue.entrypoint("keep")
        async def keep(job: object) -> None:
            began = time.time_ns()
            async with pool.connection() as connection:
                await connection.execute(INSERT.format("%s"), (int(job.payload.split()[0]), began))

        await queue.run(batch_size=window, dequeue_timeout=timedelta(seconds=1))


if __name__ == "__main__":
    main(prepare, enqueue, lambda where, window: asyncio.run(serve(where, window)))
