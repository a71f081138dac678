"""A slow link to the workstation delays what crosses it and nothing else (R42-R44, R63)."""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

import hisee
from support.system import RunningSystem, until

PER_CLICK = 20  # picture functions that one click of a looking button makes


def rows_of(client: hisee.System, action: str, part: str) -> list[dict[str, Any]]:
    return [row for row in client.profile() if row["action"] == action and row["part"] == part]


def waits_ms(rows: list[dict[str, Any]]) -> list[float]:
    return [row["wait_ns"] / 1e6 for row in rows]


def total_ms(row: dict[str, Any]) -> float:
    return (row["prepare_ns"] + row["wait_ns"] + row["receive_ns"]) / 1e6


def press(client: hisee.System, picture: hisee.Picture, button: str, action: str, part: str, count: int) -> list[dict[str, Any]]:
    """Click until `count` actions are recorded; they are returned."""
    client.profile(reset=True)
    found: list[dict[str, Any]] = []
    while len(found) < count:
        picture.click(button)
        until(partial(more_than, client, action, part, len(found)), f"{action} of {part} was made", 30)
        picture.settle(60)
        found = rows_of(client, action, part)
    return found


def more_than(client: hisee.System, action: str, part: str, count: int) -> bool:
    return len(rows_of(client, action, part)) > count


def run(system: RunningSystem, *, rtt_ms: float = 200.0, calls: int = 200) -> dict[str, Any]:
    """Times of local and remote picture functions and reads with and without the delay; asserts what must hold."""
    with system.connect() as client:
        console = client.console("FAR")
        picture = console.open("S.Split")
        picture.settle(20)
        fast = {part: statistics.median(waits_ms(press(client, picture, button, "DBS_READ", part, 5)))
                for part, button in (("L", "BtnReadHere"), ("R", "BtnRead"))}
        console.link(rtt_ms=rtt_ms)
        try:
            return measure(client, picture, fast, rtt_ms, calls)
        finally:
            console.link(rtt_ms=0)
            picture.close()


def measure(client: hisee.System, picture: hisee.Picture, fast: dict[str, float], rtt_ms: float, calls: int) -> dict[str, Any]:
    local = press(client, picture, "BtnLooks", "%HI_GetText", "L", calls)
    crossed = [row for row in picture.trace() if row["lane"] == "visual"]
    remote = press(client, picture, "BtnFarLooks", "%HI_GetText", "R", calls)
    reads = {part: statistics.median(waits_ms(press(client, picture, button, "DBS_READ", part, max(5, calls // PER_CLICK))))
             for part, button in (("L", "BtnReadHere"), ("R", "BtnRead"))}
    worst_local, least_remote = max(map(total_ms, local)), min(map(total_ms, remote))  # the whole: waiting begins behind the send
    assert worst_local < 20, f"a local picture function took {worst_local:.1f} ms"
    assert not crossed and not any(row["far"] for row in local), "local picture functions crossed the workstation's link"
    assert least_remote >= rtt_ms, f"a remote picture function took only {least_remote:.1f} ms"
    assert reads["R"] < rtt_ms / 4, "the remote read suffers from the workstation's link"
    assert reads["L"] >= rtt_ms, "the local read does not cross the workstation's link"
    return {"calls": len(local), "local_gettext_max_ms": round(worst_local, 2), "remote_gettext_min_ms": round(least_remote, 1),
            "remote_gettext_median_ms": round(statistics.median(map(total_ms, remote)), 1),
            "db_read_ms": {part: {"before": round(fast[part], 2), "delayed": round(reads[part], 2)} for part in "LR"}}
