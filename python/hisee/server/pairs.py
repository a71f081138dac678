"""The virtual channels of HIS-SEE pairs: messages carried each way and the measured round trip, as `ps` shows them (R134)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hisee.channel import RequestFailed
from hisee.channel.payloads import SettleGet
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.registry import Process

MEASURE_S = TIMERS["watchdog"].ms / 1000


class Pairs:
    """Counts what the router carries between two processes and measures how long both ends are away."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._carried: Counter[tuple[int, int]] = Counter()
        self._others: dict[int, tuple[int, ...]] = {}  # who exchanged messages with it: mostly one
        self._rtt_ms: dict[tuple[int, int], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        core.ended.append(self._forget)

    def carried(self, source: int, target: int, messages: int) -> None:
        """The router forwarded messages of the lane on which the parts of an object talk."""
        pair = source, target
        if pair not in self._carried:
            self._know(*pair)
        self._carried[pair] += messages

    def _know(self, one: int, other: int) -> None:
        for a, b in ((one, other), (other, one)):
            known = self._others.get(a, ())
            if b not in known:
                self._others[a] = (*known, b)

    def measure(self, his: int, see: int) -> None:
        """Measure the round trip of a pair in the background: it runs over the server, so it is the sum of both ways to it."""
        task = asyncio.get_running_loop().create_task(self._measure(his, see))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _measure(self, his: int, see: int) -> None:
        clock = self._core.seams.clock
        before = clock.monotonic_ns()
        try:
            for number in (his, see):
                await self._core.ask(number, Kind.SETTLE_GET, SettleGet(opened=number), MEASURE_S)
        except RequestFailed:
            return
        if self._core.registry.get(his) and self._core.registry.get(see):
            self._know(his, see)
            self._rtt_ms[his, see] = round((clock.monotonic_ns() - before) / 1e6, 3)

    def row(self, process: Process, his: int, see: int, state: str) -> dict[str, Any]:
        """Key `channel` of a HIS or a SEE in `ps`: sent and received are those of this end."""
        own, other = (see, his) if process.number == see else (his, see)
        return {"id": his, "state": state, "sent": self._carried[own, other], "received": self._carried[other, own],
                "rtt_ms": self._rtt_ms.get((his, see))}

    def _forget(self, process: Process) -> None:
        if not process.virtual:
            return
        for other in self._others.pop(process.number, ()):
            if left := tuple(number for number in self._others.get(other, ()) if number != process.number):
                self._others[other] = left
            else:
                self._others.pop(other, None)
            for pair in ((process.number, other), (other, process.number)):
                self._carried.pop(pair, None)
                self._rtt_ms.pop(pair, None)
