"""Where a system lives and which limits hold in it. Reads the environment and the tables; knows no process and no socket."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from hisee.errors import AccessRefused, UsageError
from hisee.schema import limits as limit_table

DATA_VARIABLE = "HISEE_DATA"
APPLICATION_FILE = "app.toml"
DATA_FOLDER = ".hisee"


def find_data(option: Path | None = None, *, app: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The data directory: `--data`, else $HISEE_DATA, else `.hisee` of `app` or of the application that holds this folder.

    Raises UsageError when none of them names one. The directory need not exist.
    """
    environ = os.environ if environ is None else environ
    if option is not None:
        return option.resolve()
    if environ.get(DATA_VARIABLE):
        return Path(environ[DATA_VARIABLE]).resolve()
    root = app if app is not None else find_application(Path.cwd())
    if root is None:
        raise UsageError("no system named", hint=f"give --data DIR, set {DATA_VARIABLE} or work inside an application folder")
    return root.resolve() / DATA_FOLDER


def find_application(path: Path) -> Path | None:
    """The nearest folder from `path` upwards that holds app.toml."""
    start = path.resolve()
    for folder in (start, *start.parents):
        if (folder / APPLICATION_FILE).is_file():
            return folder
    return None


def socket_directory(data: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Short folder for the sockets of the system in `data`: the path of a Unix socket may have only 108 bytes."""
    environ = os.environ if environ is None else environ
    digest = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and len(os.fsencode(runtime)) <= 60:
        return Path(runtime) / f"hisee-{digest}"
    return Path(f"/tmp/hisee-{os.getuid()}-{digest}")


def make_private(folder: Path) -> Path:
    """Make `folder` with mode 0700; AccessRefused when one is there that others own or can enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise AccessRefused(f"folder {folder} is not private to this user", hint="remove it or mend its owner and mode (0700)")
    return folder


def limits(overrides: Mapping[str, int] | None = None) -> dict[str, int]:
    """All limits by name, defaults from the table, `overrides` from [limits] of app.toml; UsageError for a wrong key or value."""
    found = {row.name: row.value for row in limit_table.ROWS}
    for name, value in (overrides or {}).items():
        if name not in found:
            raise UsageError(f"[limits] knows no key `{name}`", hint="docs/reference/limits.md lists them")
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise UsageError(f"[limits] {name} = {value!r} is not a positive whole number")
        found[name] = value
    return found
