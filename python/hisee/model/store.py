"""The configuration store: what the system runs. Changes only through the save gate, keeps every version, gives the numbers."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from hisee.channel.payloads import Saved
from hisee.errors import UsageError
from hisee.model import gate
from hisee.model.application import Application
from hisee.model.change import TAKE, inactive, merge, merge_files, put_parts, put_tasks
from hisee.model.directory import ApplicationDirectory, cells, databases, dbm_facts
from hisee.model.events import EventPlan, plan_of
from hisee.model.forms import EventForm
from hisee.model.layout import APP_FILE, TASKS_FILE, Layout
from hisee.model.names import CONFIGURATION, EVENT, LOCAL_PART, PICTURE, REMOTE_PART, SVG, TASKS, address, fold
from hisee.model.objects import Cell
from hisee.model.problem import ApplicationError, StoreError
from hisee.model.records import BuildFacts, ObjectRow, Records, StoreBroken
from hisee.model.saving import Change, Outcome, Refusal, carry_out, imported_marks
from hisee.model.scripts import set_facts
from hisee.model.snapshot import Snapshot, look, tasks_version
from hisee.seams import Seams

T = TypeVar("T")
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
    procedures: dict[str, list[str]] = {}  # "L", "R": names of procedures that others may call


class SystemFacts(NamedTuple):
    """What app.toml says about the system as a whole."""

    name: str  # in upper case
    version: str
    time_zone: str
    limits: dict[str, int]
    rights: dict[str, list[str]]
    scripts: dict[str, Any]  # what functions of scripts may reach; only what is set


class Tables(Protocol):
    """Where the records are kept. Both calls are one transaction and raise StoreBroken."""

    remote: bool  # it may be away while this process goes on

    def read(self, work: Callable[[Records], T]) -> T: ...
    def write(self, work: Callable[[Records], T]) -> T: ...
    def close(self) -> None: ...


class Store:
    """The store of one system, as of the last look at it: reading what is newest needs no database and never waits.

    Methods may be called from any thread. What does go to the database (changes, `refresh`, older versions) takes its turn and, on
    PostgreSQL, may take as long as the database is away.
    """

    def __init__(self, tables: Tables, seams: Seams, compile_object: gate.Compile) -> None:
        self._tables = tables
        self._seams = seams
        self._compile = compile_object
        self._turn = threading.RLock()  # of the database
        self._snapshot: Snapshot | None = None

    @classmethod
    def open(cls, data: str | Path, url: str = "", *, place: str = "", seams: Seams | None = None,
             compile_object: gate.Compile = gate.default_compile) -> Store:
        """Open the store, made at first use: DATA/engine.db, or beside the engine's tables at `url` (`DataDir.engine_url()`).

        place: whose folder is imported, when several computers have one each. Raises StoreBroken.
        """
        seams = seams or Seams()
        if not url:
            from hisee.model.tables_sqlite import SqliteTables

            return cls(SqliteTables(Path(data)), seams, compile_object)
        from hisee.model.tables_postgres import PostgresTables

        return cls(PostgresTables(url, seams, place), seams, compile_object)

    def close(self) -> None:
        """After a change that is under way."""
        with self._turn:
            self._tables.close()

    def refresh(self) -> bool:
        """Look whether another process has changed the store, and serve that from now on; True when it has. Cheap otherwise."""
        with self._turn:
            before = self._snapshot
            self._snapshot = self._read(lambda records: look(records, before, units=self._tables.remote))
            return self._snapshot is not before

    # reading
    def _now(self) -> Snapshot:
        snapshot = self._snapshot
        if snapshot is None:
            self.refresh()
            snapshot = self._snapshot
        if snapshot is None:
            raise nothing_stored()
        return snapshot

    def _read(self, work: Callable[[Records], T]) -> T:
        with self._turn:
            return self._tables.read(work)

    @property
    def application(self) -> Application:
        """The stored application with its numbers; raises NotStored before the first import."""
        return self._now().application

    def directory(self) -> ApplicationDirectory:
        """Names and types of all objects, for the compiler. Valid until the next save."""
        return self._now().directory

    def cells(self) -> list[Cell]:
        return list(cells(self.application))

    def objects(self, mask: str = "*") -> list[dict[str, Any]]:
        """Objects whose name fits the mask (`*`, `?`), in any case, in file order: hbj, name, kind, version, parts."""
        now = self._now()
        parts = {name: sorted(item.source.parts) for name, item in now.application.objects.items()}
        rows = [row for key, row in now.rows.items() if fnmatch.fnmatchcase(key, fold(mask))]
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
        row = self._row(name)
        wanted = version or row.version
        data = self._part(row, part) if wanted == row.version else self._read(lambda records: records.part(row.hbj, wanted, part))
        if data is None:
            what = f"version {version} of {row.name}" if version else row.name
            raise NotStored(f"{what} has no part {part}", hint="`hisee export` shows what is there")
        return StoredPart(wanted, data)

    def _part(self, row: ObjectRow, part: str) -> bytes | None:
        found = self.application.layout.objects.get(row.name)
        return found.parts.get(part) if found else None

    def _tasks(self) -> StoredPart:
        now = self._now()
        data = now.application.layout.files.get(TASKS_FILE)
        if data is None:
            raise NotStored(f"the application has no {TASKS_FILE}")
        return StoredPart(now.tasks_version, data)

    @property
    def tasks_version(self) -> int:
        """How often tasks.py was stored with another text."""
        return self._now().tasks_version

    def versions(self, name: str) -> list[tuple[int, int, str]]:
        """(version, time of the save in ms, origin), oldest first."""
        row = self._row(name)
        return self._read(lambda records: records.versions(row.hbj))

    def unit(self, digest: str) -> bytes | None:
        """A compiled unit by its SHA-256; those of older versions stay, because an opened object runs on unchanged."""
        held = self._now().units.get(digest)
        return held if held is not None else self._read(lambda records: records.unit(digest))

    def holds(self, digest: str) -> bool:
        """`unit` gives it without waiting."""
        return not self._tables.remote or digest in self._now().units

    def system(self) -> SystemFacts:
        application = self.application
        form = application.form
        return SystemFacts(application.system, form.version, form.time_zone, application.limits, form.rights,
                           set_facts(form.scripts))

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
        now, row = self._now(), self._row(name)
        plan: OpenPlan | None = now.plans.get(row.hbj)
        if plan is None:
            plan = now.plans[row.hbj] = self._plan(now, row)
        return plan

    @staticmethod
    def _plan(now: Snapshot, row: ObjectRow) -> OpenPlan:
        item = now.application.find(row.name)
        if item is None or not item.scripted:
            raise NotStored(f"{row.name} is a {row.kind.replace('_', ' ')} and cannot be opened")
        facts = now.builds.get(row.hbj) or BuildFacts()
        parts = item.source.parts
        found = [o for n in [*facts.used, *item.bindings] if (o := now.application.find(n))]
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
            procedures=facts.procedures,
        )

    def events(self) -> list[EventPlan]:
        """Every event of the application, as it is stored now."""
        now = self._now()
        found = []
        for item in now.application.scripted:
            if isinstance(item.form, EventForm):
                plan = self.opened(item.name)
                found.append(plan_of(now.application, item, plan.version, plan.local_unit, list(plan.objects.values())))
        return found

    def event_handlers(self) -> list[tuple[str, str]]:
        """Name and node of every configured event handler, in the order of their start."""
        return [(process.name, process.node) for process in self.application.processes if process.kind == "EVH"]

    def _row(self, name: str) -> ObjectRow:
        row = self._now().find(name)
        if row is None:
            raise NotStored(f"no object {name}")
        return row

    # changing
    def import_application(self, application: Application, take: str | None = None) -> ImportReport:
        """Take over what changed in the folder since the last import, through the gate.

        Raises ImportConflict (unless `take` is "folder" or "store"), ApplicationError or ImportRefused; then nothing changed.
        """
        if take is not None and take not in TAKE:
            raise UsageError(f"take {take!r}", hint="folder or store")
        try:
            return self._write(lambda records: self._import(records, application.layout, take))
        except Refusal as refusal:
            raise ImportRefused(refusal.diagnostics) from None

    def _import(self, records: Records, folder: Layout, take: str | None) -> tuple[ImportReport, Application]:
        last, stored = records.imported(), records.layout()
        merged = merge(folder, stored, last, take)
        if records.place:
            records.put_imported_files(merge_files(merged, stored, records.imported_files(), take))
        if merged.conflicts:
            raise ImportConflict(merged.conflicts)
        marks = imported_marks(merged, folder, last, take)
        outcome = self._carry_out(records, Change(merged.layout, "folder", merged.taken, merged.removed, marks))
        report = ImportReport(merged.taken, merged.kept, merged.unchanged, merged.removed, merged.toggled, outcome.diagnostics)
        return report, outcome.application

    def save(self, name: str, parts: Mapping[str, bytes | str]) -> Saved:
        """Save parts of one object through the gate: its new version, or version 0 and the diagnostics. Absent = unchanged."""
        return self.save_all({f"{name}:{part}": data for part, data in parts.items()})

    def save_all(self, changes: Mapping[str, bytes | str]) -> Saved:
        """Save parts by their addresses, of one object or several, as one: all or none.

        The version is that of the first object, or of tasks.py (APP:TASKS) when that is all; a save that changes nothing answers
        the present one.
        """
        try:
            return self._write(lambda records: self._save(records, changes))
        except Refusal as refusal:
            return Saved(diagnostics=refusal.diagnostics)
        except ApplicationError as error:
            return Saved(diagnostics=[p.diagnostic() for p in error.problems])

    def _save(self, records: Records, changes: Mapping[str, bytes | str]) -> tuple[Saved, Application | None]:
        layout = records.layout()
        if APP_FILE not in layout.files:
            raise nothing_stored()
        tasks_changed = put_tasks(layout, changes)
        changes = {place: data for place, data in changes.items() if address(place).part != TASKS}
        names = put_parts(layout, changes)
        touched = [name for name, changed in names.items() if changed]
        if not touched and not tasks_changed:
            return Saved(version=_version_of(records, names)), None
        outcome = self._carry_out(records, Change(layout, "save", touched))
        return Saved(version=_version_of(records, names), diagnostics=outcome.diagnostics + inactive(layout, changes)), outcome.application

    def _carry_out(self, records: Records, change: Change) -> Outcome:
        return carry_out(records, change, self._seams.clock.now_ms(), self._compile)

    def _write(self, work: Callable[[Records], tuple[T, Application | None]]) -> T:
        """One transaction; `work` answers with the application that it stored. From then on this store serves what it left."""
        with self._turn:
            before = self._snapshot

            def whole(records: Records) -> tuple[T, Snapshot | None]:
                result, application = work(records)
                return result, look(records, before, application, units=self._tables.remote) if application else before

            result, self._snapshot = self._tables.write(whole)
            return result


def _version_of(records: Records, names: Iterable[str]) -> int:
    """Of the first object, of tasks.py when there is none."""
    wanted = [fold(name) for name in names]
    return next(row.version for row in records.objects() if fold(row.name) == wanted[0]) if wanted else tasks_version(records)


def nothing_stored() -> NotStored:
    return NotStored("nothing is stored yet", hint="import an application first")
