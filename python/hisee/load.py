"""How busy a process is: time its event loop (or its one thread) works, and its memory. What LOAD tells the server each heartbeat."""

from __future__ import annotations

import asyncio
import os
import selectors
import time
from collections.abc import Callable

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
Now = Callable[[], int]


def memory_bytes() -> int:
    """Resident memory of this process."""
    descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(descriptor, 256).split()[1]) * PAGE_BYTES
    finally:
        os.close(descriptor)


class WorkTime:
    """Busy time of a thread that says itself when it works: `with work: ...`. Not for nested use."""

    def __init__(self, now_ns: Now = time.monotonic_ns) -> None:
        self._now_ns, self._done_ns, self._since_ns = now_ns, 0, 0

    def __enter__(self) -> None:
        self._since_ns = self._now_ns()

    def __exit__(self, *_: object) -> None:
        self._done_ns += self._now_ns() - self._since_ns
        self._since_ns = 0

    @property
    def busy_ns(self) -> int:
        """Counts the work under way as well: one long statement is load, not idleness."""
        since = self._since_ns
        return self._done_ns + (self._now_ns() - since if since else 0)


class LoopTime(selectors.DefaultSelector):
    """The selector of an event loop that notes how long it waits: all other time the loop works."""

    def __init__(self, now_ns: Now = time.monotonic_ns) -> None:
        super().__init__()
        self._now_ns, self._idle_ns, self._began_ns = now_ns, 0, now_ns()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        before = self._now_ns()
        try:
            return super().select(timeout)
        finally:
            self._idle_ns += self._now_ns() - before

    def slept(self, ns: int) -> None:
        """Somebody else waited in the selector's place."""
        self._idle_ns += ns

    @property
    def busy_ns(self) -> int:
        return self._now_ns() - self._began_ns - self._idle_ns


class MeteredLoop(asyncio.SelectorEventLoop):
    """An event loop that knows its busy time; `busy_ns()` reads it for the running one."""

    def __init__(self) -> None:
        self.time_spent = LoopTime()
        super().__init__(self.time_spent)

    @property
    def idle(self) -> bool:
        """Nothing is ready to run: after the present callback the loop would look for events."""
        return not self._ready  # type: ignore[attr-defined]

def busy_ns() -> int:
    """Busy time of the running loop; CPU time of the thread where the loop is a foreign one."""
    loop = asyncio.get_running_loop()
    return loop.time_spent.busy_ns if isinstance(loop, MeteredLoop) else time.thread_time_ns()
