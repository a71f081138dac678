"""Named locks of the whole system: GETACCESS .. PUBLIC of scripts."""

from __future__ import annotations

from dataclasses import dataclass

from hisee._core.values import encode
from hisee.channel import Message
from hisee.channel.payloads import AccessGet, unpack
from hisee.schema.messages import MessageKind as Kind
from hisee.server.core import Core
from hisee.server.registry import Process


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that is held: by which instance, and since when by the server's clock."""

    name: str
    number: int
    holder: str  # computer;process;object;note
    since_ms: int


class PublicLocks:
    """Locks by name, in any case; what an instance holds is free with its end."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._held: dict[str, Held] = {}
        core.handlers[Kind.ACCESS_GET] = self._get
        core.handlers[Kind.ACCESS_RELEASE] = self._release
        core.ended.append(self._ended)

    def _get(self, source: Process, message: Message) -> None:
        request = unpack(AccessGet, message.payload)
        mine = Held(request.name, source.number, self._holder(source, request.note), self._core.seams.clock.now_ms())
        found = self._held.setdefault(request.name.casefold(), mine)
        granted = found.number == source.number
        self._core.reply(message, encode([granted, "" if granted else found.holder]))

    def _holder(self, source: Process, note: str) -> str:
        host = self._core.registry.get(source.console or source.host) or source
        return f"{host.facts.get('host', '')};{host.name};{source.object};{note}"

    def _release(self, source: Process, message: Message) -> None:
        name = unpack(AccessGet, message.payload).name.casefold()
        if (found := self._held.get(name)) is not None and found.number == source.number:
            del self._held[name]

    def _ended(self, process: Process) -> None:
        self._held = {name: held for name, held in self._held.items() if held.number != process.number}

    def show(self, words: list[str]) -> str:
        """Of the command SHOW_ACCESS_LIST: a line for each lock."""
        return "\n".join(f"{held.name};{held.holder};{held.since_ms}" for _, held in sorted(self._held.items())) or "no public lock is held"
