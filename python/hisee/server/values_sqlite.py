"""Retained values in a file of their own, `values.db`: a value never waits for the queues of the engine database, nor for a frozen work
process."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from hisee.server.retained import Fence, Row, Stored, ValuesBroken

log = logging.getLogger("hisee.server.retained")
TABLE = """CREATE TABLE IF NOT EXISTS retained (hbj INTEGER NOT NULL, row INTEGER NOT NULL, col INTEGER NOT NULL,
    change INTEGER NOT NULL, cell BLOB NOT NULL, PRIMARY KEY (hbj, row, col)) WITHOUT ROWID"""
PUT = "INSERT OR REPLACE INTO retained VALUES (?, ?, ?, ?, ?)"


def connect(path: Path) -> sqlite3.Connection:
    """Raises ValuesBroken."""
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            db.execute(f"PRAGMA {pragma}")
        db.execute(TABLE)
    except sqlite3.Error as error:
        raise ValuesBroken(f"{path}: {error}", hint="is the disk full or read-only, or the file damaged? a backup may be needed") from error
    return db


class SqliteValues:
    """One computer: there is nobody to be fenced off, and nobody else whose commits a later look could find."""

    def __init__(self, path: Path) -> None:
        self._path, self._db = path, connect(path)

    def read(self, after: int) -> Stored:
        return Stored(0, self._db.execute("SELECT hbj, row, col, change, cell FROM retained ORDER BY change").fetchall())

    def write(self, rows: list[Row], fence: Fence | None) -> str:
        """A connection whose write failed is never used again: its pages may be lies."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(PUT, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            log.error("%d values not written to %s: %s", len(rows), self._path, error)
            self._reopen()
            return f"the value is not on disk ({error}); free some space on {self._path.parent}"
        return ""

    def close(self) -> None:
        self._db.close()

    def _reopen(self) -> None:
        self._db.close()
        try:
            self._db = connect(self._path)
        except ValuesBroken as error:
            log.error("%s", error)
