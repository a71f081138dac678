"""The event log: what scripts write with LOG and LOGEX, one line each, in DATA/log/events.log."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Protocol

from hisee.channel.payloads import LogWrite


class EventSink(Protocol):
    """Where the lines go: a file in a system, standard output in `hisee run`."""

    def write(self, entry: LogWrite, process: str) -> None: ...
    def close(self) -> None: ...


def one_line(text: str) -> str:
    """A line break inside a text is written as \\n, so that one entry stays one line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


class EventLog:
    """Appends lines; a line break inside a text is written as \\n, so that one entry stays one line."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115  (owned until close)

    def write(self, entry: LogWrite, process: str) -> None:
        at = dt.datetime.fromtimestamp(entry.time_ms / 1000, dt.UTC).isoformat(timespec="milliseconds")
        line = f":{entry.line}" if entry.line else ""
        self._file.write(f"{at} {entry.priority} {process} {entry.script}{line} {one_line(entry.text)}\n")

    def close(self) -> None:
        self._file.close()
