"""engine.beats: when each member has last renewed its lease, in a file that all processes of the computer map. No SQL, no disk write.

256 slots of eight 64-bit cells; slot 0 is the head. Every cell is stored and loaded whole, so no reader sees half a value.
"""

from __future__ import annotations

import mmap
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from hisee.engine import proof

SLOTS, CELLS = 256, 8
BYTES = SLOTS * CELLS * 8
INCARNATION, BEAT, FLAGS, PID, BIRTH = range(5)
VERSION, BOOT = 0, 1  # cells of the head: version, then the two halves of the boot id
LAYOUT = 1
WANTS_BELL = 1


def boottime_ns() -> int:
    """Goes on while the computer sleeps, never jumps, and is the same in every process."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Beats:
    """The mapped file. Whoever opens it holds the turn: a file of another run of the kernel is emptied then."""

    def __init__(self, path: Path, now_ns: Callable[[], int] = boottime_ns) -> None:
        self.now_ns = now_ns
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size != BYTES:
                os.truncate(descriptor, 0)
                os.posix_fallocate(descriptor, 0, BYTES)  # a full disk says so here, not by a signal at a store
            self._map = mmap.mmap(descriptor, BYTES)
        finally:
            os.close(descriptor)
        self._cells = memoryview(self._map).cast("Q")
        self._check_boot()

    def _check_boot(self) -> None:
        boot = uuid.UUID(proof.boot_id()).int
        head = (LAYOUT, boot >> 64, boot & (1 << 64) - 1)
        if tuple(self._cells[0:3]) != head:
            for cell in range(CELLS, SLOTS * CELLS):
                self._cells[cell] = 0
            self._cells[VERSION], self._cells[BOOT], self._cells[BOOT + 1] = head

    def occupy(self, slot: int, incarnation: int, pid: int, born: int) -> None:
        """A member begins; the incarnation comes last, so that a reader never sees it with another one's beat."""
        at = slot * CELLS
        self._cells[at + INCARNATION] = 0
        self._cells[at + BEAT], self._cells[at + FLAGS] = self.now_ns(), WANTS_BELL
        self._cells[at + PID], self._cells[at + BIRTH] = pid, born
        self._cells[at + INCARNATION] = incarnation

    def vacate(self, slot: int, incarnation: int) -> None:
        if self._cells[slot * CELLS] == incarnation:
            self._cells[slot * CELLS] = 0

    def beat(self, slot: int, incarnation: int) -> bool:
        """Renew; False = the slot is somebody else's: the member was buried.

        Between the look and the store the slot may change hands; its new owner then looks alive for one beat longer, no more.
        """
        if self._cells[slot * CELLS] != incarnation:
            return False
        self._cells[slot * CELLS + BEAT] = self.now_ns()
        return True

    def age_ns(self, slot: int, incarnation: int) -> int | None:
        """Since the last renewal; None = the slot is not this incarnation's."""
        if self._cells[slot * CELLS] != incarnation:
            return None
        return self.now_ns() - self._cells[slot * CELLS + BEAT]

    def want_bell(self, slot: int, incarnation: int, wanted: bool) -> None:
        """Only the member itself says so: True *before* it looks for work, False after it found some."""
        if self._cells[slot * CELLS] == incarnation:
            self._cells[slot * CELLS + FLAGS] = WANTS_BELL if wanted else 0

    def wants_bell(self, slot: int, incarnation: int) -> bool:
        return self._cells[slot * CELLS] == incarnation and bool(self._cells[slot * CELLS + FLAGS] & WANTS_BELL)

    def slot_of(self, incarnation: int) -> int:
        """Its slot; 0 = it has none."""
        return next((slot for slot in range(1, SLOTS) if self._cells[slot * CELLS] == incarnation), 0)

    def occupied(self) -> dict[int, int]:
        """incarnation -> slot"""
        return {self._cells[slot * CELLS]: slot for slot in range(1, SLOTS) if self._cells[slot * CELLS]}

    def quiet_ns(self, pid: int) -> int | None:
        """Since the last renewal of any member in this process; None = it is no member."""
        born = proof.birth(pid)
        heads = [slot * CELLS for slot in self.occupied().values()]
        ages = [self.now_ns() - self._cells[at + BEAT] for at in heads if (self._cells[at + PID], self._cells[at + BIRTH]) == (pid, born)]
        return min(ages, default=None)

    def close(self) -> None:
        self._cells.release()
        self._map.close()
