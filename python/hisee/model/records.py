"""The records of the configuration store: objects, versions, parts, bytes, units. Statements only; decides nothing.

One set of statements for both databases. They are written as PostgreSQL names the tables (`store_object`) with `?` for a value; who
runs them (`Session`) puts both into its own words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from hisee.model.change import Imported
from hisee.model.gate import Build
from hisee.model.layout import Layout, Parts
from hisee.model.names import fold
from hisee.model.problem import StoreError

KNL_HBJ = 1  # the server is number 1 on the wire, whatever its node is called
FIRST_HBJ = 100
CHANGES = "changes"  # how often something was committed that a reader of the store sees
FILES = "files of "  # + place: digests of the files at its last import

Row = tuple[Any, ...]


class StoreBroken(StoreError):
    """The database of the store cannot be read or written."""


class Session(Protocol):
    """An open transaction of a database that has the store's tables."""

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Row]: ...
    def many(self, query: str, table: Sequence[Sequence[object]]) -> None: ...


class ObjectRow(NamedTuple):
    """One line of the object list."""

    hbj: int
    name: str
    kind: str
    version: int
    present: bool  # False = removed; its number stays its own
    position: int


class Wanted(NamedTuple):
    """An object as it shall be entered; `number` is for what has a number by nature."""

    name: str
    kind: str
    number: int | None = None


class BuildFacts(msgspec.Struct):
    """What the gate found out about the stored version of a scripted object."""

    units: dict[str, str] = {}  # part -> sha256
    handlers: dict[str, list[str]] = {}
    used: list[str] = []
    procedures: dict[str, list[str]] = {}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Records:
    """Reads and writes inside one transaction. `place` is whose folder is imported: marks of an import belong to one computer."""

    def __init__(self, session: Session, place: str = "") -> None:
        self._rows, self._many, self.place = session.rows, session.many, place
        self.changed = False  # something that a reader sees

    # reading
    def changes(self) -> int:
        return int(self.meta(CHANGES) or 0)

    def objects(self, *, absent: bool = False) -> list[ObjectRow]:
        """In the order of the files; with `absent` those that were removed too."""
        found = self._rows("SELECT hbj, name, kind, version, present, position FROM store_object WHERE present OR ? "
                           "ORDER BY position, hbj", (absent,))
        return [ObjectRow(hbj, name, kind, version, bool(present), position) for hbj, name, kind, version, present, position in found]

    def layout(self) -> Layout:
        """The application as stored now."""
        result = Layout(files=self.files())
        found = self._rows("SELECT name, part, path, data FROM store_object JOIN store_part USING (hbj, version) "
                           "JOIN store_bytes USING (sha256) WHERE present ORDER BY position, hbj, part")
        for name, part, path, data in found:
            result.objects.setdefault(name, Parts(name)).put(part, path, data)
        return result

    def files(self) -> dict[str, bytes]:
        """Those that belong to no object."""
        return dict(self._rows("SELECT path, data FROM store_file JOIN store_bytes USING (sha256)"))

    def part(self, hbj: int, version: int, part: str) -> bytes | None:
        query = "SELECT data FROM store_part JOIN store_bytes USING (sha256) WHERE hbj = ? AND version = ? AND part = ?"
        data: bytes | None = self._value(query, (hbj, version, part))
        return data

    def versions(self, hbj: int) -> list[tuple[int, int, str]]:
        """(version, time of the save in ms, origin), oldest first."""
        found = self._rows("SELECT version, saved_ms, origin FROM store_version WHERE hbj = ? ORDER BY version", (hbj,))
        return [(version, saved_ms, origin) for version, saved_ms, origin in found]

    def unit(self, digest: str) -> bytes | None:
        data: bytes | None = self._value("SELECT data FROM store_unit WHERE sha256 = ?", (digest,))
        return data

    def builds(self) -> dict[int, BuildFacts]:
        """Of every scripted object, by number."""
        found = self._rows("SELECT hbj, facts FROM store_build")
        return {hbj: msgspec.msgpack.decode(facts, type=BuildFacts) for hbj, facts in found}

    def imported(self) -> dict[str, Imported]:
        """Digests of this place's last import, by folded name; of removed objects too."""
        found = self._rows("SELECT name_key, folder, store FROM store_imported JOIN store_object USING (hbj) WHERE place = ?",
                           (self.place,))
        return {key: Imported(folder, store) for key, folder, store in found}

    def imported_files(self) -> Imported | None:
        """The same of the files that belong to no object."""
        folder, _, store = self.meta(f"{FILES}{self.place}").partition(" ")
        return Imported(folder, store) if folder else None

    def meta(self, key: str) -> str:
        return self._value("SELECT value FROM store_meta WHERE key = ?", (key,)) or ""

    def _value(self, query: str, values: Sequence[object]) -> Any:
        found = self._rows(query, values)
        return found[0][0] if found else None

    # writing
    def put_meta(self, key: str, value: str) -> None:
        self._many("INSERT INTO store_meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", [(key, value)])

    def count_change(self) -> None:
        """Readers in other processes see that there is something new."""
        if not self.changed:
            self.changed = True
            self.put_meta(CHANGES, str(self.changes() + 1))

    def put_objects(self, wanted: Sequence[Wanted]) -> list[int]:
        """Enter or update objects in this order and remove all others; returns their numbers. A number is given once and stays, also
        over a removal and a return: rows are never deleted, so the next number is above all that ever were."""
        known = self.objects(absent=True)
        by_key, by_number = {fold(row.name): row for row in known}, {row.hbj: row for row in known}
        following = max([FIRST_HBJ - 1, *by_number]) + 1
        numbers, fresh, moved = [], [], []
        for position, (name, kind, number) in enumerate(wanted):
            row = by_key.get(fold(name)) or by_number.get(number or 0)
            if row is not None:
                number = row.hbj
                if (row.name, row.kind, row.position, row.present) != (name, kind, position, True):
                    moved.append((name, fold(name), kind, position, number))
            else:
                if number is None:
                    number, following = following, following + 1
                fresh.append((number, name, fold(name), kind, position))
            numbers.append(number)
        gone = [row.hbj for row in known if row.present and row.hbj not in set(numbers)]
        self._enter(fresh, moved, gone)
        return numbers

    def _enter(self, fresh: list[Row], moved: list[Row], gone: list[int]) -> None:
        self._many("INSERT INTO store_object (hbj, name, name_key, kind, position) VALUES (?, ?, ?, ?, ?)", fresh)
        self._many("UPDATE store_object SET name = ?, name_key = ?, kind = ?, position = ?, present = true WHERE hbj = ?", moved)
        numbers = [(hbj,) for hbj in gone]  # their versions stay
        self._many("UPDATE store_object SET present = false WHERE hbj = ?", numbers)
        self._many("DELETE FROM store_build WHERE hbj = ?", numbers)
        self._many("DELETE FROM store_imported WHERE hbj = ? AND place = ?", [(hbj, self.place) for hbj in gone])
        if fresh or moved or gone:
            self.count_change()

    def put_version(self, hbj: int, parts: Parts, saved_ms: int, origin: str) -> int:
        version = int(self._value("SELECT coalesce(max(version), 0) + 1 FROM store_version WHERE hbj = ?", (hbj,)))
        self._many("INSERT INTO store_version VALUES (?, ?, ?, ?)", [(hbj, version, saved_ms, origin)])
        digests = self._put_bytes(parts.parts)
        self._many("INSERT INTO store_part VALUES (?, ?, ?, ?, ?)",
                   [(hbj, version, part, parts.paths[part], digest) for part, digest in digests.items()])
        self._many("UPDATE store_object SET version = ? WHERE hbj = ?", [(version, hbj)])
        self.count_change()
        return version

    def put_build(self, hbj: int, build: Build) -> None:
        self._many("INSERT INTO store_unit VALUES (?, ?) ON CONFLICT DO NOTHING",
                   [(digest, build.units[part]) for part, digest in build.hashes.items()])
        facts = msgspec.msgpack.encode(BuildFacts(build.hashes, build.handlers, build.used, build.procedures))
        self._many("INSERT INTO store_build VALUES (?, ?) ON CONFLICT (hbj) DO UPDATE SET facts = excluded.facts", [(hbj, facts)])
        self.count_change()

    def put_files(self, files: Mapping[str, bytes]) -> None:
        """Replace the files that belong to no object."""
        if self.files() == files:
            return
        digests = self._put_bytes(files)
        self._rows("DELETE FROM store_file")
        self._many("INSERT INTO store_file VALUES (?, ?)", list(digests.items()))
        self.count_change()

    def put_imported(self, marks: Iterable[tuple[int, Imported]]) -> None:
        self._many("INSERT INTO store_imported (hbj, place, folder, store) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT (hbj, place) DO UPDATE SET folder = excluded.folder, store = excluded.store",
                   [(hbj, self.place, *mark) for hbj, mark in marks])

    def put_imported_files(self, mark: Imported) -> None:
        self.put_meta(f"{FILES}{self.place}", f"{mark.folder} {mark.store}")

    def _put_bytes(self, named: Mapping[str, bytes]) -> dict[str, str]:
        """Keep these; the digest of each, by the same key."""
        digests = {key: sha256(data) for key, data in named.items()}
        self._many("INSERT INTO store_bytes VALUES (?, ?) ON CONFLICT DO NOTHING",
                   [(digest, named[key]) for key, digest in digests.items()])
        return digests
