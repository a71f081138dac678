"""Where retained values are kept: which store serves an address."""

from __future__ import annotations

from pathlib import Path

from hisee.seams import Seams
from hisee.server.retained import ValueStore
from hisee.server.values_sqlite import SqliteValues


def open_values(path: Path, url: str, seams: Seams) -> ValueStore:
    """The file `path`, or the engine database when it has an address. Raises ValuesBroken."""
    if not url:
        return SqliteValues(path)
    from hisee.server.values_postgres import PostgresValues  # a system on one computer does without its driver

    return PostgresValues(url, seams)
