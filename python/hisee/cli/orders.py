"""Commands `hisee tell` and `hisee logs`: orders to processes and what they wrote. Argument parsing and printing only."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from hisee.cli.system import DATA, JSON, connect
from hisee.errors import CannotConnect
from hisee.schema.errors import Err
from hisee.schema.exits import Exit

POLL_S = 0.25
EXITS = {"ok": Exit.OK, "error": Exit.FINDINGS, "ignored": Exit.FINDINGS, "aborted": Exit.FINDINGS}
BY_ERROR = {Err.ERR_NO_ACCESS: Exit.REFUSED, Err.ERR_TIMEOUT: Exit.TIMED_OUT}


@click.command()
@click.argument("process")
@click.argument("command")
@click.option("--wait", is_flag=True, help="Wait until the process has carried it out, and print its result.")
@DATA
@JSON
def tell(process: str, command: str, wait: bool, data: Path | None, as_json: bool) -> int:
    """Send a command to a process; `hisee tell PROCESS HELP --wait` lists what it takes."""
    return carry_out(process, command, data, as_json, wait=wait)


def carry_out(process: str, command: str, data: Path | None, as_json: bool, *, wait: bool = True) -> int:
    """Send a command, "" = to the server, and print how it ended; the exit code."""
    with connect(data) as system:
        found = system.tell(process, command, wait=wait)
    if as_json:
        click.echo(json.dumps({"process": process, "command": command, "result": found.result, "text": found.text, "error": found.error}))
    elif found.result == "ok":
        click.echo(found.text or "ok")
    else:
        click.echo(f"hisee: {found.result}: {found.text}", err=True)
    return int(BY_ERROR.get(found.error, EXITS.get(found.result, Exit.INTERNAL)))


@click.command()
@click.argument("processes", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("-n", "--lines", default=100, show_default=True, help="Lines of each log at first.")
@DATA
@JSON
def logs(processes: tuple[str, ...], follow: bool, lines: int, data: Path | None, as_json: bool) -> int:
    """Print the newest lines of processes' logs in the order of their times; without a name, of all of them."""
    source = _source(data)
    names = list(processes) or [row["name"] for row in source.logs()]
    offsets: dict[str, int] = {}
    try:
        _print(_read(source, names, lines, offsets), len(names) > 1, as_json)
        while follow:
            time.sleep(POLL_S)
            if not processes:
                names = [row["name"] for row in source.logs()]
            _print(_read(source, names, 0, offsets), len(names) > 1, as_json)
    except KeyboardInterrupt:
        return 0
    finally:
        source.close()
    return 0


class Folder:
    """The logs of a system that does not run: the files as they lie."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def logs(self) -> list[dict[str, Any]]:
        from hisee.logreader import known

        return known(self._directory)

    def log(self, process: str, lines: int, offset: int = -1) -> Any:
        from hisee.channel.payloads import LogPart
        from hisee.errors import HiseeError
        from hisee.logreader import log_file, read_part

        path = log_file(self._directory, process)
        if path is None:
            raise HiseeError(f"no log of {process} in {self._directory}", hint="`hisee logs` shows all there are")
        content, end = read_part(path, lines, offset)
        return LogPart(data=content, offset=end)

    def close(self) -> None:
        """Nothing is open."""


def _source(data: Path | None) -> Any:
    """The running system, else what it left."""
    from hisee.config import find_data
    from hisee.datadir import DataDir

    try:
        return connect(data)
    except CannotConnect:
        directory = DataDir(find_data(data)).log_dir
        if not directory.is_dir():
            raise
        return Folder(directory)


def _read(source: Any, names: list[str], lines: int, offsets: dict[str, int]) -> list[tuple[str, str]]:
    """(process, line) of everything new, by the time that stands at the beginning of each line."""
    found: list[tuple[str, str]] = []
    for name in names:
        begin = offsets.get(name, -1 if lines else 0)
        part = source.log(name, lines, begin)
        offsets[name] = part.offset
        found += [(name, line) for line in part.data.decode(errors="replace").splitlines()]
    return _by_time(found) if len(names) > 1 else found


def _by_time(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A line without a time (of a traceback) stays behind the one before it."""
    keyed, last = [], ""
    for name, line in lines:
        last = line[:23] if line[:4].isdigit() else last
        keyed.append((last, name, line))
    return [(name, line) for _, name, line in sorted(keyed, key=lambda row: row[0])]


def _print(lines: list[tuple[str, str]], several: bool, as_json: bool) -> None:
    for name, line in lines:
        click.echo(json.dumps({"process": name, "line": line}) if as_json else f"{name} {line}" if several else line)
    sys.stdout.flush()
