"""The compiled accelerators and their plain twins give the same answers on the same vectors."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee._ext import pure_clock, pure_hist
from support.source import PYTHON

hist = pytest.importorskip("hisee._ext.hist", reason="not compiled")
clock = pytest.importorskip("hisee._ext.clock", reason="not compiled")
TWINS = [hist.Histogram, pure_hist.Histogram]
CLOCKS = [clock, pure_clock]
VALUES = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize("kind", TWINS)
def test_known_answers(kind):
    h = kind()
    h.record_many([10, 20, 30, 40])
    assert (h.count, h.minimum, h.maximum, h.total, h.mean) == (4, 10, 40, 100, 25.0)
    assert [h.percentile(p) for p in (0, 25, 50, 75, 100)] == [10, 10, 20, 30, 40]


@pytest.mark.parametrize("kind", TWINS)
def test_empty(kind):
    h = kind()
    assert (h.count, h.percentile(50), h.mean, h.counts()) == (0, 0, 0.0, {})


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("value", [-1, -(2**63)])
def test_a_negative_value_is_refused(kind, value):
    with pytest.raises(ValueError, match="negative"):
        kind().record(value)


@pytest.mark.parametrize("kind", TWINS)
def test_a_value_over_63_bits_is_refused(kind):
    with pytest.raises(OverflowError):
        kind().record(2**63)


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("share", [-0.1, 100.1])
def test_a_share_outside_0_to_100_is_refused(kind, share):
    with pytest.raises(ValueError, match="percentile"):
        kind().percentile(share)


@given(st.lists(VALUES), st.floats(0, 100))
def test_twins_agree(values, share):
    compiled, plain = hist.Histogram(), pure_hist.Histogram()
    compiled.record_many(values)
    plain.record_many(values)
    assert compiled.counts() == plain.counts()
    assert (compiled.count, compiled.total, compiled.maximum) == (plain.count, plain.total, plain.maximum)
    assert compiled.percentile(share) == plain.percentile(share)


@given(st.lists(VALUES, min_size=1))
def test_an_answer_is_at_most_one_part_in_64_too_high(values):
    h = pure_hist.Histogram()
    h.record_many(values)
    exact = sorted(values)[(len(values) - 1) // 2]
    assert exact <= h.percentile(50) <= exact + exact // 64


@given(st.lists(VALUES), st.lists(VALUES))
@pytest.mark.parametrize("one", TWINS)
@pytest.mark.parametrize("two", TWINS)
def test_merging_equals_counting_together(one, two, first, second):
    a, b, both = one(), two(), one()
    a.record_many(first)
    b.record_many(second)
    a.merge(b)
    both.record_many(first + second)
    assert (a.counts(), a.count, a.total, a.minimum, a.maximum) == (both.counts(), both.count, both.total, both.minimum, both.maximum)


@pytest.mark.parametrize("module", CLOCKS)
def test_the_clocks_only_grow(module):
    assert 0 < module.monotonic_ns() <= module.monotonic_ns()
    assert 0 < module.thread_cpu_ns() <= module.thread_cpu_ns()


def test_both_clocks_are_the_same_clock():
    a, b, c = pure_clock.monotonic_ns(), clock.monotonic_ns(), pure_clock.monotonic_ns()
    assert a <= b <= c


@pytest.mark.parametrize("module", CLOCKS)
def test_a_thread_gets_its_name(module):
    seen = []

    def body() -> None:
        module.set_thread_name("hisee-test-1")
        seen.append(Path(f"/proc/self/task/{threading.get_native_id()}/comm").read_text().strip())

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == ["hisee-test-1"]


@pytest.mark.parametrize("module", CLOCKS)
@pytest.mark.parametrize("name", ["a name of 16 byte", "a\0b"])
def test_a_name_that_does_not_fit_is_refused(module, name):
    with pytest.raises(ValueError, match="15 bytes"):
        module.set_thread_name(name)


@pytest.mark.parametrize("module", CLOCKS)
def test_a_wrong_signal_is_refused(module):
    with pytest.raises(OSError):
        module.set_parent_death_signal(10_000)


def test_pure_mode_takes_the_twins():
    probe = "import hisee._ext as e; print(e.IS_COMPILED, e.Histogram.__module__)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONPATH": str(PYTHON), "HISEE_PURE": "1"})
    assert done.stdout.split() == ["False", "hisee._ext.pure_hist"]
