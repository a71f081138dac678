"""Who is at the other end, as the operating system knows it."""

from __future__ import annotations

import functools
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

SO_PEERPIDFD = 77  # Linux 6.5; not in the socket module yet
CREDENTIALS = struct.Struct("iII")  # pid, uid, gid


@dataclass(slots=True)
class Peer:
    """pid and uid are -1 and pidfd is -1 where the peer is not on this computer."""

    address: str
    pid: int = -1
    uid: int = -1
    pidfd: int = -1  # belongs to the channel, which closes it
    node: str = ""  # named by the certificate that it has shown; "" without TLS

    def close(self) -> None:
        fd, self.pidfd = self.pidfd, -1
        if fd >= 0:
            os.close(fd)


def peer_of(sock: socket.socket) -> Peer:
    """The process at the other end of a connected socket."""
    if sock.family != socket.AF_UNIX:
        host, port = sock.getpeername()[:2]
        return Peer(f"{host}:{port}")
    pid, uid, _ = CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return Peer("local", pid, uid, open_pidfd(sock, pid))


def open_pidfd(sock: socket.socket, pid: int) -> int:
    """Descriptor that becomes readable when the peer dies; -1 where the system has none. Never that of another process."""
    try:
        fd = sock.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
        os.set_inheritable(fd, False)
        return fd
    except OSError:
        pass
    try:
        return os.pidfd_open(pid)  # the socket is still connected: its pid cannot have been given away
    except OSError:
        return -1


@functools.cache
def computer() -> str:
    """Names the running system whose process numbers mean something to each other: boot and space of process numbers. "" = unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""
