"""The store's tables in DATA/engine.db: one computer."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from hisee.model.records import Records, Row, StoreBroken

T = TypeVar("T")

SCHEMA_VERSION = 2
BUSY_MS = 5_000

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE object (
    hbj INTEGER PRIMARY KEY AUTOINCREMENT,          -- never used again, not even after a deletion
    name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0, present INTEGER NOT NULL DEFAULT 1);
CREATE TABLE version (hbj INTEGER NOT NULL, version INTEGER NOT NULL, saved_ms INTEGER NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (hbj, version)) WITHOUT ROWID;
CREATE TABLE part (hbj INTEGER NOT NULL, version INTEGER NOT NULL, part TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (hbj, version, part)) WITHOUT ROWID;
CREATE TABLE bytes (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE unit (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE build (hbj INTEGER PRIMARY KEY, facts BLOB NOT NULL);
CREATE TABLE file (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE imported (hbj INTEGER PRIMARY KEY, folder TEXT NOT NULL, store TEXT NOT NULL);
INSERT INTO sqlite_sequence (name, seq) VALUES ('object', 99);
"""
UPDATES = {1: """
CREATE TABLE marks (hbj INTEGER NOT NULL, place TEXT NOT NULL, folder TEXT NOT NULL, store TEXT NOT NULL,
    PRIMARY KEY (hbj, place)) WITHOUT ROWID;       -- the place is always "": one computer, one folder
INSERT INTO marks SELECT hbj, '', folder, store FROM imported;
DROP TABLE imported;
ALTER TABLE marks RENAME TO imported;
"""}  # schema version -> what makes the next one of it
TABLE_NAME = re.compile(r"\bstore_")


def connect(path: Path) -> sqlite3.Connection:
    """Open the engine database, made at first use; raises StoreBroken."""
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            db.execute(f"PRAGMA {pragma}")
        _prepare(db, path)
    except StoreBroken:
        db.close()
        raise
    except sqlite3.Error as error:
        raise StoreBroken(f"{path}: {error}", hint="is it on a full or read-only disk, or damaged? a copy of it may be needed") from error
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    """Several processes may open a file at once: who comes second finds the tables of the first."""
    if _version(db) != SCHEMA_VERSION:
        with _transaction(db, "BEGIN IMMEDIATE"):
            if (version := _version(db)) > SCHEMA_VERSION:
                _check_reader(db, path, version)
                return
            for statement in _statements(version):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _check_reader(db: sqlite3.Connection, path: Path, version: int) -> None:
    """A later release that only added something wrote down which schema can still use the file; without that, only its own can."""
    row = db.execute("SELECT value FROM meta WHERE key = 'min_reader'").fetchone()
    if row is None or int(row[0]) > SCHEMA_VERSION:
        raise StoreBroken(f"{path} was written by a newer hisee (schema {version})", hint="install that release")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _statements(version: int) -> Iterator[str]:
    """From that version to ours."""
    texts = [TABLES] if version == 0 else []
    texts += [text for number, text in UPDATES.items() if number >= version]
    for text in texts:
        yield from (statement for statement in re.sub(r"--.*", "", text).split(";") if statement.strip())


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection, begin: str) -> Iterator[None]:
    """All or nothing; an exception inside undoes it."""
    db.execute(begin)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def native(query: str) -> str:
    return TABLE_NAME.sub("", query)


class SqliteTables:
    """Work over the records, one transaction each. StoreBroken when the file cannot be read or written."""

    remote = False

    def __init__(self, data: Path) -> None:
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreBroken(f"{data}: {error.strerror}") from error
        self._path = data / "engine.db"
        self._db = connect(self._path)

    def read(self, work: Callable[[Records], T]) -> T:
        """What `work` sees is of one instant."""
        return self._run("BEGIN", work)

    def write(self, work: Callable[[Records], T]) -> T:
        """All or nothing; nobody else writes meanwhile."""
        return self._run("BEGIN IMMEDIATE", work)

    def close(self) -> None:
        self._db.close()

    def _run(self, begin: str, work: Callable[[Records], T]) -> T:
        try:
            with _transaction(self._db, begin):
                return work(Records(self))
        except sqlite3.Error as error:
            raise StoreBroken(f"{self._path.name}: {error}", hint="nothing was changed; is the disk full or read-only?") from error

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        return self._db.execute(native(query), values).fetchall()

    def many(self, query: str, table: Sequence[Sequence[object]]) -> None:
        self._db.executemany(native(query), table)
