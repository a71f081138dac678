"""An application: app.toml, objects, pictures and events, read from a folder or from the store and checked as a whole."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hisee.errors import UsageError
from hisee.esl.context import ObjectContext
from hisee.esl.front.words import RESERVED
from hisee.model import access, forms, group, layout, limits, nodes, ports, pytasks, reader
from hisee.model.directory import ApplicationDirectory, context_of
from hisee.model.layout import APP_FILE, Layout, Parts
from hisee.model.names import EVENT, LOCAL, OBJECT, PICTURE, SVG, fold, valid_name
from hisee.model.objects import ApplicationObject, Node, Process
from hisee.model.problem import (
    BAD_FILE,
    BAD_KEY,
    BAD_NAME,
    BAD_VALUE,
    DOUBLE_NAME,
    NO_FILE,
    NOT_SERVED,
    ApplicationError,
    Findings,
    Problem,
    choose_from,
    shown,
)
from hisee.model.references import check_references
from hisee.model.scripts import check_scripts
from hisee.schema import elements, properties, rights

SYSTEM_NAME = re.compile(r"[A-Za-z0-9_]{1,8}\Z")
GRAPHIC_KEYS = {"kind", "bind", "decimals", *properties.BY_NAME}


@dataclass(slots=True)
class Application:
    """Everything an application says. `objects` is keyed by the name as written; `find` takes any spelling."""

    form: forms.AppForm
    nodes: dict[str, Node]
    objects: dict[str, ApplicationObject]
    limits: dict[str, int]
    layout: Layout
    root: Path | None = None
    warnings: list[Problem] = field(default_factory=list)
    _by_key: dict[str, ApplicationObject] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.form.name

    @property
    def system(self) -> str:
        """The name as it is shown: upper case."""
        return self.form.name.upper()

    @property
    def processes(self) -> list[Process]:
        """Configured processes in the order of their start."""
        return nodes.start_order(self.nodes)

    def ports(self, node: str) -> dict[str, tuple[int, ...]]:
        """Port lists that hold on a computer, by kind; a kind without a list has numbers without ports."""
        return ports.lists_for(self.form.ports, self.nodes.get(node))

    def group(self) -> dict[str, Any]:
        """The redundant group as processes are told of it; {} without one."""
        return group.facts(self.form.group, self.nodes, self.form.ports)

    def access(self) -> list[dict[str, Any]]:
        """Networks whose clients may log on over TCP, as processes are told of them; [] = all may."""
        return access.facts(self.form.access)

    @property
    def scripted(self) -> list[ApplicationObject]:
        return [o for o in self.objects.values() if o.scripted]

    def find(self, name: str) -> ApplicationObject | None:
        if not self._by_key:
            self._by_key = {fold(n): o for n, o in self.objects.items()}
        return self._by_key.get(fold(name))

    def saveable(self, names: Iterable[str] = ()) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Objects with their parts as a save wants them: all, definitions first, or those of `names`; UsageError if unknown."""
        wanted = []
        for name in names:
            item = self.find(name)
            if item is None or not item.source.parts:
                raise UsageError(f"no object {name} in this application", hint=choose_from(name, self.objects))
            wanted.append(item)
        for item in wanted or [o for o in self.objects.values() if o.source.parts]:
            yield item.name, dict(item.source.parts)

    def context(self, name: str) -> ObjectContext:
        """What the compiler is told about the object; raises UsageError when there is none."""
        item = self.find(name)
        if item is None:
            raise UsageError(f"no object {name} in this application", hint=choose_from(name, self.objects))
        return context_of(self, item)

    def directory(self) -> ApplicationDirectory:
        """Names and types of all objects, for the compiler."""
        return ApplicationDirectory(self)

    def files(self) -> dict[str, bytes]:
        """The application as files again, byte for byte."""
        return self.layout.join()


def load_application(path: str | Path) -> Application:
    """Read the folder at `path`; raises NoApplication, or ApplicationError with every problem found.

    The objects get provisional numbers in the order of the files; a store gives the lasting ones.
    """
    root = Path(path)
    findings = Findings()
    application = parse(layout.cut(layout.read_folder(root), findings), findings)
    application.root = root
    for number, item in enumerate(application.objects.values(), 100):
        item.hbj = number
    return application


def parse(parts: Layout, findings: Findings | None = None) -> Application:
    """Make an application of what `layout.cut` found; raises ApplicationError with every error in `findings`."""
    findings = Findings() if findings is None else findings
    form, text = _head(parts, findings)
    layout.check_complete(parts, findings)
    stations = nodes.read_nodes(form.nodes, text, findings)
    ports.check(form.ports, stations, findings)
    group.check(form.group, stations, form.engine.url, findings)
    access.check(form.access, findings)
    application = Application(form, stations, {}, limits.apply(form.limits, findings, form.work.wp_min), parts)
    for source in parts.objects.values():
        _add(application, _object(source, findings), findings)
    for process in (p for p in application.processes if not p.numbered):
        _add(application, ApplicationObject(process.name, "process", process=process, source=Parts(process.name)), findings)
    if not any(p.code == BAD_FILE for p in findings.errors):  # else most names would look missing
        check_references(application.objects, application.limits, form, findings)
    _check_data(parts, findings)
    pytasks.check(parts, findings)
    if findings.errors:
        raise ApplicationError(findings.errors)
    application.warnings = findings.problems
    return application


def _head(parts: Layout, findings: Findings) -> tuple[forms.AppForm, str]:
    """app.toml; after an error a stand-in, so that the other files are checked as well."""
    data = parts.files.get(APP_FILE, b"")
    table = reader.parse(data, APP_FILE, findings)
    text = data.decode("utf-8", "replace")
    form = None if table is None else reader.convert(table, forms.AppForm, APP_FILE, findings, text=text)
    if form is None:
        return forms.AppForm(name="UNKNOWN"), ""
    if not SYSTEM_NAME.match(form.name):
        findings.error(
            BAD_VALUE,
            APP_FILE,
            "no name of a system",
            key="name",
            value=shown(form.name),
            line=reader.line_of(text, "name"),
            hint="1 to 8 letters, digits or _",
        )
    try:
        zoneinfo.ZoneInfo(form.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        findings.error(
            BAD_VALUE,
            APP_FILE,
            "no time zone",
            key="time_zone",
            value=shown(form.time_zone),
            line=reader.line_of(text, "time_zone"),
            hint="a name like Europe/Bratislava",
        )
        form = forms.AppForm(name=form.name)
    _check_rights(form, findings)
    check_scripts(form.scripts, findings)
    return form, text


def _check_rights(form: forms.AppForm, findings: Findings) -> None:
    """A grant with a misspelt action would silently grant nothing."""
    for user, grants in form.rights.items():
        for grant in grants:
            action = grant.partition(":")[0]
            if action != "*" and action not in rights.BY_NAME:
                findings.error(BAD_VALUE, APP_FILE, "no action that can be granted", key=f"rights.{user}", value=shown(grant),
                               hint=choose_from(action, ["*", *rights.BY_NAME]))


def _add(application: Application, item: ApplicationObject | None, findings: Findings) -> None:
    if item is None:
        return
    file = _file_of(item.source) or APP_FILE
    if not item.process and not valid_name(item.name):
        findings.error(
            BAD_NAME,
            file,
            "no name of an object",
            value=shown(item.name),
            hint="letters, digits, _ and dots, at most 64 characters, a letter first",
        )
    if fold(item.name) in RESERVED:
        findings.error(BAD_NAME, file, f"{item.name} is a word of the language", line=item.source.line, hint="put a dot in it: U.Name")
    twin = application._by_key.setdefault(fold(item.name), item)
    if twin is not item and not (twin.process and item.process):  # two processes: `nodes` has said so
        findings.error(
            DOUBLE_NAME,
            file,
            f"{item.name} exists twice",
            line=item.source.line,
            hint=f"the other one is {twin.name} in {_file_of(twin.source) or APP_FILE}; names differ by more than case",
        )
        return
    application.objects[item.name] = item


def _file_of(source: Parts) -> str:
    return next(iter(source.paths.values()), "")


def _object(source: Parts, findings: Findings) -> ApplicationObject | None:
    heads = [p for p in (PICTURE, EVENT, OBJECT) if p in source.parts]
    if len(heads) > 1:
        findings.error(
            DOUBLE_NAME, source.paths[heads[1]], f"{source.name} exists twice", hint=f"the other one is {source.paths[heads[0]]}"
        )
        return None
    if not heads:
        if not any(p.startswith("interfaces/") for p in source.paths.values()):
            return None  # a folder without its toml file: reported as missing
        return ApplicationObject(source.name, "interface", source=source)
    read = {PICTURE: _picture, EVENT: _event, OBJECT: _defined}[heads[0]]
    return read(source, findings)


def _defined(source: Parts, findings: Findings) -> ApplicationObject | None:
    """An object of objects.toml: `type` says which form holds."""
    file, data = source.paths[OBJECT], source.parts[OBJECT]
    table = reader.parse(data, file, findings, source.line)
    table = (table or {}).get(source.name)
    if not isinstance(table, dict):
        return None
    text = data.decode("utf-8", "replace")
    kind = table.pop("type", None)
    form_type = forms.OBJECT_FORMS.get(kind) if isinstance(kind, str) else None
    if form_type is None:
        findings.error(
            BAD_VALUE,
            file,
            "missing" if kind is None else "unknown type of object",
            key=f"{source.name}.type",
            value="" if kind is None else shown(kind),
            line=reader.line_of(text, "type", source.line),
            hint=choose_from(str(kind), forms.OBJECT_FORMS),
        )
        return None
    form = reader.convert(table, form_type, file, findings, prefix=source.name, text=text, line=source.line)
    if kind in forms.NOT_SERVED_YET:
        findings.warning(NOT_SERVED, file, f"objects of type {kind} are not served yet", key=source.name, line=source.line)
    return ApplicationObject(source.name, kind, form, source)


def _picture(source: Parts, findings: Findings) -> ApplicationObject | None:
    file = source.paths[PICTURE]
    table = reader.parse(source.parts[PICTURE], file, findings)
    text = source.parts[PICTURE].decode("utf-8", "replace")
    form = None if table is None else reader.convert(table, forms.PictureForm, file, findings, text=text)
    if form is None:
        return ApplicationObject(source.name, "picture", source=source)
    _check_variables(form, file, text, findings)
    for name, graphic in form.objects.items():
        _check_graphic(name, graphic, file, text, findings)
    _check_svg(form, source, findings)
    return ApplicationObject(source.name, "picture", form, source)


def _event(source: Parts, findings: Findings) -> ApplicationObject | None:
    file = source.paths[EVENT]
    table = reader.parse(source.parts[EVENT], file, findings)
    text = source.parts[EVENT].decode("utf-8", "replace")
    form = None if table is None else reader.convert(table, forms.EventForm, file, findings, text=text)
    if form is not None:
        _check_variables(form, file, text, findings)
    return ApplicationObject(source.name, "event", form, source)


def _check_variables(form: forms.PictureForm | forms.EventForm, file: str, text: str, findings: Findings) -> None:
    seen: set[str] = set()
    for index, (name, _) in enumerate(form.variables):
        if not LOCAL.match(name):
            findings.error(
                BAD_NAME,
                file,
                "no name of a variable",
                key=f"variables[{index}]",
                value=shown(name),
                line=reader.line_of(text, name),
                hint="an underscore first: _selected",
            )
        if fold(name) in seen:
            findings.error(
                DOUBLE_NAME,
                file,
                "the variable exists twice",
                key=f"variables[{index}]",
                value=shown(name),
                line=reader.line_of(text, name),
            )
        seen.add(fold(name))


def _check_graphic(name: str, graphic: dict[str, Any], file: str, text: str, findings: Findings) -> None:
    key, line = f"objects.{name}", reader.line_of(text, name)
    if not LOCAL.match("_" + name):
        findings.error(
            BAD_NAME,
            file,
            "no name of a graphical object",
            key=key,
            line=line,
            hint="letters, digits and _: its reference variable is the name with an underscore before it",
        )
    kind = graphic.get("kind")
    if not isinstance(kind, str) or kind not in elements.BY_NAME:
        findings.error(
            BAD_VALUE,
            file,
            "missing" if kind is None else "unknown kind of graphical object",
            key=f"{key}.kind",
            value="" if kind is None else shown(kind),
            line=line,
            hint=choose_from(str(kind), elements.BY_NAME),
        )
    if not isinstance(graphic.get("bind", ""), str):
        findings.error(BAD_VALUE, file, "expected the name of an object", key=f"{key}.bind", value=shown(graphic["bind"]), line=line)
    for unknown in graphic.keys() - GRAPHIC_KEYS:
        findings.error(BAD_KEY, file, "unknown key", key=f"{key}.{unknown}", line=line, hint=choose_from(unknown, GRAPHIC_KEYS))


def _check_svg(form: forms.PictureForm, source: Parts, findings: Findings) -> None:
    data, file = source.parts.get(SVG), source.paths.get(SVG, "")
    if data is None:
        return  # reported as missing
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        findings.error(BAD_FILE, file, f"not SVG: {error}", line=error.position[0])
        return
    if root.tag.rpartition("}")[2] != "svg":
        findings.error(BAD_FILE, file, "not SVG: the root element is no <svg>", value=shown(root.tag))
    ids = {element.get("id") for element in root.iter()}
    for name in form.objects:
        if name not in ids:
            findings.warning(NO_FILE, file, f"no element with id {name!r}: the object of that name is never seen")


def _check_data(parts: Layout, findings: Findings) -> None:
    for path in parts.files:
        ending = path[path.rfind(".") :]
        if path.startswith("data/") and path.count("/") == 1 and ending in layout.DATA_PARTS:
            what = "database" if ending == ".sql" else "table"
            findings.warning(
                BAD_NAME,
                path,
                f"no {what} object has this name, the file is not used",
                hint=f"name it after the {what} object: data/NAME{ending}",
            )
