"""The engine database: durable tasks, roles and terms behind one Coordinator, on SQLite, PostgreSQL or in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hisee.engine.open import open_doorbell, open_engine

__all__ = ["open_doorbell", "open_engine"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from hisee.engine import open as doors

        return getattr(doors, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
