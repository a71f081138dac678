"""Time zones against the standard library: offsets, changes, walls that come twice or never."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import tzdata
from hypothesis import given
from hypothesis import strategies as st

from hisee._core.library import Library, World, Zone
from hisee.values import Invalid, Time
from hisee.zones import tzif as bytes_of

NAMES = [
    "Europe/Bratislava", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns", "Asia/Kolkata",
    "Pacific/Apia", "Europe/Dublin", "America/Sao_Paulo", "Asia/Tehran", "Antarctica/Troll", "UTC", "Asia/Kathmandu", "Africa/Cairo",
]  # fmt: skip
EPOCH = datetime(1970, 1, 1)


def tzif(name: str) -> bytes:
    return (Path(tzdata.__file__).parent / "zoneinfo" / name).read_bytes()


def both(name: str) -> tuple[Zone, zoneinfo.ZoneInfo]:
    """The same bytes in both readers."""
    with open(Path(tzdata.__file__).parent / "zoneinfo" / name, "rb") as file:
        return Zone(name, tzif(name)), zoneinfo.ZoneInfo.from_file(file, key=name)


ZONES = {name: both(name) for name in NAMES}
LEAST, MOST = -2_208_988_800, 7_258_118_400  # 1900 .. 2200


def utc_offset(zone: zoneinfo.ZoneInfo, utc_s: int) -> int:
    delta = datetime.fromtimestamp(utc_s, UTC).astimezone(zone).utcoffset()
    assert delta is not None
    return int(delta.total_seconds())


def edges(zone: Zone) -> list[int]:
    """UTC seconds at which the offset changes."""
    found, at = [], LEAST
    while at < MOST:
        _, end, _, _ = zone.period(at)
        if end >= MOST:
            break
        found.append(end)
        at = end
    return found


@pytest.mark.parametrize("name", NAMES)
def test_offsets_agree_at_every_change_and_beside_it(name: str) -> None:
    ours, theirs = ZONES[name]
    for edge in edges(ours):
        for second in (edge - 1, edge, edge + 1):
            assert ours.period(second)[2] == utc_offset(theirs, second), f"{name} at {second}"


@pytest.mark.parametrize("name", NAMES)
def test_periods_join_without_gaps(name: str) -> None:
    ours, _ = ZONES[name]
    for edge in edges(ours):
        before, after = ours.period(edge - 1), ours.period(edge)
        assert before[1] == edge == after[0]


@given(st.sampled_from(NAMES), st.integers(LEAST, MOST))
def test_offsets_agree_anywhere(name: str, second: int) -> None:
    ours, theirs = ZONES[name]
    assert ours.period(second)[2] == utc_offset(theirs, second)


def theirs_of_wall(zone: zoneinfo.ZoneInfo, wall_s: int) -> tuple[int, int, int]:
    """(first, second, number) of a wall time by the standard library's fold."""
    wall = EPOCH + timedelta(seconds=wall_s)
    first, second = (int(wall.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if first == second:
        return first, first, 1
    exists = first + utc_offset(zone, first) == wall_s
    return (first, second, 2) if exists else (first, first, 0)


@given(st.sampled_from(NAMES), st.data())
def test_wall_times_agree_near_changes(name: str, data: st.DataObject) -> None:
    ours, theirs = ZONES[name]
    changes = edges(ours) or [0]
    near = data.draw(st.sampled_from(changes)) + data.draw(st.integers(-8000, 8000))
    wall = near + ours.period(near)[2]
    first, second, count = theirs_of_wall(theirs, wall)
    assert ours.instants(wall * 1000) == (first * 1000, second * 1000, count)


@given(st.sampled_from(NAMES), st.integers(LEAST * 1000, MOST * 1000))
def test_every_moment_is_among_the_instants_of_its_wall(name: str, moment: int) -> None:
    ours, _ = ZONES[name]
    wall = moment + ours.period(moment // 1000)[2] * 1000
    assert moment in ours.instants(wall)[:2]


@given(st.sampled_from(NAMES), st.integers(LEAST * 1000, MOST * 1000), st.integers(-(10**9), 10**9))
def test_local_arithmetic_counts_the_wall_clock(name: str, moment: int, ms: int) -> None:
    lib = Library(World(ZONES[name][0]))
    later = lib.call("%AddIntervalLocal", [Time(moment), ms / 1000])
    difference = lib.call("%SubTimesLocal", [later, Time(moment)])
    wall = moment + ZONES[name][0].period(moment // 1000)[2] * 1000 + ms
    if ZONES[name][0].instants(wall)[2]:  # a wall time that exists is met exactly
        assert round(difference * 1000) == ms
    else:
        assert round(difference * 1000) > ms


def test_the_calendar_agrees_with_python() -> None:
    lib = Library(World(Zone("UTC", offset_s=0)))
    day = datetime(1, 1, 1)
    while day.year < 9990:
        moment = Time(int((day - EPOCH) / timedelta(milliseconds=1)))
        parts = [lib.call(f, [moment]) for f in ("%Year", "%Month", "%Day", "%YearDay", "%WeekNr", "%WeekDay")]
        assert parts == [day.year, day.month, day.day, day.timetuple().tm_yday, day.isocalendar()[1], day.isoweekday() % 7]
        assert lib.call("%MkTime", [day.year, day.month, day.day]) == moment
        day += timedelta(days=1237)


def test_no_time_lies_outside_the_years() -> None:
    lib = Library(World(ZONES["Europe/Bratislava"][0]))
    for name, args in (
        ("%AddIntervalMono", [Time(253402300799999), 1]), ("%AddIntervalLocal", [Time(253402300799999), 86400]),
        ("%AddIntervalMono", [Time(0), 1e300]), ("%FromUnixMS", [2**62]), ("%Year", [Time(2**62)]), ("%AddIntervalLocal", [Time(2**62), 1]),
        ("%SubTimesLocal", [Time(2**62), Time(0)]),
    ):  # fmt: skip
        result = lib.call(name, args)
        assert isinstance(result, Invalid) and result.reason == 2, name


@given(st.binary(max_size=200))
def test_random_bytes_are_no_zone(data: bytes) -> None:
    with pytest.raises(ValueError, match="TZif"):
        Zone("X", data or b"x")


@given(st.sampled_from(NAMES), st.data())
def test_damaged_files_do_no_harm(name: str, data: st.DataObject) -> None:
    damaged = bytearray(tzif(name))
    for _ in range(3):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        zone = Zone(name, bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    except ValueError:
        return
    for moment in (-(10**12), 0, 10**12, 4 * 10**12):
        zone.instants(moment)
        zone.utc(moment)


def test_every_zone_of_the_package_is_read() -> None:
    root = Path(tzdata.__file__).parent / "zoneinfo"
    for name in sorted(zoneinfo.available_timezones()):
        path = root / name
        if path.is_file():
            zone = Zone(name, path.read_bytes())
            assert zone.period(1_700_000_000)[2] == utc_offset(zoneinfo.ZoneInfo(name), 1_700_000_000)


def test_zones_are_found_by_known_names_only() -> None:
    found = bytes_of("Europe/Bratislava")
    assert found is not None and found.startswith(b"TZif")
    assert Zone("Europe/Bratislava", found).period(1_700_000_000)[2] == 3600
    for name in ("No/Zone", "../zone.tab", "/etc/passwd", "", "europe/bratislava\0"):
        assert bytes_of(name) is None
