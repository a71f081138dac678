"""TLS on a stream without the socket: bytes of frames become records and records become bytes. Never blocks, keeps no thread."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress

from hisee.tls import explain, peer_node

READ_BYTES = 256 * 1024
ALERT = b"\x15\x03"  # first bytes of a TLS alert, ...
CLIENT_HELLO = b"\x16\x03"  # ... and of a handshake: no frame of a logon starts so
NO_TLS = ALERT + b"\x01\x00\x02\x02\x46"  # alert "protocol version": for a caller whose bytes are so foreign that OpenSSL says nothing


class Secure:
    """One connection's TLS state. One thread may open while another one seals.

    Everything that has arrived is opened at once, so that nothing waits inside where no descriptor would tell of it. What
    TLS itself has to say (a new key, an alert) leaves together with the next sealed bytes.
    """

    def __init__(self, context: ssl.SSLContext, *, server: bool) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server)
        self.fault = ""  # why nothing more can be opened
        self._guard = threading.Lock()  # OpenSSL's objects are not for two threads at once

    @property
    def node(self) -> str:
        """The node that the other end's certificate names; after the handshake."""
        return peer_node(self._tls)

    def shake(self, arrived: bytes = b"") -> bool:
        """The next step of the handshake; `words` then holds what to send, also when it fails. True = done. Raises ssl.SSLError."""
        self._in.write(arrived)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def words(self) -> bytes:
        """What TLS wants to send by itself."""
        with self._guard:
            return self._out.read()

    def seal(self, data: bytes) -> bytes:
        """Records to send, in exactly this order."""
        with self._guard:
            self._tls.write(data)
            return self._out.read()

    def open(self, arrived: bytes) -> bytes:
        """What is whole of what has arrived. A damaged record or an alert is in `fault`; what came before it is returned."""
        found = []
        with self._guard:
            self._in.write(arrived)
            try:
                while data := self._tls.read(READ_BYTES):  # empty: the other end says that no more will come
                    found.append(data)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as fault:
                self.fault = explain(fault)
        return found[0] if len(found) == 1 else b"".join(found)

    def farewell(self) -> bytes:
        """The word that nothing more will come."""
        with self._guard:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            return self._out.read()
