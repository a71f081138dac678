"""Interleaved rounds: every subject once, then every subject again, so that a busy moment meets all of them."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.harness.options import progress
from bench.harness.report import Row

Subject = tuple[str, str, Callable[[], float]]  # case, subject, one round -> figure


def in_rounds(subjects: list[Subject], unit: str, rounds: int) -> list[Row]:
    """Run each subject `rounds` times, taking turns; a subject checks its own answer and raises when it is wrong."""
    found: list[list[float]] = [[] for _ in subjects]
    for turn in range(rounds):
        for at, (case, subject, work) in enumerate(subjects):
            found[at].append(work())
            progress(f"  round {turn + 1} of {rounds}: {case}, {subject}: {found[at][-1]:.4g} {unit}")
    return [Row(case, subject, unit, tuple(figures)) for (case, subject, _), figures in zip(subjects, found, strict=True)]


def processor_time(work: Callable[[], object]) -> float:
    """Seconds of the processor that one call of `work` takes."""
    begin = time.process_time()
    work()
    return time.process_time() - begin
