"""The door of a process: accepts connections, lets them prove the secret, hands on finished channels. Bounded before that."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hisee._core.frame import FrameFault
from hisee._core.ring import RingPoisoned
from hisee.channel.channel import Channel
from hisee.channel.errors import ChannelError, PeerUnreachable
from hisee.channel.logon import Refusal
from hisee.channel.payloads import Hello, Refused, Welcome
from hisee.channel.peer import Peer, peer_of
from hisee.channel.serve import Admit, serve_socket
from hisee.channel.settings import settings
from hisee.channel.wire import Wire, refuse
from hisee.errors import CannotConnect, UsageError
from hisee.seams import Seams
from hisee.tls import MAKE, on_loopback

log = logging.getLogger("hisee.channel")
OnBroken = Callable[[Welcome, str], None]
WAITING_CONNECTIONS = 128  # in the kernel, not yet accepted
YOUNG = 0.1  # part of the deadline of a logon that nobody is cut off in, however many wait


class HalfOpen(NamedTuple):
    """A peer that has not yet proved the secret."""

    address: str
    since_ns: int


class Listener:
    """Listens from its making on, serves from `start` on. `counts` tells how logons ended:
    "admitted", "refused" (by code as "refused SECRET"), "crowded", "late", "broken".

    At most `half_open_logons` peers are on their way to the proof. When more come, the oldest one of the address that holds the
    most is cut off ("crowded"), unless even that one has just begun: then the newcomers wait in the kernel.
    """

    def __init__(self, sock: socket.socket, address: str, secret: bytes, seams: Seams, limits: Mapping[str, int] | None,
                 timers: Mapping[str, int] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.port = sock.getsockname()[1] if sock.family != socket.AF_UNIX else 0
        self.counts: Counter[str] = Counter()
        self._sock = sock
        self._secret = secret
        self._seams = seams
        self.tls = tls  # None = plain
        self._config = settings(limits, timers)
        self._half_open: dict[asyncio.Task[None], HalfOpen] = {}  # the oldest first
        self._logons: set[asyncio.Task[None]] = set()
        self._welcomed: dict[asyncio.Task[None] | None, Welcome] = {}  # admitted, and not through yet
        self._on_broken: OnBroken | None = None
        self._paused: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        sock.setblocking(False)

    @classmethod
    def unix(cls, path: str | Path, secret: bytes, seams: Seams | None = None, limits: Mapping[str, int] | None = None,
             timers: Mapping[str, int] | None = None) -> Listener:
        """Listen at `path` (mode 0600). A socket file nobody listens at is replaced; UsageError when somebody does."""
        path = Path(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            clear_stale(path)
            sock.bind(str(path))
            os.chmod(path, 0o600)
            sock.listen(WAITING_CONNECTIONS)
        except BaseException:
            sock.close()
            raise
        return cls(sock, str(path), secret, seams or Seams(), limits, timers)

    @classmethod
    def tcp(cls, host: str, port: int, secret: bytes, seams: Seams | None = None, limits: Mapping[str, int] | None = None,
            timers: Mapping[str, int] | None = None, tls: ssl.SSLContext | None = None) -> Listener:
        """Listen at `host`:`port`, port 0 = any free one; with `tls` (`hisee.tls`) callers show a certificate first. Raises UsageError.

        Without TLS only on loopback.
        """
        host = host or "127.0.0.1"
        if tls is None and not on_loopback(host):
            raise UsageError(f"refused to listen at {host}", hint=f"beyond this computer there is only TLS, and DATA/tls holds no "
                                                                 f"certificates; {MAKE}")
        try:
            sock = socket.create_server((host, port), backlog=WAITING_CONNECTIONS, family=family_of(host))
        except OSError as fault:
            raise UsageError(f"cannot listen at {host}:{port} ({fault.strerror})", hint="port 0 takes any free one") from fault
        return cls(sock, f"{host}:{sock.getsockname()[1]}", secret, seams or Seams(), limits, timers, tls)

    def start(self, loop: asyncio.AbstractEventLoop, admit: Admit, on_channel: Callable[[Channel], None],
              on_broken: OnBroken | None = None) -> None:
        """Serve on `loop`. `await admit(hello, peer)` decides after the proof; `on_channel` gets the finished channel, `on_broken` the
        welcome of an admitted peer that never came so far, with the reason."""
        self._loop, self._admit, self._on_channel, self._on_broken = loop, admit, on_channel, on_broken
        loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Accept nobody any more; logons under way are cut. Channels live on. Idempotent."""
        if self._sock.fileno() < 0:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._sock.fileno())
        if self._paused is not None:
            self._paused.cancel()
        for task in self._logons:
            task.cancel()
        if self._sock.family == socket.AF_UNIX:
            with suppress(OSError):
                os.unlink(self.address)
        self._sock.close()

    @property
    def half_open(self) -> int:
        """Connections that have not yet proved the secret."""
        return len(self._half_open)

    def _accept(self) -> None:
        assert self._loop is not None
        if not self._make_room():
            return
        try:
            sock, address = self._sock.accept()
        except OSError:  # gone again, or no descriptors left: the kernel keeps the rest waiting
            return
        task = self._loop.create_task(self._log_on(sock))
        self._half_open[task] = HalfOpen(str(address[0]) if address else "", self._seams.clock.monotonic_ns())
        self._logons.add(task)
        task.add_done_callback(self._done)

    def _make_room(self) -> bool:
        """False = nobody is taken in until one of those under way has ended or is old enough."""
        if len(self._half_open) < self._config.half_open_logons:
            return True
        held = Counter(peer.address for peer in self._half_open.values())
        most = max(held.values())
        task, peer = next((t, p) for t, p in self._half_open.items() if held[p.address] == most)
        wait_ns = peer.since_ns + int(self._config.logon_s * YOUNG * 1e9) - self._seams.clock.monotonic_ns()
        if wait_ns > 0:
            self._pause(wait_ns / 1e9)
            return False
        self.counts["crowded"] += 1
        self._half_open.pop(task)
        task.cancel()
        return True

    def _pause(self, seconds: float) -> None:
        assert self._loop is not None
        self._loop.remove_reader(self._sock.fileno())
        self._paused = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if self._paused is not None and self._loop is not None and self._sock.fileno() >= 0:
            self._paused.cancel()
            self._paused = None
            self._loop.add_reader(self._sock.fileno(), self._accept)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._logons.discard(task)
        self._welcomed.pop(task, None)
        self._proved(task)

    def _proved(self, task: asyncio.Task[None] | None) -> None:
        """No longer half open: it has ended, or only the server's answer is missing."""
        if task is not None and self._half_open.pop(task, None) is not None:
            self._resume()

    async def _admitted(self, hello: Hello, peer: Peer) -> Welcome | Refused:
        task = asyncio.current_task()
        self._proved(task)
        answer = await self._admit(hello, peer)
        if isinstance(answer, Welcome):
            self._welcomed[task] = answer
        return answer

    def _broken(self, reason: str) -> None:
        """What the peer was given before must be given back."""
        welcome = self._welcomed.pop(asyncio.current_task(), None)
        if welcome is not None and self._on_broken is not None:
            self._on_broken(welcome, reason)

    async def _log_on(self, sock: socket.socket) -> None:
        try:
            peer = self._identify(sock)
            async with asyncio.timeout(self._config.logon_s):
                channel = await serve_socket(sock, self._secret, self._admitted, seams=self._seams, config=self._config, peer=peer,
                                             tls=self.tls)
        except Refusal as refusal:
            self.counts["refused"] += 1
            self.counts[f"refused {refusal.refused.code}"] += 1
            log.warning("logon at %s refused: %s", self.address, refusal)
        except TimeoutError:
            self.counts["late"] += 1
            self._broken("silent in the middle of its logon")
        except (OSError, FrameFault, RingPoisoned, PeerUnreachable, ChannelError, CannotConnect) as fault:
            self.counts["broken"] += 1
            log.warning("logon at %s broken off: %s", self.address, fault)
            self._broken(f"left in the middle of its logon: {fault}")
        else:
            self.counts["admitted"] += 1
            self._on_channel(channel)

    def _identify(self, sock: socket.socket) -> Peer:
        """Who is it? Another user of this computer gets no further."""
        try:
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = peer_of(sock)
        except OSError:
            sock.close()
            raise
        if peer.uid not in (-1, os.getuid()):
            peer.close()
            refusal = Refusal("USER", f"this system belongs to user {os.getuid()}, the caller is user {peer.uid}")
            refuse(Wire(sock, 0), refusal)
            sock.close()
            raise refusal
        return peer


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def clear_stale(path: Path) -> None:
    """Remove a socket file that a dead process left; UsageError when somebody listens there or it is no socket."""
    if not os.path.lexists(path):
        return
    if not path.is_socket():
        raise UsageError(f"{path} is in the way and is no socket", hint="remove it")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(str(path))
    except ConnectionRefusedError:
        path.unlink()
    else:
        raise UsageError(f"another process listens at {path}")
    finally:
        probe.close()
