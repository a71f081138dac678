"""The Coordinator of one computer: members, terms, tasks and records over one SQLite connection. One thread uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hisee.engine.coordinator import Member
from hisee.engine.proof import Living
from hisee.engine.sqlite.beats import boottime_ns
from hisee.engine.sqlite.members import Terms
from hisee.engine.sqlite.records import Records
from hisee.engine.sqlite.release import Release
from hisee.engine.sqlite.store import Store
from hisee.engine.sqlite.views import Views
from hisee.seams import Seams


class SqliteCoordinator(Release, Terms, Views, Records):
    """`data` is the data directory; `now_ns` is the clock of leases, the same for all processes of a computer."""

    def __init__(self, data: Path, seams: Seams, *, lease_ms: int, now_ns: Callable[[], int] = boottime_ns) -> None:
        self.clock = seams.clock
        self.lease_ns = lease_ms * 1_000_000
        self._slots: dict[int, int] = {}
        self._living, self._members_seen = Living(), (0, 0, 0)
        self._those: list[Member] = []
        self.store = Store(data, lease_ms, now_ns)

    def close(self) -> None:
        """Ends the connection; again is nothing. The membership stays: `leave` is the end of a member."""
        self._living.only(set())
        self.store.close()
