"""Calendars: which days count. A day is in a calendar by weekday, by date, by a yearly date or by its distance from Easter."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import msgspec

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEARLY = re.compile(r"(\d\d)-(\d\d)\Z")
EASTER = re.compile(r"easter([+-]\d{1,3})?\Z")


class CalendarError(ValueError):
    """A rule of a calendar is wrong; the text names it."""


class Calendar(msgspec.Struct, kw_only=True):
    """`weekdays` that count, less `without`, plus `extra`. Rules of both: 2026-12-24, 12-25 (every year), easter+1."""

    name: str
    weekdays: list[str] = msgspec.field(default_factory=lambda: list(WEEKDAYS[:5]))
    without: list[str] = []
    extra: list[str] = []

    def __post_init__(self) -> None:
        wrong = [day for day in self.weekdays if day not in WEEKDAYS]
        if wrong:
            raise CalendarError(f"calendar {self.name}: {wrong[0]!r} is no weekday; use {', '.join(WEEKDAYS)}")
        for rule in (*self.without, *self.extra):
            _check(self.name, rule)

    def holds(self, day: dt.date) -> bool:
        """Does this day count?"""
        if any(fits(rule, day) for rule in self.extra):
            return True
        return WEEKDAYS[day.weekday()] in self.weekdays and not any(fits(rule, day) for rule in self.without)

    def days(self, year: int) -> Iterator[dt.date]:
        """All days of a year that count."""
        day = dt.date(year, 1, 1)
        while day.year == year:
            if self.holds(day):
                yield day
            day += dt.timedelta(days=1)

    def next(self, day: dt.date, *, within: int = 3_660) -> dt.date | None:
        """The first day from `day` on that counts; None when none does within so many days."""
        return next((d for n in range(within) if self.holds(d := day + dt.timedelta(days=n))), None)


def fits(rule: str, day: dt.date) -> bool:
    found = EASTER.match(rule)
    if found:
        return day == easter(day.year) + dt.timedelta(days=int(found.group(1) or 0))
    if YEARLY.match(rule):
        return day.strftime("%m-%d") == rule
    return day.isoformat() == rule


def easter(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar (anonymous algorithm as printed by Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return dt.date(year, month, day + 1)


def _check(name: str, rule: str) -> None:
    if EASTER.match(rule):
        return
    try:
        dt.date.fromisoformat(f"2024-{rule}" if YEARLY.match(rule) else rule)
    except ValueError:
        raise CalendarError(f"calendar {name}: {rule!r} is no rule; use 2026-12-24, 12-25 or easter+1") from None


def from_facts(row: dict[str, Any]) -> Calendar:
    """A stored calendar; raises CalendarError."""
    try:
        return msgspec.convert(row, Calendar)
    except msgspec.ValidationError as error:
        raise CalendarError(f"calendar {row.get('name', '?')}: {error}") from error
