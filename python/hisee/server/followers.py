"""The standby servers that follow all values of the hot one: newest of each cell, one batch under way, and who has confirmed what.

A write that is not in the database is acknowledged once every standby server that keeps up has it. One that does not confirm within the
timer `standby_confirm` is waited for no longer until it has caught up: from the next renewal on. Who is cut off from its standby server
and from the database at the same moment loses the term, and must not have acknowledged alone what the other one never had.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from hisee.channel import Message, RequestFailed
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.standing import Standing
from hisee.server.values import Values, knows_flags
from hisee.values import Ref

log = logging.getLogger("hisee.server.followers")
CONFIRM_S, GIVE_UP_S = TIMERS["standby_confirm"].ms / 1000, TIMERS["watchdog"].ms / 1000
BATCH = 5_000  # cells of one message
Then = Callable[[], None]


class Follower:
    """One standby server. Changes are numbered as they are noted; `confirmed` is the last one that it has with all before it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.changed: dict[Ref, None] = {}  # in the order of the first unsent change
        self.noted = self.confirmed = 0
        self.under_way = False
        self.keeps_up = True
        self.waiting: deque[tuple[int, Then]] = deque()

    def release(self, up_to: int) -> None:
        while self.waiting and self.waiting[0][0] <= up_to:
            self.waiting.popleft()[1]()


class Followers:
    """All of them. Belongs to the loop."""

    def __init__(self, core: Core, values: Values, standing: Standing) -> None:
        self._core, self._values, self._standing = core, values, standing
        self._dropped_ns = 0  # when a standby server was waited for no longer
        self._alone: deque[Then] = deque()  # what waits for the proof that this server was hot after that
        self._all: dict[int, Follower] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        core.handlers[Kind.FOLLOW] = self._follow
        core.ended.append(self._ended)
        values.noted, values.confirmed = self._note, self.confirmed

    @property
    def names(self) -> dict[str, bool]:
        """Node of each -> does it keep up?"""
        return {follower.process.node: follower.keeps_up for follower in self._all.values()}

    def _follow(self, source: Process, message: Message) -> None:
        self._all[source.number] = Follower(source)
        log.info("%s follows all values", source.name)
        self._core.send(Message(kind=Kind.REPLY, lane=Lane.SCRIPT, source=KNL_NUMBER, target=source.number, corr=message.corr,
                                payload=self._values.everything(knows_flags(source))))

    def _note(self, ref: Ref) -> None:
        for follower in self._all.values():
            follower.noted += 1
            follower.changed[ref] = None
            self._pump(follower)

    def confirmed(self, then: Then) -> None:
        """Run `then` once every standby server that keeps up has everything that was noted so far."""
        behind = [f for f in self._all.values() if f.keeps_up and f.confirmed < f.noted]
        if not behind:
            self._alone.append(then)
            self.look()
            return
        left = len(behind)

        def one_has_it() -> None:
            nonlocal left
            left -= 1
            if not left:
                self._alone.append(then)
                self.look()

        for follower in behind:
            follower.waiting.append((follower.noted, one_has_it))

    def look(self, *, over: bool = False) -> None:
        """Release what waited for a renewal; `over` = this server is not hot any more, and whoever is told decides what to say."""
        while self._alone and (over or self._standing.renewed_after(self._dropped_ns)):
            self._alone.popleft()()

    async def settled(self, node: str) -> bool:
        """Wait until the server of that node has everything; False = it does not follow, or not any more."""
        while True:
            follower = next((f for f in self._all.values() if f.process.node == node), None)
            if follower is None:
                return False
            if follower.confirmed == follower.noted:
                return True
            await asyncio.sleep(0.002)

    def _pump(self, follower: Follower) -> None:
        if follower.changed and not follower.under_way:
            follower.under_way = True
            task = asyncio.get_running_loop().create_task(self._send(follower))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, follower: Follower) -> None:
        """Batches, one at a time: what changes meanwhile replaces itself, so a slow standby server costs no memory."""
        while follower.changed and self._all.get(follower.process.number) is follower:
            batch, rest = _split(follower.changed)
            up_to, follower.changed = follower.noted, rest
            late = asyncio.get_running_loop().call_later(CONFIRM_S, self._falls_behind, follower)
            try:
                payload = self._values.table.changes(batch, knows_flags(follower.process))
                await self._core.ask(follower.process.number, Kind.FOLLOWED, payload, GIVE_UP_S, Lane.SCRIPT)
            except RequestFailed as failed:
                log.info("%s has not taken values: %s", follower.process.name, failed)
                self._falls_behind(follower)
                follower.changed = dict.fromkeys([*batch, *follower.changed])
                continue
            finally:
                late.cancel()
            if not follower.changed:
                follower.confirmed, follower.keeps_up = up_to, True
                follower.release(up_to)
            elif not rest:
                follower.confirmed = up_to
                follower.release(up_to)
        follower.under_way = False

    def _falls_behind(self, follower: Follower) -> None:
        if follower.keeps_up:
            log.warning("%s does not keep up: writes are acknowledged without it", follower.process.name)
        follower.keeps_up = False
        self._drop(follower)

    def _lost(self, follower: Follower, reason: str) -> None:
        """It has to follow anew: what it missed is in the snapshot."""
        log.warning("%s follows no more: %s", follower.process.name, reason)
        if self._all.get(follower.process.number) is follower:
            del self._all[follower.process.number]
        self._drop(follower)

    def _drop(self, follower: Follower) -> None:
        self._dropped_ns = self._standing.now_ns()
        follower.release(follower.noted)

    def _ended(self, process: Process) -> None:
        follower = self._all.get(process.number)
        if follower is not None:
            self._lost(follower, process.state.value)


def _split(changed: dict[Ref, None]) -> tuple[list[Any], dict[Ref, None]]:
    refs = list(changed)
    return refs[:BATCH], dict.fromkeys(refs[BATCH:])
