"""Commands for a running system: up, stop, get, set, watch, save, export. Argument parsing and printing only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hisee.errors import HiseeError

DATA = click.option("--data", type=click.Path(path_type=Path), help="Data directory of the system [default: $HISEE_DATA, else APP/.hisee].")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys.")


def connect(data: Path | None) -> Any:
    from hisee.api import connect as connect_to

    return connect_to(data)


@click.command()
@click.argument("app", type=click.Path(path_type=Path, exists=True, file_okay=False))
@DATA
@click.option("--take", type=click.Choice(["folder", "store"]), help="Which side wins where folder and store both changed.")
@click.option("--quiet", is_flag=True, help="Print only `ready` and failures.")
@click.option("--cold", is_flag=True, help="Cold start: delete the requests that wait, after a confirmation.")
@click.option("--yes", is_flag=True, help="Confirm beforehand.")
@click.option("--node", default="", help="Only the processes of this node [default: of every node that is this computer].")
def up(app: Path, data: Path | None, take: str | None, quiet: bool, cold: bool, yes: bool, node: str) -> int:
    """Start every process of this computer in the foreground; Ctrl-C ends them in order, twice kills."""
    from hisee.config import find_data
    from hisee.datadir import DataDir
    from hisee.model import load_application
    from hisee.resident.launcher import Launcher

    application = load_application(app)
    say = (lambda line: click.echo(line) if line == "ready" else None) if quiet else click.echo
    directory = DataDir(find_data(data, app=app))
    if cold and not yes:
        confirm_cold(directory, application.form.engine.url)
    return run_up(Launcher(application, directory, say, take=take, cold=cold, node=node))


def confirm_cold(data: Any, url: str) -> None:
    """Say what a cold start deletes and ask; raises click.Abort without a yes, AccessRefused at once where a system runs."""
    from hisee.engine import open_engine

    if (data.path / "lock").exists():
        data.lock("hisee up --cold").close()
    what = "the requests that wait in all queues"
    if url or data.engine_db.exists():
        engine = open_engine(url, data.path, data.seams)
        try:
            waiting = {name: row.waiting for name, row in engine.queues().items() if row.waiting}
        finally:
            engine.close()
        what = ", ".join(f"{count} in queue {name}" for name, count in waiting.items()) or "nothing that waits now"
    click.confirm(f"A cold start deletes {what}. Objects, values and schedules stay. Start cold?", abort=True)


def run_up(launcher: Any, ended: Callable[[], bool] = lambda: False, stopping: Callable[[], None] = lambda: None) -> int:
    """Start, watch and end a launcher's processes under the signals of a terminal; `stopping` is called before they end."""
    from hisee.resident.program import run

    return run(launcher, running=lambda: sys.stdout.flush(), ended=ended, stopping=stopping)


@click.command()
@DATA
def stop(data: Path | None) -> int:
    """End the running system in order."""
    with connect(data) as system:
        system.stop()
    return 0


def table(columns: tuple[str, ...], rows: list[dict[str, Any]], put: Callable[[str], object] = click.echo) -> None:
    """Rows as aligned text, handed to `put` line by line; absent facts are a dash."""
    lines = [[c.upper() for c in columns], *([_cell(row.get(c)) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        put("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _state_line(state: Any) -> str:
    value = f"? (invalid, reason {state.reason})" if state.value is None else json.dumps(state.value, ensure_ascii=False)
    return f"{state.name} {value}" + (f" flags {','.join(state.flags)}" if state.flags else "")


def _state_json(state: Any) -> dict[str, Any]:
    return {"name": state.name, "type": state.type, "value": state.value, "valid": state.value is not None, "reason": state.reason,
            "time_ms": state.time_ms, "change": state.change, "flags": state.flags}


@click.command()
@click.argument("names", nargs=-1, required=True)
@DATA
@JSON
def get(names: tuple[str, ...], data: Path | None, as_json: bool) -> int:
    """Print the values of objects; a name may have * and ?."""
    with connect(data) as system:
        states = system.state(*names)
    states = states if isinstance(states, list) else [states]
    if as_json:
        click.echo(json.dumps([_state_json(s) for s in states], indent=1))
    else:
        for state in states:
            click.echo(_state_line(state))
    return 0


def _user_flags(_: click.Context, __: click.Parameter, given: str) -> list[str]:
    from hisee.values import flag_bits, flag_letters

    try:
        return flag_letters(flag_bits(given))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("set")
@click.argument("name")
@click.argument("value", required=False)
@click.option("--invalid", is_flag=True, help="Make the object invalid.")
@click.option("--flags", default="", callback=_user_flags, metavar="A,C", help="User flags A to P of the new value; it has no others.")
@DATA
def set_(name: str, value: str | None, invalid: bool, flags: list[str], data: Path | None) -> int:
    """Write the value of an object, and its user flags."""
    if (value is None) != invalid:
        raise click.UsageError("give a value, or --invalid")
    with connect(data) as system:
        system.set(name, value, flags=flags)
    return 0


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--count", type=int, help="End after this many lines.")
@DATA
@JSON
def watch(names: tuple[str, ...], count: int | None, data: Path | None, as_json: bool) -> int:
    """Print the values of objects and every change, one line each, until Ctrl-C."""
    with connect(data) as system:
        for number, state in enumerate(system.watch(*names), 1):
            click.echo(json.dumps(_state_json(state)) if as_json else _state_line(state))
            sys.stdout.flush()
            if count is not None and number >= count:
                break
    return 0


@click.command()
@click.argument("app", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("objects", nargs=-1)
@DATA
@JSON
def save(app: Path, objects: tuple[str, ...], data: Path | None, as_json: bool) -> int:
    """Save changed objects and tasks.py of the folder into the running system, each through the gate: all compiles or nothing changes."""
    from hisee.config import find_data
    from hisee.model import load_application

    application = load_application(app)
    refused = 0
    with connect(find_data(data, app=app)) as system:
        for item in application.scripted:
            if objects and item.name not in objects:
                continue
            name, parts = item.name, {part: data.decode() for part, data in item.source.parts.items()}
            saved = system.objects.save(name, parts)
            refused += saved.version == 0
            _print_saved(name, saved, as_json)
        tasks = application.layout.files.get("tasks.py")
        if tasks is not None and (not objects or "tasks.py" in objects):
            saved = system.objects.save("APP", {"TASKS": tasks.decode()})
            refused += saved.version == 0
            _print_saved("tasks.py", saved, as_json)
    return 1 if refused else 0


def _print_saved(name: str, saved: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"object": name, "version": saved.version, "diagnostics": saved.diagnostics}))
        return
    for found in saved.diagnostics:
        place = f"{found['part'] or found['file']} line {found['line']}"
        click.echo(f"{found['severity']}[{found['code']}]: {found['message']} ({place})", err=True)
    click.echo(f"{name} version {saved.version}" if saved.version else f"{name} refused: the stored version stays")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.argument("objects", nargs=-1)
@DATA
def export(directory: Path, objects: tuple[str, ...], data: Path | None) -> int:
    """Write the objects of the running system as an application folder."""
    with connect(data) as system:
        files = system.objects.export(*objects)
    root = directory.resolve()
    for name, content in files.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise HiseeError(f"file {name} would lie outside {root}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    click.echo(f"{len(files)} files in {root}")
    return 0
