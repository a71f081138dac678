"""The overview as its JSON shows it: the same keys for the Python API, the commands and the page. Pure data."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hisee.errors import HiseeError
from hisee.schema.lanes import ROWS as LANES
from hisee.schema.messages import ROWS as MESSAGES

Rows = list[dict[str, Any]]
ROLES = ("primary", "O", "R")


class EngineSilent(HiseeError):
    """The engine database does not answer: who holds what cannot be said."""


def known(rows: Rows) -> Rows:
    """Rows that the engine answered; raises EngineSilent when it did not."""
    reason = next((row["failed"] for row in rows if row.get("failed")), "")
    if reason:
        raise EngineSilent(reason, hint="roles and queues are known again once it does")
    return rows


def iso(ms: int) -> str:
    """ISO 8601 UTC with milliseconds."""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def roles(rows: Rows) -> dict[str, str | None]:
    """Of a TERMS_GET: {"primary", "O", "R"} -> name, None where nobody holds it."""
    return {row["role"]: row["holder"] for row in known(rows) if row["role"] in ROLES}


def queues(rows: Rows) -> dict[str, dict[str, Any]]:
    """Of a QUEUES_GET: queue -> waiting, running, oldest_ms; of a communication process also `passed`."""
    return {row["queue"]: {key: value for key, value in row.items() if key not in ("queue", "failed")} for row in known(rows)}


def messages() -> Rows:
    """Every kind of message with its lane (R145); an answer takes the lane of its request."""
    order = {lane.name: (lane.number, lane.served_by) for lane in LANES}
    rows = [{"lane": m.lane or "as asked", "number": f"{m.number:#06x}", "name": m.name, "served_by": order.get(m.lane, (99, ""))[1],
             "sender": m.sender, "receiver": m.receiver, "doc": m.doc} for m in MESSAGES]
    return sorted(rows, key=lambda row: (order.get(row["lane"], (99, ""))[0], row["number"]))
