"""Utilisation of one process over the last 1, 10 and 60 minutes, from a busy time that only grows. Bounded memory, no clock of its own."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

MINUTE_NS = 60_000_000_000
WINDOWS = {"busy_1m": MINUTE_NS, "busy_10m": 10 * MINUTE_NS, "busy_60m": 60 * MINUTE_NS}
POINTS = 60  # kept per window: the share is exact to a sixtieth of it
STALE_NS = 2_500_000_000  # a process that told nothing for so long was not busy since, as far as anybody knows


class Point(NamedTuple):
    at_ns: int
    busy_ns: int


class Busy:
    """Busy time / elapsed time of each window (R127); of a younger process, of the time since its first report."""

    def __init__(self) -> None:
        self._points: dict[str, deque[Point]] = {name: deque(maxlen=POINTS + 2) for name in WINDOWS}
        self._newest = Point(0, 0)

    def note(self, at_ns: int, busy_ns: int) -> None:
        """A report that came at `at_ns` of the server's monotonic clock."""
        self._newest = Point(at_ns, busy_ns)
        for name, window_ns in WINDOWS.items():
            points = self._points[name]
            if not points or at_ns - points[-1].at_ns >= window_ns // POINTS:
                points.append(self._newest)

    def shares(self, now_ns: int) -> dict[str, float | None]:
        """Percent by window; None before there are two reports."""
        return {name: self._share(name, now_ns) for name in WINDOWS}

    def _share(self, name: str, now_ns: int) -> float | None:
        points, newest = self._points[name], self._newest
        if not points or newest.at_ns <= points[0].at_ns:
            return None
        start = base(points, newest.at_ns - WINDOWS[name])
        end_ns = newest.at_ns if now_ns - newest.at_ns <= STALE_NS else now_ns
        elapsed_ns = end_ns - start.at_ns
        if elapsed_ns <= 0:
            return None
        return round(min(100.0, max(0.0, 100.0 * (newest.busy_ns - start.busy_ns) / elapsed_ns)), 1)


def base(points: deque[Point], from_ns: int) -> Point:
    """The newest point that is not younger than the window's beginning allows, else the first there is."""
    found = points[0]
    for point in points:
        if point.at_ns > from_ns:
            break
        found = point
    return found
