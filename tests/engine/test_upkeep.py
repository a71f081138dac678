"""Tables under two neighbouring releases on PostgreSQL: expanded, used by both, contracted, and refused to the earlier one."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import psycopg
import pytest

from hisee.engine.coordinator import EngineError
from hisee.engine.postgres import upkeep
from hisee.engine.postgres.upkeep import Generation, Tables, contract, generation, prepare
from hisee.model.versions import ALL, contract_all, look, own_schemas
from hisee.seams import Seams
from support import postgres

pytestmark = [pytest.mark.slow, pytest.mark.req("R165"),
              pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]

NOW = Tables("the shoe box", "shoe_meta", "name", "schema", schema=1, min_reader=1,
             make=lambda: "CREATE TABLE shoe_meta (name text PRIMARY KEY, value text);"
                          "INSERT INTO shoe_meta VALUES ('schema', '1'); CREATE TABLE shoe (size int)")
NEXT = dataclasses.replace(NOW, schema=2, expand={2: "ALTER TABLE shoe ADD COLUMN width int"},
                           contract={2: "ALTER TABLE shoe DROP COLUMN size"})
FRESH_NEXT = dataclasses.replace(NEXT, make=lambda: NOW.make() + "; ALTER TABLE shoe ADD COLUMN width int;"
                                                                 "UPDATE shoe_meta SET value = '2' WHERE name = 'schema'")


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    with postgres.postgres_server() as started:
        yield started


@pytest.fixture
def url(server: postgres.PostgresServer) -> Iterator[str]:
    yield server.database("upkeep")
    server.drop("upkeep")


@pytest.fixture
def base(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_expanded_by_the_next_release_and_used_by_both(base: psycopg.Connection):
    prepare(base, NOW)
    prepare(base, NEXT)
    assert generation(base, NOW) == Generation(2, 1) and generation(base, NOW).open
    prepare(base, NOW)  # the release before comes back
    base.execute("INSERT INTO shoe VALUES (43)")
    prepare(base, NEXT)
    assert base.execute("SELECT * FROM shoe").fetchall() == [(43, None)] and generation(base, NEXT) == Generation(2, 1)


def test_made_anew_by_the_next_release_and_used_by_both(base: psycopg.Connection):
    prepare(base, FRESH_NEXT)
    prepare(base, NOW)
    assert generation(base, NOW) == Generation(2, 1)


def test_contracted_it_refuses_the_release_before_and_names_the_way_out(base: psycopg.Connection):
    prepare(base, NOW)
    prepare(base, NEXT)
    assert contract(base, NEXT) and not contract(base, NEXT)
    assert base.execute("SELECT * FROM shoe").fetchall() == []
    with pytest.raises(EngineError, match="the shoe box was contracted: it needs hisee with schema 2 or later, this one has 1") as refused:
        prepare(base, NOW)
    assert "upgrade hisee on this computer" in refused.value.hint
    prepare(base, NEXT)


def test_tables_without_the_second_number_are_of_their_own_schema(base: psycopg.Connection):
    prepare(base, NOW)
    base.execute("DELETE FROM shoe_meta WHERE name = 'min_reader'")
    assert generation(base, NOW) == Generation(1, 1)
    prepare(base, NEXT)
    assert generation(base, NOW) == Generation(2, 1)


def test_an_expansion_waits_for_a_transaction_without_keeping_others_waiting(base: psycopg.Connection, url: str):
    prepare(base, NOW)
    with psycopg.connect(url, autocommit=True) as busy, psycopg.connect(url, autocommit=True) as other:
        busy.execute("BEGIN")
        busy.execute("SELECT * FROM shoe")
        expanding = threading.Thread(target=prepare, args=[base, NEXT])
        expanding.start()
        for _ in range(20):
            other.execute("SELECT * FROM shoe")
        assert generation(other, NOW) == Generation(1, 1)
        busy.execute("COMMIT")
        expanding.join(30)
        assert generation(other, NOW) == Generation(2, 1)


def test_an_expansion_that_never_gets_its_turn_says_so(base: psycopg.Connection, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upkeep, "TRIES", 1)
    prepare(base, NOW)
    with psycopg.connect(url) as busy:
        busy.execute("SELECT * FROM shoe")
        with pytest.raises(EngineError, match="cannot be expanded to schema 2"):
            prepare(base, NEXT)
    assert generation(base, NOW) == Generation(1, 1)


def test_the_tables_of_hisee(base: psycopg.Connection, url: str):
    assert "why" in look(url), "a look makes nothing"
    for tables in ALL.values():
        prepare(base, tables)
    assert look(url) == {name: {"schema": schema, "min_reader": schema} for name, schema in own_schemas().items()}
    assert contract_all(url, Seams()) == []
    base.execute("UPDATE engine_meta SET value = '0' WHERE name = 'min_reader'")
    assert contract_all(url, Seams()) == ["engine"] and look(url)["engine"]["min_reader"] == own_schemas()["engine"]


def test_every_schema_can_be_reached_from_the_one_before():
    for name, tables in ALL.items():
        missing = [schema for schema in range(2, tables.schema + 1) if schema not in tables.expand]
        assert not missing, f"tables of the {name}: nothing expands them to schema {missing}"
