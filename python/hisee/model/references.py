"""What refers to what: databases of tables, structures of columns, parents of events, objects bound in pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hisee.model import foreign, forms
from hisee.model.events import OWN_PARENT, start_of
from hisee.model.names import CSV, EVENT, OBJECT, PICTURE, SQL, fold
from hisee.model.objects import ApplicationObject, bound_object, initial_value
from hisee.model.problem import BAD_NAME, BAD_VALUE, DOUBLE_NAME, NO_OBJECT, Findings, choose_from, shown

URL_KINDS = ("sqlite", "postgresql")
BOUND_KINDS = {"user_variable", "structured_variable", "database"}


class _Check:
    """One pass over all objects."""

    def __init__(self, objects: Mapping[str, ApplicationObject], limits: Mapping[str, int], time_zone: str, libraries: Sequence[str],
                 findings: Findings) -> None:
        self._objects = {fold(n): o for n, o in objects.items()}
        self._libraries = libraries
        self._limits, self._time_zone, self._findings = limits, time_zone, findings

    def run(self) -> None:
        for item in self._objects.values():
            check = getattr(self, f"_{item.kind}", None)
            if check is not None and item.form is not None:
                check(item, item.form)
            self._data_parts(item)

    def _error(self, item: ApplicationObject, code: str, text: str, key: str, value: object, hint: str = "", line: int = 0) -> None:
        part = next((p for p in (OBJECT, EVENT) if p in item.source.parts), PICTURE)
        prefix = f"{item.name}." if part == OBJECT else ""
        self._findings.error(
            code, item.source.paths.get(part, ""), text, key=(prefix + key).rstrip("."), value=shown(value), hint=hint,
            line=line or item.source.line,
        )

    def _named(self, item: ApplicationObject, key: str, name: str, *kinds: str) -> ApplicationObject | None:
        """The object that `key` names; an error when it is missing or of a kind that does not fit."""
        found = self._objects.get(fold(name))
        if found is not None and found.kind in kinds:
            return found
        known = [o.name for o in self._objects.values() if o.kind in kinds]
        what = f"no {' or '.join(kinds).replace('_', ' ')} of this name"
        self._error(
            item,
            NO_OBJECT,
            what if found is None else f"is a {found.kind.replace('_', ' ')}: {what}",
            key,
            name,
            choose_from(name, known) if known else "define it in objects.toml",
        )
        return None

    def _user_variable(self, item: ApplicationObject, form: forms.UserVariable) -> None:
        try:
            initial_value(form.value_type, form.initial, self._time_zone)
        except ValueError as error:
            self._error(item, BAD_VALUE, str(error), "initial", form.initial, f"value_type is {form.value_type}")
        marks = [m for m in (form.vll, form.ll, form.hl, form.vhl) if m is not None]
        if marks != sorted(marks):
            self._error(item, BAD_VALUE, "limits out of order", "vll", marks, "vll <= ll <= hl <= vhl")

    def _structure_definition(self, item: ApplicationObject, form: forms.StructureDefinition) -> None:
        seen: set[str] = set()
        for index, (name, _) in enumerate(form.columns):
            if not name.isidentifier() or name.startswith("_"):
                self._error(item, BAD_NAME, "no name of a column", f"columns[{index}]", name, "letters, digits and _, a letter first")
            if fold(name) in seen:
                self._error(item, DOUBLE_NAME, "the column exists twice", f"columns[{index}]", name)
            seen.add(fold(name))
        if len(form.columns) > self._limits["record_columns"]:
            self._error(item, BAD_VALUE, "more columns than limit record_columns", "columns", len(form.columns))

    def _structured_variable(self, item: ApplicationObject, form: forms.StructuredVariable) -> None:
        self._named(item, "definition", form.definition, "structure_definition")
        if form.rows > self._limits["record_rows"]:
            self._error(item, BAD_VALUE, "more rows than limit record_rows", "rows", form.rows)

    def _database(self, item: ApplicationObject, form: forms.Database) -> None:
        scheme = form.url.partition(":")[0].partition("+")[0]
        if scheme not in URL_KINDS or "://" not in form.url:
            self._error(item, BAD_VALUE, "no database URL", "url", form.url, "sqlite:///file.db or postgresql+psycopg://...")
        if form.process:
            self._named(item, "process", form.process, "process")

    def _table(self, item: ApplicationObject, form: forms.Table) -> None:
        self._named(item, "database", form.database, "database")
        structure = self._named(item, "structure", form.structure, "structure_definition")
        if structure is None or not isinstance(structure.form, forms.StructureDefinition):
            return
        columns = {fold(name): kind for name, kind in structure.form.columns}
        for key, names in (("key", form.key), ("optional", form.optional), ("not_null", form.not_null)):
            for name in names:
                if fold(name) not in columns:
                    self._error(
                        item,
                        NO_OBJECT,
                        f"{structure.name} has no such column",
                        key,
                        name,
                        choose_from(name, [c for c, _ in structure.form.columns]),
                    )
        for name, kind in structure.form.columns:
            if kind == "OBJECT":
                self._error(item, BAD_VALUE, "a table cannot hold a column of type OBJECT", "structure", f"{structure.name}^{name}")

    def _historical_value(self, item: ApplicationObject, form: forms.HistoricalValue) -> None:
        if form.source:
            self._named(item, "source", form.source, "user_variable", "structured_variable")

    def _external_function(self, item: ApplicationObject, form: forms.ExternalFunction) -> None:
        def tell(key: str, text: str, value: object, hint: str, line: int) -> None:
            self._error(item, BAD_VALUE, text, key, value, hint, line)

        foreign.check(item, form, self._libraries, tell)

    def _event(self, item: ApplicationObject, form: forms.EventForm) -> None:
        """Its parent is an event handler; only a trigger event has a start object, which has a value."""
        if fold(form.parent) != OWN_PARENT:
            parent = self._named(item, "parent", form.parent, "process")
            if parent is not None and parent.process is not None and parent.process.kind != "EVH":
                self._error(item, BAD_VALUE, "is no event handler", "parent", form.parent, "SELF.EVH, or an `event` process without --SES")
        if form.start_object and form.event_type != "trigger":
            self._error(item, BAD_VALUE, f"a {form.event_type} event has no start object", "start_object", form.start_object,
                        'event_type = "trigger"')
        elif form.start_object:
            try:
                start_of(self, form)
            except ValueError as error:
                self._error(item, BAD_VALUE, str(error), "start_object", form.start_object)

    def find(self, name: str) -> ApplicationObject | None:
        return self._objects.get(fold(name))

    def _picture(self, item: ApplicationObject, form: forms.PictureForm) -> None:
        refs = {fold("_" + name): name for name in form.objects}
        if len(refs) != len(form.objects):
            self._error(item, DOUBLE_NAME, "two graphical objects differ only in case", "objects", list(form.objects))
        for index, (name, _) in enumerate(form.variables):
            if fold(name) in refs:
                self._error(item, DOUBLE_NAME, "is also the reference variable of a graphical object", f"variables[{index}]", name)
        variables = [name for name, _ in form.variables]
        for name, graphic in form.objects.items():
            bind = graphic.get("bind")
            if isinstance(bind, str):
                self._bound(item, f"objects.{name}.bind", bind, variables)

    def _bound(self, item: ApplicationObject, key: str, bind: str, variables: list[str]) -> None:
        """A display follows an object's value, or, with a name that starts with _, a picture variable."""
        if not bind.startswith("_"):
            self._named(item, key, bound_object(bind), *sorted(BOUND_KINDS))
        elif fold(bind) not in map(fold, variables):
            hint = choose_from(bind, variables) if variables else "declare it in `variables`"
            self._error(item, NO_OBJECT, "the picture has no variable of this name", key, bind, hint)

    def _data_parts(self, item: ApplicationObject) -> None:
        for part, kind in ((SQL, "database"), (CSV, "table")):
            if part in item.source.parts and item.kind != kind:
                self._findings.error(NO_OBJECT, item.source.paths[part], f"{item.name} is no {kind}", value=item.kind)


def check_references(objects: Mapping[str, ApplicationObject], limits: Mapping[str, int], form: forms.AppForm, findings: Findings) -> None:
    """Report every name in a definition that leads nowhere."""
    _Check(objects, limits, form.time_zone, form.scripts.libraries, findings).run()
