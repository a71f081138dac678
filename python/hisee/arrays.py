"""NumPy views of rows and histograms, without a copy where there need not be one. Nothing else of hisee imports NumPy for it.

    rows = system.rows("SV.Tanks")
    level, valid = arrays.column(rows, "Level"), arrays.valid(rows, "Level")
    level[valid].mean()

A view keeps its rows alive; while there is one, `rows.redim` raises BufferError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hisee._core.values import Rows
from hisee.values import Type

if TYPE_CHECKING:
    from hisee._ext import Histogram

LEAST_INT = -(2**63) + 16  # what lies below is a reason, as of INT, TIME and OBJECT
UNLINKED = 0


def column(rows: Rows, which: int | str) -> np.ndarray[Any, Any]:
    """A column by name or number: int64 of INT, TIME (milliseconds since 1970 UTC) and OBJECT, float64 of REAL, uint8 of BOOL (0, 1, more:
    invalid). Writable; look at `valid` before the numbers. TypeError for TEXT."""
    return np.asarray(memoryview(rows.column(which)))


def valid(rows: Rows, which: int | str) -> np.ndarray[Any, Any]:
    """Which cells of a column are valid now: a new array of bool."""
    number = rows.number(which)
    kind = rows.types[number]
    if kind is Type.TEXT:
        return np.array([isinstance(rows.get(row, number), str) for row in range(rows.rows)], dtype=bool)
    cells = column(rows, number)
    if kind is Type.BOOL:
        return np.asarray(cells <= 1)
    if kind is Type.REAL:
        return np.asarray(np.isfinite(cells))
    return np.asarray(cells != UNLINKED if kind is Type.OBJECT else cells >= LEAST_INT)


def times(rows: Rows, which: int | str) -> np.ndarray[Any, Any]:
    """A TIME column as datetime64[ms] in UTC, the same memory: what is invalid is no moment, see `valid`. TypeError for other columns."""
    if rows.types[rows.number(which)] is not Type.TIME:
        raise TypeError(f"column {which} is {rows.types[rows.number(which)].name}, not TIME")
    return column(rows, which).view("datetime64[ms]")


def counts(histogram: Histogram) -> np.ndarray[Any, Any]:
    """Counts of a histogram by bucket, uint64, to be read only. Compiled: its own memory, which goes on counting; plain: a copy."""
    try:
        return np.asarray(memoryview(histogram))
    except TypeError:
        copied = np.zeros(BUCKETS, dtype=np.uint64)
        for bucket, count in histogram.counts().items():
            copied[bucket] = count
        copied.flags.writeable = False
        return copied


BUCKETS = 3712


def tops() -> np.ndarray[Any, Any]:
    """The highest value that falls into each bucket, uint64: the axis of `counts`."""
    index = np.arange(BUCKETS, dtype=np.uint64)
    shift = np.where(index < 128, 0, index // 64 - 1).astype(np.uint64)
    return np.where(index < 128, index, ((index - 64 * shift + 1) << shift) - 1)
