"""Turns of one event loop for scripts: what is to begin, a round of the scheduler, and what stopped there. Its sleepers need one timer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import cached_property
from typing import Protocol

from hisee._core.vm import Scheduler
from hisee.script.instance import Instance
from hisee.seams import Clock, SystemClock

log = logging.getLogger("hisee.script")
TURN_NS = 2_000_000  # one turn of the loop may run scripts this long before input and output get theirs
NEAR_S = 60.0


class Near(Protocol):
    """A way by which answers come so soon that a turn waits for them."""

    def open_turn(self) -> None: ...
    def rest(self, loop: asyncio.AbstractEventLoop, limit_ns: int) -> bool: ...  # was an answer handed over? limit < 0: none
    def close_turn(self) -> None: ...


class Turns:
    """`work(instance)` does what the script or the queue of an instance needs its host for, one thing at a time.

    `near` gives whoever may answer within a turn, None = nobody: while no script can go on and the loop has nothing to do, the turn waits
    there for the answer instead of ending, which would cost the loop a round to sleep and another one to wake up.
    """

    def __init__(self, clock: Clock, work: Callable[[Instance], None], near: Callable[[], Near | None] = lambda: None) -> None:
        self._clock, self._work, self._near = clock, work, near
        self._begin: list[Instance] = []  # nothing of theirs runs, something waits in the queue
        self._due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0  # when it is due, by the scheduler's clock

    def wake(self, instance: Instance) -> None:
        """It goes on in the next turn; one that sleeps in a DELAY sleeps on."""
        if instance.current is not None:
            self._scheduler.wake(instance.script, instance.priority)
        elif not instance.due:
            instance.due = True
            self._begin.append(instance)
        self._schedule()

    @cached_property
    def _scheduler(self) -> Scheduler:
        """Made in the loop that it serves: it goes by the loop's time, which a test may own."""
        loop = self._loop
        by_system = type(self._clock) is SystemClock and abs(loop.time() - time.monotonic()) < NEAR_S
        return Scheduler(None if by_system else lambda: int(loop.time() * 1e9))

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The one that it serves."""
        return asyncio.get_running_loop()

    def _schedule(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._due = True  # whoever is woken meanwhile has his place in it
        try:
            near = self._near()
            if near is None:
                self._round()
            else:
                self._rounds(near)
        finally:
            self._due = False
        if self._begin or self._scheduler.ready:
            self._schedule()
        else:
            self._wait_for_sleepers()

    def _rounds(self, near: Near) -> None:
        """One, and one more for each answer that comes before the loop has something else to do."""
        near.open_turn()
        try:
            self._round()
            while not self._begin and not self._scheduler.ready and self._answer_came(near):
                self._round()
        finally:
            near.close_turn()

    def _answer_came(self, near: Near) -> bool:
        try:
            return near.rest(self._loop, self._until_sleeper_ns())
        except Exception:  # of whoever took it
            log.exception("an answer")
            return True

    def _round(self) -> None:
        begin, self._begin = self._begin, []
        for instance in begin:
            instance.due = False
            self._step(instance)
        for instance in self._scheduler.round(TURN_NS):
            self._step(instance)

    def _until_sleeper_ns(self) -> int:
        """-1: nobody sleeps."""
        next_ns = self._scheduler.next_ns
        return -1 if next_ns is None else max(0, next_ns - self._scheduler.now_ns)

    def _step(self, instance: Instance) -> None:
        """One thing for one instance; its fault is its own."""
        if instance.ended or instance.current is None and not instance.runnable:
            return
        began = instance.current is None
        try:
            self._work(instance)
        except Exception:
            log.exception("%s", instance.name)
        if not instance.runnable:
            return
        if instance.current is None or began:
            self.wake(instance)
        else:
            self._scheduler.go_on(instance.script)

    def _wait_for_sleepers(self) -> None:
        """The next turn is due when the first DELAY ends."""
        next_ns = self._scheduler.next_ns
        if self._timer is not None:
            if next_ns == self._timer_ns:
                return
            self._timer.cancel()
            self._timer = None
        if next_ns is not None:
            self._timer_ns = next_ns
            wait_s = max(0, next_ns - self._scheduler.now_ns) / 1e9
            self._timer = self._loop.call_later(wait_s, self._sleep_over)

    def _sleep_over(self) -> None:
        self._timer = None
        if not self._due:
            self._turn()
