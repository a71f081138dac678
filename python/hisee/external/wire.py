"""Messages between a dllhost and its owner: u32 length, then a list of the value codec. Blocking, with a deadline."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from hisee._core.values import decode, encode

MOST_BYTES = 16 << 20
HEAD = struct.Struct("<I")


def send(sock: socket.socket, values: list[Any]) -> None:
    """Raises ValueError for a list that is too long, OSError."""
    data = encode(values)
    if len(data) > MOST_BYTES:
        raise ValueError(f"arguments of {len(data)} bytes, more than {MOST_BYTES}")
    sock.sendall(HEAD.pack(len(data)) + data)


def receive(sock: socket.socket, deadline_s: float | None = None) -> list[Any]:
    """The next list; EOFError when the other end is gone, TimeoutError at the deadline (time.monotonic)."""
    (length,) = HEAD.unpack(_exactly(sock, HEAD.size, deadline_s))
    if length > MOST_BYTES:
        raise ValueError(f"a message of {length} bytes, more than {MOST_BYTES}")
    return decode(_exactly(sock, length, deadline_s))


def _exactly(sock: socket.socket, count: int, deadline_s: float | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        if deadline_s is not None:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
        part = sock.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
