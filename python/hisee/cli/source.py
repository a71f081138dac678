"""Finds what a path means: a script of an application's object, a script alone, an object's folder, a whole application."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hisee.config import APPLICATION_FILE, find_application
from hisee.errors import UsageError

if TYPE_CHECKING:
    from hisee.model.application import Application

ENDING = ".esl"


@dataclass(slots=True)
class Target:
    """What to compile. With an application: the named objects of it; without: the one script `file`."""

    application: Application | None = None
    objects: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)  # objects whose text holds headers only
    file: Path | None = None  # the script that was named, None for a folder
    problems: list[dict[str, Any]] = field(default_factory=list)  # findings outside the scripts
    whole: bool = False  # the application itself was named


def read_text(file: Path) -> str:
    """Text of a script; UsageError names the file that is missing or not UTF-8."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", hint="name a script, an object's folder or an application") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 at byte {error.start}", hint="save the file as UTF-8") from error


def write_text(file: Path, text: str) -> None:
    """Replace a script as a whole: a crash leaves the old text or the new one. Its rights stay. Raises UsageError."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", delete=False, encoding="utf-8", newline="") as part:
            part.write(text)
            part.flush()
            os.fsync(part.fileno())
        shutil.copymode(file, part.name)
        os.replace(part.name, file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}", hint="check the rights of its folder") from error


def resolve(path: Path, app: Path | None = None) -> Target:
    """What `path` means, with the application at `app` or the nearest one above it. Raises UsageError when there is nothing."""
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder", hint="name a script, an object's folder or an application")
    root = app if app is not None else find_application(path if path.is_dir() else path.parent)
    if root is not None and not (root / APPLICATION_FILE).is_file():
        raise UsageError(f"{root} is no application: it has no {APPLICATION_FILE}", hint="`hisee new PATH` makes one")
    if root is None and path.is_dir():
        raise UsageError(f"{path} belongs to no application: no {APPLICATION_FILE} in it or above it", hint="`hisee new PATH` makes one")
    target = Target(file=path if path.is_file() else None)
    if root is not None:
        _of_application(target, root.resolve(), path.resolve())
    return target


def _of_application(target: Target, root: Path, path: Path) -> None:
    from hisee.model.application import load_application
    from hisee.model.problem import ApplicationError

    try:
        target.application = application = load_application(root)
    except ApplicationError as error:
        target.problems = [p.diagnostic() for p in error.problems]
        return
    target.whole = path == root
    target.problems = [w.diagnostic() for w in application.warnings] if target.whole else []
    target.objects = [o.name for o in application.scripted if target.whole or _lies_in(o.source.paths.values(), root, path)]
    target.interfaces = [o.name for o in application.objects.values()
                         if o.kind == "interface" and (target.whole or _lies_in(o.source.paths.values(), root, path))]
    if not target.objects and not target.interfaces and target.file is None and not target.whole:
        raise UsageError(f"{path} holds no picture and no event of the application {root}")


def _lies_in(files: Any, root: Path, path: Path) -> bool:
    return any((root / file) == path or path in (root / file).parents for file in files)
