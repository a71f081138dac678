"""The shape of an artificial wide-area link: delay, jitter and rate between two sockets of one computer."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

RATE_UNLIMITED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShape:
    """rtt_ms: added round trip, half of it each way. jitter_ms: up to so much more, each way. kbit_s: 0 = no limit."""

    rtt_ms: float = 0.0
    jitter_ms: float = 0.0
    kbit_s: int = RATE_UNLIMITED


def shape_of(link: Mapping[str, float] | None) -> LinkShape | None:
    """The table `link` of a node, as run.json has it; None without one."""
    if not link:
        return None
    return LinkShape(rtt_ms=link.get("rtt_ms", 0.0), jitter_ms=link.get("jitter_ms", 0.0), kbit_s=int(link.get("kbit_s", RATE_UNLIMITED)))


class Shape:
    """A running shaper; `set` changes it while bytes flow. It ends when both directions have ended."""

    def __init__(self, far: socket.socket, link: LinkShape) -> None:
        """Take over `far`, the real socket; `near` is the end to speak to."""
        from hisee._core.shaper import Shaper  # only shaped links need it

        self.near, middle = socket.socketpair()
        self.link = link
        self._shaper = Shaper(middle.detach(), far.detach(), link.rtt_ms, link.jitter_ms, link.kbit_s)

    def set(self, *, rtt_ms: float | None = None, jitter_ms: float | None = None, kbit_s: int | None = None) -> None:
        """Change what is given, from the next byte on; bytes under way keep their delay."""
        self.link = LinkShape(
            rtt_ms=self.link.rtt_ms if rtt_ms is None else rtt_ms,
            jitter_ms=self.link.jitter_ms if jitter_ms is None else jitter_ms,
            kbit_s=self.link.kbit_s if kbit_s is None else kbit_s,
        )
        self._shaper.set(self.link.rtt_ms, self.link.jitter_ms, self.link.kbit_s)

    def close(self) -> None:
        """Let the shaper end by itself once what is under way has arrived; idempotent."""
        self._shaper.close()
