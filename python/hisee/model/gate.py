"""The save gate: compiles what is about to be stored. Either every touched script compiles, or nothing is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hisee.esl.context import ObjectContext
from hisee.model.application import Application
from hisee.model.directory import ApplicationDirectory, context_of
from hisee.model.names import LOCAL_PART, REMOTE_PART
from hisee.model.objects import ApplicationObject
from hisee.model.problem import BAD_FILE, Problem
from hisee.schema import actions as action_table
from hisee.schema import diagnostics, functions, opcodes

PART_NUMBER = {LOCAL_PART: 1, REMOTE_PART: 2}
PART_NAME = {number: part for part, number in PART_NUMBER.items()}
SIDE = {1: "L", 2: "R"}
Compile = Callable[[str, dict[int, str], ObjectContext], Any]


@dataclass(slots=True)
class Build:
    """Outcome of the gate for one object."""

    name: str
    ok: bool = True
    units: dict[str, bytes] = field(default_factory=dict)  # part -> unit
    handlers: dict[str, list[str]] = field(default_factory=dict)  # "L", "R" -> names of handled events
    used: list[str] = field(default_factory=list)  # names of objects in the units
    procedures: dict[str, list[str]] = field(default_factory=dict)  # "L", "R" -> names of procedures that others may call
    diagnostics: list[dict[str, Any]] = field(default_factory=list)

    @property
    def hashes(self) -> dict[str, str]:
        return {part: hashlib.sha256(unit).hexdigest() for part, unit in self.units.items()}


def compiler_mark() -> str:
    """Changes whenever units of an older release might not load: then every script is compiled again."""
    tables = (opcodes, functions, action_table, diagnostics)
    return "-".join(f"{table.SCHEMA_HASH:08x}" for table in tables)


def default_compile(name: str, parts: dict[int, str], context: ObjectContext) -> Any:
    from hisee.esl import compile_object  # late: reading an application needs no compiler

    return compile_object(name, parts, context)


def build(application: Application, names: Iterable[str] | None = None, compile_object: Compile = default_compile) -> list[Build]:
    """Compile the scripts of `names` (default: all) against the whole application."""
    directory = ApplicationDirectory(application)
    items = application.scripted if names is None else [o for n in names if (o := application.find(n)) and o.scripted]
    return [_build(application, item, directory, compile_object) for item in items]


def check_application(
    application: Application, names: Iterable[str] | None = None, compile_object: Compile = default_compile
) -> list[dict[str, Any]]:
    """Every finding in the scripts and the folder, in the shape of `hisee check --format json`."""
    found = [warning.diagnostic() for warning in application.warnings]
    for result in build(application, names, compile_object):
        found += result.diagnostics
    return found


def _build(application: Application, item: ApplicationObject, directory: ApplicationDirectory, compile_object: Compile) -> Build:
    result = Build(item.name)
    texts: dict[int, str] = {}
    for part in item.script_parts:
        size, limit = len(item.source.parts[part]), application.limits["source_bytes"]
        if size > limit:
            result.diagnostics.append(_refused(item, part, f"{size} bytes, the limit source_bytes is {limit}", "split the script"))
            continue
        try:
            texts[PART_NUMBER[part]] = item.source.parts[part].decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = item.source.parts[part].count(b"\n", 0, error.start) + 1
            found = _refused(item, part, f"not UTF-8 at byte {error.start}", "save the file as UTF-8", line)
            result.diagnostics.append(found)
    if result.diagnostics:
        result.ok = False
        return result
    compiled = compile_object(item.name, texts, context_of(application, item, directory))
    result.ok = compiled.ok
    result.diagnostics = [_located(d.to_json(), item) for d in compiled.diagnostics]
    if compiled.ok:
        result.units = {PART_NAME[number]: bytes(unit) for number, unit in compiled.units.items()}
        result.handlers = {SIDE[n]: sorted(names) for n, names in compiled.handlers.items()}
        result.procedures = {SIDE[n]: sorted(names) for n, names in getattr(compiled, "procedures", {}).items()}
        result.used = sorted({name for names in compiled.objects.values() for name in names})
    return result


def _refused(item: ApplicationObject, part: str, text: str, hint: str, line: int = 1) -> dict[str, Any]:
    found = Problem(code=BAD_FILE, file=item.source.paths[part], text=text, line=line, hint=hint).diagnostic()
    return {**found, "part": f"{item.name}:{part}"}


def _located(found: dict[str, Any], item: ApplicationObject) -> dict[str, Any]:
    """The compiler counts parts; a person knows files and addresses."""
    part = PART_NAME.get(found["part"], LOCAL_PART)
    notes = [
        {**n, "part": _address(item, n["part"]), "file": item.source.paths.get(PART_NAME.get(n["part"], ""), "")}
        for n in found.get("notes", ())
    ]
    return {**found, "file": item.source.paths.get(part, item.name), "part": f"{item.name}:{part}", "notes": notes}


def _address(item: ApplicationObject, number: int) -> str:
    part = PART_NAME.get(number)
    return f"{item.name}:{part}" if part else ""


def describe(found: dict[str, Any]) -> str:
    """One line of a finding, as a refused save or start prints it."""
    place = f"{found['file']}:{found['line']}:{found['column']}"
    hint = f"; {found['hint']}" if found.get("hint") else ""
    return f"{place}: {found['severity']} {found['code']}: {found['message']}{hint}"
