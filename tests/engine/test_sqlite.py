"""The engine on SQLite: the contract suite, and each of its mutants noticed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.contract import MUTANTS, Contract, notices
from engine.lab import Lab
from engine.mutants_sqlite import BROKEN
from hisee.engine.sqlite import SqliteCoordinator
from hisee.engine.sqlite.beats import boottime_ns
from hisee.seams import Seams

LEASE_MS = 2_000


class Wall:
    """A wall clock that a test moves on."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class SqliteLab(Lab):
    """A data directory; leases run by a clock that `lapse` puts on."""

    def __init__(self, data: Path, make: type[SqliteCoordinator] = SqliteCoordinator) -> None:
        super().__init__()
        self.data, self.make, self.wall, self.later_ns = data, make, Wall(), 0
        data.mkdir(exist_ok=True)

    def open(self) -> SqliteCoordinator:
        engine = self.make(self.data, Seams(clock=self.wall), lease_ms=LEASE_MS, now_ns=lambda: boottime_ns() + self.later_ns)
        self.keep(engine)
        return engine

    def lapse(self) -> None:
        self.later_ns += (LEASE_MS + 1) * 1_000_000

    def advance(self, ms: int) -> None:
        self.wall.ahead_ms += ms

    def now_ms(self) -> int:
        return self.wall.now_ms()


class TestSqlite(Contract):
    @pytest.fixture
    def lab(self, data_dir: Path) -> Iterator[SqliteLab]:
        lab = SqliteLab(data_dir)
        yield lab
        lab.close()


CASES = [(mutant, test) for mutant, tests in MUTANTS.items() for test in tests]


@pytest.mark.parametrize(("mutant", "test"), CASES, ids=[f"{m}-{t[1]}" for m, t in CASES])
def test_mutant_is_noticed(tmp_path: Path, mutant: str, test: tuple[type, str]) -> None:
    assert not notices(test, lambda: SqliteLab(tmp_path / "whole"))
    assert notices(test, lambda: SqliteLab(tmp_path / "broken", BROKEN[mutant]))


