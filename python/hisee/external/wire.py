"""Messages between a dllhost and its owner: u32 length, then a list of the value codec. Blocking, with a deadline."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from hisee._core.values import decode, encode

MOST_BYTES = 16 << 20
HEAD = struct.Struct("<I")


def send(sock: socket.socket, values: list[Any], deadline_s: float | None = None) -> None:
    """Raises ValueError for a list that is too long, TimeoutError when the other end does not take it by then, OSError."""
    data = encode(values)
    if len(data) > MOST_BYTES:
        raise ValueError(f"values of {len(data)} bytes, more than {MOST_BYTES}")
    _until(sock, deadline_s)
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
        _until(sock, deadline_s)
        part = sock.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _until(sock: socket.socket, deadline_s: float | None) -> None:
    """What follows on this socket ends by then; None = it waits as long as it takes."""
    left_s = None if deadline_s is None else deadline_s - time.monotonic()
    if left_s is not None and left_s <= 0:
        raise TimeoutError
    sock.settimeout(left_s)
