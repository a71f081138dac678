"""Log files of one process: `<NAME>.00.log` is the newest, 01 the one before it, the oldest beyond the limit are dropped.

A process whose name is not known yet writes into `<KIND>.pid<PID>.log` and takes its real name later, with what it wrote. The file in
use carries a lock of the kernel, so that a second process of the same name, which will be refused, never shifts the files of
the first. Trace files are the same with `<NAME>.trace`. Knows no messages: who must shift as well is the caller's business.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import hisee
from hisee.config import limits
from hisee.errors import UsageError
from hisee.seams import Clock, SystemClock

FORMAT = logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
DAY_NS = 86_400 * 1_000_000_000
NUMBERED = re.compile(r"\.(\d{2,})\.log\Z")


def file_of(directory: Path, name: str, number: int = 0) -> Path:
    """Where the log of a process is; number 0 = the newest."""
    return directory / f"{name}.{number:02d}.log"


def files_of(directory: Path, name: str) -> list[Path]:
    """The log files of a process that are there, newest first."""
    found = {int(match[1]): path for path in directory.glob(f"{name}.*.log")
             if (match := NUMBERED.search(path.name)) and path.name == f"{name}.{match[1]}.log"}
    return [found[number] for number in sorted(found)]


def limits_of(directory: Path) -> dict[str, int]:
    """The limits that the running system wrote beside its log folder, else the defaults: a log begins before any logon."""
    try:
        return limits(json.loads((directory.parent / "run.json").read_text()).get("limits"))
    except (OSError, ValueError, AttributeError, UsageError):
        return limits()


def make_room(directory: Path, name: str, keep: int) -> None:
    """Move every file of `name` up by one and drop what is older than the `keep` newest, the one to come included."""
    for path in reversed(files_of(directory, name)):
        match = NUMBERED.search(path.name)
        assert match is not None
        number = int(match[1]) + 1
        with contextlib.suppress(FileNotFoundError):
            path.unlink() if number >= keep else path.rename(file_of(directory, name, number))


class ShiftingLog(logging.Handler):
    """The handler of one process's log. Shifts at its start, by size, by age, and when told to.

    `shifted` is called after a shift that the process made by itself: others may have to follow. It must not block.
    """

    def __init__(self, directory: Path, name: str, *, temporary: bool = False, bounds: Mapping[str, int] | None = None,
                 clock: Clock | None = None) -> None:
        super().__init__()
        self.setFormatter(FORMAT)
        self._directory, self._clock = directory, clock or SystemClock()
        self._bounds = bounds or limits_of(directory)
        self.shifted: Callable[[], None] = lambda: None
        directory.mkdir(parents=True, exist_ok=True)
        self._open(name, temporary)

    # -- files

    def _open(self, name: str, temporary: bool) -> None:
        """Begin a file: the numbered one, or one with the pid in its name while the name is unknown or another's."""
        self.name_of_process, self.temporary = name, temporary or self._in_use(name)
        if not self.temporary:
            make_room(self._directory, name, self._bounds["log_files"])
        else:
            self._drop_temporary(name)
        self.path = self._directory / f"{name}.pid{os.getpid()}.log" if self.temporary else file_of(self._directory, name)
        self._begin(self.path)

    def _begin(self, path: Path) -> None:
        self._file: BinaryIO = open(path, "ab", buffering=0)  # noqa: SIM115  (owned until close)
        with contextlib.suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._began_ns = self._clock.monotonic_ns()
        self._write(self.format(logging.makeLogRecord({"name": "hisee", "levelname": "INFO", "msg": self._header()})))
        self._head = self._size = self._file.tell()

    def _header(self) -> str:
        return f"log of {self.name_of_process}, hisee {hisee.__version__}, pid {os.getpid()}"

    def _write(self, line: str) -> int:
        return self._file.write(line.encode("utf-8", "backslashreplace") + b"\n")

    def _in_use(self, name: str) -> bool:
        """Does a living process write this name's newest file?"""
        try:
            with open(file_of(self._directory, name), "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def _drop_temporary(self, name: str) -> None:
        """Logs of processes that ended before they got a name: only as many as of any other."""
        left = sorted(self._directory.glob(f"{name}.pid*.log"), key=lambda p: p.stat().st_mtime if p.exists() else 0.0)
        for path in left[: max(0, len(left) + 1 - self._bounds["log_files"])]:
            path.unlink(missing_ok=True)
            path.with_suffix(".crash").unlink(missing_ok=True)

    # -- what the process does

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. A full disk costs the line, never the process."""
        try:
            line = self.format(record)
            if self._over(len(line)):
                self.shift(own=True)
            self._size += self._write(line)
        except OSError:
            pass
        except Exception:
            self.handleError(record)  # a record whose arguments do not fit its text

    def _over(self, more: int) -> bool:
        if self._size == self._head or self.temporary:
            return False
        old = self._clock.monotonic_ns() - self._began_ns >= self._bounds["log_days"] * DAY_NS
        return old or self._size + more > self._bounds["log_bytes"]

    def shift(self, *, own: bool = False) -> None:
        """Begin a new file. `own` = nobody told this process: `shifted` is called."""
        with self._guard():
            if not self.temporary:
                make_room(self._directory, self.name_of_process, self._bounds["log_files"])
                self._file.close()
                self._begin(self.path)
        if own:
            self.shifted()

    def rename(self, name: str) -> None:
        """The real name is known: the temporary file becomes its newest one; what was written stays in it."""
        with self._guard():
            if name == self.name_of_process and not self.temporary:
                return
            if self._in_use(name):  # cannot be ours: keep the temporary file
                return
            make_room(self._directory, name, self._bounds["log_files"])
            target = file_of(self._directory, name)
            with contextlib.suppress(FileNotFoundError):
                self.path.rename(target)
            self.path, self.name_of_process, self.temporary = target, name, False

    def _guard(self) -> contextlib.AbstractContextManager[object]:
        return self.lock if self.lock is not None else contextlib.nullcontext()

    def close(self) -> None:
        with self._guard():
            self._file.close()
        super().close()
