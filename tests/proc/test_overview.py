"""One system with work processes, seen through the commands, the Python API and the page: overview, orders, losses of SES."""

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from support.byhand import end, ses
from support.system import RunningSystem, kill, names, running, until

pytestmark = pytest.mark.boot
APP = Path(__file__).parent / "app"
LIMIT_S = 2


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp("overview")
    app = shutil.copytree(APP, folder / "app")
    text = (app / "app.toml").read_text().replace('{kind = "dbm"}', '{kind = "dbm"}, {kind = "wp", count = 3}')
    (app / "app.toml").write_text(f"{text}request_limit_s = {LIMIT_S}\n")
    with running(app, folder / "data") as started:
        yield started


def hisee(system: RunningSystem, *words: str, expect: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "hisee", *words, "--data", str(system.data)], capture_output=True, text=True, timeout=60)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stdout + done.stderr


def row_of(client, name):
    return next((row for row in client.ps() if row["name"] == name), None)


def runs(client, name, but=None):
    row = row_of(client, name)
    return row is not None and row["state"] == "Run" and row["pid"] != but


# -- what the commands show


@pytest.mark.req("R125", "R126", "R95")
def test_roles_and_kinds_of_the_work_processes(system, client):
    until(lambda: sorted(filter(None, client.roles().values())) == ["WP001", "WP002", "WP003"], "each has its role", 20)
    roles = json.loads(hisee(system, "roles", "--json"))
    assert roles == {"primary": "WP001", "O": "WP002", "R": "WP003"}
    rows = {row["name"]: row for row in json.loads(hisee(system, "ps", "--json"))}
    assert [(rows[n]["kind"], rows[n]["role"]) for n in ("WP001", "WP002", "WP003")] == [("PWP", None), ("WP", "O"), ("WP", "R")]
    assert rows["CP001"]["kind"] == "CP" and rows["SRV1.RRS"]["kind"] == "RRS"
    assert "WP002" in hisee(system, "roles")


@pytest.mark.req("R126")
def test_the_table_as_csv(system):
    rows = list(csv.DictReader(io.StringIO(hisee(system, "ps", "--csv"))))
    worker = next(row for row in rows if row["name"] == "WP001")
    assert worker["type"] == "PWP" and worker["version"] and worker["server_time"].endswith("Z") and int(worker["memory_bytes"]) > 1 << 20
    assert abs(int(worker["time_difference_ms"])) < 5000
    assert [line.split(",")[0] for line in hisee(system, "queues", "--csv").splitlines()][:3] == ["queue", "general", "primary"]


@pytest.mark.req("R128")
def test_queues_have_their_keys(system):
    queues = json.loads(hisee(system, "queues", "--json"))
    assert list(queues) == ["general", "primary", "O", "R", "dialog", "java", "event", "CP001"]
    assert all(row.keys() >= {"waiting", "running", "oldest_ms"} for row in queues.values())


@pytest.mark.req("R145")
def test_lanes_need_no_system(tmp_path):
    done = subprocess.run([sys.executable, "-m", "hisee", "lanes", "--json"], capture_output=True, text=True, cwd=tmp_path, check=True)
    rows = json.loads(done.stdout)
    dialog = {row["name"] for row in rows if row["lane"] == "dialog"}
    assert {"TASK_PUT", "TASK_LIST", "SCHEDULE_PUT"} <= dialog and not dialog & {"CALL", "DATA", "JOB_REPORT"}
    assert all(row["lane"] for row in rows) and {row["served_by"] for row in rows if row["lane"] == "dialog"} == {"DWP"}


@pytest.mark.req("R45", "R134")
def test_routes_name_who_reaches_whom_and_count(client):
    picture = client.console("WS1").open("S.Split")
    picture.settle(10)
    picture.click("BtnEcho")
    picture.settle(10)
    routes = client.routes()
    (see,) = names(client.ps(), "SEE")
    assert any(r["type"] == "route" and r["target"] == see and r["lane"] == "script" and r["sent"] and r["received"] for r in routes)
    (channel,) = [r for r in routes if r["type"] == "channel"]
    assert (channel["target"], channel["state"]) == (see, "open") and channel["sent"] >= 1
    picture.close()
    until(lambda: not [r for r in client.routes() if see in (r["source"], r["target"])], "closing revokes its routes")


def test_watching_ends_in_order_with_ctrl_c(system):
    command = [sys.executable, "-m", "hisee", "roles", "--watch", "--data", str(system.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout.readline().startswith("ROLE") and "WP001" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert watching.wait(20) == 0


def test_logs_are_read_and_followed(system, client):
    assert "ready" in hisee(system, "logs", "WP001")
    both = hisee(system, "logs", "WP001", "WP002", "-n", "50").splitlines()
    assert {line.split()[0] for line in both} == {"WP001", "WP002"}
    assert [line.split()[1] for line in both] == sorted(line.split()[1] for line in both)
    assert "no log of NOBODY" in hisee(system, "logs", "NOBODY", expect=1)
    command = [sys.executable, "-m", "hisee", "logs", "-f", "-n", "1", "SRV1.DBM", "--data", str(system.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        following.stdout.readline()
        client.tell("SRV1.DBM", "PING")
        assert "command PING" in following.stdout.readline()
        client.tell("SRV1.DBM", "LOG SHIFT")
        client.tell("SRV1.DBM", "STATUS")
        assert any("command STATUS" in following.stdout.readline() for _ in range(4)), "a new log file is followed too"
        following.send_signal(signal.SIGINT)
        following.stdout.read()
        assert following.wait(20) == 0


# -- orders


@pytest.mark.req("R85")
def test_every_process_answers_commands_and_each_end_has_its_result(system):
    for name in ("SRV1.KNL", "CP001", "SRV1.DBM", "REMOTE1.SES", "WS1.HIP", "FAR.HIP", "WP001", "SRV1.RRS"):
        assert "PING" in hisee(system, "tell", name, "HELP", "--wait"), name
        assert hisee(system, "tell", name, "PING") == "handed over\n"
    ends = {words: json.loads(hisee(system, "tell", *words, "--wait", "--json", expect=0 if words[1] == "PING" else 1))["result"]
            for words in (("CP001", "PING"), ("CP001", "NOSUCH"), ("CP001", "DI MAYBE"), ("NOBODY", "STATUS"))}
    assert list(ends.values()) == ["ok", "ignored", "error", "aborted"]


@pytest.mark.req("R86")
def test_stop_ends_an_ses_for_good_and_debug_lines_follow_switches(system, client):
    with ses(system.data, "EXTRA") as child:
        until(lambda: runs(client, "EXTRA.SES"), "the SES runs", 20)
        steps = ((), ("E +commands",), (), ("E -commands",), (), ("DI OFF",), ())
        counts = [debug_lines(system, client, *orders) for orders in steps]
        assert counts[0] == 0 and counts[1] > 0 and counts[2] > 0 and counts[4:] == [0, 0, 0], counts
        assert client.tell("EXTRA.SES", "STOP").result == "ok"
        assert child.wait(20) == 0
        until(lambda: row_of(client, "EXTRA.SES")["state"] == "Stop", "its state says so")
    pid = row_of(client, "REMOTE2.SES")["pid"]
    assert client.tell("REMOTE2.SES", "STOP").result == "ok"
    until(lambda: row_of(client, "REMOTE2.SES")["state"] == "Stop", "it ended in order", 20)
    for _ in range(12):  # longer than the delay of a restart
        time.sleep(0.25)
        assert row_of(client, "REMOTE2.SES")["state"] == "Stop"
    assert client.tell("SRV1.RRS", "START REMOTE2.SES").result == "ok"
    until(lambda: runs(client, "REMOTE2.SES", but=pid), "it runs again by order", 20)


def debug_lines(system, client, *orders):
    """New debug lines of the SES after these orders and one command more."""
    for order in orders:
        assert client.tell("EXTRA.SES", order).result == "ok"
    before = system.log("EXTRA.SES.00.log").count(" DEBUG ")
    client.tell("EXTRA.SES", "PING")
    return system.log("EXTRA.SES.00.log").count(" DEBUG ") - before


@pytest.mark.req("R86")
def test_a_category_can_be_on_from_the_start(system, client):
    command = [sys.executable, "-m", "hisee", "event", "/SSRV1", "/WTALKS", "--SES_REMOTE", "/E+commands", "--data", str(system.data),
               "--node", "SRV1"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: runs(client, "TALKS.SES"), "it runs", 20)
        assert client.tell("TALKS.SES", "PING").result == "ok"
        assert " DEBUG hisee.commands command PING" in system.log("TALKS.SES.00.log")
    finally:
        end(child)


@pytest.mark.req("R12")
def test_an_instance_shows_its_number_and_excludes_the_plain_name(system, client):
    with ses(system.data, "TWIN,2"):
        until(lambda: runs(client, "[2]_TWIN.SES"), "the instance runs under its number", 20)
        with ses(system.data, "TWIN") as plain:
            assert plain.wait(20) == 4 and "[2]_TWIN.SES runs already" in plain.stderr.read()
        with ses(system.data, "TWIN,3"):
            until(lambda: runs(client, "[3]_TWIN.SES"), "instances live beside each other", 20)
    with ses(system.data, "LONE"):
        until(lambda: runs(client, "LONE.SES"), "the plain one runs", 20)
        with ses(system.data, "LONE,2") as instance:
            assert instance.wait(20) == 4 and "LONE.SES runs already" in instance.stderr.read()


@pytest.mark.req("R35", "R89")
def test_a_drained_ses_reports_and_opens_go_elsewhere(client):
    first = client.console("WS1").open("S.Split")
    first.settle(10)
    (host,) = [row["hosted_by"] for row in client.ps() if row["kind"] == "SEE"]
    assert row_of(client, host)["see_count"] == 1
    assert client.tell(host, "DRAIN").result == "ok"
    more = [client.console(f"WS{n}").open("S.Split") for n in (2, 3)]
    for picture in more:
        picture.settle(10)
    sees = [row for row in client.ps() if row["kind"] == "SEE"]
    assert sorted(row["hosted_by"] == host for row in sees) == [False, False, True]
    assert {row["console"] for row in sees} == {"WS1.HIP", "WS2.HIP", "WS3.HIP"} and {row["object"] for row in sees} == {"S.Split"}
    assert row_of(client, host)["drain"] == "draining"
    first.close()
    until(lambda: row_of(client, host)["drain"] == "drained", "it reports that it is empty")
    assert client.tell(host, "RESUME").result == "ok"
    again = client.console("WS4").open("S.Split")
    again.settle(10)
    assert row_of(client, host)["see_count"] == 1
    for picture in (*more, again):
        picture.close()


def test_a_virtual_process_takes_commands_and_stop_ends_it_alone(client):
    pictures = [client.console(f"WS{n}").open("S.Split") for n in (1, 2)]
    for picture in pictures:
        picture.settle(10)
    sees = {row["console"]: row["name"] for row in client.ps() if row["kind"] == "SEE"}
    (his,) = [row["name"] for row in client.ps() if row["kind"] == "HIS" and row["console"] == "WS2.HIP"]
    assert [json.loads(client.tell(name, "STATUS").text)["object"] for name in (sees["WS1.HIP"], his)] == ["S.Split", "S.Split"]
    assert client.tell(sees["WS1.HIP"], "DRAIN").result == "ignored"
    assert client.tell(sees["WS1.HIP"], "STOP").result == "ok"
    until(lambda: names(client.ps(), "SEE") == [sees["WS2.HIP"]], "the other one is left")
    for picture in pictures:
        picture.close()


@pytest.mark.req("R88")
def test_facts_of_each_process(client):
    rows = {row["name"]: row for row in client.ps()}
    for name, carrier in (("REMOTE1.SES", "ring"), ("FAR.HIP", "tcp"), ("WP001", "ring"), ("SRV1.DBM", "ring")):
        row = rows[name]
        assert (row["carrier"], row["link"], row["state"]) == (carrier, "up", "Run")
        assert row["number"] and row["host"] and row["memory_bytes"] > 1 << 20 and row["sent"] is not None and row["received"] > 0, name


# -- losses


def test_a_work_process_that_dies_is_listed_until_its_number_is_used(client):
    pid = row_of(client, "WP003")["pid"]
    kill(pid)
    until(lambda: not runs(client, "WP003") or row_of(client, "WP003")["pid"] != pid, "its death shows")
    until(lambda: runs(client, "WP003", but=pid), "the next one takes its number", 30)


@pytest.mark.req("R26")
def test_a_frozen_ses_is_passed_over(client):
    until(lambda: len(names(client.ps(), "SES")) == 2, "both SES run", 20)
    frozen = min((row for row in client.ps() if row["kind"] == "SES" and row["state"] == "Run"), key=lambda row: row["see_count"])
    kill(frozen["pid"], signal.SIGSTOP)
    try:
        picture = client.console("WS5").open("S.Split")
        until(lambda: picture.facts["remote"] == "up", "the remote part runs at the other one", 10)
        (see,) = [row for row in client.ps() if row["kind"] == "SEE"]
        assert see["hosted_by"] not in (None, frozen["name"])
    finally:
        kill(frozen["pid"], signal.SIGCONT)
    picture.close()
    until(lambda: len(names(client.ps(), "SES")) == 2, "both SES run again", 30)


@pytest.mark.req("R34")
def test_a_killed_ses_comes_back_with_nothing(client):
    pictures = [client.console(f"WS{n}").open("S.Split") for n in range(1, 7)]
    for picture in pictures:
        picture.settle(10)
    victim = row_of(client, "REMOTE1.SES")
    old = {row["name"] for row in client.ps() if row["hosted_by"] == "REMOTE1.SES"}
    assert victim["see_count"] == len(old) == 3
    kill(victim["pid"])
    until(lambda: runs(client, "REMOTE1.SES", but=victim["pid"]), "it is started again under its old name", 30)
    rows = client.ps()
    assert next(row for row in rows if row["name"] == "REMOTE1.SES")["see_count"] == 0
    assert not old & {row["name"] for row in rows}
    for picture in pictures:
        picture.close()


@pytest.mark.req("R36")
def test_a_request_over_its_limit_ends_its_see_alone(system, client):
    hanging, neighbour = client.console("WS1").open("S.Work"), client.console("WS2").open("S.Split")
    for picture in (hanging, neighbour):
        picture.settle(10)
    hosts = {row["pid"] for row in client.ps() if row["kind"] == "SES"}
    (see,) = [row["name"] for row in client.ps() if row["kind"] == "SEE" and row["object"] == "S.Work"]
    dbm = row_of(client, "SRV1.DBM")["pid"]
    kill(dbm, signal.SIGSTOP)
    try:
        hanging.click("BtnRows1")
        until(lambda: see not in names(client.ps(), "SEE"), "the SEE that hangs is ended", 20)
    finally:
        kill(dbm, signal.SIGCONT)
    assert f"DB_READ waited longer than request_limit_s = {LIMIT_S} s" in system.log("events.log")
    line = next(line for line in system.log("events.log").splitlines() if "request_limit_s" in line)
    assert see in line and "S.Work line" in line
    neighbour.click("BtnEcho")
    neighbour.settle(10)
    assert neighbour["LblL"].text.startswith("0 42")
    assert {row["pid"] for row in client.ps() if row["kind"] == "SES"} == hosts
    for picture in (hanging, neighbour):
        picture.close()


# -- the page's JSON


def test_the_api_of_the_page_answers_its_session_only(client):
    address = client.console("WS1").address
    base = address.partition("/?")[0]
    with httpx.Client(base_url=base, follow_redirects=True) as http:
        assert [http.get(f"/api/{name}").status_code for name in ("ps", "tasks")] == [403, 403]
        assert http.get(address).status_code == 200
        assert {row["name"] for row in http.get("/api/ps").json()} >= {"SRV1.KNL", "WP001", "WS1.HIP"}
        assert http.get("/api/roles").json() == client.roles()
        assert list(http.get("/api/queues").json()) == list(client.queues())
        assert http.get("/api/tasks?limit=5").json() == []
        assert http.get("/api/tasks?limit=x").status_code == 400
        assert {row["type"] for row in http.get("/api/routes").json()} >= {"service", "route"}
        assert any(row["name"] == "CALL" for row in http.get("/api/lanes").json())
        assert http.post("/api/ps").status_code == 405
        assert http.get("/api/ps").headers["cache-control"] == "no-store"
