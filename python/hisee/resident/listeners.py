"""Who listens on this computer: foreign programs on ports of our lists, and whether a host name is this computer (R92, R144)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LISTEN = "0A"  # state column of /proc/net/tcp
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


class Listener(NamedTuple):
    """Somebody on a port. pid 0 = the system does not tell (another user's process, or one that only keeps the port)."""

    port: int
    pid: int
    program: str


def is_here(host: str) -> bool:
    """Is `host` this computer? "" is; else a name or address that can be bound here."""
    if not host:
        return True
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


def occupied(ports: Iterable[int]) -> list[int]:
    """Those that cannot be bound now. Ports of connections that are only winding down count as free."""
    return [port for port in ports if port and not _free(port)]


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def listeners(ports: Iterable[int]) -> list[Listener]:
    """Who holds the occupied ones of `ports`, as far as the system tells."""
    wanted = set(occupied(ports))
    inodes = {inode: port for port, inode in _listening() if port in wanted}
    owners = {inodes[inode]: pid for pid, inode in _sockets(set(inodes))} if inodes else {}
    return [Listener(port, owners.get(port, 0), _program(owners.get(port, 0))) for port in sorted(wanted)]


def _listening() -> list[tuple[int, str]]:
    """(port, inode) of every listening TCP socket."""
    found = []
    for table in TABLES:
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            words = row.split()
            if words[3] == LISTEN:
                found.append((int(words[1].rpartition(":")[2], 16), words[9]))
    return found


def _sockets(inodes: set[str]) -> list[tuple[int, str]]:
    """(pid, inode) for those of `inodes` that a process we may look into holds."""
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        found += [(pid, link[8:-1]) for link in links if link.startswith("socket:[") and link[8:-1] in inodes]
    return found


def _program(pid: int) -> str:
    """The command of a process; "" when it is not told."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() if pid else ""
    except OSError:
        return ""
