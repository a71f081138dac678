"""Reading the log folder of a system: which processes have a log, its last lines, and what came since. Writes nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

EVENTS = "events"  # what scripts write with LOG
NAME = re.compile(r"[A-Za-z0-9_.\[\]]{1,100}\Z")
NEWEST = ".00.log"
OLDER = re.compile(r"\.(?!00)\d{2,}\.log\Z")  # of earlier runs
PART_BYTES = 1 << 20  # read at once


def log_file(directory: Path, name: str) -> Path | None:
    """The newest log file of a process (or of `events`); None when it has none or the name is none."""
    if not NAME.match(name) or ".." in name:
        return None
    for path in (directory / f"{name}{NEWEST}", directory / f"{name}.log"):
        if path.is_file():
            return path
    return None


def known(directory: Path) -> list[dict[str, Any]]:
    """Every log there is: name, bytes and time of the last line, by name."""
    rows = {}
    for path in directory.glob("*.log"):
        if OLDER.search(path.name):
            continue
        name = path.name.removesuffix(NEWEST) if path.name.endswith(NEWEST) else path.name.removesuffix(".log")
        if log_file(directory, name) == path:
            facts = path.stat()
            rows[name] = {"name": name, "bytes": facts.st_size, "changed_ms": facts.st_mtime_ns // 1_000_000}
    return [rows[name] for name in sorted(rows)]


def read_part(path: Path, lines: int, offset: int) -> tuple[bytes, int]:
    """Whole lines and the offset behind them. `offset` -1 = the last `lines`; one beyond the end = the file began anew."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        if offset < 0:
            return _tail(file, size, lines)
        begin = offset if offset <= size else 0
        file.seek(begin)
        data = file.read(PART_BYTES)
    whole = data[: data.rfind(b"\n") + 1] if len(data) < PART_BYTES or b"\n" in data else data
    return whole, begin + len(whole)


def _tail(file: Any, size: int, lines: int) -> tuple[bytes, int]:
    data, begin = b"", size
    while begin > 0 and data.count(b"\n") <= lines and len(data) < PART_BYTES:
        step = min(begin, 64 * 1024)
        begin -= step
        file.seek(begin)
        data = file.read(step) + data
    data = data[: data.rfind(b"\n") + 1]
    kept = data.splitlines(keepends=True)[-lines:] if lines > 0 else []
    return b"".join(kept), begin + len(data)
