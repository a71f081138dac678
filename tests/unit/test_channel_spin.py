"""When a lane spins for the next request: while it pays, seldom where it does not."""

from __future__ import annotations

import os

import pytest

from hisee._core.route import MOST_PASSED, SOON_NS, Spin

two = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor: it never spins")


@two
def test_it_begins_when_requests_come_soon_and_goes_on_while_it_finds_them():
    spin = Spin()
    spin.woken(SOON_NS * 10)
    assert not spin.look_ns, "nobody is in a hurry"
    spin.woken(SOON_NS // 2)
    assert spin.look_ns
    spin.found()
    assert spin.look_ns


@two
def test_it_ends_at_the_first_failure_and_tries_less_and_less_often():
    spin, tries = Spin(), []
    for chance in range(3000):
        spin.woken(1)
        if spin.look_ns:
            tries.append(chance)
            spin.nothing()
            assert not spin.look_ns
    gaps = [later - earlier for earlier, later in zip(tries, tries[1:], strict=False)]
    assert gaps == [min(2 << at, MOST_PASSED) for at in range(len(gaps))]
    assert len(tries) < 14


def test_on_one_processor_never(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    spin = Spin()
    spin.woken(1)
    assert not spin.look_ns
