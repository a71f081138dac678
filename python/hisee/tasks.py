"""What an application's tasks.py uses: the mark `@hisee.task` and the exception `hisee.Refuse`. Registers nothing anywhere.

A work process loads tasks.py, looks for marked functions and calls them `NAME(ctx, **args)` (hisee.work.functions).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, overload

from hisee.errors import HiseeError

PLACE = re.compile(r'^  File "(tasks\.py)", line (\d+)', re.M)
F = TypeVar("F", bound=Callable[..., Any])
MARK = "hisee_task"  # attribute of a marked function that holds its Options


class Refuse(HiseeError):
    """Raised by a task that can never succeed: it ends not ok at once, without another attempt."""


class Options(NamedTuple):
    """What `enqueue` takes when the caller says nothing else. `retries` counts further attempts after the first."""

    queue: str = "general"
    priority: int = 100  # 0 first .. 999 last
    retries: int = 4
    retry_s: float = 1.0  # before the second attempt, doubled each time
    timeout_s: float = 0.0  # 0 = none
    order_key: str = ""
    idempotency_key: str | Callable[..., str] = ""  # a text, or a function of the arguments that answers one
    schedule: str = ""  # "cron M H D M W", "every S": run by itself, without arguments, in the system's time zone
    missed: str = "once"  # instants that passed while nothing ran: skip, once or all


@overload
def task(function: F, /) -> F: ...


@overload
def task(*, queue: str = ..., priority: int = ..., retries: int = ..., retry_s: float = ..., timeout_s: float = ...,
         order_key: str = ..., idempotency_key: str | Callable[..., str] = ..., schedule: str = ...,
         missed: str = ...) -> Callable[[F], F]: ...


def task(function: F | None = None, /, **options: Any) -> F | Callable[[F], F]:
    """Mark a function of tasks.py as a durable task: `@hisee.task` or `@hisee.task(queue="R", retries=3)`."""
    given = _options(options)

    def mark(function: F) -> F:
        setattr(function, MARK, given)
        return function

    return mark(function) if function is not None else mark


def _options(options: dict[str, Any]) -> Options:
    """Raises ValueError: whoever loads tasks.py tells its line."""
    unknown = [name for name in options if name not in Options._fields]
    if unknown:
        raise ValueError(f"a task has no option {unknown[0]}; there are {', '.join(Options._fields)}")
    given = Options(**options)
    for name in ("retries", "priority"):
        if not isinstance(count := getattr(given, name), int) or count < 0:
            raise ValueError(f"{name} of a task is a count from 0 on, not {count!r}")
    for name in ("retry_s", "timeout_s"):
        if not isinstance(seconds := getattr(given, name), int | float) or not seconds >= 0:
            raise ValueError(f"{name} of a task is seconds from 0 on, not {seconds!r}")
    return given


def cause(text: str) -> str:
    """What a task says of its failure, in short: of a traceback the place in tasks.py and the exception, anything else as it is."""
    told = text.strip()
    _, head, last = told.rpartition("Traceback (most recent call last):\n")
    said = next((line for line in last.splitlines() if line and not line.startswith(" ")), "")
    if not head or not said:
        return told
    places = PLACE.findall(last)
    return f"{', line '.join(places[-1])}: {said}" if places else said
