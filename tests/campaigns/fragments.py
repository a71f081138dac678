"""Long messages and short ones at the same time (R49): one process sends messages of 50 MB through the server, another one pings.

The long ones go as fragments, and others have their turn between two of them: a ping waits for some fragments, not for a message.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import hisee
from campaigns.numbered import APP, big_messages
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from support.system import RunningSystem

__all__ = ["APP", "run"]
MEGABYTES = 50
MOST_MS = 400.0  # what a target needs to put a message of 50 MB together twice; a whole one takes a second there and back


def run(system: RunningSystem, *, count: int = 1000, pause_s: float = 1.0) -> dict[str, Any]:
    """Milliseconds of `count` pings alone and beside; raises AssertionError when one waited for a whole message."""
    with system.connect() as client:
        targets = {row["kind"]: row["number"] for row in client.ps() if row["kind"] in ("KNL", "SES") and row["state"] == "Run"}
        alone = {kind: pings(client, number, count) for kind, number in targets.items()}
        with big_messages(system, MEGABYTES) as big:
            time.sleep(pause_s)  # the first long ones are on their way
            beside = {kind: pings(client, number, count) for kind, number in targets.items()}
    worst = max(figures["worst_ms"] for figures in beside.values())
    assert big["count"] > 0 and worst < MOST_MS, {"beside": beside, **big}
    return {"pings": count, "alone": alone, "beside": beside, "big_messages": big["count"], "big_message_mb": MEGABYTES}


def pings(client: hisee.System, target: int, count: int) -> dict[str, float]:
    taken = sorted(ping(client, target, number) for number in range(count))
    return {"p50_ms": round(median(taken), 3), "p99_ms": round(taken[count * 99 // 100], 3), "worst_ms": round(taken[-1], 3)}


def ping(client: hisee.System, target: int, number: int) -> float:
    payload, began = number.to_bytes(8, "little") * 8, time.perf_counter()
    assert client.ask(Kind.ECHO, payload, target=target, lane=Lane.SCRIPT) == payload
    return (time.perf_counter() - began) * 1e3
