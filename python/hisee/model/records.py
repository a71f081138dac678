"""The configuration tables of the engine database: objects, versions, parts, bytes, units. SQL only; decides nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from hisee.model.change import Imported
from hisee.model.gate import Build
from hisee.model.layout import Layout, Parts
from hisee.model.names import fold
from hisee.model.problem import StoreError

SCHEMA_VERSION = 1
KNL_HBJ = 1  # the server is number 1 on the wire, whatever its node is called
FIRST_HBJ = 100
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


class StoreBroken(StoreError):
    """engine.db cannot be read or written."""


class ObjectRow(NamedTuple):
    """One line of the object list."""

    hbj: int
    name: str
    kind: str
    version: int
    present: bool  # False = removed; its number stays its own


class BuildFacts(msgspec.Struct):
    """What the gate found out about the stored version of a scripted object."""

    units: dict[str, str] = {}  # part -> sha256
    handlers: dict[str, list[str]] = {}
    used: list[str] = []


def connect(path: Path) -> sqlite3.Connection:
    """Open the engine database, made at first use; raises StoreBroken."""
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            db.execute(f"PRAGMA {pragma}")
        _prepare(db, path)
    except sqlite3.Error as error:
        raise StoreBroken(f"{path}: {error}", hint="is it on a full or read-only disk, or damaged? a copy of it may be needed") from error
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        db.close()
        raise StoreBroken(f"{path} was written by a newer hisee (schema {version})", hint="install that release")
    if version == 0:
        _make_tables(db)


def _make_tables(db: sqlite3.Connection) -> None:
    """Several processes may open a new file at once: who comes second finds the tables of the first."""
    try:
        db.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
    except sqlite3.OperationalError:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            raise


def _row(row: tuple[int, str, str, int, int]) -> ObjectRow:
    hbj, name, kind, version, present = row
    return ObjectRow(hbj, name, kind, version, bool(present))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Records:
    """Reads and writes of the tables. Every write happens inside `transaction()`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an exception inside undoes it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # reading
    def objects(self, *, absent: bool = False) -> list[ObjectRow]:
        rows = self._db.execute("SELECT hbj, name, kind, version, present FROM object WHERE present OR ? ORDER BY position, hbj", (absent,))
        return [_row(row) for row in rows]

    def find(self, name: str) -> ObjectRow | None:
        row = self._db.execute("SELECT hbj, name, kind, version, present FROM object WHERE name_key = ?", (fold(name),)).fetchone()
        return _row(row) if row else None

    def layout(self) -> Layout:
        """The application as stored now."""
        result = Layout(files=dict(self._db.execute("SELECT path, data FROM file JOIN bytes USING (sha256)")))
        rows = self._db.execute(
            "SELECT name, part, path, data FROM object JOIN part USING (hbj, version) JOIN bytes USING (sha256)"
            " WHERE present ORDER BY position, hbj"
        )
        for name, part, path, data in rows:
            result.objects.setdefault(name, Parts(name)).put(part, path, data)
        return result

    def file(self, path: str) -> bytes | None:
        row = self._db.execute("SELECT data FROM file JOIN bytes USING (sha256) WHERE path = ?", (path,)).fetchone()
        return row[0] if row else None

    def part(self, hbj: int, version: int, part: str) -> bytes | None:
        row = self._db.execute(
            "SELECT data FROM part JOIN bytes USING (sha256) WHERE hbj = ? AND version = ? AND part = ?", (hbj, version, part)
        ).fetchone()
        return row[0] if row else None

    def versions(self, hbj: int) -> list[tuple[int, int, str]]:
        """(version, time of the save in ms, origin), oldest first."""
        return self._db.execute("SELECT version, saved_ms, origin FROM version WHERE hbj = ? ORDER BY version", (hbj,)).fetchall()

    def unit(self, digest: str) -> bytes | None:
        row = self._db.execute("SELECT data FROM unit WHERE sha256 = ?", (digest,)).fetchone()
        return row[0] if row else None

    def build(self, hbj: int) -> BuildFacts:
        row = self._db.execute("SELECT facts FROM build WHERE hbj = ?", (hbj,)).fetchone()
        return msgspec.msgpack.decode(row[0], type=BuildFacts) if row else BuildFacts()

    def imported(self) -> dict[str, Imported]:
        rows = self._db.execute("SELECT name_key, folder, store FROM imported JOIN object USING (hbj)")
        return {key: Imported(folder, store) for key, folder, store in rows}

    def meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else ""

    # writing
    def put_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def put_object(self, name: str, kind: str, position: int, hbj: int | None = None) -> int:
        """Enter or update an object; its number is given once and stays, also over a deletion and a return."""
        known = self.find(name)
        hbj = known.hbj if known else hbj
        if hbj is None or self._db.execute("SELECT 1 FROM object WHERE hbj = ?", (hbj,)).fetchone() is None:
            cursor = self._db.execute(
                "INSERT INTO object (hbj, name, name_key, kind, position) VALUES (?, ?, ?, ?, ?)",
                (hbj, name, fold(name), kind, position),
            )
            return int(cursor.lastrowid or 0)
        self._db.execute(
            "UPDATE object SET name = ?, name_key = ?, kind = ?, position = ?, present = 1 WHERE hbj = ?",
            (name, fold(name), kind, position, hbj),
        )
        return hbj

    def remove(self, hbj: int) -> None:
        """The object is gone, its number and its versions stay."""
        self._db.execute("UPDATE object SET present = 0 WHERE hbj = ?", (hbj,))
        self._db.execute("DELETE FROM build WHERE hbj = ?", (hbj,))
        self._db.execute("DELETE FROM imported WHERE hbj = ?", (hbj,))

    def put_version(self, hbj: int, parts: Parts, saved_ms: int, origin: str) -> int:
        version = int(self._db.execute("SELECT coalesce(max(version), 0) + 1 FROM version WHERE hbj = ?", (hbj,)).fetchone()[0])
        self._db.execute("INSERT INTO version VALUES (?, ?, ?, ?)", (hbj, version, saved_ms, origin))
        for part, data in parts.parts.items():
            self._db.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?)", (hbj, version, part, parts.paths[part], self._put_bytes(data)))
        self._db.execute("UPDATE object SET version = ? WHERE hbj = ?", (version, hbj))
        return version

    def put_build(self, hbj: int, build: Build) -> None:
        for part, digest in build.hashes.items():
            self._db.execute("INSERT OR IGNORE INTO unit VALUES (?, ?)", (digest, build.units[part]))
        facts = BuildFacts(build.hashes, build.handlers, build.used)
        self._db.execute("INSERT OR REPLACE INTO build VALUES (?, ?)", (hbj, msgspec.msgpack.encode(facts)))

    def put_files(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Replace the files that belong to no object."""
        self._db.execute("DELETE FROM file")
        for path, data in files:
            self._db.execute("INSERT INTO file VALUES (?, ?)", (path, self._put_bytes(data)))

    def put_imported(self, hbj: int, imported: Imported) -> None:
        self._db.execute("INSERT OR REPLACE INTO imported VALUES (?, ?, ?)", (hbj, *imported))

    def _put_bytes(self, data: bytes) -> str:
        digest = sha256(data)
        self._db.execute("INSERT OR IGNORE INTO bytes VALUES (?, ?)", (digest, data))
        return digest
