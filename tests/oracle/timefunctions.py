"""Functions of time: parts of the wall clock, calendar shifts, grids, and times as text by a mask."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from . import times
from .functions import Reason, function, text_to_int
from .times import DAY_MS, civil, days_in_month, days_of, wall
from .values import CONVERSION, RANGE, Value, difference, invalid, later, make, rounded
from .world import NOW_MS

MOST_PERIOD_S = 316_000_000  # ten years
TIME_MASK = "hh:mi:ss dd-mm-yyyy"
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def zoned(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A function whose last argument is a zone; its body gets the zone first."""
    def add(body: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            where = times.zone(arguments[-1])
            return Reason(CONVERSION) if where is None else body(where, *arguments[:-1])

        return function(*names)(run)

    return add


# parts
def part(name: str, of: Callable[[int, int, int, int], int]) -> None:
    """`of` gets the wall time, and its year, month and day."""
    def body(where: tzinfo, ms: int) -> int:
        at = wall(where, ms)
        return of(at, *civil(at // DAY_MS))

    zoned(name)(body)


part("%Year", lambda at, y, m, d: y)
part("%Month", lambda at, y, m, d: m)
part("%Day", lambda at, y, m, d: d)
part("%Hour", lambda at, y, m, d: at // 3_600_000 % 24)
part("%Minute", lambda at, y, m, d: at // 60_000 % 60)
part("%Second", lambda at, y, m, d: at // 1000 % 60)
part("%MSec", lambda at, y, m, d: at % 1000)
part("%WeekDay", lambda at, y, m, d: times.week_day(at))
part("%YearDay", lambda at, y, m, d: at // DAY_MS - days_of(y, 1, 1) + 1)
part("%Quarter", lambda at, y, m, d: (m + 2) // 3)
part("%DaysInMonth", lambda at, y, m, d: days_in_month(y, m))
part("%WeekNr", lambda at, y, m, d: iso_week(at // DAY_MS))
zoned("%UTCOffset")(lambda where, ms: (wall(where, ms) - ms) // 1000)
zoned("%IsSummerTime")(times.is_summer)
function("%IsLeapYear")(lambda y: Reason(RANGE) if abs(y) > 1_000_000 else times.is_leap(y))
function("%GetCurrentTimeZone")(lambda: times.HOME)
function("%Now")(lambda: NOW_MS)
function("%TickMS")(lambda: 0.0)  # the clock stands still


def iso_week(day: int) -> int:
    """The week belongs to the year of its Thursday."""
    thursday = day - (day + 3) % 7 + 3
    return (thursday - days_of(civil(thursday)[0], 1, 1)) // 7 + 1


# arithmetic
function("%AddIntervalMono")(later)
function("%SubIntervalMono")(lambda ms, s: later(ms, -s))
function("%SubTimesMono")(difference)
zoned("%AddIntervalLocal")(lambda where, ms, s: later(ms, s, where))
zoned("%SubIntervalLocal")(lambda where, ms, s: later(ms, -s, where))
zoned("%SubTimesLocal")(lambda where, a, b: difference(wall(where, a), wall(where, b)))


@zoned("%NewTime")
def new_time(where: tzinfo, ms: int, years: int, months: int, days: int, seconds: int) -> Any:
    """Years and months first, a missing day becomes the last one of its month; then days and seconds, by the wall clock."""
    at = wall(where, ms)
    year, month, day = civil(at // DAY_MS)
    year, month = divmod((year + years) * 12 + month - 1 + months, 12)
    day = min(day, days_in_month(year, month + 1))
    moved = days_of(year, month + 1, day) * DAY_MS + at % DAY_MS + days * DAY_MS + seconds * 1000
    return times.near(where, moved, at - ms) if times.LEAST <= moved <= times.MOST else Reason(RANGE)


@zoned("%MkTime")
def make_time(where: tzinfo, y: int, mo: int, d: int, h: int, mi: int, s: float) -> Any:
    if not (1 <= y <= 9999 and 1 <= mo <= 12 and 1 <= d <= days_in_month(y, mo) and 0 <= h <= 23 and 0 <= mi <= 59 and 0 <= s < 60):
        return Reason(RANGE)
    at = days_of(y, mo, d) * DAY_MS + h * 3_600_000 + mi * 60_000 + int(s * 1000 + 0.5)
    return times.standard(where, at) if times.moments(where, at) else Reason(RANGE)


@zoned("%BeginOf")
def begin_of(where: tzinfo, ms: int, unit: str) -> Any:
    at = wall(where, ms)
    day = at // DAY_MS
    y, m, _ = civil(day)
    starts = {"Y": lambda: days_of(y, 1, 1), "Q": lambda: days_of(y, (m - 1) // 3 * 3 + 1, 1), "M": lambda: days_of(y, m, 1),
              "W": lambda: day - (times.week_day(at) - 1) % 7, "D": lambda: day}
    name = unit.upper() if unit.isascii() else ""
    if name in starts:
        return times.first(where, starts[name]() * DAY_MS)
    size = {"H": 3_600_000, "MI": 60_000}.get(name)
    return ms - at % size if size else Reason(CONVERSION)


def gridded(search: Callable[[tzinfo, int, int, int], int], where: tzinfo, ms: int, period: int, offset: int) -> Any:
    if not 0 < period <= MOST_PERIOD_S or abs(offset) > MOST_PERIOD_S:
        return Reason(RANGE)
    return search(where, ms, period * 1000, offset * 1000)


zoned("%GridTime")(lambda where, ms, period, offset: gridded(times.grid_before, where, ms, period, offset))


def from_now(search: Callable[[tzinfo, int, int, int], int]) -> Callable[..., Value]:
    """The trigger, third of the arguments, is not looked at."""
    def body(period: Value, offset: Value, _: Value, zone: Value | None = None) -> Value:
        given = [period, offset, *([zone] if zone else [])]
        reasons = frozenset().union(*(v.reasons for v in given))
        if reasons:
            return Value("M", None, reasons)
        where = times.zone(zone.data if zone else "")
        found = Reason(CONVERSION) if where is None else gridded(search, where, NOW_MS, period.data, offset.data)
        return invalid("M", int(found)) if isinstance(found, Reason) else make("M", found)

    return body


function("%PrevTime")(from_now(times.grid_before))
function("%NextTime")(from_now(times.grid_after))


# relative times
@function("%StrToRelTime")
def relative_time(text: str) -> Any:
    match = re.fullmatch(r"(-?)(?:([0-9]+) )?([0-9]+):([0-9]+):([0-9]+)", text)
    if not match:
        return Reason(CONVERSION)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    if days > 100_000_000 or hours > (100_000_000 if match[2] is None else 23) or minutes > 59 or seconds > 59:
        return Reason(CONVERSION)
    total = float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    return -total if match[1] else total


@function("%RelTimeToStr")
def relative_text(seconds: float) -> Any:
    whole = rounded(seconds)
    size = abs(whole)
    if size > 8_640_000_000_000:
        return Reason(RANGE)
    return f"{'-' if whole < 0 else ''}{size // 86400} {size // 3600 % 24:02}:{size // 60 % 60:02}:{size % 60:02}"


# masks: at each place the longest component whose kind did not occur yet; anything else stands for itself
SPELLINGS = {"yyyy": "year", "rrrr": "year", "yy": "year", "rr": "year", "mss": "ms", "mm": "month", "mi": "minute", "dd": "day",
             "hh": "hour", "hb": "trade", "HH": "trade", "ss": "second", "tttt": "name", "ttt": "name", "tt": "name",
             "ZZZZZZ": "offset", "ZZZZZ": "offset", "ZZZ": "offset"}


def pieces(mask: str) -> list[tuple[str, str]]:
    """(kind, spelling); the kind of a literal is ""."""
    found: list[tuple[str, str]] = []
    left, at = dict(SPELLINGS), 0
    while at < len(mask):
        spelling = next((s for s in left if mask.startswith(s, at)), "")
        kind = SPELLINGS.get(spelling, "")
        found.append((kind, spelling or mask[at]))
        left = {s: other for s, other in left.items() if other != kind} if kind else left
        at += len(spelling) or 1
    return found


def written(where: tzinfo, ms: int, mask: str, twice: bool) -> Any:
    if mask in ("UNIX", "UNIXMS"):
        return str(ms if mask == "UNIXMS" else ms // 1000)
    at = wall(where, ms)
    y, m, d = civil(at // DAY_MS)
    both = times.moments(where, at)
    letter = "" if not twice or len(both) < 2 else "A" if ms == both[0] else "B"
    hour = at // 3_600_000 % 24
    trade = (ms - times.first(where, at - at % DAY_MS)) // 3_600_000 + 1
    texts = {"month": f"{m:02}", "day": f"{d:02}", "hour": f"{letter}{hour}" if letter else f"{hour:02}", "trade": f"{trade:02}",
             "minute": f"{at // 60_000 % 60:02}", "second": f"{at // 1000 % 60:02}", "ms": f"{at % 1000:03}"}
    if letter and hour > 9:
        texts["hour"] = f"{letter}{hour:02}"
    return "".join(texts.get(kind) or variable(kind, spelling, y, at, (at - ms) // 1000) for kind, spelling in pieces(mask))


def variable(kind: str, spelling: str, year: int, at: int, offset: int) -> str:
    """Components whose spelling says how long they are, and literals."""
    if kind == "year":
        return f"{year:04}" if len(spelling) == 4 else f"{year % 100:02}"
    if kind == "name":
        return DAYS[times.week_day(at)][:None if len(spelling) == 4 else len(spelling)]
    if kind == "offset":
        hours, minutes = divmod(abs(offset) // 60, 60)
        return ("-" if offset < 0 else "+") + f"{hours:02}" + {3: "", 5: f"{minutes:02}", 6: f":{minutes:02}"}[len(spelling)]
    return spelling


# a piece as a regular expression; possessive: what was taken is not given back
DIGITS_OF = {"year": {4: "[0-9]{1,4}+", 2: "[0-9]{1,2}+"}, "ms": {3: "[0-9]{1,3}+"}, "hour": {2: "[AB]?+[0-9]{1,2}+"},
             "name": {4: "[A-Za-z]{1,9}+", 3: "[A-Za-z]{3}", 2: "[A-Za-z]{2}"},
             "offset": {3: "[+-][0-9]{1,2}+", 5: "[+-][0-9]{1,2}+[0-9]{1,2}+", 6: "[+-][0-9]{1,2}+:[0-9]{1,2}+"}}


def read_parts(text: str, mask: str) -> dict[str, str] | None:
    """Text of each component; None: the text is not written like that."""
    def expression(kind: str, spelling: str) -> str:
        inner = DIGITS_OF.get(kind, {}).get(len(spelling), "[0-9]{1,2}+")
        return f"(?P<{kind}>{inner})" if kind else re.escape(spelling)

    match = re.fullmatch("".join(expression(*piece) for piece in pieces(mask)), text)
    return match.groupdict() if match else None


def read(where: tzinfo, text: str, mask: str) -> Any:
    if mask in ("UNIX", "UNIXMS"):
        count = text_to_int(text)
        return count if isinstance(count, Reason) else count * (1000 if mask == "UNIX" else 1)
    parts = read_parts(text, mask)
    found = None if parts is None else settled(where, parts)
    return found if found is not None and times.LEAST <= found <= times.MOST else Reason(CONVERSION)


def year_of(text: str) -> int:
    """Four digits, or two: 70 to 99 and 00 to 69 are years around 2000. 0: neither."""
    if len(text) == 2:
        return int(text) + (1900 if int(text) >= 70 else 2000)
    return int(text) if len(text) == 4 else 0


def settled(where: tzinfo, parts: dict[str, str]) -> int | None:
    """The moment of these parts; what is not given is that of 1970 at midnight."""
    y, (mo, d) = year_of(parts.get("year", "1970")), (int(parts.get(kind, "1")) for kind in ("month", "day"))
    h, mi, s, ms = (int(parts.get(kind, "0").lstrip("AB")) for kind in ("hour", "minute", "second", "ms"))
    if not (1 <= y <= 9999 and 1 <= mo <= 12 and 1 <= d <= days_in_month(y, mo) and h <= 23 and mi <= 59 and s <= 59):
        return None
    offset = seconds_of(parts.get("offset", "+0"))
    if abs(offset) >= 86_400:
        return None
    midnight, of_hour = days_of(y, mo, d) * DAY_MS, mi * 60_000 + s * 1000 + ms
    if "trade" in parts:
        trade = int(parts["trade"])
        return times.first(where, midnight) + (trade - 1) * 3_600_000 + of_hour if 1 <= trade <= 25 else None
    at = midnight + h * 3_600_000 + of_hour
    return at - offset * 1000 if "offset" in parts else by_letter(where, at, parts.get("hour", "")[:1])


def seconds_of(offset: str) -> int:
    digits = re.findall("[0-9]{1,2}", offset)
    return (-1 if offset[0] == "-" else 1) * (int(digits[0]) * 3600 + (int(digits[1]) * 60 if len(digits) > 1 else 0))


def by_letter(where: tzinfo, at: int, letter: str) -> int | None:
    """A, B: the first or second of two moments; without one that of standard time."""
    found = times.moments(where, at)
    if len(found) == 2 and letter in ("A", "B"):
        return found[letter == "B"]
    return times.standard(where, at) if found else None


zoned("%StrToTime")(lambda where, text: read(where, text, TIME_MASK))
zoned("%StrToTimeEx")(read)
zoned("%TimeToStr")(lambda where, ms, mask: written(where, ms, mask, False))
zoned("%TimeToStrEx")(lambda where, ms, mask: written(where, ms, mask, True))


def mono(body: Callable[..., Any]) -> Callable[..., Any]:
    """With a fixed offset in seconds instead of a zone."""
    def run(value: Any, mask: str, seconds: int) -> Any:
        where = times.fixed(seconds)
        return Reason(RANGE) if where is None else body(where, value, mask)

    return run


function("%StrMonoToTime")(mono(read))
function("%TimeToStrMono")(mono(lambda where, ms, mask: written(where, ms, mask, False)))
