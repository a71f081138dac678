"""`hisee ports check` and `hisee ports import`: number lists before anything runs. Argument parsing and printing only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from hisee.config import APPLICATION_FILE
from hisee.errors import HiseeError, UsageError

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys.")


@click.group()
def ports() -> None:
    """Number and port lists of the system."""


@ports.command()
@click.argument("app", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--data", type=click.Path(path_type=Path), help="Data directory of the system [default: $HISEE_DATA, else APP/.hisee].")
@JSON
def check(app: Path | None, data: Path | None, as_json: bool) -> int:
    """Duplicates over all computers, gaps, lists that are too short, differing primary ports, and who else listens on this computer."""
    from hisee.config import find_data
    from hisee.model.ports import read

    root = root_of(app)
    form, nodes, findings = read((root / APPLICATION_FILE).read_bytes())
    if form is not None:
        _add_listeners(form, nodes, find_data(data, app=root), findings)
    found = [problem.diagnostic() | {"key": problem.key} for problem in findings.problems]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        for problem in findings.problems:
            click.echo(f"{problem.severity}[{problem.code}]: {problem}")
        click.echo(f"{len(findings.errors)} errors, {len(findings.problems) - len(findings.errors)} warnings")
    return 1 if findings.errors else 0


def root_of(app: Path | None) -> Path:
    from hisee.config import find_application

    root = app or find_application(Path.cwd())
    if root is None or not (root / APPLICATION_FILE).is_file():
        raise UsageError(f"no {APPLICATION_FILE} there", hint="name the folder of an application, or work inside one")
    return root


def _add_listeners(form: Any, nodes: dict[str, Any], data: Path, findings: Any) -> None:
    """Listed ports of this computer that somebody else holds."""
    from hisee.model.ports import lists_for
    from hisee.model.problem import BAD_PORTS
    from hisee.resident.listeners import is_here, listeners

    here = [node for node in nodes.values() if is_here(node.host)]
    listed = {port for node in here for kept in lists_for(form.ports, node).values() for port in kept if port}
    own_pids, own_ports = _own(data, form.engine.url)
    for held in listeners(listed | ({form.ports.primary} if form.ports.primary else set())):
        if held.pid not in own_pids and held.port not in own_ports:
            who = f"{held.program} (pid {held.pid})" if held.pid else "a program that the system does not name"
            findings.warning(BAD_PORTS, APPLICATION_FILE, f"port {held.port} is in use on this computer by {who}", key="ports",
                             hint="end that program; until then a process takes the next number")


def _own(data: Path, url: str) -> tuple[set[int], set[int]]:
    """Pids and ports of the system that runs in `data`; empty when none does."""
    from hisee.datadir import DataDir
    from hisee.engine import open_engine

    directory = DataDir(data)
    try:
        pids = {int(row["pid"]) for row in directory.read_run()["processes"].values()}
        engine = open_engine(url, directory.path, directory.seams)
    except (HiseeError, OSError, KeyError):
        return set(), set()
    try:
        return pids | {os.getpid()}, {member.port for member in engine.members() if not member.ended_ms and member.port}
    finally:
        engine.close()


@ports.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(files: tuple[Path, ...]) -> int:
    """Print the settings of INI files, one per computer, as the beginning of an app.toml; notes name what was left out."""
    from hisee.model.ini import as_toml, read

    click.echo(as_toml(read(path.read_text("utf-8-sig", "replace"), path.name) for path in files), nl=False)
    return 0
