"""Process programs: the only place that knows which module runs which kind. Modules are imported when they start."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from hisee.cli.start import help_text, parse_start, wants_help
from hisee.commands import switch_category
from hisee.config import APPLICATION_FILE
from hisee.errors import UsageError
from hisee.parameters import StartParameters
from hisee.seams import Seams

Program = Callable[[StartParameters], int]

# process command -> module and function that run it until it ends and return the exit code
PROGRAMS: dict[str, str] = {
    "server": "hisee.server.program:main",
    "cp": "hisee.work.cp:main",
    "event": "hisee.script.program:main",
    "dbm": "hisee.data.program:main",
    "hip": "hisee.console.program:main",
    "wp": "hisee.work.wp:main",
    "jwp": "hisee.work.jwp:main",
    "agent": "hisee.work.agent:main",
    "rrs": "hisee.resident.program:main",
}


def program(command: str) -> Program:
    """The function that runs a process of this command."""
    module, _, attribute = PROGRAMS[command].partition(":")
    found: Program = getattr(import_module(module), attribute)
    return found


def data_lane(facts: dict[str, Any], data: Path, seams: Seams, read_part: Callable[[str], bytes]) -> Any:
    """A lane of the database manager inside this process, for `hisee run`; `read_part` gives what fills a new database."""
    from hisee.data.lane import Lane

    return Lane(facts, data, seams, read_part)


def start(command: str, argv: Sequence[str]) -> int:
    """Print the start parameters or run the process; the return value is its exit code."""
    if wants_help(argv):
        click.echo(help_text(command))
        return 0
    if command == "rrs" and argv and (Path(argv[0]) / APPLICATION_FILE).is_file():  # an absolute path begins like a parameter
        argv = ["--app", *argv]
    parameters = parse_start(command, argv, os.environ)  # a wrong line is refused before anything is loaded
    run = program(command)
    switch_debug(parameters)
    return run(parameters)


def switch_debug(parameters: StartParameters) -> None:
    """/E+CATEGORY and /E-CATEGORY, once the modules with their categories are loaded; raises UsageError."""
    wanted = [(name, True) for name in parameters.debug_on] + [(name, False) for name in parameters.debug_off]
    for name, on in wanted:
        try:
            switch_category(name, on)
        except ValueError as error:
            raise UsageError(f"start parameter /E{'+' if on else '-'}{name}: {error}") from error


def _command(name: str) -> click.Command:
    """A click command that leaves its whole line to the table of start parameters."""

    def callback(words: tuple[str, ...]) -> int:
        return start(name, words)

    return click.Command(
        name, callback=callback, params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
        add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )


server = _command("server")
cp = _command("cp")
event = _command("event")
dbm = _command("dbm")
hip = _command("hip")
wp = _command("wp")
jwp = _command("jwp")
agent = _command("agent")
rrs = _command("rrs")
