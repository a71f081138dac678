"""The command `hisee`: names of the commands, and how every outcome becomes one line and an exit code.

A command's module is imported only when that command runs, so that `hisee --help` and small commands start fast.
"""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from hisee.errors import HiseeError, one_line
from hisee.schema.exits import Exit

# command -> (module and attribute of its click command, line in the overview)
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("hisee.cli.check:check", "compile a file, a picture or event folder, or an application"),
    "explain": ("hisee.cli.explain:explain", "what a message of the compiler means, with a wrong and a right example"),
    "fmt": ("hisee.cli.fmt:fmt", "format scripts: indentation, spaces, case of the words"),
    "repl": ("hisee.cli.repl:repl", "try expressions and actions line by line"),
    "lsp": ("hisee.cli.lsp:lsp", "language server for editors, on standard input and output"),
    "run": ("hisee.cli.script:run", "run one script in this process"),
    "disasm": ("hisee.cli.script:disasm", "show the code of a compiled script"),
    "new": ("hisee.cli.new:new", "make a new application folder"),
    "doctor": ("hisee.cli.doctor:doctor", "check this computer and the system on it"),
    "demo": ("hisee.cli.demo:demo", "the bundled plant: headline table, or --serve"),
    "up": ("hisee.cli.system:up", "start every process of this computer"),
    "stop": ("hisee.cli.system:stop", "end the running system in order"),
    "ps": ("hisee.cli.overview:ps", "processes of the running system"),
    "roles": ("hisee.cli.overview:roles", "who is primary, who holds the roles O and R"),
    "queues": ("hisee.cli.overview:queues", "what waits and runs in every queue"),
    "routes": ("hisee.cli.overview:routes", "who serves and reaches whom, with counters"),
    "lanes": ("hisee.cli.overview:lanes", "kinds of messages by lane"),
    "tell": ("hisee.cli.orders:tell", "a command for a process"),
    "logs": ("hisee.cli.orders:logs", "what the processes wrote"),
    "get": ("hisee.cli.system:get", "read values"),
    "set": ("hisee.cli.system:set_", "write a value"),
    "watch": ("hisee.cli.system:watch", "follow values"),
    "save": ("hisee.cli.system:save", "save objects through the gate"),
    "export": ("hisee.cli.system:export", "write the objects as an application folder"),
    "ports": ("hisee.cli.ports:ports", "check number lists, or import them from INI files"),
    "systemd": ("hisee.cli.systemd:systemd", "print a systemd unit of the system"),
    "server": ("hisee.cli.run:server", "start one server process (KNL)"),
    "cp": ("hisee.cli.run:cp", "start one communication process"),
    "event": ("hisee.cli.run:event", "start one script execution server (SES)"),
    "dbm": ("hisee.cli.run:dbm", "start one database manager"),
    "hip": ("hisee.cli.run:hip", "start one operator console process"),
    "wp": ("hisee.cli.run:wp", "start one work process"),
    "agent": ("hisee.cli.run:agent", "start programs of an allow-list for the system, on any computer"),
    "rrs": ("hisee.cli.run:rrs", "start the resident supervisor of this computer: `up` without a terminal"),
    "jwp": ("hisee.cli.run:jwp", "start one Java work process"),
    "task": ("hisee.cli.task:task", "durable tasks: put, list, show, cancel, retry, schedule"),
    "cluster": ("hisee.cli.cluster:cluster", "several computers, one system: init, invite, join, renew, status, check, promote, drill"),
}


class LazyGroup(click.Group):
    """Commands by table: listing them imports nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        import hisee

        click.echo(f"hisee {hisee.__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit.")
def hisee() -> None:
    """Split scripts of operator pictures: run, check and look into a system."""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point: runs one command and ends the process with its exit code."""
    raise SystemExit(run_command(sys.argv[1:] if argv is None else argv))


def run_command(argv: Sequence[str]) -> int:
    """Run the command `argv` and return its exit code; whatever goes wrong is one line on standard error."""
    try:
        result: Any = hisee.main(args=list(argv), prog_name="hisee", standalone_mode=False)
        return int(result or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return int(Exit.USAGE)
    except click.ClickException as error:
        return fail(usage_line(error), Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as end:
        if end.code == 1 and reader_left():  # how click ends then
            return quiet_pipe()
        raise
    except HiseeError as error:
        return fail(str(error), error.exit)  # one line, but for an application with several problems
    except Exception as error:  # the last net: our own fault, said in one line
        return fail(internal_line(error), Exit.INTERNAL)


def fail(line: str, code: Exit) -> int:
    """Print the line of a failed command and return its exit code."""
    for each in line.splitlines() or [""]:
        click.echo(f"hisee: {one_line(each)}", err=True)
    return int(code)


def usage_line(error: click.ClickException) -> str:
    """What click complains of, and where the right spelling stands."""
    text = error.format_message().rstrip(".")
    ctx = getattr(error, "ctx", None)
    return f"{text}; `{ctx.command_path} --help` shows what it takes" if ctx else text


def internal_line(error: Exception) -> str:
    """One line for a fault of ours; the traceback comes with HISEE_TRACEBACK=1."""
    if os.environ.get("HISEE_TRACEBACK"):
        traceback.print_exc()
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(where.filename)}:{where.lineno}"
    return f"internal error: {type(error).__name__}: {error} ({place}); HISEE_TRACEBACK=1 shows more"


def reader_left() -> bool:
    """True if standard output is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def quiet_pipe() -> int:
    """The reader of our output left (`| head`): end without a word, and keep the interpreter from flushing again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return int(Exit.OK)
