"""Retained values: acknowledged ones survive any death of the server; what is not on disk is not acknowledged."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from hisee._core.cells import CellTable
from hisee.server.retained import QUEUED, Retained
from hisee.values import Invalid, Ref

WRITER = """
import sys
from pathlib import Path
from hisee._core.cells import CellTable
from hisee.server.retained import Retained
from hisee.values import Ref
table = CellTable()
for hbj in range(100, 110):
    table.define(hbj, "INT")
retained = Retained(Path(sys.argv[1]), lambda call: call())
number = int(sys.argv[2])
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


def kept(path, made, *refs):
    """Write the present values of `refs`; returns what was said of them."""
    said: list[str] = []
    retained = Retained(path, at_once)
    for ref in refs:
        retained.keep(ref, made.last_change, made.changes([ref]), said.append)
    retained.close()
    return said


def restored(path, made=None, objects=frozenset(range(100, 140))):
    made = made or table()
    retained = Retained(path, at_once)
    count = retained.restore(made, set(objects))
    retained.close()
    return made, count


@pytest.mark.req("R143")
def test_values_come_back_with_their_time_and_state(tmp_path):
    made, path = table(), tmp_path / "values.db"
    made.set(Ref(100), 42, 1_000)
    made.set(Ref(101), 7, 2_000)
    made.set(Ref(101), Invalid(3, "INT"), 3_000)
    made.set(Ref(120), "žeriav", 4_000)
    made.set(Ref(130, 2, 1), 5, 5_000)
    refs = [Ref(100), Ref(101), Ref(120), Ref(130, 2, 1)]
    assert kept(path, made, *refs) == ["", "", "", ""]
    again, count = restored(path)
    assert count == 4
    for ref in refs:
        was, now = made.get(ref), again.get(ref)
        assert (now.value, now.time_ms, now.last) == (was.value, was.time_ms, was.last)


def test_an_object_of_another_type_or_without_retain_is_left_out(tmp_path):
    made, path = table(), tmp_path / "values.db"
    made.set(Ref(100), 42, 1_000)
    made.set(Ref(101), 43, 1_000)
    kept(path, made, Ref(100), Ref(101))
    other = CellTable()
    other.define(100, "TEXT")
    other.define(101, "INT")
    assert restored(path, other)[1] == 1
    assert restored(path, objects={100})[1] == 1
    assert restored(path, CellTable())[1] == 0


@pytest.mark.req("R143")
def test_what_was_acknowledged_survives_kills(tmp_path):
    path, last, rng = tmp_path / "values.db", 0, random.Random(7)
    for _ in range(12):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(last)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(rng.randrange(1, 60))]
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        child.wait()
        child.stdout.close()
        newest = {100 + n % 10: n for n in sorted(acknowledged)}
        again, _ = restored(path)
        for hbj, number in newest.items():
            assert again.get(Ref(hbj)).value >= number, f"value {number} of object {hbj} was acknowledged and is gone"
        last = max(max(acknowledged), max(again.get(Ref(h)).value for h in newest))


def test_a_disk_that_takes_nothing_acknowledges_nothing(tmp_path):
    """The commit fails: the reason is told, and writing goes on once there is room."""
    made, path, said = table(), tmp_path / "values.db", []
    retained = Retained(path, at_once)
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
    assert said[1] == "" and restored(path)[0].get(Ref(100)).value == 2


def test_too_many_waiting_values_are_refused_not_lost(tmp_path, monkeypatch):
    made, said = table(), []
    monkeypatch.setattr("hisee.server.retained.QUEUED", 1)
    retained = Retained(tmp_path / "values.db", at_once)
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
