"""The demo's folder and the ten-line example: consistent, harmless, and the same work in all three placements."""

import re
import tomllib
from pathlib import Path

import pytest

from hisee.console import svg
from hisee.demo import application
from hisee.demo.headline import PLACEMENTS, Expected
from hisee.model.application import load_application
from hisee.model.gate import check_application

HELLO = Path(__file__).resolve().parents[2] / "examples/hello"
PICTURES = [*sorted((application() / "pictures").iterdir()), HELLO / "pictures/S.Hello"]


def part(picture, name):
    return (application() / "pictures" / picture / name).read_text()


def code(text):
    """ESL without comments."""
    return [line for line in (row.partition(";")[0].strip() for row in text.splitlines() if '";' not in row) if line]


@pytest.mark.parametrize("folder", PICTURES, ids=lambda f: f.name)
def test_drawing_is_clean_and_carries_every_object(folder):
    drawing = svg.parse((folder / "picture.svg").read_bytes())
    assert drawing.removed == []
    objects = tomllib.loads((folder / "picture.toml").read_text())["objects"]
    assert set(objects) <= set(drawing.items)


@pytest.mark.parametrize("folder", [application(), HELLO], ids=["demo", "hello"])
def test_folder_is_an_application(folder):
    loaded = load_application(folder)
    assert loaded.objects


def test_overview_has_bindings_and_no_script():
    objects = tomllib.loads(part("S.Overview", "picture.toml"))["objects"]
    assert all(row["bind"].startswith("U.") for row in objects.values())
    assert code(part("S.Overview", "local.esl")) == ["BEGIN", "END"]


def test_bound_objects_exist():
    known = tomllib.loads((application() / "objects.toml").read_text())
    for folder in (application() / "pictures").iterdir():
        objects = tomllib.loads((folder / "picture.toml").read_text())["objects"]
        assert {row["bind"] for row in objects.values() if "bind" in row} <= set(known)


def test_three_placements_are_one_picture():
    drawings = [part(picture, "picture.svg").splitlines() for _, picture in PLACEMENTS]
    assert len({len(lines) for lines in drawings}) == 1
    different = [rows for rows in zip(*drawings, strict=True) if len(set(rows)) > 1]
    assert len(different) == 1 and "beside the console" in different[0][0]  # the line that says where it runs
    objects = [tomllib.loads(part(picture, "picture.toml"))["objects"] for _, picture in PLACEMENTS]
    assert objects[0] == objects[1] == objects[2]


def test_fields_start_with_the_stored_setpoints():
    drawing = svg.parse((application() / "pictures/S.PumpStation/picture.svg").read_bytes())
    shown = tuple(float(drawing.items[f"E{n:02d}"].text()) for n in range(1, 25))
    assert shown == Expected.of(application()).setpoints


def procedure(lines, name):
    start = next(n for n, line in enumerate(lines) if re.match(rf"(RPC )?(PROCEDURE|ENTRY) {name}\b", line))
    return lines[start + 1 : lines.index(f"END {name}", start)]


def test_three_placements_do_the_same_work():
    local, remote = code(part("S.PumpStationL", "local.esl")), code(part("S.PumpStationR", "remote.esl"))
    near, far = code(part("S.PumpStation", "local.esl")), code(part("S.PumpStation", "remote.esl"))
    assert local == remote
    assert procedure(local, "ReadFields") == procedure(near, "ReadFields")
    assert procedure(local, "Store") == procedure(far, "Store")
    assert sum("%HI_GetText(" in line for line in procedure(local, "ReadFields")) == 24
    store = procedure(local, "Store")
    assert sum(line.startswith("DB_READ ") for line in store) == 1
    assert sum(line.startswith("DBS_UPDATE ") for line in store) == 1  # once per row of 24
    for click in (procedure(local, "BtnApply_OnClick"), procedure(near, "BtnApply_OnClick")):
        assert sum(line.startswith("%HI_SetText(") for line in click) == 1
        assert sum("Store(" in line for line in click) == 1


def test_meters_and_setpoints_fit_their_tables():
    objects = tomllib.loads((application() / "objects.toml").read_text())
    for table in ("T.Meter", "T.Setpoint"):
        columns = [name for name, _ in objects[objects[table]["structure"]]["columns"]]
        rows = (application() / f"data/{table}.csv").read_text().splitlines()
        assert rows[0].split(",") == columns
        assert [int(row.partition(",")[0]) for row in rows[1:]] == list(range(1, len(rows)))
    assert len((application() / "data/T.Meter.csv").read_text().splitlines()) == 49


def test_hello_has_ten_lines():
    folder = HELLO / "pictures/S.Hello"
    lines = [line for name in ("local.esl", "remote.esl") for line in (folder / name).read_text().splitlines()]
    assert len([line for line in lines if line]) == 10


@pytest.mark.parametrize("folder", [application(), HELLO], ids=["demo", "hello"])
def test_scripts_compile_without_a_word(folder):
    assert check_application(load_application(folder)) == []
