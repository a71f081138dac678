"""Routes: which process reaches which other one on which lane, granted by the server at the first message and counted (R45, R134)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hisee._core.book import Passed as BookPassed
from hisee.channel import Message
from hisee.schema.lanes import BY_NUMBER as LANES
from hisee.schema.link_counters import BY_NAME as LINK_COUNTERS
from hisee.schema.messages import MessageKind as Kind
from hisee.server.registry import Process

ENDS = (Kind.REPLY, Kind.FAILED)
NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(slots=True)
class Passed:
    """Messages of one route; `forth` from the one who asks."""

    since_ms: int
    forth: int = 0
    back: int = 0
    bytes: int = 0  # of payload, both ways


class Routes:
    """Counters per (source, target, lane). A route is revoked with the end of either process."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._passed: dict[tuple[int, int, int], Passed] = {}

    def count(self, message: Message) -> None:
        """One relayed message; an answer counts for the route of its request."""
        answer = message.kind in ENDS
        key = (message.target, message.source, message.lane) if answer else (message.source, message.target, message.lane)
        passed = self._passed.get(key)
        if passed is None:
            passed = self._passed[key] = Passed(self._now_ms())
        passed.bytes += len(message.payload)
        if answer:
            passed.back += 1
        else:
            passed.forth += 1

    def add_passed(self, found: BookPassed) -> None:
        """Messages that passed without Python."""
        key = (found.target, found.source, found.lane) if found.answer else (found.source, found.target, found.lane)
        passed = self._passed.setdefault(key, Passed(found.since_ms))
        passed.bytes += found.bytes
        if found.answer:
            passed.back += found.messages
        else:
            passed.forth += found.messages

    def add(self, key: tuple[int, int, int], forth: tuple[int, int], back: tuple[int, int]) -> None:
        """Messages and bytes of a direct route that has ended."""
        passed = self._passed.setdefault(key, Passed(self._now_ms()))
        passed.forth += forth[0]
        passed.back += back[0]
        passed.bytes += forth[1] + back[1]

    def revoke(self, process: Process) -> None:
        for key in [key for key in self._passed if process.number in key[:2]]:
            del self._passed[key]

    def rows(self) -> list[tuple[int, int, str, Passed]]:
        """(source, target, lane, counters) of every route."""
        return [(source, target, LANES[lane].name, passed) for (source, target, lane), passed in self._passed.items()]


def row(kind: str, *, source: str | None, target: str | None, lane: str, state: str, sent: int, received: int,
        rtt_ms: float | None = None, since_ms: int | None = None, number: int | None = None, mode: str | None = None,
        size: int | None = None, counters: Mapping[str, int] = NOTHING) -> dict[str, Any]:
    """A line of `hisee routes`. kind: service (who serves a lane), route (granted to a process), channel (of a HIS-SEE pair),
    network (of a client; target = the communication process that it reaches, lane = the network's name), link (of a process to the server).
    mode of a route: relay (through the server) or direct (rings of its own; `id` = its epoch); of a link: its carrier.
    `size`: bytes of payload both ways; `counters`: of the table link_counters, where a link can change its carrier."""
    return {"type": kind, "lane": lane, "source": source, "target": target, "state": state, "sent": sent, "received": received,
            "rtt_ms": rtt_ms, "since_ms": since_ms, "id": number, "mode": mode, "bytes": size,
            **{name: counters.get(name) for name in LINK_COUNTERS}}
