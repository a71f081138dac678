"""`hisee check`: compiles and reports. Exit 0 without errors (warnings are shown), 1 with errors."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hisee.cli.explain import LANG, page_of
from hisee.cli.sarif import sarif
from hisee.cli.source import Target, read_text, resolve
from hisee.errors import UsageError
from hisee.esl.catalogue import language
from hisee.schema.exits import Exit

if TYPE_CHECKING:
    from hisee.esl.context import ObjectContext

CODES = re.compile(r"all|(?:ESL)?\d{1,4}(?:,(?:ESL)?\d{1,4})*", re.IGNORECASE)

@dataclass(slots=True)
class Report:
    """Findings in the stable shape of `--format json`, and the same as text for people."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    fixes: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # number of a finding -> its fixes, for SARIF

    @property
    def has_errors(self) -> bool:
        return any(f["severity"] == "error" for f in self.findings)


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--app", type=click.Path(path_type=Path), help="Application whose objects count [default: the nearest above PATH].")
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", help="How findings are written.")
@click.option("--json", "form", flag_value="json", help="Same as --format json.")
@click.option("--sarif", "form", flag_value="sarif", help="Same as --format sarif: SARIF 2.1.0 with fixes, for code hosts and editors.")
@click.option("--fix", is_flag=False, flag_value="all", metavar="[CODE,..]",
              help="Apply the safe fixes (of these codes) to the files, show them as a difference, and check again.")
@click.option("--dry-run", is_flag=True, help="With --fix: show the difference, write nothing.")
@click.option("--explain", "explained", metavar="CODE", help="Print the page of a code instead of checking.")
@LANG
def check(path: Path, app: Path | None, form: str, fix: str | None, dry_run: bool, explained: str | None, lang: str | None) -> int:
    """Compile a script, a picture or event folder, or a whole application [default: the working folder's]. Exit 1 with errors."""
    if explained:
        click.echo(page_of(explained, language(lang, os.environ)))
        return Exit.OK
    if dry_run and fix is None:
        raise UsageError("--dry-run shows what --fix would do", hint="add --fix")
    if fix is not None:
        return _fix(path, app, fix, dry_run, form, lang)
    return _report(path, app, form, lang)


def _fix(path: Path, app: Path | None, fix: str, dry_run: bool, form: str, lang: str | None) -> int:
    from hisee.cli.fix import codes_of, fix_target, say

    if path == Path(".") and not CODES.fullmatch(fix):  # `--fix PATH`: the option takes what follows it
        path, fix = Path(fix), "all"
    codes = codes_of(fix)
    applied = fix_target(resolve(path, app), codes, dry_run)
    say(applied, dry_run)
    return Exit.OK if dry_run else _report(path, app, form, lang)


def _report(path: Path, app: Path | None, form: str, lang: str | None) -> int:
    """Tools get English unless another language is asked for; people get their own."""
    report = examine(resolve(path, app), lang or ("en" if form != "text" else language(None, os.environ)))
    if form == "json":
        click.echo(json.dumps(report.findings, indent=1, ensure_ascii=False))
    elif form == "sarif":
        click.echo(json.dumps(sarif(report.findings, report.fixes), indent=1, ensure_ascii=False))
    else:
        _print(report)
    return Exit.FINDINGS if report.has_errors else Exit.OK


def examine(target: Target, lang: str = "en") -> Report:
    """Compile everything that `target` names; messages in `lang`."""
    report = Report()
    for problem in target.problems:
        _add(report, problem, f"{problem['file']}:{problem['line']}: {problem['severity']}[{problem['code']}]: {problem['message']}"
             + (f"\n  = help: {problem['hint']}" if problem["hint"] else ""))
    if target.application is not None and (target.objects or target.interfaces):
        _examine_objects(target, report, lang)
        for name in target.interfaces:
            _examine_interface(target, name, report, lang)
    elif target.file is not None and not report.has_errors:
        _examine_script(target, report, lang)
    return report


def _add(report: Report, finding: dict[str, Any], text: str) -> None:
    report.findings.append(finding)
    report.texts.append(text)


def _examine_objects(target: Target, report: Report, lang: str) -> None:
    """Each object with both parts; a single file of it shows only what concerns that file."""
    from hisee.model import gate

    assert target.application is not None
    rendered: list[str] = []
    offers: list[list[dict[str, Any]]] = []

    def compile_and_render(name: str, parts: dict[int, str], context: ObjectContext) -> Any:
        compiled = gate.default_compile(name, parts, context)
        found = _for_people(compiled.diagnostics, parts, lang)
        rendered[:] = _render_each(found, parts, lang)
        offers[:] = [_offers(d, parts) for d in found]
        return replace(compiled, diagnostics=found)

    root = target.application.root or Path()
    for name in target.objects:
        rendered.clear()
        offers.clear()
        for build in gate.build(target.application, [name], compile_and_render):
            texts = rendered or [gate.describe(d) for d in build.diagnostics]
            for at, (finding, text) in enumerate(zip(build.diagnostics, texts, strict=True)):
                placed = _with_paths(finding, root)
                if target.file is None or _concerns(placed, target.file):
                    _add(report, placed, text)
                    if rendered and offers[at]:
                        paths = _paths_of(target.application.objects[name], root)
                        report.fixes[len(report.findings) - 1] = [_placed(f, paths) for f in offers[at]]


def _for_people(diagnostics: Any, parts: dict[int, str], lang: str) -> list[Any]:
    """With the fix that could be applied, and in the language asked for."""
    from hisee.esl.catalogue import catalogue
    from hisee.esl.fixes import offered

    return [catalogue(lang).translate(d) for d in offered(diagnostics, parts)]


def _render_each(diagnostics: Any, parts: dict[int, str], lang: str) -> list[str]:
    from hisee.esl.catalogue import catalogue
    from hisee.esl.diagnostics import render

    color = sys.stdout.isatty()
    return [render([d], parts, color, catalogue(lang).words) for d in diagnostics]


def _offers(found: Any, parts: dict[int, str]) -> list[dict[str, Any]]:
    """Fixes of a finding as places: part, line, column, end, new text."""
    from hisee.esl.fixes import fixes
    from hisee.esl.outline import Part

    texts = {number: Part(text) for number, text in parts.items()}
    return [{"title": f.title, "edits": [{"part": e.part, "start": texts[e.part].place(e.start), "end": texts[e.part].place(e.end),
                                          "text": e.text} for e in f.edits]} for f in fixes(found, parts) if f.safe]


def _paths_of(item: Any, root: Path) -> dict[int, str]:
    from hisee.model.gate import PART_NUMBER

    return {PART_NUMBER[part]: shown_path(root / item.source.paths[part]) for part in item.script_parts}


def _placed(fix: dict[str, Any], paths: dict[int, str]) -> dict[str, Any]:
    return {**fix, "edits": [{**e, "file": paths[e["part"]]} for e in fix["edits"]]}


def _with_paths(finding: dict[str, Any], root: Path) -> dict[str, Any]:
    notes = [{**n, "file": shown_path(root / n["file"]) if n.get("file") else ""} for n in finding["notes"]]
    return {**finding, "file": shown_path(root / finding["file"]), "notes": notes}


def _concerns(finding: dict[str, Any], file: Path) -> bool:
    own = shown_path(file.resolve())
    return finding["file"] == own or any(n["file"] == own for n in finding["notes"])


def shown_path(path: Path) -> str:
    """Below the working folder the short path that editors and CI resolve, else the whole one."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return str(path)


def _examine_script(target: Target, report: Report, lang: str) -> None:
    """A script that is no part of an object: it may name the application's objects, if there is one."""
    from hisee.cli.script import compile_alone, directory_of

    assert target.file is not None
    text = read_text(target.file)
    compiled = compile_alone(target.file, text, directory_of(target.application))
    _add_text(report, compiled.diagnostics, target.file, text, lang)


def _examine_interface(target: Target, name: str, report: Report, lang: str) -> None:
    """The text of an interface: headers of RPC procedures and nothing else."""
    from hisee.cli.script import compile_interface, directory_of

    assert target.application is not None
    item = target.application.objects[name]
    file = (target.application.root or Path()) / next(iter(item.source.paths.values()))
    text = read_text(file)
    compiled = compile_interface(name, text, directory_of(target.application))
    _add_text(report, compiled.diagnostics, file, text, lang)


def _add_text(report: Report, diagnostics: Any, file: Path, text: str, lang: str) -> None:
    """Findings of one text."""
    found = _for_people(diagnostics, {1: text}, lang)
    for diagnostic, page in zip(found, _render_each(found, {1: text}, lang), strict=True):
        _add(report, {**diagnostic.to_json(), "file": shown_path(file), "part": ""}, page)
        if offers := _offers(diagnostic, {1: text}):
            report.fixes[len(report.findings) - 1] = [_placed(f, {1: shown_path(file)}) for f in offers]


def _print(report: Report) -> None:
    for text in report.texts:
        click.echo(text + "\n")
    errors = sum(f["severity"] == "error" for f in report.findings)
    others = len(report.findings) - errors
    if report.findings:
        click.echo(f"{errors} error{'s' * (errors != 1)}, {others} warning{'s' * (others != 1)}", err=True)
