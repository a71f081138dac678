"""What the store holds at one instant, in memory: whoever opens pictures needs no database for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hisee.model.application import Application, parse
from hisee.model.directory import ApplicationDirectory
from hisee.model.layout import APP_FILE
from hisee.model.names import fold
from hisee.model.records import BuildFacts, ObjectRow, Records
from hisee.model.saving import TASKS_VERSION


@dataclass(frozen=True)
class Snapshot:
    """Never changed, so any thread may read it while the next one is made."""

    changes: int  # of the store when it was taken
    application: Application  # with its numbers
    directory: ApplicationDirectory
    rows: dict[str, ObjectRow]  # present objects by folded name, in the order of the files
    builds: dict[int, BuildFacts]
    units: dict[str, bytes]  # of `builds`; empty where the database is a file at hand
    tasks_version: int
    plans: dict[int, Any] = field(default_factory=dict, compare=False)  # by object number; filled as they are first asked for

    def find(self, name: str) -> ObjectRow | None:
        return self.rows.get(fold(name))


def look(records: Records, before: Snapshot | None = None, application: Application | None = None, *, units: bool) -> Snapshot | None:
    """The store as the open transaction sees it; None when nothing is stored yet, `before` when nothing has changed since.

    application: as just stored, else it is read. units: with the compiled units, those that `before` has not got being read.
    """
    changes = records.changes()
    if before is not None and changes == before.changes:
        return before
    rows = {fold(row.name): row for row in records.objects()}
    application = application or _adopt(records, rows)
    if application is None:
        return None
    builds = records.builds()
    held = _units(records, builds, before.units if before else {}) if units else {}
    return Snapshot(changes, application, ApplicationDirectory(application), rows, builds, held, tasks_version(records))


def tasks_version(records: Records) -> int:
    """How often tasks.py was stored with another text."""
    return int(records.meta(TASKS_VERSION) or 1)  # 1: stored before versions were counted


def _adopt(records: Records, rows: Mapping[str, ObjectRow]) -> Application | None:
    """The stored application, read again with its numbers."""
    layout = records.layout()
    if APP_FILE not in layout.files:
        return None
    application = parse(layout)
    for item in application.objects.values():
        item.hbj = rows[fold(item.name)].hbj
    return application


def _units(records: Records, builds: Mapping[int, BuildFacts], held: Mapping[str, bytes]) -> dict[str, bytes]:
    wanted = {digest for facts in builds.values() for digest in facts.units.values()}
    found = {digest: held[digest] if digest in held else records.unit(digest) for digest in sorted(wanted)}
    return {digest: unit for digest, unit in found.items() if unit is not None}
