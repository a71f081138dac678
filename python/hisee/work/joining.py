"""How a numbered process enters the system: its number from the engine, its port bound and kept."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from hisee.datadir import DataDir
from hisee.engine.coordinator import ACTIVE, Candidate, Coordinator, Member
from hisee.engine.proof import birth


class Joined(NamedTuple):
    """A member and the socket that keeps its port. The socket is never listened on; None without a port."""

    member: Member
    port: socket.socket | None


def node_of(data: DataDir, given: str = "") -> str:
    """The node a process runs on: as it was told, else that of the server. Raises CannotConnect when no system runs."""
    return given or str(data.read_run().get("server", ""))


def join(engine: Coordinator, kind: str, node: str, data: DataDir) -> Joined:
    """Take the lowest free number whose port can be bound (lists of run.json). Raises NoNumber, CannotConnect."""
    kept: dict[int, socket.socket] = {}

    def occupy(port: int) -> bool:
        with contextlib.suppress(OSError):
            kept[port] = bound(port)
        return port in kept

    member = engine.join(candidate(kind, node, data, occupy))
    for port in [p for p in kept if p != member.port]:
        kept.pop(port).close()
    return Joined(member, kept.get(member.port))


def know_group(engine: Coordinator, data: DataDir) -> None:
    """Whether there is an active computer is settled before any work process asks: also at the very first start of a group, and after
    its end, when no server will ever take the term again."""
    if data.group():
        engine.expect(ACTIVE)
    elif ACTIVE in engine.terms():
        engine.forget(ACTIVE)


def candidate(kind: str, node: str, data: DataDir, occupy: Callable[[int], bool]) -> Candidate:
    pid = os.getpid()
    return Candidate(kind=kind, node=node, host=socket.gethostname(), pid=pid, birth=birth(pid),
                     incarnation=int.from_bytes(data.seams.rng.secret(8), "little") >> 1 or 1, ports=data.ports(kind, node), occupy=occupy,
                     first_ms=data.seams.clock.now_ms())


def bound(port: int) -> socket.socket:
    """A socket that occupies `port` on every address and takes no connection. Raises OSError when somebody has it."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        taken.bind(("", port))
    except OSError:
        taken.close()
        raise
    return taken


def hello_facts(member: Member) -> dict[str, Any]:
    """What the server is told of a member at its logon."""
    return {"host": member.host, "port": member.port, "incarnation": member.incarnation, "mode": member.mode}
