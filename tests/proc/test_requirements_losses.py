"""Processes that end, die, freeze, come twice or are missing, and what the others make of it."""

import signal

import pytest

from support.byhand import end, ses, start_ses
from support.system import kill, names, until

pytestmark = pytest.mark.boot
SOON_S = 4.5  # shorter than the watchdog: whoever is told within it was told by a proof, not by silence


def row_of(client, name):
    return next((row for row in client.ps() if row["name"] == name), None)


def state_of(client, name):
    row = row_of(client, name)
    return row and row["state"]


def runs_anew(client, name, before):
    """The parts of a dead console may be gone before its own row tells of it: another pid is the proof."""
    row = row_of(client, name)
    return row is not None and row["state"] == "Run" and row["pid"] != before


def press(picture, button, seconds=10):
    picture.click(button)
    picture.settle(seconds)


@pytest.mark.req("R6")
@pytest.mark.parametrize(("number", "state"), [(signal.SIGTERM, "Stop"), (signal.SIGKILL, "Crash"), (signal.SIGSTOP, "WDErr")])
def test_the_state_tells_how_a_process_ended(client, system, number, state):
    child = start_ses(system.data, "EXTRA")
    try:
        until(lambda: state_of(client, "EXTRA.SES") == "Run", "the SES runs")
        child.send_signal(number)
        until(lambda: state_of(client, "EXTRA.SES") == state, f"the state is {state}", 15)
    finally:
        end(child, signal.SIGKILL)


@pytest.mark.req("R9")
def test_a_second_process_of_a_running_name_is_refused_and_the_first_stays(client, system):
    first = row_of(client, "REMOTE1.SES")
    child = start_ses(system.data, "REMOTE1")
    _, said = child.communicate(timeout=20)
    assert child.returncode == 4
    assert len(said.strip().splitlines()) == 1 and "REMOTE1.SES runs already" in said, said
    now = row_of(client, "REMOTE1.SES")
    assert (now["state"], now["pid"], now["number"]) == ("Run", first["pid"], first["number"])


@pytest.mark.req("R31")
@pytest.mark.parametrize("console", ["WS1", "FAR"])
def test_both_parts_end_at_once_with_their_console(client, console):
    picture = client.console(console).open("S.Split")
    picture.settle(10)
    assert (len(names(client.ps(), "HIS")), len(names(client.ps(), "SEE"))) == (1, 1)
    killed = row_of(client, f"{console}.HIP")["pid"]
    kill(killed)
    until(lambda: not names(client.ps(), "HIS") + names(client.ps(), "SEE"), "both parts are gone", SOON_S)
    until(lambda: runs_anew(client, f"{console}.HIP", killed), "the console is started again", 20)


@pytest.mark.req("R134")
@pytest.mark.parametrize("carrier", ["RING", "SOCKET"])
def test_a_call_ends_with_one_code_when_the_ses_of_its_callee_is_killed(client, carrier):
    picture = client.console("WS1").open("S.Work")
    picture.settle(10)
    (see,) = [row for row in client.ps() if row["kind"] == "SEE"]
    assert client.tell("", f"CARRIER {see['hosted_by']} {carrier}").result == "ok"
    sent = channel_of(client)["sent"]
    picture.click("BtnHang")
    until(lambda: channel_of(client)["sent"] > sent, "the CALL is on its way")
    kill(row_of(client, see["hosted_by"])["pid"])
    until(lambda: picture["LblL"].text == "code 29 n 3", "the CALL ends with _ERR_EVENT_CLOSED, its argument as it was", SOON_S)
    until(lambda: channel_of(client)["state"] == "open", "the channel is open again, with a remote part elsewhere")
    press(picture, "BtnHere")
    assert picture["LblL"].text == "here, code 0"
    picture.close()
    until(lambda: len(names(client.ps(), "SES")) == 2, "the killed SES is started again", 15)


@pytest.mark.req("R28", "R45")
def test_a_remote_part_placed_again_is_served_though_its_request_came_with_the_news_of_the_loss(client):
    """The database manager stands still while its only asker dies and the next one asks: it finds both at once, and nothing comes later."""
    picture = client.console("WS1").open("S.Work")
    picture.settle(10)
    (see,) = [row for row in client.ps() if row["kind"] == "SEE"]
    lost, dbm = row_of(client, see["hosted_by"]), row_of(client, "SRV1.DBM")
    until(lambda: asked(client, lost["name"], "direct"), "a direct route from its SES to the DBM")
    kill(dbm["pid"], signal.SIGSTOP)
    kill(lost["pid"])
    until(lambda: any(asked(client, name) for name in names(client.ps(), "SEE") if name != see["name"]), "DB_CONNECT of the new one waits")
    assert not asked(client, lost["name"]), "a dead process has no routes"
    kill(dbm["pid"], signal.SIGCONT)
    picture.settle(10)
    press(picture, "BtnRows1")
    assert picture["LblR"].text == "read 1"
    picture.close()
    until(lambda: len(names(client.ps(), "SES")) == 2, "the killed SES is started again", 15)


def asked(client, source, mode=None):
    """Routes from there to the DBM."""
    rows = [r for r in client.routes() if r["type"] == "route" and (r["source"], r["target"]) == (source, "SRV1.DBM")]
    return [row for row in rows if mode in (None, row["mode"])]


@pytest.mark.req("R134", "R31")
@pytest.mark.parametrize(("button", "carrier"), [("BtnHang", "RING"), ("BtnHangBack", "RING"), ("BtnHangBack", "SOCKET")])
def test_a_call_ends_with_its_pair_when_the_host_of_the_local_part_is_killed(client, system, button, carrier):
    """Whoever called and whoever was called: the remote part ends at once and its CALL with it, and the picture gets a new pair."""
    picture = client.console("WS1").open("S.Work")
    picture.settle(10)
    (his,), (see,) = ([row for row in client.ps() if row["kind"] == kind] for kind in ("HIS", "SEE"))
    host = next(r["source"] for r in client.routes() if r["type"] == "link" and r["source"].startswith("WS1_"))
    assert client.tell("", f"CARRIER {host} {carrier}").result == "ok"
    before, way = channel_of(client), "sent" if button == "BtnHang" else "received"
    picture.click(button)
    until(lambda: channel_of(client)[way] > before[way], "the CALL is on its way")
    kill(his["pid"])
    until(lambda: see["name"] not in names(client.ps(), "SEE"), "the remote part is gone", SOON_S)
    until(lambda: names(client.ps(), "HIS") and channel_of(client)["state"] == "open", "a new pair is open", 20)
    assert channel_of(client)["id"] != before["id"] and row_of(client, see["hosted_by"])["state"] == "Run"
    until(lambda: picture.facts["remote"] == "up", "the console knows it")
    press(picture, "BtnHere", 20)
    assert picture["LblL"].text == "here, code 0"
    assert "hung, code" not in system.log("events.log"), "the part that called is gone: nobody goes on behind its CALL"
    picture.close()


def channel_of(client):
    (row,) = [row for row in client.ps() if row["kind"] == "HIS"]
    return row["channel"]


@pytest.mark.req("R146")
def test_a_read_whose_database_manager_dies_ends_and_is_not_done_twice(client, system):
    client.profile(reset=True)
    picture = client.console("WS1").open("S.Split")
    picture.settle(10)
    press(picture, "BtnReadHere")
    dbm = row_of(client, "SRV1.DBM")
    kill(dbm["pid"], signal.SIGSTOP)
    picture.click("BtnReadHere")
    until(lambda: row_of(client, "SRV1.DBM")["sent"] > dbm["sent"], "the request is on its way")
    kill(dbm["pid"])
    until(lambda: picture["LblL"].text.endswith("rc 10"), "the read ends with _ERR_TRANS_ABORT in its return code", SOON_S)
    assert "DBS_READ: SRV1.DBM ended during the request (error 10)" in system.log("events.log")
    until(lambda: state_of(client, "SRV1.DBM") == "Run" and row_of(client, "SRV1.DBM")["pid"] != dbm["pid"], "a new one runs", 15)
    assert len([row for row in client.profile(reset=True) if row["action"] == "DBS_READ"]) == 2
    press(picture, "BtnReadHere")
    assert picture["LblL"].text == "rows 3 rc 0"
    assert len([row for row in client.profile() if row["action"] == "DBS_READ"]) == 1, "nothing was taken over by the new one"
    picture.close()


@pytest.mark.req("R25", "R137")
def test_without_an_ses_the_local_part_works_and_the_remote_one_starts_by_itself(client, system):
    for name in ("REMOTE1.SES", "REMOTE2.SES"):
        kill(row_of(client, name)["pid"], signal.SIGTERM)
        until(lambda name=name: state_of(client, name) == "Stop", f"{name} ended in order and stays down")
    picture = client.console("WS1").open("S.Work")
    press(picture, "BtnHere", 20)
    assert picture["LblL"].text == "here, code 37"
    for _ in range(3):
        press(picture, "BtnWho")
    assert (picture["LblL"].text, picture["LblR"].text) == ("clicks 3", "-")
    until(lambda: dropped(client) == 3, "ps counts what the remote part missed")
    with ses(system.data, "LATE"):
        until(lambda: names(client.ps(), "SEE"), "the remote part starts without reopening")
        until(lambda: picture.facts["remote"] == "up", "the console knows it")
        press(picture, "BtnHere")
        assert picture["LblL"].text == "here, code 0"
        assert picture["LblR"].text == "-", "events from before are not replayed"
        press(picture, "BtnWho")
        until(lambda: picture["LblR"].text == "clicks 1", "the remote handler runs again")
        assert (picture["LblL"].text, dropped(client)) == ("clicks 4", 3)
        picture.close()


def dropped(client):
    (row,) = [row for row in client.ps() if row["kind"] == "HIS"]
    return row["dropped"]


@pytest.mark.req("R45")
def test_with_nobody_to_serve_a_category_the_return_code_says_so_and_the_log_names_it(client, system):
    picture = client.console("WS1").open("S.Split")
    picture.settle(10)
    kill(row_of(client, "SRV1.DBM")["pid"], signal.SIGTERM)
    until(lambda: state_of(client, "SRV1.DBM") == "Stop", "the DBM ended in order and stays down")
    press(picture, "BtnReadHere")
    assert picture["LblL"].text.endswith("rc 10")
    assert "no process serves data.db" in system.log("events.log")
    picture.close()
