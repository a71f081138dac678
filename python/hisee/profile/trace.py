"""Record of messages over one link: what crossed it, when, and which way. Bounded; keeps heads, never payloads.

Each process of a workstation keeps one for its link to the server. Joined and sorted by time they are what
`picture.trace()` shows: both clocks are the monotonic clock of the same computer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from hisee.schema.lanes import BY_NUMBER as LANES
from hisee.schema.messages import BY_NUMBER as KINDS
from hisee.seams import Clock

HISTORY = 4096  # newest messages kept
OUT, IN = "out", "in"


class Head(Protocol):
    """What is read of a message."""

    kind: int
    lane: int
    source: int
    target: int
    object: int


class Trace:
    """The newest messages of one link. Recording one costs a clock reading and a tuple."""

    def __init__(self, clock: Clock, history: int = HISTORY) -> None:
        self._clock = clock
        self._heads: deque[tuple[int, str, int, int, int, int, int]] = deque(maxlen=history)

    def sent(self, message: Head) -> None:
        self._record(OUT, message)

    def received(self, message: Head) -> None:
        self._record(IN, message)

    def _record(self, direction: str, m: Head) -> None:
        self._heads.append((self._clock.monotonic_ns(), direction, m.kind, m.lane, m.source, m.target, m.object))

    def rows(self, since_ns: int, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """Messages from `since_ns` on that name one of the process numbers as source, target or object, oldest first."""
        wanted = set(numbers)
        return [{"at_ns": at_ns, "direction": direction, "kind": _name(KINDS, kind), "lane": _name(LANES, lane)}
                for at_ns, direction, kind, lane, *about in self._heads if at_ns >= since_ns and not wanted.isdisjoint(about)]


def _name(table: dict[int, Any], number: int) -> str:
    row = table.get(number)
    return row.name if row else str(number)


def joined(*traces: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of several processes of one computer in order of time."""
    return sorted((row for trace in traces for row in trace), key=lambda row: row["at_ns"])
