"""Generated programs in the VM and in the oracle: 0 differences, with each optimisation of code generator and loader on and off.

Each seed is a program (tests/oracle/generate.py). A difference is written out as the shortest script that still shows it.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from typing import Any

from hisee.esl.optimisations import ALL
from oracle.compare import Different, Refused, check, compiled, unfused
from oracle.generate import program
from oracle.shrink import shrunk

COUNT = 200_000
BATCH = 200  # seeds of one task of a worker
FUSED = "fused"  # what the loader does, left out as the compiler's optimisations are
EVERY = 8  # one program in so many is compared once more with each optimisation off
MOST_SHOWN = 5
MOST_REFUSED = 0.001  # the generator does not know every rule of types: a program that does not compile is counted, not compared


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=COUNT, help="programs")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--size", type=int, default=12, help="actions of a section, about")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    figures = run(given.count, seed=given.seed, jobs=given.jobs, size=given.size)
    assert not figures["differences"] and figures.get("refused", 0) <= 1 + given.count * MOST_REFUSED, figures
    return figures


def run(count: int, *, seed: int = 0, jobs: int = 1, size: int = 12) -> dict[str, Any]:
    """Figures; `differences` are short scripts, each with what differs."""
    began, done, shown = time.monotonic(), Counter[str](), list[str]()
    batches = [(at, min(at + BATCH, seed + count), size) for at in range(seed, seed + count, BATCH)]
    with ProcessPoolExecutor(jobs) as pool:
        results: Iterable[tuple[Counter[str], list[str]]] = pool.map(batch, batches) if jobs > 1 else map(batch, batches)
        for counted, found in results:
            done += counted
            shown += found
    took = time.monotonic() - began
    return {"programs": count, **done, "differences": shown[:MOST_SHOWN], "programs_per_s": round(count / took, 1)}


def batch(seeds: tuple[int, int, int]) -> tuple[Counter[str], list[str]]:
    first, end, size = seeds
    done, shown = Counter[str](), list[str]()
    for seed in range(first, end):
        text = program(seed, size)
        for without in [frozenset[str](), *(frozenset((name,)) for name in (*ALL, FUSED))] if seed % EVERY == 0 else [frozenset[str]()]:
            try:
                done["compared" if checked(text, without) else "too long"] += 1
            except Refused:
                done["refused"] += 1
                break
            except Different as different:
                done["different"] += 1
                shown.append(told(seed, text, without, different))
    return done, shown


def checked(text: str, without: frozenset[str]) -> bool:
    """As check(), with some optimisations left out."""
    with unfused() if FUSED in without else nullcontext():
        return check(text, compiled(text, without - {FUSED}))


def told(seed: int, text: str, without: frozenset[str], different: Different) -> str:
    """The shortest script, and what differs in it."""
    def still(shorter: str) -> bool:
        try:
            checked(shorter, without)
        except Different:
            return True
        except Exception:
            return False
        return False

    off = f" without {', '.join(without)}" if without else ""
    return f"seed {seed}{off}: {different}\n{shrunk(text, still)}"
