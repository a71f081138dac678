"""Members of this computer under a pidfd each: their death is seen the moment it happens. Buries nobody itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

from hisee.engine.coordinator import Member
from hisee.engine.proof import open_pidfd


class Watch:
    """Tells of each death once. Belongs to its loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, me: Member, died: Callable[[int], None]) -> None:
        """`died` gets the incarnation."""
        self._loop, self._me, self._died = loop, me, died
        self._pidfds: dict[int, int] = {}  # incarnation -> descriptor

    def see(self, members: Iterable[Member]) -> None:
        """Watch the living ones of this computer, forget the others."""
        here = {m.incarnation: m for m in members if not m.ended_ms and m.host == self._me.host and m.incarnation != self._me.incarnation}
        for gone in self._pidfds.keys() - here.keys():
            self._forget(gone)
        for incarnation in here.keys() - self._pidfds.keys():
            self._begin(here[incarnation])

    def _begin(self, member: Member) -> None:
        descriptor = open_pidfd(member.pid, member.birth)
        if descriptor is None:  # it ended before we could look: the same news
            self._loop.call_soon(self._died, member.incarnation)
            return
        self._pidfds[member.incarnation] = descriptor
        self._loop.add_reader(descriptor, self._ended, member.incarnation)

    def _ended(self, incarnation: int) -> None:
        self._forget(incarnation)
        self._died(incarnation)

    def _forget(self, incarnation: int) -> None:
        descriptor = self._pidfds.pop(incarnation, -1)
        if descriptor >= 0:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        for incarnation in list(self._pidfds):
            self._forget(incarnation)
