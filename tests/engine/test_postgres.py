"""The Coordinator on PostgreSQL: the contract suite over a real server, and the mutants that the suite must notice."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from engine.contract import MUTANTS, Contract, notices
from engine.lab import Lab, claim_ids, join, put, until
from hisee.engine.coordinator import ACTIVE, Claim, Coordinator, Grant, Member, OutboxRow, Outcome
from hisee.engine.postgres import PostgresCoordinator
from hisee.engine.postgres.members import ACTIVE_NOW
from support import postgres

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-"),
              pytest.mark.usefixtures("server")]

TIME_PASSES = """CREATE OR REPLACE FUNCTION engine_now() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint + {} $$"""
EMPTIED = ("engine_member", "engine_term", "engine_task", "engine_outbox", "engine_seen", "engine_fact", "engine_schedule",
           "engine_capacity", "engine_report", "engine_audit")
NAMES = (f"lab{n}" for n in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    with postgres.postgres_server() as started:
        yield started


LEASE_MS = 600_000  # a lease is over when a test says so (`lapse`), not when the processors are busy


class PostgresLab(Lab):
    """A database on the module's server, emptied for every test; time passes inside the database."""

    made: dict[int, str] = {}

    def __init__(self, server: postgres.PostgresServer, kind: type[PostgresCoordinator] = PostgresCoordinator) -> None:
        super().__init__()
        self._kind, self.url, self._passed_ms = kind, self._database(server), 0

    def _database(self, server: postgres.PostgresServer) -> str:
        if server.pid not in self.made:
            self.made[server.pid] = server.database(next(NAMES))
            PostgresCoordinator(self.made[server.pid]).close()
        url = self.made[server.pid]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            connection.execute("; ".join([*(f"DELETE FROM {table}" for table in EMPTIED), TIME_PASSES.format(0)]))  # type: ignore[arg-type]
        return url

    def open(self) -> Coordinator:
        return self.keep(self._kind(self.url, lease_ms=LEASE_MS))

    def lapse(self) -> None:
        self._execute("UPDATE engine_member SET beat = beat - interval '1 hour'")

    def advance(self, ms: int) -> None:
        self._passed_ms += ms
        self._execute(TIME_PASSES.format(self._passed_ms))

    def now_ms(self) -> int:
        return int(self._execute("SELECT engine_now()")[0][0])

    def waiting(self) -> int:
        """Sessions that wait for a row."""
        return int(self._execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                 " AND datname = current_database()")[0][0])

    def _execute(self, query: str) -> list[tuple[int]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def lab(server: postgres.PostgresServer) -> Iterator[PostgresLab]:
    lab = PostgresLab(server)
    yield lab
    lab.close()


class TestPostgres(Contract):
    """Everything that any Coordinator promises."""


class NoToken(PostgresCoordinator):
    """An end asks for the task's number only."""

    MINE = "t.id = e.id AND t.state BETWEEN 6 AND 9 AND e.token > 0"


class TwoTransactions(PostgresCoordinator):
    """State first, effects in a transaction of their own."""

    def _finish(self, connection: psycopg.Connection[tuple[object, ...]], ends: Sequence[tuple[Claim, Outcome]]) -> set[tuple[int, int]]:
        done = self._close(connection, ends)
        self._apply(connection, ends, done)
        return done


class NoKey(PostgresCoordinator):
    """A receiver without memory."""

    def first_time(self, key: str) -> bool:
        return True


class AckFirst(PostgresCoordinator):
    """The relay marks, then sends."""

    def outbox(self, limit: int) -> list[OutboxRow]:
        found = super().outbox(limit)
        self.sent(found)
        return found


class NoActive(PostgresCoordinator):
    """Whoever asks gets work, wherever it is."""

    LOOK = re.sub(r"\(NOT EXISTS.*?%\(me\)s\)\)", "true", PostgresCoordinator.LOOK, flags=re.DOTALL)
    CLAIM = re.sub(r"\(NOT EXISTS \(SELECT 1 FROM active.*?%\(me\)s\)\)", "true", PostgresCoordinator.CLAIM, flags=re.DOTALL)


class Stays(PostgresCoordinator):
    """The terms of work processes stay where they are when the active computer changes."""

    FREE_FOLLOWING = PostgresCoordinator.FREE_FOLLOWING.replace("holder = 0", "holder = t.holder")


BROKEN: dict[str, type[PostgresCoordinator]] = {"NOTOKEN": NoToken, "TWOTXN": TwoTransactions, "NOKEY": NoKey, "ACKFIRST": AckFirst,
                                                "NOACTIVE": NoActive, "STAYS": Stays}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_suite_notices_a_broken_rule(server: postgres.PostgresServer, mutant: str) -> None:
    def made(kind: type[PostgresCoordinator]) -> Callable[[], Lab]:
        return lambda: PostgresLab(server, kind)

    for test in MUTANTS[mutant]:
        assert not notices(test, made(PostgresCoordinator)), f"{test} fails without a mistake"
    assert any(notices(test, made(BROKEN[mutant])) for test in MUTANTS[mutant])


class TestMoving:
    """Claims and the move of `node.active` in one another's way."""

    @staticmethod
    def pair(lab: PostgresLab) -> tuple[Coordinator, Member, Member, Member]:
        engine = lab.open()
        first, second = (join(lab, engine, "KNL", node=node) for node in ("SRV1", "SRV2"))
        assert engine.take_together(["hs.plant", ACTIVE], first) is not None
        return engine, first, second, join(lab, engine, node="SRV1")

    @pytest.mark.req("R123")
    def test_a_claim_that_waited_for_the_move_takes_nothing(self, lab: PostgresLab) -> None:
        """Its look was before the move, its statement began before the commit: only the row itself tells."""
        engine, _, second, here = self.pair(lab)
        put(engine)
        with psycopg.connect(lab.url) as mover, ThreadPoolExecutor() as pool:
            mover.execute("UPDATE engine_term SET holder = %s, epoch = epoch + 1 WHERE term = %s", [second.incarnation, ACTIVE])
            claim = pool.submit(claim_ids, engine, here)
            until(lambda: lab.waiting() == 1, "the claim waits")
            mover.commit()
            assert claim.result(20) == []

    @pytest.mark.req("R123")
    def test_the_move_waits_for_a_claim_in_flight(self, lab: PostgresLab) -> None:
        engine, first, second, here = self.pair(lab)
        mine, grants = lab.open(), [Grant(term, first.incarnation, 1) for term in ("hs.plant", ACTIVE)]
        with psycopg.connect(lab.url) as claimer, ThreadPoolExecutor() as pool:
            claimer.execute(ACTIVE_NOW, {"me": here.incarnation})
            moved = pool.submit(mine.hand_over, grants, "SRV2", 60_000)
            until(lambda: lab.waiting() == 1, "the move waits")
            claimer.commit()
            moved.result(20)
        assert engine.take_together(["hs.plant", ACTIVE], second) is not None and claim_ids(engine, here) == []
