"""`hisee fmt`: scripts in the one layout. Exit 1 with --check when a file would change."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from hisee.cli.fix import difference
from hisee.cli.source import ENDING, read_text, write_text
from hisee.errors import UsageError
from hisee.esl.format import format_text
from hisee.esl.front.lexer import Source, tokenize
from hisee.schema.exits import Exit
from hisee.schema.limits import BY_NAME as LIMITS

SKIPPED = {"__pycache__", "node_modules"}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|FOLDER]...")
@click.option("--check", is_flag=True, help="Write nothing; name the files that would change and exit 1.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def fmt(paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Format scripts: FILEs, all below a FOLDER (an application), `-` = standard input to standard output [default: the working folder].

    Indentation, blanks, case of the language's words and blank lines change, nothing that the compiler sees.
    """
    if paths == (Path("-"),):
        click.echo(format_text(sys.stdin.read()), nl=False)
        return Exit.OK
    changed = failed = 0
    for file in scripts(paths or (Path("."),)):
        before = read_text(file)
        fault = _syntax_error(before)
        if fault:
            click.echo(f"hisee: {file}:{fault[0]}: {fault[1]}, left as it is; `hisee check {file}` shows it", err=True)
            failed += 1
            continue
        after = format_text(before)
        if after != before:
            changed += 1
            _tell(file, before, after, check, diff)
    return Exit.FINDINGS if failed or changed and check else Exit.OK


def scripts(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files themselves, and every script below the folders; raises UsageError for what is not there."""
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob(f"*{ENDING}") if not any(_hidden(part) for part in p.relative_to(path).parts))
            if not found:
                raise UsageError(f"{path}: no script below it", hint=f"scripts end with {ENDING}")
            yield from found
        else:
            yield path  # read_text names one that is missing


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in SKIPPED


def _syntax_error(text: str) -> tuple[int, str] | None:
    """Line and code of the first fault: the blocks of a text that cannot be read are not known."""
    from hisee.esl.compile import ROOM
    from hisee.esl.front.parser import parse

    source, tokens = Source(text), tokenize(text, LIMITS["name_chars"].value)
    with ROOM:
        _, faults, _ = parse(source, tokens, LIMITS["expression_nesting"].value)
    places = [(start, code) for code, start, _, _ in tokens.faults if code not in FORMATTABLE]
    places += [(f.start, f.code) for f in faults if f.code not in FORMATTABLE]
    return (source.line(min(places)[0]), min(places)[1]) if places else None


FORMATTABLE = frozenset(("ESL0003", "ESL0006", "ESL0007", "ESL1003", "ESL1010"))  # these leave the blocks as they are


def _tell(file: Path, before: str, after: str, check: bool, diff: bool) -> None:
    if diff:
        click.echo(difference(file, before, after), nl=False)
    elif check:
        click.echo(f"{file}: would be formatted")
    if not check and not diff:
        write_text(file, after)
        click.echo(f"{file}: formatted")
