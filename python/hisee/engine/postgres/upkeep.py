"""Tables that two neighbouring releases use at once: the first program of the later one expands them, an operator's order contracts them.

Two numbers stand beside the tables: their `schema`, and `min_reader`, the lowest schema whose programs may still use them. Expanding
adds what a program of the schema before does not look at, and leaves `min_reader`; contracting drops what only such a program needs,
and raises it. So a release can be taken back until the contract step (docs/adr/0012-versions-side-by-side.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow

from hisee.engine.coordinator import EngineError

Connection = psycopg.Connection[TupleRow]
MAKING = 0x68697365  # advisory lock while tables are made or changed
LOCK_WAIT = "500ms"  # that a change of a table in use may keep everybody behind it waiting
TRIES, PAUSE_S = 40, 0.25


class Generation(NamedTuple):
    """Of tables as they stand in a database."""

    schema: int
    min_reader: int

    @property
    def open(self) -> bool:
        """May a program of an earlier schema still come back?"""
        return self.min_reader < self.schema


@dataclass(frozen=True)
class Tables:
    """The tables of one owner. `make` gives the statements for a database that has none, its row of the schema included."""

    what: str  # for messages
    meta: str  # table of names and values
    name: str  # its column of names
    number: str  # the name under which the schema stands
    schema: int
    min_reader: int  # of tables that are made anew
    make: Callable[[], str]
    expand: Mapping[int, str] = field(default_factory=dict)  # schema -> makes it of the one before, whose programs go on
    contract: Mapping[int, str] = field(default_factory=dict)  # schema -> drops what only programs of the one before need


def prepare(connection: Connection, tables: Tables) -> None:
    """Make the tables or expand them; EngineError when they were contracted beyond this release."""
    for _ in range(TRIES):
        try:
            found = _prepare(connection, tables)
        except errors.LockNotAvailable:  # somebody uses them at length; whoever came behind us goes on meanwhile
            time.sleep(PAUSE_S)
            continue
        if found.min_reader > tables.schema:
            raise EngineError(f"{tables.what} was contracted: it needs hisee with schema {found.min_reader} or later, this one has "
                              f"{tables.schema}", hint="upgrade hisee on this computer; back leads only a backup from before the contract")
        return
    raise EngineError(f"{tables.what} cannot be expanded to schema {tables.schema}: its tables are in use all the time",
                      hint="nothing was changed; start this program again")


def _prepare(connection: Connection, tables: Tables) -> Generation:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MAKING])
        known = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [tables.meta]).fetchone()
        if known is None or not known[0]:
            connection.execute(tables.make())
            _put(connection, tables, "min_reader", tables.min_reader)
        found = generation(connection, tables)
        if found.schema >= tables.schema:
            return found
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
        for schema in range(found.schema + 1, tables.schema + 1):
            connection.execute(tables.expand[schema])
        _put(connection, tables, "min_reader", found.min_reader)
        _put(connection, tables, tables.number, tables.schema)
        return Generation(tables.schema, found.min_reader)


def contract(connection: Connection, tables: Tables) -> bool:
    """Drop what programs of earlier schemas need; they are refused from now on. False = there is nothing to drop and nobody to refuse."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MAKING])
        found = generation(connection, tables)
        if found.min_reader >= tables.schema:
            return False
        for schema in range(found.min_reader + 1, tables.schema + 1):
            connection.execute(tables.contract.get(schema, ""))
        _put(connection, tables, "min_reader", tables.schema)
        return True


def generation(connection: Connection, tables: Tables) -> Generation:
    """As the database has it. One without the second number is used by its own schema only."""
    query = f"SELECT {tables.name}, value FROM {tables.meta} WHERE {tables.name} IN (%s, 'min_reader')"
    rows: dict[str, str] = dict(connection.execute(query, [tables.number]).fetchall())
    if tables.number not in rows:
        raise EngineError(f"{tables.what} does not say its schema", hint=f"table {tables.meta} is damaged; a backup is needed")
    schema = int(rows[tables.number])
    return Generation(schema, int(rows.get("min_reader", schema)))


def _put(connection: Connection, tables: Tables, name: str, value: int) -> None:
    connection.execute(f"INSERT INTO {tables.meta} VALUES (%s, %s) ON CONFLICT ({tables.name}) DO UPDATE SET value = excluded.value",
                       [name, str(value)])
