"""Messages in parts: the bounded backlog that interleaves lanes on the way out, the assembly on the way in. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hisee._core.session import Lanes
from hisee.channel.errors import ChannelFull, Lost
from hisee.channel.message import FIRST, LAST, WANTS_ANSWER, WHOLE, Message, Part
from hisee.schema.lanes import Lane

LANE_COUNT = max(lane for lane in Lane if lane is not Lane.LOCAL) + 1  # lane `local` never leaves its process
LINK_CONTROL = 0x0F00  # kinds from here on belong to the link itself


@dataclass(slots=True)
class Pending:
    """A message that waits for room, and how much of it has gone."""

    message: Message
    offset: int = 0


class Backlog:
    """What a slow peer has not taken yet: one queue per lane, served in turn, one part at a time.

    A lane may fill three quarters of the bound, so that no lane can shut the others out; an empty lane takes one message
    of any legal length.
    """

    def __init__(self, limit_bytes: int, part_bytes: int) -> None:
        self._limit = limit_bytes
        self._part = part_bytes
        self._empty()

    def _empty(self) -> None:
        self._lanes: list[deque[Pending]] = [deque() for _ in range(LANE_COUNT)]
        self._lane_bytes = [0] * LANE_COUNT
        self._turn: deque[int] = deque()  # lanes that hold something, the next one in front
        self.bytes = 0

    def __bool__(self) -> bool:
        return bool(self._turn)

    def add(self, message: Message) -> None:
        """Queue `message`; ChannelFull when its lane or all of them are at the bound."""
        lane, size = message.lane, len(message.payload)
        queue = self._lanes[lane]
        if queue and (self.bytes + size > self._limit or self._lane_bytes[lane] + size > self._limit * 3 // 4):
            raise ChannelFull(f"{self.bytes} bytes wait for the peer", hint="it is slow or stopped; try again later")
        if not queue:
            self._turn.append(lane)
        queue.append(Pending(message))
        self._lane_bytes[lane] += size
        self.bytes += size

    def part(self) -> tuple[int, int, int, int, int, int, int, int, bytes | memoryview]:
        """The next part of the lane whose turn it is: as Part, without seq. The backlog must not be empty."""
        pending = self._lanes[self._turn[0]][0]
        m, start = pending.message, pending.offset
        total = len(m.payload)
        end = min(start + self._part, total)
        flags = (FIRST if start == 0 else 0) | (LAST if end == total else 0) | (WANTS_ANSWER if m.wants_answer else 0)
        piece = m.payload if end - start == total else memoryview(m.payload)[start:end]
        return m.kind, m.lane, flags, m.source, m.target, m.object, total, m.corr, piece

    def advance(self) -> bool:
        """The part has gone: the next lane's turn. True when it ended its message."""
        lane = self._turn.popleft()
        queue = self._lanes[lane]
        pending = queue[0]
        total = len(pending.message.payload)
        step = min(self._part, total - pending.offset)
        pending.offset += step
        self._lane_bytes[lane] -= step
        self.bytes -= step
        ended = pending.offset >= total
        if ended:
            queue.popleft()
        if queue:
            self._turn.append(lane)
        return ended

    def take_all(self) -> list[Message]:
        """Everything that has not gone whole, in the order of each lane; nothing is left."""
        found = [pending.message for queue in self._lanes for pending in queue]
        self._empty()
        return found


@dataclass(slots=True)
class Partial:
    """The beginning of a message whose other parts are still to come."""

    same: tuple[int, int, int, int, int, int]  # kind, source, target, object, total, corr: equal in every part
    data: bytearray


class Assembly:
    """Parts in, messages out. Raises Lost for anything that no correct peer sends."""

    def __init__(self, limit_bytes: int, lanes: Lanes | None = None) -> None:
        self._limit = limit_bytes
        self._lanes = lanes if lanes is not None else Lanes(LANE_COUNT, LINK_CONTROL)  # shared with what takes whole messages elsewhere
        self._partial: list[Partial | None] = [None] * LANE_COUNT
        self.repeated = 0  # parts that had arrived before: dropped

    def add(self, part: Part) -> Message | None:
        """The message that `part` completes, or None."""
        kind, lane, flags, source, target, object_, total, corr, payload, seq = part
        if lane >= LANE_COUNT:
            raise Lost(f"poisoned: no lane {lane}")
        taken = self._lanes.taken(lane)
        if seq != taken + 1:
            if 0 < seq <= taken:
                self.repeated += 1
                return None
            raise Lost(f"poisoned: lane {lane} goes from {taken} to {seq}")
        self._lanes.count_taken(lane, not flags & LAST)
        if flags & WHOLE != WHOLE:
            whole = self._continue(part)
            if whole is None:
                return None
            payload = whole
        elif self._partial[lane] is not None:
            raise Lost(f"poisoned: a message inside another one in lane {lane}")
        return Message(kind, lane, source, target, object_, corr, payload, bool(flags & WANTS_ANSWER))

    def _continue(self, part: Part) -> bytes | None:
        kind, lane, flags, source, target, object_, total, corr, payload, _ = part
        same = (kind, source, target, object_, total, corr)
        partial = self._partial[lane]
        if flags & FIRST:
            if partial is not None or total > self._limit:
                raise Lost(f"poisoned: message of {total} bytes" if partial is None else "poisoned: two first parts")
            self._partial[lane] = partial = Partial(same, bytearray())
        if partial is None or partial.same != same or len(partial.data) + len(payload) > total:
            raise Lost(f"poisoned: a part that continues nothing in lane {lane}")
        partial.data += payload  # memory grows with what has arrived, never with what was announced
        if not flags & LAST:
            return None
        if len(partial.data) != total:
            raise Lost(f"poisoned: a message ends after {len(partial.data)} of {total} bytes")
        self._partial[lane] = None
        return bytes(partial.data)
