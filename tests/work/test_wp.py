"""Parts of the work process that need no system: number and port, cold start, the watch of the others, the client's bar."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisee.cli.task import bar, moment, rule_of
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.engine.coordinator import PRIMARY, Coordinator, NoNumber, TaskRequest
from hisee.engine.proof import birth
from hisee.errors import UsageError
from hisee.parameters import StartParameters
from hisee.work.cold import cold_start
from hisee.work.joining import Joined, bound, candidate, join
from hisee.work.watch import Watch
from hisee.work.wp import Wake, WorkProcess

GENERAL = TaskRequest(func="engine.echo")


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture
def ports(tmp_path: Path) -> list[int]:
    found = free_ports(3)
    (tmp_path / "run.json").write_text(json.dumps({"server": "SRV1", "ports": {"SRV1": {"wp": found}}}))
    return found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Coordinator]:
    opened = open_engine("", tmp_path)
    yield opened
    opened.close()


def joined(engine: Coordinator, data: Path) -> Joined:
    return join(engine, "WP", "SRV1", DataDir(data))


def closed(*members: Joined) -> None:
    for one in members:
        if one.port is not None:
            one.port.close()


@pytest.mark.req("R90", "R91")
def test_the_port_decides_the_number_and_the_number_the_name(engine, tmp_path, ports):
    first, second = joined(engine, tmp_path), joined(engine, tmp_path)
    assert [(m.member.name, m.member.number, m.member.port) for m in (first, second)] == [("WP001", 1, ports[0]), ("WP002", 2, ports[1])]
    closed(first, second)


@pytest.mark.req("R92")
def test_a_port_of_a_foreign_program_is_passed_over(engine, tmp_path, ports):
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", ports[0]))
        foreign.listen()
        member = joined(engine, tmp_path)
        assert (member.member.name, member.member.port) == ("WP002", ports[1])
        closed(member)


@pytest.mark.req("R92")
def test_no_port_left_ends_it_with_the_reason(engine, tmp_path, ports):
    foreign = [bound(port) for port in ports]
    with pytest.raises(NoNumber, match=r"WP|number|port"):
        joined(engine, tmp_path)
    for one in foreign:
        one.close()


@pytest.mark.req("R118")
def test_a_kept_port_takes_no_connection(engine, tmp_path, ports):
    member = joined(engine, tmp_path)
    with pytest.raises(ConnectionRefusedError), socket.socket() as caller:
        caller.connect(("127.0.0.1", member.member.port))
    with pytest.raises(OSError, match="in use"):
        bound(member.member.port)
    closed(member)


def test_without_a_list_there_are_numbers_without_ports(engine, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"server": "SRV1"}))
    member = joined(engine, tmp_path)
    assert member.port is None and (member.member.name, member.member.port) == ("WP001", 0)


# -- cold start


@pytest.mark.req("R114")
def test_cold_start_deletes_what_waits_and_says_how_many_of_which_queue(engine, tmp_path, caplog):
    (tmp_path / "run.json").write_text("{}")
    me = engine.join(candidate("WP", "SRV1", DataDir(tmp_path), lambda port: True))
    engine.put([GENERAL] * 3 + [TaskRequest(func="engine.echo", queue="R")])
    with caplog.at_level(logging.INFO):
        assert cold_start(engine, me, engine.take(PRIMARY, me))["general"] == 3
    assert "cold start: deleted 3 waiting requests of queue general" in caplog.text
    assert "cold start: deleted 1 waiting requests of queue R" in caplog.text and "queue java" in caplog.text
    assert all(row.waiting == 0 for row in engine.queues().values())


@pytest.mark.req("R116")
def test_cold_start_of_a_running_system_deletes_nothing_and_warns(engine, tmp_path, caplog):
    (tmp_path / "run.json").write_text("{}")
    other, me = (engine.join(candidate("WP", "SRV1", DataDir(tmp_path), lambda port: True)) for _ in range(2))
    engine.put([GENERAL] * 3)
    for grant in (engine.take(PRIMARY, me), None):
        assert cold_start(engine, me, grant) == {}
    assert engine.queues()["general"].waiting == 3 and f"deletes nothing: the system runs ({other.name})" in caplog.text


# -- watch


def test_the_death_of_a_member_is_seen_at_once_and_once(engine, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    child = subprocess.Popen(["sleep", "1000"])
    me = engine.join(candidate("WP", "SRV1", DataDir(tmp_path), lambda port: True))
    other = engine.join(candidate("WP", "SRV1", DataDir(tmp_path), lambda port: True))
    other = type(other)(**{f: getattr(other, f) for f in other.__struct_fields__} | {"pid": child.pid, "birth": birth(child.pid)})
    told: list[int] = []

    async def watch() -> None:
        seen = asyncio.Event()
        watch = Watch(asyncio.get_running_loop(), me, lambda incarnation: (told.append(incarnation), seen.set()))
        watch.see([me, other])
        watch.see([me, other])
        child.kill()
        await asyncio.wait_for(seen.wait(), 30)
        await asyncio.sleep(0)
        watch.close()

    asyncio.run(watch())
    child.wait()
    assert told == [other.incarnation]


def test_a_member_that_died_before_it_was_watched_is_told_of(engine, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    me = engine.join(candidate("WP", "SRV1", DataDir(tmp_path), lambda port: True))
    gone = type(me)(**{f: getattr(me, f) for f in me.__struct_fields__} | {"incarnation": 5, "birth": 1})
    elsewhere = type(me)(**{f: getattr(me, f) for f in me.__struct_fields__} | {"incarnation": 6, "birth": 1, "host": "another"})
    told: list[int] = []

    async def watch() -> None:
        watch = Watch(asyncio.get_running_loop(), me, told.append)
        watch.see([me, gone, elsewhere])
        await asyncio.sleep(0.01)
        watch.close()

    asyncio.run(watch())
    assert told == [5], "of other computers only the lease tells"


def test_the_first_reason_of_an_end_counts(tmp_path):
    process = WorkProcess(StartParameters(command="wp", kind="WP"), DataDir(tmp_path))
    process.end(75, "buried")
    process.end(0, "SIGTERM")
    assert process._end == (75, "buried")


def test_a_wake_is_not_lost_and_not_kept():
    wake = Wake()
    wake()
    wake()
    assert os.eventfd_read(wake.fd) == 2
    wake.clear()
    os.close(wake.fd)


# -- words of the command line


def test_bar_moments_and_rules():
    assert bar(0.5).count("#") == 15 and bar(7).endswith("100%") and bar(-1).startswith("[.")
    assert moment("+2m").total_seconds() == 120 and moment("+250ms").total_seconds() == 0.25 and moment("2026-12-01") == "2026-12-01"
    assert rule_of("0 6 * * *", None, "") == "cron 0 6 * * *" and rule_of("", 1.5, "") == "every 1.5"
    assert rule_of("", None, "2026-12-01T06:00") == "at 2026-12-01T06:00" and rule_of("", None, "+1h").startswith("at 1")
    with pytest.raises(UsageError, match="one rule"):
        rule_of("0 6 * * *", 5.0, "")
