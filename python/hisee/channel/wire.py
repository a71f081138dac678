"""Frames of a logon on a socket, blocking and on a loop, and the agreement on a carrier that follows it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from contextlib import suppress

from hisee._core.frame import Decoder, FrameFault, encode
from hisee._core.ring import RingPoisoned, payload_max
from hisee.channel.carriers import BATCH_BYTES, Carrier, StreamCarrier
from hisee.channel.control import ControlStream
from hisee.channel.errors import PeerUnreachable
from hisee.channel.local import LocalCarrier
from hisee.channel.logon import Frame, Refusal, decode
from hisee.channel.message import WHOLE
from hisee.channel.payloads import Ring, Version, Welcome, pack
from hisee.channel.renewal import Renewal
from hisee.channel.sealed import TlsCarrier
from hisee.channel.secure import ALERT, CLIENT_HELLO, NO_TLS, Secure
from hisee.channel.segments import OFFERED, RingOffer, offer_from
from hisee.channel.settings import Settings
from hisee.channel.spoken import CHANGES_CARRIER, in_force
from hisee.schema.messages import MessageKind
from hisee.tls import explain

FIRST_EPOCH = 1  # of a session's first carrier
ALERT_S = 1.0  # that a peer is given to read why its handshake failed
UNREAD_BYTES = 64 * 1024  # of such a peer, read and dropped, because unread bytes would reset the connection and lose the words


class Wire:
    """A socket during the logon: frames without sequence numbers. Owns the socket until a carrier takes it."""

    def __init__(self, sock: socket.socket, limit_bytes: int, *, descriptors: bool = False) -> None:
        self.sock = sock
        self.decoder = Decoder(limit_bytes)
        self.session = 0
        self.fds: list[int] = []  # that arrived beside frames
        self._take_fds = descriptors
        self._secure: Secure | None = None

    @property
    def node(self) -> str:
        """The node in the certificate of the other end; "" without TLS."""
        return self._secure.node if self._secure is not None else ""

    def encode(self, kind: int, payload: bytes) -> bytes:
        """The bytes of one frame as they leave."""
        epoch = FIRST_EPOCH if self.session else 0
        data = encode(self.session, 0, 0, epoch, kind, 0, WHOLE, 0, 0, 0, len(payload), 0, payload)
        return self._secure.seal(data) if self._secure is not None else data

    def open_session(self, session: int, limit_bytes: int) -> None:
        """WELCOME has passed: from here on both sides name the session, and longer frames are allowed."""
        self.session = self.decoder.session = session
        self.decoder.epoch = FIRST_EPOCH
        self.decoder.limit = limit_bytes

    # blocking

    def send(self, frame: Frame) -> None:
        self.sock.sendall(self.encode(*frame))

    def receive(self, deadline_s: float) -> Frame:
        """The next frame. Raises PeerUnreachable, FrameFault, OSError; TimeoutError at the deadline (time.monotonic)."""
        while (part := self.decoder.next()) is None:
            left = deadline_s - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(left)
            self._feed(self._read())
        return part[0], part[8]

    def _read(self) -> bytes:
        if not self._take_fds:
            return self.sock.recv(BATCH_BYTES)
        data, fds, _, _ = socket.recv_fds(self.sock, BATCH_BYTES, OFFERED, socket.MSG_CMSG_CLOEXEC)
        self.fds += fds
        return data

    def _feed(self, data: bytes) -> None:
        if not data:
            raise PeerUnreachable("the other side closed the connection during the logon")
        self._take(data)

    def _take(self, data: bytes) -> None:
        """Raises PeerUnreachable when one end speaks TLS and the other one does not, and at an alert."""
        if self._secure is None:
            if not self.session and data.startswith((ALERT, CLIENT_HELLO)) and not self.decoder.pending:
                raise PeerUnreachable("the other side speaks TLS, this one does not",
                                      hint="are the certificates of the system in DATA/tls?")
            self.decoder.feed(data)
            return
        self.decoder.feed(self._secure.open(data))
        if self._secure.fault and not self.decoder.ready:
            raise PeerUnreachable(self._secure.fault)

    def secure(self, context: ssl.SSLContext, deadline_s: float) -> None:
        """The client's TLS handshake. Raises PeerUnreachable, OSError; TimeoutError at the deadline (time.monotonic)."""
        secure, arrived = Secure(context, server=False), b""
        while not self._step(secure, arrived):
            self.sock.sendall(secure.words())
            self.sock.settimeout(max(0.001, deadline_s - time.monotonic()))
            arrived = self.sock.recv(BATCH_BYTES)
            if not arrived:
                raise PeerUnreachable("the other side closed the connection during the TLS handshake; does it speak TLS?")
        self.sock.sendall(secure.words())
        self._secured(secure)

    def _step(self, secure: Secure, arrived: bytes) -> bool:
        try:
            return secure.shake(arrived)
        except ssl.SSLError as fault:
            with suppress(OSError):
                self.sock.send(secure.words() or NO_TLS)
            raise PeerUnreachable(explain(fault)) from fault

    def _secured(self, secure: Secure) -> None:
        self._secure = secure
        self._take(b"")  # what came right behind the handshake

    # on a loop

    async def secure_soon(self, context: ssl.SSLContext) -> None:
        """The server's TLS handshake. Raises PeerUnreachable, OSError; a peer that fails is told why."""
        loop, secure, arrived = asyncio.get_running_loop(), Secure(context, server=True), b""
        try:
            while not self._step(secure, arrived):
                await loop.sock_sendall(self.sock, secure.words())
                arrived = await loop.sock_recv(self.sock, BATCH_BYTES)
                if not arrived:
                    raise PeerUnreachable("the caller left during the TLS handshake")
        except PeerUnreachable:
            await self._let_read()
            raise
        await loop.sock_sendall(self.sock, secure.words())
        self._secured(secure)

    async def _let_read(self) -> None:
        with suppress(OSError, TimeoutError):
            self.sock.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(ALERT_S):
                for _ in range(UNREAD_BYTES // 4096):
                    if not await asyncio.get_running_loop().sock_recv(self.sock, 4096):
                        return

    async def receive_soon(self) -> Frame:
        loop = asyncio.get_running_loop()
        while (part := self.decoder.next()) is None:
            data = await loop.sock_recv(self.sock, BATCH_BYTES)
            if not data:
                raise ConnectionResetError
            self._take(data)
        return part[0], part[8]

    async def send_soon(self, frame: Frame) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, self.encode(*frame))

    # the carrier

    def stream(self, name: str, config: Settings) -> StreamCarrier:
        if self._secure is not None:
            return TlsCarrier("tls", self.sock, self.decoder, config.fragment_bytes, self.session, FIRST_EPOCH, self._secure)
        return StreamCarrier(name, self.sock, self.decoder, config.fragment_bytes, self.session, FIRST_EPOCH)

    def rings(self, offer: RingOffer, config: Settings, spoken: Version, peer: str, renewal: Renewal | None = None) -> Carrier:
        """By `offer`, with this socket beside it. `spoken`: version in force; `peer`: for the log; `renewal`: of the serving end."""
        if spoken < CHANGES_CARRIER:
            return offer.carrier(self.sock, config.ring_poll_s)
        part_bytes = payload_max(offer.capacity)
        stream = ControlStream(self.sock, self.decoder, part_bytes, self.session, FIRST_EPOCH)
        return LocalCarrier(offer, stream, part_bytes, config, peer, renewal)

    def close(self) -> None:
        for fd in self.fds:
            with suppress(OSError):
                os.close(fd)
        self.fds = []
        self.sock.close()


def refuse(wire: Wire, refusal: Refusal) -> None:
    """Send the no; a peer that does not read it loses nothing but the words."""
    with suppress(OSError):
        wire.sock.setblocking(False)
        wire.sock.send(wire.encode(MessageKind.REFUSED, pack(refusal.refused)))
        wire.sock.shutdown(socket.SHUT_WR)


def accept_rings(wire: Wire, offered: Frame, config: Settings, welcome: Welcome) -> Carrier:
    """The client's answer to the offer of a ring: maps it, or stays on the socket."""
    if offered[0] != MessageKind.RING:
        raise PeerUnreachable("an offer of a ring was expected")
    ring = decode(Ring, offered[1])
    fds, wire.fds = wire.fds, []
    carrier: Carrier | None = None
    if ring.accepted:
        carrier = map_offer(fds, ring, wire, config, in_force(welcome))
    wire.send((MessageKind.RING, pack(Ring(capacity=ring.capacity, epoch=ring.epoch, accepted=carrier is not None))))
    return carrier or wire.stream("unix", config)


def map_offer(fds: list[int], ring: Ring, wire: Wire, config: Settings, spoken: Version) -> Carrier | None:
    offer: RingOffer | None = None
    try:
        offer = offer_from(fds, ring.capacity, ring.epoch)
        return wire.rings(offer, config, spoken, "the server")
    except (RingPoisoned, OSError, MemoryError, OverflowError):
        if offer is not None:
            offer.close()
        return None


__all__ = ["FIRST_EPOCH", "FrameFault", "Wire", "accept_rings", "map_offer", "refuse"]
