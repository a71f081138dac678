"""One connection to DATA/engine.db: transactions in turn, errors as the engine's own, a new connection after a failed write."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from hisee.engine.coordinator import EngineError, StorageFull
from hisee.engine.sqlite import tables
from hisee.engine.sqlite.beats import Beats, boottime_ns
from hisee.engine.sqlite.turn import Turn

LOG = logging.getLogger(__name__)
DATABASE, TURN, BEATS = "engine.db", "engine.turn", "engine.beats"
BUSY_S = 10.0  # only against the configuration store, which writes without the turn
CHECKPOINT_PAGES = 4_000
CACHE_KIB = 16_384
FAILED_FSYNC = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}
WAY_OUT = "make room on its disk or mend it; what was acknowledged is kept, and work goes on by itself when a write succeeds again"


class Store:
    """Opens at the first use and, after a failed write, anew at the next one."""

    def __init__(self, data: Path, lease_ms: int, now_ns: Callable[[], int] = boottime_ns) -> None:
        self.path = data.resolve() / DATABASE
        self._db: sqlite3.Connection | None = None
        self._durable: bool | None = None
        self._unsynced = False
        try:
            self.turn = Turn(data / TURN, lease_ms)
            with self.turn:
                self.beats = Beats(data / BEATS, now_ns)
        except OSError as error:
            raise StorageFull(f"{data}: {error.strerror}", hint=WAY_OUT) from error
        self.turn.quiet_ns = self.beats.quiet_ns
        with self._named_errors():
            self._connection()

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            with self.turn:
                self._db = self._open()
            self._durable = None
        return self._db

    def _open(self) -> sqlite3.Connection:
        """The first opening decides WAL; the pages of a failed fsync are written anew before anything else, never synced twice."""
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_S, cached_statements=256)
        try:
            for pragma in ("journal_mode=WAL", "secure_delete=OFF", f"cache_size=-{CACHE_KIB}", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
                db.execute(f"PRAGMA {pragma}").fetchall()
            if self._unsynced:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            tables.prepare(db)
        except BaseException:
            db.close()
            raise
        self._unsynced = False
        return db

    @contextlib.contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction, in turn. `durable`: on the disk when it returns; else carried there by the next one that is."""
        with self._named_errors():
            db = self._connection()
            with self.turn:
                self._set_durable(db, durable)
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise

    def _set_durable(self, db: sqlite3.Connection, durable: bool) -> None:
        if durable is not self._durable:
            db.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
            self._durable = durable

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Several looks at one instant; never waits for a writer."""
        with self._named_errors():
            db = self._connection()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                if db.in_transaction:
                    db.execute("COMMIT")

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> EngineError:
        """What went wrong, said as the engine; a connection that failed to write is not used again."""
        code = getattr(error, "sqlite_errorcode", 0)
        kind = code & 0xFF
        if kind in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
            self._unsynced |= code in FAILED_FSYNC
            self._drop()
            return StorageFull(f"{self.path}: {error}", hint=WAY_OUT)
        if kind == sqlite3.SQLITE_BUSY:
            return EngineError(f"{self.path} is busy: {error}", hint="another program keeps it locked; end that program")
        if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return EngineError(f"{self.path} is damaged: {error}", hint="end the system and restore the data directory from a backup")
        return EngineError(f"{self.path}: {error}", hint="the transaction was undone")

    def _drop(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def close(self) -> None:
        self._drop()
        self.turn.close()
        self.beats.close()
