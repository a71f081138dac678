"""Upgrades without stop: a pair goes from this release to the next one and back, under writes; the control gap of each switch."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from campaigns.switch import APP, VALUE, Stream, hot_of, kills, other_than, spread, switches
from support.builds import Build, next_build
from support.pair import Pair, both, pair
from support.postgres import postgres_server
from support.system import until


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5, help="times up and down")
    parser.add_argument("--kills", type=int, default=2,
                        help="of the hot server while the releases differ; even, so that the roles are as before")
    parser.add_argument("--rate", type=int, default=300, help="writes per second")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-skew-") as folder, postgres_server() as server, \
            pair(server, APP, Path(folder), "skew") as made:
        following = next_build(Path(folder) / "next")
        both(made)
        gaps: dict[str, list[float]] = {"up": [], "down": [], "kill": []}
        for _ in range(given.rounds):
            for way, build in (("up", following), ("down", None)):
                roll(made, build, given.rate, gaps[way], given.kills, gaps["kill"])
        return {"rounds": given.rounds, **{way: spread(found) for way, found in gaps.items()}}


def roll(made: Pair, build: Build | None, rate: int, gaps: list[float], deaths: int, killed: list[float]) -> None:
    """The order of an upgrade and of the way back: the standby server, switch, the other one, switch. Adds the control gaps."""
    for step in range(2):
        replaced_under_writes(made, build, rate)
        if step == 0 and deaths:
            killed.append(kills(made, deaths)["max_s"])
        gaps.append(switches(made, 1, rate)["max_s"])


def replaced_under_writes(made: Pair, build: Build | None, rate: int) -> str:
    """Another release on the computer that stands by, while the hot server is written to; its node."""
    hot = hot_of(made)
    node = other_than(hot)
    with Stream(made, hot, rate) as stream:
        made.replace(node, build)
        before = stream.done
        until(lambda: stream.done > before + 20 or stream.failed, "writes go on", 30)
    assert not stream.failed, stream.failed
    with made.client(hot) as client:
        assert client.get(VALUE) == stream.done, "an acknowledged write is missing"
    return node
