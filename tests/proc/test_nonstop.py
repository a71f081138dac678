"""NonStop: work processes of both computers of a pair, one computer active. It is switched, frozen and killed under work."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns import counters
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.engine.coordinator import Coordinator, TaskRequest
from support import postgres
from support.command import environment
from support.pair import Pair, both, pair
from support.system import kill, until

pytestmark = [pytest.mark.boot, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]
APP = Path(__file__).parent / "app"
PAUSE_S = 0.01  # between two requests


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """SRV1 is active with WP001 and WP002, SRV2 waits with WP003 and WP004."""
    with postgres.postgres_server() as server, \
            pair(server, APP, tmp_path_factory.mktemp("nonstop"), "nonstop", more='{kind = "dbm"}, {kind = "wp", count = 2}') as started:
        shutil.copy(counters.APP / "tasks.py", started.app)
        yield both(started)


@pytest.fixture
def engine(made: Pair) -> Iterator[Coordinator]:
    opened = open_engine(DataDir(made.data("SRV1")).engine_url(), made.data("SRV1"))
    yield opened
    opened.close()


class Requests:
    """Tasks that count, put at a rate by a thread until `end`."""

    def __init__(self, engine: Coordinator) -> None:
        self.ids: list[int] = []
        self._engine, self._stop = engine, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self.ids += self._engine.put([TaskRequest(func="tasks.count", args={"ms": 4.0}, max_attempts=200, retry_s=0.01)])

    def __enter__(self) -> Requests:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def grow(self, count: int) -> None:
        goal = len(self.ids) + count
        until(lambda: len(self.ids) >= goal, f"{count} more requests are put", 30)


def kinds(made: Pair, asked: str) -> dict[str, str]:
    """Kinds of the living work processes as the server of `asked` shows them."""
    with made.client(asked) as client:
        return {row["name"]: row["kind"] for row in client.ps() if row["kind"].endswith("WP") and row["state"] == "Run"}


def standing_by(made: Pair, node: str, active: str) -> list[str]:
    """Wait until both of the node are NWP, and those of the active computer are not; their names."""
    found: dict[str, list[str]] = {}

    def look() -> bool:
        with made.client(active) as client:
            rows = [row for row in client.ps() if row["kind"].endswith("WP") and row["state"] == "Run"]
        for each in (node, active):
            found[each] = sorted(row["kind"] for row in rows if row["node"] == each)
        found["names"] = [row["name"] for row in rows if row["node"] == node]
        return found[node] == ["NWP", "NWP"] and found[active] == ["PWP", "WP"]

    until(look, f"{node} waits, {active} works: {found}", 40)
    return found["names"]


def told(made: Pair, node: str, name: str) -> dict[str, Any]:
    with made.client(node) as client:
        return dict(json.loads(client.tell(name, "STATUS").text))


def activated_by(engine: Coordinator, tasks: list[int]) -> set[str]:
    rows = [engine.task(task) for task in tasks]
    return {step["by"] for row in rows if row is not None for step in row.steps if step["state"] == "activated"}


def all_done(engine: Coordinator) -> bool:
    return all(row.waiting + row.running == 0 for row in engine.queues().values())


def exact(engine: Coordinator, ids: list[int]) -> None:
    until(lambda: all_done(engine), "every task has ended", 60)
    effects = engine.facts("effect/sum/")
    assert engine.fact("sum") == len(effects) and {effects[f"effect/sum/{task}"] for task in ids} == {1}


def pids(made: Pair, node: str) -> list[int]:
    """Of everything of the node, the supervisor first."""
    run = DataDir(made.data(node)).read_run()
    return [made.up[node].pid, *(int(p["pid"]) for p in run["processes"].values() if p.get("pid"))]


@pytest.mark.req("R95", "R123", "R124", "R147")
def test_the_computer_that_is_not_active_waits(made: Pair, engine: Coordinator) -> None:
    names = standing_by(made, "SRV2", "SRV1")
    assert names == ["WP003", "WP004"] and kinds(made, "SRV2") == kinds(made, "SRV1")
    with Requests(engine) as requests:
        requests.grow(40)
    exact(engine, requests.ids)
    assert {"WP001", "WP002"} >= activated_by(engine, requests.ids) > set()
    for name in names:
        facts = told(made, "SRV2", name)
        assert (facts["kind"], facts["ran"], facts["queues"], facts["terms"]) == ("NWP", 0, [], [])
    with made.client("SRV2") as client:
        rows = {row["role"]: row for row in client.terms()}
        doors = {row["name"] for row in client.ps() if row["kind"] == "CP" and row["state"] == "Run"}
    assert rows["node.active"]["node"] == rows["hs.plant"]["node"] == rows["primary"]["node"] == "SRV1" and rows["node.active"]["epoch"] > 0
    assert len(doors) == 2, "communication processes serve on both"


@pytest.mark.req("R148")
def test_a_remote_part_on_the_standby_computer_reads_data(made: Pair, engine: Coordinator) -> None:
    ready, write = os.pipe()
    words = [sys.executable, "-m", "hisee", "hip", "/SSRV1", "/WWS1", "--node", "SRV1", "--data", str(made.data("SRV1")), "--web-port", "0",
             "--ready-fd", str(write)]
    child = subprocess.Popen(words, env=environment(), pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        assert os.read(ready, 4096).startswith(b"ready"), "the console did not start"
        with made.client("SRV1") as client:
            opened = [client.console("WS1").open("S.Split") for _ in range(2)]
            for picture in opened:
                picture.settle(30)
                picture.click("BtnRead")
                picture.settle(30)
                assert picture["LblL"].text.startswith("rows ")
            assert {row["see_count"] for row in client.ps() if row["kind"] == "SES"} == {1}, "one of them is on the standby computer"
        assert all(told(made, "SRV2", name)["ran"] == 0 for name in ("WP003", "WP004"))
    finally:
        os.close(ready)
        child.terminate()
        child.wait(30)


@pytest.mark.req("R99", "R123", "R124")
def test_work_goes_with_the_active_computer(made: Pair, engine: Coordinator) -> None:
    """Ordered, frozen beyond the lease, killed: every effect once, and whoever comes back waits."""
    with Requests(engine) as requests:
        requests.grow(50)
        with made.client("SRV1") as client:
            assert client.tell("SRV1.KNL", "SWITCH SRV2").result == "ok"
        moved = time.monotonic()
        before = {name: told(made, "SRV1", name)["ran"] for name in standing_by(made, "SRV1", "SRV2")}
        print("ordered", round(time.monotonic() - moved, 2))
        requests.grow(50)
        assert {name: told(made, "SRV1", name)["ran"] for name in before} == before
        freeze(made, requests)
        power_off(made, requests)
    exact(engine, requests.ids)
    made.boot("SRV1")
    standing_by(made, "SRV1", "SRV2")


def freeze(made: Pair, requests: Requests) -> None:
    """SRV2 stands still with tasks in hand; thawed, it may end none of them."""
    frozen = pids(made, "SRV2")
    began = time.monotonic()
    for pid in frozen:
        kill(pid, signal.SIGSTOP)
    try:
        made.await_sub("SRV1", "hot")
        requests.grow(50)
    finally:
        for pid in frozen:
            kill(pid, signal.SIGCONT)
    standing_by(made, "SRV2", "SRV1")
    print("frozen", round(time.monotonic() - began, 2))
    requests.grow(50)


def power_off(made: Pair, requests: Requests) -> None:
    """Everything of SRV1 is killed."""
    dead = pids(made, "SRV1")
    began = time.monotonic()
    for pid in dead:
        kill(pid)
    made.up.pop("SRV1").end()
    made.await_sub("SRV2", "hot")
    until(lambda: sorted(kinds(made, "SRV2").values()) == ["PWP", "WP"], "SRV2 works", 30)
    print("killed", round(time.monotonic() - began, 2))
    requests.grow(50)
