"""The bomb corpus, killed: how long is it from a kill to the end of the script, at worst?

A kill that comes while a slice runs is carried out behind it. So the longest time is the longest slice of a script, and then the kill
itself with the release of all that the script holds. Slices and limits are those of an engine; a script that goes on longer than
--for-ms is killed.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Any

from esl.bombs import Bomb, bombs
from esl.directory import plain
from esl.host import World
from hisee._core.cells import CellTable
from hisee._core.vm import Script, Status, Unit
from hisee.esl import compile_source
from hisee.schema.limits import BY_NAME as LIMITS

MOST_MS = 100.0


class Dice(World):
    """A world whose random numbers differ: a constant one would be drawn again for ever."""

    def random(self) -> int:
        return random.getrandbits(64)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--for-ms", type=float, default=100.0, help="a script runs so long before it is killed")
    parser.add_argument("--most-ms", type=float, default=MOST_MS, help="from a kill to the end, at most (time of the processor)")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    figures = run(given.for_ms)
    assert figures["kill_to_ended_ms"]["longest"] <= given.most_ms, figures
    return figures


def run(for_ms: float) -> dict[str, Any]:
    """Times are of the processor: what else runs on the machine does not count."""
    ends: dict[str, int] = {}
    times: list[tuple[float, str]] = []
    compiles: list[tuple[float, str]] = []
    for bomb in bombs():
        began = time.thread_time()
        done = compile_source(bomb.text, name="S.Bomb", context=plain())
        compiles.append(((time.thread_time() - began) * 1e3, bomb.name))
        end, took = killed(bomb, done.unit, for_ms) if done.ok else ("refused", 0.0)
        ends[end] = ends.get(end, 0) + 1
        times.append((took, bomb.name))
    return {"scripts": len(times), **ends, "kill_to_ended_ms": worst(times), "compile_ms": worst(compiles)}


def worst(times: list[tuple[float, str]]) -> dict[str, Any]:
    times.sort(reverse=True)
    return {"longest": round(times[0][0], 3), "of": times[0][1], "next": [f"{name} {took:.3f}" for took, name in times[1:4]]}


def killed(bomb: Bomb, unit: bytes, for_ms: float) -> tuple[str, float]:
    """How it ended, and the longest slice with the kill behind it, in milliseconds."""
    cells = CellTable()
    cells.define(101, "INT")
    script = Script(Unit(unit), cells, None, None, Dice())
    script.start_init()
    longest, until, slice_ = 0.0, time.thread_time() + for_ms / 1e3, LIMITS["slice"].value
    while script.status in (Status.SLICE, Status.ACTION) and time.thread_time() < until:
        began = time.thread_time()
        if script.run(slice_) == Status.ACTION:
            script.complete(b"")
        longest = max(longest, time.thread_time() - began)
    end = "killed" if script.status in (Status.SLICE, Status.ACTION) else "ended by itself"
    began = time.thread_time()
    if end == "killed":
        script.kill("killed from outside")
        assert script.status == Status.KILLED, bomb.name
    script.close()
    return end, (longest + time.thread_time() - began) * 1e3
