"""`ps` of very many processes: the virtual ones are put together a piece at a time, so that nobody waits for a list of 200,000."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec

from hisee.channel.payloads import Processes
from hisee.schema.kinds import ROWS as KINDS
from hisee.server.core import Core
from hisee.server.registry import HIDDEN, Process

PIECE_NS = 10_000_000  # the server works at a list so long before the messages of others get their turn
VIRTUAL = [kind.name for kind in KINDS if kind.virtual]  # they have no last state: they leave the list when they end
CHUNK = 1_000  # rows of virtual processes that travel as one value
Row = Any
ChannelOf = Callable[[Process], "dict[str, Any] | None"]
RowOf = Callable[[Process], Row]


class Pieces:
    """Pauses for a long work."""

    def __init__(self) -> None:
        self._since_ns = time.monotonic_ns()

    async def pause(self) -> None:
        """Let others go on when it is time to."""
        if time.monotonic_ns() - self._since_ns > PIECE_NS:
            await asyncio.sleep(0)
            self._since_ns = time.monotonic_ns()


class Listing:
    """The processes of the registry as rows."""

    def __init__(self, core: Core, channel_of: ChannelOf) -> None:
        self._core, self._channel_of = core, channel_of
        self.begun = 0  # lists

    async def answer(self, row: RowOf, more: Callable[[set[str]], list[Row]], *, virtual: bool, brief: bool) -> Processes:
        """Every process of the moment at which this returns; figures of virtual processes may be a little older. `row` makes the row of a
        process, `more(names)` those of members that are no processes here."""
        pieces = Pieces()
        self.begun += 1
        made: dict[int, tuple[Process, msgspec.Raw]] = {}
        if virtual:
            await self._make(made, self._brief if brief else row, pieces)
        real = [p for p in self._core.registry if p.kind not in HIDDEN and not p.virtual]
        rows = [row(p) for p in real]
        rows += more({p.name for p in real})
        kept = [found for found in made.values() if found[0].running]
        if not brief:
            rows += [{"name": process.name, "": raw} for process, raw in kept]
        rows.sort(key=lambda each: each["name"])
        if not brief:
            return Processes(rows=[each.get("", each) for each in rows])
        return Processes(rows=rows, virtual=[await self._chunk(kept[at:at + CHUNK], pieces) for at in range(0, len(kept), CHUNK)])

    async def _make(self, made: dict[int, tuple[Process, msgspec.Raw]], row: RowOf, pieces: Pieces) -> None:
        """Until none is missing: some begin while others are looked at."""
        encoder = msgspec.msgpack.Encoder()
        while missing := [p for p in self._virtual() if p.number not in made]:
            for process in sorted(missing, key=attrgetter("name")):
                made[process.number] = process, msgspec.Raw(encoder.encode(row(process)))
                await pieces.pause()

    def _virtual(self) -> Iterable[Process]:
        return self._core.registry.of_kind(*VIRTUAL)

    @staticmethod
    async def _chunk(kept: list[tuple[Process, msgspec.Raw]], pieces: Pieces) -> msgspec.Raw:
        await pieces.pause()
        return msgspec.Raw(msgspec.msgpack.encode([raw for _, raw in kept]))

    def _brief(self, process: Process) -> list[Any]:
        """What a virtual process has of the keys of `ps`, in the order of `hisee.channel.payloads.BRIEF`."""
        registry, facts = self._core.registry, process.facts
        host, console = registry.get(process.host), registry.get(process.console)
        by = console if host is not None and host.kind == "HISHOST" else host
        channel = self._channel_of(process)
        link = process.link
        return [process.name, process.number, process.kind, process.state.value, facts.get("host") or process.node or None,
                process.node or None, process.pid or None, process.started_ms, by.name if by else None, process.object or None,
                console.name if console else None, list(channel.values()) if channel else None, facts.get("dropped"), facts.get("queue"),
                facts.get("memory_bytes"), process.sent if link else None, process.received if link else None]
