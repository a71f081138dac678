"""Ways to get a Channel: call a listener, use an inherited socket, or make both ends at once."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import hisee
from hisee.channel.channel import Channel
from hisee.channel.errors import PeerUnreachable
from hisee.channel.logon import client_logon
from hisee.channel.memory import MemoryCarrier
from hisee.channel.payloads import Hello, Welcome
from hisee.channel.peer import Peer, computer, peer_of
from hisee.channel.serve import serve_blocking
from hisee.channel.settings import Settings, settings
from hisee.channel.shape import LinkShape, Shape
from hisee.channel.wire import FrameFault, Wire, accept_rings
from hisee.seams import Seams

Numbers = Mapping[str, int]


def dial_unix(path: str | Path, hello: Hello, secret: bytes, *, seams: Seams | None = None, limits: Numbers | None = None,
              timers: Numbers | None = None) -> Channel:
    """Log on at the control socket `path`; rings where the listener offers them, else carrier unix.

    Blocks until the logon ended. Raises PeerUnreachable, LogonRefused, ProtocolMismatch.
    """
    seams, config = seams or Seams(), settings(limits, timers)
    try:
        sock = seams.net.connect_unix(Path(path))
    except OSError as fault:
        raise PeerUnreachable(f"nobody answers at {path} ({fault.strerror})", hint="is the system running?") from fault
    return log_on(sock, hello, secret, seams, config, rings=True, watch_pid=True)


def dial_tcp(host: str, port: int, hello: Hello, secret: bytes, *, seams: Seams | None = None, limits: Numbers | None = None,
             timers: Numbers | None = None, link: LinkShape | None = None, tls: ssl.SSLContext | None = None) -> Channel:
    """Log on over TCP; with `tls` (`hisee.tls`) inside TLS, with `link` through a shaper (`channel.shape`). Blocks; raises as dial_unix."""
    seams, config = seams or Seams(), settings(limits, timers)
    try:
        sock = seams.net.connect_tcp(host, port, config.logon_s)
    except OSError as fault:
        words = fault.strerror or str(fault)
        raise PeerUnreachable(f"nobody answers at {host}:{port} ({words})", hint="is a CP running there?") from fault
    shape = Shape(sock, link) if link is not None else None
    try:
        channel = log_on(shape.near if shape else sock, hello, secret, seams, config, rings=False, watch_pid=False,
                         peer=Peer(f"{host}:{port}"), tls=tls)
    except BaseException:
        if shape is not None:
            shape.close()
        raise
    channel.shape = shape
    return channel


def over_socket(sock: socket.socket, hello: Hello, secret: bytes, *, seams: Seams | None = None, limits: Numbers | None = None,
                timers: Numbers | None = None, server: bool) -> Channel:
    """A link over a connected Unix socket, one end of a socketpair: the same logon, and rings. Takes over `sock`; blocks.

    server=False: `hello` is sent. server=True: offers the rings; `hello.name` names this side in the WELCOME, and
    `channel.hello` is what the peer sent. For a loop that must not block there is `hisee.channel.serve_socket`.
    """
    seams, config = seams or Seams(), settings(limits, timers)
    if server:
        return serve_blocking(sock, hello, secret, seams, config)
    return log_on(sock, hello, secret, seams, config, rings=True, watch_pid=False)


def memory_pair(*, limits: Numbers | None = None, seams: Seams | None = None) -> tuple[Channel, Channel]:
    """Both ends of a link inside this process. The ends may be used by two threads. No heartbeat."""
    config, clock = settings(limits), (seams or Seams()).clock
    ends = [MemoryCarrier(config.fragment_bytes, config.ring_bytes) for _ in range(2)]
    ends[0].peer, ends[1].peer = ends[1], ends[0]
    left, right = (Channel(end, config, clock, peer=Peer("memory"), watch=False) for end in ends)
    return left, right


def log_on(sock: socket.socket, hello: Hello, secret: bytes, seams: Seams, config: Settings, *, rings: bool, watch_pid: bool,
           peer: Peer | None = None, tls: ssl.SSLContext | None = None) -> Channel:
    """The client's side of the logon on a connected socket, which is closed when it fails."""
    if hello.kind != "TEL":  # a command is gone before anybody asks for its version
        hello.version = hello.version or hisee.__version__
    hello.boot = hello.boot or computer()
    wire = Wire(sock, config.fragment_bytes, descriptors=rings)
    try:
        if tls is not None:
            wire.secure(tls, time.monotonic() + config.logon_s)
        welcome = converse(wire, hello, secret, seams, config)
        deadline = time.monotonic() + config.logon_s
        carrier = accept_rings(wire, wire.receive(deadline), config, welcome) if rings else wire.stream("tcp", config)
        if peer is None:
            peer = peer_of(sock) if watch_pid else Peer("local")
        peer.node = wire.node
        return Channel(carrier, config, seams.clock, hello=hello, welcome=welcome, peer=peer)
    except TimeoutError as fault:
        wire.close()
        raise PeerUnreachable(f"no answer to the logon within {config.logon_s:g} s") from fault
    except (OSError, FrameFault) as fault:
        wire.close()
        raise PeerUnreachable(f"the logon was cut: {fault}") from fault
    except BaseException:
        wire.close()
        raise


def converse(wire: Wire, hello: Hello, secret: bytes, seams: Seams, config: Settings) -> Welcome:
    talk = client_logon(hello, secret, seams.rng)
    deadline = time.monotonic() + config.logon_s
    frame = next(talk)
    while True:
        wire.send(frame)
        try:
            frame = talk.send(wire.receive(deadline))
        except StopIteration as end:
            welcome: Welcome = end.value
            wire.open_session(welcome.session, config.frame_bytes)
            return welcome
