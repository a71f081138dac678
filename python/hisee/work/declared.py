"""Schedules that functions of tasks.py name themselves: `@hisee.task(schedule="cron 5 * * * *")`. Their names are those of the functions.

The primary brings them in line with tasks.py: made, changed where the rule or the request is another one, dropped with the mark.
"""

from __future__ import annotations

import logging

import msgspec

from hisee.engine.coordinator import Coordinator, Schedule
from hisee.work.acceptance import Acceptance, Unacceptable
from hisee.work.functions import Functions

log = logging.getLogger("hisee.schedules")
PREFIX = "tasks."  # of the names of declared schedules; nobody else's begin so


def declare(engine: Coordinator, functions: Functions, acceptance: Acceptance) -> int:
    """How many schedules were made, changed or dropped. A rule that is wrong is logged and leaves what was there."""
    known = {schedule.name: schedule for schedule in engine.schedules() if schedule.name.startswith(PREFIX)}
    wanted = {name: made for name in functions.names() if (made := _wanted(name, functions, acceptance))}
    changed = [made for name, made in wanted.items() if name not in known or not alike(made, known[name])]
    for made in changed:
        engine.put_schedule(made)
        log.info("schedule %s: %s", made.name, made.rule)
    gone = [name for name in known if not _declared(name, functions)]
    for name in gone:
        engine.drop_schedule(name)
        log.info("schedule %s is declared no more", name)
    return len(changed) + len(gone)


def _declared(name: str, functions: Functions) -> bool:
    return name in functions.names() and bool(functions.find(name).options.schedule)


def _wanted(name: str, functions: Functions, acceptance: Acceptance) -> Schedule | None:
    options = functions.find(name).options
    if not options.schedule:
        return None
    try:
        return acceptance.schedule({"name": name, "rule": options.schedule, "missed": options.missed, "request": {"func": name}})
    except Unacceptable as error:
        log.error("%s: %s", name, error)
        return None


def alike(made: Schedule, known: Schedule) -> bool:
    """Equal but for the place in time, which is the known one's to keep."""
    return msgspec.structs.replace(made, next_ms=known.next_ms, enabled=known.enabled) == known
