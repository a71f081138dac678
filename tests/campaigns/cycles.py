"""Opening and closing a split picture again and again costs nothing that stays."""

from __future__ import annotations

from typing import Any

import hisee
from campaigns.figures import Figures, child_of, figures
from support.system import RunningSystem, names, until

KINDS = ("KNL", "CP", "SES", "HIP", "DBM")
GROWTH_BYTES = 1 << 20


def processes(client: hisee.System, console: str) -> dict[str, int]:
    """Name -> pid of every process whose resources are watched."""
    rows = [row for row in client.ps() if row["kind"] in KINDS and row["state"] == "Run"]
    found = {row["name"]: row["pid"] for row in rows if row["kind"] != "HIP" or row["name"] == f"{console}.HIP"}
    return found | {"HIS host": child_of(found[f"{console}.HIP"])}


def cycle(console: hisee.Console) -> None:
    picture = console.open("S.Split")
    picture.click("BtnEcho")
    picture.settle(10)
    assert picture["LblL"].text.startswith("0 42")
    picture.close()


def run(system: RunningSystem, *, warm: int = 100, count: int = 1000, console: str = "WS1") -> dict[str, Any]:
    """Figures of each process between cycle `warm` and cycle `count`; raises AssertionError when something stays."""
    with system.connect() as client:
        desk = client.console(console)
        watched = processes(client, console)
        for _ in range(warm):
            cycle(desk)
        before = {name: figures(pid) for name, pid in watched.items()}
        for _ in range(count - warm):
            cycle(desk)
        until(lambda: not names(client.ps(), "SEE") + names(client.ps(), "HIS"), "no SEE and no HIS left")
        grown = {name: figures(pid) - before[name] for name, pid in watched.items()}
    check(grown)
    return {"cycles": count, "from": warm, "grown": {n: [g.descriptors, g.threads, g.segments, g.rss_bytes] for n, g in grown.items()}}


def check(grown: dict[str, Figures]) -> None:
    for name, growth in grown.items():
        assert (growth.descriptors, growth.threads, growth.segments) == (0, 0, 0), f"{name} keeps {growth}"
        assert growth.rss_bytes < GROWTH_BYTES, f"{name} grew by {growth.rss_bytes} bytes"
