"""Who serves a request that names no target: on lane dialog a dialog work process, on the durable lanes any work process."""

from __future__ import annotations

from collections.abc import Callable

from hisee.channel.payloads import SchedulePut, TaskPut, unpack
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.registry import Process

Names = Callable[[bytes], list[str]]


def _functions(payload: bytes) -> list[str]:
    return [str(row.get("func", "")) for row in unpack(TaskPut, payload).rows]


def _schedule(payload: bytes) -> list[str]:
    order = unpack(SchedulePut, payload)
    return [order.drop or str(order.row.get("name", ""))]


# what orders work: the right it needs, and the names that the right is asked for
WORK_RIGHTS: dict[int, tuple[str, Names]] = {
    Kind.TASK_PUT: ("task", _functions), Kind.TASK_CANCEL: ("task", lambda payload: [""]),
    Kind.TASK_RETRY: ("task", lambda payload: [""]), Kind.SCHEDULE_PUT: ("schedule", _schedule),
}

STALL_MS = TIMERS["stall"].ms


class WorkLanes:
    """Chooses the work process."""

    def __init__(self, core: Core, mode_of: Callable[[Process], str], open_at: Callable[[int], int]) -> None:
        """`mode_of`: WP or DWP, as the engine said last. `open_at`: number of requests that a work process has not answered yet."""
        self._core, self._mode_of, self._open_at = core, mode_of, open_at
        self._turn = 0

    def choose(self, lane: int) -> Process | None:
        """None = nobody serves the lane."""
        alive = [p for p in self._core.registry.of_kind("WP") if p.link is not None and p.link.channel.silent_ms < STALL_MS]
        if lane == Lane.DIALOG:
            dialog = [p for p in alive if self._mode_of(p) == "DWP"]
            if dialog:
                return min(dialog, key=lambda p: (self._open_at(p.number), p.logon_order))
        return self._next_of(alive)

    def _next_of(self, processes: list[Process]) -> Process | None:
        """Round robin in the order of logons, plain ones before those in dialog mode."""
        plain = [p for p in processes if self._mode_of(p) != "DWP"] or processes
        if not plain:
            return None
        plain.sort(key=lambda p: p.logon_order)
        later = [p for p in plain if p.logon_order > self._turn]
        chosen = (later or plain)[0]
        self._turn = chosen.logon_order
        return chosen
