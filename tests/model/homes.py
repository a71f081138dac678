"""Where a store may live: a file, or a real PostgreSQL server. The tests of what a store promises run over both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from hisee.model import Store
from model.sample_app import fake_compile

TABLES = ("meta", "object", "version", "part", "bytes", "unit", "build", "file", "imported")
EMPTY = "; ".join(["SET synchronous_commit = off", *(f"DELETE FROM store_{table}" for table in (*TABLES[1:], "call")),
                   "DELETE FROM store_meta WHERE key <> 'schema'"])


class Home:
    """One store's place; `open` any number of times. url "" = DATA/engine.db."""

    def __init__(self, data: Path, url: str = "") -> None:
        self.data, self.url = data, url
        self._opened: list[Store] = []
        if url:
            self.open().close()
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(EMPTY)  # type: ignore[call-overload]

    def open(self, compile_object: Any = fake_compile, place: str = "") -> Store:
        store = Store.open(self.data, self.url, place=place, compile_object=compile_object)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


def execute(store: Store, query: str) -> list[Any]:
    """A statement with the names of PostgreSQL, in a transaction of its own."""
    return store._tables.write(lambda records: records._rows(query))


def dump(store: Store) -> list[Any]:
    """Everything in the tables: equal dumps, nothing changed."""
    return [(table, sorted(map(repr, execute(store, f"SELECT * FROM store_{table}")))) for table in TABLES]
