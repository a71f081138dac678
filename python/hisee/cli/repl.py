"""`hisee repl`: a prompt over the small system of `hisee run`. Owns what is typed and shown; inputs are compiled by esl.session."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hisee.errors import HiseeError
from hisee.esl.catalogue import catalogue, language
from hisee.esl.explain import explanation, page
from hisee.schema.exits import Exit

if TYPE_CHECKING:
    from hisee.cli.standalone import World
    from hisee.esl.session import Prepared, Session

HISTORY = Path(os.environ.get("XDG_STATE_HOME", "~/.local/state")) / "hisee" / "repl_history"
HISTORY_LINES = 1000
REASONS = {1: "undefined", 2: "out of range", 3: "conversion", 4: "division by zero", 5: "no data", 6: "communication"}
TYPES = {1: "BOOL", 2: "INT", 3: "REAL", 4: "TIME", 5: "TEXT"}
HELP = """\
  1 + 2 * 3                 an expression: its value, type and validity are shown
  INT _n = 5                a variable of the session; RECORD (SD.Name) _r as well
  _n := _n + 1              an action; IF, FOR and PROCEDURE go on until they are closed
  :vars                     variables and procedures of the session
  :explain ESL2001          what a message means
  :reset                    forget variables and procedures
  :help   :quit             this page; the end (Ctrl-D does it too)"""


@click.command()
@click.option("--app", type=click.Path(path_type=Path), help="Application whose objects and databases are there, with initial values.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory that keeps values [default: one that is gone afterwards].")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True, metavar="S",
              help="End an input after S seconds.")
def repl(app: Path | None, data: Path | None, timeout_s: float) -> int:
    """Try expressions and actions line by line, in a small system of this process. `:help` shows what can be typed."""
    from hisee.cli.script import load
    from hisee.cli.standalone import in_world

    application = load(app)
    logging.getLogger("hisee.script").addHandler(logging.NullHandler())
    terminal = sys.stdin.isatty()
    if terminal:
        _history()
        click.echo("ESL of hisee; :help shows what can be typed, Ctrl-D ends")
    prompt = Prompt(terminal, timeout_s, known=application is not None)
    asyncio.run(in_world(application, data, "repl", prompt.run))
    return Exit.FINDINGS if prompt.failed and not terminal else Exit.OK


def _history() -> None:
    """Line editing with a history of its own; both are a comfort, not a need."""
    with suppress(ImportError, OSError):
        import atexit
        import readline

        file = HISTORY.expanduser()
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            readline.read_history_file(file)
        readline.set_history_length(HISTORY_LINES)
        atexit.register(readline.write_history_file, file)


class Prompt:
    """Reads inputs, runs them one after the other, shows what they give."""

    def __init__(self, terminal: bool, timeout_s: float, known: bool) -> None:
        self._terminal = terminal
        self._timeout_s = timeout_s
        self._known = known  # is there an application whose objects may be named?
        self._lang = language(None, os.environ)
        self.failed = 0

    async def run(self, world: World) -> None:
        from hisee.esl.session import Session

        directory = world.directory if self._known else None
        session = Session(directory)
        while (text := await asyncio.to_thread(self._read)) is not None:
            if text.strip().startswith(":"):
                if self._command(text.strip(), session):
                    return
                if text.strip() == ":reset":
                    session = Session(directory)
            elif text.strip() and not text.strip().startswith(";"):
                await self._input(text, session, world)

    def _read(self) -> str | None:
        """One input, over several lines while a block is open; None at the end. Ctrl-C forgets what was typed."""
        from hisee.esl.session import unfinished

        lines: list[str] = []
        while not lines or unfinished("\n".join(lines)):
            try:
                lines.append(input(("... " if lines else "esl> ") if self._terminal else ""))
            except KeyboardInterrupt:
                click.echo()
                return ""
            except EOFError:
                if self._terminal:
                    click.echo()
                return "\n".join(lines) if lines else None
        return "\n".join(lines)

    def _command(self, text: str, session: Session) -> bool:
        """A word with a colon; True ends."""
        word, _, rest = text.partition(" ")
        if word in (":quit", ":q", ":exit"):
            return True
        actions: dict[str, Callable[[], str]] = {
            ":help": lambda: HELP, ":vars": lambda: variables(session), ":explain": lambda: self._explain(rest),
            ":reset": lambda: "forgotten",
        }
        if word not in actions:
            self._fail(f"unknown command {word}; :help shows them")
        else:
            click.echo(actions[word]())
        return False

    def _explain(self, code: str) -> str:
        row = explanation(code.strip())
        return page(row.name, self._lang) if row else f"there is no message {code}; codes look like ESL2101"

    async def _input(self, text: str, session: Session, world: World) -> None:
        from hisee.esl.diagnostics import render
        from hisee.esl.session import NotHere

        try:
            prepared = session.prepare(text)
        except NotHere as error:
            self._fail(str(error))
            return
        words = catalogue(self._lang)
        for found in prepared.diagnostics:
            click.echo(render([words.translate(found)], {1: text}, sys.stdout.isatty(), words.words), err=True)
        if not prepared.unit:
            self.failed += 1
            return
        try:
            values, trouble = await world.call(prepared.unit, [v.value for v in prepared.variables], self._timeout_s)
        except HiseeError as error:
            self._fail(str(error))
            return
        if trouble:
            self._fail("; ".join(_own_line(t, prepared) for t in trouble))
            return
        result = session.keep(prepared, values)
        if prepared.result:
            click.echo(shown_result(prepared, result, session))

    def _fail(self, text: str) -> None:
        self.failed += 1
        click.echo(text, err=True)


def _own_line(trouble: str, prepared: Prepared) -> str:
    """`line 12: ...` counts the script around the input."""
    head, colon, rest = trouble.partition(":")
    number = head.removeprefix("line ").strip()
    return f"line {max(1, int(number) - prepared.skipped)}:{rest}" if colon and number.isdigit() else trouble


def shown_result(prepared: Prepared, value: Any, session: Session) -> str:
    """`= value  TYPE`, and for an invalid one its reason."""
    if prepared.result.startswith("record"):
        variable = session.variables[prepared.result.removeprefix("record ")]
        return f"= {shown(variable.value)}  {variable.type}"
    if prepared.result == "any":
        text, reason, kind = value
        name = TYPES.get(kind, "no type known")
        return f"= {invalid(reason)}  {name}" if reason else f"= {text}  {name}"
    return f"= {shown(value)}  {prepared.result}"


def invalid(reason: int) -> str:
    return f"invalid ({reason}: {REASONS.get(reason, 'reason of the script')})"


def shown(value: Any) -> str:
    """A value as the language writes it."""
    from hisee._core.values import real_text
    from hisee.values import Invalid, Record, Ref, Time

    if isinstance(value, Invalid):
        return invalid(value.reason)
    if isinstance(value, bool):
        return "@TRUE" if value else "@FALSE"
    if isinstance(value, Time):
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=value.ms)
        return moment.strftime("%H:%M:%S.%f")[:-3] + moment.strftime(" %d-%m-%Y UTC")
    if isinstance(value, float):
        return real_text(value)
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, Ref):
        return f"object number {value.object}" if value.object else "not linked"
    if isinstance(value, Record):
        return _record(value)
    return "invalid (5: no data)" if value is None else str(value)


def _record(value: Any) -> str:
    rows = list(zip(*value.columns, strict=True))
    lines = [f"\n  [{at}] " + ", ".join(shown(cell) for cell in row) for at, row in enumerate(rows[:20], 1)]
    return f"{len(rows)} row{'s' * (len(rows) != 1)}" + "".join(lines) + ("\n  ..." if len(rows) > 20 else "")


def variables(session: Session) -> str:
    from hisee.esl.session import UNKNOWN

    lines = [f"{v.type} {v.name} = {'not used yet' if v.value is UNKNOWN else shown(v.value)}" for v in session.variables.values()]
    lines += [text.split("\n")[0] for text in session.procedures.values()]
    return "\n".join(lines) or "nothing declared yet"
