"""Frames on the control socket of a link with rings, with descriptors beside some of them."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Sequence

import msgspec

from hisee._core.frame import Decoder
from hisee.channel.carriers import BATCH_BYTES, MOST_HANDED, StreamCarrier, close_all
from hisee.channel.errors import Lost
from hisee.channel.message import WHOLE, Part
from hisee.channel.payloads import Handed, Payload, S, pack, unpack
from hisee.schema.messages import MessageKind

MOST_UNCLAIMED = 64  # descriptors whose frame has not been read
NOWHERE = 1 << 62


class ControlStream(StreamCarrier):
    """A stream that also carries descriptors: each lot leaves with the first byte of its frame, and so arrives with it or before."""

    def __init__(self, sock: socket.socket, decoder: Decoder, part_bytes: int, session: int, epoch: int) -> None:
        super().__init__("unix", sock, decoder, part_bytes, session, epoch)
        self._written = 0  # bytes that the socket has taken
        self._beside: deque[tuple[int, list[int]]] = deque()  # place of a frame among all bytes, descriptors that leave with it
        self.given: dict[int, list[int]] = {}  # descriptors that were not fetched, by their token
        self._unclaimed: deque[int] = deque()  # descriptors that came, in the order of their frames

    def tell(self, kind: MessageKind, payload: Payload, fds: Sequence[int] = ()) -> None:
        """Link control, however much waits; `fds` stay the caller's. Raises OSError when they cannot be kept until then."""
        if fds:
            self._beside.append((self._written + len(self._unsent), [os.dup(fd) for fd in fds]))
        data = pack(payload)
        self.put(0, kind, 0, WHOLE, 0, 0, 0, len(data), 0, data)

    def hand(self, token: int, fds: Sequence[int]) -> None:
        """Give the peer descriptors under that number. Raises OSError."""
        if self.dead:
            raise OSError("the other end is gone")
        self.tell(MessageKind.HANDED, Handed(token=token, count=len(fds)), fds)

    def keep(self, part: Part) -> None:
        """What `hand` of the other end sent. Raises Lost when too much of it is not fetched."""
        told = read(Handed, part)
        fds = self.claim(told.count)
        if len(self.given) >= MOST_HANDED and told.token not in self.given:
            close_all(fds)
            raise Lost(f"poisoned: {MOST_HANDED} lots of descriptors were not fetched")
        close_all(self.given.pop(told.token, []))
        self.given[told.token] = fds

    def claim(self, count: int) -> list[int]:
        """The descriptors of the frame that was just read. Raises Lost when there are not so many."""
        if not 0 <= count <= min(MOST_HANDED, len(self._unclaimed)):
            raise Lost(f"poisoned: {len(self._unclaimed)} descriptors came for a frame that names {count}")
        return [self._unclaimed.popleft() for _ in range(count)]

    def _write(self, data: bytes | bytearray) -> None:
        view, done = memoryview(data), 0
        try:
            while done < len(view):
                done += self._send(view[done:])
        except BlockingIOError:
            pass
        except OSError:  # the reader finds the end, and what came before it
            self.dead = True
            return
        if done < len(view):
            self._unsent = bytearray(view[done:])
            if self._blocked is not None:
                self._blocked()

    def _send(self, view: memoryview) -> int:
        """One piece: up to the next frame with descriptors, or that frame with them."""
        ahead = self._beside[0][0] - self._written if self._beside else NOWHERE
        if ahead:
            done = self._sock.send(view[:ahead])
        else:
            until = self._beside[1][0] - self._written if len(self._beside) > 1 else NOWHERE
            done = socket.send_fds(self._sock, [view[:until]], self._beside[0][1])
            close_all(self._beside.popleft()[1])
        self._written += done
        return done

    @property
    def sock(self) -> socket.socket:
        return self._sock

    @property
    def quiet(self) -> bool:
        """Nothing has come: mostly so, and this is the cheaper way to know."""
        if self._fault or self.dead or self._decoder.pending:
            return False
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _receive(self) -> bytes:
        data, fds, _, _ = socket.recv_fds(self._sock, BATCH_BYTES, MOST_HANDED, socket.MSG_CMSG_CLOEXEC)
        self._unclaimed.extend(fds)
        if len(self._unclaimed) > MOST_UNCLAIMED:
            raise Lost(f"poisoned: {len(self._unclaimed)} descriptors without a frame")
        return data

    def close(self) -> None:
        super().close()
        for fds in (*(fds for _, fds in self._beside), *self.given.values(), list(self._unclaimed)):
            close_all(fds)
        self._beside.clear()
        self.given.clear()
        self._unclaimed.clear()


def read(kind: type[S], part: Part) -> S:
    """What a word of link control says. Raises Lost."""
    try:
        return unpack(kind, part[8])
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        raise Lost(f"poisoned: link control {part[0]:#06x}: {fault}") from fault
