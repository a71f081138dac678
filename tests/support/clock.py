"""A clock that stands still until it is moved; the wall clock may jump without the other."""

from __future__ import annotations

MS = 1_000_000


class FakeClock:
    """Seams' Clock for unit tests and the simulator."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms, self._monotonic_ns = now_ms, 10**12

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, ms: int) -> None:
        """Time goes on."""
        self._now_ms += ms
        self._monotonic_ns += ms * MS

    def jump(self, ms: int) -> None:
        """Somebody sets the wall clock."""
        self._now_ms += ms
