"""Epochs after a promotion by hand, and what waits in a database when it is promoted."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engine.lab import INCARNATIONS, until
from hisee.datadir import DataDir
from hisee.engine.coordinator import ACTIVE, Candidate, Coordinator, Grant, LostGrant, Member
from hisee.engine.postgres import PostgresCoordinator
from hisee.errors import HiseeError
from hisee.pair.epochs import BLOCK, COMPUTERS, LIMIT, promoted
from hisee.pair.promotion import Given, end_clients, new_epochs
from support import postgres

HOT = "hs.plant"
needs_server = [pytest.mark.slow, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]


@pytest.mark.req("R147")
@pytest.mark.parametrize("epoch", [0, 1, 7, BLOCK - 1, BLOCK, 5 * BLOCK + 3, 16 * BLOCK])
def test_two_promotions_never_meet(epoch: int) -> None:
    """Nor with a part that counts on for a whole block."""
    blocks = [promoted(epoch, place) for place in range(COMPUTERS)]
    assert len(set(blocks)) == COMPUTERS and all(b % BLOCK == 0 and b > epoch + BLOCK for b in blocks)
    assert [b // BLOCK % COMPUTERS for b in blocks] == list(range(COMPUTERS))
    assert max(blocks) - epoch <= (COMPUTERS + 2) * BLOCK


@pytest.mark.req("R147")
def test_histories_of_two_computers_share_no_epoch() -> None:
    """Each goes on from what it knows, by counting or by a promotion, whatever the other one does."""
    for steps in itertools.product(("count", "promote"), repeat=5):
        given: list[set[int]] = []
        for place in (0, 1):
            epoch, mine = 9, set()
            for step in ("promote", *steps):
                epoch = epoch + 1 if step == "count" else promoted(epoch, place)
                mine.add(epoch)
            given.append(mine)
        assert not given[0] & given[1]


def test_a_promotion_of_files_made_anew_gives_other_epochs() -> None:
    first = promoted(3, 1)
    assert promoted(3, 1, given=first) == first + COMPUTERS * BLOCK


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    with postgres.postgres_server() as started:
        yield started


def hot_server(engine: Coordinator, node: str, birth: int = 1) -> Member:
    return engine.join(Candidate(kind="KNL", node=node, host="h", pid=1, birth=birth, incarnation=INCARNATIONS.getrandbits(62) + 1))


class TestDatabase:
    pytestmark = needs_server

    @pytest.mark.req("R147")
    def test_terms_are_free_and_beyond_the_other_part(self, server: postgres.PostgresServer, data_dir: Path) -> None:
        cut_off = server.database("cutoff")
        engine = PostgresCoordinator(cut_off)
        grants = engine.take_together([HOT, ACTIVE], hot_server(engine, "SRV1"))
        assert grants is not None
        engine.close()
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute('CREATE DATABASE promoted TEMPLATE cutoff')
        own = server.url.removesuffix("/postgres") + "/promoted"
        given = Given(DataDir(data_dir))
        with psycopg.connect(own, autocommit=True) as connection:
            epochs = new_epochs(connection, 1, given, "operator", {"node": "SRV2"})
            one_commit = connection.execute("SELECT count(DISTINCT x) FROM (SELECT xmin::text x FROM engine_term UNION"
                                            " SELECT xmin::text FROM engine_audit) t").fetchone()
            audit = connection.execute("SELECT who, detail FROM engine_audit WHERE what = 'promote database'").fetchone()
        assert one_commit == (1,) and audit is not None and json.loads(audit[1]) == {"node": "SRV2", "epochs": epochs}
        assert given.highest() == max(epochs.values()) and epochs.keys() == {HOT, ACTIVE}
        self.both_go_on(cut_off, own, grants)

    @staticmethod
    def both_go_on(cut_off: str, own: str, grants: tuple[Grant, ...]) -> None:
        given = []
        for url, node in ((cut_off, "SRV1"), (own, "SRV2")):
            engine, epochs = PostgresCoordinator(url), set()
            member = hot_server(engine, node)  # the former one does not run: its join buries it
            if url == own:
                with pytest.raises(LostGrant):
                    engine.keep(grants[0])
            for _ in range(3):
                taken = engine.take_together([HOT, ACTIVE], member)
                assert taken is not None
                epochs |= {(grant.term, grant.epoch) for grant in taken}
                engine.hand_over(taken, node, 0)
            given.append(epochs)
            engine.close()
        assert not given[0] & given[1] and min(given[1])[1] > max(given[0])[1]

    def test_nothing_is_left_to_count(self, server: postgres.PostgresServer, data_dir: Path) -> None:
        url = server.database("full")
        engine = PostgresCoordinator(url)
        engine.take(HOT, hot_server(engine, "SRV1"))
        engine.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE engine_term SET epoch = %s", [LIMIT - 3])
            with pytest.raises(HiseeError, match="no promotion by hand is left"):
                new_epochs(connection, 1, Given(DataDir(data_dir)), "operator", {})
            assert connection.execute("SELECT holder <> 0, epoch FROM engine_term").fetchall() == [(True, LIMIT - 3)]

    @pytest.mark.req("R147")
    def test_what_waits_in_a_commit_is_never_acknowledged(self, server: postgres.PostgresServer) -> None:
        url, told = server.database("waits"), []
        with psycopg.connect(url, autocommit=True) as boss:
            boss.execute("CREATE TABLE written (n int)")
            waits_for(boss, "nobody")
            writer = threading.Thread(target=lambda: told.append(write(url)))
            writer.start()
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            until(lambda: boss.execute(waiting).fetchone() == (1,), "a commit waits for the other database")
            end_clients(boss, "hisee")
            waits_for(boss, "")
            writer.join(30)
            assert told and told != ["acknowledged"] and boss.execute("SELECT count(*) FROM written").fetchone() == (1,)


def waits_for(connection: psycopg.Connection[tuple[object, ...]], standby: str) -> None:
    connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")  # type: ignore[call-overload]
    connection.execute("SELECT pg_reload_conf()")
    until(lambda: connection.execute("SHOW synchronous_standby_names").fetchone() == (standby,), "the setting is read")


def write(url: str) -> str:
    """How a write ended for the client."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO written VALUES (1)")
    except psycopg.Error as error:
        return type(error).__name__
    return "acknowledged"
