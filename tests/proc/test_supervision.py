"""The supervisor on real processes: order of start, killed, frozen and stopped children, a crash loop, the server's death, the end.

One system; the tests run in the order of this file, the last one ends it.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import hisee
from hisee.logfiles import files_of
from support.byhand import ses
from support.system import RunningSystem, kill, running, until

pytestmark = pytest.mark.boot
APP = """\
name = "watched"
port = 0
[nodes.SRV1]
processes = [
    {kind = "server"}, {kind = "cp"}, {kind = "dbm"}, {kind = "wp", count = 2, priority = 5},
    {kind = "event", name = "LOW", args = ["--SES_REMOTE"], priority = 6, init_s = 0.4},
    {kind = "event", name = "HIGH", args = ["--SES_REMOTE"], priority = 8, init_s = 0.4},
    {kind = "event", name = "MIDDLE", args = ["--SES_REMOTE"], priority = 7, init_s = 0.4},
    {kind = "event", name = "SPARE", args = ["--SES_REMOTE"], autostart = false},
]
[limits]
restarts = 2
log_files = 3
"""
STAMP = re.compile(r"(?m)T(\d\d):(\d\d):(\d\d\.\d+) INFO hisee\.resident (\w+)\.SES ses")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    folder = tmp_path_factory.mktemp("watched")
    app = folder / "app"
    app.mkdir()
    (app / "app.toml").write_text(APP)
    with running(app, folder / "data") as started:
        yield started


@pytest.fixture
def client(watched: RunningSystem) -> Iterator[hisee.System]:
    with watched.connect() as connected:
        yield connected


def row(client: hisee.System, name: str) -> dict:
    found = [row for row in client.ps() if row["name"] == name]
    return found[0] if found else {"state": None, "pid": None}


def pid_of(client: hisee.System, name: str) -> int:
    until(lambda: row(client, name)["state"] == "Run", f"{name} runs", 30)
    return row(client, name)["pid"]


def again(client: hisee.System, name: str, old: int) -> int:
    """The pid of the next run of a process."""
    until(lambda: row(client, name)["state"] == "Run" and row(client, name)["pid"] != old, f"{name} is started again", 40)
    return row(client, name)["pid"]


def order(client: hisee.System, command: str) -> str:
    done = client.tell("SRV1.RRS", command)
    assert done.result == "ok", done.text
    return done.text


@pytest.fixture(scope="module")
def frozen(watched: RunningSystem) -> int:
    """The pid of a child that was stopped; other tests go on while the watchdog's time passes."""
    with watched.connect() as client:
        pid = pid_of(client, "SRV1.DBM")
    kill(pid, signal.SIGSTOP)
    return pid


@pytest.mark.req("R8")
def test_priority_downwards_each_behind_the_initialization_time_of_the_one_before(watched):
    found = STAMP.findall(watched.log("SRV1.RRS"))
    assert [name for *_, name in found] == ["HIGH", "MIDDLE", "LOW"]
    at = [(int(h) * 60 + int(m)) * 60 + float(s) for h, m, s, _ in found]
    assert all((later - earlier) % 86_400 >= 0.4 for earlier, later in zip(at, at[1:], strict=False))
    lines = watched.output().splitlines()
    assert lines[1].startswith("SRV1.KNL ") and lines[-1] == "ready"


@pytest.mark.req("R37")
def test_the_supervisor_is_listed_and_answers(client):
    assert row(client, "SRV1.RRS")["kind"] == "RRS" and not [r for r in client.ps() if r["kind"] in ("HIP", "SEE")]
    table = order(client, "LIST")
    assert "HIGH.SES" in table and "WP001" in table and "SPARE.SES" in table
    assert {"START NAME", "RESTART NAME", "LIST"} <= {re.split(r"  +", line)[0] for line in order(client, "HELP").splitlines()}
    assert client.tell("SRV1.RRS", "START HIGH.SES").result == "aborted" and client.tell("SRV1.RRS", "START NOBODY").result == "aborted"
    assert client.tell("SRV1.RRS", "START").result == "error" and client.tell("SRV1.RRS", "DRAIN").result == "ignored"


@pytest.mark.req("R93", "R131")
def test_logs_carry_kind_and_number_and_one_work_process_changes_the_logs_of_all(watched, client):
    folder = watched.data / "log"
    assert {"WP001.00.log", "WP002.00.log"} <= {p.name for p in folder.iterdir()} and not list(folder.glob("WP.pid*.log"))
    assert client.tell("WP001", "LOG SHIFT").result == "ok"
    for name in ("WP001", "WP002"):
        until(lambda name=name: len(files_of(folder, name)) == 2, f"{name} begins a new log file")
    assert len(files_of(folder, "LOW.SES")) == 1


@pytest.mark.req("R5", "R6", "R7", "R130")
def test_a_killed_child_comes_back_and_a_process_started_by_hand_does_not(watched, client, frozen):
    old = pid_of(client, "HIGH.SES")
    with ses(watched.data, "BYHAND") as hand:
        until(lambda: row(client, "BYHAND.SES")["state"] == "Run", "the one by hand logs on", 20)
        kill(hand.pid)
        kill(old)
        until(lambda: row(client, "HIGH.SES")["state"] == "Crash" or row(client, "HIGH.SES")["pid"] != old, "the loss is seen")
        again(client, "HIGH.SES", old)
        until(lambda: row(client, "BYHAND.SES")["state"] == "Crash", "the loss of the other one is seen as well")
    assert "ALARM HIGH.SES ended (SIGKILL): started again in 1 s" in watched.log("SRV1.RRS")


@pytest.mark.req("R7", "R86", "R130")
def test_a_stopped_child_stays_down_until_it_is_ordered(client):
    old, other = pid_of(client, "MIDDLE.SES"), pid_of(client, "LOW.SES")
    assert client.tell("MIDDLE.SES", "STOP").result == "ok"
    until(lambda: row(client, "MIDDLE.SES")["state"] == "Stop", "it stops")
    kill(other)  # what happens to this one meanwhile shows that the supervisor is at work
    again(client, "LOW.SES", other)
    assert row(client, "MIDDLE.SES")["state"] == "Stop"
    order(client, "START MIDDLE.SES")
    middle = again(client, "MIDDLE.SES", old)
    order(client, "RESTART MIDDLE.SES")
    again(client, "MIDDLE.SES", middle)
    order(client, "START SPARE.SES")
    pid_of(client, "SPARE.SES")
    order(client, "STOP SPARE.SES")
    until(lambda: row(client, "SPARE.SES")["state"] == "Stop", "it stops by the supervisor's order")


@pytest.mark.req("R87", "R130")
def test_a_crash_loop_ends_with_an_alarm_and_the_logs_of_the_last_runs_are_there(watched, client):
    order(client, "START SPARE.SES")
    for _ in range(3):
        kill(pid_of(client, "SPARE.SES"))
        until(lambda: row(client, "SPARE.SES")["state"] != "Run", "it is gone")
    until(lambda: "SPARE.SES ended (SIGKILL) 3 times in 60 s: it stays down" in watched.log("events.log"), "the alarm")
    assert "down" in next(line for line in order(client, "LIST").splitlines() if line.startswith("SPARE.SES"))
    kept = files_of(watched.data / "log", "SPARE.SES")
    assert [path.name for path in kept] == [f"SPARE.SES.0{n}.log" for n in range(3)]
    pids = [int(re.search(r"pid (\d+)", path.read_text())[1]) for path in kept]  # type: ignore[index]
    assert pids[0] == row(client, "SPARE.SES")["pid"] and len(set(pids)) == 3


@pytest.mark.req("R6", "R7")
def test_a_frozen_child_is_killed_and_comes_back(watched, client, frozen):
    until(lambda: "SRV1.DBM does not answer (WDErr)" in watched.log("SRV1.RRS"), "the watchdog ends its session", 30)
    again(client, "SRV1.DBM", frozen)
    assert not Path(f"/proc/{frozen}").exists()
    assert "SRV1.DBM is killed: WDErr: frozen" in watched.log("SRV1.RRS")


@pytest.mark.req("R5", "R7")
def test_after_the_death_of_the_server_everything_starts_again(watched):
    with watched.connect() as client:
        pids = {name: pid_of(client, name) for name in ("SRV1.KNL", "SRV1.DBM", "HIGH.SES")}
    kill(pids["SRV1.KNL"])
    until(lambda: watched.output().count("\nSRV1.KNL knl") == 2, "the server is started again", 30)
    until(lambda: watched.output().count("\nSRV1.DBM dbm") >= 3, "the others follow", 60)
    with watched.connect() as client:
        for name, pid in pids.items():
            again(client, name, pid)
        until(lambda: row(client, "SRV1.RRS")["state"] == "Run", "the supervisor has logged on again", 20)
        for name in ("WP001", "WP002"):
            pid_of(client, name)


@pytest.mark.req("R129")
def test_the_system_ends_in_order(watched):
    with watched.connect() as client:
        until(lambda: {"PWP", "WP"} <= {r["kind"] for r in client.ps() if r["state"] == "Run"}, "there is a primary", 30)
        until(lambda: "PWP" in {r["kind"] for r in client.ps() if r["state"] == "Run"}, "the supervisor knows it")
        primary = next(line.split()[0] for line in order(client, "LIST").splitlines() if next(
            r["name"] for r in client.ps() if r["kind"] == "PWP" and r["state"] == "Run") in line)
        before = len(watched.output())
        client.stop()
    until(lambda: "SRV1.KNL ended" in watched.output()[before:], "the server ends", 40)
    assert watched.stop() == 0
    ended = [line.removesuffix(" ended") for line in watched.output()[before:].splitlines() if line.endswith(" ended")]
    other = ({"SRV1.WP_1", "SRV1.WP_2"} - {primary}).pop()
    assert ended[:3] == [other, "SRV1.CP", primary] and ended[-1] == "SRV1.KNL"
    assert set(ended[3:-1]) == {"HIGH.SES", "MIDDLE.SES", "LOW.SES", "SRV1.DBM"}
