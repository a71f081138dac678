"""Processes of foreign libraries for `ps`: each process that runs scripts tells of its own; they log on nowhere."""

from __future__ import annotations

from typing import Any

from hisee.channel import Message
from hisee.channel.payloads import DllHost, DllHosts, unpack
from hisee.schema.messages import MessageKind as Kind
from hisee.server.core import Core
from hisee.server.registry import Process, State


class Libraries:
    """What the owners told last. An owner that is gone has none: they end with it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._of: dict[int, list[DllHost]] = {}
        core.handlers[Kind.DLLHOSTS] = self._told
        core.ended.append(self._ended)

    def _told(self, source: Process, message: Message) -> None:
        if source.running:
            self._of[source.number] = unpack(DllHosts, message.payload).hosts

    def _ended(self, process: Process) -> None:
        self._of.pop(process.number, None)

    def rows(self) -> list[tuple[Process, DllHost]]:
        """Each with a stand-in for the process list."""
        return [(stand_in(owner, host), host) for number, hosts in self._of.items()
                if (owner := self._shown(number)) is not None for host in hosts]

    def _shown(self, number: int) -> Process | None:
        """The owner; the inner host of a console is shown as the console."""
        owner = self._core.registry.get(number)
        console = self._core.registry.get(int(owner.facts.get("hip", 0))) if owner is not None else None
        return console or owner


def stand_in(owner: Process, host: DllHost) -> Process:
    """A line of the process list; named after the computer or console of its owner and its own process number."""
    stem = owner.name.partition(".")[0]
    state = State.RUN if host.running else State.CRASH
    return Process(number=0, name=f"{stem}_{host.pid}.DLLHOST", kind="DLLHOST", node=owner.node, state=state, pid=host.pid,
                   host=owner.number, facts={"host": owner.facts.get("host")})


def figures(host: DllHost | None) -> dict[str, Any]:
    """Of a line of `ps`: null for what is no dllhost."""
    if host is None:
        return {"library": None, "calls": None, "failed": None, "restarts": None, "ended": None}
    return {"library": host.library, "calls": host.calls, "failed": host.failed, "restarts": host.restarts, "ended": host.ended or None,
            "queue": host.waiting}
