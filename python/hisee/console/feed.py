"""What one page is told: a snapshot, then at most one change list per frame. Pure of sockets: `send` is handed in.

A change list says from which sequence number to which it leads; a page that misses one asks for a snapshot. Because the picture
state keeps the newest value per property, a slow page gets less, never old, and nothing queues up for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hisee.console.console import Console
from hisee.console.opened import OpenObject
from hisee.schema.timers import BY_NAME as TIMERS

FRAME_S = TIMERS["page_frame"].ms / 1000
TICK_S = TIMERS["page_stale"].ms / 1000 / 4  # a page is grey after four missed ticks
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Feed:
    """One page's view of a console."""

    def __init__(self, console: Console, consoles: list[str]) -> None:
        self._console, self._consoles = console, consoles
        self._changed = asyncio.Event()
        self._sequence = 0
        self._structure = self._desk = -1
        self._facts: dict[str, Any] = {}
        console.listeners.append(self._changed.set)

    def close(self) -> None:
        self._console.listeners.remove(self._changed.set)

    def resnapshot(self) -> None:
        """The page lost track: the next message is a snapshot."""
        self._structure = -1
        self._changed.set()

    async def run(self, send: Send) -> None:
        while True:
            self._changed.clear()
            await send(self.next())
            await asyncio.sleep(FRAME_S)
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(TICK_S):
                await self._changed.wait()
        except TimeoutError:
            pass

    def next(self) -> dict[str, Any]:
        """A snapshot when objects opened or closed, else what changed; nothing changed = a tick."""
        if self._structure != self._console.structure:
            return self.snapshot()
        return self.changes()

    def snapshot(self) -> dict[str, Any]:
        console = self._console
        self._sequence, self._structure, self._desk = console.log.sequence, console.structure, console.desk.version
        self._facts = self._collect()
        return {"type": "snapshot", "sequence": self._sequence, "console": console.name, "consoles": self._consoles,
                "pictures": [self._picture(o) for o in console.opened.values() if o.is_picture],
                "desk": self._spoken(), **self._facts}

    @staticmethod
    def _picture(opened: OpenObject) -> dict[str, Any]:
        items = opened.picture.snapshot()
        for item in opened.picture.items:
            event = item.kind.events[0] if item.kind.events else ""
            items[item.id]["drawn"] = item.drawn
            items[item.id]["operable"] = bool(event) and bool(opened.handlers.ordinary(event, item.id))
        return {"slot": opened.slot, "tree": opened.tree(), "items": items}

    def changes(self) -> dict[str, Any]:
        console, before = self._console, self._sequence
        items = [[o.slot, *change] for o in console.opened.values() for change in o.picture.since(before)]
        self._sequence = console.log.sequence
        message: dict[str, Any] = {"type": "changes", "from": before, "to": self._sequence}
        if items:
            message["items"] = items
        message.update(self._new_facts())
        if self._desk != console.desk.version:
            self._desk = console.desk.version
            message["desk"] = self._spoken()
        return message

    def _new_facts(self) -> dict[str, Any]:
        facts = self._collect()
        new = {key: value for key, value in facts.items() if self._facts.get(key) != value}
        self._facts = facts
        return new

    def _collect(self) -> dict[str, Any]:
        console = self._console
        return {"connected": console.connected, "mode": console.mode, "latency": dict(console.latency_ms),
                "opened": [o.shown_facts() for o in console.opened.values()]}

    def _spoken(self) -> dict[str, Any]:
        desk = self._console.desk
        return {"messages": list(desk.messages)[-50:], "questions": [q.row() for q in desk.questions.values()]}
