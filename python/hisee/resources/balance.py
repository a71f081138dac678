"""Hourly balances: the integral of a measured rate over each hour, and how much of the hour was really measured."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

HOUR_MS = 3_600_000


class Sample(NamedTuple):
    """A rate (units per hour) from `time_ms` on; None = invalid from then on."""

    time_ms: int
    rate: float | None


class Balance(NamedTuple):
    """`amount` in units of the rate times one hour, over the measured part; `measured` = share of the hour with a valid rate, 0..1."""

    hour_ms: int  # beginning of the hour, UTC
    amount: float
    measured: float


def hourly(samples: Iterable[Sample], from_ms: int, to_ms: int) -> Iterator[Balance]:
    """One balance per whole UTC hour in [from_ms, to_ms). A rate holds until the next sample (steps, no interpolation).

    Samples are in the order of their times; those before `from_ms` count as far as they reach into the range.
    """
    steps = list(samples)
    for hour in range(-(-from_ms // HOUR_MS) * HOUR_MS, to_ms - HOUR_MS + 1, HOUR_MS):
        yield _one(steps, hour)


def _one(steps: list[Sample], hour: int) -> Balance:
    amount = measured = 0.0
    for step, after in itertools.zip_longest(steps, steps[1:]):
        begin, end = max(step.time_ms, hour), min(after.time_ms if after else hour + HOUR_MS, hour + HOUR_MS)
        if step.rate is None or end <= begin:
            continue
        share = (end - begin) / HOUR_MS
        amount += step.rate * share
        measured += share
    return Balance(hour, amount, measured)
