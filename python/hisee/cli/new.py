"""`hisee new`: a new application folder from a template, complete or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

import click

from hisee.errors import UsageError
from hisee.schema.exits import Exit

# template -> (package, folder in it)
TEMPLATES = {
    "empty": ("hisee.cli", "templates/empty"),
    "pump": ("hisee.demo", "app"),
}
NAME_LINE = re.compile(r'^name = ".*"$', re.MULTILINE)
LONGEST_NAME = 8


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--template", type=click.Choice(list(TEMPLATES)), default="empty", show_default=True,
              help="empty: one picture that counts clicks; pump: the plant of the demo.")
@click.option("--name", help="System name, 1 to 8 letters, digits and _ [default: from PATH].")
def new(path: Path, template: str, name: str | None) -> int:
    """Make a new application folder at PATH."""
    make(path, template, system_name(path) if name is None else _checked(name))
    click.echo(f"{path}: new application; `hisee check {path}` compiles it, `hisee up {path}` starts it")
    return Exit.OK


def system_name(path: Path) -> str:
    """A system name made of the folder's: what fits of it, at most 8 signs."""
    return re.sub(r"\W+", "_", path.resolve().name, flags=re.ASCII).strip("_")[:LONGEST_NAME] or "app"


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,8}", name):
        raise UsageError(f"--name {name!r} is no system name", hint="1 to 8 letters, digits and _")
    return name


def make(path: Path, template: str, name: str) -> None:
    """Copy the template to `path` under the system name `name`. An existing folder must be empty; it is filled at once."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} exists and is not empty", hint="name a new folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".hisee-new-") as folder:
        part = Path(folder) / "app"
        _copy(template, part)
        text = (part / "app.toml").read_text()
        (part / "app.toml").write_text(NAME_LINE.sub(f'name = "{name}"', text, count=1))
        if path.is_dir():
            path.rmdir()
        os.rename(part, path)


def _copy(template: str, target: Path) -> None:
    package, folder = TEMPLATES[template]
    source = Path(str(files(package))) / folder
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".hisee"))
    plain = target / "gitignore"  # under its real name it would keep files of the template out of the package
    if plain.exists():
        plain.rename(target / ".gitignore")
