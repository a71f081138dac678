"""What a DBM is told about its databases and tables. Arrives as the part CONFIGURATION of its process (docs/design/data-manager.md)."""

from __future__ import annotations

from typing import Any

import msgspec


class DatabaseConfig(msgspec.Struct):
    """One database object."""

    name: str
    url: str
    max_connections: int = 8
    max_rows: int = 10_000
    parts: list[str] = []  # "SQL": a script fills the file when it is made


class TableConfig(msgspec.Struct):
    """One table object. `columns` are those of its structure, in order."""

    name: str
    database: int
    table: str
    structure: int
    columns: list[tuple[str, str]]
    key: list[str] = []
    access: str = "read"  # none | read | modify
    optional: list[str] = []
    not_null: list[str] = []
    parts: list[str] = []  # "CSV": rows for a new file


class DbmConfig(msgspec.Struct):
    """All that one DBM serves, by object number."""

    databases: dict[int, DatabaseConfig] = {}
    tables: dict[int, TableConfig] = {}


def read_config(facts: dict[str, Any] | bytes) -> DbmConfig:
    """Facts as MessagePack or as Python has them; raises msgspec.ValidationError."""
    if isinstance(facts, bytes):
        return msgspec.msgpack.decode(facts, type=DbmConfig, strict=False)
    return msgspec.convert(facts, DbmConfig, strict=False)
