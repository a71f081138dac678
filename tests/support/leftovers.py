"""What a test may leave behind: looks at processes and shared memory from outside, through /proc and /dev/shm."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def children(pid: int) -> set[int]:
    """Process ids of all living descendants of `pid`; ended ones that nobody waited for count too."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = {int(p) for p in task.read_text().split()}
        except OSError:  # the thread ended while we looked
            continue
        found |= direct
        for child in direct:
            found |= children(child)
    return found


def shared_memory() -> list[str]:
    """Names of hisee that anybody could open: there must be none, even while a system runs."""
    return [p.name for p in Path("/dev/shm").glob("*hisee*")]


def eventually(condition: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
    """Wait for something the operating system does in its own time; fails with `what` at the end."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)
