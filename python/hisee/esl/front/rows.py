"""Rows of C ints that grow: an array where the passes are plain Python, a typed view over one where they are compiled."""

from __future__ import annotations

from array import array

ZERO = array("i", (0,))


def zeros(count: int) -> array[int]:
    return ZERO * count


def doubled(row: array[int]) -> array[int]:
    """The row with as many zeros behind it."""
    larger = zeros(2 * len(row))
    memoryview(larger)[:len(row)] = memoryview(row)
    return larger


def as_list(row: array[int], count: int) -> list[int]:
    """The first `count` numbers, for those who are not compiled: each look at a typed row from Python makes a view."""
    return memoryview(row)[:count].tolist()
