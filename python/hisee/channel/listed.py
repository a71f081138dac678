"""The process list as a client of the server sees it, made whole from what came over the link. Pure data."""

from __future__ import annotations

from typing import Any

from hisee.channel.payloads import BRIEF, BRIEF_CHANNEL, Processes
from hisee.shown import iso

Rows = list[dict[str, Any]]


def processes(answer: Processes) -> Rows:
    """One row for every process, in the order of their names; what is not known of a virtual one is None."""
    if not answer.virtual:
        return answer.rows
    unknown = dict.fromkeys(answer.rows[0])
    rows = [*answer.rows, *({**unknown, **_brief(values)} for chunk in answer.virtual for values in chunk)]
    return sorted(rows, key=lambda row: row["name"])


def _brief(values: list[Any]) -> dict[str, Any]:
    found = dict(zip(BRIEF, values, strict=False))
    channel, started_ms = found["channel"], found.pop("started_ms")
    found["channel"] = dict(zip(BRIEF_CHANNEL, channel, strict=False)) if channel else None
    return {**found, "type": found["kind"], "started_at": iso(started_ms)}
