"""Java work processes of a whole system: real virtual machines, killed and frozen in the middle of calls, stopped by command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hisee
from campaigns import java
from hisee.durable import TaskFailed
from hisee.work.jwp import JAR
from support.system import RunningSystem, kill, running, until

APP = Path(__file__).parent / "java_app"
PATIENCE_S = 60.0
pytestmark = [pytest.mark.boot, pytest.mark.slow]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    if shutil.which("java") is None or not JAR.is_file():
        pytest.skip("no java, or built without javac: apt-get install default-jdk-headless")
    with running(APP, tmp_path_factory.mktemp("java") / "data") as started:
        yield started


@pytest.fixture
def client(system: RunningSystem) -> Iterator[hisee.System]:
    with system.connect() as connected:
        until(lambda: len(machines(connected)) == 2, "two Java work processes run", PATIENCE_S)
        yield connected


def machines(client: hisee.System) -> dict[str, dict[str, Any]]:
    """Those that are logged on; one that is starting has its number already, and no carrier."""
    return {row["name"]: row for row in client.ps() if row["kind"] == "JWP" and row["state"] == "Run" and row["carrier"]}


def steps(task: hisee.durable.Task) -> list[str]:
    return [step["state"] for step in task.row["steps"]]


@pytest.mark.req("R142", "R95")
def test_services_are_called_by_name(client):
    rows = machines(client)
    assert sorted(rows) == ["JWP001", "JWP002"]
    assert {Path(f"/proc/{row['pid']}/exe").resolve().name for row in rows.values()} == {"java"}
    assert {row["carrier"] for row in rows.values()} == {"unix"}
    assert client.enqueue("service.echo", text="ž", n=[1, None, 2.5]).result(PATIENCE_S) == {"text": "ž", "n": [1, None, 2.5]}
    task = client.enqueue("service.tariff", start="2026-10-25T00:00:00Z", zone="Europe/Bratislava", kwh=[1.0] * 4,
                          prices=[{"name": "night", "price": 0.1, "from": 22, "to": 3}, {"name": "day", "price": 0.2}])
    result = task.result(PATIENCE_S)
    assert (result["cost"], result["by"]["night"]["hours"]) == (0.6, 2)  # 2 o'clock comes twice that night: 02:00, 02:00, 03:00, 04:00
    assert steps(task)[-4:] == ["generated", "started", "active", "ended ok"]


@pytest.mark.req("R142")
def test_a_service_that_nobody_offers_is_named(client):
    """At once while it is waited for; what it ends with is tested with a shorter wait."""
    task = client.enqueue("service.nothing")
    until(lambda: task.row["progress_text"] == "no Java work process offers service nothing", "the reason is shown", PATIENCE_S)
    assert task.state == "started" and task.cancel()
    with pytest.raises(TaskFailed, match="cancelled"):
        task.result(PATIENCE_S)


@pytest.mark.req("R142", "R110", "R111")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_machine_is_taken_over(client, number):
    tasks = [client.enqueue("service.echo", n=n, wait_ms=1200, options={"retry_s": 0.1}) for n in range(4)]
    until(lambda: all(task.state == "active" for task in tasks), "all calls run", PATIENCE_S)
    rows = machines(client)
    pid = busiest(client, rows)["pid"]
    kill(pid, number)
    try:
        assert [task.result(PATIENCE_S) for task in tasks] == [{"n": n, "wait_ms": 1200} for n in range(4)]
    finally:
        if number == signal.SIGSTOP:
            kill(pid, signal.SIGCONT) if Path(f"/proc/{pid}").exists() else None
    assert any(task.row["attempt"] == 2 for task in tasks)
    assert all(steps(task).count("ended ok") == 1 for task in tasks)
    until(lambda: len({row["pid"] for row in machines(client).values()} - {pid}) == 2, "another machine was started", PATIENCE_S)


def busiest(client: hisee.System, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One that runs a call now."""
    return next(row for name, row in rows.items() if '"running":0' not in client.tell(name, "STATUS").text)


@pytest.mark.req("R142", "R110")
def test_the_watching_work_process_may_be_lost_too(client):
    """The task is taken over by another one, which finds the call that runs: it is not begun a second time."""
    task = client.enqueue("service.echo", wait_ms=1500)
    until(lambda: task.state == "active", "the call runs", PATIENCE_S)
    owner, called = task.row["owner"], calls(client)
    kill(next(row["pid"] for row in client.ps() if row["name"] == owner))
    assert task.result(PATIENCE_S) == {"wait_ms": 1500}
    assert task.row["attempt"] == 1 and calls(client) == called, "the loss of a watcher is no attempt"
    until(lambda: sum(row["kind"] in ("WP", "PWP") and row["state"] == "Run" for row in client.ps()) == 2, "restarted", PATIENCE_S)


def calls(client: hisee.System) -> int:
    """How often services were begun, all machines together."""
    return sum(json.loads(client.tell(name, "STATUS").text)["calls"] for name in machines(client))


@pytest.mark.req("R142", "R110")
def test_a_slice_of_the_campaign(client, system):
    figures = java.run(system, count=40, kills=2)
    assert figures["tasks"] >= 40 and sum(figures["victims"].values()) == 2


@pytest.mark.req("R86")
def test_a_machine_stopped_by_command_stays_down(client, system):
    task = client.enqueue("service.echo", wait_ms=1000)
    until(lambda: task.state == "active", "the call runs", PATIENCE_S)
    name = busiest(client, machines(client))["name"]
    assert client.tell(name, "STOP").result == "ok"
    assert task.result(PATIENCE_S) == {"wait_ms": 1000} and task.row["attempt"] == 1
    until(lambda: name not in machines(client), "it ends", PATIENCE_S)
    state = next(row["state"] for row in client.ps() if row["name"] == name)
    assert state == "Stop" and "ended in order" in system.output()
    again = by_hand(system.data)
    try:
        until(lambda: len(machines(client)) == 2, "one started by hand takes the free number", PATIENCE_S)
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(20) == 0


def by_hand(data: Path, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "hisee", "jwp", "--data", str(data)], stdout=subprocess.DEVNULL, **more)


def test_without_java_the_package_is_named(system, tmp_path):
    done = subprocess.run([sys.executable, "-m", "hisee", "jwp", "--data", str(system.data)], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": str(tmp_path)})
    assert done.returncode == 1 and "default-jre-headless" in done.stderr and len(done.stderr.splitlines()) == 1


