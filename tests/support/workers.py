"""Work processes that a test or a campaign starts by hand beside a running system, kills, stops and lets go on."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

READY_S = 60.0


class Worker:
    """`hisee wp --data DIR`; `name` is known once it is ready."""

    def __init__(self, data: Path, *args: str, wait: bool = True) -> None:
        self._ready, write = os.pipe()
        self.out = data.parent / f"wp-{time.monotonic_ns()}.out"
        with open(self.out, "wb") as out:
            self.child = subprocess.Popen([sys.executable, "-m", "hisee", "wp", "--data", str(data), "--ready-fd", str(write), *args],
                                          stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=(write,))
        os.close(write)
        self.name = ""
        if wait:
            self.await_ready()

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def lives(self) -> bool:
        return self.child.poll() is None

    def await_ready(self, seconds: float = READY_S) -> str:
        """Its name; fails with what it said."""
        line, end = b"", time.monotonic() + seconds
        while not line.endswith(b"\n"):
            assert select.select([self._ready], [], [], max(0.0, end - time.monotonic()))[0], f"not ready: {self.said()}"
            more = os.read(self._ready, 1000)
            assert more, f"ended before it was ready ({self.child.wait()}): {self.said()}"
            line += more
        os.close(self._ready)
        self._ready = -1
        self.name = dict(word.split("=", 1) for word in line.decode().split() if "=" in word)["name"]
        return self.name

    def said(self) -> str:
        return self.out.read_text(errors="replace")

    def signal(self, number: int) -> None:
        if self.lives:
            self.child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.child.wait(seconds)

    def close(self) -> None:
        if self.lives:
            self.signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop(10)
        if self.lives:
            self.kill()
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1


@contextlib.contextmanager
def work_processes(data: Path, count: int, *args: str, at_once: bool = False) -> Iterator[list[Worker]]:
    """`count` of them, one after the other as `hisee up` starts them, or all at once; all are ended. The list may be changed meanwhile."""
    workers: list[Worker] = []
    try:
        for _ in range(count):
            workers.append(Worker(data, *args, wait=not at_once))
        for worker in workers if at_once else ():
            worker.await_ready()
        yield workers
    finally:
        for worker in workers:
            worker.signal(signal.SIGCONT)
            worker.signal(signal.SIGTERM)
        for worker in workers:
            worker.close()
