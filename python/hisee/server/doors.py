"""The communication processes as doors of the system: their list, and whether a client stands at the least loaded one (R120)."""

from __future__ import annotations

from typing import Any

from hisee.channel.doors import CHOOSE, ELSEWHERE
from hisee.channel.payloads import CpList, Hello, Refused
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.registry import Process

STALL_MS = TIMERS["stall"].ms
UNEVEN = 1  # so many clients more than the least loaded door may have are no reason to go there


class Doors:
    """Counts connections in the registry itself, so that a hundred clients at one instant are each judged by what is."""

    def __init__(self, core: Core) -> None:
        self._core = core
        core.ended.append(self._ended)

    def rows(self) -> list[dict[str, Any]]:
        """As CP_LIST and WELCOME carry it: doors that take clients."""
        return [{"name": cp.name, "address": cp.facts["address"], "connections": self.load(cp)} for cp in self._open()]

    def networks(self) -> list[list[str]]:
        """Where they listen, for clients that know nothing yet: one network, none while there is no door."""
        found = [str(cp.facts["address"]) for cp in self._open()]
        return [found] if found else []

    def load(self, cp: Process) -> int:
        channel = cp.link.channel if cp.link is not None else None
        return len({p.link.connection for p in self._core.registry
                    if p.link and p.link.connection and p.link.channel is channel and not p.link.resuming})

    def elsewhere(self, cp: Process, hello: Hello) -> Refused | None:
        """For a client that chooses its door: the refusal that names the others, where one of them is clearly less loaded."""
        if hello.facts.get(CHOOSE) is not True:
            return None
        rows = self.rows()
        here = next((row["connections"] for row in rows if row["name"] == cp.name), 0)
        if here < min((row["connections"] for row in rows), default=here) + UNEVEN:
            return None
        return Refused(code=ELSEWHERE, text=f"another communication process carries fewer clients than {cp.name}", facts={"cps": rows})

    def changed(self) -> None:
        """A door opened or closed: all of them tell their clients, who need the list on the day on which their own is gone."""
        rows = self.rows()
        for cp in self._core.registry.of_kind("CP"):
            self._core.tell(cp.number, Kind.CP_LIST, CpList(rows=rows))

    def _open(self) -> list[Process]:
        return [cp for cp in self._core.registry.of_kind("CP")
                if cp.link is not None and cp.facts.get("address") and cp.link.channel.silent_ms < STALL_MS]

    def _ended(self, process: Process) -> None:
        if process.kind == "CP":
            self.changed()
