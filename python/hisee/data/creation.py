"""A database file that is not there yet: made beside its place, filled, and only then put there. Half-made files never stay."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from hisee.data import sql
from hisee.data.columns import Column, parsed
from hisee.data.config import DatabaseConfig, TableConfig
from hisee.data.shape import Shape, read_shape
from hisee.data.trouble import DatabaseOff, Trouble

ReadPart = Callable[[str], bytes]  # address of a part -> its bytes


def create(path: Path, database: DatabaseConfig, tables: Iterable[TableConfig], read_part: ReadPart) -> None:
    """Make the file: the script data/<database>.sql, then data/<table>.csv into each table. Raises DatabaseOff."""
    part = path.with_name(f"{path.name}.new")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode=DELETE")
            if "SQL" in database.parts:
                _run_script(db, database.name, read_part(f"{database.name}:SQL"))
            for table in tables:
                if "CSV" in table.parts:
                    _fill(db, table, read_part(f"{table.name}:CSV"))
        _put(part, path)
    except sqlite3.Error as error:
        raise DatabaseOff(f"{database.name}: the file {path} could not be made: {error}", getattr(error, "sqlite_errorcode", 0)) from error
    except OSError as error:
        raise DatabaseOff(f"{database.name}: the file {path} could not be made: {error.strerror}") from error
    finally:
        for left in (part, part.with_name(part.name + "-journal")):
            left.unlink(missing_ok=True)


def _put(part: Path, path: Path) -> None:
    """On the disk first, then under its name: after a power cut it is there as a whole or not at all."""
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _run_script(db: sqlite3.Connection, name: str, script: bytes) -> None:
    try:
        db.executescript(script.decode("utf-8-sig"))
    except sqlite3.Error as error:
        raise DatabaseOff(f"data/{name}.sql: {error}", getattr(error, "sqlite_errorcode", 0)) from error
    except UnicodeDecodeError as error:
        raise DatabaseOff(f"data/{name}.sql: not UTF-8 at byte {error.start}") from error
    finally:
        if db.in_transaction:
            db.execute("COMMIT")


def _fill(db: sqlite3.Connection, table: TableConfig, data: bytes) -> None:
    """All rows of a CSV file in one transaction."""
    file = f"data/{table.name}.csv"
    try:
        shape = read_shape(db, table)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatabaseOff(f"{file}: not UTF-8 at byte {error.start}") from error
    except Trouble as trouble:
        raise DatabaseOff(f"{file}: {trouble.text}") from trouble
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.partition("\n")[0] else ",", strict=True)
    db.execute("BEGIN")
    try:
        columns = [_column(name, shape, file) for name in next(rows, [])]
        for row in rows:
            if row:
                _insert(db, shape, columns, row, f"{file} line {rows.line_num}")
    except csv.Error as error:
        raise DatabaseOff(f"{file} line {rows.line_num}: {error}") from error
    db.execute("COMMIT")


def _column(name: str, shape: Shape, file: str) -> Column:
    found = shape.find(name.strip())
    if found is None:
        raise DatabaseOff(f"{file}: table {shape.table} has no column {name.strip()!r}")
    return found


def _insert(db: sqlite3.Connection, shape: Shape, columns: list[Column], row: list[str], place: str) -> None:
    if len(row) != len(columns):
        raise DatabaseOff(f"{place}: {len(row)} cells for {len(columns)} columns")
    values = []
    for column, text in zip(columns, row, strict=True):
        try:
            values.append(parsed(text, column))
        except (ValueError, KeyError):
            raise DatabaseOff(f"{place}: {text!r} is no {column.type.name} for column {column.name}") from None
    try:
        db.execute(sql.insert(shape.table, columns), values)
    except sqlite3.Error as error:
        raise DatabaseOff(f"{place}: {error}", getattr(error, "sqlite_errorcode", 0)) from error
