"""Brings the reports of an agent to the engine: in order per job, each repeated until somebody answers that it is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import JobReport, pack
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Rng
from hisee.work.jobbook import Entry, JobBook

log = logging.getLogger("hisee.work.reporter")
AT_ONCE = 16  # unanswered reports: an agent that comes back with a thousand of them must not flood the queue
LONGEST_MS = 10_000

Ask = Callable[[Message, float], Awaitable[Message]]


class Reporter:
    """`ask(message, timeout_s)` raises RequestFailed where nobody answered."""

    def __init__(self, book: JobBook, ask: Ask, rng: Rng, again_ms: int = TIMERS["agent_report"].ms) -> None:
        self._book, self._ask, self._rng, self._again_ms = book, ask, rng, again_ms
        self._at_work: dict[int, asyncio.Task[None]] = {}
        self._free = asyncio.Semaphore(AT_ONCE)
        self._connected = asyncio.Event()
        self.repeated = 0

    def connected(self, now: bool) -> None:
        if now:
            self._connected.set()
        else:
            self._connected.clear()

    def changed(self, entry: Entry) -> None:
        """Something waits: see to it, unless somebody does already."""
        if entry.waiting and entry.job not in self._at_work:
            task = asyncio.get_running_loop().create_task(self._deliver(entry.job))
            self._at_work[entry.job] = task
            task.add_done_callback(lambda _: self._left(entry.job))

    def _left(self, job: int) -> None:
        self._at_work.pop(job, None)
        entry = self._book.get(job)
        if entry is not None and not self._closing:
            self.changed(entry)

    _closing = False

    async def _deliver(self, job: int) -> None:
        wait_ms = self._again_ms
        while (entry := self._book.get(job)) is not None and entry.waiting:
            await self._connected.wait()
            async with self._free:
                answered = await self._one(entry, entry.waiting[0])
            if answered:
                wait_ms = self._again_ms
                continue
            self.repeated += 1
            await asyncio.sleep((wait_ms // 2 + self._rng.below(wait_ms // 2 + 1)) / 1000)
            wait_ms = min(2 * wait_ms, LONGEST_MS)

    async def _one(self, entry: Entry, report: JobReport) -> bool:
        message = Message(kind=Kind.JOB_REPORT, lane=Lane.DURABLE_GENERAL, payload=pack(report))
        try:
            await self._ask(message, self._again_ms / 1000)
        except RequestFailed as failed:
            log.debug("report %d of job %d: %s", report.number, report.job, failed)
            return False
        try:
            self._book.answered(entry, report)
        except OSError as fault:
            log.warning("journal: %s", fault)
            return False
        return True

    async def close(self) -> None:
        self._closing = True
        for task in list(self._at_work.values()):
            task.cancel()
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)
