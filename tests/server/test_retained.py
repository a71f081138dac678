"""Retained values: acknowledged ones survive any death of the server; what is not on disk is not acknowledged."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from hisee._core.cells import CellTable
from hisee.seams import Seams
from hisee.server.retained import QUEUED, Retained
from hisee.server.value_stores import open_values
from hisee.values import Invalid, Ref
from support import postgres

NO_SERVER = pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")
POSTGRES = pytest.param("postgresql", marks=[pytest.mark.slow, NO_SERVER])
WRITER = """
import sys
from pathlib import Path
from hisee._core.cells import CellTable
from hisee.seams import Seams
from hisee.server.retained import Retained
from hisee.server.value_stores import open_values
from hisee.values import Ref
table = CellTable()
for hbj in range(100, 110):
    table.define(hbj, "INT")
retained = Retained(open_values(Path(sys.argv[1]), sys.argv[2], Seams()), lambda call: call())
number = int(sys.argv[3])
while True:
    number += 1
    ref = Ref(100 + number % 10)
    table.set(ref, number, number)
    retained.keep(ref, number, table.changes([ref]), lambda reason, n=number: reason or print(n, flush=True))
"""


def table() -> CellTable:
    made = CellTable()
    for hbj in range(100, 110):
        made.define(hbj, "INT")
    made.define(120, "TEXT")
    made.define(130, "RECORD", 3, ["BOOL", "INT"])
    return made


def at_once(call):
    call()


@pytest.fixture(scope="module")
def server():
    with postgres.postgres_server() as started:
        started.database("values")
        yield started


@pytest.fixture(params=["sqlite", POSTGRES])
def place(request, tmp_path):
    """(path, url) of an empty place for values, on each database."""
    if request.param == "sqlite":
        return tmp_path / "values.db", ""
    return tmp_path / "values.db", empty(request.getfixturevalue("server"))


def empty(server) -> str:
    url = server.url.replace("/postgres", "/values")
    open_values(Path(), url, Seams()).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM store_value; DELETE FROM store_value_writer")
    return url


def opened(place) -> Retained:
    return Retained(open_values(*place, Seams()), at_once)


def kept(place, made, *refs):
    """Write the present values of `refs`; returns what was said of them."""
    said: list[str] = []
    retained = opened(place)
    for ref in refs:
        retained.keep(ref, made.last_change, made.changes([ref]), said.append)
    retained.close()
    return said


def restored(place, made=None, objects=frozenset(range(100, 140))):
    made = made or table()
    retained = opened(place)
    count = retained.restore(made, set(objects))
    assert retained.restore(made, set(objects)) == 0, "doing it again changes nothing"
    retained.close()
    return made, count


@pytest.mark.req("R143")
def test_values_come_back_with_their_time_and_state(place):
    made = table()
    made.set(Ref(100), 42, 1_000)
    made.set(Ref(101), 7, 2_000)
    made.set(Ref(101), Invalid(3, "INT"), 3_000)
    made.set(Ref(120), "žeriav", 4_000)
    made.set(Ref(130, 2, 1), 5, 5_000)
    refs = [Ref(100), Ref(101), Ref(120), Ref(130, 2, 1)]
    assert kept(place, made, *refs) == ["", "", "", ""]
    again, count = restored(place)
    assert count == 4
    for ref in refs:
        was, now = made.get(ref), again.get(ref)
        assert (now.value, now.time_ms, now.last) == (was.value, was.time_ms, was.last)


def test_an_object_of_another_type_or_without_retain_is_left_out(place):
    made = table()
    made.set(Ref(100), 42, 1_000)
    made.set(Ref(101), 43, 1_000)
    kept(place, made, Ref(100), Ref(101))
    other = CellTable()
    other.define(100, "TEXT")
    other.define(101, "INT")
    assert restored(place, other)[1] == 1
    assert restored(place, objects={100})[1] == 1
    assert restored(place, CellTable())[1] == 0


@pytest.mark.req("R143")
def test_what_was_acknowledged_survives_kills(place):
    last, rng = 0, random.Random(7)
    for _ in range(3 if place[1] else 12):  # processes that log on to a server take their time
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(place[0]), place[1], str(last)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(rng.randrange(1, 60))]
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        child.wait()
        child.stdout.close()
        newest = {100 + n % 10: n for n in sorted(acknowledged)}
        again, _ = restored(place)
        for hbj, number in newest.items():
            assert again.get(Ref(hbj)).value >= number, f"value {number} of object {hbj} was acknowledged and is gone"
        last = max(max(acknowledged), max(again.get(Ref(h)).value for h in newest))


def test_a_disk_that_takes_nothing_acknowledges_nothing(tmp_path):
    """The commit fails: the reason is told, and writing goes on once there is room."""
    made, path, said = table(), tmp_path / "values.db", []
    retained = opened((path, ""))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TRIGGER full BEFORE INSERT ON retained BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    made.set(Ref(100), 1, 1)
    done = threading.Event()
    retained.keep(Ref(100), 1, made.changes([Ref(100)]), lambda reason: (said.append(reason), done.set()))
    assert done.wait(30) and "disk is full" in said[0] and "free some space" in said[0]
    other.execute("DROP TRIGGER full")
    other.close()
    made.set(Ref(100), 2, 2)
    retained.keep(Ref(100), 2, made.changes([Ref(100)]), said.append)
    retained.close()
    assert said[1] == "" and restored((path, ""))[0].get(Ref(100)).value == 2


def test_too_many_waiting_values_are_refused_not_lost(tmp_path, monkeypatch):
    made, said = table(), []
    monkeypatch.setattr("hisee.server.retained.QUEUED", 1)
    retained = opened((tmp_path / "values.db", ""))
    other = sqlite3.connect(tmp_path / "values.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    made.set(Ref(100), 1, 1)
    for _ in range(4):  # one in the writer's hands, one waiting, the others told
        retained.keep(Ref(100), 1, made.changes([Ref(100)]), said.append)
    assert [r for r in said if "wait for the disk" in r]
    other.execute("ROLLBACK")
    other.close()
    retained.close()
    assert len(said) == 4 and QUEUED > 1000


def test_rows_and_flags_that_a_script_made_are_there_after_a_restart(tmp_path: Path) -> None:
    first, done = table(), []
    retained = Retained(open_values(tmp_path / "retained.db", "", Seams()), at_once)

    def keep(ref: Ref) -> None:
        retained.keep(ref, first.last_change, first.changes([ref]), done.append)

    first.set(Ref(130, 3, 2), 1)
    keep(Ref(130, 3, 2))
    first.insert_rows(130, 1, 2)
    keep(Ref(130))
    first.set(Ref(130, 1, 2), 7, flags=5)
    keep(Ref(130, 1, 2))
    first.set(100, 4, flags=3)
    keep(Ref(100))
    retained.close()
    assert done == ["", "", "", ""]
    again = table()
    later = Retained(open_values(tmp_path / "retained.db", "", Seams()), at_once)
    later.restore(again, {100, 130})
    later.close()
    assert again.dim(130) == 5 and again.get(130) == first.get(130)
    assert (again.get(Ref(130, 1, 2)).flags, again.get(100).flags) == (5, 3)
