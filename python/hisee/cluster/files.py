"""An application's folder as it travels to another computer: paths and contents."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from hisee.errors import UsageError

LEFT_OUT = ("__pycache__",)  # and everything whose name starts with a dot: data directories, repositories
MOST_BYTES = 64 * 1024 * 1024


def read_files(root: Path) -> dict[str, bytes]:
    """All files of the folder. Raises UsageError when they are too long in sum."""
    found: dict[str, bytes] = {}
    left = MOST_BYTES
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if path.is_symlink() or not path.is_file() or any(p.startswith(".") or p in LEFT_OUT for p in inner.parts):
            continue
        left -= path.stat().st_size
        if left < 0:
            raise UsageError(f"the files of {root} are longer than {MOST_BYTES >> 20} MiB",
                             hint="copy them another way, and join without --app")
        found[inner.as_posix()] = path.read_bytes()
    return found


def check_target(root: Path) -> None:
    """Raises UsageError where something is already."""
    if root.exists() and (not root.is_dir() or any(name != ".hisee" for name in os.listdir(root))):
        raise UsageError(f"{root} is not empty", hint="name a new folder for the application, or leave out --app and give --data")


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Raises UsageError for a path that leads out of the folder; then nothing is written."""
    for name in files:
        parts = PurePosixPath(name).parts
        inside = parts and not name.startswith("/") and not any(part.startswith(".") for part in parts)
        if not inside or "\\" in name or "\0" in name:
            raise UsageError(f"the other side sends a file named {name!r}", hint="nothing was written")
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
