"""What every process program does the same way: its log, its ready line, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from hisee.load import MeteredLoop

LOG_BYTES = 10 << 20
LOG_COUNT = 3
PR_SET_NAME, PR_SET_PDEATHSIG = 15, 1


def named_log(directory: Path, name: str) -> None:
    """One log file per process, named after it, with rotation; the root logger writes to it."""
    directory.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(directory / f"{name}.log", maxBytes=LOG_BYTES, backupCount=LOG_COUNT)
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    set_title(name)
    faulthandler.enable(open(directory / f"{name}.crash", "a"))  # noqa: SIM115  (must stay open for the process's life)


def shift_log() -> None:
    """Begin a new log file; the present one becomes the first older one."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RotatingFileHandler):
            handler.doRollover()


def set_title(name: str) -> None:
    """The name that `top` shows (15 bytes)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_NAME, f"hisee-{name}".encode()[:15], 0, 0, 0)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies: a supervisor's children never outlive it unseen."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def announce_ready(descriptor: int | None, line: str) -> None:
    """`ready <line>` on the descriptor that the launcher waits on."""
    if descriptor is None:
        return
    with contextlib.suppress(OSError):
        os.write(descriptor, f"ready {line}\n".encode())
        os.close(descriptor)


def run_until_stopped(serve: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """Run `serve(stop)` on an event loop; SIGTERM and SIGINT set `stop`."""

    async def body() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return await serve(stop)

    with asyncio.Runner(loop_factory=MeteredLoop) as runner:
        return runner.run(body())
