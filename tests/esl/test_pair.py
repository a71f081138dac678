"""Two parts of one object: what they share, what they must not both do."""

from __future__ import annotations

import pytest

from hisee._core.vm import Status
from hisee.esl import compile_object, render

from .directory import event, picture
from .host import Host

LOAD = "RPC PROCEDURE LoadMeters(INT _line)\n  _line := 1\nEND LoadMeters\n"


def codes(parts: dict[int, str], context=None) -> list[str]:
    return [d.code for d in compile_object("S.Pair", parts, context or picture()).diagnostics]


# rules: pair-rpc-twice
@pytest.mark.req("R53")
def test_an_rpc_procedure_in_both_parts_is_refused_naming_both():
    parts = {1: "; local\n" + LOAD, 2: LOAD}
    done = compile_object("S.PumpStation", parts, picture())
    assert not done.ok and done.units == {}
    (found,) = done.diagnostics
    assert (found.code, found.part, found.line, found.column) == ("ESL2101", 2, 1, 15)
    assert (found.notes[0].part, found.notes[0].line) == (1, 2)
    assert "Duplicate declaration of procedure" in render(done.diagnostics, parts) and "`LoadMeters`" in found.message


def test_the_page_of_a_double_procedure_is_what_people_see():
    parts = {1: "; local\n" + LOAD, 2: LOAD}
    done = compile_object("S.PumpStation", parts, picture())
    assert render(done.diagnostics, parts).splitlines() == [
        "error[ESL2101]: procedure `LoadMeters` is declared in both halves",
        " --> S.PumpStation [R] line 1, column 15",
        "  |",
        "1 | RPC PROCEDURE LoadMeters(INT _line)",
        "  |               ^^^^^^^^^^ declared again here (remote)",
        " --> S.PumpStation [L] line 2, column 15",
        "  |",
        "2 | RPC PROCEDURE LoadMeters(INT _line)",
        "  |               ---------- first declared here (local)",
        "  = why: RPC procedures of L and R form one interface; CALL [] could not choose.",
        "  = help: keep one and call it from the other half: `CALL [] LoadMeters(_line)`",
        '  = note: the object was not saved. Original wording: "Duplicate declaration of procedure"',
    ]


@pytest.mark.req("R53")
@pytest.mark.parametrize("local, remote", [("RPC", "RPCX"), ("RPCX", "RPCX"), ("RPCX", "RPC")])
def test_rpcx_counts_as_rpc_and_case_does_not(local, remote):
    parts = {1: f"{local} PROCEDURE Go\nEND Go\n", 2: f"{remote} PROCEDURE GO\nEND GO\n"}
    assert codes(parts) == ["ESL2101"]


def test_ordinary_procedures_of_both_parts_are_private():
    text = "PROCEDURE Help\nEND Help\nBEGIN\n  CALL Help\nEND\n"
    assert codes({1: text, 2: text}) == []


@pytest.mark.req("R55")
def test_a_synchronous_entry_in_both_parts_is_refused():
    text = "ENTRY OnClose(BOOL _bClose)\n  _bClose := @TRUE\nEND OnClose\n"
    done = compile_object("S.Pair", {1: text, 2: text}, picture())
    assert [d.code for d in done.diagnostics] == ["ESL2102"] and not done.units
    assert {done.diagnostics[0].part, done.diagnostics[0].notes[0].part} == {1, 2}


@pytest.mark.req("R55")
def test_the_answer_of_one_handler_makes_the_event_synchronous():
    asks = "ENTRY OnClose(BOOL _bClose)\nEND OnClose\n"
    hears = "ENTRY OnClose(IN BOOL _bClose)\nEND OnClose\n"
    assert codes({1: asks, 2: hears}) == codes({1: hears, 2: asks}) == ["ESL2102"]
    assert codes({1: hears, 2: hears}) == []
    assert codes({1: asks}) == []


@pytest.mark.req("R54")
def test_an_ordinary_event_may_be_handled_in_both_parts():
    text = "ENTRY BtnGo_OnClick\nEND BtnGo_OnClick\n"
    done = compile_object("S.Pair", {1: text, 2: text}, picture())
    assert done.ok and done.handlers == {1: ["BtnGo_OnClick"], 2: ["BtnGo_OnClick"]}


@pytest.mark.req("R50")
def test_locals_of_the_other_part_are_an_error_that_says_so():
    parts = {1: "INT _mine\nBEGIN\n  _mine := 1\nEND\n", 2: "BEGIN\n  _mine := 2\nEND\n"}
    done = compile_object("S.Pair", parts, picture())
    (found,) = done.diagnostics
    assert (found.code, found.part, found.line) == ("ESL2012", 2, 2)
    assert "other part" in found.message


@pytest.mark.req("R50")
def test_picture_variables_are_seen_by_both_parts():
    parts = {1: "BEGIN\n  _selected := 1\nEND\n", 2: "BEGIN\n  LOG \"s\", _selected\nEND\n"}
    done = compile_object("S.Pair", parts, picture())
    assert done.ok
    assert [v.name for v in Host(done.units[2]).script.unit.variables] == ["_selected", "_title"]


def test_a_step_of_a_picture_variable_in_both_parts_is_worth_a_warning():
    text = "BEGIN\n  _selected := _selected + 1\nEND\n"
    assert codes({1: text, 2: text}) == ["ESL4005"]
    assert codes({1: text}) == []


def test_a_remote_part_that_is_switched_off_is_not_compiled():
    done = compile_object("S.Pair", {1: "BEGIN\nEND\n", 2: "this is no script"}, picture(server_script=False))
    assert done.ok and set(done.units) == {1}


def test_objects_are_listed_by_part():
    done = compile_object("S.Pair", {1: "BEGIN\n  U.Count := 1\nEND\n", 2: "BEGIN\n  LOG \"l\", u.level\nEND\n"}, picture())
    assert done.objects == {1: ["U.Count"], 2: ["U.Level"]}


def test_remote_restart_belongs_to_the_local_part_of_events_too():
    text = "ENTRY OnRemoteRestart\nEND OnRemoteRestart\n"
    assert codes({1: text}, event()) == []
    assert codes({2: text}, event()) == ["ESL2020"]


def test_a_handler_runs_and_hands_its_answer_back():
    done = compile_object("S.Pair", {1: "ENTRY OnClose(BOOL _bClose)\n  _bClose := @FALSE\nEND OnClose\nBEGIN\nEND\n"}, picture())
    host = Host(done.units[1])
    assert host.init() == Status.DONE
    assert host.call("OnClose", True) == [False]
