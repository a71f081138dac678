"""`hisee run` and `hisee disasm`: one script in this process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hisee.cli.source import Target, read_text, resolve
from hisee.errors import UsageError
from hisee.schema.exits import Exit

if TYPE_CHECKING:
    from hisee.model.application import Application

APP = click.option("--app", type=click.Path(path_type=Path), help="Application whose objects the script may name.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@APP
@click.option("--arg", "arguments", multiple=True, metavar="_P=V", help="Value of a parameter or variable of the script; may be repeated.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory: joins the system that holds it.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End the script after S seconds.")
@click.option("--fuel", type=click.IntRange(min=1), metavar="N", help="End the script after N units of fuel.")
def run(file: Path, app: Path | None, arguments: tuple[str, ...], data: Path | None, timeout_s: float | None, fuel: int | None) -> int:
    """Run one script as a trigger event in this process. LOG, LOGEX and MESSAGE go to standard output, nothing else does."""
    if arguments:
        argument(arguments[0])
        raise UsageError(f"--arg {arguments[0]}: scripts of this release have no PUBLIC variables to set", hint="leave it out")
    application = load(app)
    from hisee.cli.standalone import Run, run_alone

    limits = {} if fuel is None else {"fuel_per_event": fuel}

    def compile_in(directory: Any) -> bytes | None:
        return compile_or_show(file, directory if application is not None else None)

    return run_alone(Run(name=file.stem, compile=compile_in, application=application, data=data, timeout_s=timeout_s, limits=limits))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@APP
@click.option("--json", "as_values", is_flag=True, help="Names, procedures and instructions as JSON.")
def disasm(file: Path, app: Path | None, as_values: bool) -> int:
    """Show the code of a compiled script; a part of a picture or an event is compiled as that."""
    read_text(file)  # a missing file is said before anything else
    target = resolve(file, app)
    unit = unit_of_part(target) if target.objects else compile_or_show(file, directory_of(target.application))
    if unit is None:
        return Exit.FINDINGS
    from hisee.esl.disasm import as_json, disassemble

    click.echo(json.dumps(as_json(unit), indent=1, ensure_ascii=False) if as_values else disassemble(unit))
    return Exit.OK


def unit_of_part(target: Target) -> bytes | None:
    """The unit of the part whose file `target` names, or None after the object's findings were shown on standard error."""
    from hisee.model import gate

    assert target.application is not None and target.file is not None
    build = gate.build(target.application, target.objects)[0]
    for finding in build.diagnostics:
        click.echo(gate.describe(finding), err=True)
    item = target.application.objects[build.name]
    root = target.application.root or Path()
    own = {part for part, path in item.source.paths.items() if (root / path).resolve() == target.file.resolve()}
    units = [unit for part, unit in build.units.items() if part in own]
    if build.ok and not units:
        raise UsageError(f"{target.file} is not compiled: {build.name} has no server script", hint="set server_script = true")
    return units[0] if units else None


def argument(word: str) -> tuple[str, str]:
    """`_p=v` as a pair; UsageError for anything else."""
    name, equals, value = word.partition("=")
    if not equals or not name.startswith("_") or len(name) < 2:
        raise UsageError(f"--arg {word!r} is not of the form _name=value", hint="names of a script's variables begin with _")
    return name, value


def load(app: Path | None) -> Application | None:
    """The application at `app`, or None when none is named."""
    if app is None:
        return None
    from hisee.model.application import load_application

    return load_application(app)


def directory_of(application: Application | None) -> Any:
    """Names of an application's objects for the compiler."""
    from hisee.model.directory import ApplicationDirectory

    return ApplicationDirectory(application) if application is not None else None


def compile_alone(file: Path, text: str, directory: Any) -> Any:
    """Compile a script that is no part of an object; it may name the objects of `directory`."""
    from hisee.esl import ObjectContext, compile_source

    return compile_source(text, name=file.stem, context=ObjectContext(kind="script", server_script=False, directory=directory))


def compile_interface(name: str, text: str, directory: Any) -> Any:
    """Check the text of an interface: headers of RPC procedures, nothing else."""
    from hisee.esl import ObjectContext, compile_source

    return compile_source(text, name=name, context=ObjectContext(kind="interface", server_script=False, directory=directory))


def compile_or_show(file: Path, directory: Any) -> bytes | None:
    """The unit of a script, or None after its errors were shown on standard error."""
    from hisee.esl.diagnostics import render

    text = read_text(file)
    compiled = compile_alone(file, text, directory)
    if not compiled.ok:
        errors = [d for d in compiled.diagnostics if d.severity == "error"]
        click.echo(render(errors, {1: text}, sys.stderr.isatty()), err=True)
        return None
    return bytes(compiled.unit)
