"""Carriers of the server's links: which one each link has, and the order to change it (command CARRIER)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from hisee.channel.errors import CarrierFixed, ChannelClosed
from hisee.commands import CommandRefused
from hisee.server.core import Core
from hisee.server.registry import KNL_NUMBER, Link, Process
from hisee.server.routes import row

CARRIERS = {"SOCKET": "unix", "RING": "ring"}  # word of the command -> carrier of a link
WORDS = {"unix": "its socket", "ring": "fresh rings"}
WAIT_S, POLL_S = 2.0, 0.005  # for a process that is busy


class Carriers:
    """`find`: a process by its name, or by the part before the suffix; `state`: of its link, as `ps` shows it."""

    def __init__(self, core: Core, find: Callable[[str], Process | None], state: Callable[[Process], str | None]) -> None:
        self._core, self._find, self._state = core, find, state

    async def switch(self, words: list[str]) -> str:
        """Send a link to its socket or to fresh rings. Raises ValueError, CommandRefused."""
        if len(words) != 2 or words[1].upper() not in CARRIERS:
            raise ValueError("CARRIER takes a process, and SOCKET or RING")
        process, wanted = self._linked(words[0]), CARRIERS[words[1].upper()]
        assert process.link is not None
        channel = process.link.channel
        try:
            channel.switch(rings=wanted == "ring")
        except (CarrierFixed, ChannelClosed) as fault:
            raise CommandRefused(f"the link of {process.name} stays as it is: {fault}") from fault
        until = asyncio.get_running_loop().time() + WAIT_S
        while channel.carrier != wanted and not channel.ended and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(POLL_S)
        if channel.carrier != wanted:
            return f"the link of {process.name} goes by {WORDS[wanted]} as soon as it can: the process is busy, or cannot map rings"
        return f"the link of {process.name} goes by {WORDS[wanted]}"

    def _linked(self, name: str) -> Process:
        """The process at the other end of a link of its own. Raises CommandRefused."""
        process = self._find(name)
        if process is None:
            raise CommandRefused(f"no process named {name}; `hisee routes` lists the links")
        if process.virtual:
            raise CommandRefused(f"{process.name} has no link of its own: name the process that hosts it, as `hisee routes` does")
        if process.number == KNL_NUMBER:
            raise CommandRefused(f"{process.name} has no link: it is the server itself")
        if process.link is None:
            raise CommandRefused(f"{process.name} has no link: it is {process.state.value}")
        if process.link.connection:
            raise CommandRefused(f"{process.name} comes over TCP: its link has no other carrier")
        return process

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for every process that is linked to this server, with its carrier and what the table link_counters counts."""
        server = self._core.registry.get(KNL_NUMBER)
        for process in self._core.registry:
            link = process.link
            if link is not None and not process.virtual and process.number != KNL_NUMBER:
                yield self._row(process, link, server.name if server is not None else None)

    def _row(self, process: Process, link: Link, server: str | None) -> dict[str, Any]:
        whole = not link.connection  # it carries nothing but this process
        return row("link", source=process.name, target=server, lane="", state=self._state(process) or "up",
                   sent=link.channel.sent if whole else process.sent, received=link.channel.received if whole else process.received,
                   mode=link.carrier, counters=link.channel.changes if whole else {})
