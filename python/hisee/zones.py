"""Bytes of time zones by name, from the system or the tzdata package; the core parses them (hisee._core.library.Zone)."""

from __future__ import annotations

import importlib.resources
import zoneinfo
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1024)
def tzif(name: str) -> bytes | None:
    """The TZif file of a zone name such as "Europe/Bratislava"; None when there is none.

    Only known names reach the disk, so that a script cannot ask for other files.
    """
    if name not in _names():
        return None
    for folder in zoneinfo.TZPATH:
        path = Path(folder, name)
        if path.is_file():
            return path.read_bytes()
    try:
        return importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        return None


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
