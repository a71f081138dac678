"""The four doors to the outside that every component gets handed in: time, network, disk, randomness.

A component that takes its `Seams` and touches nothing else runs unchanged in a seeded simulator or a test with FakeClock.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Time. `now_ms` may jump and is only shown or stored; everything that waits uses `monotonic_ns`."""

    def now_ms(self) -> int: ...
    def monotonic_ns(self) -> int: ...


class Net(Protocol):
    """Sockets and the way to other processes."""

    def connect_unix(self, path: Path) -> socket.socket: ...
    def connect_tcp(self, host: str, port: int, timeout_s: float) -> socket.socket: ...


class Disk(Protocol):
    """Files that must survive."""

    def read(self, path: Path) -> bytes: ...
    def write(self, path: Path, data: bytes) -> None: ...


class Rng(Protocol):
    """Randomness: numbers of names and back-off; `secret` for keys and nonces."""

    def below(self, n: int) -> int: ...
    def secret(self, count: int) -> bytes: ...


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class BootClock(SystemClock):
    """A clock that goes on while the computer sleeps: for leases that others judge meanwhile."""

    def monotonic_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def plainly(clock: Clock) -> Callable[[], int]:
    """Its monotonic_ns as it is called most quickly: of the system's clock without a method in between."""
    return time.monotonic_ns if type(clock) is SystemClock else clock.monotonic_ns


class SystemNet:
    def connect_unix(self, path: Path) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(str(path))
        except OSError:
            sock.close()
            raise
        return sock

    def connect_tcp(self, host: str, port: int, timeout_s: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout=timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


class SystemDisk:
    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def write(self, path: Path, data: bytes) -> None:
        """Replace `path` as a whole: the old content or the new, never a torn one."""
        part = path.with_name(path.name + ".part")
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)


class SystemRng:
    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def below(self, n: int) -> int:
        return self._random.randrange(n)

    def secret(self, count: int) -> bytes:
        return os.urandom(count)


@dataclass(frozen=True)
class Seams:
    clock: Clock = field(default_factory=SystemClock)
    net: Net = field(default_factory=SystemNet)
    disk: Disk = field(default_factory=SystemDisk)
    rng: Rng = field(default_factory=SystemRng)
