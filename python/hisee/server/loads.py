"""LOAD: what processes tell about themselves each heartbeat: busy time, memory, clock, connections, counters."""

from __future__ import annotations

from collections import deque

import msgspec

from hisee.channel import Message
from hisee.channel.payloads import Load, unpack
from hisee.load import busy_ns, memory_bytes
from hisee.schema.messages import MessageKind as Kind
from hisee.server.busy import Busy
from hisee.server.core import Core
from hisee.server.registry import KNL_NUMBER, Process

CLOCK_SAMPLES = 10


class Reports:
    """What one process told."""

    def __init__(self) -> None:
        self.busy = Busy()
        self.load = Load()
        self._behind: deque[int] = deque(maxlen=CLOCK_SAMPLES)

    def note(self, load: Load, now_ms: int, now_ns: int) -> None:
        self.load = load
        self.busy.note(now_ns, load.busy_ns)
        if load.now_ms:
            self._behind.append(now_ms - load.now_ms)

    @property
    def time_difference_ms(self) -> int | None:
        """The process's clock minus the server's. A report is late by its way, never early: the least lag is nearest to the truth."""
        return -min(self._behind) if self._behind else None


class Loads:
    """Reports by process number; the server reports about itself when it is asked."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._reports: dict[int, Reports] = {}
        core.handlers[Kind.LOAD] = self._load
        core.ended.append(self._forget)

    def of(self, process: Process) -> Reports | None:
        """None = it told nothing yet."""
        if process.number == KNL_NUMBER:
            self.note_self()
        found = self._reports.get(process.number)
        if found is None and process.link is not None and not process.virtual:  # a further console of one hip process
            return self._reports.get(process.link.number)
        return found

    def note(self, number: int, load: Load) -> None:
        clock = self._core.seams.clock
        self._reports.setdefault(number, Reports()).note(load, clock.now_ms(), clock.monotonic_ns())

    def note_self(self) -> None:
        self.note(KNL_NUMBER, Load(busy_ns=busy_ns(), memory_bytes=memory_bytes(), now_ms=self._core.seams.clock.now_ms()))

    def _load(self, source: Process, message: Message) -> None:
        try:
            self.note(source.number, unpack(Load, message.payload))
        except (msgspec.ValidationError, msgspec.DecodeError):
            return  # of another version: nothing to show

    def _forget(self, process: Process) -> None:
        self._reports.pop(process.number, None)
