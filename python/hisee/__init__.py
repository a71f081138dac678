"""hisee: split scripts of operator pictures. Importing this package loads nothing heavy; the names below load on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hisee.api import Console, Picture, System, connect
    from hisee.tasks import Refuse, task

__all__ = ["Console", "Picture", "Refuse", "System", "connect", "task"]


def __getattr__(name: str) -> Any:
    if name in ("Refuse", "task"):
        from hisee import tasks

        return getattr(tasks, name)
    if name in __all__:
        from hisee import api

        return getattr(api, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("hisee")
    raise AttributeError(f"module 'hisee' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
