# cython: binding=False
"""A bare ring between two processes for threads that block: bytes in order, without an envelope's fields, session or event loop."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint32_t

from hisee._core cimport cring as c
from hisee._core.cframe cimport esl_envelope_of, esl_envelope_t
from hisee._core.ring cimport Rings

from hisee._core.ring import RingPoisoned

c.esl_count_forks()


class RingEnded(Exception):
    """The other end is gone, and everything that it had sent was read."""


cdef enum:
    FUTEX_NS = 10_000_000  # longest sleep in the futex, which tells nothing of the peer's death; then at the bell
    WHOLE = 3
    AT_A_TIME = 64  # records of one drain
    CALL_EACH = 256  # records of a batch after which a sleeping peer is called


cdef class Claim:
    """Memory in the ring as a buffer that knows how many views look into it."""

    cdef object owner  # of the memory
    cdef void *at
    cdef Py_ssize_t length
    cdef int views

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.at, self.length, 0, flags)
        self.views += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.views -= 1


cdef class RingEnd(Rings):
    """One end of a bare ring for a thread that blocks: bytes in order, nothing else. Not for several threads at once.

    bell, control   this side's eventfd, and a socket whose other end the peer holds: its end is the peer's. Both borrowed.
    """

    cdef int _own_bell
    cdef int _control
    cdef Claim _claim
    cdef object _view

    def __init__(self, int own_fd, int peer_fd, uint32_t capacity, uint32_t epoch, int peer_bell, int bell, int control):
        super().__init__(own_fd, peer_fd, capacity, epoch, peer_bell)
        self._own_bell, self._control = bell, control
        self._forks, self._fork_count = c.esl_fork_count, &c.esl_fork_count  # this module's own, beside what it needs anyway

    def close(self) -> None:
        """Unmap, as Rings does; BufferError while something looks into a claim, because the memory goes."""
        if self._claim is not None:
            self._view.release()
            if self._claim.views:
                raise BufferError("something still looks into the claim: release it, then close")
        super().close()

    def send(self, payload) -> None:
        """Wait for room, commit one record, wake the peer if it sleeps. ValueError: longer than payload_max. RingEnded: it is gone."""
        self._put_one(payload)
        self._publish()

    def send_many(self, payloads) -> None:
        """The same for each of `payloads`, published together: one wake at most where the peer keeps pace."""
        cdef Py_ssize_t unseen = 0
        for payload in payloads:
            self._put_one(payload)
            unseen += 1
            if unseen == CALL_EACH:
                self._publish()
                unseen = 0
        self._publish()

    def claim(self, uint32_t length) -> memoryview:
        """Room for a payload of `length` bytes in the ring itself, to be written in place; `commit` sends it. One at a time."""
        cdef uint8_t *place
        self._ready()
        while not self._settled(c.esl_ring_claim(&self._producer, length, &place), length):
            pass
        self._claim = claim = Claim()
        self._claimed = True
        claim.owner, claim.at, claim.length = self, place, length
        self._view = memoryview(claim)
        return self._view

    def commit(self, length=None) -> None:
        """Send what was claimed, or its first `length` bytes; the view ends. BufferError: another one still looks into it."""
        cdef Claim claim = self._claim
        if claim is None:
            raise RuntimeError("nothing is claimed: call claim first")
        if length is None:
            length = claim.length
        if not 0 <= length <= claim.length:
            raise ValueError(f"{length} bytes of a claim of {claim.length}")
        self._check()
        self._view.release()
        if claim.views:
            raise BufferError("something still looks into the claim: release it, then commit again")
        self._claim = self._view = None
        self._claimed = False
        cdef esl_envelope_t e = envelope(length)
        c.esl_ring_fill(&self._producer, &e, 0)
        self._publish()

    def recv(self, timeout_s=None) -> bytes | None:
        """The next payload; None: none came in time. RingEnded after the last one of a peer that is gone."""
        if self._own == NULL or self._forks != self._fork_count[0]:
            self._check()
        found = self._take()
        if found is None and self._wait(-1 if timeout_s is None else <int64_t>(timeout_s * 1e9)):
            found = self._take()
        if c.esl_ring_owes_release(&self._consumer):
            c.esl_call_writer(&self._waiter, &self._consumer, self._bell)
        return found

    def recv_many(self, Py_ssize_t most=AT_A_TIME, timeout_s=None) -> list:
        """All payloads that are there, `most` at most; waits for the first one. Empty: none came in time."""
        cdef list found = []
        self._check()
        payload = self._take()
        if payload is None and self._wait(-1 if timeout_s is None else <int64_t>(timeout_s * 1e9)):
            payload = self._take()
        while payload is not None:
            found.append(payload)
            payload = self._take() if len(found) < most else None
        if found:
            c.esl_call_writer(&self._waiter, &self._consumer, self._bell)
        return found

    @cython.final
    cdef inline int _ready(self) except -1:
        if self._own == NULL or self._forks != self._fork_count[0]:
            self._check()
        if self._claimed:
            raise RuntimeError("a claim is open: commit it first")
        return 0

    @cython.final
    cdef inline int _put_one(self, object payload) except -1:
        """Bytes, or whatever has a buffer."""
        cdef Py_buffer view
        if PyBytes_CheckExact(payload):
            return self._put(PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        try:
            return self._put(view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    @cython.final
    cdef int _put(self, const void *bytes, Py_ssize_t length) except -1:
        if length > c.esl_ring_payload_max(self.capacity):
            raise ValueError(f"payload of {length} bytes: a record of this ring holds {c.esl_ring_payload_max(self.capacity)}")
        cdef esl_envelope_t e = envelope(<uint32_t>length)
        self._ready()
        cdef c.esl_ring_status status = c.esl_ring_put(&self._producer, &e, bytes, 0)
        while status != c.ESL_RING_OK and not self._settled(status, e.length):
            status = c.esl_ring_put(&self._producer, &e, bytes, 0)
        return 0

    @cython.final
    cdef inline void _publish(self) noexcept:
        c.esl_ring_commit(&self._producer)
        self._waiter.expecting = True  # while the commit is on its way to the other processor: the look at the sleeper waits for it
        c.esl_waiter_here(&self._waiter, self._own)
        c.esl_call_reader(&self._waiter, &self._producer, self._bell)

    @cython.final
    cdef bint _settled(self, c.esl_ring_status status, uint32_t length) except -1:
        """True: done. False: try again, there was no room and some may have come."""
        if status == c.ESL_RING_OK:
            return True
        if status == c.ESL_RING_LONG:
            raise ValueError(f"payload of {length} bytes: a record of this ring holds {c.esl_ring_payload_max(self.capacity)}")
        if status == c.ESL_RING_POISON:
            raise RingPoisoned("the peer's read position cannot be")
        self._publish()
        self._wait_room(length)
        return False

    @cython.final
    cdef int _wait_room(self, uint32_t length) except -1:
        cdef c.esl_wait_status slept
        self._waiting += 1
        with nogil:
            slept = c.esl_wait_room(&self._waiter, &self._producer, length, FUTEX_NS)
        self._leave()
        self._check()
        if slept != c.ESL_CAME:
            PyErr_CheckSignals()
            if c.esl_hung_up(self._control):
                raise RingEnded("the other end is gone")
        return 0

    @cython.final
    cdef inline object _take(self):
        cdef c.esl_record_view_t view
        cdef c.esl_ring_status status = c.esl_ring_peek(&self._consumer, &view)
        if status == c.ESL_RING_EMPTY:
            return None
        if status == c.ESL_RING_OK:
            payload = PyBytes_FromStringAndSize(NULL, view.envelope.length)
            status = c.esl_ring_take(&self._consumer, &view, PyBytes_AS_STRING(payload))
        if status != c.ESL_RING_OK:
            raise RingPoisoned("the peer's positions or bytes cannot be")
        self._waiter.expecting = True
        return payload

    @cython.final
    cdef bint _wait(self, int64_t limit_ns) except -1:
        """Until something is there (True) or the time is over."""
        cdef c.esl_wait_status status
        cdef int64_t first_ns = FUTEX_NS if limit_ns < 0 or limit_ns > FUTEX_NS else limit_ns
        c.esl_call_writer(&self._waiter, &self._consumer, self._bell)
        if c.esl_look_ns(&self._waiter, self._peer) and c.esl_look_briefly(&self._waiter, &self._consumer):
            return True
        if self._rest(first_ns):
            return True
        if 0 <= limit_ns <= FUTEX_NS and c.esl_peer_knows_futex(self._peer):
            return False
        return self._wait_long(limit_ns)

    @cython.final
    cdef bint _rest(self, int64_t limit_ns) except -1:
        """A sleep in the futex, at most so long: whether something came."""
        cdef c.esl_wait_status status
        if not c.esl_peer_knows_futex(self._peer):
            return False
        self._waiting += 1
        with nogil:
            status = c.esl_wait_data(&self._waiter, &self._consumer, limit_ns)
        self._leave()
        self._check()
        if status == c.ESL_INTERRUPTED:
            PyErr_CheckSignals()
        return status == c.ESL_CAME

    @cython.final
    cdef bint _wait_long(self, int64_t limit_ns) except -1:
        cdef c.esl_wait_status status
        cdef bint gone
        while True:
            self._waiting += 1
            with nogil:
                status = c.esl_wait_at_bell(&self._consumer, self._own_bell, self._control, limit_ns)
            self._leave()
            self._check()
            gone = status == c.ESL_CAME and c.esl_hung_up(self._control)  # before the last look: what it left is read
            if not c.esl_ring_empty(&self._consumer):
                return True
            if gone:
                raise RingEnded("the other end is gone")
            if status == c.ESL_NOT_YET:
                return False
            PyErr_CheckSignals()


cdef inline esl_envelope_t envelope(uint32_t length) noexcept:
    return esl_envelope_of(length, 0, 0, WHOLE, 0, 0, 0, length, 0)
