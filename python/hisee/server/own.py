"""Processes by the numbers that scripts give: their own, or SELF.X."""

from __future__ import annotations

from hisee.esl.context import OWN_PROCESS
from hisee.schema.kinds import BY_NUMBER as KINDS
from hisee.server.core import Core
from hisee.server.registry import Process


def process_of(core: Core, source: Process, number: int) -> Process | None:
    """The process. SELF.X is the one that runs `source`, or that of kind X on its node, else the only one of the system; None = none."""
    if number < OWN_PROCESS:
        return core.registry.get(number)
    kind = KINDS.get(number - OWN_PROCESS)
    found = core.registry.of_kind(kind.name) if kind is not None else []
    host = core.registry.get(source.host)
    if host is not None and host in found:
        return host
    near = [process for process in found if process.node == source.node]
    if near:
        return min(near, key=lambda process: process.logon_order)
    return found[0] if len(found) == 1 else None
