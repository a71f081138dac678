"""Utilisation: shares of 1, 10 and 60 minutes on a clock of the test's own; the busy time of an event loop; the clocks of processes."""

import asyncio
import time

import pytest

from hisee.channel.payloads import Load
from hisee.load import MeteredLoop, WorkTime, busy_ns, memory_bytes
from hisee.server.busy import Busy
from hisee.server.loads import Reports

S, MIN = 1_000_000_000, 60_000_000_000


def played(*stretches, jitter_ns=0):
    """Reports of a process: (seconds, share of them busy) after each other, one report each second. Returns the end as well."""
    busy, now, worked = Busy(), 10**15, 0
    busy.note(now, 0)
    for seconds, share in stretches:
        for second in range(seconds):
            now, worked = now + S, worked + int(S * share)
            busy.note(now + jitter_ns * (second % 3), worked)
    return busy, now


@pytest.mark.req("R127")
def test_half_busy_for_ten_minutes_shows_fifty_percent():
    busy, now = played((600, 0.5))
    shares = busy.shares(now)
    assert abs(shares["busy_1m"] - 50) <= 3 and abs(shares["busy_10m"] - 50) <= 3


@pytest.mark.req("R127")
def test_each_window_sees_its_own_time():
    busy, now = played((3000, 0.0), (540, 0.1), (60, 0.9))
    shares = busy.shares(now)
    assert abs(shares["busy_1m"] - 90) <= 3
    assert abs(shares["busy_10m"] - (540 * 10 + 60 * 90) / 600) <= 3
    assert abs(shares["busy_60m"] - (540 * 10 + 60 * 90) / 3600) <= 3


@pytest.mark.req("R127")
def test_reports_that_come_unevenly_change_little():
    busy, now = played((900, 0.5), jitter_ns=S // 4)
    assert abs(busy.shares(now)["busy_1m"] - 50) <= 3 and abs(busy.shares(now)["busy_10m"] - 50) <= 3


def test_a_process_that_reports_no_more_is_not_busy():
    busy, now = played((600, 1.0))
    assert busy.shares(now)["busy_1m"] == 100.0
    assert busy.shares(now + 2 * S)["busy_1m"] == 100.0, "the next report may be on its way"
    assert busy.shares(now + 60 * S)["busy_1m"] < 60 and busy.shares(now + 3600 * S)["busy_1m"] < 3


def test_nothing_is_said_before_there_are_two_reports():
    busy = Busy()
    assert set(busy.shares(5).values()) == {None}
    busy.note(10, 5)
    assert set(busy.shares(11).values()) == {None}


def test_a_day_of_reports_keeps_a_bounded_number():
    busy, _ = played((20_000, 0.3))
    assert all(len(points) <= 62 for points in busy._points.values())


# -- where the busy time comes from


def test_a_loop_counts_its_work_and_not_its_waits():
    async def body():
        before = busy_ns()
        await asyncio.sleep(0.05)
        waited = busy_ns() - before
        end = time.monotonic_ns() + 30_000_000
        while time.monotonic_ns() < end:
            pass
        await asyncio.sleep(0)
        return waited, busy_ns() - before - waited

    with asyncio.Runner(loop_factory=MeteredLoop) as runner:
        waited, worked = runner.run(body())
    assert worked >= 30_000_000 and waited < worked


def test_work_under_way_counts_already():
    now = [100]
    work = WorkTime(lambda: now[0])
    with work:
        now[0] += 40
        assert work.busy_ns == 40
    now[0] += 1000
    assert work.busy_ns == 40
    with work:
        now[0] += 2
    assert work.busy_ns == 42


def test_memory_is_that_of_this_process():
    assert 1 << 20 < memory_bytes() < 1 << 36


# -- clocks


@pytest.mark.req("R132")
@pytest.mark.parametrize("skew_ms", [30_000, -30_000, 0])
def test_the_difference_of_clocks_is_that_of_the_quickest_report(skew_ms):
    told = Reports()
    for second, late_ms in enumerate((40, 3, 250, 7)):
        sent_ms = 1_700_000_000_000 + second * 1000
        told.note(Load(now_ms=sent_ms + skew_ms), sent_ms + late_ms, second * S)
    assert told.time_difference_ms == skew_ms - 3
    assert Reports().time_difference_ms is None
