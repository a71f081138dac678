"""`hisee check`: compiles and reports. Exit 0 without errors (warnings are shown), 1 with errors."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hisee.cli.sarif import sarif
from hisee.cli.source import Target, read_text, resolve
from hisee.schema.exits import Exit

if TYPE_CHECKING:
    from hisee.esl.context import ObjectContext


@dataclass(slots=True)
class Report:
    """Findings in the stable shape of `--format json`, and the same as text for people."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        return any(f["severity"] == "error" for f in self.findings)


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--app", type=click.Path(path_type=Path), help="Application whose objects count [default: the nearest above PATH].")
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", help="How findings are written.")
def check(path: Path, app: Path | None, form: str) -> int:
    """Compile a script, a picture or event folder, or a whole application."""
    report = examine(resolve(path, app))
    if form == "json":
        click.echo(json.dumps(report.findings, indent=1, ensure_ascii=False))
    elif form == "sarif":
        click.echo(json.dumps(sarif(report.findings), indent=1, ensure_ascii=False))
    else:
        _print(report)
    return Exit.FINDINGS if report.has_errors else Exit.OK


def examine(target: Target) -> Report:
    """Compile everything that `target` names."""
    report = Report()
    for problem in target.problems:
        _add(report, problem, f"{problem['file']}:{problem['line']}: {problem['severity']}[{problem['code']}]: {problem['message']}"
             + (f"\n  = help: {problem['hint']}" if problem["hint"] else ""))
    if target.application is not None and target.objects:
        _examine_objects(target, report)
    elif target.file is not None and not report.has_errors:
        _examine_script(target, report)
    return report


def _add(report: Report, finding: dict[str, Any], text: str) -> None:
    report.findings.append(finding)
    report.texts.append(text)


def _examine_objects(target: Target, report: Report) -> None:
    """Each object with both parts; a single file of it shows only what concerns that file."""
    from hisee.model import gate

    assert target.application is not None
    rendered: list[str] = []

    def compile_and_render(name: str, parts: dict[int, str], context: ObjectContext) -> Any:
        compiled = gate.default_compile(name, parts, context)
        rendered[:] = _render_each(compiled.diagnostics, parts)
        return compiled

    root = target.application.root or Path()
    for name in target.objects:
        rendered.clear()
        for build in gate.build(target.application, [name], compile_and_render):
            texts = rendered or [gate.describe(d) for d in build.diagnostics]
            for finding, text in zip(build.diagnostics, texts, strict=True):
                placed = _with_paths(finding, root)
                if target.file is None or _concerns(placed, target.file):
                    _add(report, placed, text)


def _render_each(diagnostics: Any, parts: dict[int, str]) -> list[str]:
    from hisee.esl.diagnostics import render

    color = sys.stdout.isatty()
    return [render([d], parts, color) for d in diagnostics]


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


def _examine_script(target: Target, report: Report) -> None:
    """A script that is no part of an object: it may name the application's objects, if there is one."""
    from hisee.cli.script import compile_alone, directory_of

    assert target.file is not None
    text = read_text(target.file)
    compiled = compile_alone(target.file, text, directory_of(target.application))
    for diagnostic, page in zip(compiled.diagnostics, _render_each(compiled.diagnostics, {1: text}), strict=True):
        finding = {**diagnostic.to_json(), "file": shown_path(target.file), "part": ""}
        _add(report, finding, page)


def _print(report: Report) -> None:
    for text in report.texts:
        click.echo(text + "\n")
    errors = sum(f["severity"] == "error" for f in report.findings)
    others = len(report.findings) - errors
    if report.findings:
        click.echo(f"{errors} error{'s' * (errors != 1)}, {others} warning{'s' * (others != 1)}", err=True)
