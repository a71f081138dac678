"""The plant's program against a system that only remembers."""

import ast
import sqlite3
import sys
import tomllib
from pathlib import Path

import pytest

from hisee.demo import application
from hisee.demo.program import PlantProgram, Timetable, measured
from hisee.plant import Station, Weather


class Memory:
    def __init__(self, **values):
        self.values = {f"U.{name}": value for name, value in values.items()}
        self.written = 0

    def get(self, name):
        return self.values.get(name)

    def set(self, name, value):
        self.values[name] = value
        self.written += 1


def database(path, rows):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute('CREATE TABLE setpoint ("Id" INTEGER PRIMARY KEY, "Value" REAL)')
        connection.executemany("INSERT INTO setpoint VALUES (?, ?)", rows)
    connection.close()
    return path


def test_every_measured_value_is_an_object_of_the_application():
    objects = tomllib.loads((application() / "objects.toml").read_text())
    system = Memory()
    PlantProgram(system).advance(60)
    for name, value in system.values.items():
        assert objects[name]["value_type"] == ("TEXT" if isinstance(value, str) else "REAL"), name
    inputs = {"U.Speed_set", "U.Heat_taken"}  # the operator's, and what a task derives
    inputs |= {"U.Pump_running", "U.Pump_turn", "U.P1_hours", "U.P2_hours", "U.P1_fault", "U.P2_fault"}  # of E.PumpChangeover
    assert {n for n, o in objects.items() if o["type"] == "user_variable"} == set(system.values) | inputs


def test_values_describe_the_station():
    station = Station(Weather.newark_2013(), time_s=31 * 86400.0)
    station.run(3600)
    values = measured(station, 31 * 86400.0)
    f = station.fluxes()
    assert values["U.PlantTime"] == "2013-02-01 01:00" and values["U.PlantHours"] == 1.0
    assert values["U.Flow"] == pytest.approx(f.flow * 3600, abs=0.005)
    # dp = rho g H: some 985 kg/m3 x 9.81 x 16.7 m = 1.6 bar
    assert values["U.P1_dp"] == pytest.approx(1.62, abs=0.05)
    assert values["U.Energy_error"] < 1  # ppm; the promise is 1000


def test_operator_sets_the_pump_speed():
    system = Memory(Speed_set=60.0)
    program = PlantProgram(system)
    program.advance(600)
    slow = system.values["U.Flow"]
    system.values["U.Speed_set"] = 100.0
    program.advance(600)
    assert system.values["U.P1_speed"] == 100.0
    assert system.values["U.Flow"] > slow


@pytest.mark.parametrize(("wanted", "speed"), [(None, 90.0), (500.0, 110.0), (-3.0, 0.0), (0.0, 0.0)])
def test_speed_is_kept_in_the_range_of_the_drive(wanted, speed):
    system = Memory(Speed_set=wanted)
    PlantProgram(system).advance(60)
    assert system.values["U.P1_speed"] == speed
    assert system.values["U.P1_dp"] >= 0


def test_stored_setpoints_move_the_heating_curve(tmp_path):
    program = PlantProgram(Memory(), database=database(tmp_path / "plant.db", [(n, 85.0) for n in range(1, 25)]))
    program.advance(60)
    assert program.station.design_supply_c == 85.0


def test_each_hour_takes_its_own_setpoint(tmp_path):
    program = PlantProgram(Memory(), database=database(tmp_path / "plant.db", [(n, 60.0 + n) for n in range(1, 25)]))
    seen = []
    for _ in range(24):
        program.advance(3600)
        seen.append(program.station.design_supply_c)
    # starts at 05:00 with row 6, ends within the hour before 05:00, row 5
    assert seen[0] == 66.0 and seen[-1] == 65.0 and sorted(seen) == [60.0 + n for n in range(1, 25)]


def test_impossible_and_missing_setpoints_are_ignored(tmp_path):
    table = Timetable(database(tmp_path / "plant.db", [(1, 500.0), (2, None), (3, 70.0)]))
    table.refresh()
    assert [table.at(hour, 75.0) for hour in range(4)] == [75.0, 75.0, 70.0, 75.0]
    assert table.at(26, 75.0) == 70.0


def test_absent_or_foreign_database_keeps_the_last_values(tmp_path):
    table = Timetable(database(tmp_path / "plant.db", [(1, 70.0)]))
    table.refresh()
    (tmp_path / "plant.db").write_bytes(b"no database at all, but long enough to be read as one")
    table.refresh()
    (tmp_path / "plant.db").unlink()
    table.refresh()
    assert table.at(0, 75.0) == 70.0
    assert not (tmp_path / "plant.db").exists()  # reading must not make one


def test_run_scans_once_a_second_until_told_to_stop():
    system, pauses = Memory(), []

    def pause(seconds):
        pauses.append(seconds)
        return len(pauses) == 3

    program = PlantProgram(system)
    start_s = program.station.time_s
    program.run(pause, plant_hours_per_s=2.0)
    assert pauses == [1.0] * 3
    assert program.station.time_s - start_s == pytest.approx(2 * 2 * 3600)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_plant_imports_only_the_standard_library():
    folder = Path(__file__).resolve().parents[2] / "python/hisee/plant"
    names = {name for path in folder.glob("*.py") for name in imported(path)}
    assert "hisee.plant.hydraulics" in names
    for name in names:
        assert name.startswith("hisee.plant") or name.partition(".")[0] in sys.stdlib_module_names, name
