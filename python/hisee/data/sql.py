"""Texts of statements. Values never enter a text: they are bound to marks. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from hisee.data.columns import Column

MARK = "#PAR#"
# literals, quoted names and comments stay as they are; a mark inside them is none
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|#PAR#|\?", re.S)
_COLUMN_BEFORE = re.compile(r"([\w.\"`\]]+)\s*(?:=|==|<>|!=|<=|>=|<|>|\bIS\b|\bLIKE\b|\bBETWEEN\b)\s*\Z", re.I)


class Condition(NamedTuple):
    """A WHERE text ready for the engine: its marks as `?`, and the column that each mark is compared with, if it shows."""

    text: str
    compared: tuple[str, ...]

    @property
    def marks(self) -> int:
        return len(self.compared)


@lru_cache(maxsize=512)
def condition(where: str) -> Condition:
    """Turn the marks of a WHERE text into the engine's."""
    compared: list[str] = []

    def mark(found: re.Match[str]) -> str:
        if found.group() not in (MARK, "?"):
            return found.group()
        before = _COLUMN_BEFORE.search(where[: found.start()])
        compared.append(before.group(1).strip('"`]').rpartition(".")[2].lower() if before else "")
        return "?"

    return Condition(_TOKEN.sub(mark, where), tuple(compared))


def qualified(table: str, column: Column) -> str:
    """With its table: SQLite takes a quoted name alone that fits no column for a text."""
    return f"{table}.{column.quoted}"


def select(table: str, columns: Sequence[Column], where: str = "") -> str:
    names = ", ".join(qualified(table, c) if c.present else "NULL" for c in columns)
    return f"SELECT {names} FROM {table}" + (f" WHERE {where}" if where else "")


def insert(table: str, columns: Sequence[Column]) -> str:
    names = ", ".join(c.quoted for c in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"


def update(table: str, columns: Sequence[Column], where: str) -> str:
    return f"UPDATE {table} SET {', '.join(f'{c.quoted} = ?' for c in columns)} WHERE {where}"


def delete(table: str, where: str) -> str:
    return f"DELETE FROM {table} WHERE {where}"


def by_key(table: str, key: Sequence[Column]) -> str:
    return " AND ".join(f"{qualified(table, c)} = ?" for c in key)
