"""Plays the demo plant against a running system: measured values in, the operator's setpoints out.

Stands where a plant's controller would: it knows the public API and the plant's own database file, nothing inside hisee.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from hisee.api import connect
from hisee.plant import Station, Weather

DATABASE = "plant.db"  # the url of DB.Plant is relative to the data directory
YEAR_STARTS = datetime(2013, 1, 1)
FIRST_HOUR = 31 * 24 + 5  # 1 February, early morning: frost, the boiler works
STEP_S = 60.0
SPEED_RANGE = (0.0, 1.1)  # share of nominal pump speed that the drive accepts
DESIGN_RANGE = (20.0, 95.0)  # degrees; a setpoint outside is ignored

Value = str | int | float | bool | None


class Values(Protocol):
    """The part of `hisee.System` that the plant needs."""

    def get(self, name: str) -> Value: ...
    def set(self, name: str, value: Value) -> None: ...


class Timetable:
    """Head of the heating curve by hour of the day: table `setpoint` of the plant's database, read only."""

    def __init__(self, database: Path | None) -> None:
        self._database = database
        self._by_hour: dict[int, float] = {}

    def refresh(self) -> None:
        """Read the table again. A database that is busy or not there yet leaves the old values."""
        if self._database is None or not self._database.exists():
            return
        with contextlib.suppress(sqlite3.Error):
            self._by_hour = dict(self._rows(self._database))

    @staticmethod
    def _rows(database: Path) -> list[tuple[int, float]]:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0.1)
        try:
            found = connection.execute('SELECT "Id", "Value" FROM setpoint WHERE "Value" IS NOT NULL').fetchall()
        finally:
            connection.close()
        return [(number - 1, value) for number, value in found if DESIGN_RANGE[0] <= value <= DESIGN_RANGE[1]]

    def at(self, hour: int, otherwise: float) -> float:
        return self._by_hour.get(hour % 24, otherwise)


class PlantProgram:
    """One plant and one system; `advance` is one scan."""

    def __init__(self, system: Values, *, database: Path | None = None, station: Station | None = None) -> None:
        self._system = system
        self.station = station or Station(Weather.newark_2013(), time_s=FIRST_HOUR * 3600.0)
        self.timetable = Timetable(database)
        self._started_s = self.station.time_s

    def advance(self, plant_s: float) -> None:
        """Read the inputs, move the plant on by `plant_s` seconds, write the measured values."""
        self._read()
        self._move(plant_s)
        for name, value in measured(self.station, self._started_s).items():
            self._system.set(name, value)

    def run(self, pause: Callable[[float], bool], *, plant_hours_per_s: float = 1.0) -> None:
        """One scan a second until `pause(seconds)` returns True (`threading.Event.wait` does)."""
        self.advance(0.0)
        while not pause(1.0):
            self.advance(3600.0 * plant_hours_per_s)

    def _read(self) -> None:
        wanted = self._system.get("U.Speed_set")
        if isinstance(wanted, (int, float)):
            self.station.speed = max(SPEED_RANGE[0], min(SPEED_RANGE[1], wanted / 100))
        self.timetable.refresh()

    def _move(self, plant_s: float) -> None:
        """In steps of a minute, so that each hour's setpoint takes part."""
        end_s = self.station.time_s + plant_s
        while end_s - self.station.time_s > 1e-6:
            hour = int(self.station.time_s // 3600)
            self.station.design_supply_c = self.timetable.at(hour, self.station.design_supply_c)
            self.station.step(min(STEP_S, end_s - self.station.time_s))


def play(data: Path, pause: Callable[[float], bool], *, plant_hours_per_s: float = 1.0) -> None:
    """Connect to the system in `data` and run its plant until `pause` says stop; raises CannotConnect when it ends first."""
    with connect(data) as system:
        PlantProgram(system, database=data / DATABASE).run(pause, plant_hours_per_s=plant_hours_per_s)


def measured(station: Station, started_s: float) -> dict[str, Value]:
    """Object -> value, rounded as an instrument would show it."""
    f, p, book = station.fluxes(), station.parameters, station.ledger
    head = p.pump.head(f.flow, station.speed)
    return {
        "U.PlantTime": (YEAR_STARTS + timedelta(seconds=station.time_s)).strftime("%Y-%m-%d %H:%M"),
        "U.PlantHours": round((station.time_s - started_s) / 3600, 1),
        "U.T_outdoor": round(f.outdoor_c, 1),
        "U.T_supply_set": round(f.supply_set_c, 1),
        "U.T_supply": round(station.supply_c, 1),
        "U.T_return": round(station.return_c, 1),
        "U.T_room": round(station.room_c, 2),
        "U.Flow": round(f.flow * 3600, 2),
        "U.P1_speed": round(station.speed * 100, 1),
        "U.P1_head": round(head, 2),
        "U.P1_dp": round(head * 9.80665 * f.flow_kg_per_s / f.flow / 1e5, 3) if f.flow else 0.0,
        "U.P1_power": round(f.pump_w / 1e3, 3),
        "U.P1_efficiency": round(100 * p.pump.efficiency(f.flow, station.speed), 1),
        "U.B1_power": round(station.boiler_w / 1e3, 1),
        "U.B1_asked": round(f.asked_w / 1e3, 1),
        "U.B1_energy": round(book.boiler / 3.6e9, 3),
        "U.Heat": round(f.emitted_w / 1e3, 1),
        "U.Loss": round(f.building_w / 1e3, 1),
        "U.Pipe_loss": round((f.supply_pipe_w + f.return_pipe_w) / 1e3, 1),
        "U.Make_up": round(book.make_up_kg, 2),  # 1 kg of cold water is 1 l to three digits
        "U.Leak": round(book.leak_kg, 2),
        "U.Energy_error": round(station.balance_error() * 1e6, 3),
        "U.Mass_error": round(station.mass_error_kg() * 1e3, 3),
    }
