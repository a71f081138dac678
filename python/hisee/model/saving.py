"""One pass through the save gate into the tables: number, compile, store. Decides nothing about merging."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hisee.model import gate
from hisee.model.application import Application, parse
from hisee.model.change import Imported, Merge
from hisee.model.directory import compiled_kind
from hisee.model.layout import APP_FILE, TASKS_FILE, Layout
from hisee.model.names import EVENT, PICTURE, fold
from hisee.model.problem import Findings
from hisee.model.records import KNL_HBJ, Records, Wanted

COMPILER = "compiler"
TASKS_VERSION = "tasks"  # how often tasks.py was stored with another text


class Refusal(Exception):
    """A script does not compile; the transaction is undone."""

    def __init__(self, diagnostics: list[dict[str, Any]]) -> None:
        super().__init__("refused")
        self.diagnostics = diagnostics


@dataclass(slots=True)
class Change:
    """What shall be stored."""

    layout: Layout
    origin: str  # "folder" or "save"
    touched: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    imported: dict[str, Imported] = field(default_factory=dict)  # digests to note, by name


@dataclass(slots=True)
class Outcome:
    """What was stored."""

    application: Application
    versions: dict[str, int] = field(default_factory=dict)
    diagnostics: list[dict[str, Any]] = field(default_factory=list)


def carry_out(records: Records, change: Change, now_ms: int, compile_object: gate.Compile) -> Outcome:
    """Store `change` within the open transaction; raises ApplicationError or Refusal, and then the transaction must be undone."""
    outcome = Outcome(parse(change.layout, Findings()))
    _number(records, outcome.application)
    builds = gate.build(outcome.application, _to_compile(records, change, outcome.application), compile_object)
    outcome.diagnostics = [d for b in builds for d in b.diagnostics]
    if not all(b.ok for b in builds):
        raise Refusal(outcome.diagnostics)
    _store(records, change, outcome, builds, now_ms)
    return outcome


def _number(records: Records, application: Application) -> None:
    """Enter every object, configured processes included; remove processes that are not configured any more."""
    server = next((p.name for p in application.processes if p.kind == "KNL"), None)
    items = list(application.objects.values())
    numbers = records.put_objects([Wanted(i.name, i.kind, KNL_HBJ if i.name == server else None) for i in items])
    for item, number in zip(items, numbers, strict=True):
        item.hbj = number


def _to_compile(records: Records, change: Change, application: Application) -> Iterable[str] | None:
    """None = every script: a definition, a process, a unit event, an interface or the compiler changed, so any of them may mean
    something else now."""
    stored_head = records.files().get(APP_FILE)
    if change.removed or stored_head != change.layout.files.get(APP_FILE) or records.meta(COMPILER) != gate.compiler_mark():
        return None
    if any(compiled_kind(item) == "unit" for name in change.touched if (item := application.find(name)) is not None):
        return None
    heads = [(PICTURE in p.parts or EVENT in p.parts) for name in change.touched if (p := change.layout.objects.get(name))]
    return change.touched if all(heads) else None


def _store(records: Records, change: Change, outcome: Outcome, builds: list[gate.Build], now_ms: int) -> None:
    numbers = {item.name: item.hbj for item in outcome.application.objects.values()}
    for name in change.touched:
        outcome.versions[name] = records.put_version(numbers[name], change.layout.objects[name], now_ms, change.origin)
    for result in builds:
        records.put_build(numbers[result.name], result)
    records.put_imported((numbers[name], digests) for name, digests in change.imported.items())
    if records.files().get(TASKS_FILE) != change.layout.files.get(TASKS_FILE):
        records.put_meta(TASKS_VERSION, str(int(records.meta(TASKS_VERSION) or 0) + 1))
    records.put_files(change.layout.files)
    records.put_meta(COMPILER, gate.compiler_mark())


def imported_marks(merged: Merge, folder: Layout, last: dict[str, Imported], take: str | None) -> dict[str, Imported]:
    """The digests to note after an import. What the store kept against the folder stays "changed in the store"."""
    marks: dict[str, Imported] = {}
    finals = {fold(name): (name, parts) for name, parts in merged.layout.objects.items()}
    for name, parts in folder.objects.items():
        if fold(name) not in finals:
            continue  # it stays removed
        final_name, final = finals[fold(name)]
        if final_name in merged.taken:
            marks[final_name] = Imported(parts.digest, final.digest)
        elif final.digest == parts.digest:
            marks[final_name] = Imported(parts.digest, parts.digest)
        elif take == "store":
            before = last.get(fold(name))
            marks[final_name] = Imported(parts.digest, before.store if before else "")
    return marks
