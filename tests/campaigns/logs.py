"""What the log files of a system say: lines of the event log, and the moments of the server's own log."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from support.system import RunningSystem

LINE = re.compile(r"(\S+) (\d) (\S+) (\S+)\[([LR])\](?::\d+)? (.*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the event log; `at` in seconds since 1970."""

    at: float
    process: str
    script: str
    part: str
    text: str


class Tail:
    """The event log from now on; whole lines only."""

    def __init__(self, system: RunningSystem) -> None:
        self._path = system.data / "log" / "events.log"
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def entries(self) -> list[Entry]:
        """What was written since the last call."""
        if not self._path.exists():
            return []
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [entry for line in whole.decode().splitlines() if (entry := entry_of(line)) is not None]


def entry_of(line: str) -> Entry | None:
    found = LINE.fullmatch(line)
    if found is None:
        return None
    at, _, process, script, part, text = found.groups()
    return Entry(dt.datetime.fromisoformat(at).timestamp(), process, script, part, text)


def see_ended_at(system: RunningSystem, name: str) -> float | None:
    """Seconds since 1970 at which the server took the SEE out of its list, by its own log."""
    found = re.findall(rf"(?m)^(\S+) \S+ \S+ SEE {re.escape(name)} ended:", system.log("SRV1.KNL.log"))
    return dt.datetime.fromisoformat(found[-1]).timestamp() if found else None
