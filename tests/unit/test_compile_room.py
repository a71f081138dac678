"""The limits of Python that a compile changes are back when the last compile of a process is done, however it ended."""

from __future__ import annotations

import gc
import sys

import pytest

from hisee.esl.compile import FRAMES, NEW_OBJECTS, ROOM


def limits() -> tuple[int, tuple[int, int, int]]:
    return sys.getrecursionlimit(), gc.get_threshold()


def test_limits_are_wide_inside_and_back_outside():
    before = limits()
    with ROOM:
        inside = limits()
        with ROOM:
            pass
        assert limits() == inside and inside[0] >= FRAMES and inside[1][0] >= NEW_OBJECTS
        assert inside[1][1:] == before[1][1:]
    assert limits() == before


def test_limits_are_back_after_a_failure():
    before = limits()
    with pytest.raises(ZeroDivisionError), ROOM:
        raise ZeroDivisionError
    assert limits() == before


def test_a_collector_that_was_switched_off_stays_off():
    before = gc.get_threshold()
    gc.set_threshold(0, *before[1:])
    try:
        with ROOM:
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
