"""Process programs: the only place that knows which module runs which kind. Modules are imported when they start."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from hisee.cli.start import help_text, parse_start, wants_help
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
    parameters = parse_start(command, argv, os.environ)  # a wrong line is refused before anything is loaded
    return program(command)(parameters)


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
