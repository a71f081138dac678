"""Picture functions of scripts: every row of the table against the picture state, and every way to be wrong."""

import pytest

from hisee.console import visual
from hisee.console.picture import PictureState, VisualError
from hisee.schema import picture_functions
from hisee.schema.errors import Err
from hisee.schema.picture_functions import PictureFunction as F
from hisee.values import Invalid

from .parts import DRAWING, PICTURE, REF


class FakeWindow:
    def __init__(self):
        self.picture = PictureState.load(PICTURE, DRAWING)
        self.did = []

    def enable_timer(self, on):
        self.did.append(("timer", on))

    def set_timer_period(self, period_ms):
        self.did.append(("period", period_ms))

    def close_soon(self):
        self.did.append("close")


@pytest.fixture
def window():
    return FakeWindow()


def error_of(window, function, *arguments):
    with pytest.raises(VisualError) as caught:
        visual.execute(window, function, list(arguments))
    return caught.value.error


def test_every_row_of_the_table_is_carried_out():
    known = {*visual.SETS, *visual.GETS, "%HI_Exists", "%HI_TimerEnable", "%HI_SetTimerPeriod", "%HI_ClosePicture"}
    assert {row.name for row in picture_functions.ROWS} == known


@pytest.mark.parametrize(("setter", "getter", "value"), [
    (F.HI_SETTEXT, F.HI_GETTEXT, "42"), (F.HI_SETVISIBLE, F.HI_GETVISIBLE, False), (F.HI_SETENABLE, F.HI_GETENABLE, False),
    (F.HI_SETPOSX, F.HI_GETPOSX, 33), (F.HI_SETPOSY, F.HI_GETPOSY, -4), (F.HI_SETSIZEX, F.HI_GETSIZEX, 5),
    (F.HI_SETSIZEY, F.HI_GETSIZEY, 6), (F.HI_SETBACKCOLOR, F.HI_GETBACKCOLOR, 0xFF0000), (F.HI_SETFORECOLOR, F.HI_GETFORECOLOR, -1)])
def test_what_is_set_is_read(window, setter, getter, value):
    assert visual.execute(window, setter, [REF["Lbl"], value]) == []
    assert visual.execute(window, getter, [REF["Lbl"]]) == [value]


def test_two_values_at_once(window):
    visual.execute(window, F.HI_SETPOS, [REF["Box"], 7, 8])
    visual.execute(window, F.HI_SETSIZE, [REF["Box"], 9, 10])
    visual.execute(window, F.HI_SETLINECOLOR, [REF["Box"], 0x010203])
    box = window.picture.by_id["Box"].values
    assert (box["x"], box["y"], box["width"], box["height"], box["line_color"]) == (7, 8, 9, 10, 0x010203)


@pytest.mark.parametrize("function", [n for n in picture_functions.BY_NUMBER if picture_functions.BY_NUMBER[n].operands
                                      and picture_functions.BY_NUMBER[n].operands[0][0] == "refid" and n != F.HI_EXISTS])
@pytest.mark.parametrize("ref", [0, 99, Invalid(1)])
def test_unknown_object(window, function, ref):
    given = {"TEXT": "x", "BOOL": True, "INT": 1}
    rest = [given[kind] for _, mode, kind in picture_functions.BY_NUMBER[function].operands[1:] if mode != "OUT"]
    assert error_of(window, function, ref, *rest) == Err.ERR_UNKNOWN_REFID
    assert window.picture.since(0) == []


def test_wrong_kind_of_object(window):
    assert error_of(window, F.HI_SETTEXT, REF["Box"], "x") == Err.ERR_INVALID_REFID_TYPE
    assert error_of(window, F.HI_GETTEXT, REF["Grp"]) == Err.ERR_INVALID_REFID_TYPE


def test_exists_never_fails(window):
    assert [visual.execute(window, F.HI_EXISTS, [ref]) for ref in (1, 0, 99, Invalid(1))] == [[True], [False], [False], [False]]


def test_an_invalid_text_is_shown_as_such_and_read_back_invalid(window):
    visual.execute(window, F.HI_SETTEXT, [REF["Lbl"], Invalid(4)])
    assert window.picture.by_id["Lbl"].values["text"] == "?"
    assert isinstance(visual.execute(window, F.HI_GETTEXT, [REF["Lbl"]])[0], Invalid)
    visual.execute(window, F.HI_SETTEXT, [REF["Lbl"], "?"])
    assert visual.execute(window, F.HI_GETTEXT, [REF["Lbl"]]) == ["?"]


@pytest.mark.parametrize(("function", "arguments", "error"), [
    (F.HI_SETVISIBLE, (1, Invalid(1)), Err.ERR_EXPRESSION_STATUS), (F.HI_SETPOSX, (1, "a"), Err.ERR_PARAM_TYPE),
    (F.HI_SETPOSX, (1, 10**9), Err.ERR_RANGE_ERROR), (F.HI_SETTEXT, (1,), Err.ERR_INV_NUM_PARAMS),
    (F.HI_TIMERENABLE, (1,), Err.ERR_PARAM_TYPE), (F.HI_SETTIMERPERIOD, (0,), Err.ERR_RANGE_ERROR),
    (F.HI_SETTIMERPERIOD, (Invalid(1),), Err.ERR_EXPRESSION_STATUS), (9999, (1,), Err.ERR_NOT_SUPPORTED)])
def test_wrong_arguments(window, function, arguments, error):
    assert error_of(window, function, *arguments) == error
    assert window.did == []


def test_functions_of_the_own_picture(window):
    visual.execute(window, F.HI_TIMERENABLE, [True])
    visual.execute(window, F.HI_SETTIMERPERIOD, [250])
    visual.execute(window, F.HI_CLOSEPICTURE, [])
    assert window.did == [("timer", True), ("period", 250), "close"]
