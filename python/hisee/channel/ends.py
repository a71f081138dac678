"""A bare ring between two processes of this computer, for threads that block: payloads in order, no messages, no logon.

The pair is made in one process; each place goes to the process that uses it, by a fork or over a socket, and is opened there.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass

from hisee._core.ends import RingEnd
from hisee.channel.segments import RingOffer, make_offer, offer_from

CAPACITY = 1 << 20
EPOCH = 1
COUNT = 5  # descriptors of a place that travels: its four of the rings, and its end of the control socket


class End(RingEnd):
    """A RingEnd that owns its descriptors; see docs/design/channel-api.md."""

    def __init__(self, offer: RingOffer, control: socket.socket) -> None:
        super().__init__(offer.own, offer.peer, offer.capacity, offer.epoch, offer.peer_bell, offer.bell, control.fileno())
        self._sock, self._bells = control, (offer.bell, offer.peer_bell)

    def close(self) -> None:
        """The peer reads what was sent, then RingEnded; idempotent."""
        super().close()
        self._sock.close()
        bells, self._bells = self._bells, (-1, -1)
        for fd in bells:
            with suppress(OSError):
                os.close(fd)


@dataclass(slots=True)
class Place:
    """One side of a pair that nobody uses yet."""

    offer: RingOffer
    control: socket.socket

    def open(self) -> End:
        """Take this side, in the process that uses it from now on. Raises RingPoisoned."""
        end = End(self.offer, self.control)
        os.close(self.offer.own)
        os.close(self.offer.peer)
        return end

    def forget(self) -> None:
        """Close what belongs to this side: in a process that has forked and uses the other one."""
        self.offer.close()
        self.control.close()

    def send_over(self, sock: socket.socket) -> None:
        """To the process at the other end of a Unix socket, which calls `place_from`."""
        offer = self.offer
        head = offer.capacity.to_bytes(4, "little") + offer.epoch.to_bytes(4, "little")
        socket.send_fds(sock, [head], [offer.own, offer.peer, offer.bell, offer.peer_bell, self.control.fileno()])
        self.forget()


def place_from(sock: socket.socket) -> Place:
    """The place that the other end sends. Raises RingPoisoned when it sends something else."""
    head, fds, _, _ = socket.recv_fds(sock, 8, COUNT)
    capacity, epoch = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
    offer = offer_from(fds[:COUNT - 1], capacity, epoch)
    return Place(offer, socket.socket(fileno=fds[COUNT - 1]))


def ring_pair(capacity: int = CAPACITY) -> tuple[Place, Place]:
    """Both places of a new ring; `capacity`: bytes each way, a power of two. Raises OSError when the memory cannot be had."""
    made = make_offer(capacity, EPOCH, secrets.token_bytes)
    left, right = socket.socketpair()
    other = RingOffer(capacity, EPOCH, *map(os.dup, (made.peer, made.own, made.peer_bell, made.bell)))
    return Place(made, left), Place(other, right)
