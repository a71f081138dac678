"""hisee: split scripts of operator pictures. Importing this package loads nothing heavy; the names below load on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hisee.api import Console, Picture, System, connect

__all__ = ["Console", "Picture", "System", "connect"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from hisee import api

        return getattr(api, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("hisee")
    raise AttributeError(f"module 'hisee' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
