"""One connection to PostgreSQL: how it is made and made again, what a fault means, and when a lost commit's outcome is known."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from hisee.engine.coordinator import EngineError, StorageFull
from hisee.engine.postgres.dialling import Dialling
from hisee.engine.postgres.upkeep import Tables, prepare
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams

T = TypeVar("T")

# schema.sql makes tables of this schema; `expand` of upkeep.Tables brings those of the release before there.
TABLES = Tables("the engine database", "engine_meta", "name", "version", schema=1, min_reader=1,
                make=lambda: files(__package__).joinpath("schema.sql").read_text())
RECONNECT_S = 30.0
PATIENCE_S = TIMERS["database_answer"].ms / 1000
REPEATS = 20  # of a transaction that the server itself undid
PAUSE_S = 0.02
# A lost network ends a connection within seconds. A commit that waits is never touched: no statement_timeout, no cancel.
OPTIONS = {"keepalives": "1", "keepalives_idle": "2", "keepalives_interval": "1", "keepalives_count": "3",
           "tcp_user_timeout": "5000", "target_session_attrs": "read-write", "application_name": "hisee"}
# A member frozen inside a transaction loses its locks when it loses its lease. Every statement has an index to go by; plans made
# while the tables were small shall not read them whole when they have grown.
SESSION = "SET idle_in_transaction_session_timeout = {}; SET client_min_messages = warning; " \
          "SET default_transaction_isolation = 'read committed'; SET TIME ZONE 'UTC'; " \
          "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
IDENTITY = "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()"
SESSION_OF = "SELECT state FROM pg_stat_activity WHERE pid = %s AND backend_start::text = %s"
# The server is there and cannot write: a demoted primary, one that shuts down or recovers.
ELSEWHERE = (errors.ReadOnlySqlTransaction, errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow)
FULL = (errors.DiskFull, errors.IoError, errors.InsufficientResources)
UNDONE = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
REFUSED = (psycopg.DataError, UnicodeError)

Session = tuple[int, str]
RV = TypeVar("RV")


class Connection(psycopg.Connection[TupleRow]):
    """A connection that does not wait for ever: a server that stands still keeps its TCP connections, and no keep-alive tells."""

    patience_s: float | None = None

    def wait(self, gen: PQGen[RV], *how: Any, **more: Any) -> RV:
        """Raises OperationalError, with the connection closed, when the server does not answer in time. It cancels nothing there."""
        try:
            return super().wait(gen, *how, **{"timeout": self.patience_s} | more)
        except errors._WaitTimeout as silent:
            self.close()
            raise psycopg.OperationalError(f"the server does not answer within {self.patience_s:g} s") from silent

    @contextlib.contextmanager
    def patient(self) -> Iterator[None]:
        """For a statement whose work may take any time."""
        before, self.patience_s = self.patience_s, None
        try:
            yield
        finally:
            self.patience_s = before


class Lost(Exception):
    """The connection is gone; whether its last transaction was committed is not known yet."""


class Database:
    """A connection that comes back. `call` has a piece of work done exactly once, whatever happens to the connection meanwhile."""

    def __init__(self, url: str, seams: Seams, *, lease_ms: int, reconnect_s: float = RECONNECT_S, patience_s: float = PATIENCE_S) -> None:
        """Seconds: `reconnect_s` that a call waits for a server that is away, `patience_s` for one answer of a server that is there.

        No statement waits longer than that for others: what may take long is asked for again and again."""
        self._seams, self._lease_ms, self._reconnect_s, self._patience_s = seams, lease_ms, reconnect_s, patience_s
        self._connection: Connection | None = None
        self._session: Session = (0, "")
        self._lost: Session | None = None  # its last transaction may still be on its way
        self.returned_ns: int | None = None  # when it was connected again after a loss
        try:
            patience = {"connect_timeout": str(max(2, min(5, int(reconnect_s))))}  # of each host; the least that the library knows is 2
            self._dialling = Dialling(make_conninfo(url, **OPTIONS | patience), connect)
            self._connection = self._open()
            prepare(self._connection, TABLES)
        except psycopg.Error as error:
            self.close()
            raise EngineError(f"the engine database cannot be opened: {one_line(error)}", hint="see [engine] url of app.toml") from error

    def call(self, work: Callable[[Connection], T], settled: Callable[[Connection], T | None] | None = None) -> T:
        """Result of `work`, which is one transaction. After a lost connection `settled` looks, over a new one and after the old
        session has ended, for what the transaction left: its result if it was committed, None if not - then it runs again.
        Without `settled` the work is such that doing it again changes nothing."""
        repeats = 0
        while True:
            try:
                with self._translated():
                    connection = self._connected()
                    found = self._settle(connection, settled)
                    return found if found is not None else work(connection)
            except Lost:
                continue
            except UNDONE as error:  # the server rolled it back: nothing of it happened
                repeats += 1
                if repeats > REPEATS:
                    raise EngineError(f"the engine database undid a transaction {repeats} times: {one_line(error)}") from error

    def number(self) -> int:
        """A number for one call, by which its rows are found again."""
        return self._seams.rng.below(1 << 62) + 1

    def now_ns(self) -> int:
        """By the clock of this process."""
        return self._seams.clock.monotonic_ns()

    def returned_within(self, ns: int) -> bool:
        """It was lost and is back for less than `ns`: others may not have found back yet."""
        return self.returned_ns is not None and self._seams.clock.monotonic_ns() - self.returned_ns < ns

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        connection = self._dialling.dial()
        connection.patience_s = self._patience_s
        connection.execute(SESSION.format(self._lease_ms))
        row = connection.execute(IDENTITY).fetchone()
        self._session = (int(row[0]), str(row[1])) if row is not None else (0, "")
        return connection

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except UNDONE:
            raise
        except FULL as error:
            raise StorageFull(f"the engine database cannot write: {one_line(error)}",
                              hint="make room on its disk; work goes on by itself") from error
        except REFUSED as error:
            raise EngineError(f"the engine database refuses a value: {one_line(error)}", hint="nothing was changed") from error
        except psycopg.Error as error:
            if not self._is_lost(error):
                raise EngineError(f"the engine database refused: {one_line(error)}", hint="nothing was changed") from error
            self._lost = self._session
            self.close()
            raise Lost from error

    def _is_lost(self, error: psycopg.Error) -> bool:
        return self._connection is None or self._connection.closed or isinstance(error, ELSEWHERE)

    def _connected(self) -> Connection:
        if self._dialling.elsewhere:
            self.close()
        if self._connection is not None and not self._connection.closed:
            return self._connection
        clock = self._seams.clock
        deadline = clock.monotonic_ns() + int(self._reconnect_s * 1e9)
        while True:
            try:
                self._connection = self._open()
                self.returned_ns = clock.monotonic_ns()
                return self._connection
            except psycopg.OperationalError as error:
                if clock.monotonic_ns() > deadline:
                    raise EngineError(f"the engine database does not answer: {one_line(error)}", hint=self._doubt()) from error
            time.sleep(PAUSE_S)

    def _doubt(self) -> str:
        return "whether the last change was kept is not known until it does" if self._lost else "nothing was changed"

    def _settle(self, connection: Connection, settled: Callable[[Connection], T | None] | None) -> T | None:
        if self._lost is None:
            return None
        self._await_end(connection, self._lost)
        found = settled(connection) if settled is not None else None
        self._lost = None
        return found

    def _await_end(self, connection: Connection, lost: Session) -> None:
        """Until the session of the lost connection has ended. One that commits is left alone; one that is idle has got nothing
        to commit and is ended. A server that took over never knew it."""
        clock = self._seams.clock
        deadline = clock.monotonic_ns() + int(self._reconnect_s * 1e9)
        while (row := connection.execute(SESSION_OF, lost).fetchone()) is not None:
            if str(row[0]).startswith("idle"):
                connection.execute("SELECT pg_terminate_backend(%s)", lost[:1])
            if clock.monotonic_ns() > deadline:
                raise EngineError("a lost session of the engine database does not end", hint=self._doubt())
            time.sleep(PAUSE_S)


def connect(address: str) -> Connection:
    return Connection.connect(address, autocommit=True, prepare_threshold=1)


def one_line(error: BaseException) -> str:
    """What PostgreSQL says, without its detail lines."""
    diagnosis = getattr(error, "diag", None)
    text = getattr(diagnosis, "message_primary", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def as_json(table: Sequence[Mapping[str, object]]) -> str:
    """Many rows as one value for json_to_recordset: far cheaper to make than arrays, whose texts are quoted one by one."""
    return msgspec.json.encode(table).decode()


def rows(connection: Connection, query: str, values: Any = None) -> list[TupleRow]:
    """All rows of a query that is worth preparing."""
    return connection.execute(query, values, prepare=True).fetchall()


def one(connection: Connection, query: str, values: Any = None) -> TupleRow | None:
    return connection.execute(query, values, prepare=True).fetchone()
