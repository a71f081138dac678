"""A carrier inside one process: a bounded queue each way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from hisee._core.frame import HEAD_BYTES
from hisee.channel.carriers import BATCH, Payload
from hisee.channel.errors import Lost
from hisee.channel.message import Part


class MemoryCarrier:
    """One direction each in a bounded queue of the same process. The ends may live in two threads."""

    name = "memory"

    def __init__(self, part_bytes: int, bound_bytes: int) -> None:
        self.part_bytes = part_bytes
        self.dead = False
        self.peer: MemoryCarrier | None = None
        self._bound = bound_bytes
        self._inbox: deque[Part] = deque()
        self._inbox_bytes = 0
        self._starved = False  # the peer waits for room in our inbox
        self._news = threading.Condition()
        self._told = False
        self._wake: Callable[[], None] | None = None

    def push(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
             payload: Payload, quiet: bool = False) -> bool:
        peer = self.peer
        if peer is None:
            return False
        part = (kind, lane, flags, source, target, object, total, corr, bytes(payload), seq)
        with peer._news:
            if peer._inbox_bytes and peer._inbox_bytes + len(payload) + HEAD_BYTES > peer._bound:
                return False
            peer._inbox.append(part)
            peer._inbox_bytes += len(payload) + HEAD_BYTES
        peer._tell()
        return True

    def _tell(self) -> None:
        with self._news:
            self._told = True
            self._news.notify()
        if self._wake is not None:
            self._wake()

    def take(self) -> list[Part]:
        found: list[Part] = []
        with self._news:
            dead = self.peer is None
            while self._inbox and len(found) < BATCH:
                part = self._inbox.popleft()
                self._inbox_bytes -= len(part[8]) + HEAD_BYTES
                found.append(part)
            starved, self._starved = self._starved and bool(found), self._starved and not found
        if dead and not found:
            raise Lost("died")
        if starved and self.peer is not None:
            self.peer._tell()
        return found

    def arm(self) -> bool:
        return not self._inbox and self.peer is not None

    def want_room(self, payload_bytes: int) -> bool:
        peer = self.peer
        if peer is None:
            return True
        with peer._news:
            if peer._inbox_bytes and peer._inbox_bytes + payload_bytes + HEAD_BYTES > peer._bound:
                peer._starved = True
        return peer._starved

    def readers(self) -> list[int]:
        return []

    def writer(self) -> int:
        return -1

    unsent = 0
    acknowledge_soon = acknowledge_now = False

    def acknowledge(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def listen(self, wake: Callable[[], None] | None) -> None:
        self._wake = wake

    def wait(self, timeout_s: float, also: list[int]) -> list[int]:
        with self._news:
            if self.arm() and not self._told:
                self._news.wait(max(0.0, timeout_s))
            self._told = False
        return []

    def see_out(self) -> bool:
        return False  # what the peer has not read stays with it

    def close(self) -> None:
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None
            peer._tell()
