"""The oracle against the VM: the scripts of tests/esl, a slice of the generated programs, and what the oracle does not know yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.oracle import run
from esl.scripts import expectations, files
from hisee.esl.front import nodes, nodes_calls, nodes_units
from hisee.esl.optimisations import ALL

from . import functions, walk
from .compare import Different, check, compiled
from .generate import Program
from .shrink import shrunk
from .walk import NotKnown

# Kinds of nodes that are part of others (declarations, operands) and need no method of their own.
PARTS = {"N_BAD", "N_DECL", "N_VAR", "N_TYPE", "N_PROC", "N_PARAM", "N_LABEL", "N_NOTHING"}
# Functions that the oracle has no body for. A new function of the schema is either added to functions.py or named here.
LISTED = """
%SetTime %GetTime %IsWeak %SetWeak %Rnd %RndInt %RndSeed %FormatNum %TickMS %StrToTime %StrToTimeEx %TimeToStr %TimeToStrEx
%StrMonoToTime %TimeToStrMono %AddIntervalLocal %SubIntervalLocal %SubTimesLocal %NewTime %WeekDay %Year %Month %Day %Hour %Minute
%Second %MSec %YearDay %WeekNr %Quarter %DaysInMonth %IsSummerTime %UTCOffset %MkTime %BeginOf %GridTime %PrevTime %NextTime
%StrToRelTime %RelTimeToStr %GetCurrentTimeZone
%Flag %SetFlag %GetFlags %SetFlagsV %LimState %AlarmState %ARC_Nowrite
"""


def test_what_the_oracle_does_not_know_is_listed() -> None:
    kinds = {name: number for module in (nodes, nodes_units, nodes_calls) for name, number in vars(module).items() if name.startswith("N_")}
    known = {name for name, number in kinds.items() if number in walk.EXPRESSIONS | walk.ACTIONS | walk.BLOCKS}
    assert set(kinds) - known - PARTS == set(walk.NOT_KNOWN)
    assert set(functions.not_known()) == set(LISTED.split())


@pytest.mark.parametrize("path", files("language") + files("samples"), ids=lambda p: p.stem)
def test_scripts_of_the_language(path) -> None:  # type: ignore[no-untyped-def]
    text = path.read_text()
    if expectations(text).kind != "script":
        pytest.skip("the oracle has no pictures")
    try:
        check(text)
    except NotKnown as missing:
        pytest.skip(f"the oracle does not know {missing}")


def test_a_slice_of_the_campaign() -> None:
    figures = run(80, seed=1_000_000)
    assert not figures["differences"], "\n".join(figures["differences"])
    assert figures["compared"] > 130


class Drawn:
    """The generator's choices from Hypothesis: 0 is the simplest, so that programs shrink."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def below(self, n: int) -> int:
        return self._draw(st.integers(0, n - 1))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_programs_that_shrink(data: st.DataObject) -> None:
    text = Program(Drawn(data.draw), size=6).text()
    check(text)


# Each optimisation with a script that it changes: a switch that does nothing would prove nothing.
CHANGED = {
    "fold": "INT _a\nBEGIN\n_a := 1 + 2\nEND\n", "short_load": "INT _a\nBEGIN\n_a := 70000\nEND\n",
    "immediate": "INT _a\nBEGIN\n_a := _a + 1\nEND\n", "real_constant": "REAL _a\nBEGIN\n_a := _a * 2.5\nEND\n",
    "branch": "INT _a, _b\nBEGIN\nIF _a < _b GOTO E\nE:\nEND\n", "branch_constant": "INT _a\nBEGIN\nIF _a < 3 GOTO E\nE:\nEND\n",
    "hot": "REAL _a\nBEGIN\n_a := %Sqrt(_a)\nEND\n", "in_place": "REAL _a, _b\nBEGIN\n_a := _a + _b\nEND\n",
}


@pytest.mark.parametrize("name", ALL)
def test_each_optimisation_can_be_left_out(name: str) -> None:
    text = CHANGED[name]
    assert compiled(text) != compiled(text, frozenset((name,)))


def test_a_difference_is_found_and_shrunk() -> None:
    """With a wrong oracle: the comparison is not blind, and what it tells is short."""
    before = functions.BODIES["%Sqr"]
    functions.BODIES["%Sqr"] = lambda x: x * x + 1
    try:
        text = "INT _a, _b\nBEGIN\n  _b := 1\n  IF _b = 1 THEN\n    _a := %Sqr(3)\n  ENDIF\n  LOG \"a\", _a\nEND\n"
        with pytest.raises(Different):
            check(text)
        assert shrunk(text).split("\n") == ["INT _a, _b", "    _a := %Sqr(3)", '  LOG "a", _a', ""]
    finally:
        functions.BODIES["%Sqr"] = before
