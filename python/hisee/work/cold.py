"""Cold start: what waits is deleted, once, by the process that becomes primary of a stopped system (R114-R117)."""

from __future__ import annotations

import logging

from hisee.engine.coordinator import Coordinator, Grant, Member
from hisee.process import cold_line
from hisee.schema.queues import ROWS

log = logging.getLogger("hisee.work.cold")


def cold_start(engine: Coordinator, me: Member, primary: Grant | None) -> dict[str, int]:
    """Deleted requests by queue; empty when other work processes run: then nothing is deleted and a warning says so (R116).

    Called before any work is taken. Tasks that dead members had begun are marked for review, schedules and facts stay.
    """
    others = [m.name for m in engine.members() if m.kind == "WP" and not m.ended_ms and m.incarnation != me.incarnation]
    if primary is None or others:
        log.warning("--cold deletes nothing: the system runs (%s)", ", ".join(others) or "another one is primary")
        return {}
    deleted = dict(engine.purge(primary, [row.name for row in ROWS]))
    for queue, count in deleted.items():
        log.info("%s", cold_line(queue, count))
    return deleted
