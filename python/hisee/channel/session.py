"""A session that outlives its connections, as one of its two ends counts it: numbers, what the other end has not confirmed, what came.

Both ends use the same class. A message of a session travels as the payload of SESSION_DATA, whose `corr` is its number in its lane,
counted from 1; number 0 = not counted, may be lost with the connection (reports). The end is bound to one *line*, the connection
that counts: what comes by another one is dropped. No I/O, no clock; not for several threads at once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NoReturn

from hisee._core.numbers import Numbers
from hisee._core.numbers import enclose as enclosed
from hisee.channel.errors import ChannelFull
from hisee.channel.lanes import LANE_COUNT
from hisee.channel.message import Message
from hisee.schema.messages import MessageKind

ACK_EVERY = 64  # taken messages after which a confirmation goes at once; else with the heartbeat
ACK_BYTES = 1 << 20  # taken bytes, likewise
HEAD = struct.Struct("<HBxIIIQ")  # kind, wants an answer, source, target, object, corr
BY_CONNECTION = frozenset({MessageKind.RESUME, MessageKind.SESSION_DATA, MessageKind.SESSION_ACK, MessageKind.SESSION_END})
"""Kinds that a communication process passes on by connection, in `object`; everything else it knows by number."""


class SessionFault(Exception):
    """The two ends contradict each other: this line, or the whole session, cannot go on."""


def enclose(message: Message, number: int) -> Message:
    """The SESSION_DATA that carries `message` as number `number` of its lane."""
    return enclosed(message, MessageKind.SESSION_DATA, number)


class Session(Numbers):
    """`open`: what is kept also goes out. False from the loss of the line until the other end has told its counts.

    `keep`, `take` and `confirm`, which messages pass, are those of Numbers.
    """

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes, LANE_COUNT, MessageKind.SESSION_DATA, BY_CONNECTION, ACK_EVERY,
                         ACK_BYTES)
        self.turn = 0
        self.open = False
        self.again = 0  # sent once more

    def _full(self) -> NoReturn:
        raise ChannelFull(f"{self.bytes} bytes are not confirmed by the peer", hint="it is slow, stopped or cut off; try again later")

    @staticmethod
    def _wrong(what: str) -> NoReturn:
        raise SessionFault(what)

    # -- in

    def confirmation(self) -> list[int]:
        """What has been taken, per lane; nothing is owed any more."""
        self.settle()
        return self.taken_counts

    # -- from line to line

    def bind(self, line: object) -> list[int]:
        """From now on only `line` counts; what to tell over it. Nothing goes out before `resume`."""
        self.line, self.open = line, False
        return self.confirmation()

    def next_turn(self) -> int:
        """The client's number for its next RESUME."""
        self.turn += 1
        return self.turn

    def newer(self, turn: int) -> bool:
        """The server's look at it: False = a later RESUME came before this one, which came by a line that the client has left."""
        if turn <= self.turn:
            return False
        self.turn = turn
        return True

    def resume(self, counts: Sequence[int]) -> Iterator[Message]:
        """The other end told over the bound line what it has: the rest, to be sent again in the order of `keep`. Raises SessionFault."""
        self.confirm(counts)
        self.open = True
        missing = self.unconfirmed()
        self.again += len(missing)
        return iter(missing)
