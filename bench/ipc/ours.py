"""hisee's own transports: the bare ring, and a Channel over it."""

from __future__ import annotations

import socket
from collections.abc import Callable

from bench.ipc.transports import Recv, Send, Transport
from hisee.channel.carriers import RingCarrier
from hisee.channel.channel import Channel
from hisee.channel.message import WHOLE, Message
from hisee.channel.segments import RingOffer, make_offer
from hisee.channel.settings import settings
from hisee.schema.messages import MessageKind
from hisee.seams import Seams

CAPACITY = 1 << 20
POLL_S = 0.5


def offers() -> tuple[RingOffer, RingOffer]:
    """Both views of one link, as a fork leaves them to either process."""
    made = make_offer(CAPACITY, 1, lambda n: b"bench" + n.to_bytes(1, "little") * (n - 5))
    return made, RingOffer(made.capacity, made.epoch, made.peer, made.own, made.peer_bell, made.bell)


class Ring(Transport):
    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.offers, self.control = offers(), socket.socketpair()

    def carrier(self, side: int) -> RingCarrier:
        self.control[1 - side].close()
        return self.offers[side].carrier(self.control[side], POLL_S)

    def side(self, side: int) -> tuple[Send, Recv]:
        carrier, seq, ready = self.carrier(side), 0, []

        def send(payload: bytes) -> None:
            nonlocal seq
            seq += 1
            while not carrier.push(seq, MessageKind.ECHO, 0, WHOLE, 0, 0, 0, len(payload), 0, payload):
                if carrier.want_room(len(payload)):
                    carrier.wait(POLL_S, [])
                    carrier.flush()

        def recv() -> bytes:
            while not ready:
                ready.extend(reversed(carrier.take()))
                if not ready:
                    carrier.wait(POLL_S, [])
            return ready.pop()[8]

        return send, recv

    def many(self, *, left: bool) -> tuple[Callable[[list[bytes]], object], Callable[[], list[bytes]]]:
        """(send many, receive as many as are there, at least one)."""
        send, recv = self.side(0 if left else 1)

        def send_many(payloads: list[bytes]) -> None:
            for payload in payloads:
                send(payload)

        return send_many, lambda: [recv()]

    def left(self) -> tuple[Send, Recv]:
        return self.side(0)

    def right(self) -> tuple[Send, Recv]:
        return self.side(1)


class OverChannel(Ring):
    """Whole messages: made by the sender, answered as they came."""

    def side(self, side: int) -> tuple[Send, Recv]:
        channel = Channel(self.carrier(side), settings(), Seams().clock)

        def send(payload: bytes) -> None:
            channel.send(Message(MessageKind.ECHO, payload=payload))
            if channel.backlog_bytes > CAPACITY:
                channel.receive(0.01)

        def recv() -> bytes:
            while (message := channel.receive(POLL_S)) is None:
                pass
            return message.payload

        return send, recv


TRANSPORTS: dict[str, type[Transport]] = {"ring": Ring, "channel": OverChannel}
