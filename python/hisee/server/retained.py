"""Retained values: every SET of an object with `retain` is on disk before it is acknowledged. One writer thread, group commit.

They have a file of their own, `values.db`: a value never waits for the queues of the engine database, nor for a frozen work process.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from hisee._core.cells import CellTable
from hisee.errors import HiseeError
from hisee.values import Invalid, Ref, Type

log = logging.getLogger("hisee.server.retained")
TABLE = """CREATE TABLE IF NOT EXISTS retained (hbj INTEGER NOT NULL, row INTEGER NOT NULL, col INTEGER NOT NULL,
    change INTEGER NOT NULL, cell BLOB NOT NULL, PRIMARY KEY (hbj, row, col)) WITHOUT ROWID"""
PUT = "INSERT OR REPLACE INTO retained VALUES (?, ?, ?, ?, ?)"
BATCH = 1_000  # cells of one commit
QUEUED = 100_000  # cells that wait for the disk; more and writers are refused
Row = tuple[int, int, int, int, bytes]
Then = Callable[[str], None]  # told "" once durable, else why it is not


class ValuesBroken(HiseeError):
    """values.db cannot be opened or read."""


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


class Retained:
    """The values on disk. `soon` runs a callable on the server's loop, from any thread."""

    def __init__(self, path: Path, soon: Callable[[Callable[[], None]], object]) -> None:
        self._path, self._soon = path, soon
        self._db = connect(path)
        self._waiting: queue.Queue[tuple[Row, Then] | None] = queue.Queue(QUEUED)
        self._writer = threading.Thread(target=self._write_forever, name="hisee-retained", daemon=True)
        self._writer.start()

    def restore(self, table: CellTable, retained: set[int]) -> int:
        """Put what is stored over the initial values in `table`; objects that are gone, or of another type now, are left out.

        Returns the number of cells taken.
        """
        stored = self._db.execute("SELECT hbj, row, col, change, cell FROM retained ORDER BY change").fetchall()
        return sum(_restore(table, row) for row in stored if row[0] in retained and table.has(row[0]))

    def keep(self, ref: Ref, change: int, cell: bytes, then: Then) -> None:
        """Write one cell (as `CellTable.changes` gives it); `then` runs on the loop once it is durable, or with the reason."""
        try:
            self._waiting.put_nowait(((ref.object, ref.row, ref.column, change, cell), then))
        except queue.Full:
            then(f"more than {QUEUED} values wait for the disk")

    def close(self) -> None:
        """Everything accepted is on disk afterwards."""
        self._waiting.put(None)
        self._writer.join()
        self._db.close()

    # -- the writer thread

    def _write_forever(self) -> None:
        while batch := list(self._batch()):
            reason = self._commit([row for row, _ in batch])
            self._soon(lambda batch=batch, reason=reason: _tell(batch, reason))  # type: ignore[misc]

    def _batch(self) -> Iterator[tuple[Row, Then]]:
        """What arrived during the last commit; empty = the end."""
        item = self._waiting.get()
        for _ in range(BATCH):
            if item is None:
                self._waiting.put(None)  # seen again, alone, after this batch
                return
            yield item
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return
        if item is not None:
            yield item

    def _commit(self, rows: list[Row]) -> str:
        """"" when they are durable. A connection whose write failed is never used again: its pages may be lies."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(PUT, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            log.error("%d values not written to %s: %s", len(rows), self._path, error)
            self._reopen()
            return f"the value is not on disk ({error}); free some space on {self._path.parent}"
        return ""

    def _reopen(self) -> None:
        self._db.close()
        try:
            self._db = connect(self._path)
        except ValuesBroken as error:
            log.error("%s", error)


def _tell(batch: list[tuple[Row, Then]], reason: str) -> None:
    for _, then in batch:
        then(reason)


def _restore(table: CellTable, stored: Row) -> bool:
    hbj, row, column, _, cell = stored
    ref = Ref(hbj, row, column)
    try:
        scratch = _alike(table, hbj)
        scratch.apply(cell)
        kept = scratch.get(ref)
        if kept.last is not None:
            table.set(ref, kept.last, kept.time_ms, kept.weak)
        if isinstance(kept.value, Invalid):
            table.set(ref, kept.value, kept.time_ms, kept.weak)
    except (ValueError, IndexError, TypeError, KeyError) as error:
        log.warning("stored value of object %d, row %d, column %d not taken: %s", hbj, row, column, error)
        return False
    return True


def _alike(table: CellTable, hbj: int) -> CellTable:
    """A table that knows the object as it is now: a stored cell of another type or place does not fit it."""
    kind, rows, columns, _ = table.shape(hbj)
    scratch = CellTable()
    if kind == Type.RECORD:
        scratch.define(hbj, kind, rows, columns)
    else:
        scratch.define(hbj, kind)
    return scratch
