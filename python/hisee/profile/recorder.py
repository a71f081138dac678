"""Recorder of synchronous actions: three times each (prepare and send, passive wait, receive), per line and as a short history."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

HISTORY = 5_000  # newest rows kept; older ones live on in the sums


@dataclass(frozen=True, slots=True)
class Row:
    """One synchronous action. Times in nanoseconds; `bytes_out` and `bytes_in` are payload lengths."""

    script: str
    part: str
    process: str
    line: int
    action: str
    lane: int
    sent_at_ns: int
    prepare_ns: int
    wait_ns: int
    receive_ns: int
    service_ns: int
    bytes_out: int
    bytes_in: int
    far: bool  # the request left the computer of its script


@dataclass(slots=True)
class Sum:
    count: int = 0
    prepare_ns: int = 0
    wait_ns: int = 0
    receive_ns: int = 0


class Recorder:
    """Sums per (script, part, line, action) and the newest rows. `enabled` False costs one test per action."""

    def __init__(self, history: int = HISTORY) -> None:
        self.enabled = True
        self._sums: dict[tuple[str, str, int, str], Sum] = {}
        self._rows: deque[Row] = deque(maxlen=history)

    def record(self, row: Row) -> None:
        key = (row.script, row.part, row.line, row.action)
        total = self._sums.setdefault(key, Sum())
        total.count += 1
        total.prepare_ns += row.prepare_ns
        total.wait_ns += row.wait_ns
        total.receive_ns += row.receive_ns
        self._rows.append(row)

    def rows(self, reset: bool = False) -> list[dict[str, Any]]:
        """The newest rows, oldest first; `reset` forgets them and the sums afterwards."""
        out = [{name: getattr(row, name) for name in Row.__slots__} for row in self._rows]
        if reset:
            self._rows.clear()
            self._sums.clear()
        return out

    def sums(self) -> list[dict[str, Any]]:
        return [
            {"script": s, "part": p, "line": line, "action": a, "count": t.count, "prepare_ns": t.prepare_ns,
             "wait_ns": t.wait_ns, "receive_ns": t.receive_ns}
            for (s, p, line, a), t in sorted(self._sums.items())
        ]
