"""The wall clock: milliseconds since 1970 UTC on one side, milliseconds of a zone's own clock on the other, Python's zoneinfo between.

A wall time that comes twice has two moments, one that is jumped over has none (V12). Every function takes a zone; `zone("")` is that of
these scripts.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

HOME = "Europe/Bratislava"
DAY_MS = 86_400_000
LEAST, MOST = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3])(?::([0-5][0-9]))?(?::([0-5][0-9]))?")


@cache
def zone(name: str) -> tzinfo | None:
    """By name, or by offset `(+|-)hh[:mi[:ss]]`; None: there is none of that name."""
    if match := OFFSET.fullmatch(name):
        sign, *parts = match.groups()
        hours, minutes, seconds = (int(part or 0) for part in parts)
        return fixed((-1 if sign == "-" else 1) * (hours * 3600 + minutes * 60 + seconds))
    try:
        return ZoneInfo(name or HOME)
    except (LookupError, ValueError, OSError):
        return None


def fixed(seconds: int) -> tzinfo | None:
    """A clock so many seconds before UTC's; None: more than a day."""
    return timezone(timedelta(seconds=seconds)) if abs(seconds) < 86_400 else None


def moment(where: tzinfo, ms: int) -> datetime:
    """As Python's date. Near the ends of its calendar a day is left out: no zone changes its clock there."""
    inside = min(max(ms // 1000, LEAST // 1000 + 2 * 86_400), MOST // 1000 - 2 * 86_400)
    return (EPOCH + timedelta(seconds=inside)).astimezone(where)


@cache
def offset_ms(where: tzinfo, second: int) -> int:
    return round((moment(where, second * 1000).utcoffset() or timedelta()) / timedelta(milliseconds=1))


def wall(where: tzinfo, ms: int) -> int:
    return ms + offset_ms(where, ms // 1000)


def is_summer(where: tzinfo, ms: int) -> bool:
    return bool(moment(where, ms).dst())


def moments(where: tzinfo, wall_ms: int) -> list[int]:
    """None, one or two, the earlier first."""
    around = {offset_ms(where, (wall_ms + days * DAY_MS) // 1000) for days in (-1, 1)}
    return sorted(wall_ms - offset for offset in around if wall(where, wall_ms - offset) == wall_ms)


def carried(where: tzinfo, wall_ms: int) -> int:
    """Moment of a wall time that is jumped over: moved forward by the gap, that is, by the clock of before."""
    return wall_ms - offset_ms(where, (wall_ms - DAY_MS) // 1000)


def first(where: tzinfo, wall_ms: int) -> int:
    return (moments(where, wall_ms) or [carried(where, wall_ms)])[0]


def standard(where: tzinfo, wall_ms: int) -> int:
    """Of two moments that of standard time, the later one where both are."""
    found = moments(where, wall_ms) or [carried(where, wall_ms)]
    return found[0] if is_summer(where, found[-1]) and not is_summer(where, found[0]) else found[-1]


def near(where: tzinfo, wall_ms: int, offset: int) -> int:
    """Of two moments the one with this offset, if there is one."""
    return next((ms for ms in moments(where, wall_ms) if wall_ms - ms == offset), standard(where, wall_ms))


# the calendar
def civil(days: int) -> tuple[int, int, int]:
    """Year, month, day of a number of days since 1970 (Howard Hinnant's algorithm)."""
    days += 719_468
    era, of_era = divmod(days, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return year + era * 400 + (month >= 10), month + (3 if month < 10 else -9), of_year - (153 * month + 2) // 5 + 1


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970; the way back."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    return 29 if month == 2 and is_leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def week_day(wall_ms: int) -> int:
    """Sunday 0 .. Saturday 6."""
    return (wall_ms // DAY_MS + 4) % 7


# grids: moments whose wall time is `offset` + a multiple of `period`, all in milliseconds
def grid_before(where: tzinfo, ms: int, period: int, offset: int) -> int:
    """The last one at or before `ms`."""
    while True:
        found = ms - (wall(where, ms) - offset) % period
        border = change_before(where, ms, found)
        if border is None:
            return found
        ms = border - 1


def grid_after(where: tzinfo, ms: int, period: int, offset: int) -> int:
    """The first one behind `ms`."""
    while True:
        found = ms + period - (wall(where, ms) - offset) % period
        border = change_after(where, ms, found)
        if border is None:
            return found
        ms = border
        if (wall(where, ms) - offset) % period == 0:
            return ms


def change_before(where: tzinfo, ms: int, least: int) -> int | None:
    """First moment of the offset that holds at `ms`, when it lies behind `least`. Looks day by day, then in halves."""
    later, own = ms, offset_ms(where, ms // 1000)
    while later > least:
        earlier = max(later - DAY_MS, least)
        if offset_ms(where, earlier // 1000) != own:
            return border(where, earlier, later)
        later = earlier
    return None


def change_after(where: tzinfo, ms: int, most: int) -> int | None:
    """First moment of the offset that follows, when it is not behind `most`."""
    earlier, own = ms, offset_ms(where, ms // 1000)
    while earlier < most:
        later = min(earlier + DAY_MS, most)
        if offset_ms(where, later // 1000) != own:
            return border(where, earlier, later)
        earlier = later
    return None


def border(where: tzinfo, earlier: int, later: int) -> int:
    """The moment of the change between two that differ."""
    low, high = earlier // 1000, later // 1000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if offset_ms(where, middle) == offset_ms(where, later // 1000) else (middle, high)
    return high * 1000
