"""When a thread that has just answered looks for the next request instead of going to sleep at once.

A wake from one processor to another one costs more than a short statement. So a lane spins for about as long as a wake takes while that
pays: the last spins found something, or requests came so soon after it had fallen asleep that they would have. Where the peer shares
the processor a spin never finds anything; each failure doubles the number of chances that are passed over before the next try.
"""

from __future__ import annotations

import os

TURNS = 300  # looks: some 100 us
SOON_NS = 120_000  # asleep for less than this: a spin would have found it, or nearly
MOST_PASSED = 1024


class Spin:
    """Asked before each sleep (`turns`), told what came of it. Without a second processor it never spins."""

    def __init__(self) -> None:
        self._may = len(os.sched_getaffinity(0)) > 1
        self._on = False
        self._pass = 0  # chances to be passed over
        self._failed = 0  # in a row

    @property
    def turns(self) -> int:
        return TURNS if self._on else 0

    def found(self) -> None:
        self._failed = 0

    def nothing(self) -> None:
        self._on = False
        self._failed += 1
        self._pass = min(1 << self._failed, MOST_PASSED)

    def woken(self, asleep_ns: int) -> None:
        """After a sleep that a request ended."""
        if asleep_ns > SOON_NS or not self._may:
            return
        self._pass -= 1
        self._on = self._pass <= 0
