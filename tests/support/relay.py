"""A TCP relay between a client and a server that a test can cut without a word: packets vanish, nobody is told."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading


class Relay:
    """Forwards every connection to `port` on 127.0.0.1. `cut` stops reading and writing, and closes nothing; `heal` goes on."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.target = port
        self._listener = socket.create_server((host, 0))
        self._partner: dict[socket.socket, socket.socket] = {}
        self._silent: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._cut = threading.Event()
        self._reset = threading.Event()
        self.port = self._listener.getsockname()[1]
        self.bytes = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self) -> None:
        """From now on nothing passes, in either direction; connections stay open."""
        self._cut.set()

    def heal(self) -> None:
        """What was held back passes, as a network that retransmits would have it."""
        self._cut.clear()

    def reset(self) -> None:
        """Both ends of every connection get a RST, and what is on its way is gone. Returns once it is done."""
        self._reset.set()
        while self._reset.is_set() and self._thread.is_alive():
            self._ended.wait(0.005)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._selector.close()
        for sock in (self._listener, *self._partner):
            sock.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._reset.is_set():
                self._reset_all()
            for key, _ in self._selector.select(0.02):
                if self._cut.is_set():
                    self._ended.wait(0.02)
                elif key.fileobj is self._listener:
                    self._join()
                else:
                    self._pass_on(key.fileobj)  # type: ignore[arg-type]

    def _join(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            near.close()
            return
        self._partner[near], self._partner[far] = far, near
        for sock in (near, far):
            self._selector.register(sock, selectors.EVENT_READ)

    def _reset_all(self) -> None:
        for sock in self._partner:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(sock)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        self._partner.clear()
        self._reset.clear()

    def _pass_on(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65_536)
        except OSError:
            data = b""
        if data:
            self.bytes += len(data)
            with contextlib.suppress(OSError):
                self._partner[sock].sendall(data)
            return
        self._selector.unregister(sock)
        with contextlib.suppress(OSError):
            self._partner[sock].shutdown(socket.SHUT_WR)
