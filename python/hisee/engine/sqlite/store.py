"""One connection to DATA/engine.db: transactions in turn, errors as the engine's own, a new connection after a failed write."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from hisee.engine.coordinator import EngineError, StorageFull
from hisee.engine.sqlite import tables
from hisee.engine.sqlite.beats import Beats, boottime_ns
from hisee.engine.sqlite.turn import Turn

LOG = logging.getLogger(__name__)
DATABASE, TURN, BEATS = "engine.db", "engine.turn", "engine.beats"
BUSY_S = 10.0  # only against the configuration store, which writes without the turn
CHECKPOINT_PAGES = 1_000  # a log that is soon written over from its beginning: overwriting syncs faster than appending
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
        self._opened = 0  # connections so far
        try:
            self.turn = Turn(data / TURN, lease_ms)
            with self.turn:
                self.beats = Beats(data / BEATS, now_ns)
        except OSError as error:
            raise StorageFull(f"{data}: {error.strerror}", hint=WAY_OUT) from error
        self.turn.quiet_ns = self.beats.quiet_ns
        try:
            self._connection()
        except sqlite3.Error as error:
            raise self.failed(error) from error

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            with self.turn:
                self._db = self._open()
            self._opened += 1
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

    def write(self, *, durable: bool = True) -> Transaction:
        """One transaction, in turn. `durable`: on the disk when it returns; else carried there by the next one that is."""
        return Transaction(self, durable)

    def read(self) -> Transaction:
        """Several looks at one instant; never waits for a writer."""
        return Transaction(self, None)

    def changes(self) -> tuple[int, int, int]:
        """The same as before when no commit lies in between: neither another connection's nor one of this."""
        try:
            db = self._connection()
            [version] = db.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise self.failed(error) from error
        return self._opened, int(version), db.total_changes

    def begin(self, durable: bool | None) -> sqlite3.Connection:
        """The beginning of a transaction; None = of one that only reads."""
        db = self._connection()
        if durable is None:
            db.execute("BEGIN")
            return db
        self.turn.take()
        try:
            if durable is not self._durable:
                db.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
                self._durable = durable
            db.execute("BEGIN IMMEDIATE")
        except BaseException:
            self.turn.give()
            raise
        return db

    def failed(self, error: sqlite3.Error) -> EngineError:
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


class Transaction:
    """`with store.write() as db:` All or nothing: an exception inside undoes it, and SQLite's own errors come out as the engine's."""

    __slots__ = ("_store", "_durable", "_db")

    def __init__(self, store: Store, durable: bool | None) -> None:
        self._store, self._durable = store, durable

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._db = self._store.begin(self._durable)
        except sqlite3.Error as error:
            raise self._store.failed(error) from error
        return self._db

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                self._db.execute("COMMIT")
            elif self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as failure:
            self._undo()
            raise self._store.failed(failure) from failure
        finally:
            if self._durable is not None:
                self._store.turn.give()
        if isinstance(error, sqlite3.Error):
            raise self._store.failed(error) from error

    def _undo(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
