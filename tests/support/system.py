"""A whole system of real processes for tests: started by the command line, ended in order, its log shown when a start fails."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hisee
from support.builds import Build

READY_S = 60.0


class RunningSystem:
    """`hisee up APP` as a child, `more` words behind it; `connect()` logs on to it."""

    def __init__(self, app: Path, data: Path, *more: str, build: Build | None = None) -> None:
        """`build`: the release that it is started from, another one than this."""
        self.data = data
        self._log = data.parent / "up.log"
        with open(self._log, "wb") as log:
            self._child = subprocess.Popen([build.python if build else sys.executable, "-m", "hisee", "up", str(app), "--data", str(data),
                                            *more], stdout=log, stderr=log, env=build.environment if build else None)
        self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while "ready\n" not in self.output():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self._child.kill()
                raise AssertionError(f"the system did not start:\n{self.output()}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """Of `hisee up`, the parent of all processes."""
        return self._child.pid

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def connect(self) -> hisee.System:
        return hisee.connect(self.data)

    def log(self, name: str) -> str:
        """The newest log of a process (`SRV1.KNL`), or a file of the log folder (`events.log`)."""
        newest = self.data / "log" / f"{name.removesuffix('.log')}.00.log"
        path = newest if newest.exists() else self.data / "log" / name
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        self._child.send_signal(signal.SIGINT)
        return self._child.wait(30)

    def end(self) -> None:
        if self._child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()


@contextlib.contextmanager
def running(app: Path, data: Path) -> Iterator[RunningSystem]:
    system = RunningSystem(app, data)
    try:
        yield system
    finally:
        system.end()


def until(condition: Callable[[], object], what: str, seconds: float = 10.0, pause_s: float = 0.02) -> None:
    """Wait for something that other processes do; fails with `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause_s)


def names(rows: list[dict], kind: str) -> list[str]:
    """Names of the running processes of one kind."""
    return [row["name"] for row in rows if row["kind"] == kind and row["state"] == "Run"]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)
