"""The Coordinator on PostgreSQL, put together from its parts."""

from __future__ import annotations

from hisee.engine.postgres.claims import Claims
from hisee.engine.postgres.database import PATIENCE_S, RECONNECT_S, Database
from hisee.engine.postgres.ends import Finishing
from hisee.engine.postgres.records import Records
from hisee.engine.postgres.release import Release
from hisee.engine.postgres.requests import Requests
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams


class PostgresCoordinator(Release, Requests, Claims, Finishing, Records):
    """See `hisee.engine.coordinator.Coordinator`. A lost connection is made again for up to `reconnect_s`; a change whose commit
    was lost from sight is looked for before anything is done again. Raises EngineError when the database cannot be opened."""

    def __init__(self, url: str, seams: Seams | None = None, *, lease_ms: int = TIMERS["lease"].ms,
                 reconnect_s: float = RECONNECT_S, patience_s: float = PATIENCE_S) -> None:
        self._lease_ms, self._beats = lease_ms, {}
        self._db = Database(url, seams or Seams(), lease_ms=lease_ms, reconnect_s=reconnect_s, patience_s=patience_s)

    def close(self) -> None:
        self._db.close()
