"""Answers clients that look for the servers of a group by UDP multicast. Only with `[group] multicast = true`; tells no secret.

Every datagram comes from anybody: it is bounded and read strictly, answers are few per second and never longer than the question.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, cast

from hisee.channel.discovery import GROUP_ADDRESS, PORT, Server, answer, read_question
from hisee.channel.payloads import ServerState
from hisee.seams import Clock

log = logging.getLogger("hisee.server.responder")
PER_S, AT_ONCE = 20, 40  # answers: what a whole plant needs after a blackout, and no flood
NS = 1_000_000_000


class Bucket:
    """How many answers may still go out now."""

    def __init__(self, clock: Clock, per_s: int = PER_S, at_once: int = AT_ONCE) -> None:
        self._clock, self._per_s, self._at_once = clock, per_s, at_once
        self._left, self._at_ns = float(at_once), clock.monotonic_ns()

    def take(self) -> bool:
        now_ns = self._clock.monotonic_ns()
        self._left = min(float(self._at_once), self._left + (now_ns - self._at_ns) * self._per_s / NS)
        self._at_ns = now_ns
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Responder(asyncio.DatagramProtocol):
    """`state` says what this server is now, `networks` where its communication processes listen."""

    def __init__(self, clock: Clock, state: Callable[[], ServerState], networks: Callable[[], list[list[str]]]) -> None:
        self._state, self._networks, self._bucket = state, networks, Bucket(clock)
        self._transport: asyncio.DatagramTransport | None = None
        self.answered = self.ignored = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is none by inheritance

    def datagram_received(self, data: bytes, address: Any) -> None:
        told = self.reply(data)
        if told and self._transport is not None:
            self.answered += 1
            self._transport.sendto(told, address)
        else:
            self.ignored += 1

    def reply(self, data: bytes) -> bytes:
        """b"" = no answer: not a question, of another group, or too many at once."""
        asked, state, networks = read_question(data), self._state(), self._networks()
        if asked is None or not state.group or asked.group != state.group or not networks or not self._bucket.take():
            return b""
        return answer(Server(state.group, asked.nonce, state.node, state.state, state.epoch, networks))

    def error_received(self, fault: Exception) -> None:
        log.debug("an answer did not leave: %s", fault)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def listen(responder: Responder, hosts: Iterable[str], *, address: str = GROUP_ADDRESS, port: int = PORT) -> None:
    """From now on questions on the networks of these own addresses are answered. Raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # another server of the group may be on this computer
        sock.bind((address, port))
        joined = [place for place in interfaces(hosts) if _join(sock, address, place)]
        if not joined:
            raise OSError("no network of this computer takes multicast")
        sock.setblocking(False)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: responder, sock=sock)
    except BaseException:
        sock.close()
        raise
    log.info("answers /RD at %s:%d on %s", address, port, ", ".join(joined))


def interfaces(hosts: Iterable[str]) -> list[str]:
    """Addresses of this computer among the hosts; names are looked up."""
    found: list[str] = []
    for host in hosts:
        with contextlib.suppress(OSError):
            found.append(socket.gethostbyname(host))
    return sorted(set(found))


def _join(sock: socket.socket, address: str, interface: str) -> bool:
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", socket.inet_aton(address),
                                                                              socket.inet_aton(interface)))
    except OSError as fault:
        log.warning("no multicast on %s: %s", interface, fault.strerror)
        return False
    return True
