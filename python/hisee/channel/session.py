"""A session that outlives its connections, as one of its two ends counts it: numbers, what the other end has not confirmed, what came.

Both ends use the same class. A message of a session travels as the payload of SESSION_DATA, whose `corr` is its number in its lane,
counted from 1; number 0 = not counted, may be lost with the connection (reports). The end is bound to one *line*, the connection
that counts: what comes by another one is dropped. No I/O, no clock; not for several threads at once.
"""

from __future__ import annotations

import heapq
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

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


class Kept(NamedTuple):
    """A message that the other end has not confirmed; `serial` is its place among those of all lanes."""

    serial: int
    frame: Message


def enclose(message: Message, number: int) -> Message:
    """The SESSION_DATA that carries `message` as number `number` of its lane."""
    head = HEAD.pack(message.kind, message.wants_answer, message.source, message.target, message.object, message.corr)
    return Message(MessageKind.SESSION_DATA, message.lane, message.source, corr=number, payload=head + message.payload, quiet=message.quiet)


def disclose(frame: Message) -> Message:
    """The message that a SESSION_DATA carries; raises SessionFault."""
    if len(frame.payload) < HEAD.size:
        raise SessionFault(f"SESSION_DATA of {len(frame.payload)} bytes")
    kind, asks, source, target, object_, corr = HEAD.unpack_from(frame.payload)
    if kind in BY_CONNECTION:
        raise SessionFault(f"message {kind:#06x} inside SESSION_DATA")
    return Message(kind, frame.lane, source, target, object_, corr, frame.payload[HEAD.size:], bool(asks))


class Session:
    """`open`: what is kept also goes out. False from the loss of the line until the other end has told its counts."""

    def __init__(self, limit_bytes: int) -> None:
        self.line: object = None
        self.turn = 0
        self.open = False
        self.bytes = 0  # kept
        self.repeated = 0  # arrived once more: dropped
        self.again = 0  # sent once more
        self._limit = limit_bytes
        self._serial = 0
        self._kept: list[deque[Kept]] = [deque() for _ in range(LANE_COUNT)]
        self._lane_bytes = [0] * LANE_COUNT
        self._sent = [0] * LANE_COUNT
        self._taken = [0] * LANE_COUNT
        self._owed = self._owed_bytes = 0

    # -- out

    def keep(self, message: Message) -> Message:
        """Number `message` and keep it until it is confirmed; what is to be sent. Raises ChannelFull, with the bounds of a Backlog."""
        lane, size = message.lane, len(message.payload) + HEAD.size
        if self._kept[lane] and (self.bytes + size > self._limit or self._lane_bytes[lane] + size > self._limit * 3 // 4):
            raise ChannelFull(f"{self.bytes} bytes are not confirmed by the peer", hint="it is slow, stopped or cut off; try again later")
        self._sent[lane] += 1
        self._serial += 1
        frame = enclose(message, self._sent[lane])
        self._kept[lane].append(Kept(self._serial, frame))
        self._lane_bytes[lane] += size
        self.bytes += size
        return frame

    def confirm(self, counts: Sequence[int]) -> None:
        """The other end has taken so many of each lane. Raises SessionFault for more than were sent, or fewer than it once had."""
        if len(counts) != LANE_COUNT:
            raise SessionFault(f"counts of {len(counts)} lanes instead of {LANE_COUNT}")
        for lane, count in enumerate(counts):
            if not self._sent[lane] - len(self._kept[lane]) <= count <= self._sent[lane]:
                raise SessionFault(f"the other end says that it took {count} messages of lane {lane}; {self._sent[lane]} were sent, "
                                   f"{self._sent[lane] - len(self._kept[lane])} were confirmed")
        for lane, count in enumerate(counts):
            self._forget(lane, count)

    def _forget(self, lane: int, count: int) -> None:
        kept = self._kept[lane]
        while kept and kept[0].frame.corr <= count:
            size = len(kept.popleft().frame.payload)
            self._lane_bytes[lane] -= size
            self.bytes -= size

    # -- in

    def take(self, line: object, frame: Message) -> Message | None:
        """The message that `frame` carries, to be handed on before anything is confirmed; None = it is not for us to take.

        Raises SessionFault when one before it is missing: the line has lost something and must be replaced.
        """
        if line != self.line:
            return None
        number, lane = frame.corr, frame.lane
        message = disclose(frame)
        if number == 0:
            return message
        if number <= self._taken[lane]:
            self.repeated += 1
            return None
        if number != self._taken[lane] + 1:
            raise SessionFault(f"lane {lane} goes from {self._taken[lane]} to {number}")
        self._taken[lane] = number
        self._owed += 1
        self._owed_bytes += len(frame.payload)
        return message

    @property
    def owed(self) -> bool:
        """Something was taken since the last confirmation."""
        return self._owed > 0

    @property
    def due(self) -> bool:
        """So much that the confirmation does not wait for the heartbeat."""
        return self._owed >= ACK_EVERY or self._owed_bytes >= ACK_BYTES

    def confirmation(self) -> list[int]:
        """What has been taken, per lane; nothing is owed any more."""
        self._owed = self._owed_bytes = 0
        return list(self._taken)

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
        missing = list(heapq.merge(*self._kept))
        self.again += len(missing)
        return (kept.frame for kept in missing)
