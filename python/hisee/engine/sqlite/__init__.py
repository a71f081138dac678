"""The engine on one computer: SQLite in the data directory, turns by flock, leases in a mapped file."""

from hisee.engine.sqlite.bell import SqliteDoorbell
from hisee.engine.sqlite.coordinator import SqliteCoordinator

__all__ = ["SqliteCoordinator", "SqliteDoorbell"]
