"""One direct route as one of its two ends has it: the link of rings that the server gave, what went by it, what is not answered."""

from __future__ import annotations

import socket

from hisee._core.ring import RingPoisoned
from hisee._core.route import Counters, QuickEnd
from hisee.channel.carriers import RingCarrier, close_all
from hisee.channel.channel import Channel
from hisee.channel.message import Message, Part
from hisee.channel.payloads import RouteGrant
from hisee.channel.segments import OFFERED, RingOffer, offer_from
from hisee.channel.settings import Settings
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Clock

ENDS = (Kind.REPLY, Kind.FAILED)


class RouteCarrier(RingCarrier):
    """Rings of a route. `edge`: its bell is never read, because whoever watches it is told of every stroke."""

    edge = False

    def _hush(self) -> None:
        if not self.edge:
            super()._hush()

    @property
    def descriptors(self) -> tuple[int, int]:
        """The bell, and the socket whose end tells the death of the peer."""
        return self._bell, self._control.fileno()


class EdgeCarrier(RouteCarrier):
    """For a thread whose epoll is told of every stroke of the bell: it is never read, and death is looked for only where it shows."""

    edge = True
    look = False  # the control socket has something

    def take(self) -> list[Part]:
        if self._armed:
            self._armed = False
            self.rings.awake()
        found = self._pop()
        if found or not (self.look or self.dead):
            return found
        self.look = False
        return super().take()


class RouteEnd(QuickEnd):
    """`sending`: own messages go by it. `reading`: the peer has said that its do. It ends once both have left."""

    def __init__(self, grant: RouteGrant, carrier: RouteCarrier, channel: Channel, counters: Counters) -> None:
        self.route, self.peer, self.lane, self.asks = grant.route, grant.peer, grant.lane, grant.asks
        self.objects = frozenset(grant.objects)
        self.carrier, self.counters = carrier, counters
        self.bind(channel)
        self.opened = False  # it has been read
        self.left = False  # own end has turned to the server again
        self.ended = False  # nothing comes by it any more

    def turn_back(self) -> list[Message]:
        """Send nothing more by it; what was accepted and has not gone, for the way through the server."""
        self.sending, self.left = False, True
        back: list[Message] = self.channel.take_back()
        for message in back:
            self.counters.add(message.lane, len(message.payload), -1)
            self.open.pop((message.source, message.corr), None)
        return back

    def answered(self, message: Message) -> None:
        if message.kind in ENDS:
            self.open.pop((message.target, message.corr), None)

    def close(self) -> None:
        """Nothing more either way; what is not answered stays known."""
        if not self.ended:
            self.ended, self.sending, self.reading, self.left = True, False, False, True
            self.channel.abandon()
            self.counters.close()


def open_end(grant: RouteGrant, fds: list[int], config: Settings, clock: Clock, kind: type[RouteCarrier]) -> RouteEnd:
    """The end that a grant and its descriptors make. Raises RingPoisoned, OSError; the descriptors are then closed."""
    if len(fds) != OFFERED + 1:
        close_all(fds)
        raise RingPoisoned(f"{len(fds)} descriptors came with direct route {grant.route} instead of {OFFERED + 1}")
    sock = socket.socket(fileno=fds.pop())
    offer: RingOffer | None = None
    try:
        offer = offer_from(fds, grant.capacity, grant.route)
        counters = Counters(offer.own, own=True)
        carrier = offer.carrier(sock, config.ring_poll_s, kind)
        assert isinstance(carrier, RouteCarrier)
    except BaseException:
        sock.close()
        if offer is not None:
            offer.close()
        raise
    return RouteEnd(grant, carrier, Channel(carrier, config, clock, watch=False), counters)


