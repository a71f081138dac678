"""Retained values in the engine database on PostgreSQL, fenced: nothing of an epoch that is over gets in."""

from __future__ import annotations

import logging

from hisee.engine.coordinator import EngineError
from hisee.engine.postgres.database import Connection, Database, one, rows
from hisee.engine.postgres.upkeep import MAKING
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.server.retained import Fence, Row, Stored, ValuesBroken

log = logging.getLogger("hisee.server.retained")
LEASE_MS = TIMERS["lease"].ms  # a writer that stands still in its transaction does not keep the next hot server waiting for longer
ANSWER_S = TIMERS["server_answer"].ms / 1000
WRITERS_KEPT_MS = 86_400_000

TABLES = """
CREATE TABLE IF NOT EXISTS store_value (hbj bigint, line bigint, col bigint, change bigint NOT NULL, cell bytea NOT NULL,
    number bigint NOT NULL,                        -- of the commit; only grows
    PRIMARY KEY (hbj, line, col)) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS store_value_number ON store_value (number);
CREATE SEQUENCE IF NOT EXISTS store_value_commit;
CREATE TABLE IF NOT EXISTS store_value_writer (writer bigint PRIMARY KEY, call bigint NOT NULL, at_ms bigint NOT NULL);
"""
FORGET = "DELETE FROM store_value_writer WHERE at_ms < engine_now() - %s"
# Whoever raises the epoch changes the row of the term, so it waits for this transaction; and this one, if it came second, finds 0 rows.
HELD = "SELECT 1 FROM engine_term WHERE term = %s AND epoch = %s AND holder <> 0 FOR SHARE"
EPOCH = "SELECT epoch FROM engine_term WHERE term = %s"
PUT = """WITH n AS MATERIALIZED (SELECT nextval('store_value_commit') AS number),
    w AS (INSERT INTO store_value_writer VALUES (%s, %s, engine_now())
        ON CONFLICT (writer) DO UPDATE SET call = excluded.call, at_ms = excluded.at_ms)
    INSERT INTO store_value SELECT e.*, n.number
        FROM n, unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[]) e (hbj, line, col, change, cell)
    ON CONFLICT (hbj, line, col) DO UPDATE SET change = excluded.change, cell = excluded.cell, number = excluded.number"""
OWN = "SELECT 1 FROM store_value_writer WHERE writer = %s AND call = %s"
READ = "SELECT hbj, line, col, change, cell, number FROM store_value WHERE number > %s ORDER BY number, change"


class NotHot(Exception):
    """The term has another epoch, or nobody's; nothing was written."""


class PostgresValues:
    """One connection for the writer thread, another for each look. Raises ValuesBroken when the database cannot be opened."""

    def __init__(self, url: str, seams: Seams) -> None:
        self._url, self._seams = url, seams
        self._db = self._open()
        self._writer = self._db.number()
        self._db.call(make_tables)

    def _open(self) -> Database:
        try:
            return Database(self._url, self._seams, lease_ms=LEASE_MS, patience_s=ANSWER_S)
        except EngineError as error:
            raise ValuesBroken(error.text, hint=error.hint) from error

    def write(self, rows: list[Row], fence: Fence | None) -> str:
        """When the connection is lost during the commit, the number of the call says whether it took place."""
        call, newest = self._db.number(), {row[:3]: row for row in rows}
        columns = [list(column) for column in zip(*newest.values(), strict=True)]
        try:
            self._db.call(lambda connection: put(connection, fence, [self._writer, call, *columns]),
                          lambda connection: one(connection, OWN, [self._writer, call]) is not None or None)
        except NotHot as refused:
            log.warning("%d values refused: %s", len(rows), refused)
            return str(refused)
        except EngineError as error:
            log.error("%d values not written: %s", len(rows), error)
            return f"the value is not kept ({error})"
        return ""

    def read(self, after: int) -> Stored:
        db = self._open()
        try:
            found = db.call(lambda connection: rows(connection, READ, [after]))
        except EngineError as error:
            raise ValuesBroken(error.text, hint=error.hint) from error
        finally:
            db.close()
        return Stored(found[-1][5] if found else after, [row[:5] for row in found])

    def close(self) -> None:
        self._db.close()


def make_tables(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MAKING])
        connection.execute(TABLES)
        connection.execute(FORGET, [WRITERS_KEPT_MS])


def put(connection: Connection, fence: Fence | None, values: list[object]) -> bool:
    """Write the cells; raises NotHot when the fence does not hold, and then nothing is written."""
    with connection.transaction():
        if fence is not None and one(connection, HELD, fence) is None:
            raise not_hot(connection, fence)
        connection.execute(PUT, values, prepare=True)
    return True


def not_hot(connection: Connection, fence: Fence) -> NotHot:
    term, epoch = fence
    row = one(connection, EPOCH, [term])
    now = int(row[0]) if row is not None else 0
    why = f"epoch {epoch} < {now}" if epoch < now else f"epoch {epoch} is over"
    return NotHot(f"this server is not the hot one any more ({why})")
