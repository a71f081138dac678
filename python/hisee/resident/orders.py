"""What the supervisor answers to `hisee tell NODE.RRS "..."`: START, STOP, RESTART, LIST beside what every process answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hisee.commands import CommandRefused, Commands
from hisee.resident.supervisor import Child, OrderRefused, Phase, Supervisor

COLUMNS = ("PROCESS", "NAME", "STATE", "PID", "STARTS", "RESTART", "NEXT START", "LAST END")


def commands_of(supervisor: Supervisor, end: Callable[[], None]) -> Commands:
    """`end` ends the whole system: STOP without a name."""

    def stop(words: list[str]) -> str:
        if words:
            return _ordered(supervisor.stop, words)
        end()
        return "the system ends"

    return Commands("RRS", end, {
        "START": lambda words: _ordered(supervisor.start, words), "STOP": stop,
        "RESTART": lambda words: _ordered(supervisor.restart, words), "LIST": lambda words: table_of(supervisor),
    }, status=lambda: facts_of(supervisor))


def _ordered(order: Callable[[str], str], words: list[str]) -> str:
    """Carry out an order about one child; raises ValueError or CommandRefused with the reason."""
    if len(words) != 1:
        raise ValueError("the name of one process is wanted; LIST shows them")
    try:
        return order(words[0])
    except OrderRefused as refused:
        raise CommandRefused(str(refused)) from None


def table_of(supervisor: Supervisor) -> str:
    """The children as aligned text."""
    rows = [COLUMNS, *(_cells(child, supervisor.wait_s(child)) for child in supervisor.children.values())]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _cells(child: Child, wait_s: float | None) -> tuple[str, ...]:
    state = child.phase.value + (" (silent)" if child.silent_ns else "")
    soon = "-" if wait_s is None else f"in {wait_s:.1f} s"
    return (child.name, child.joined or "-", state, str(child.pid or "-"), str(child.starts), child.spec.restart, soon, child.why or "-")


def facts_of(supervisor: Supervisor) -> dict[str, Any]:
    """For STATUS."""
    children = supervisor.children.values()
    return {"children": len(children), "running": sum(c.phase is Phase.RUNNING for c in children), "stopping": supervisor.stopping}
