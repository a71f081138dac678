"""The headline: what a click costs with all of a picture beside the console, all beside the server, or split.

Runs *Apply* of the pump station in its three placements over a shaped link, counts the round trips in the recorded
messages, and compares each measured click with a prediction made from nothing but that count and the link.

What a run needs of the system (the public API; a test hands in a fake):

* `system.console("WS1")` -> console; `console.link(rtt_ms=...)` shapes the workstation's link, `console.round_trip_ms(n)`
  is the median of n echoes between console and server over it;
* `console.open(name)` -> picture with `type`, `click`, `settle`, `close`, and `picture["LblResult"].text`;
* `picture.facts`: `input_ns` and `effect_ns`, moments on the console's monotonic clock: when it took the last click, and
  when the last change that a script made was on the screen;
* `picture.trace()`: the messages that crossed the workstation's link for this object since the last click, in order of
  time, each a mapping with `at_ns`, `direction` ("out" = from the workstation, "in"), `kind` and `lane` (names of the
  tables). Both processes of the workstation record, HIP and HIS host; what these two say to each other does not cross.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from math import ceil, nan
from pathlib import Path
from typing import Any

from hisee.demo import application
from hisee.errors import HiseeError

PLACEMENTS = (("all local", "S.PumpStationL"), ("all remote", "S.PumpStationR"), ("split by hand", "S.PumpStation"))
RTTS_MS = (0.2, 5.0, 25.0, 80.0)
CLICKS = (100, 100, 40, 20)
WARM_UP = 10
T0_CLICKS = 40  # per cell, in BLOCKS
BLOCKS = 4
ECHOES = 11  # per block
P99_FROM = 100  # fewer clicks than this say nothing about the hundredth
GOAL_PERCENT = 15.0
# What the waiting script or the waiting person depends on; values, logs and states travel beside it.
SEQUENTIAL = {"PICTURE_EVENT", "VISUAL", "VISUAL_SET", "DATA", "CALL", "REPLY", "FAILED"}
SEQUENTIAL_LANES = {"visual", "script", "data.db"}


class WrongResult(HiseeError):
    """A click showed something else than it must; its time is not counted and the run ends."""


@dataclass(frozen=True, slots=True)
class Click:
    """One click whose result was right."""

    elapsed_ms: float
    round_trips: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One placement at one shape of the link. Times in milliseconds."""

    placement: str
    rtt_ms: float  # as set
    link_ms: float  # as measured by echoes, less the echo at added 0, which T0 holds already
    clicks: int
    round_trips: float
    t0_ms: float
    p50_ms: float
    p99_ms: float  # nan with fewer than P99_FROM clicks

    @property
    def predicted_ms(self) -> float:
        """T0 + count x measured round trip."""
        return self.t0_ms + self.round_trips * self.link_ms

    @property
    def error_percent(self) -> float:
        """Measured against predicted; positive = slower than predicted."""
        return 100 * (self.p50_ms - self.predicted_ms) / self.predicted_ms


@dataclass(slots=True)
class Table:
    """All cells of a run, in the order they were measured."""

    cells: list[Cell] = field(default_factory=list)

    @property
    def worst_percent(self) -> float:
        return max((abs(cell.error_percent) for cell in self.cells), default=nan)

    @property
    def within_goal(self) -> bool:
        return bool(self.cells) and self.worst_percent <= GOAL_PERCENT

    def as_json(self) -> str:
        """Every cell with its prediction and error; times in milliseconds, absent ones null."""
        rows = []
        for cell in self.cells:
            row = asdict(cell) | {"predicted_ms": cell.predicted_ms, "error_percent": cell.error_percent}
            rows.append({key: None if value != value else value for key, value in row.items()})
        return json.dumps({"goal_percent": GOAL_PERCENT, "within_goal": self.within_goal, "cells": rows}, indent=2)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """Nearest rank; nan where the values are too few to have a hundredth."""
    if len(values) < P99_FROM:
        return nan
    return sorted(values)[ceil(0.99 * len(values)) - 1]


def sequential_round_trips(trace: Iterable[Mapping[str, Any]]) -> float:
    """Round trips that one click waited for: messages over the link, taken as one chain.

    A message can only wait for one of the other direction. Several of the same direction in a row (two SetText, say)
    travel together and count once; each change of direction is half a round trip.
    """
    crossings, last = 0, ""
    for message in trace:
        if message["kind"] in SEQUENTIAL and message["lane"] in SEQUENTIAL_LANES and message["direction"] != last:
            crossings, last = crossings + 1, message["direction"]
    return crossings / 2


@dataclass(frozen=True, slots=True)
class Expected:
    """What *Apply* must show, worked out from the files of the application."""

    setpoints: tuple[float, ...]
    meters: int
    power_kw: float

    @classmethod
    def of(cls, folder: Path) -> Expected:
        meters = _rows(folder / "data/T.Meter.csv")
        setpoints = tuple(float(row["Value"]) for row in _rows(folder / "data/T.Setpoint.csv"))
        return cls(setpoints, len(meters), sum(float(row["Power"]) for row in meters))

    def text(self, first: float) -> str:
        """Result with `first` typed into the first field."""
        total = first + sum(self.setpoints[1:])
        return f"{len(self.setpoints)} stored, sum {total:.1f}; {self.meters} meters, {self.power_kw:.1f} kW"


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stored(database: Path) -> tuple[float, ...]:
    """Setpoints in the plant's database file, by their key."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return tuple(value for (value,) in connection.execute('SELECT "Value" FROM setpoint ORDER BY "Id"'))


class Operator:
    """Someone at one picture who clicks *Apply*, each time with another first setpoint, and reads the result."""

    def __init__(self, picture: Any, expected: Expected, pause: Callable[[float], None] = time.sleep,
                 database: Path | None = None) -> None:
        self._picture, self._expected, self._pause, self._database = picture, expected, pause, database
        self._clicks = 0
        self._last_ms = 0.0

    def apply(self) -> Click:
        """One click; raises WrongResult when the screen does not show what these setpoints and meters give."""
        self._clicks += 1
        first = self._typed()
        self._picture.type("E01", f"{first:.1f}")
        self._picture.click("BtnApply")
        self._pause(self._last_ms / 1000)  # asking whether it is quiet would disturb what is measured
        self._picture.settle()
        self._check(self._expected.text(first))
        return self._measured()

    def _typed(self) -> float:
        """Another first setpoint at each click: 60.0 to 69.9 degrees."""
        return 60.0 + self._clicks % 100 / 10

    def check_store(self) -> None:
        """The rows in the database are those of the last click; raises WrongResult. Needs `database`."""
        if self._database is not None and (rows := stored(self._database)) != (self._typed(), *self._expected.setpoints[1:]):
            raise WrongResult(f"{self._picture.name}: the database holds other setpoints than the last click stored: {rows}")

    def _check(self, expected: str) -> None:
        shown = self._picture["LblResult"].text
        if shown != expected:
            raise WrongResult(f"{self._picture.name}: Apply shows {shown!r}, not {expected!r}")

    def _measured(self) -> Click:
        facts = self._picture.facts
        self._last_ms = (facts["effect_ns"] - facts["input_ns"]) / 1e6
        return Click(self._last_ms, sequential_round_trips(self._picture.trace()))


def run_headline(system: Any, *, rtts: Sequence[float] = RTTS_MS, clicks: Sequence[int] = CLICKS,
                 progress: Callable[[str], None] = lambda _: None, console: str = "WS1", folder: Path | None = None,
                 database: Path | None = None, pause: Callable[[float], None] = time.sleep) -> Table:
    """Measure every placement at every round trip time. Raises WrongResult; the link is left at added 0.

    `clicks` are clicks per round trip time. `progress` gets a line per cell. `database` is the plant's SQLite file: with it
    the rows are compared, too, after each cell.
    """
    if len(rtts) != len(clicks):
        raise ValueError(f"headline: {len(rtts)} round trip times but {len(clicks)} counts of clicks")
    desk, expected, table = system.console(console), Expected.of(folder or application()), Table()
    try:
        for placement, picture in PLACEMENTS:
            with closing(desk.open(picture)) as opened:
                operator = Operator(opened, expected, pause, database)
                _shaped(desk, operator, 0.0, WARM_UP)
                for rtt_ms, count in zip(rtts, clicks, strict=True):
                    progress(f"{placement}: {rtt_ms:g} ms, {count} clicks")
                    table.cells.append(_cell(desk, operator, placement, rtt_ms, count))
                desk.link(rtt_ms=0.0)
    finally:
        desk.link(rtt_ms=0.0)
    return table


@dataclass(frozen=True, slots=True)
class Run:
    """Clicks over one shape of the link, and the echo over it."""

    echo_ms: float
    clicks: list[Click]


def _shaped(desk: Any, operator: Operator, rtt_ms: float, count: int) -> Run:
    """The first click after a change of the link is checked but not counted."""
    desk.link(rtt_ms=rtt_ms)
    echo_ms = desk.round_trip_ms(ECHOES)
    operator.apply()
    return Run(echo_ms, [operator.apply() for _ in range(count)])


def shares(count: int) -> list[int]:
    """`count` clicks in blocks of almost the same size; at most BLOCKS, none empty."""
    blocks = max(1, min(BLOCKS, count))
    return [count * (n + 1) // blocks - count * n // blocks for n in range(blocks)]


def _cell(desk: Any, operator: Operator, placement: str, rtt_ms: float, count: int) -> Cell:
    """T0 and the clicks of the cell take turns, so that a computer that gets busier or calmer does so in both.

    T0 was measured over the bare link, so only what the shape adds to an echo is multiplied.
    """
    bare: list[Run] = []
    shaped: list[Run] = []
    for number, share in enumerate(shares(count)):
        turns = [(bare, 0.0, T0_CLICKS // BLOCKS), (shaped, rtt_ms, share)]
        for runs, added_ms, clicks in turns if number % 2 == 0 else reversed(turns):
            runs.append(_shaped(desk, operator, added_ms, clicks))
    operator.check_store()
    done = [click for run in shaped for click in run.clicks]
    times = [click.elapsed_ms for click in done]
    return Cell(placement=placement, rtt_ms=rtt_ms, clicks=count, p50_ms=median(times), p99_ms=p99(times),
                link_ms=median(run.echo_ms for run in shaped) - median(run.echo_ms for run in bare),
                round_trips=median(click.round_trips for click in done),
                t0_ms=median(click.elapsed_ms for run in bare for click in run.clicks))
