"""Clocks and thread facts in plain Python: the twin of ext/hisee/_ext/clock.pyx."""

from __future__ import annotations

import ctypes
import os
import threading
import time

PR_SET_PDEATHSIG = 1


def monotonic_ns() -> int:
    """Nanoseconds of the clock that never jumps; the same clock in every process of this computer."""
    return time.monotonic_ns()


def thread_cpu_ns() -> int:
    """Processor time of the calling thread, in nanoseconds."""
    return time.thread_time_ns()


def set_thread_name(name: str) -> None:
    """Name the calling thread as `ps -L` and `top -H` show it; ValueError over 15 bytes."""
    data = name.encode()
    if len(data) > 15 or b"\0" in data:
        raise ValueError(f"thread name {name!r} is longer than 15 bytes or holds a NUL")
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "wb") as file:
        file.write(data)


def set_parent_death_signal(signal: int) -> None:
    """Have the kernel send `signal` to this process when the thread that started it ends; OSError when refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
