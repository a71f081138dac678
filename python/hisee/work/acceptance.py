"""What a client asks for, as a task request or a schedule of the engine: defaults of the function, checks, clear refusals. No database."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable

import msgspec

from hisee.engine.coordinator import JSON, Schedule, TaskRequest
from hisee.errors import HiseeError
from hisee.tasks import Refuse
from hisee.work.functions import Functions
from hisee.work.schedules import ScheduleError, planned

ONCE = "once"  # key of one call of a client, used where neither caller nor function gives a key
ONCE_PREFIX = "once:"
LAST_MS = 253_402_300_799_999  # what can be shown as a date
LONGEST_S = 10 * 366 * 86_400.0
MOST_ATTEMPTS, LAST_PRIORITY, LONGEST_KEY = 1000, 999, 200


class Unacceptable(HiseeError):
    """The request is wrong; the text names what, and what would do."""


class Acceptance:
    """Checks rows of TASK_PUT and SCHEDULE_PUT against the functions that are loaded."""

    def __init__(self, functions: Functions, now_ms: Callable[[], int], time_zone: str = "UTC") -> None:
        self.functions, self._now_ms, self._zone = functions, now_ms, time_zone

    def request(self, row: JSON) -> TaskRequest:
        """Raises Unacceptable."""
        if not isinstance(row, dict):
            raise Unacceptable(f"{row!r} is no request of a task", hint='fields, such as {"func": "tasks.NAME", "args": {}}')
        once, fields = row.get(ONCE, ""), {name: value for name, value in row.items() if name not in (ONCE, "func", "args")}
        if "func" not in row:
            raise Unacceptable("a task without a function")
        if not isinstance(row.get("args", {}), dict):
            raise Unacceptable(f"arguments of {row['func']}: {row['args']!r}", hint="names and values")
        try:
            made = self.functions.request(str(row["func"]), row.get("args", {}), **fields)
            made = msgspec.convert(msgspec.to_builtins(made), TaskRequest)  # types of what the client sent
        except (Refuse, msgspec.ValidationError, TypeError) as error:
            raise Unacceptable(str(error)) from error
        _check(made)
        made.key = made.key or str(once)
        return made

    def schedule(self, row: JSON) -> Schedule:
        """A schedule whose rule, zone and request are right; `at` takes ISO 8601 too. Raises Unacceptable."""
        zone = str(row.get("zone") or self._zone)
        try:
            made = Schedule(name=str(row["name"]), rule=self._rule(str(row["rule"]), zone), zone=zone,
                            missed=str(row.get("missed", "once")), enabled=bool(row.get("enabled", True)),
                            request=self.request(row["request"]))
        except KeyError as error:
            raise Unacceptable(f"a schedule without {error.args[0]}") from None
        if not made.name or len(made.name) > LONGEST_KEY:
            raise Unacceptable(f"{made.name!r} is no name of a schedule", hint=f"1 to {LONGEST_KEY} characters")
        try:
            planned_one = planned(made, self._now_ms())
        except ScheduleError as error:
            raise Unacceptable(str(error)) from error
        if planned_one.next_ms > LAST_MS:
            raise Unacceptable(f"schedule {made.name}: rule {made.rule!r} is beyond the year 9999")
        return planned_one

    def _rule(self, rule: str, zone: str) -> str:
        word, _, rest = rule.partition(" ")
        if word != "at" or rest.strip().lstrip("-").isdigit():
            return rule
        try:
            moment = dt.datetime.fromisoformat(rest.strip())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zoneinfo.ZoneInfo(zone))
        except (ValueError, zoneinfo.ZoneInfoNotFoundError) as error:
            raise Unacceptable(f"rule {rule!r}: {error}", hint="at 2026-12-01T06:00, in the schedule's zone") from None
        return f"at {int(moment.timestamp() * 1000)}"


def _check(made: TaskRequest) -> None:
    if not 0 <= made.priority <= LAST_PRIORITY:
        raise Unacceptable(f"priority {made.priority} of {made.func}", hint=f"0 first to {LAST_PRIORITY} last")
    if not 1 <= made.max_attempts <= MOST_ATTEMPTS:
        raise Unacceptable(f"{made.max_attempts} attempts of {made.func}", hint=f"1 to {MOST_ATTEMPTS}")
    if not 0 <= made.due_ms <= LAST_MS:
        raise Unacceptable(f"due_ms = {made.due_ms} of {made.func}", hint="milliseconds UTC, to the end of the year 9999")
    for name, seconds in (("timeout_s", made.timeout_s), ("retry_s", made.retry_s)):
        if not 0 <= seconds <= LONGEST_S:
            raise Unacceptable(f"{name} = {seconds:g} of {made.func}", hint="seconds from 0 to ten years")
    for text in (made.key, made.order_key, made.agent):
        if len(text) > LONGEST_KEY:
            raise Unacceptable(f"a key of {len(text)} characters", hint=f"at most {LONGEST_KEY}")

