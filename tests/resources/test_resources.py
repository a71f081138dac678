"""Calendars and balances against dates and integrals known from elsewhere."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee.resources.balance import HOUR_MS, Sample, hourly
from hisee.resources.calendar import Calendar, CalendarError, easter, from_facts

SLOVAK = Calendar(name="WORKDAYS", without=["01-01", "01-06", "easter-2", "easter+1", "05-01", "12-24", "12-25", "12-26"],
                  extra=["2026-12-19"])


@pytest.mark.parametrize("date", ["1961-04-02", "2000-04-23", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25", "2285-03-22"])
def test_easter(date):
    assert easter(int(date[:4])).isoformat() == date


def test_days_that_count():
    assert SLOVAK.holds(dt.date(2026, 11, 23))
    assert not SLOVAK.holds(dt.date(2026, 4, 3)) and not SLOVAK.holds(dt.date(2026, 4, 6)) and not SLOVAK.holds(dt.date(2026, 12, 25))
    assert SLOVAK.holds(dt.date(2026, 12, 19)) and not SLOVAK.holds(dt.date(2026, 12, 20))
    assert SLOVAK.next(dt.date(2026, 12, 24)) == dt.date(2026, 12, 28)
    assert Calendar(name="NEVER", weekdays=[]).next(dt.date(2026, 1, 1)) is None


def test_a_year_is_complete():
    every = Calendar(name="ALL", weekdays=["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
    assert len(list(every.days(2024))) == 366 and len(list(every.days(2026))) == 365


@pytest.mark.parametrize(("row", "word"), [
    ({"name": "A", "weekdays": ["someday"]}, "someday"), ({"name": "A", "without": ["13-40"]}, "13-40"),
    ({"name": "A", "extra": ["easter*2"]}, "easter"),
    ({"name": "A", "weekdays": 5}, "A"), ({}, "?")])
def test_a_wrong_rule_is_named(row, word):
    with pytest.raises(CalendarError, match=word.replace("?", r"\?")):
        from_facts(row)


def test_a_balance_of_steps():
    samples = [Sample(-1_000, 6.0), Sample(HOUR_MS // 2, 12.0), Sample(HOUR_MS + HOUR_MS // 4, None), Sample(2 * HOUR_MS, 1.0)]
    first, second, third = hourly(samples, 0, 3 * HOUR_MS)
    assert first == (0, 9.0, 1.0)
    assert second == (HOUR_MS, 3.0, 0.25)
    assert third == (2 * HOUR_MS, 1.0, 1.0)


def test_only_whole_hours():
    assert [b.hour_ms for b in hourly([Sample(0, 1.0)], 1, 3 * HOUR_MS - 1)] == [HOUR_MS]


@given(st.lists(st.tuples(st.integers(0, 4 * HOUR_MS), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_hours_add_up_to_the_whole(points):
    samples = [Sample(0, 0.0), *(Sample(t, r) for t, r in sorted(points))]
    whole = sum(s.rate * (min(after, 4 * HOUR_MS) - s.time_ms) / HOUR_MS
                for s, after in zip(samples, [s.time_ms for s in samples[1:]] + [4 * HOUR_MS], strict=True))
    assert sum(b.amount for b in hourly(samples, 0, 4 * HOUR_MS)) == pytest.approx(whole, abs=1e-3)
