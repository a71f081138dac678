"""Segments and bells of a link: made by the server of the logon, handed over the control socket, nowhere to be found after.

A segment has a name only between its creation and the line behind it; a crash in that moment leaves a private, random one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import posix_ipc  # type: ignore[import-not-found]

from hisee._core.ring import RingPoisoned, Rings, capacity_ok, init_segment, payload_max, segment_bytes
from hisee.channel.carriers import RingCarrier, close_all

OFFERED = 4  # descriptors: the client's segment, the server's segment, the client's bell, the server's bell


@dataclass(slots=True)
class RingOffer:
    """Descriptors of one link, seen by the side that holds them. `own` and `peer` are segments."""

    capacity: int
    epoch: int
    own: int
    peer: int
    bell: int
    peer_bell: int

    def close(self) -> None:
        self.close_segments()
        for fd in (self.bell, self.peer_bell):
            with suppress(OSError):
                os.close(fd)

    def close_segments(self) -> None:
        """Idempotent; what is mapped stays mapped."""
        for fd in (self.own, self.peer):
            with suppress(OSError):
                os.close(fd)
        self.own = self.peer = -1

    def map(self) -> Rings:
        """Map the rings; the segment descriptors are closed. Raises RingPoisoned, OSError, MemoryError, OverflowError."""
        rings = Rings(self.own, self.peer, self.capacity, self.epoch, self.peer_bell)
        self.close_segments()
        return rings

    def carrier(self, control: socket.socket, poll_s: float, kind: type[RingCarrier] = RingCarrier) -> RingCarrier:
        """Map the rings; the segment descriptors are closed, bells and socket belong to the carrier. Raises RingPoisoned."""
        return kind(self.map(), payload_max(self.capacity), control, self.bell, self.peer_bell, poll_s)


def make_segment(capacity: int, epoch: int, name: str) -> int:
    """Descriptor of a fresh segment without a name. OSError when the memory cannot be had."""
    size = segment_bytes(capacity)
    memory = posix_ipc.SharedMemory(name, posix_ipc.O_CREX, mode=0o600, size=size)
    try:
        memory.unlink()
        os.set_inheritable(memory.fd, False)
        os.posix_fallocate(memory.fd, 0, size)  # now, not as SIGBUS in the middle of a message
        init_segment(memory.fd, capacity, epoch)
    except BaseException:
        memory.close_fd()
        raise
    return int(memory.fd)


def make_segments(capacity: int, epoch: int, secret: Callable[[int], bytes]) -> list[int]:
    """Two fresh segments. OSError when they cannot be had; nothing is left behind then."""
    if not capacity_ok(capacity):
        raise OSError(f"ring_bytes = {capacity} is not a power of two")
    made: list[int] = []
    try:
        for _ in range(2):
            made.append(make_segment(capacity, epoch, "/hisee-" + secret(12).hex()))
    except (OSError, posix_ipc.Error) as fault:
        close_all(made)
        raise OSError(str(fault)) from fault
    return made


def make_offer(capacity: int, epoch: int, secret: Callable[[int], bytes]) -> RingOffer:
    """Everything for one link. OSError when something cannot be had; nothing is left behind then."""
    made = make_segments(capacity, epoch, secret)
    try:
        for _ in range(2):
            made.append(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
    except OSError:
        close_all(made)
        raise
    return RingOffer(capacity, epoch, *made)


def send_offer(sock: socket.socket, frame: bytes, offer: RingOffer) -> None:
    """One frame with the descriptors beside it, in the client's view: its own segment and bell first."""
    fds = [offer.peer, offer.own, offer.peer_bell, offer.bell]
    sent = socket.send_fds(sock, [frame], fds)
    if sent != len(frame):
        raise OSError("the offer did not go out in one piece")


def offer_from(fds: list[int], capacity: int, epoch: int) -> RingOffer:
    """The client's view of what arrived. Raises RingPoisoned when it is not what a server sends."""
    if len(fds) != OFFERED or not capacity_ok(capacity):
        for fd in fds:
            os.close(fd)
        raise RingPoisoned("the offer of a ring is incomplete")
    return RingOffer(capacity, epoch, *fds)
