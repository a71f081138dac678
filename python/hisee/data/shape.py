"""How a table object fits its SQL table: columns found by name, quoted names, and the texts of its fixed statements.

Metadata and quoting come from SQLAlchemy, once per table; the requests themselves never pass through it.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.types import NullType

from hisee.data import sql
from hisee.data.columns import Column, time_form
from hisee.data.config import TableConfig
from hisee.data.trouble import NO_COLUMN, TableUnfit
from hisee.values import Type

_quote = sqlite_dialect().identifier_preparer.quote_identifier


@dataclass(frozen=True, slots=True)
class Shape:
    """One table, ready for statements."""

    name: str  # of the table object
    table: str  # quoted
    columns: tuple[Column, ...]  # of the structure, in its order
    key: tuple[Column, ...]
    select_all: str
    select_by_key: str
    insert: str
    update_by_key: str
    delete_by_key: str

    @property
    def types(self) -> list[Type]:
        return [c.type for c in self.columns]

    @property
    def stored(self) -> list[Column]:
        """Columns that the SQL table has."""
        return [c for c in self.columns if c.present]

    @property
    def changed(self) -> list[Column]:
        """Columns that an update sets: all but the key, which says which row."""
        return [c for c in self.stored if c not in self.key] or self.stored

    def find(self, name: str) -> Column | None:
        exact = next((c for c in self.stored if c.name == name), None)
        return exact or next((c for c in self.stored if c.name.casefold() == name.casefold()), None)


def read_shape(db: sqlite3.Connection, config: TableConfig) -> Shape:
    """Compare the table object with the database; raises TableUnfit that names table and column."""
    schema, _, table = config.table.rpartition(".")
    found = _metadata(db, table, schema or None, config)
    columns = tuple(_column(name, kind, found, config) for name, kind in config.columns)
    if not any(c.present for c in columns):
        raise TableUnfit(f"{config.name}: table {config.table} has no column of its structure", NO_COLUMN)
    missing = [c.name for c in columns if not c.present and c.name not in config.optional]
    if missing:
        raise TableUnfit(f"{config.name}: table {config.table} has no column {', '.join(missing)}; add it, or list it as `optional`")
    quoted = f"{_quote(schema)}.{_quote(table)}" if schema else _quote(table)
    return _shape(config, quoted, columns)


def _metadata(db: sqlite3.Connection, table: str, schema: str | None, config: TableConfig) -> dict[str, Any]:
    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # types that SQLAlchemy does not know are read as plain ones
            rows = inspect(engine).get_columns(table, schema)
    except NoSuchTableError:
        raise TableUnfit(f"{config.name}: the database has no table {config.table}") from None
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None)
        if isinstance(cause, sqlite3.Error):
            raise cause from None
        raise TableUnfit(f"{config.name}: {error}") from error
    if not rows:
        raise TableUnfit(f"{config.name}: the database has no table {config.table}")
    return {row["name"].casefold(): row for row in rows}


def _type_of(kind: str) -> Type:
    """A table holds no references: a column of type Object has values, as in a NOALIAS record."""
    return Type.ANY if kind == "OBJECT" else Type[kind]


def _column(name: str, kind: str, found: dict[str, Any], config: TableConfig) -> Column:
    facts = found.get(name.casefold())
    if facts is None:
        return Column(name, _type_of(kind), "", present=False)
    declared = "" if isinstance(facts["type"], NullType) else str(facts["type"])
    rowid = bool(facts.get("primary_key")) and declared.upper() == "INTEGER"
    required = name in config.not_null or not (facts["nullable"] or facts["default"] is not None or rowid)
    return Column(
        facts["name"] if facts["name"].casefold() == name.casefold() else name,
        _type_of(kind),
        _quote(facts["name"]),
        not_null=required,
        length=getattr(facts["type"], "length", None) or 0,
        time_form=time_form(declared),
    )


def _shape(config: TableConfig, table: str, columns: Sequence[Column]) -> Shape:
    by_name = {c.name.casefold(): c for c in columns if c.present}
    key = tuple(by_name[k.casefold()] for k in config.key if k.casefold() in by_name)
    if len(key) != len(config.key):
        raise TableUnfit(f"{config.name}: table {config.table} lacks a key column of {', '.join(config.key)}")
    stored = [c for c in columns if c.present]
    changed = [c for c in stored if c not in key] or stored
    where = sql.by_key(table, key)
    return Shape(
        config.name,
        table,
        tuple(columns),
        key,
        sql.select(table, columns),
        sql.select(table, columns, where),
        sql.insert(table, stored),
        sql.update(table, changed, where),
        sql.delete(table, where),
    )
