"""hisee's own transports: the bare ring, and a Channel over it."""

from __future__ import annotations

import struct
from collections.abc import Callable

from bench.ipc.transports import Recv, Send, Transport
from hisee._core.frame import Decoder
from hisee._core.ring import payload_max
from hisee.channel.channel import Channel
from hisee.channel.control import ControlStream
from hisee.channel.ends import EPOCH, End, ring_pair
from hisee.channel.errors import ChannelFull
from hisee.channel.lanes import LANE_COUNT
from hisee.channel.local import LocalCarrier
from hisee.channel.message import Message
from hisee.channel.session import Session
from hisee.channel.settings import LIMITS, settings
from hisee.schema.messages import MessageKind
from hisee.seams import Seams

POLL_S = 0.5
ECHO, SESSION_ACK = MessageKind.ECHO, MessageKind.SESSION_ACK  # Python 3.11 calls a function for each mention of a member
COUNTS = struct.Struct(f"<{LANE_COUNT}Q")


class Ring(Transport):
    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.places = ring_pair()

    def end(self, side: int) -> End:
        self.places[1 - side].forget()
        return self.places[side].open()

    def side(self, side: int) -> tuple[Send, Recv]:
        end = self.end(side)
        return end.send, end.recv

    def many(self, *, left: bool) -> tuple[Callable[[list[bytes]], object], Callable[[], list[bytes]]]:
        """(send many, receive as many as are there, at least one)."""
        end = self.end(0 if left else 1)
        return end.send_many, end.recv_many

    def left(self) -> tuple[Send, Recv]:
        return self.side(0)

    def right(self) -> tuple[Send, Recv]:
        return self.side(1)


class OverChannel(Ring):
    """Whole messages: made by the sender, answered as they came."""

    def channel(self, side: int) -> Channel:
        """By the carrier that links have: what is in a ring is kept until it was read, for the case that it is damaged."""
        self.places[1 - side].forget()
        place = self.places[side]
        config, part_bytes, decoder = settings(), payload_max(place.offer.capacity), Decoder(LIMITS["frame_bytes"])
        decoder.session = decoder.epoch = EPOCH
        stream = ControlStream(place.control, decoder, part_bytes, EPOCH, EPOCH)
        return Channel(LocalCarrier(place.offer, stream, part_bytes, config, "the other side"), config, Seams().clock)

    def side(self, side: int) -> tuple[Send, Recv]:
        self.open = channel = self.channel(side)
        post, receive = channel.send, channel.receive

        def send(payload: bytes) -> None:
            try:
                post(Message(ECHO, payload=payload))
            except ChannelFull:
                while channel.backlog_bytes:
                    receive(0.001)
                post(Message(ECHO, payload=payload))

        def recv() -> bytes:
            while (message := receive(POLL_S)) is None:
                pass
            return message.payload

        return send, recv


    def ask(self, send: Send, recv: Recv, payload: bytes, count: int) -> bytes:
        post, receive = self.open.send, self.open.receive
        for _ in range(count):
            post(Message(ECHO, payload=payload))
            answer = receive(POLL_S)
        return answer.payload if answer is not None else b""

    def echo(self, send: Send, recv: Recv, count: int) -> None:
        post, receive = self.open.send, self.open.receive
        for _ in range(count):
            while (message := receive(POLL_S)) is None:
                pass
            post(message)


class OverSession(OverChannel):
    """The numbers of a session that outlives its carrier on top: everything kept until it is confirmed, each 64 messages."""

    def ask(self, send: Send, recv: Recv, payload: bytes, count: int) -> bytes:
        post, take = self.ways
        for _ in range(count):
            post(Message(ECHO, payload=payload))
            answer = take()
        return answer.payload

    def echo(self, send: Send, recv: Recv, count: int) -> None:
        post, take = self.ways
        for _ in range(count):
            post(take())

    def session(self) -> tuple[Callable[[Message], None], Callable[[], Message]]:
        """As SessionChannel uses it, without its event loop."""
        channel, session = self.open, self.numbers
        keep, take, post, receive = session.keep, session.take, channel.send, channel.receive

        def send(message: Message) -> None:
            post(keep(message))

        def recv() -> Message:
            while True:
                frame = receive(POLL_S)
                if frame is None:
                    continue
                if frame.kind == SESSION_ACK:
                    session.confirm(COUNTS.unpack(frame.payload))
                    continue
                message = take(self, frame)
                if session.due:
                    post(Message(SESSION_ACK, payload=COUNTS.pack(*session.confirmation())))
                if message is not None:
                    return message

        return send, recv

    def side(self, side: int) -> tuple[Send, Recv]:
        super().side(side)
        self.numbers = Session(LIMITS["backlog_bytes"])
        self.numbers.bind(self)
        self.ways = post, take = self.session()
        return lambda payload: post(Message(ECHO, payload=payload)), lambda: take().payload


TRANSPORTS: dict[str, type[Transport]] = {"ring": Ring, "channel": OverChannel, "session": OverSession}
