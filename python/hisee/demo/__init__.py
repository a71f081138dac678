"""The bundled demonstration: an application folder, the program that plays its plant, and the headline table."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["application"]


def application() -> Path:
    """The demo's application folder inside the installed package; read it, keep data elsewhere (`--data`)."""
    return Path(str(files("hisee.demo") / "app"))
