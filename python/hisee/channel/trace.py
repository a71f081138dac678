"""Recorder of messages that cross a link: a short history for the profiler and the headline, nothing else."""

from __future__ import annotations

from collections import deque
from typing import Any

from hisee.channel.message import Message
from hisee.channel.spoken import kind_name
from hisee.schema.lanes import BY_NUMBER as LANES
from hisee.seams import Clock

HISTORY = 1024


class Trace:
    """Newest messages of one link with their time and direction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: deque[tuple[int, str, int, int, tuple[int, ...]]] = deque(maxlen=HISTORY)

    def note(self, direction: str, message: Message) -> None:
        """`direction` as seen from here: "out" or "in"."""
        about = (message.source, message.target, message.object)
        self._rows.append((self._clock.monotonic_ns(), direction, message.kind, message.lane, about))

    def rows(self, about: set[int], since_ns: int = 0) -> list[dict[str, Any]]:
        """Messages from, to or about one of these numbers, oldest first."""
        return [
            {"at_ns": at, "direction": direction, "kind": kind_name(kind), "lane": LANES[lane].name}
            for at, direction, kind, lane, numbers in self._rows
            if at >= since_ns and not about.isdisjoint(numbers)
        ]
