"""Functions `engine.NAME`: what work processes can do without an application. One row each; `run(ctx, **args)` answers JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from hisee.tasks import Refuse
from hisee.work import making
from hisee.work.context import Context

LONGEST_SLEEP_S = 3600.0


class EngineFunction(NamedTuple):
    """`queue` is where it goes when the caller names none."""

    run: Callable[..., Any]
    queue: str
    doc: str


def echo(ctx: Context, value: Any = None) -> Any:
    return value


def sleep(ctx: Context, seconds: float = 1.0) -> float:
    """Take up a work process for a while; ends early once the task is no longer its own."""
    if not 0 <= seconds <= LONGEST_SLEEP_S:
        raise Refuse(f"engine.sleep takes 0 to {LONGEST_SLEEP_S:g} seconds, not {seconds!r}")
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and ctx.still_mine():
        ctx.progress(1 - left / seconds, f"{left:.0f} s left")
        time.sleep(min(left, 0.1))
    return seconds


def count(ctx: Context, key: str, delta: int = 1) -> None:
    """Add to a fact: the smallest task with an effect that can be checked."""
    ctx.add(key, delta)


def fact(ctx: Context, key: str, value: Any = None) -> None:
    """Set a fact; null deletes it."""
    ctx.write(key, value)


def release(ctx: Context) -> int:
    """Run the resource calculation now instead of at its next period; how many tasks became ready."""
    return ctx.release()


def limit(ctx: Context, resource: str = "", capacity: int | None = None) -> dict[str, Any]:
    """Set how many tasks may use a resource at a time (0 = none), and tell it; without a capacity only tell, of all without a name."""
    if capacity is not None and (not resource or capacity < 0):
        raise Refuse("a limit has a resource and a capacity from 0 on")
    if capacity is not None:
        ctx.limit(resource, capacity)
    found = ctx.limits()
    return {name: {"capacity": most, "used": used} for name, (most, used) in found.items() if resource in ("", name)}


ENGINE: dict[str, EngineFunction] = {
    "echo": EngineFunction(echo, "general", "answers its argument"),
    "sleep": EngineFunction(sleep, "general", "takes up a work process for some seconds"),
    "count": EngineFunction(count, "general", "adds to a fact"),
    "fact": EngineFunction(fact, "general", "sets a fact"),
    "report": EngineFunction(making.report, "O", "a table as CSV, HTML or PDF: values, facts, balances, a database table"),
    "picture": EngineFunction(making.print_picture, "O", "a picture with its bound values as PDF"),
    "export": EngineFunction(making.export, "O", "objects as a ZIP of application files"),
    "notify": EngineFunction(making.notify, "O", "a line for people in the event log"),
    "calendar": EngineFunction(making.calendar, "R", "defines a calendar and works out the days of a year"),
    "balance": EngineFunction(making.balance, "R", "hourly balances of a sampled rate"),
    "limit": EngineFunction(limit, "R", "limit on parallel runs: how many tasks may use a resource at a time"),
    "release": EngineFunction(release, "R", "resource calculation at once: what waits for a condition or a resource"),
}
