"""The server's side of a logon: one connected socket becomes a Channel, on a loop or blocking."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable

from hisee._core.frame import FrameFault
from hisee._core.ring import RingPoisoned
from hisee.channel.carriers import Carrier
from hisee.channel.channel import Channel
from hisee.channel.errors import PeerUnreachable
from hisee.channel.logon import Frame, Proved, Refusal, decode, server_logon
from hisee.channel.payloads import Hello, Refused, Ring, Welcome, pack
from hisee.channel.peer import Peer
from hisee.channel.renewal import Renewal
from hisee.channel.segments import RingOffer, make_offer, send_offer
from hisee.channel.settings import Settings, settings
from hisee.channel.spoken import NOT_TOLD, agreed, in_force
from hisee.channel.wire import Wire, refuse
from hisee.schema.messages import MessageKind
from hisee.seams import Seams

log = logging.getLogger("hisee.channel")
Admit = Callable[[Hello, Peer], Awaitable[Welcome | Refused]]
NO_RINGS_FOR = frozenset({"JWP"})  # a Java process takes no descriptors


def wants_rings(hello: Hello) -> bool:
    return hello.kind not in NO_RINGS_FOR and hello.facts.get("rings") is not False


def complete(welcome: Welcome, proved: Proved, seams: Seams) -> Welcome:
    """What every WELCOME carries beside the words of `admit`."""
    welcome.session = welcome.session or int.from_bytes(seams.rng.secret(8), "little") | 1
    welcome.proof = proved.welcome_proof
    if welcome.protocol == NOT_TOLD:
        welcome.protocol = agreed(proved.hello)
    return welcome


def offer_rings(config: Settings, seams: Seams) -> RingOffer | None:
    """Segments for one link, or None and a warning: the link then stays on its socket."""
    epoch = int.from_bytes(seams.rng.secret(4), "little") | 1
    try:
        return make_offer(config.ring_bytes, epoch, seams.rng.secret)
    except OSError as fault:
        log.warning("no shared memory for a ring of %d bytes (%s): the link uses its Unix socket", config.ring_bytes, fault)
        return None


def send_rings(wire: Wire, offer: RingOffer | None) -> None:
    """The RING frame, with descriptors when there is something to offer."""
    ring = Ring(capacity=offer.capacity if offer else 0, epoch=offer.epoch if offer else 0, accepted=offer is not None)
    data = wire.encode(MessageKind.RING, pack(ring))
    if offer is None:
        wire.sock.send(data)
    else:
        send_offer(wire.sock, data, offer)


def settle_rings(wire: Wire, offer: RingOffer | None, answer: Frame, config: Settings, welcome: Welcome, seams: Seams,
                 peer: str) -> Carrier:
    """The client's answer decides the carrier. `peer`: its name, for the log."""
    if answer[0] != MessageKind.RING:
        raise PeerUnreachable("no answer to the offer of a ring")
    if offer is not None and decode(Ring, answer[1]).accepted:
        return wire.rings(offer, config, in_force(welcome), peer, Renewal(config, seams, peer))
    if offer is not None:
        offer.close()
    return wire.stream("unix", config)


async def serve_socket(sock: socket.socket, secret: bytes, admit: Admit, *, seams: Seams, config: Settings | None = None,
                       peer: Peer | None = None, tls: ssl.SSLContext | None = None) -> Channel:
    """Let the process at the other end of `sock` log on, with `tls` behind its handshake. Takes over `sock` and, as part of it, `peer`.

    Raises Refusal when the answer was no (it has been sent), else OSError, FrameFault, PeerUnreachable. The deadline is the
    caller's: cancelling this closes the socket.
    """
    config, peer = config or settings(), peer or Peer("local")
    sock.setblocking(False)
    wire = Wire(sock, config.frame_before_logon_bytes)
    offer: RingOffer | None = None
    try:
        if tls is not None:
            await wire.secure_soon(tls)
            peer.node = wire.node
        proved = await hear(wire, secret, seams)
        verdict = await admit(proved.hello, peer)
        if isinstance(verdict, Refused):
            raise Refusal(verdict.code, verdict.text, verdict.facts)
        welcome = complete(verdict, proved, seams)
        await wire.send_soon((MessageKind.WELCOME, pack(welcome)))
        wire.open_session(welcome.session, config.frame_bytes)
        if sock.family != socket.AF_UNIX:
            carrier: Carrier = wire.stream("tcp", config)
        else:
            offer = offer_rings(config, seams) if wants_rings(proved.hello) else None
            send_rings(wire, offer)
            carrier = settle_rings(wire, offer, await wire.receive_soon(), config, welcome, seams, welcome.name)
        return Channel(carrier, config, seams.clock, hello=proved.hello, welcome=welcome, peer=peer, serves=True)
    except BaseException as fault:
        if isinstance(fault, Refusal):
            refuse(wire, fault)
        if offer is not None:
            offer.close()
        wire.close()
        peer.close()
        raise


async def hear(wire: Wire, secret: bytes, seams: Seams) -> Proved:
    """HELLO, CHALLENGE, PROOF."""
    talk = server_logon(secret, seams.rng)
    next(talk)
    while True:
        try:
            answer = talk.send(await wire.receive_soon())
        except StopIteration as end:
            proved: Proved = end.value
            return proved
        if answer is not None:
            await wire.send_soon(answer)


def serve_blocking(sock: socket.socket, hello: Hello, secret: bytes, seams: Seams, config: Settings) -> Channel:
    """The same on a socketpair without a loop: everybody who proves the secret is welcome."""
    wire = Wire(sock, config.frame_before_logon_bytes)
    offer: RingOffer | None = None
    deadline = time.monotonic() + config.logon_s
    try:
        proved = hear_blocking(wire, secret, seams, deadline)
        welcome = complete(Welcome(name=hello.name, number=0), proved, seams)
        wire.send((MessageKind.WELCOME, pack(welcome)))
        wire.open_session(welcome.session, config.frame_bytes)
        offer = offer_rings(config, seams) if wants_rings(proved.hello) else None
        send_rings(wire, offer)
        carrier = settle_rings(wire, offer, wire.receive(deadline), config, welcome, seams, named(proved.hello))
        return Channel(carrier, config, seams.clock, hello=proved.hello, welcome=welcome, peer=Peer("local"), serves=True)
    except BaseException as fault:
        if isinstance(fault, Refusal):
            refuse(wire, fault)
        if offer is not None:
            offer.close()
        wire.close()
        if isinstance(fault, (OSError, FrameFault, RingPoisoned, Refusal)):
            raise PeerUnreachable(f"the logon over the inherited socket failed: {fault or 'time is over'}") from fault
        raise


def named(hello: Hello) -> str:
    return f"{hello.kind} {hello.name}".strip()


def hear_blocking(wire: Wire, secret: bytes, seams: Seams, deadline_s: float) -> Proved:
    talk = server_logon(secret, seams.rng)
    next(talk)
    while True:
        try:
            answer = talk.send(wire.receive(deadline_s))
        except StopIteration as end:
            proved: Proved = end.value
            return proved
        if answer is not None:
            wire.send(answer)


