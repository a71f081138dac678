"""EVENT .. ASYNC DURABLE with real processes: whatever dies, every start that was kept runs to its end, and none is begun twice but those
that were cut in the middle."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.system import RunningSystem, kill, running, until

pytestmark = pytest.mark.boot
APP = Path(__file__).parent / "events_app"
COUNT, AT_ONCE = 40, 4
LINE = re.compile(r" (\w+_\d+)\.EVS E\.Work\[L\] (begin|end) (\d+)$", re.M)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    folder = tmp_path_factory.mktemp("durable")
    app = shutil.copytree(APP, folder / "app", ignore=shutil.ignore_patterns(".hisee"))
    with open(app / "app.toml", "a") as file:
        file.write(f"\n[limits]\nevent_runs = {AT_ONCE}\n")
    with running(app, folder / "data") as started:
        yield started


class Seen:
    """Begins and ends of E.Work by number, from now on."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._before = Counter(self._lines())

    def _lines(self) -> list[tuple[str, str, str]]:
        return [match for file in sorted((self._system.data / "log").glob("events*.log")) for match in LINE.findall(file.read_text())]

    def of(self, word: str) -> Counter[int]:
        return Counter(int(number) for _, what, number in (Counter(self._lines()) - self._before).elements() if what == word)


def put(system: RunningSystem) -> Seen:
    """COUNT starts, all kept."""
    with system.connect() as client:
        seen, lines = Seen(system), system.log("events.log").count(f"kept {COUNT}")
        client.set("U.Keep", 0)
        client.set("U.Keep", COUNT)
        until(lambda: system.log("events.log").count(f"kept {COUNT}") > lines, "all are kept", 20)
    return seen


def pids(system: RunningSystem, kind: str) -> list[int]:
    with system.connect() as client:
        return [row["pid"] for row in client.ps() if row["kind"] == kind and row["state"] == "Run"]


def all_ended(system: RunningSystem, seen: Seen) -> None:
    """Every start ran to its end, and every task says so."""
    until(lambda: len(seen.of("end")) == COUNT, "every start ran to its end", 60)
    with system.connect() as client:
        until(lambda: {t["state"] for t in client.tasks.list(func="event.E.Work", limit=1000)} == {"ended ok"}, "every task ended", 30)


def test_without_a_disturbance_each_runs_once(system: RunningSystem) -> None:
    seen = put(system)
    all_ended(system, seen)
    assert set(seen.of("begin").values()) == set(seen.of("end").values()) == {1}


def test_work_processes_that_are_killed_double_nothing(system: RunningSystem) -> None:
    seen = put(system)
    until(lambda: seen.of("begin"), "they begin")
    for pid in pids(system, "WP"):
        kill(pid)
    all_ended(system, seen)
    assert set(seen.of("begin").values()) == set(seen.of("end").values()) == {1}


def test_an_event_handler_that_is_killed_loses_no_start(system: RunningSystem) -> None:
    seen = put(system)
    until(lambda: seen.of("begin"), "they begin")
    with system.connect() as client:
        handler = next(row["pid"] for row in client.ps() if row["name"] == "SRV1.EVH")
    kill(handler)
    all_ended(system, seen)
    assert_only_cut_ones_are_doubled(seen)


@pytest.mark.req("R80")
def test_a_server_that_is_killed_loses_no_start(system: RunningSystem) -> None:
    seen = put(system)
    until(lambda: seen.of("begin"), "they begin")
    (server,) = pids(system, "KNL")
    kill(server)
    until(lambda: system.output().count("\nSRV1.KNL knl") == 2, "the server is started again", 60)
    all_ended(system, seen)
    assert_only_cut_ones_are_doubled(seen)


def assert_only_cut_ones_are_doubled(seen: Seen) -> None:
    """As many as may run at once can have been cut; they began again."""
    assert sum(count - 1 for count in seen.of("begin").values()) <= AT_ONCE
    assert max(seen.of("begin").values()) <= 2
