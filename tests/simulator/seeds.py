"""Which seeds run: those that once found something, then as many others as asked for. Failing ones are kept in seeds.txt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from simulator.door import Violation
from simulator.parts import PARTS, Parts
from simulator.world import run

KEPT = Path(__file__).with_name("seeds.txt")
CI = 2_000


class Result(NamedTuple):
    """What a number of seeds came to."""

    seeds: int
    faults: Counter[str]
    calls: int
    tasks: int
    broken: list[str]


def kept() -> list[int]:
    return [int(line.split()[0]) for line in KEPT.read_text().splitlines() if line.strip() and not line.startswith("#")]


def run_all(seeds: Iterable[int], parts: Parts = PARTS) -> Result:
    faults: Counter[str] = Counter()
    count = calls = tasks = 0
    broken: list[str] = []
    for seed in seeds:
        count += 1
        try:
            world = run(seed, parts)
        except Violation as error:
            broken.append(str(error))
            continue
        faults.update(world.faults)
        calls, tasks = calls + world.calls, tasks + len(world.engine.tasks.all)
    return Result(count, faults, calls, tasks, broken)


def first_found(parts: Parts, limit: int = CI) -> tuple[int, str] | None:
    """The first seed that notices a mutant, and what it says."""
    for seed in [*kept(), *range(limit)]:
        try:
            run(seed, parts)
        except Violation as error:
            return seed, str(error)
    return None


def keep(broken: Iterable[str]) -> None:
    """Add failing seeds (`seed N: why`) to the file."""
    known = set(kept())
    with open(KEPT, "a") as file:
        for text in broken:
            number, _, why = text.removeprefix("seed ").partition(": ")
            if int(number) not in known:
                file.write(f"{number:<5} {why}\n")
