# cython: binding=False
"""The way of a message between a user and the ring while nothing is in the way: numbers, checks, one record, without Python in between.

`Quick` is the base of hisee.channel.Channel, which decides everything else: parts, backlog, other carriers, silence, the end. It
falls back on the methods `_send` and `_receive` of Channel whenever it cannot be sure.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport (NOWAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_release_lock,
                               PyThread_type_lock)
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from hisee._core cimport cring as c
from hisee._core.cframe cimport esl_envelope_of, esl_envelope_t
from hisee._core.kept cimport Kept
from hisee._core.message cimport Message
from hisee._core.ring cimport Rings


cdef enum:
    WHOLE = 3
    WANTS_ANSWER = 4
    LOOK_EACH = 16  # receives between two looks at the coarse clock
    PARK_NS = 2_000_000  # longest sleep here, because it does not see the peer's death


cdef class Guard:
    """A lock whose state is seen without asking: with the GIL held, `held` false means that nobody is inside, and nobody comes."""

    def __cinit__(self):
        self._lock = PyThread_allocate_lock()
        if self._lock == NULL:
            raise MemoryError("no lock could be made")

    def __dealloc__(self):
        if self._lock != NULL:
            PyThread_free_lock(self._lock)

    def acquire(self, bint blocking=True) -> bool:
        if not PyThread_acquire_lock(self._lock, NOWAIT_LOCK):
            if not blocking:
                return False
            with nogil:
                PyThread_acquire_lock(self._lock, 1)
        self.held = True
        return True

    def release(self) -> None:
        self.held = False
        PyThread_release_lock(self._lock)

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *fault):
        self.release()


cdef class Lanes:
    """Numbers of the lanes, for the Python side. `sent`, `taken`: of the newest part; `open`: a message in parts has begun."""

    def __init__(self, unsigned int count, unsigned int control):
        esl_lanes_init(&self._lanes, count, control)

    cdef unsigned int _place(self, unsigned int lane) except? 255:
        if lane >= self._lanes.count:
            raise IndexError(f"lane {lane} of {self._lanes.count}")
        return lane

    def sent(self, unsigned int lane) -> int:
        return self._lanes.sent[self._place(lane)]

    def count_sent(self, unsigned int lane) -> None:
        self._lanes.sent[self._place(lane)] += 1

    def taken(self, unsigned int lane) -> int:
        return self._lanes.taken[self._place(lane)]

    def count_taken(self, unsigned int lane, bint is_open) -> None:
        self._lanes.taken[self._place(lane)] += 1
        if is_open:
            self._lanes.open |= <uint32_t>1 << lane
        else:
            self._lanes.open &= ~(<uint32_t>1 << lane)


cdef class Quick:
    """See the module's text. `_rings` None: another carrier, everything goes through `_send` and `_receive`."""

    def send(self, message) -> None:
        """Accept `message` for delivery; never blocks.

        Raises ChannelClosed after the end, ChannelFull over the limit backlog_bytes, MessageTooLong, NotSpoken.
        """
        if type(message) is not Message or self._rings is None or not self._push(<Message>message):
            self._send(message)

    def receive(self, double timeout_s, also=()):
        """The next message, or None when none came in time or one of the descriptors `also` is readable.

        Raises ChannelClosed after the last one.
        """
        if self._rings is None:
            return self._receive(timeout_s, also)
        self._in_a_row += 1
        if self._in_a_row % LOOK_EACH == 0 and esl_coarse_ns() - self._looked_ns > self._look_ns:
            message = self._receive(0.0, ())
            self._looked_ns = esl_coarse_ns()
            if message is not None:
                return message
        if not self._end and not self._closed and not self._ready:
            message = self._next()
            if message is None and timeout_s > 0 and self._come(timeout_s, not also):
                message = self._next()
            if message is not None:
                return message
        message = self._receive(timeout_s, also)
        self._looked_ns = esl_coarse_ns()
        return message

    @cython.final
    cdef Message next(self):
        """The next whole message that is there, without a wait; None: none is, or one that Channel must look at."""
        if self._rings is None or self._end or self._closed or self._ready:
            return None
        return self._next()

    @cython.final
    cdef bint _usable(self):
        cdef Rings r = self._rings
        return r._own != NULL and not r._ending and r._forks == r._fork_count[0]

    @cython.final
    cdef bint _push(self, Message m) except -1:
        """True: it is in the ring. False: something is in the way."""
        cdef Rings r = self._rings
        cdef Kept kept = self._kept
        cdef esl_lanes_t *lanes = &self._lanes._lanes
        cdef esl_envelope_t e
        cdef uint32_t size
        if self._end or self._queued or not PyBytes_CheckExact(m.payload) or (<Guard>self._guard).held or not self._usable():
            return False
        if m.lane >= lanes.count or PyBytes_GET_SIZE(m.payload) > self._part_bytes or (self._unspoken and m.kind in self._unspoken):
            return False
        if kept is not None and kept._count == kept._room:
            return False
        size = <uint32_t>PyBytes_GET_SIZE(m.payload)
        e = esl_envelope_of(size, m.kind, m.lane, WHOLE | WANTS_ANSWER if m.wants_answer else WHOLE, m.source, m.target, m.object, size,
                            m.corr)
        if c.esl_ring_publish(&r._producer, &e, PyBytes_AS_STRING(m.payload), lanes.sent[m.lane] + 1) != c.ESL_RING_OK:
            return False
        lanes.sent[m.lane] += 1
        self.sent += 1
        self._spoke = r._waiter.expecting = True
        c.esl_waiter_here(&r._waiter, r._own)
        if not m.quiet:
            c.esl_call_reader(&r._waiter, &r._producer, r._bell)
        if kept is not None:  # behind the call: the reader goes on meanwhile
            kept._add(&e, m.payload, lanes.sent[m.lane])
        return True

    @cython.final
    cdef Message _next(self):
        """The next message of the ring; None: none there, or one that Channel must look at."""
        cdef Rings r = self._rings
        cdef c.esl_record_view_t view
        cdef esl_envelope_t *e = &view.envelope
        cdef Message m
        if not self._usable() or c.esl_ring_peek(&r._consumer, &view) != c.ESL_RING_OK or not esl_lanes_next(&self._lanes._lanes, &view):
            return None
        payload = PyBytes_FromStringAndSize(NULL, e.length)
        if c.esl_ring_take(&r._consumer, &view, PyBytes_AS_STRING(payload)) != c.ESL_RING_OK:
            return None  # poisoned, which stays: Channel finds it
        m = Message.__new__(Message)
        m.kind, m.lane, m.source, m.target, m.object, m.corr = e.kind, e.lane, e.source, e.target, e.object, e.corr
        m.payload, m.wants_answer = payload, e.flags & WANTS_ANSWER != 0
        self._lanes._lanes.taken[e.lane] += 1
        self.received += 1
        self._heard = self._heard_here = r._waiter.expecting = True
        if c.esl_ring_owes_release(&r._consumer):
            c.esl_call_writer(&r._waiter, &r._consumer, r._bell)
        return m

    @cython.final
    cdef bint _come(self, double timeout_s, bint may_sleep) except -1:
        """Whether something has come, after a look and, where nothing else is waited for, a short sleep."""
        cdef Rings r = self._rings
        cdef c.esl_wait_status status
        cdef uint64_t limit_ns
        if not self._usable():
            return False
        if c.esl_look_ns(&r._waiter, r._peer) and c.esl_look_briefly(&r._waiter, &r._consumer):
            return True
        c.esl_call_writer(&r._waiter, &r._consumer, r._bell)
        if self._queued or not may_sleep or not c.esl_peer_knows_futex(r._peer) or not r._waiter.expecting:
            return False
        limit_ns = PARK_NS if timeout_s > PARK_NS / 1e9 else <uint64_t>(timeout_s * 1e9)
        r._waiting += 1
        with nogil:
            status = c.esl_wait_data(&r._waiter, &r._consumer, limit_ns)
        r._leave()
        if status == c.ESL_INTERRUPTED:
            PyErr_CheckSignals()
        return status == c.ESL_CAME
