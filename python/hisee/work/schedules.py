"""When a schedule is due: cron in a time zone, every so many seconds, once. A pure rule; the primary carries it out.

Instants are milliseconds UTC. cron is that of the library cronsim: through a switch to summer time a fixed hour that does not
exist runs at the next one that does, and a fixed hour that comes twice runs once; rules with `*` or steps follow the real hours.
"""

from __future__ import annotations

import datetime as dt
import logging
import zoneinfo
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
from cronsim import CronSim, CronSimError

from hisee.engine.coordinator import Coordinator, Grant, Schedule
from hisee.errors import HiseeError
from hisee.seams import Clock

log = logging.getLogger("hisee.schedules")
MISSED = ("skip", "once", "all")
GRACE_MS = 10_000  # longer than any take-over: an instant so late still counts as kept, not as missed
AT_ONCE = 1_000  # instants fired by one step; the rest comes in the next ones
NEVER = 0
SET_BACK_MS = 500
FAR_MS = 3_600_000  # no instant comes before the next look


class ScheduleError(HiseeError):
    """The rule, its zone or what it says about missed instants is wrong; the text names it."""


class Due(NamedTuple):
    """What one step has to fire, and where the schedule stands then (NEVER = ended)."""

    instants: list[int]
    next_ms: int
    missed: int  # instants that were left out


def planned(schedule: Schedule, now_ms: int) -> Schedule:
    """The schedule with its first instant; raises ScheduleError for a wrong one."""
    if schedule.missed not in MISSED:
        raise ScheduleError(f"schedule {schedule.name}: missed {schedule.missed!r} is none of {', '.join(MISSED)}")
    word, rest = _words(schedule.rule)
    first = int(rest) if word == "at" and _is_time(rest) else next_instant(schedule, now_ms)
    if word == "cron" and first == NEVER:
        raise ScheduleError(f"schedule {schedule.name}: no day fits the rule {schedule.rule!r}")
    return msgspec.structs.replace(schedule, next_ms=first)


def next_instant(schedule: Schedule, after_ms: int) -> int:
    """The first instant later than `after_ms`; NEVER when there is none. Raises ScheduleError."""
    word, rest = _words(schedule.rule)
    if word == "every":
        return _next_of_grid(schedule, _seconds(schedule, rest), after_ms)
    if word == "at":
        if not _is_time(rest):
            raise _wrong(schedule, "`at` takes milliseconds UTC")
        return int(rest) if int(rest) > after_ms else NEVER
    if word == "cron":
        return _next_of_cron(schedule, rest, after_ms)
    raise _wrong(schedule, "a rule is `cron M H D M W`, `every SECONDS` or `at MS`")


def due(schedule: Schedule, now_ms: int, *, set_back: bool = True) -> Due:
    """What is to be fired now. set_back False leaves out the look at schedules that stand too far ahead.

    Instants later than the grace are missed ones: `all` fires each, `once` the first of them for all, `skip` none.
    A schedule that stands farther ahead than its rule allows was moved by a wall clock that ran ahead: it is set back;
    what was fired already cannot fire twice, because a tick's key is its instant.
    """
    if not schedule.enabled or schedule.next_ms == NEVER:
        return Due([], schedule.next_ms, 0)
    if schedule.next_ms > now_ms:
        return Due([], _set_back(schedule, now_ms) if set_back else schedule.next_ms, 0)
    late = now_ms - GRACE_MS
    fire: list[int] = []
    at, missed = schedule.next_ms, 0
    if at < late and schedule.missed != "all":
        fire, missed = ([at], 0) if schedule.missed == "once" else ([], 1)
        at = next_instant(schedule, late - 1)
    while NEVER < at <= now_ms and len(fire) < AT_ONCE:
        fire.append(at)
        at = next_instant(schedule, at)
    return Due(fire, at, missed)


def _set_back(schedule: Schedule, now_ms: int) -> int:
    word, _ = _words(schedule.rule)
    return schedule.next_ms if word == "at" else min(schedule.next_ms, next_instant(schedule, now_ms) or schedule.next_ms)


def _words(rule: str) -> tuple[str, str]:
    word, _, rest = rule.strip().partition(" ")
    return word, rest.strip()


def _is_time(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _wrong(schedule: Schedule, why: str) -> ScheduleError:
    return ScheduleError(f"schedule {schedule.name}: rule {schedule.rule!r}: {why}")


def _seconds(schedule: Schedule, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 10 * 366 * 86_400:
        raise _wrong(schedule, "`every` takes 0.1 seconds to ten years")
    return seconds


def _next_of_grid(schedule: Schedule, seconds: float, after_ms: int) -> int:
    """The grid hangs on the instant where the schedule stands, so that it keeps its phase whatever was missed."""
    step = round(seconds * 1000)
    phase = schedule.next_ms % step
    return after_ms - (after_ms - phase) % step + step


def _next_of_cron(schedule: Schedule, rule: str, after_ms: int) -> int:
    """Fixed hours are reckoned in local time: in the hour that comes twice the library may answer a passed instant."""
    try:
        zone = dt.UTC if schedule.zone == "UTC" else zoneinfo.ZoneInfo(schedule.zone)
        start = dt.datetime.fromtimestamp(after_ms / 1000, zone)
        found = CronSim(rule, start)
        return next((ms for ms in map(_milliseconds, found) if ms > after_ms), NEVER)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _wrong(schedule, f"zone {schedule.zone!r}: {error}") from error
    except CronSimError as error:
        raise _wrong(schedule, str(error)) from error


def _milliseconds(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


class Ticker:
    """The step of the primary: fires what is due of every schedule, one task per instant (R98)."""

    def __init__(self, coordinator: Coordinator, clock: Clock, alarm: Callable[[str], None], ring: Callable[[Iterable[str]], None]) -> None:
        self._coordinator, self._clock, self._alarm, self._ring = coordinator, clock, alarm, ring
        self._ahead_ms: int | None = None  # wall clock less the other one, at the last look at schedules that stand too far ahead
        self._next_ms = 0  # the first instant that comes, as of the last look; 0 = there was none
        self._broken: set[tuple[str, str]] = set()  # name and rule of those that were told of

    def begin(self) -> None:
        """The term is new: whatever the clock did before is not known."""
        self._ahead_ms = None

    def rest_ms(self) -> int:
        """Until the next instant as far as the last look knows; 0 = it is time for a look, after a setting of the clock too."""
        now_ms = self._clock.now_ms()
        ahead = now_ms - self._clock.monotonic_ns() // 1_000_000
        if self._ahead_ms is None or ahead < self._ahead_ms - SET_BACK_MS:
            return 0
        return max(0, self._next_ms - now_ms) if self._next_ms else FAR_MS

    def fire(self, primary: Grant) -> int:
        """How many instants. Raises LostGrant; a wrong schedule is told of once and stops nobody else."""
        count, now_ms = 0, self._clock.now_ms()
        set_back = self._was_set_back(now_ms)
        instants = []
        for schedule in self._coordinator.schedules():
            try:
                step = due(schedule, now_ms, set_back=set_back)
            except ScheduleError as error:
                self._tell(schedule, error.text)
                continue
            if step.instants or step.next_ms != schedule.next_ms:
                count += len(self._coordinator.fire(primary, schedule, step.instants, step.next_ms))
                self._after(schedule, step)
            if schedule.enabled and step.next_ms != NEVER:
                instants.append(step.next_ms)
        self._next_ms = min(instants, default=0)
        return count

    def _was_set_back(self, now_ms: int) -> bool:
        """The wall clock lost time against the other one since the last such look, or this is the first."""
        ahead = now_ms - self._clock.monotonic_ns() // 1_000_000
        if self._ahead_ms is None or ahead < self._ahead_ms - SET_BACK_MS:
            self._ahead_ms = ahead
            return True
        self._ahead_ms = max(self._ahead_ms, ahead)
        return False

    def _after(self, schedule: Schedule, step: Due) -> None:
        if step.missed:
            log.warning("schedule %s: missed instants are skipped", schedule.name)
        if step.instants:
            self._ring({schedule.request.queue})

    def _tell(self, schedule: Schedule, text: str) -> None:
        if (schedule.name, schedule.rule) not in self._broken:
            self._broken.add((schedule.name, schedule.rule))
            self._alarm(text)
