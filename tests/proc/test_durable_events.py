"""EVENT .. ASYNC DURABLE with real processes: whatever dies, every start that was kept runs to its end, and none is begun twice but those
that were cut in the middle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import hisee
from support import postgres
from support.pair import Pair, both, pair
from support.system import RunningSystem, kill, running, until

pytestmark = pytest.mark.boot
APP = Path(__file__).parent / "durable_app"
COUNT, AT_ONCE = 40, 4
LINE = re.compile(r" (\w+_\d+)\.EVS E\.(?:Work|Keep)\[L\] (begin|end|kept) (\d+)$", re.M)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running(APP, tmp_path_factory.mktemp("durable") / "data") as started:
        yield started


class Seen:
    """What the event logs of these data directories say, from now on: begins and ends of E.Work by number."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._before = Counter(self._lines())

    def _lines(self) -> list[tuple[str, str, str]]:
        files = [file for folder in self._folders for file in sorted((folder / "log").glob("events*.log"))]
        return [match for file in files for match in LINE.findall(file.read_text())]

    def of(self, word: str) -> Counter[int]:
        return Counter(int(number) for _, what, number in (Counter(self._lines()) - self._before).elements() if what == word)


def put(client: hisee.System, *folders: Path) -> Seen:
    """COUNT starts, all kept; the first of them has begun."""
    seen = Seen(*folders)
    client.set("U.Keep", 0)
    client.set("U.Keep", COUNT)
    until(lambda: seen.of("kept")[COUNT] and seen.of("begin"), "all are kept", 20)
    return seen


def all_ended(client: hisee.System, seen: Seen) -> None:
    """Every start ran to its end, and every task says so."""
    until(lambda: len(seen.of("end")) == COUNT, "every start ran to its end", 60)
    until(lambda: {t["state"] for t in client.tasks.list(func="event.E.Work", limit=1000)} == {"ended ok"}, "every task ended", 30)


def each_once(seen: Seen) -> None:
    assert set(seen.of("begin").values()) == set(seen.of("end").values()) == {1}


def cut_ones_twice(seen: Seen, most: int = AT_ONCE) -> None:
    """As many as may run at once can have been cut; they began again."""
    assert sum(count - 1 for count in seen.of("begin").values()) <= most
    assert max(seen.of("begin").values()) <= 2


def test_without_a_disturbance_each_runs_once(system: RunningSystem) -> None:
    with system.connect() as client:
        seen = put(client, system.data)
        all_ended(client, seen)
    each_once(seen)


def test_work_processes_that_are_killed_double_nothing(system: RunningSystem) -> None:
    with system.connect() as client:
        seen = put(client, system.data)
        for row in client.ps():
            if row["kind"] in ("WP", "PWP", "DWP") and row["state"] == "Run":
                kill(row["pid"])
        all_ended(client, seen)
    each_once(seen)


def test_an_event_handler_that_is_killed_loses_no_start(system: RunningSystem) -> None:
    with system.connect() as client:
        seen = put(client, system.data)
        kill(next(row["pid"] for row in client.ps() if row["name"] == "SRV1.EVH"))
        all_ended(client, seen)
    cut_ones_twice(seen)


def test_a_server_that_is_killed_loses_no_start(system: RunningSystem) -> None:
    with system.connect() as client:
        seen = put(client, system.data)
        kill(next(row["pid"] for row in client.ps() if row["kind"] == "KNL"))
    until(lambda: system.output().count("\nSRV1.KNL knl") == 2, "the server is started again", 60)
    with system.connect() as client:
        all_ended(client, seen)
    cut_ones_twice(seen)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    more = '{kind = "event"}, {kind = "wp", count = 2}'
    with postgres.postgres_server() as server, pair(server, APP, tmp_path_factory.mktemp("switch"), "durable", more=more) as made:
        yield both(made)


@pytest.mark.req("R80")
@pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")
def test_a_switch_and_the_death_of_the_hot_server_lose_no_start(servers: Pair) -> None:
    for hot, heir, by_order in (("SRV1", "SRV2", True), ("SRV2", "SRV1", False)):
        with servers.client(hot) as client:
            until(lambda client=client: any(row["object"] == "E.Keep" for row in client.ps()), "its server event runs", 30)
            seen = put(client, servers.data("SRV1"), servers.data("SRV2"))
            if by_order:
                assert client.tell(f"{hot}.KNL", f"SWITCH {heir}").result == "ok"
        if not by_order:
            kill(servers.server_pid(hot))
        servers.await_sub(heir, "hot")
        with servers.client(heir) as client:
            all_ended(client, seen)
        cut_ones_twice(seen, COUNT)
        servers.await_sub(hot, "standby")
