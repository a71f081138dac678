"""Frames on a stream socket inside TLS records."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

from hisee._core.frame import Decoder
from hisee.channel.carriers import StreamCarrier
from hisee.channel.secure import Secure


class TlsCarrier(StreamCarrier):
    """The same frames inside TLS records. Bytes are sealed when they are accepted, so what waits for the socket is sealed already."""

    def __init__(self, name: str, sock: socket.socket, decoder: Decoder, part_bytes: int, session: int, epoch: int, secure: Secure) -> None:
        super().__init__(name, sock, decoder, part_bytes, session, epoch)
        self._secure = secure

    def _seal(self, frame: bytes) -> bytes:
        try:
            return self._secure.seal(frame)
        except ssl.SSLError:  # the reader finds out why
            self.dead = True
            return b""

    def _feed(self, data: bytes) -> None:
        self._decoder.feed(self._secure.open(data))

    def _read(self) -> None:
        if self._secure.fault:  # and every frame before the damage has been handed over
            self._fault = f"poisoned: TLS: {self._secure.fault}"
        else:
            super()._read()

    def arm(self) -> bool:
        return (self._silent or not self._secure.fault) and super().arm()

    def _last_word(self) -> None:
        if not self._unsent and not self.dead:
            with suppress(BlockingIOError):  # GOODBYE has said it already
                self._sock.send(self._secure.farewell())
