"""Schemas of the database that the servers of a group share: this release's, the database's, and the contract step."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from hisee.engine.coordinator import EngineError
from hisee.engine.postgres.database import TABLES as ENGINE
from hisee.engine.postgres.database import Connection, Database, one_line
from hisee.engine.postgres.upkeep import Tables, contract, generation
from hisee.model.tables_postgres import TABLES as STORE
from hisee.seams import Seams

ALL = {"engine": ENGINE, "store": STORE}
ANSWER_S = 2  # the shortest that libpq knows
HELD_MS = 10_000  # a contract that stands still in its transaction is undone


def own_schemas() -> dict[str, int]:
    """Those of this release, by owner."""
    return {name: tables.schema for name, tables in ALL.items()}


def look(url: str) -> dict[str, Any]:
    """{owner: {"schema", "min_reader"}} as the database has them, or {"why": "..."}; changes nothing, unlike every other way into it."""
    try:
        address = make_conninfo(url, connect_timeout=ANSWER_S, target_session_attrs="read-write", application_name="hisee status")
        with contextlib.closing(psycopg.connect(address, autocommit=True)) as connection:
            return {name: generation(connection, tables)._asdict() for name, tables in ALL.items()}
    except psycopg.Error as error:
        return {"why": one_line(error)}
    except EngineError as error:
        return {"why": error.text}


def _contract(tables: Tables, connection: Connection) -> tuple[bool]:
    return (contract(connection, tables),)


def contract_all(url: str, seams: Seams) -> list[str]:
    """The contract step for all tables; names of those for which there was something to do. Raises EngineError.

    It can be done again: what was contracted stays so.
    """
    database = Database(url, seams, lease_ms=HELD_MS)
    try:
        return [name for name, tables in ALL.items() if database.call(partial(_contract, tables))[0]]
    finally:
        database.close()
