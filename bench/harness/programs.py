"""Small programs that print one "name figure" a line: C ones compiled when they are older than their sources, Python ones as they are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.harness.options import progress
from bench.harness.peers import ROOT
from bench.harness.report import Row
from support.c_sources import flags_of

CFLAGS = ("-O2", "-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing", "-Wall", "-Wextra")
SOURCES = ROOT / "bench" / "c"
BUILT = ROOT / "build" / "bench"

Figures = dict[str, float]


def compiled(name: str, sources: Sequence[Path] = (), libraries: Sequence[str] = ("m",)) -> Path:
    """The program of `bench/c/NAME.c` with these sources of the core."""
    program = BUILT / name
    parts = [SOURCES / f"{name}.c", *sources]
    headers = [*SOURCES.glob("*.h"), *(ROOT / "core/c").rglob("*.h")] if sources else SOURCES.glob("*.h")
    if not program.exists() or program.stat().st_mtime < max(path.stat().st_mtime for path in (*parts, *headers)):
        BUILT.mkdir(parents=True, exist_ok=True)
        include = [f"-I{SOURCES}", f"-I{ROOT / 'core/c'}"]
        flags = [flag for source in sources for flag in flags_of(source.stem)]
        subprocess.run(["gcc", *CFLAGS, *flags, *include, "-o", program, *parts, *(f"-l{library}" for library in libraries)], check=True)
    return program


def figures_of(*command: str | Path | int) -> Figures:
    """What the program prints; a program that finds a wrong answer ends with a message, and so does the benchmark."""
    path = [str(ROOT), str(ROOT / "tests"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


def taking_turns(programs: dict[str, Sequence[str | Path | int]], rounds: int) -> dict[str, list[Figures]]:
    """Every program once, then every program again: the figures of each round by subject."""
    found: dict[str, list[Figures]] = {subject: [] for subject in programs}
    for turn in range(rounds):
        for subject, command in programs.items():
            found[subject].append(figures_of(*command))
            progress(f"  round {turn + 1} of {rounds}: {subject}: " + ", ".join(f"{k} {v:.4g}" for k, v in found[subject][-1].items()))
    return found


def rows(found: dict[str, list[Figures]], cases: dict[str, tuple[str, str]]) -> list[Row]:
    """A row for each figure that `cases` (figure -> case, unit) names and a subject has."""
    return [Row(case, subject, unit, tuple(figures[name] for figures in rounds))
            for name, (case, unit) in cases.items() for subject, rounds in found.items() if name in rounds[0]]


def middle(found: dict[str, list[Figures]], subject: str, name: str) -> float | None:
    """Median of one figure; None where the subject is not there."""
    rounds = found.get(subject)
    return median(figures[name] for figures in rounds) if rounds else None
