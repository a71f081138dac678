"""Rows of C ints that grow: an array where the passes are plain Python, a typed view over one where they are compiled."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

ZERO = array("i", (0,))
PLAIN = __file__.endswith(".py")
END = "\0\0"  # stands behind a text: a look at the next character or two needs no test for the end
UTF_32 = f"utf-32-{sys.byteorder[0]}e"


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


def characters(text: str) -> Sequence[str]:
    """A text to be looked at character by character, with END behind it: where the passes are compiled, a typed view looks at it."""
    return text + END if PLAIN else array("I", (text + END).encode(UTF_32, "surrogatepass"))  # type: ignore[return-value]
