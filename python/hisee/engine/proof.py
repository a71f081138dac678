"""Proof of life and death of a process on this computer: pid and birth name one process for ever, a pidfd holds on to it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

ENDED, OVER = "process ended", "lease over"  # why a member is buried: its death is proven, or it was silent for too long
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may itself hold blanks and brackets; [] = no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def birth(pid: int) -> int:
    """Start time of the process in clock ticks since boot; 0 = there is none."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def lives(pid: int, born: int) -> bool:
    """The very process of this pid and birth runs, or is stopped. One that ended and was not waited for is dead."""
    fields = _stat(pid)
    return bool(fields) and int(fields[19]) == born and fields[0] not in "ZX"


def stopped(pid: int) -> bool:
    """The process stands still by a signal or a debugger."""
    fields = _stat(pid)
    return bool(fields) and fields[0] in "tT"


def boot_id() -> str:
    """Names this run of the kernel: pids and CLOCK_BOOTTIME mean nothing in another one."""
    return BOOT_ID.read_text().strip()


def open_pidfd(pid: int, born: int) -> int | None:
    """A descriptor that is readable once the process has ended; None = it has ended already. The caller closes it.

    The birth is looked at behind the opening: from then on the descriptor means one process, whatever becomes of its pid.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if lives(pid, born):
        return descriptor
    os.close(descriptor)
    return None


class Living:
    """Asks again and again whether the same processes live: holds a pidfd of each in place of looks into /proc. For one thread."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], tuple[int, select.poll]] = {}

    def __call__(self, pid: int, born: int) -> bool:
        if (pid, born) not in self._held and not self._hold(pid, born):
            return False
        if not self._held[pid, born][1].poll(0):
            return True
        self._drop(pid, born)
        return False

    def _hold(self, pid: int, born: int) -> bool:
        descriptor = open_pidfd(pid, born)
        if descriptor is None:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        self._held[pid, born] = descriptor, poll
        return True

    def _drop(self, pid: int, born: int) -> None:
        descriptor, _ = self._held.pop((pid, born))
        os.close(descriptor)

    def only(self, processes: set[tuple[int, int]]) -> None:
        """Let go of all others."""
        for pid, born in self._held.keys() - processes:
            self._drop(pid, born)


def kill(pid: int, born: int, wait_s: float) -> bool:
    """SIGKILL, by pidfd so that it hits no other process; True = its death is proven, within `wait_s`."""
    descriptor = open_pidfd(pid, born)
    if descriptor is None:
        return True
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(wait_s * 1000))
    finally:
        os.close(descriptor)
