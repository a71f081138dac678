"""How parts travel between processes: rings, or frames on a stream socket. A carrier moves parts and knows no message.

A carrier never blocks, except in `wait`. `arm` is the promise that `wait`, or a readable descriptor, will tell of anything
new; it is given only when nothing is there.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from hisee._core.frame import Decoder, FrameFault, encode
from hisee._core.ring import RingPoisoned, Rings
from hisee.channel.errors import Lost
from hisee.channel.message import WHOLE, Part
from hisee.schema.messages import MessageKind

BATCH = 64  # parts handed over before others get their turn
BATCH_BYTES = 256 * 1024
ACK_EVERY = 64  # counted frames after which an acknowledgement goes alone
UNSENT_BYTES = 256 * 1024  # encoded bytes kept before a stream says "no room"
QUIET = (MessageKind.HEARTBEAT, MessageKind.LOAD, MessageKind.PS_GET)  # kinds that may come without a bell
NETWORK = ("tcp", "tls")  # names of carriers whose other end may be on another computer
HANDED, HANDED_MAGIC, MOST_HANDED = struct.Struct("<8sQ"), b"HEEHAND1", 8  # frame beside descriptors; descriptors of one, frames unfetched
Payload = bytes | memoryview
Parts = tuple[Rings, socket.socket, int, int, float]


class Carrier(Protocol):
    """What a Channel needs; see the module's text."""

    @property
    def name(self) -> str: ...

    part_bytes: int  # longest payload of one part
    dead: bool  # the peer is gone: what it left is still to be read

    def push(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int,
             corr: int, payload: Payload, quiet: bool = False) -> bool: ...  # quiet: need not wake the peer
    def take(self) -> list[Part]: ...
    def arm(self) -> bool: ...
    def want_room(self, payload_bytes: int) -> bool: ...
    def readers(self) -> list[int]: ...
    def writer(self) -> int: ...
    @property
    def unsent(self) -> int: ...  # bytes taken over that wait for the socket
    @property
    def acknowledge_soon(self) -> bool: ...
    @property
    def acknowledge_now(self) -> bool: ...
    def acknowledge(self) -> None: ...
    def flush(self) -> None: ...
    def listen(self, wake: Callable[[], None] | None) -> None: ...
    def wait(self, timeout_s: float, also: list[int]) -> list[int]: ...
    def see_out(self) -> bool: ...  # nothing more is sent; True: a close now may lose some, until then `take` drops what comes
    def close(self) -> None: ...


def poll(readable: list[int], writable: list[int], timeout_s: float) -> list[int]:
    """Descriptors that have something, at most after `timeout_s`."""
    poller = select.poll()
    for fd in readable:
        poller.register(fd, select.POLLIN)
    for fd in writable:
        poller.register(fd, select.POLLOUT | (select.POLLIN if fd in readable else 0))
    return [fd for fd, _ in poller.poll(max(0.0, timeout_s) * 1000)]


def unacknowledged(sock: socket.socket) -> int:
    """Bytes written, and the end of them, that the system of a TCP peer has not taken."""
    (count,) = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))
    return int(count)


def close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


class RingCarrier:
    """Two rings in shared memory. The control socket carries only descriptors any more (`hand`): its end tells the death of the peer."""

    name = "ring"

    def __init__(self, rings: Rings, part_bytes: int, control: socket.socket, bell: int, peer_bell: int, poll_s: float) -> None:
        self.part_bytes = part_bytes
        self.dead = False
        self.rescued = 0  # times that the safety poll of `wait` found what should have woken it: a lost wake-up, must stay 0
        self._unrung = False  # something came without a bell
        self._armed = False
        self.rings = rings
        self._control = control
        self._bell = bell
        self._peer_bell = peer_bell
        self._poll_s = poll_s
        self._handed: dict[int, list[int]] = {}  # descriptors that came and were not fetched, by their token
        control.setblocking(False)

    def push(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
             payload: Payload, quiet: bool = False) -> bool:
        try:
            return self.rings.push(seq, kind, lane, flags, source, target, object, total, corr, payload, quiet)
        except RingPoisoned:
            return False  # `take` finds the same and ends the link

    def take(self) -> list[Part]:
        if self._armed:
            self._armed = False
            self.rings.awake()
            self._hush()
        found = self._pop()
        if self._unrung:
            self._unrung = False
            self.rescued += any(part[0] not in QUIET for part in found)
        if found or not self._hung_up():
            return found
        self.dead = True
        found = self._pop()  # once more: the peer may have committed between our look and its death
        if not found:
            raise Lost("died")
        return found

    def _pop(self) -> list[Part]:
        try:
            found: list[Part] = self.rings.pop(BATCH, BATCH_BYTES)
        except RingPoisoned as fault:
            raise Lost(f"poisoned: {fault}") from fault
        return found

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    def parts(self) -> Parts:
        """For whoever moves the messages from here on: rings, control socket, bells, poll. `gone`, `hand` and `close` stay here."""
        return self.rings, self._control, self._bell, self._peer_bell, self._poll_s

    def gone(self) -> bool:
        """Has the other end died? Raises Lost when it says what it must not."""
        return self._hung_up()

    def _hung_up(self) -> bool:
        try:
            return self.dead or not self._control.recv(1, socket.MSG_PEEK) or self._take_descriptors()
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _take_descriptors(self) -> bool:
        """What `hand` of the other side sent; nothing else ever comes by the control socket of a ring."""
        data, fds, _, _ = socket.recv_fds(self._control, HANDED.size, MOST_HANDED)
        if not data:
            return True
        magic, token = HANDED.unpack(data) if len(data) == HANDED.size else (b"", 0)
        if magic != HANDED_MAGIC or not fds or len(self._handed) >= MOST_HANDED:
            close_all(fds)
            raise Lost("poisoned: bytes on the control socket of a ring")
        close_all(self._handed.pop(token, []))
        self._handed[token] = fds
        return False

    def hand(self, token: int, fds: list[int]) -> None:
        """Give the peer descriptors, before the message that tells of them. Raises OSError."""
        if socket.send_fds(self._control, [HANDED.pack(HANDED_MAGIC, token)], fds) != HANDED.size:
            raise OSError("descriptors did not go out in one piece")

    def handed(self, token: int) -> list[int]:
        """Descriptors that the peer gave under that token, now the caller's; [] = none came."""
        with suppress(OSError):
            while token not in self._handed and not self._take_descriptors():
                pass
        return self._handed.pop(token, [])

    def arm(self) -> bool:
        self._armed = not self.dead and self.rings.sleep()
        return self._armed

    def want_room(self, payload_bytes: int) -> bool:
        try:
            return self.rings.block(payload_bytes)
        except RingPoisoned:
            return True

    def readers(self) -> list[int]:
        return [self._bell, self._control.fileno()]

    def writer(self) -> int:
        return -1

    unsent = 0
    acknowledge_soon = acknowledge_now = False  # the head position is the acknowledgement

    def acknowledge(self) -> None:
        pass

    def flush(self) -> None:
        self.rings.unblock()

    def listen(self, wake: Callable[[], None] | None) -> None:
        pass

    def wait(self, timeout_s: float, also: list[int]) -> list[int]:
        if not self.arm():
            return []
        woken = poll([self._bell, self._control.fileno(), *also], [], min(timeout_s, self._poll_s))
        self._unrung = not woken and not self.rings.sleep() and not poll([self._bell], [], 0)
        return woken

    def see_out(self) -> bool:
        return False  # the peer reads on in its own mapping

    def close(self) -> None:
        self.rings.close()
        self._control.close()
        for given in self._handed.values():
            close_all(given)
        self._handed.clear()
        fds, self._bell, self._peer_bell = (self._bell, self._peer_bell), -1, -1
        for fd in fds:
            if fd >= 0:
                os.close(fd)


class StreamCarrier:
    """Frames on a stream socket. Counts what arrives and acknowledges it in every frame that leaves."""

    def __init__(self, name: str, sock: socket.socket, decoder: Decoder, part_bytes: int, session: int, epoch: int = 1) -> None:
        self.name = name
        self.part_bytes = part_bytes
        self.dead = False
        self._sock = sock
        self._decoder = decoder
        self._session, self._epoch = session, epoch
        self._arrived = 0  # counted frames of the peer
        self.owed = 0  # of those: not yet acknowledged
        self._sent = 0  # own counted frames
        self.acknowledged = 0  # of those: acknowledged by the peer
        self._unsent = bytearray()
        self._blocked: Callable[[], None] | None = None
        self._fault = ""
        self._silent = False  # the socket is closed for writing
        sock.setblocking(False)

    def push(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
             payload: Payload, quiet: bool = False) -> bool:
        if self.dead or len(self._unsent) >= UNSENT_BYTES:
            return False
        self.put(seq, kind, lane, flags, source, target, object, total, corr, payload)
        return True

    def put(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
            payload: Payload) -> None:
        """Accept a part, however much waits."""
        frame = self._seal(encode(self._session, seq, self._arrived, self._epoch, kind, lane, flags, source, target, object, total,
                                  corr, payload))
        self.owed = 0
        if seq:
            self._sent += 1
        if self._unsent:
            self._unsent += frame
        else:
            self._write(frame)

    def _seal(self, frame: bytes) -> bytes:
        return frame

    def _feed(self, data: bytes) -> None:
        self._decoder.feed(data)

    def _write(self, data: bytes | bytearray) -> None:
        try:
            done = self._sock.send(data)
        except BlockingIOError:
            done = 0
        except OSError:  # the reader finds the end, and what came before it
            self.dead = True
            return
        if done < len(data):
            self._unsent = bytearray(data[done:]) if done else bytearray(data)
            if self._blocked is not None:
                self._blocked()

    def flush(self) -> None:
        """Write what is left from before."""
        if self._unsent and not self.dead:
            data, self._unsent = self._unsent, bytearray()
            self._write(data)

    def take(self) -> list[Part]:
        if self._fault:
            raise Lost(self._fault)
        if self._silent:
            self._drop()
            return []
        found = self._frames([])
        if not found and not self._fault:
            self._read()
            found = self._frames(found)
        if not found and self._fault:
            raise Lost(self._fault)
        return found

    def _read(self) -> None:
        try:
            data = self._receive()
        except BlockingIOError:
            if self.dead:
                self._fault = "died"
            return
        except OSError:
            data = b""
        if not data:
            self.dead, self._fault = True, "died"
        else:
            self._feed(data)

    def _receive(self) -> bytes:
        return self._sock.recv(BATCH_BYTES)

    def _frames(self, found: list[Part]) -> list[Part]:
        decoder = self._decoder
        try:
            while len(found) < BATCH and (part := decoder.next()) is not None:
                if decoder.ack > self._sent:
                    raise FrameFault("an acknowledgement of frames that were never sent")
                found.append(part)
                if part[9]:
                    self._arrived += 1
                    self.owed += 1
        except FrameFault as fault:
            self._fault = f"poisoned: {fault}"
        self.acknowledged = decoder.ack
        return found

    @property
    def acknowledge_soon(self) -> bool:
        return self.owed > 0

    @property
    def acknowledge_now(self) -> bool:
        return self.owed >= ACK_EVERY

    def acknowledge(self) -> None:
        """Send the acknowledgement alone, if one is owed and no frame took it along."""
        if self.owed:
            self.push(0, MessageKind.HEARTBEAT, 0, WHOLE, 0, 0, 0, 0, 0, b"")

    def arm(self) -> bool:
        return not self._fault and not self.dead and (self._silent or not self._decoder.ready)

    def want_room(self, payload_bytes: int) -> bool:
        return len(self._unsent) >= UNSENT_BYTES or self.dead

    def readers(self) -> list[int]:
        return [self._sock.fileno()]

    def writer(self) -> int:
        return self._sock.fileno()

    @property
    def unsent(self) -> int:
        return 0 if self.dead else len(self._unsent)

    def listen(self, wake: Callable[[], None] | None) -> None:
        """`wake` is called when bytes have to wait for the socket."""
        self._blocked = wake
        if wake is not None and self._unsent:
            wake()

    def wait(self, timeout_s: float, also: list[int]) -> list[int]:
        if not self.arm():
            return []
        fd = self._sock.fileno()
        return poll([fd, *also], [fd] if self._unsent else [], timeout_s)

    def _fall_silent(self) -> None:
        if not self._silent:
            self._silent = True
            with suppress(OSError):
                self._last_word()
                self._sock.shutdown(socket.SHUT_WR)

    def see_out(self) -> bool:
        self._fall_silent()
        return self.name in NETWORK and not self.dead and unacknowledged(self._sock) > 0

    def _last_word(self) -> None:
        """Behind the last frame."""

    def _drop(self) -> None:
        """What the peer still says. Bytes that come to a closed socket, or lie there unread, reset the connection, and what the peer's
        system has not taken by then is lost."""
        with suppress(OSError):
            try:
                if self._sock.recv(BATCH_BYTES):
                    return
            except BlockingIOError:
                return
        raise Lost("closed")

    def close(self) -> None:
        self._fall_silent()
        with suppress(OSError):
            self._sock.recv(BATCH_BYTES)  # unread bytes would turn the ordered end into a reset
        self._sock.close()
