"""Instants of schedules: grids, cron with zones, both switches of daylight saving, missed instants, clocks that jump."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee.engine.coordinator import Schedule, TaskRequest
from hisee.work.schedules import AT_ONCE, GRACE_MS, ScheduleError, due, next_instant, planned

NOW = 1_790_000_000_000
ZONE = "Europe/Bratislava"


def plan(rule: str, **facts: object) -> Schedule:
    return Schedule(name="s", rule=rule, request=TaskRequest(func="tasks.work"), **facts)


def local(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(ZONE)).timestamp() * 1000)


def following(rule: str, start: str, count: int) -> list[str]:
    schedule, at, out = plan(rule, zone=ZONE), local(start), []
    for _ in range(count):
        at = next_instant(schedule, at)
        out.append(dt.datetime.fromtimestamp(at / 1000, zoneinfo.ZoneInfo(ZONE)).strftime("%d %H:%M %z"))
    return out


def test_summer_begins() -> None:
    assert following("cron 30 2 * * *", "2026-03-28T12:00", 2) == ["29 03:00 +0200", "30 02:30 +0200"]
    assert following("cron 0,30 2 * * *", "2026-03-28T12:00", 2) == ["29 03:00 +0200", "30 02:00 +0200"]
    assert following("cron 30 * * * *", "2026-03-29T01:00", 2) == ["29 01:30 +0100", "29 03:30 +0200"]


def test_summer_ends() -> None:
    assert following("cron 30 2 * * *", "2026-10-24T12:00", 2) == ["25 02:30 +0200", "26 02:30 +0100"]
    assert following("cron 30 * * * *", "2026-10-25T01:45", 3) == ["25 02:30 +0200", "25 02:30 +0100", "25 03:30 +0100"]


def test_from_within_the_hour_that_comes_twice() -> None:
    second = local("2026-10-25T02:10") + 3_600_000
    assert next_instant(plan("cron 30 2 * * *", zone=ZONE), second) == local("2026-10-26T02:30")


RULES = ["cron */7 * * * *", "cron 30 2 * * *", "cron 0 6 * * MON-FRI", "every 17.5"]


@given(st.integers(NOW, NOW + 400 * 86_400_000), st.sampled_from(RULES))
def test_the_next_one_is_always_later(after: int, rule: str) -> None:
    assert next_instant(plan(rule, zone=ZONE), after) > after


def test_a_grid_keeps_its_phase() -> None:
    schedule = plan("every 60", next_ms=NOW + 7)
    assert next_instant(schedule, NOW + 7) == NOW + 60_007 and next_instant(schedule, NOW + 600_000) == NOW + 600_007


@pytest.mark.parametrize(("rule", "zone", "said"), [
    ("cron 61 * * * *", "UTC", "minute"), ("cron 1 2", "UTC", "fields"), ("cron 0 0 * * *", "Mars/Base", "Mars"),
    ("every 0", "UTC", "every"),
    ("every x", "UTC", "every"), ("at noon", "UTC", "at"), ("daily", "UTC", "rule"), ("cron 0 0 31 2 *", "UTC", "day")])
def test_wrong_ones_are_named(rule: str, zone: str, said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        planned(plan(rule, zone=zone), NOW)


def test_a_wrong_word_for_missed() -> None:
    with pytest.raises(ScheduleError, match="skip, once, all"):
        planned(plan("every 1", missed="never"), NOW)


def test_planned() -> None:
    assert planned(plan("every 10"), NOW).next_ms > NOW
    assert planned(plan(f"at {NOW + 5}"), NOW).next_ms == NOW + 5
    assert planned(plan("cron 0 0 1 1 *"), NOW).next_ms > NOW


@pytest.mark.parametrize(("missed", "late"), [("skip", 0), ("once", 1), ("all", 50)])
def test_missed_instants(missed: str, late: int) -> None:
    step = due(plan("every 1", next_ms=NOW, missed=missed), NOW + 60_000)
    on_time = [at for at in step.instants if at >= NOW + 60_000 - GRACE_MS]
    assert len(step.instants) - len(on_time) == late and len(on_time) == GRACE_MS // 1000 + 1
    assert step.next_ms == NOW + 61_000 and len(set(step.instants)) == len(step.instants)


def test_all_missed_ones_come_in_portions() -> None:
    step = due(plan("every 1", next_ms=NOW, missed="all"), NOW + 10_000_000)
    assert len(step.instants) == AT_ONCE and step.next_ms == NOW + AT_ONCE * 1000


@pytest.mark.parametrize(("missed", "fired"), [("skip", 0), ("once", 1), ("all", 1)])
def test_once_only(missed: str, fired: int) -> None:
    assert due(plan(f"at {NOW}", next_ms=NOW, missed=missed), NOW + 10) == ([NOW], 0, 0)
    step = due(plan(f"at {NOW}", next_ms=NOW, missed=missed), NOW + 86_400_000)
    assert (len(step.instants), step.next_ms) == (fired, 0)


def test_disabled_and_ended_ones_rest() -> None:
    assert due(plan("every 1", next_ms=NOW, enabled=False), NOW + 5000) == ([], NOW, 0)
    assert due(plan("every 1", next_ms=0), NOW) == ([], 0, 0)


def test_a_clock_that_ran_ahead() -> None:
    """Ten years ahead and back again: the schedule stands where its rule says, no matter how long it had run away."""
    ahead = due(plan("every 60", next_ms=NOW), NOW + 10 * 365 * 86_400_000)
    step = due(plan("every 60", next_ms=ahead.next_ms), NOW + 30_000)
    assert step == ([], NOW + 60_000, 0)
    assert due(plan(f"at {NOW + 10**9}", next_ms=NOW + 10**9), NOW).next_ms == NOW + 10**9
