"""The comparison of queues, a slice: its cases on SQLite give the right answer, and a wrong answer would be noticed. No times."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from campaigns.queue_case import CASES, Case, Run, calls
from campaigns.queue_servers import Servers

pytestmark = pytest.mark.slow
TASKS = 40
HERE = {case.name: case for case in CASES if case.store == "sqlite" and not case.venv}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Servers(tmp_path) as servers, closing(Run(tmp_path, servers, "")) as run:
        yield run


@pytest.mark.parametrize("name", HERE)
def test_every_task_has_its_effect_once(run: Run, name: str) -> None:
    assert run.rate(HERE[name], 16, TASKS) > 0


def test_delays_are_those_of_the_paced_tasks(run: Run) -> None:
    figures = run.delays(HERE["hisee on SQLite"], 20, per_second=200)
    assert 0 < figures["p50"] <= figures["p99"]


def test_a_wrong_answer_is_noticed(run: Run, tmp_path: Path) -> None:
    plain: Case = HERE["plain"]
    with sqlite3.connect(tmp_path / "effects.db") as connection:
        connection.execute("CREATE TABLE effects (n bigint, began bigint)")
        connection.executemany("INSERT INTO effects VALUES (?, ?)", [(1, 10), (2, 10), (2, 11)])
    connection.close()
    with pytest.raises(AssertionError, match="3 effects of 2 tasks"):
        run.checked(plain, str(tmp_path), 3)
    with pytest.raises(AssertionError, match="happened twice"):
        run.checked(Case("x", "plain_queue", "sqlite"), str(_doubled(tmp_path)), 1)


def _doubled(folder: Path) -> Path:
    """An effect that added its time twice."""
    other = folder / "other"
    other.mkdir()
    with sqlite3.connect(other / "effects.db") as connection:
        connection.execute("CREATE TABLE effects (n bigint, began bigint)")
        connection.execute("INSERT INTO effects VALUES (1, ?)", [2 * 1_700_000_000_000_000_000])
    connection.close()
    return other


def test_calls_are_read_from_the_summary(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.write_text("% time     seconds  usecs/call     calls    errors syscall\n 99.0    0.1    10        12           fdatasync\n"
                      "  1.0    0.0     1         3         1 fsync\n100.0  0.1  15 1 total\n")
    assert calls(report) == 15 and calls(tmp_path / "none") == 0
