"""Rows in the memory of the core, and NumPy views of them and of histograms: no copy, alive as long as a view, not moved under one."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys

import numpy as np
import pytest

from hisee import arrays
from hisee._core.values import Rows, decode, encode
from hisee._ext import pure_hist
from hisee._ext.hist import Histogram
from hisee.values import Invalid, Record, Time

TYPES = ["TEXT", "REAL", "BOOL", "INT", "TIME"]
NAMES = ["Name", "Level", "Full", "Count", "When"]
RECORD = Record(7, TYPES, [["a", "ž", Invalid(3, "TEXT")], [1.5, Invalid(2, "REAL"), -0.5], [True, Invalid(4, "BOOL"), False],
                           [1, 2, Invalid(5, "INT")], [Time(0), Invalid(1, "TIME"), Time(86_400_000)]])


def rows() -> Rows:
    return Rows.of(RECORD, NAMES)


def test_the_same_bytes_and_the_same_cells_as_a_record():
    assert encode([rows()]) == encode([RECORD])
    (back,) = decode(encode([RECORD]), rows=True)
    assert isinstance(back, Rows) and back.to_record() == RECORD and back.structure_hbj == 7


def test_views_are_the_memory_itself():
    table = rows()
    level = arrays.column(table, "level")
    level[2] = 8.0
    assert table.get(2, 1) == 8.0 and level.dtype == np.float64
    assert arrays.valid(table, "Level").tolist() == [True, False, True]
    assert arrays.valid(table, "Full").tolist() == [True, False, True]
    assert arrays.valid(table, "Count").tolist() == [True, True, False]
    assert arrays.valid(table, "Name").tolist() == [True, True, False]
    assert arrays.times(table, "When")[arrays.valid(table, "When")].tolist() == list(np.array([0, 86_400_000], "datetime64[ms]").tolist())
    level[0] = np.inf
    assert decode(encode([table]))[0].columns[1][0] == Invalid(2, "REAL"), "what leaves is settled"


def test_a_view_keeps_its_rows_alive_and_in_their_place():
    table = rows()
    count = arrays.column(table, "Count")
    part = count[1:]
    with pytest.raises(BufferError, match="let go of the arrays"):
        table.redim(100_000)
    del count
    with pytest.raises(BufferError):
        table.redim(4)
    del part
    table.redim(4)
    assert table.rows == 4 and isinstance(table.get(3, 3), Invalid)
    count = arrays.column(table, 3)
    del table
    gc.collect()
    assert count[:2].tolist() == [1, 2]


@pytest.mark.parametrize(("work", "error", "words"), [
    (lambda t: arrays.column(t, "Name"), TypeError, "texts"),
    (lambda t: arrays.column(t, "Nmae"), KeyError, "there are Name, Level"),
    (lambda t: t.get(3, 0), IndexError, "3 rows"),
    (lambda t: t.get(0, -1), IndexError, "5 columns"),
    (lambda t: t.redim(2_000_000), ValueError, "at most"),
    (lambda t: arrays.times(t, "Count"), TypeError, "not TIME"),
    (lambda t: Rows(1, ["RECORD"]), ValueError, "cannot be RECORD"),
    (lambda t: Rows(1, [], 1), ValueError, "0 columns"),
])
def test_mistakes_are_told(work, error, words):
    with pytest.raises(error, match=words):
        work(rows())


@pytest.mark.parametrize("kind", [Histogram, pure_hist.Histogram])
def test_counts_of_a_histogram(kind):
    histogram = kind()
    histogram.record_many([3, 3, 200, 2**62])
    counts, tops = arrays.counts(histogram), arrays.tops()
    assert counts[3] == 2 and counts.sum() == 4 and len(counts) == len(tops)
    assert {int(tops[b]) for b in histogram.counts()} == {pure_hist.top(b) for b in histogram.counts()}
    with pytest.raises(ValueError, match="read-only"):
        counts[0] = 1


def test_the_counts_go_on_and_keep_their_histogram_alive():
    histogram = Histogram()
    counts = arrays.counts(histogram)
    histogram.record(5)
    assert counts[5] == 1
    with pytest.raises(TypeError, match="not writable"):
        (ctypes.c_char * 8).from_buffer(histogram)
    del histogram
    gc.collect()
    assert counts[5] == 1


def test_numpy_is_not_imported_before_it_is_needed():
    code = "import sys, hisee, hisee.api, hisee._core.values, hisee._ext; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
