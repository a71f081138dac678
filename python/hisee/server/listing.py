"""`ps` of very many processes: the virtual ones are put together a piece at a time, so that nobody waits for a list of 200,000."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from hisee.channel.payloads import Processes
from hisee.schema.kinds import ROWS as KINDS
from hisee.server.core import Core
from hisee.server.registry import HIDDEN, Process

PIECE_NS = 10_000_000  # the server works at a list so long before the messages of others get their turn
VIRTUAL = [kind.name for kind in KINDS if kind.virtual]  # they have no last state: they leave the list when they end
CHUNK = 1_000  # rows of virtual processes that travel as one value
ARRAY_32 = b"\xdd"
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
        made: dict[int, bytes] = {}
        if virtual:
            await self._make(made, self._brief if brief else row, pieces)
        registry = self._core.registry
        rows = [row(p) for p in registry.real(HIDDEN)]
        rows += more({each["name"] for each in rows})
        if brief:
            rows.sort(key=lambda each: each["name"])
            kept = [packed for number, packed in made.items() if registry.get(number) is not None]
            return Processes(rows=rows, virtual=[await self._chunk(kept[at:at + CHUNK], pieces) for at in range(0, len(kept), CHUNK)])
        rows += [{"name": process.name, "": msgspec.Raw(packed)} for number, packed in made.items() if (process := registry.get(number))]
        rows.sort(key=lambda each: each["name"])
        return Processes(rows=[each.get("", each) for each in rows])

    async def _make(self, made: dict[int, bytes], row: RowOf, pieces: Pieces) -> None:
        """Until none is missing: some begin while others are looked at. Packed at once: 200,000 objects more would make the interpreter
        look through all that there are."""
        encoder = msgspec.msgpack.Encoder()
        while missing := [p for p in self._virtual() if p.number not in made]:
            for process in missing:
                made[process.number] = encoder.encode(row(process))
                await pieces.pause()

    def _virtual(self) -> list[Process]:
        return [process for kind in VIRTUAL for process in self._core.registry.of_kind(kind)]

    @staticmethod
    async def _chunk(packed: list[bytes], pieces: Pieces) -> msgspec.Raw:
        """As one array of MessagePack."""
        await pieces.pause()
        return msgspec.Raw(ARRAY_32 + len(packed).to_bytes(4, "big") + b"".join(packed))

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
