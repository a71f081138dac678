"""The configuration store: what the system runs. Changes only through the save gate, keeps every version, gives the numbers."""

from __future__ import annotations

import fnmatch
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hisee.channel.payloads import Saved
from hisee.errors import UsageError
from hisee.model import gate
from hisee.model.application import Application, parse
from hisee.model.change import TAKE, inactive, merge, put_parts, put_tasks
from hisee.model.directory import ApplicationDirectory, cells, databases, dbm_facts
from hisee.model.layout import APP_FILE, TASKS_FILE, Layout
from hisee.model.names import CONFIGURATION, EVENT, LOCAL_PART, PICTURE, REMOTE_PART, SVG, TASKS, address, fold
from hisee.model.objects import Cell
from hisee.model.problem import ApplicationError, StoreError
from hisee.model.records import ObjectRow, Records, StoreBroken, connect
from hisee.model.saving import TASKS_VERSION, Change, Outcome, Refusal, carry_out, imported_marks
from hisee.seams import Seams

DATABASE = "engine.db"
__all__ = [
    "ImportConflict",
    "ImportRefused",
    "ImportReport",
    "NotStored",
    "OpenPlan",
    "Store",
    "StoreBroken",
    "StoreError",
    "StoredPart",
    "SystemFacts",
]


class NotStored(StoreError):
    """No such object, part or version."""


class ImportConflict(StoreError):
    """Objects changed both in the folder and in the store since the last import. `objects` lists them."""

    def __init__(self, objects: list[str]) -> None:
        super().__init__(f"changed in the folder and in the store: {', '.join(objects)}", hint="decide with --take folder or --take store")
        self.objects = objects


class ImportRefused(StoreError):
    """Scripts of the folder do not compile; nothing was changed. `diagnostics` as of `hisee check`."""

    def __init__(self, diagnostics: list[dict[str, Any]]) -> None:
        super().__init__("\n".join(gate.describe(d) for d in diagnostics if d["severity"] == "error"))
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class ImportReport:
    """What an import did, by object name."""

    imported: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # changed in the store, not in the folder
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    toggled: list[str] = field(default_factory=list)  # their remote text is a comment of the local one now
    diagnostics: list[dict[str, Any]] = field(default_factory=list)  # warnings

    @property
    def changed(self) -> list[str]:
        return [*self.imported, *self.removed]


class StoredPart(NamedTuple):
    """One part of one version."""

    version: int
    data: bytes


class OpenPlan(NamedTuple):
    """Everything the server needs to open the stored version of a picture or a client-and-server event."""

    object: str
    hbj: int
    kind: str
    version: int
    picture: bytes  # picture.toml or event.toml
    svg: bytes
    local_unit: str  # sha256; "" = no such part
    remote_unit: str
    handlers: dict[str, list[str]]  # "L", "R": names of handled events
    variables: list[list[str]]  # picture variables, [name, type]
    objects: dict[str, int]  # number of every object that the units and the bindings name
    refs: dict[str, int]  # graphical objects, numbered from 1 as written


class SystemFacts(NamedTuple):
    """What app.toml says about the system as a whole."""

    name: str  # in upper case
    version: str
    time_zone: str
    limits: dict[str, int]
    rights: dict[str, list[str]]


class Store:
    """The store of one system. Use one at a time per data directory; methods may be called from any thread."""

    def __init__(self, db: sqlite3.Connection, seams: Seams, compile_object: gate.Compile) -> None:
        self._db = db
        self._records = Records(db)
        self._seams = seams
        self._compile = compile_object
        self._lock = threading.RLock()
        self._application: Application | None = None
        self._directory: ApplicationDirectory | None = None

    @classmethod
    def open(cls, data: str | Path, *, seams: Seams | None = None, compile_object: gate.Compile = gate.default_compile) -> Store:
        """Open DATA/engine.db, made at first use; raises StoreBroken."""
        folder = Path(data)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreBroken(f"{folder}: {error.strerror}") from error
        return cls(connect(folder / DATABASE), seams or Seams(), compile_object)

    def close(self) -> None:
        self._db.close()

    def refresh(self) -> None:
        """Look anew at the next use: another process may have changed the store."""
        with self._lock:
            self._application = self._directory = None

    # reading
    @property
    def application(self) -> Application:
        """The stored application with its numbers; raises NotStored before the first import."""
        with self._lock:
            if self._application is None:
                self._application = self._adopt()
            return self._application

    def directory(self) -> ApplicationDirectory:
        """Names and types of all objects, for the compiler. Valid until the next save."""
        with self._lock:
            application = self.application
            if self._directory is None:
                self._directory = ApplicationDirectory(application)
            return self._directory

    def cells(self) -> list[Cell]:
        return list(cells(self.application))

    def objects(self, mask: str = "*") -> list[dict[str, Any]]:
        """Objects whose name fits the mask (`*`, `?`), in any case, in file order: hbj, name, kind, version, parts."""
        with self._lock:
            parts = {name: sorted(item.source.parts) for name, item in self.application.objects.items()}
            rows = [row for row in self._records.objects() if fnmatch.fnmatchcase(fold(row.name), fold(mask))]
        return [{"hbj": r.hbj, "name": r.name, "kind": r.kind, "version": r.version, "parts": parts.get(r.name, [])} for r in rows]

    def read(self, part_address: str, version: int | None = None) -> StoredPart:
        """One part, of the newest version unless another one is named; raises NotStored.

        `<name>.DBM:CONFIGURATION` is what `dbm_facts` says, as MessagePack: a DBM asks for it after its logon.
        """
        name, part = address(part_address)
        if part == TASKS:
            return self._tasks()
        if part == CONFIGURATION:
            return StoredPart(0, msgspec.msgpack.encode(self.dbm_facts(name)))
        with self._lock:
            row = self._row(name)
            wanted = version or row.version
            data = self._records.part(row.hbj, wanted, part)
        if data is None:
            what = f"version {version} of {row.name}" if version else row.name
            raise NotStored(f"{what} has no part {part}", hint="`hisee export` shows what is there")
        return StoredPart(wanted, data)

    def _tasks(self) -> StoredPart:
        data = self.application.layout.files.get(TASKS_FILE)
        if data is None:
            raise NotStored(f"the application has no {TASKS_FILE}")
        return StoredPart(self.tasks_version, data)

    @property
    def tasks_version(self) -> int:
        """How often tasks.py was stored with another text."""
        return int(self._records.meta(TASKS_VERSION) or 1)  # 1: stored before versions were counted

    def versions(self, name: str) -> list[tuple[int, int, str]]:
        """(version, time of the save in ms, origin), oldest first."""
        with self._lock:
            return self._records.versions(self._row(name).hbj)

    def unit(self, digest: str) -> bytes | None:
        """A compiled unit by its SHA-256; those of older versions stay, because an opened object runs on unchanged."""
        with self._lock:
            return self._records.unit(digest)

    def system(self) -> SystemFacts:
        application = self.application
        form = application.form
        return SystemFacts(application.system, form.version, form.time_zone, application.limits, form.rights)

    def process_number(self, name: str) -> int | None:
        """Number of a configured process by its name with suffix; None for any other."""
        item = self.application.find(name)
        return item.hbj if item and item.process else None

    def databases(self) -> dict[int, int]:
        """Number of each database and table -> number of its database."""
        return databases(self.application)

    def dbm_facts(self, process: str = "") -> dict[str, Any]:
        """What a DBM must know: the databases it serves and their tables (docs/design/data-manager.md). "" = all."""
        return dbm_facts(self.application, process)

    def files(self, names: Iterable[str] = ()) -> dict[str, bytes]:
        """The application as files; only those of `names` if there are any. Raises NotStored."""
        layout = self.application.layout
        wanted = [self._row(name).name for name in names]
        if wanted:
            layout = Layout({n: p for n, p in layout.objects.items() if n in wanted})
        return layout.join()

    def export(self, folder: str | Path, names: Iterable[str] = ()) -> list[Path]:
        """Write the files into `folder`, byte for byte; other files there stay. Returns the paths written."""
        written = []
        for path, data in self.files(names).items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            self._seams.disk.write(target, data)
            written.append(target)
        return written

    def opened(self, name: str) -> OpenPlan:
        """What opening the picture or event needs; raises NotStored for anything else."""
        with self._lock:
            row = self._row(name)
            item = self.application.find(name)
            if item is None or not item.scripted:
                raise NotStored(f"{row.name} is a {row.kind.replace('_', ' ')} and cannot be opened")
            facts = self._records.build(row.hbj)
        parts = item.source.parts
        found = [o for n in [*facts.used, *item.bindings] if (o := self.application.find(n))]
        return OpenPlan(
            object=row.name,
            hbj=row.hbj,
            kind=row.kind,
            version=row.version,
            picture=parts.get(PICTURE, parts.get(EVENT, b"")),
            svg=parts.get(SVG, b""),
            local_unit=facts.units.get(LOCAL_PART, ""),
            remote_unit=facts.units.get(REMOTE_PART, ""),
            handlers=facts.handlers,
            variables=[list(v) for v in item.variables],
            objects={o.name: o.hbj for o in found},
            refs={g: n for n, g in enumerate(item.graphics, 1)},
        )

    def _row(self, name: str) -> ObjectRow:
        row = self._records.find(name)
        if row is None or not row.present:
            raise NotStored(f"no object {name}")
        return row

    # changing
    def import_application(self, application: Application, take: str | None = None) -> ImportReport:
        """Take over what changed in the folder since the last import, through the gate.

        Raises ImportConflict (unless `take` is "folder" or "store"), ApplicationError or ImportRefused; then nothing changed.
        """
        if take is not None and take not in TAKE:
            raise UsageError(f"take {take!r}", hint="folder or store")
        with self._lock:
            last = self._records.imported()
            merged = merge(application.layout, self._records.layout(), last, take)
            if merged.conflicts:
                raise ImportConflict(merged.conflicts)
            change = Change(merged.layout, "folder", merged.taken, merged.removed, imported_marks(merged, application.layout, last, take))
            try:
                outcome = self._carry_out(change)
            except Refusal as refusal:
                raise ImportRefused(refusal.diagnostics) from None
        return ImportReport(merged.taken, merged.kept, merged.unchanged, merged.removed, merged.toggled, outcome.diagnostics)

    def save(self, name: str, parts: Mapping[str, bytes | str]) -> Saved:
        """Save parts of one object through the gate: its new version, or version 0 and the diagnostics. Absent = unchanged."""
        return self.save_all({f"{name}:{part}": data for part, data in parts.items()})

    def save_all(self, changes: Mapping[str, bytes | str]) -> Saved:
        """Save parts by their addresses, of one object or several, as one: all or none.

        The version is that of the first object, or of tasks.py (APP:TASKS) when that is all; a save that changes nothing answers
        the present one.
        """
        with self._lock:
            layout = self._records.layout()
            if APP_FILE not in layout.files:
                raise NotStored("nothing is stored yet", hint="import an application first")
            tasks_changed = put_tasks(layout, changes)
            changes = {place: data for place, data in changes.items() if address(place).part != TASKS}
            names = put_parts(layout, changes)
            touched = [name for name, changed in names.items() if changed]
            if not touched and not tasks_changed:
                return Saved(version=self._version_of(names))
            try:
                outcome = self._carry_out(Change(layout, "save", touched))
            except Refusal as refusal:
                return Saved(diagnostics=refusal.diagnostics)
            except ApplicationError as error:
                return Saved(diagnostics=[p.diagnostic() for p in error.problems])
            return Saved(version=self._version_of(names), diagnostics=outcome.diagnostics + inactive(layout, changes))

    def _version_of(self, names: Iterable[str]) -> int:
        first = next(iter(names), None)
        return self.tasks_version if first is None else self._row(first).version

    def _carry_out(self, change: Change) -> Outcome:
        try:
            outcome = carry_out(self._records, change, self._seams.clock.now_ms(), self._compile)
        except sqlite3.Error as error:
            raise StoreBroken(f"{DATABASE}: {error}", hint="nothing was changed; is the disk full or read-only?") from error
        self._application, self._directory = outcome.application, None
        return outcome

    def _adopt(self) -> Application:
        """The stored application, read again with its numbers."""
        layout = self._records.layout()
        if APP_FILE not in layout.files:
            raise NotStored("nothing is stored yet", hint="import an application first")
        application = parse(layout)
        for item in application.objects.values():
            item.hbj = self._row(item.name).hbj
        return application
