"""A split picture through real processes: calls both ways, errors, shared variables, data, values, visual functions."""

import os

import pytest

from support.system import names, until

pytestmark = pytest.mark.boot


def press(picture, button, seconds=10):
    picture.click(button)
    picture.settle(seconds)


@pytest.mark.req("R51", "R46", "R39")
def test_all_types_travel_there_and_back(picture):
    press(picture, "BtnEcho")
    assert picture["LblL"].text == "0 42 3 žluť! FALSE 2008"


@pytest.mark.req("R54")
def test_an_ordinary_event_runs_both_handlers_once(picture):
    press(picture, "BtnBoth")
    assert (picture["LblL"].text, picture["LblR"].text) == ("local 1", "remote")


@pytest.mark.req("R51")
def test_the_remote_part_calls_the_local_one(picture):
    press(picture, "BtnBack")
    until(lambda: picture["LblR"].text == "answer 10", "the answer of the local part")
    assert picture["LblL"].text == "asked 5"


def test_an_error_of_the_callee_is_the_code_of_the_caller(picture):
    press(picture, "BtnFail")
    assert picture["LblL"].text == "code 3"


def test_a_missing_procedure_is_a_code_and_arguments_stay(picture):
    press(picture, "BtnNoProc")
    assert picture["LblL"].text == "code 16 n 3"


def test_calls_in_a_circle_are_answered_at_once(picture):
    press(picture, "BtnCircle")
    assert picture["LblL"].text == "circle 18"


@pytest.mark.req("R50", "R135")
def test_a_callee_sees_the_writes_made_before_the_call(picture):
    press(picture, "BtnShared")
    assert picture["LblL"].text == "callee saw 5, now 15 from L and R"


@pytest.mark.req("R44", "R45")
def test_rows_of_a_real_database_reach_either_part(picture):
    press(picture, "BtnRead")
    assert picture["LblL"].text == "rows 3 last west"
    press(picture, "BtnReadHere")
    assert picture["LblL"].text == "rows 3 rc 0"


@pytest.mark.req("R45")
def test_the_database_manager_is_reached_directly_and_through_the_server_on_command(picture, client):
    def by(mode):
        press(picture, "BtnRead")
        return [r for r in client.routes() if r["type"] == "route" and r["target"] == "SRV1.DBM" and r["mode"] == mode]

    if not os.environ.get("HISEE_RELAY"):
        until(lambda: by("direct"), "the route is granted")
        before, after = ({r["id"]: r for r in by("direct")} for _ in range(2))
        (used,) = [r for r in after.values() if r["sent"] > before[r["id"]]["sent"]]
        assert (used["lane"], used["source"].endswith(".SES")) == ("data.db", True)
        assert [used[key] - before[used["id"]][key] for key in ("sent", "received")] == [1, 1]
        assert used["bytes"] > before[used["id"]]["bytes"]
    assert client.tell("", "RELAY ON").result == "ok"
    assert not by("direct")
    assert by("relay")
    assert picture["LblL"].text == "rows 3 last west"
    assert client.tell("", "RELAY MAYBE").result == "error"
    if not os.environ.get("HISEE_RELAY"):
        assert client.tell("", "RELAY OFF").result == "ok"


def test_a_value_is_set_awaited_and_shown_by_its_binding(picture, client, system):
    before = client.get("U.Count")
    press(picture, "BtnSet")
    assert picture["LblL"].text == f"count {before + 1}"
    until(lambda: picture["LblCount"].text == str(before + 1), "the binding shows the value")
    until(lambda: f"count is {before + 1}" in system.log("events.log"), "ON CHANGE of the remote part")


def test_a_waiting_call_ends_when_the_callee_does(picture):
    press(picture, "BtnSlow")
    assert picture["LblL"].text == "slow 9"


@pytest.mark.req("R43")
def test_the_remote_part_reads_the_screen(picture):
    press(picture, "BtnFarLooks")
    until(lambda: picture["LblR"].text == "looked start", "the remote part looked")


@pytest.mark.req("R55")
def test_on_close_may_refuse(picture):
    picture.type("EdText", "stay")
    assert picture.close() is False
    picture.type("EdText", "go")


@pytest.mark.req("R18", "R19", "R2", "R4")
def test_a_see_runs_only_for_a_split_picture(client):
    console = client.console("WS1")
    assert names(client.ps(), "SEE") == []
    local = console.open("S.Local")
    local.settle(5)
    assert (len(names(client.ps(), "HIS")), names(client.ps(), "SEE")) == (1, [])
    split = console.open("S.Split")
    split.settle(5)
    rows = client.ps()
    assert all(name.startswith("WS1_") for name in names(rows, "SEE") + names(rows, "HIS"))
    assert len(names(rows, "SEE")) == 1
    local.close()
    split.close()
    until(lambda: not names(client.ps(), "SEE") + names(client.ps(), "HIS"), "both parts are gone")
