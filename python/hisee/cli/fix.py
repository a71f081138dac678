"""`hisee check --fix`: safe repairs in the files of an application, each shown as a difference and written as a whole."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisee.cli.source import Target, read_text, write_text
from hisee.errors import UsageError
from hisee.esl import Diagnostic
from hisee.esl.explain import explanation
from hisee.esl.fix_rules import RULES
from hisee.esl.fixes import Fix, repair, titles

if TYPE_CHECKING:
    from hisee.model.objects import ApplicationObject


def codes_of(text: str) -> frozenset[str]:
    """`all`, or codes with commas between; UsageError for one that is unknown or has no fix."""
    if text == "all":
        return frozenset()
    found = set()
    for word in text.split(","):
        row = explanation(word.strip())
        if row is None or row.name not in RULES:
            raise UsageError(f"--fix {word}: {'there is no such code' if row is None else 'this one needs a person'}",
                             hint="codes with fixes: " + " ".join(sorted(RULES)))
        found.add(row.name)
    return frozenset(found)


def fix_target(target: Target, codes: frozenset[str], dry_run: bool) -> list[Fix]:
    """Repair everything that `target` names and print the differences; what was done."""
    if target.application is not None and target.objects:
        return [fix for name in target.objects for fix in _object(target, name, codes, dry_run)]
    return _alone(target, codes, dry_run) if target.file is not None and not target.problems else []


def _object(target: Target, name: str, codes: frozenset[str], dry_run: bool) -> list[Fix]:
    from hisee.model import gate

    assert target.application is not None
    item, context = target.application.objects[name], target.application.context(name)
    files = _files(item, target.application.root or Path())
    only = frozenset(n for n, f in files.items() if target.file is None or f.resolve() == target.file.resolve())
    texts = {number: read_text(file) for number, file in files.items()}

    def compile_texts(changed: Mapping[int, str]) -> list[Diagnostic]:
        return list(gate.default_compile(name, dict(changed), context).diagnostics)

    after, applied = repair(texts, compile_texts, codes, only)
    _write(files, texts, after, dry_run)
    return applied


def _files(item: ApplicationObject, root: Path) -> dict[int, Path]:
    from hisee.model.gate import PART_NUMBER

    return {PART_NUMBER[part]: root / item.source.paths[part] for part in item.script_parts}


def _alone(target: Target, codes: frozenset[str], dry_run: bool) -> list[Fix]:
    from hisee.cli.script import compile_alone, directory_of

    assert target.file is not None
    file, directory = target.file, directory_of(target.application)
    texts = {1: read_text(file)}
    after, applied = repair(texts, lambda changed: list(compile_alone(file, changed[1], directory).diagnostics), codes)
    _write({1: file}, texts, after, dry_run)
    return applied


def _write(files: Mapping[int, Path], before: Mapping[int, str], after: Mapping[int, str], dry_run: bool) -> None:
    for number, file in files.items():
        if before[number] != after[number]:
            click.echo(difference(file, before[number], after[number]), nl=False)
            if not dry_run:
                write_text(file, after[number])


def difference(file: Path, before: str, after: str) -> str:
    """A unified diff, as `patch` and people read it."""
    from hisee.cli.check import shown_path

    name = shown_path(file)
    sides = (name, name) if name.startswith("/") else (f"a/{name}", f"b/{name}")
    rows = difflib.unified_diff(before.split("\n"), after.split("\n"), *sides, lineterm="")
    return "".join(f"{row}\n" for row in rows)


def say(applied: list[Fix], dry_run: bool) -> None:
    """What was done, on standard error: standard output is the difference."""
    for line in titles(applied):
        click.echo(f"{'would fix' if dry_run else 'fixed'} {line}", err=True)
