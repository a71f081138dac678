"""Picture state: numbers by order, initial values from the drawing, one newest value per property, bounds of every property."""

import pytest

from hisee.console.picture import ChangeLog, PictureRefused, PictureState, VisualError
from hisee.schema import elements, properties
from hisee.schema.errors import Err

from .parts import DRAWING, PICTURE, REF


@pytest.fixture
def picture() -> PictureState:
    return PictureState.load(PICTURE, DRAWING)


def test_numbers_follow_the_order_of_the_file_from_one(picture):
    assert {item.id: item.ref for item in picture.items} == REF


def test_initial_values_come_from_the_drawing(picture):
    go = picture.by_id["BtnGo"].values
    assert (go["text"], go["x"], go["y"], go["width"], go["height"], go["back_color"]) == ("Go", 10, 20, 80, 30, 0xD5D9DD)
    assert picture.by_id["Lbl"].values["fore_color"] == 0x222222
    assert picture.get(REF["EdPlate"], "text") == ""
    assert picture.get(REF["Grp"], "width") == 40


def test_a_text_in_the_description_wins_over_the_drawing():
    picture = PictureState.load(PICTURE.replace(b'kind = "button"', b'kind = "button"\ntext = "Start"'), DRAWING)
    assert picture.by_id["BtnGo"].values["text"] == "Start"


def test_every_property_may_be_written_in_the_description_and_is_checked():
    row = b'kind = "text"\nvisible = false\nback_color = 0xff0000\n'
    values = PictureState.load(b"[objects.Lbl]\n" + row, DRAWING).by_id["Lbl"].values
    assert (values["visible"], values["back_color"], values["text"]) == (False, 0xFF0000, "ready")
    with pytest.raises(PictureRefused, match="visible"):
        PictureState.load(b'[objects.Lbl]\nkind = "text"\nvisible = "no"', DRAWING)


@pytest.mark.parametrize("kind", [row.name for row in elements.ROWS])
def test_every_property_of_every_kind_is_set_and_read_or_refused(kind):
    picture = PictureState.load(f'[objects.A]\nkind = "{kind}"'.encode(), b"<svg/>")
    other = {"TEXT": "new", "BOOL": False, "INT": 2}
    for row in properties.ROWS:
        if row.name in elements.BY_NAME[kind].properties:
            assert picture.get(1, row.name) == row.default
            picture.set(1, row.name, other[row.type])
            assert picture.get(1, row.name) == other[row.type]
        else:
            for what in (lambda row=row: picture.get(1, row.name), lambda row=row: picture.set(1, row.name, other[row.type])):
                with pytest.raises(VisualError) as caught:
                    what()
                assert caught.value.error == Err.ERR_INVALID_REFID_TYPE


@pytest.mark.parametrize("ref", [0, -1, 8, 2**40])
def test_unknown_number(picture, ref):
    with pytest.raises(VisualError) as caught:
        picture.set(ref, "text", "x")
    assert caught.value.error == Err.ERR_UNKNOWN_REFID
    assert not picture.exists(ref)


@pytest.mark.parametrize(("name", "value", "error"), [
    ("text", 1, Err.ERR_PARAM_TYPE), ("visible", 1, Err.ERR_PARAM_TYPE), ("x", True, Err.ERR_PARAM_TYPE), ("x", 1.0, Err.ERR_PARAM_TYPE),
    ("width", -1, Err.ERR_RANGE_ERROR), ("back_color", 0x1000000, Err.ERR_RANGE_ERROR), ("back_color", -2, Err.ERR_RANGE_ERROR)])
def test_wrong_values_are_refused_and_change_nothing(picture, name, value, error):
    before = picture.get(1, name)
    with pytest.raises(VisualError) as caught:
        picture.set(1, name, value)
    assert caught.value.error == error
    assert picture.get(1, name) == before
    assert picture.since(0) == []


def test_changes_are_coalesced_to_the_newest_per_object_and_property(picture):
    for n in range(100):
        picture.set(REF["Lbl"], "text", str(n))
        picture.set(REF["Box"], "x", n)
    assert picture.since(0) == [("Lbl", "text", "99"), ("Box", "x", 99)]
    seen = picture.log.sequence
    assert picture.since(seen) == []
    picture.set(REF["Box"], "x", 5)
    assert picture.since(seen) == [("Box", "x", 5)]


def test_an_equal_value_is_no_change(picture):
    picture.set(REF["Lbl"], "text", "ready")
    assert picture.since(0) == []


def test_the_log_tells_its_listener():
    told = []
    picture = PictureState.load(PICTURE, DRAWING, ChangeLog(lambda: told.append(1)))
    picture.set(2, "text", "a")
    assert told == [1]


@pytest.mark.parametrize("text", [b"[objects.A]\n", b'[objects.A]\nkind = "dial"', b"[objects]\nA = 1", b"objects = 3", b"\xff", b"a ="])
def test_a_description_that_cannot_be_shown_is_refused(text):
    with pytest.raises(PictureRefused):
        PictureState.load(text, b"<svg/>")
