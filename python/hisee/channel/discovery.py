"""The servers of a group found by UDP multicast: datagrams as both ends write and read them, and the client that asks.

Nothing in a datagram is believed: it names addresses where a server may be, and the logon there proves both sides. An answer is never
longer than the question, so a question with a forged sender makes nobody a tool against others.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from hisee.channel.networks import split
from hisee.channel.way import Member, Way
from hisee.errors import UsageError
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Rng

GROUP_ADDRESS, PORT = "224.0.0.55", 3119
WAIT_S = TIMERS["discovery"].ms / 1000
DATAGRAM_BYTES = 1200  # fits into every network unfragmented
NONCE_BYTES = 8
ASK, FOUND = b"hisee ask 1 ", b"hisee found 1 "  # kind and version, before the MessagePack
MOST_MEMBERS = 16

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Address = Annotated[str, Meta(min_length=3, max_length=80)]


class Question(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Who is of this group? The nonce comes back in the answers."""

    nonce: Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    group: Name  # last: padding begins behind it


class Server(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One server: what it says of itself, and its communication processes, a list for each network."""

    group: Name
    nonce: Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    node: Name
    state: Annotated[str, Meta(max_length=8)]
    epoch: Annotated[int, Meta(ge=0)]
    networks: Annotated[list[Annotated[list[Address], Meta(min_length=1, max_length=16)]], Meta(min_length=1, max_length=4)]


def question(group: str, nonce: bytes) -> bytes:
    """Padded to the full length, which is the most that an answer may have. Raises UsageError."""
    if not 1 <= len(group) <= 64:
        raise UsageError(f"{group!r} is no name of a group", hint="1 to 64 letters, digits and _")
    return (ASK + msgspec.msgpack.encode(Question(nonce, group))).ljust(DATAGRAM_BYTES, b"\0")


def read_question(data: bytes) -> Question | None:
    """None = no question of ours, whatever else it may be."""
    if len(data) != DATAGRAM_BYTES or not data.startswith(ASK):
        return None
    try:
        return msgspec.msgpack.decode(data[len(ASK):].rstrip(b"\0"), type=Question)
    except msgspec.MsgspecError:
        return None


def answer(server: Server) -> bytes:
    """b"" = so much does not fit into an answer."""
    data = FOUND + msgspec.msgpack.encode(server)
    return data if len(data) <= DATAGRAM_BYTES else b""


def read_answer(data: bytes, group: str, nonce: bytes) -> Member | None:
    """None = no answer to this question."""
    if len(data) > DATAGRAM_BYTES or not data.startswith(FOUND):
        return None
    try:
        server = msgspec.msgpack.decode(data[len(FOUND):], type=Server)
    except msgspec.MsgspecError:
        return None
    fits = server.group == group and server.nonce == nonce
    if not fits or not all(split(place)[0] and 0 < split(place)[1] < 65_536 for network in server.networks for place in network):
        return None
    return Member(server.node, Way(networks=server.networks))


def discover(group: str, rng: Rng, link: dict[str, float] | None = None, *, address: str = GROUP_ADDRESS, port: int = PORT) -> list[Member]:
    """Ask on every network of this computer and collect the answers. Blocks for the timer `discovery`. Raises UsageError."""
    nonce = rng.secret(NONCE_BYTES)
    found: dict[str, Member] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        _ask(sock, question(group, nonce), (address, port))
        for data in _answers(sock, time.monotonic() + WAIT_S):
            member = read_answer(data, group, nonce)
            if member is not None and len(found) < MOST_MEMBERS:
                found.setdefault(member.name, Member(member.name, Way(networks=member.way.networks, link=link or {})))
    return list(found.values())


def _ask(sock: socket.socket, data: bytes, target: tuple[str, int]) -> None:
    """It does not leave the segment; the computer itself hears it too. A network that takes no multicast is left out."""
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    for index, _ in socket.if_nameindex():
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", b"", b"", index))
            sock.sendto(data, target)


def _answers(sock: socket.socket, deadline: float) -> Iterable[bytes]:
    """What comes until then, each datagram at most one byte longer than allowed."""
    while (rest := deadline - time.monotonic()) > 0:
        if select.select([sock], [], [], rest)[0]:
            with contextlib.suppress(OSError):  # the error of an earlier sending
                yield sock.recv(DATAGRAM_BYTES + 1)
