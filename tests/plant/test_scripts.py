"""The demo's scripts run in the VM against a pretended console and database: the same work in every placement."""

import csv
from collections import Counter

import pytest

from hisee._core.values import decode, encode
from hisee._core.vm import Script, Status, Unit
from hisee.demo import application
from hisee.demo.headline import PLACEMENTS, Expected
from hisee.model import gate
from hisee.model.application import load_application
from hisee.schema.actions import ActionId as Act
from hisee.schema.errors import Err
from hisee.schema.picture_functions import BY_NAME as FUNCTIONS
from hisee.values import UNCHANGED, Record

GET_TEXT, SET_TEXT = FUNCTIONS["%HI_GetText"].number, FUNCTIONS["%HI_SetText"].number
LOCAL, REMOTE = "ESLDefinition:1", "ESLDefinition:2"
HANDLE, OK, TRANS_ERROR = 77, 0, int(Err.ERR_TRANS_ERROR)


@pytest.fixture(scope="module")
def demo():
    return load_application(application())


@pytest.fixture(scope="module")
def built(demo):
    return {build.name: build for build in gate.build(demo)}


@pytest.fixture
def world_of(demo, built):
    """A picture opened in a pretended world."""
    return lambda picture: World(built[picture].units, demo.find(picture).graphics, demo.find("SD.Meter").hbj)


def meters():
    with open(application() / "data/T.Meter.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {"Id": int, "Customer": str}
    columns = [[kinds.get(name, float)(row[name]) for row in rows] for name in rows[0]]
    return columns, ["INT", "TEXT", *["REAL"] * 5]


class World:
    """Console, database and the way between the two parts, all answered at once."""

    def __init__(self, units, graphics, meter_structure):
        self.counts, self.fields, self.shown, self.stored = Counter(), {}, {}, {}
        self.refs = {name: n for n, name in enumerate(graphics, 1)}
        self.parts = {part: Script(Unit(unit), None, None, None, None) for part, unit in units.items()}
        self.meter_structure, self.read_code = meter_structure, OK
        for part in self.parts.values():
            part.start_init()
            self.finish(part)

    def type(self, texts):
        self.fields = {self.refs[f"E{n:02d}"]: text for n, text in enumerate(texts, 1)}

    def click(self):
        part = next(p for p in self.parts.values() if procedure(p, "BtnApply_OnClick"))
        part.start(procedure(part, "BtnApply_OnClick"), encode([]))
        self.finish(part)
        return self.shown.get(self.refs["LblResult"])

    def finish(self, script):
        while (status := script.run(100_000)) != Status.DONE:
            assert status in (Status.ACTION, Status.SLICE), script.failure
            if status == Status.ACTION:
                self.answer(script)

    def answer(self, script):
        number, values = script.pending.number, decode(script.pending.payload)
        self.counts[number] += 1
        script.complete(encode(self.perform(script, number, values)))

    def perform(self, script, number, values):
        if number == GET_TEXT:
            return [self.fields[values[0]]]
        if number == SET_TEXT:
            self.shown[values[0]] = values[1]
            return []
        if number == Act.DB_CONNECT:
            return [HANDLE, OK]
        if number == Act.DB_READ:
            return self.read(values)
        if number == Act.DBS_UPDATE:
            return self.update(values)
        assert number == Act.CALL_OTHER, number
        return self.call(script, values)

    def read(self, values):
        mode, handle, limit = values[0], values[1], values[2]
        assert (mode, handle, limit) == (1, HANDLE, 100)
        columns, types = meters()
        return [Record(self.meter_structure, types, columns) if self.read_code == OK else UNCHANGED, self.read_code]

    def update(self, values):
        mode, _table, row = values[:3]
        assert mode == 0 and row.rows == 1
        key, value = row.row(0)
        self.stored[key] = value
        return [OK]

    def call(self, script, values):
        """CALL []: flags, procedure, modes, arguments -> code and the in-out values."""
        name, modes, arguments = values[1], values[2], values[3:]
        other = next(p for p in self.parts.values() if p is not script)
        other.start(procedure(other, name), encode(arguments))
        self.finish(other)
        results = decode(other.results())
        return [OK, *(r for r, mode in zip(results, modes, strict=True) if mode == "=")]


def procedure(script, name):
    return next((n for n, p in enumerate(script.unit.procedures) if p.name == name), 0)


def texts(first="60.1"):
    return [first, *(f"{value:.1f}" for value in Expected.of(application()).setpoints[1:])]


@pytest.mark.parametrize(("placement", "picture"), PLACEMENTS)
def test_apply_does_the_agreed_work_and_shows_the_expected_text(world_of, placement, picture):
    world = world_of(picture)
    world.type(texts())
    world.counts.clear()
    expected = Expected.of(application())
    assert world.click() == expected.text(60.1)
    assert world.stored == dict(enumerate((60.1, *expected.setpoints[1:]), 1))
    calls = {Act.CALL_OTHER: 1} if placement == "split by hand" else {}
    assert world.counts == {GET_TEXT: 24, Act.DB_READ: 1, Act.DBS_UPDATE: 24, SET_TEXT: 1, **calls}


@pytest.mark.parametrize(("placement", "picture"), PLACEMENTS)
def test_second_click_takes_the_new_fields(world_of, placement, picture):
    world = world_of(picture)
    for first in ("60.1", "69.9"):
        world.type(texts(first))
        assert world.click() == Expected.of(application()).text(float(first))
    assert world.stored[1] == 69.9


@pytest.mark.parametrize(("placement", "picture"), PLACEMENTS)
def test_a_field_without_a_number_is_left_out_and_counted(world_of, placement, picture):
    world = world_of(picture)
    world.type(texts("warm"))
    total = sum(Expected.of(application()).setpoints[1:])
    assert world.click() == f"23 stored, sum {total:.1f}; 48 meters, 754.3 kW"
    assert 1 not in world.stored


@pytest.mark.parametrize(("placement", "picture"), PLACEMENTS)
def test_meters_that_cannot_be_read_are_said_and_nothing_is_stored(world_of, placement, picture):
    world = world_of(picture)
    world.type(texts())
    world.read_code = TRANS_ERROR
    assert world.click() == f"meters not read: error {TRANS_ERROR}"
    assert world.stored == {}


def test_failed_call_is_shown(world_of, monkeypatch):
    world = world_of("S.PumpStation")
    world.type(texts())
    monkeypatch.setattr(world, "call", lambda script, values: [37, *[UNCHANGED] * values[2].count("=")])
    assert world.click() == "not stored: error 37"


def test_no_part_of_the_split_does_the_other_ones_work(world_of):
    world = world_of("S.PumpStation")
    far = world.parts[REMOTE]
    assert procedure(far, "Store") and not procedure(far, "ReadFields")
    assert procedure(world.parts[LOCAL], "ReadFields") and not procedure(world.parts[LOCAL], "Store")
