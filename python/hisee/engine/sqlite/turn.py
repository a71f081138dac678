"""The turn to write: a lock on DATA/engine.turn that every writer takes before its transaction. The kernel frees the turn of the dead.

A process that stands still while it has the turn blocks all others. Whoever waits too long looks who has it, and when that one's
lease is over ends it and waits for its death: nothing of its is touched before.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hisee.engine import proof
from hisee.engine.coordinator import EngineError
from hisee.schema import timers

LOG = logging.getLogger(__name__)
LOOK_S = 0.25
KILL_MS = next(row.ms for row in timers.ROWS if row.name == "kill")
DEATH_S = 5.0


def holders(path: Path) -> list[int]:
    """Pids that have the lock of this file now, from /proc/locks; waiting ones (`->`) are not meant.

    Some file systems show another device number there than `stat` gives: the inode decides, and that the process has the file open.
    """
    inode = os.stat(path).st_ino
    found = []
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[5].rsplit(":", 1)[-1] == str(inode) and _has_open(int(words[4]), path):
            found.append(int(words[4]))
    return found


def _has_open(pid: int, path: Path) -> bool:
    try:
        return any(os.path.realpath(link) == str(path) for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


class Turn:
    """One writer's hand on the lock; a context manager too. `quiet_ns(pid)` tells how long a process has not renewed its lease."""

    def __init__(self, path: Path, lease_ms: int) -> None:
        self.path = path.resolve()
        self.quiet_ns: Callable[[int], int | None] = lambda pid: None
        self._lease_ms = lease_ms
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._waiting_since = 0.0
        self._watch: threading.Thread | None = None
        self._closed, self._waits = threading.Event(), threading.Event()

    def take(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait()
        except OSError as error:
            raise EngineError(f"{self.path}: {error.strerror}", hint="is the data directory on a local disk?") from error

    def give(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.give()

    def _wait(self) -> None:
        """Queue up in the kernel, which is fair and costs nothing; a thread of its own looks after the one who has the turn."""
        self._waiting_since = time.monotonic()
        if self._watch is None:
            self._watch = threading.Thread(target=self._watch_holder, name="hisee-turn", daemon=True)
            self._watch.start()
        self._waits.set()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        finally:
            self._waiting_since = 0.0
            self._waits.clear()

    def _watch_holder(self) -> None:
        while self._waits.wait() and not self._closed.wait(LOOK_S):
            since = self._waiting_since
            waited_ms = (time.monotonic() - since) * 1000 if since else 0.0
            if waited_ms > LOOK_S * 1000:
                self._look(waited_ms)

    def _look(self, waited_ms: float) -> None:
        try:
            pids = holders(self.path)
        except OSError:
            return
        for pid in pids:
            born = proof.birth(pid)
            if pid != os.getpid() and self._stands_still(pid, waited_ms) and pid in holders(self.path):
                LOG.warning("process %d stands still and keeps all others from writing into the engine; it is ended", pid)
                proof.kill(pid, born, DEATH_S)

    def _stands_still(self, pid: int, waited_ms: float) -> bool:
        """A member by its lease; another process (a command, the server) when it is stopped and has kept us for long."""
        quiet = self.quiet_ns(pid)
        if quiet is not None:
            return quiet > self._lease_ms * 1_000_000
        return waited_ms > KILL_MS and proof.stopped(pid)

    def close(self) -> None:
        """End of this hand; the thread that watches ends with it."""
        if not self._closed.is_set():
            self._closed.set()
            self._waits.set()
            if self._watch is not None:
                self._watch.join(LOOK_S * 8)
            os.close(self._file)
