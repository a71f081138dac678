"""What every process program does the same way: its log, its ready line, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import logging
import math
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TextIO

from hisee.load import MeteredLoop
from hisee.logfiles import ShiftingLog

TRACE_LOGGER, TRACE_SUFFIX = "hisee.trace", ".trace"
CRASH_FILES: list[TextIO] = []  # the one in use
EARLY_S = 0.001  # who wakes up so much too early is not meant to wait for a moment again
PR_SET_NAME, PR_SET_PDEATHSIG = 15, 1


def named_log(directory: Path, name: str, *, temporary: bool = False) -> None:
    """The log of this process, `<NAME>.00.log`; the root logger writes to it and the files of earlier starts move up by one.

    `temporary`: the number is not known yet, `name` is only the kind; `rename_log` gives the file its name.
    """
    root = logging.getLogger()
    old = [handler for handler in root.handlers if isinstance(handler, ShiftingLog)]
    root.handlers[:] = [ShiftingLog(directory, name, temporary=temporary)]
    for handler in old:
        handler.close()
    root.setLevel(logging.INFO)
    set_title(name)
    _crash_file(directory, f"{name}.pid{os.getpid()}" if temporary else name)


def _crash_file(directory: Path, name: str) -> None:
    """Where the interpreter writes the stacks of a fatal signal. One under an earlier name of this process goes when it is empty."""
    file = open(directory / f"{name}.crash", "a")  # noqa: SIM115  (must stay open for the process's life)
    faulthandler.enable(file)
    for old in CRASH_FILES:
        old.close()
        with contextlib.suppress(FileNotFoundError):
            if old.name != file.name and not os.path.getsize(old.name):
                os.unlink(old.name)
    CRASH_FILES[:] = [file]


def rename_log(name: str) -> None:
    """The process has its name: log, trace, crash file and title take it."""
    for handler in _own_logs():
        handler.rename(name + (TRACE_SUFFIX if handler.name_of_process.endswith(TRACE_SUFFIX) else ""))
        if not handler.name_of_process.endswith(TRACE_SUFFIX):
            _crash_file(handler.path.parent, name)
    set_title(name)


def shift_log(*, told: bool = False) -> None:
    """Begin new log and trace files. `told`: another process made its change known, so nobody is told again."""
    for number, handler in enumerate(_own_logs()):
        handler.shift(own=not told and number == 0)


def on_log_shift(call: Callable[[], None]) -> None:
    """`call` after every change of the log that this process made by itself: by size, by age, by command. It must not block."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, ShiftingLog):
            handler.shifted = call


def trace_log(on: bool) -> logging.Logger:
    """The logger of the message trace; its file `<NAME>.trace.00.log` exists from the first `on`."""
    logger = logging.getLogger(TRACE_LOGGER)
    logger.propagate = False
    mine = [handler for handler in logging.getLogger().handlers if isinstance(handler, ShiftingLog)]
    if on and not logger.handlers and mine:
        logger.addHandler(ShiftingLog(mine[0].path.parent, mine[0].name_of_process + TRACE_SUFFIX, temporary=mine[0].temporary))
    logger.setLevel(logging.INFO if on else logging.CRITICAL)
    return logger


def _own_logs() -> list[ShiftingLog]:
    """The log first, then the trace."""
    both = [*logging.getLogger().handlers, *logging.getLogger(TRACE_LOGGER).handlers]
    return [handler for handler in both if isinstance(handler, ShiftingLog)]


def set_title(name: str) -> None:
    """The name that `top` shows (15 bytes)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_NAME, f"hisee-{name}".encode()[:15], 0, 0, 0)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies: a supervisor's children never outlive it unseen."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def to_grid(period_s: float, now_s: float) -> float:
    """Seconds until the next multiple of the period on the clock of event loops: timers of a process that share it wake it once."""
    return (math.floor((now_s + EARLY_S) / period_s) + 1) * period_s - now_s


class Wake:
    """Ends a sleep in `poll`: from another thread, or from a signal."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __call__(self) -> None:
        os.eventfd_write(self.fd, 1)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)


def announce_ready(descriptor: int | None, line: str) -> None:
    """`ready <line>` on the descriptor that the launcher waits on."""
    if descriptor is None:
        return
    with contextlib.suppress(OSError):
        os.write(descriptor, f"ready {line}\n".encode())
        os.close(descriptor)


def cold_fact(deleted: Mapping[str, int]) -> str:
    """Words of a ready line that say what a cold start deleted, by queue; "" where nothing was started cold."""
    return f" cold={','.join(f'{queue}:{count}' for queue, count in deleted.items())}" if deleted else ""


def cold_lines(told: str) -> tuple[str, list[str]]:
    """A ready line without those words, and what they say: a line for each queue."""
    line, mark, fact = told.partition(" cold=")
    rows = [word.split(":", 1) for word in fact.split(",")] if mark else []
    return line, [cold_line(queue, int(count)) for queue, count in rows]


def cold_line(queue: str, count: int) -> str:
    return f"cold start: deleted {count} waiting requests of queue {queue}"


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
