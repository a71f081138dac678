"""The names of an application as the compiler asks for them, and the cells the server makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hisee.esl.context import ObjectContext, ObjectEntry
from hisee.model import forms
from hisee.model.foreign import foreign_of
from hisee.model.names import CSV, LOCAL_PART, SQL, fold
from hisee.model.objects import ApplicationObject, Cell, initial_value

if TYPE_CHECKING:
    from hisee.model.application import Application

TABLE_ACCESS = {"none": "", "read": "r", "modify": "rw"}


class ApplicationDirectory:
    """`hisee.esl.Directory` over an application: entries are made once, on first use."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._entries: dict[str, ObjectEntry] = {}

    def object(self, name: str) -> ObjectEntry | None:
        entry = self._entries.get(name)
        if entry is None:
            item = self._application.find(name)
            if item is None:
                return None
            entry = self._entries[name] = self._entry(item)
        return entry

    def names(self) -> Iterable[str]:
        return self._application.objects

    def source(self, name: str) -> tuple[str, str] | None:
        """Kind and text of an event or interface that scripts are compiled with: "unit", "interface", or the kind of the object."""
        item = self._application.find(name)
        part = None if item is None else item.source.parts.get(LOCAL_PART)
        if item is None or part is None:
            return None
        return compiled_kind(item), part.decode("utf-8-sig", "replace")

    def _entry(self, item: ApplicationObject) -> ObjectEntry:
        form = item.form
        if isinstance(form, forms.UserVariable):
            return ObjectEntry(item.name, item.hbj, item.kind, form.value_type)
        if isinstance(form, forms.StructureDefinition):
            return ObjectEntry(item.name, item.hbj, item.kind, "RECORD", columns=tuple(form.columns), access="")
        if isinstance(form, forms.StructuredVariable):
            return self._structured(item, form.definition, rows=form.rows)
        if isinstance(form, forms.Table):
            return self._structured(item, form.structure, key=tuple(form.key), access=TABLE_ACCESS[form.access])
        if isinstance(form, forms.Database):
            return ObjectEntry(item.name, item.hbj, item.kind, "INT", access="r")
        if isinstance(form, forms.ExternalFunction):
            listed = self._application.form.scripts.libraries
            return ObjectEntry(item.name, item.hbj, item.kind, access="r", foreign=foreign_of(form, listed))
        return ObjectEntry(item.name, item.hbj, item.kind, access="")

    def _structured(
        self, item: ApplicationObject, structure: str, rows: int = 0, key: tuple[str, ...] = (), access: str = "rw"
    ) -> ObjectEntry:
        definition = self._application.find(structure)
        return ObjectEntry(
            item.name,
            item.hbj,
            item.kind,
            "RECORD",
            columns=columns_of(definition),
            rows=rows,
            key=key,
            structure=definition.name if definition else structure,
            access=access,
        )


def columns_of(definition: ApplicationObject | None) -> tuple[tuple[str, str], ...]:
    if definition is None or not isinstance(definition.form, forms.StructureDefinition):
        return ()
    return tuple((name, kind) for name, kind in definition.form.columns)


def compiled_kind(item: ApplicationObject) -> str:
    """What the compiler calls the object: unit events have rules of their own."""
    return "unit" if isinstance(item.form, forms.EventForm) and item.form.event_type == "unit" else item.kind


def context_of(application: Application, item: ApplicationObject, directory: ApplicationDirectory | None = None) -> ObjectContext:
    """What the compiler is told about one picture or event. Graphical objects are numbered from 1 as written."""
    return ObjectContext(
        kind=compiled_kind(item) if item.scripted else "script",
        server_script=item.split,
        refs={name: number for number, name in enumerate(item.graphics, 1)},
        variables=item.variables,
        directory=directory or ApplicationDirectory(application),
    )


def cells(application: Application) -> Iterator[Cell]:
    """One row per object with a value, for the server's table."""
    for item in application.objects.values():
        form = item.form
        if isinstance(form, forms.UserVariable):
            initial = initial_value(form.value_type, form.initial, application.form.time_zone)
            limits = (form.vll, form.ll, form.hl, form.vhl)
            yield Cell(item.hbj, item.name, form.value_type, 0, (), initial, form.retain, limits=limits)
        elif isinstance(form, forms.StructuredVariable):
            definition = application.find(form.definition)
            yield Cell(
                item.hbj,
                item.name,
                "RECORD",
                form.rows,
                columns_of(definition),
                None,
                form.retain,
                definition.hbj if definition else 0,
            )
        elif isinstance(form, forms.Database):
            yield Cell(item.hbj, item.name, "INT", 0, (), 0)


def databases(application: Application) -> dict[int, int]:
    """Number of each database and of each of its tables -> number of the database: how data requests find their DBM."""
    found: dict[int, int] = {}
    for item in application.objects.values():
        owner = application.find(item.form.database) if isinstance(item.form, forms.Table) else item
        if owner is not None and owner.kind == "database":
            found[item.hbj] = owner.hbj
    return found


def dbm_facts(application: Application, process: str = "") -> dict[str, Any]:
    """What a DBM is told at its logon (see docs/design/data-manager.md); only the databases that `process` serves."""
    served = {
        item.hbj: _database_facts(application, item, item.form)
        for item in application.objects.values()
        if isinstance(item.form, forms.Database) and fold(item.form.process) in ("", fold(process) or fold(item.form.process))
    }
    owners = databases(application)
    tables = {
        item.hbj: _table_facts(application, item, item.form, owners[item.hbj])
        for item in application.objects.values()
        if isinstance(item.form, forms.Table) and owners.get(item.hbj) in served
    }
    return {"databases": served, "tables": tables}


def _database_facts(application: Application, item: ApplicationObject, form: forms.Database) -> dict[str, Any]:
    return {
        "name": item.name,
        "url": form.url,
        "max_connections": form.max_connections,
        "max_rows": form.max_rows or application.limits["db_rows"],
        "parts": [p for p in (SQL,) if p in item.source.parts],
    }


def _table_facts(application: Application, item: ApplicationObject, form: forms.Table, database: int) -> dict[str, Any]:
    structure = application.find(form.structure)
    return {
        "name": item.name,
        "database": database,
        "table": form.table,
        "structure": structure.hbj if structure else 0,
        "columns": [list(c) for c in columns_of(structure)],
        "key": list(form.key),
        "access": form.access,
        "optional": list(form.optional),
        "not_null": list(form.not_null),
        "parts": [p for p in (CSV,) if p in item.source.parts],
    }
