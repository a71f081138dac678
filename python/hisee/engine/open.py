"""The only ways into the engine database: which implementation serves an address. Knows no SQL."""

from __future__ import annotations

from pathlib import Path

from hisee.engine.coordinator import Coordinator, Doorbell, EngineError, Member
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams

LEASE_MS, RENEWAL_S = TIMERS["lease"].ms, TIMERS["renewal_call"].ms / 1000
ANSWER_S = TIMERS["database_answer"].ms / 1000


def open_engine(url: str, data: Path, seams: Seams | None = None, *, lease_ms: int = LEASE_MS,
                hasty: bool = False, answer_s: float = ANSWER_S) -> Coordinator:
    """A Coordinator for one thread. `url` as in [engine] of app.toml: "" = SQLite in the data directory, else `postgresql://...`.
    A call waits `answer_s` for one answer, and for a server that is away as long as a switch of servers may take; `hasty` = for nothing
    longer than the timer `renewal_call`: the way of whoever renews a lease.

    Raises EngineError when the database cannot be opened.
    """
    if not url:
        from hisee.engine.sqlite import SqliteCoordinator

        return SqliteCoordinator(data, seams or Seams(), lease_ms=lease_ms)
    _check(url)
    from hisee.engine.postgres import PostgresCoordinator

    if hasty:
        return PostgresCoordinator(url, seams or Seams(), lease_ms=lease_ms, reconnect_s=RENEWAL_S, patience_s=RENEWAL_S)
    return PostgresCoordinator(url, seams or Seams(), lease_ms=lease_ms, patience_s=answer_s)


def open_doorbell(url: str, data: Path, member: Member | None = None) -> Doorbell:
    """A bell. With `member` it is the one of the thread that claims for this member: not rung while that thread is busy with
    what it claimed. Without, it rings at every change."""
    if not url:
        from hisee.engine.sqlite import SqliteDoorbell

        return SqliteDoorbell(data, member)
    _check(url)
    from hisee.engine.postgres import PostgresDoorbell

    return PostgresDoorbell(url, member)


def _check(url: str) -> None:
    if not url.startswith(("postgresql://", "postgres://")):
        raise EngineError(f"[engine] url = {url!r} is no address of an engine database",
                          hint='leave it empty for SQLite in the data directory, or give "postgresql://..."')
