# cython: binding=False
"""What a session that outlives its carrier counts and keeps for each message."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from hisee._core.message cimport Message


cdef struct inner_t:  # in front of the payload of SESSION_DATA; all of it little endian and without gaps
    uint16_t kind
    uint16_t asks  # 1 byte, then a zero
    uint32_t source
    uint32_t target
    uint32_t object
    uint64_t corr


cdef enum:
    LANES = 16
    TIDY = 32  # places of confirmed frames that may stay
    APART = 8  # kinds that no session carries, at most


cdef class Numbers:
    """What a session that outlives its carrier does for each message: `keep` numbers and encloses it, `take` checks and discloses it.

    The base of hisee.channel.session.Session, which says what is wrong (`_full`, `_wrong`) and does all that is rare.
    """

    cdef public object line
    cdef public uint64_t bytes  # kept
    cdef public uint64_t repeated  # arrived once more: dropped
    cdef list _kept  # of each lane: frames, None in front for those that are confirmed
    cdef Py_ssize_t[LANES] _first  # of those that are not
    cdef unsigned int _lanes
    cdef uint64_t[LANES] _lane_bytes
    cdef uint64_t[LANES] _sent
    cdef uint64_t[LANES] _taken
    cdef uint64_t _limit
    cdef uint64_t _serial  # among all lanes
    cdef uint64_t _owed
    cdef uint64_t _owed_bytes
    cdef uint64_t _due
    cdef uint64_t _due_bytes
    cdef uint16_t _data
    cdef uint16_t[APART] _apart  # kinds that travel by connection
    cdef unsigned int _apart_count

    def __init__(self, uint64_t limit_bytes, unsigned int lanes, uint16_t data, by_connection, uint64_t due, uint64_t due_bytes):
        if lanes > LANES:
            raise ValueError(f"{lanes} lanes: a session counts {LANES}")
        if len(by_connection) > APART:
            raise ValueError(f"{len(by_connection)} kinds by connection: a session knows {APART}")
        self._due, self._due_bytes = due, due_bytes
        self._limit, self._lanes, self._data = limit_bytes, lanes, data
        self._kept = [[] for _ in range(lanes)]
        for kind in by_connection:
            self._apart[self._apart_count] = kind
            self._apart_count += 1

    @property
    def sent_counts(self) -> list:
        return [self._sent[lane] for lane in range(self._lanes)]

    @property
    def taken_counts(self) -> list:
        return [self._taken[lane] for lane in range(self._lanes)]

    @property
    def owed(self) -> bool:
        """Something was taken since the last confirmation."""
        return self._owed > 0

    @property
    def due(self) -> bool:
        """So much that the confirmation does not wait for the heartbeat."""
        return self._owed >= self._due or self._owed_bytes >= self._due_bytes

    def settle(self) -> None:
        self._owed = self._owed_bytes = 0

    def keep(self, Message message) -> Message:
        """Number `message` and keep it until it is confirmed; what is to be sent. Raises ChannelFull, with the bounds of a Backlog."""
        cdef unsigned int lane = message.lane
        cdef list frames = self._kept[lane]  # IndexError for a lane that leaves no process
        cdef uint64_t size = sizeof(inner_t) + <uint64_t>len(message.payload)
        if len(frames) > self._first[lane] and (self.bytes + size > self._limit or self._lane_bytes[lane] + size > self._limit * 3 // 4):
            self._full()
        cdef Message frame = enclosed(message, self._data, self._sent[lane] + 1)
        self._sent[lane] += 1
        self._serial += 1
        frame.serial = self._serial
        frames.append(frame)
        self._lane_bytes[lane] += size
        self.bytes += size
        return frame

    def unconfirmed(self) -> list:
        """What is kept, in the order of `keep`."""
        cdef Message frame
        found = [(frame.serial, frame) for frames in self._kept for frame in frames if frame is not None]
        found.sort()
        return [pair[1] for pair in found]

    def confirm(self, counts) -> None:
        """The other end has taken so many of each lane. Raises SessionFault for more than were sent, or fewer than it once had."""
        cdef unsigned int lane
        cdef uint64_t[LANES] told
        if len(counts) != <Py_ssize_t>self._lanes:
            self._wrong(f"counts of {len(counts)} lanes instead of {self._lanes}")
        for lane in range(self._lanes):
            told[lane] = self._told(lane, counts[lane])
        for lane in range(self._lanes):
            self._forget(lane, told[lane])

    cdef uint64_t _told(self, unsigned int lane, object count) except? 0:
        """The count of a lane, which must lie between what was confirmed and what was sent."""
        cdef int overflow = 0
        cdef int64_t told = PyLong_AsLongLongAndOverflow(count, &overflow)  # -1 as well where it does not fit
        cdef uint64_t sent = self._sent[lane], confirmed = sent - <uint64_t>(len(<list>self._kept[lane]) - self._first[lane])
        if told < 0 or not confirmed <= <uint64_t>told <= sent:
            self._wrong(f"the other end says that it took {count} messages of lane {lane}; {sent} were sent, {confirmed} were confirmed")
        return <uint64_t>told

    cdef int _forget(self, unsigned int lane, uint64_t count) except -1:
        cdef list frames = self._kept[lane]
        cdef Py_ssize_t first = self._first[lane], size
        while first < len(frames) and (<Message>frames[first]).corr <= count:
            size = PyBytes_GET_SIZE((<Message>frames[first]).payload)
            self._lane_bytes[lane] -= <uint64_t>size
            self.bytes -= <uint64_t>size
            frames[first] = None
            first += 1
        if first > TIDY and 2 * first >= len(frames):
            del frames[:first]
            first = 0
        self._first[lane] = first
        return 0

    def take(self, line, Message frame):
        """The message that `frame` carries, to be handed on before anything is confirmed; None = it is not for us to take.

        Raises SessionFault when one before it is missing: the line has lost something and must be replaced.
        """
        cdef unsigned int lane = frame.lane
        if line is not self.line and line != self.line:
            return None
        message = self.disclose(frame)
        if frame.corr == 0:
            return message
        if lane >= self._lanes:
            self._wrong(f"no lane {lane}")
        if frame.corr <= self._taken[lane]:
            self.repeated += 1
            return None
        if frame.corr != self._taken[lane] + 1:
            self._wrong(f"lane {lane} goes from {self._taken[lane]} to {frame.corr}")
        self._taken[lane] = frame.corr
        self._owed += 1
        self._owed_bytes += <uint64_t>PyBytes_GET_SIZE(frame.payload)
        return message

    cpdef Message disclose(self, Message frame):
        """The message that a SESSION_DATA carries; raises SessionFault."""
        cdef inner_t inner
        cdef unsigned int place
        if not PyBytes_CheckExact(frame.payload) or PyBytes_GET_SIZE(frame.payload) < <Py_ssize_t>sizeof(inner_t):
            self._wrong(f"SESSION_DATA of {len(frame.payload)} bytes")
        cdef char *at = PyBytes_AS_STRING(frame.payload)
        memcpy(&inner, at, sizeof(inner_t))
        for place in range(self._apart_count):
            if inner.kind == self._apart[place]:
                self._wrong(f"message {inner.kind:#06x} inside SESSION_DATA")
        cdef Message m = Message.__new__(Message)
        m.kind, m.lane, m.source, m.target, m.object, m.corr = inner.kind, frame.lane, inner.source, inner.target, inner.object, inner.corr
        m.wants_answer = inner.asks & 0xff != 0
        m.payload = PyBytes_FromStringAndSize(at + sizeof(inner_t), PyBytes_GET_SIZE(frame.payload) - <Py_ssize_t>sizeof(inner_t))
        return m


def enclose(Message message, unsigned int data, uint64_t number) -> Message:
    """The frame of kind `data` (SESSION_DATA) that carries `message` as number `number` of its lane."""
    return enclosed(message, <uint16_t>data, number)


cdef Message enclosed(Message message, uint16_t data, uint64_t number):
    cdef inner_t inner
    cdef Message m = Message.__new__(Message)
    cdef object payload = message.payload if PyBytes_CheckExact(message.payload) else bytes(message.payload)
    inner.kind, inner.asks, inner.source, inner.target = message.kind, 1 if message.wants_answer else 0, message.source, message.target
    inner.object, inner.corr = message.object, message.corr
    whole = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>sizeof(inner_t) + PyBytes_GET_SIZE(payload))
    memcpy(PyBytes_AS_STRING(whole), &inner, sizeof(inner_t))
    memcpy(PyBytes_AS_STRING(whole) + sizeof(inner_t), PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
    m.kind, m.lane, m.source, m.corr, m.payload, m.quiet = data, message.lane, message.source, number, whole, message.quiet
    return m
