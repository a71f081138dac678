"""The store's tables in the engine database on PostgreSQL: several computers, several writers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from hisee.engine.coordinator import EngineError
from hisee.engine.postgres.database import Connection, Database
from hisee.engine.postgres.upkeep import Tables, prepare
from hisee.model.records import Records, Row, StoreBroken
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams

T = TypeVar("T")

WRITING = 0x73746F72  # advisory lock: one writer at a time, over all computers
HELD_MS = 120_000  # a writer that stands still in its transaction loses it; all scripts of an application compile within
TURN_S, ANSWER_S = 0.02, TIMERS["server_answer"].ms / 1000
CALLS_KEPT_MS = 86_400_000

# Text that people sort by is compared by bytes, as SQLite does.
MAKE = """
CREATE TABLE store_meta (key text PRIMARY KEY, value text NOT NULL);
INSERT INTO store_meta VALUES ('schema', '1');
CREATE TABLE store_object (
    hbj bigint PRIMARY KEY,                        -- rows are never deleted: a number is never used again
    name text NOT NULL, name_key text NOT NULL UNIQUE,
    kind text NOT NULL, version bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0, present boolean NOT NULL DEFAULT true);
CREATE TABLE store_version (hbj bigint, version bigint, saved_ms bigint NOT NULL, origin text NOT NULL, PRIMARY KEY (hbj, version));
CREATE TABLE store_part (hbj bigint, version bigint, part text COLLATE "C", path text NOT NULL, sha256 text NOT NULL,
    PRIMARY KEY (hbj, version, part));
CREATE TABLE store_bytes (sha256 text PRIMARY KEY, data bytea NOT NULL);
CREATE TABLE store_unit (sha256 text PRIMARY KEY, data bytea NOT NULL);
CREATE TABLE store_build (hbj bigint PRIMARY KEY, facts bytea NOT NULL);
CREATE TABLE store_file (path text PRIMARY KEY, sha256 text NOT NULL);
CREATE TABLE store_imported (hbj bigint, place text, folder text NOT NULL, store text NOT NULL, PRIMARY KEY (hbj, place));
CREATE TABLE store_call (call bigint PRIMARY KEY, at_ms bigint NOT NULL);  -- commits by their call, for one whose answer was lost
CREATE INDEX store_call_at ON store_call (at_ms);
"""
TABLES = Tables("the configuration store", "store_meta", "key", "schema", schema=1, min_reader=1, make=lambda: MAKE)
OWN_CALL = "SELECT 1 FROM store_call WHERE call = %s"
NOTE_CALL = "INSERT INTO store_call VALUES (%s, engine_now())"
FORGET_CALLS = "DELETE FROM store_call WHERE at_ms < engine_now() - %s"
ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def await_turn(connection: Connection) -> None:
    """Until nobody else writes. Asked for again and again: an open question would look like a server that stands still."""
    while True:
        row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [WRITING]).fetchone()
        if row is not None and row[0]:
            return
        time.sleep(TURN_S)


class PostgresSession:
    """The open transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        cursor = self._connection.execute(query.replace("?", "%s"), values, prepare=True)
        return cursor.fetchall() if cursor.description else []

    def many(self, query: str, table: Sequence[Sequence[object]]) -> None:
        for values in table:  # prepared once; an import of thousands of objects is rare, and no statement is ever sent unanswered
            self._connection.execute(query.replace("?", "%s"), values, prepare=True)


class PostgresTables:
    """Work over the records, one transaction each, done once whatever happens to the connection meanwhile.

    StoreBroken when the database does not answer (`reconnect_s` as of `Database`) or refuses. For one thread at a time.
    """

    remote = True

    def __init__(self, url: str, seams: Seams, place: str = "") -> None:
        self._place = place
        try:
            self._db = Database(url, seams, lease_ms=HELD_MS, patience_s=ANSWER_S)
            self._db.call(lambda connection: prepare(connection, TABLES))
        except EngineError as error:
            raise StoreBroken(error.text, hint=error.hint) from error

    def read(self, work: Callable[[Records], T]) -> T:
        """What `work` sees is of one instant."""
        def look(connection: Connection) -> tuple[T]:
            with connection.transaction():
                connection.execute(ONE_INSTANT)
                return (work(Records(PostgresSession(connection), self._place)),)

        return self._call(look, None)

    def write(self, work: Callable[[Records], T]) -> T:
        """All or nothing; nobody else writes meanwhile. When the connection is lost during the commit, its call is looked up."""
        call = self._db.number()
        results: list[T] = []

        def change(connection: Connection) -> tuple[T]:
            with connection.transaction():
                await_turn(connection)
                records = Records(PostgresSession(connection), self._place)
                result = work(records)
                if records.changed:
                    connection.execute(FORGET_CALLS, [CALLS_KEPT_MS])
                    connection.execute(NOTE_CALL, [call])
                results[:] = [result]
            return (result,)

        def kept(connection: Connection) -> tuple[T] | None:
            return (results[0],) if connection.execute(OWN_CALL, [call]).fetchone() is not None else None

        return self._call(change, kept)

    def close(self) -> None:
        self._db.close()

    def _call(self, work: Callable[[Connection], tuple[T]], settled: Callable[[Connection], tuple[T] | None] | None) -> T:
        try:
            return self._db.call(work, settled)[0]
        except EngineError as error:
            raise StoreBroken(error.text, hint=error.hint) from error
