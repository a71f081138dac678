"""The engine database on PostgreSQL, for systems of several computers."""

from hisee.engine.postgres.bell import PostgresDoorbell
from hisee.engine.postgres.coordinator import PostgresCoordinator

__all__ = ["PostgresCoordinator", "PostgresDoorbell"]
