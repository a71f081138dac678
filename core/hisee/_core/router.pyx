"""The router's data plane (core/c/esl_router.h): a thread of its own, edited and listened to from Python.

Maps the segments of its ring ports and keeps them until their end has come up. Bells and sockets stay the caller's.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from posix.fcntl cimport O_CLOEXEC, O_RDONLY
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

from hisee._core cimport cring as ring
from hisee._core cimport crouter as c
from hisee._core.book cimport Book
from hisee._core.cframe cimport esl_envelope_of, esl_envelope_t
from hisee._core.ring cimport Rings

import os

OWN, FOREIGN, REFUSED, ENDED, DAMAGED, BEHIND, JUDGE = 1, 2, 3, 4, 5, 6, 7  # why something comes up
ALL_LANES = 0xFFFFFFFF


cdef class _Mapping:
    """Both segments of a ring port."""

    cdef void *own
    cdef void *peer
    cdef uint64_t size

    def __dealloc__(self):
        if self.own != NULL:
            munmap(self.own, self.size)
        if self.peer != NULL:
            munmap(self.peer, self.size)

    cdef void *map_one(self, int fd, bint writable) except NULL:
        if os.fstat(fd).st_size != self.size:
            raise ValueError("a segment has not the size it should have")
        cdef void *at = mmap(NULL, self.size, PROT_READ | PROT_WRITE if writable else PROT_READ, MAP_SHARED, fd, 0)
        if at == MAP_FAILED:
            raise MemoryError("a segment cannot be mapped")
        return at


cdef _Mapping mapped(int own_fd, int peer_fd, uint32_t capacity, uint32_t epoch):
    if not ring.esl_ring_capacity_ok(capacity):
        raise ValueError("capacity of a ring is a power of two")
    cdef _Mapping made = _Mapping()
    made.size = ring.esl_ring_bytes(capacity)
    made.own = made.map_one(own_fd, True)
    reader = os.open(f"/proc/self/fd/{peer_fd}", O_RDONLY | O_CLOEXEC)
    try:
        made.peer = made.map_one(reader, False)
    finally:
        os.close(reader)
    for at in (<size_t>made.own, <size_t>made.peer):
        if not ring.esl_segment_ok(<ring.esl_segment_t *>at, made.size, capacity, epoch):
            raise ValueError("a segment is of another kind")
    return made


cdef class Router:
    """Runs from its making to `close`. `up_bell` is a descriptor, readable when `up` has something."""

    cdef c.esl_router_t *_router
    cdef dict _mappings  # port -> what its segments are mapped by
    cdef Book _book
    cdef readonly int up_bell

    def __cinit__(self, *, uint64_t backlog_bytes, uint64_t message_bytes, uint64_t up_bytes, uint32_t part_bytes, uint32_t spin=0,
                  Book book=None):
        cdef c.esl_router_limits_t limits
        limits.backlog_bytes, limits.message_bytes, limits.up_bytes = backlog_bytes, message_bytes, up_bytes
        limits.part_bytes, limits.spin = part_bytes, spin
        self._mappings, self._book = {}, book
        self._router = c.esl_router_new(&limits, NULL if book is None else book._book)
        if self._router == NULL or not c.esl_router_start(self._router):
            raise MemoryError("the router's thread cannot be started")
        self.up_bell = c.esl_router_up_bell(self._router)

    def __dealloc__(self):
        self._stop()

    cdef void _stop(self):
        if self._router != NULL:
            with nogil:
                c.esl_router_free(self._router)
            self._router = NULL

    cdef int _check(self, bint done=True) except -1:
        if self._router == NULL:
            raise ValueError("the router is closed")
        if not done:
            raise MemoryError("the order cannot be given")
        return 0

    def close(self) -> None:
        """End the thread and unmap everything; idempotent."""
        self._stop()
        self._mappings = {}

    def add_ring(self, int own_fd, int peer_fd, uint32_t capacity, uint32_t epoch, int bell, int peer_bell) -> int:
        """A port over two segments, seen from the router's side; the segment descriptors may be closed afterwards."""
        self._check()
        cdef _Mapping made = mapped(own_fd, peer_fd, capacity, epoch)
        port = c.esl_router_add_ring(self._router, <ring.esl_segment_t *>made.own, <ring.esl_segment_t *>made.peer, bell, peer_bell)
        self._check(port >= 0)
        self._mappings[port] = made
        return port

    def add_mapped(self, Rings rings, int bell) -> int:
        """The same over rings that this process has mapped and nobody uses any more: numbers of lanes begin with 1."""
        self._check()
        if rings._own == NULL or rings._waiting:
            raise ValueError("the rings are closed, or somebody waits at them")
        port = c.esl_router_add_ring(self._router, rings._own, rings._peer, bell, rings._bell)
        self._check(port >= 0)
        self._mappings[port] = rings
        return port

    def add_stream(self, int socket, uint64_t session, uint32_t epoch) -> int:
        """A port over a stream socket behind its logon."""
        self._check()
        port = c.esl_router_add_stream(self._router, socket, session, epoch)
        self._check(port >= 0)
        return port

    def drop(self, int port) -> None:
        """Read what is there, then end; ENDED comes up."""
        self._check()
        self._check(c.esl_router_drop(self._router, port))

    def leave(self, int port, bytes goodbye) -> None:
        """Send what was accepted, then a GOODBYE with that payload, then end; ENDED comes up. What still comes is thrown away."""
        self._check()
        self._check(c.esl_router_leave(self._router, port, PyBytes_AS_STRING(goodbye), <uint32_t>len(goodbye)))

    def route(self, uint32_t number, int port) -> None:
        """Messages for that process go to the port; -1: to nobody any more."""
        self._check()
        self._check(c.esl_router_set_route(self._router, number, port))

    def let_pass(self, unsigned short kind, uint32_t lanes=ALL_LANES) -> None:
        """Messages of that kind need not come up in these lanes (a bit each)."""
        self._check()
        self._check(c.esl_router_set_pass(self._router, kind, lanes))

    def send(self, int port, unsigned short kind, unsigned char lane, uint32_t source, uint32_t target, uint32_t object, uint64_t corr,
             payload, bint wants_answer=False, bint quiet=False) -> bool:
        """A message of the owner; `quiet`: it wakes nobody. False: the backlog is full. One for a port that has ended is lost with it."""
        cdef esl_envelope_t e
        cdef Py_buffer view
        self._check()
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        e = esl_envelope_of(<uint32_t>view.len, kind, lane, 4 if wants_answer else 0, source, target, object, <uint32_t>view.len, corr)
        status = c.esl_router_send(self._router, port, &e, view.buf, quiet)
        PyBuffer_Release(&view)
        if status == c.ESL_SEND_WRONG:
            raise ValueError(f"a message of {len(payload)} bytes in lane {lane}")
        return status != c.ESL_SEND_FULL

    def settle(self, int port, unsigned char lane, uint32_t count) -> None:
        """So many messages of that port and lane have come up and are dealt with: what they made the owner send has been sent."""
        self._check()
        c.esl_router_settle(self._router, port, lane, count)

    def heard(self, int port) -> int:
        """Grows with everything that comes by the port, heartbeats too. Has what came without a call read now."""
        self._check()
        return c.esl_router_heard(self._router, port)

    def backlog(self, int port) -> int:
        """Bytes that wait for the port's peer."""
        self._check()
        return c.esl_router_backlog(self._router, port)

    def sync(self) -> None:
        """Wait until everything before has taken effect."""
        self._check()
        with nogil:
            c.esl_router_sync(self._router)

    def up(self) -> tuple | None:
        """The next for the owner: port, why, kind, lane, wants an answer, source, target, object, corr, payload; None = nothing."""
        cdef c.esl_up_t head
        self._check()
        if not c.esl_router_up_look(self._router, &head):
            return None
        payload = PyBytes_FromStringAndSize(NULL, head.envelope.length)
        c.esl_router_up_take(self._router, PyBytes_AS_STRING(payload))
        if head.why == <uint32_t>c.ESL_UP_ENDED or head.why == <uint32_t>c.ESL_UP_DAMAGED:
            self._mappings.pop(head.port, None)
        e = head.envelope
        return head.port, head.why, e.kind, e.lane, bool(e.flags & 4), e.source, e.target, e.object, e.corr, payload

    def counts(self, int port) -> dict:
        """Figures of a port."""
        cdef c.esl_port_counts_t found
        cdef bint known
        self._check()
        with nogil:
            known = c.esl_router_counts(self._router, port, &found)
        if not known:
            raise ValueError(f"there is no port {port}")
        return {"taken": found.taken, "taken_bytes": found.taken_bytes, "given": found.given, "given_bytes": found.given_bytes,
                "waiting_bytes": found.waiting_bytes, "refused": found.refused}
