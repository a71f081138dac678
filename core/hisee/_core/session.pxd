"""The way of a message between a user and the ring, for other compiled modules."""

from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from hisee._core cimport cring as c
from hisee._core.kept cimport Kept
from hisee._core.message cimport Message
from hisee._core.ring cimport Rings


cdef extern from "esl_session.h" nogil:
    unsigned int ESL_LANES

    ctypedef struct esl_lanes_t:
        uint64_t *sent
        uint64_t *taken
        uint32_t open
        uint32_t count

    void esl_lanes_init(esl_lanes_t *lanes, uint32_t count, uint16_t control) noexcept
    uint64_t esl_coarse_ns() noexcept
    bint esl_lanes_next(const esl_lanes_t *lanes, const c.esl_record_view_t *view) noexcept


cdef class Guard:
    cdef PyThread_type_lock _lock
    cdef bint held


cdef class Lanes:
    cdef esl_lanes_t _lanes
    cdef unsigned int _place(self, unsigned int lane) except? 255


cdef class Quick:
    cdef public Rings _rings
    cdef public Kept _kept  # of what goes into the rings; None = nothing is sent again
    cdef public Lanes _lanes
    cdef public object _guard
    cdef public object _ready  # deque of messages that were received and not handed over
    cdef public dict _unspoken  # kinds that the peer does not know
    cdef public str _end  # reason, once nothing more will come
    cdef public bint _closed
    cdef public bint _queued  # something waits in the backlog
    cdef public bint _spoke  # since the last tick
    cdef public bint _heard
    cdef public bint _heard_here  # and nobody has looked at the clock for it
    cdef public Py_ssize_t _part_bytes
    cdef public uint64_t sent
    cdef public uint64_t received
    cdef public uint64_t _look_ns  # after so long Channel looks at clock, heartbeat and the peer's life, however much comes
    cdef uint64_t _looked_ns
    cdef unsigned int _in_a_row
    cdef Message next(self)
    cdef bint _usable(self)
    cdef bint _push(self, Message m) except -1
    cdef Message _next(self)
    cdef bint _come(self, double timeout_s, bint may_sleep) except -1
