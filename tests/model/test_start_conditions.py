"""What a trigger event may wait for: places with values, and processes with states."""

from types import SimpleNamespace

import pytest

from hisee.model import forms
from hisee.model.events import Start, start_of

LEVEL = SimpleNamespace(name="U.Level", kind="user_variable", hbj=5, form=forms.UserVariable(value_type="REAL", ll=1.0))
OBJECTS = {"aux.evh": SimpleNamespace(name="AUX.EVH", kind="process", hbj=7, form=None), "u.level": LEVEL}
FINDER = SimpleNamespace(find=lambda name: OBJECTS.get(name.lower()))


def start(object: str, condition: str, invert: bool = False) -> Start | None:
    return start_of(FINDER, forms.EventForm(event_type="trigger", start_object=object, start_condition=condition, start_invert=invert))


@pytest.mark.parametrize("condition", ["Run", "Crash", "Stop", "WDErr", "Change"])
def test_states_of_a_process(condition: str) -> None:
    assert start("AUX.EVH", condition, True) == Start(7, 0, 0, condition, True, process=True)


@pytest.mark.parametrize(("object", "condition", "text"), [
    ("AUX.EVH", "HiLim", "is a process: its conditions are Run, Crash, Stop, WDErr and Change"), ("AUX.EVH[2]", "Run", "without rows"),
    ("U.Level", "Crash", "is no process"), ("G.All", "Run", "no object of this name"), ("U.Level[1]", "Change", "without rows")])
def test_what_does_not_fit_is_named(object: str, condition: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        start(object, condition)


def test_a_value_within_its_limits() -> None:
    assert start("u.level", "LowLim") == Start(5, 0, 0, "LowLim", False, 1.0, None)
    assert start("", "Change") is None
