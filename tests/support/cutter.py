"""A TCP proxy in front of PostgreSQL that cuts a connection at a chosen message: before the server got it, or after it was done."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

READY = b"Z\x00\x00\x00\x05"  # the server has finished with what the client sent
NEVER = 1 << 60


class Cutter:
    """Serves any number of connections in one thread each; all end with `close`."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._left, self._after = NEVER, False
        self.cuts = 0
        self._ends: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def url(self, server_url: str) -> str:
        return server_url.replace(f":{self._server_port}/", f":{self.port}/")

    def cut(self, message: int, *, after: bool) -> None:
        """Cut once, at the client's message number `message` from now on (0 = the next); `after` = once the server has done it."""
        with self._lock:
            self._left, self._after, self.cuts = message, after, 0

    def drop(self) -> None:
        """Cut all connections at once, whatever is on its way."""
        for end in list(self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @property
    def connections(self) -> int:
        return len(self._ends) // 2

    def heal(self) -> None:
        with self._lock:
            self._left = NEVER

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            self._ends |= {client, server}
            try:
                self._carry(client, server)
            finally:
                self._ends -= {client, server}

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            for end in (client, server):
                selector.register(end, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    near = key.fileobj
                    data = near.recv(1 << 16)  # type: ignore[union-attr]
                    if not data or (near is client and self._cut_here(server, data)):
                        return
                    (server if near is client else client).sendall(data)

    def _cut_here(self, server: socket.socket, data: bytes) -> bool:
        with self._lock:
            self._left -= 1
            if self._left != -1:
                return False
            self.cuts += 1
        if self._after:
            server.sendall(data)
            answer = b""
            while READY not in answer and (part := server.recv(1 << 16)):
                answer += part
        return True
