"""Latency histogram in plain Python: the twin of ext/hisee/_ext/hist.pyx, used where nothing is compiled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Counted(Protocol):
    """What `merge` needs of another histogram, compiled or not."""

    count: int
    minimum: int
    maximum: int
    total: int

    def counts(self) -> dict[int, int]: ...


def bucket(value: int) -> int:
    """Number of the bucket: 64 per power of two, exact below 128."""
    if value < 128:
        return value
    shift = value.bit_length() - 7
    return 64 * shift + (value >> shift)


def top(index: int) -> int:
    """The highest value that falls into the bucket."""
    if index < 128:
        return index
    shift = index // 64 - 1
    return ((index - 64 * shift + 1) << shift) - 1


class Histogram:
    """Counts of whole, not negative numbers (nanoseconds, bytes) in buckets of at most 1/64 width."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._counts: dict[int, int] = {}
        self.count = 0
        self.total = 0
        self.minimum = 0
        self.maximum = 0

    def record(self, value: int) -> None:
        """Count one value; ValueError below 0, OverflowError from 2^63."""
        if value < 0:
            raise ValueError(f"a histogram counts no negative value ({value})")
        if value >= 1 << 63:
            raise OverflowError(f"{value} does not fit into 63 bits")
        self.minimum = min(self.minimum, value) if self.count else value
        self.maximum = max(self.maximum, value)
        index = bucket(value)
        self._counts[index] = self._counts.get(index, 0) + 1
        self.count += 1
        self.total += value

    def record_many(self, values: Iterable[int]) -> None:
        """Count each value of an iterable."""
        for value in values:
            self.record(value)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def percentile(self, share: float) -> int:
        """The value that `share` (0 to 100) of all values do not exceed, at most 1/64 too high; 0 when empty."""
        if not 0 <= share <= 100:
            raise ValueError(f"a percentile lies between 0 and 100, not {share}")
        wanted = max(1, -int(-share * self.count // 100))
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= wanted:
                return max(self.minimum, min(top(index), self.maximum))
        return self.maximum

    def counts(self) -> dict[int, int]:
        """Bucket -> count of all that are not empty."""
        return dict(sorted(self._counts.items()))

    def merge(self, other: Counted) -> None:
        """Add what another histogram counted."""
        if not other.count:
            return
        for index, count in other.counts().items():
            self._counts[index] = self._counts.get(index, 0) + count
        self.minimum = min(self.minimum, other.minimum) if self.count else other.minimum
        self.maximum = max(self.maximum, other.maximum)
        self.count += other.count
        self.total += other.total
