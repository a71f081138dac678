"""The two rings of one link: maps the segments, converts messages, rings bells. Owns its mappings and one descriptor each way.

The life of the link (logon, death, back-pressure) is policy and lives in hisee.channel.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from posix.fcntl cimport O_CLOEXEC, O_RDONLY
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

cdef extern from "<sys/mman.h>" nogil:
    int MAP_POPULATE  # all pages at once: no page fault on the way of a message, and a process's memory is its final size

from hisee._core cimport cring as c
from hisee._core.cframe cimport esl_envelope_of, esl_envelope_t

import os

c.esl_count_forks()


class RingPoisoned(Exception):
    """The peer's positions or bytes cannot be: this ring is not read or written any more."""



def payload_max(uint32_t capacity) -> int:
    """Longest payload of one record in a ring of that capacity (bytes)."""
    return c.esl_ring_payload_max(capacity)


def segment_bytes(uint32_t capacity) -> int:
    """Size of a segment with that capacity."""
    return c.esl_ring_bytes(capacity)


def capacity_ok(uint32_t capacity) -> bool:
    """A power of two in the range a ring can have?"""
    return c.esl_ring_capacity_ok(capacity)


cdef void *map_segment(int fd, uint64_t size, bint writable) except NULL:
    cdef void *at
    if os.fstat(fd).st_size != size:
        raise RingPoisoned("a segment has not the size it should have")
    at = mmap(NULL, size, PROT_READ | PROT_WRITE if writable else PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0)
    if at == MAP_FAILED:
        raise MemoryError("a segment cannot be mapped")
    if os.fstat(fd).st_size != size:  # checked after mapping too: nothing may cut it under us unseen
        munmap(at, size)
        raise RingPoisoned("a segment was cut while it was mapped")
    return at


def init_segment(int fd, uint32_t capacity, uint32_t epoch) -> None:
    """Write the control words of a fresh segment of segment_bytes(capacity) bytes."""
    if not c.esl_ring_capacity_ok(capacity):
        raise ValueError("capacity of a ring is a power of two")
    cdef uint64_t size = c.esl_ring_bytes(capacity)
    cdef void *at = map_segment(fd, size, True)
    c.esl_segment_init(<c.esl_segment_t *>at, capacity, epoch)
    munmap(at, size)


cdef class Rings:
    """Both directions of one link, seen from one side.

    own_fd    this side's segment, mapped writable
    peer_fd   the peer's segment, reopened and mapped read-only
    bell      eventfd of the peer: rung when it sleeps or waits for room
    Both segment descriptors may be closed by the caller afterwards; the bell is borrowed.
    """

    def __init__(self, int own_fd, int peer_fd, uint32_t capacity, uint32_t epoch, int bell):
        cdef uint64_t size
        if not c.esl_ring_capacity_ok(capacity):
            raise RingPoisoned("capacity of a ring is a power of two")
        size = c.esl_ring_bytes(capacity)
        self.capacity, self._bell, self._forks = capacity, bell, c.esl_fork_count
        self._fork_count = &c.esl_fork_count
        self._own = <c.esl_segment_t *>map_segment(own_fd, size, True)
        reader = os.open(f"/proc/self/fd/{peer_fd}", O_RDONLY | O_CLOEXEC)
        try:
            self._peer = <c.esl_segment_t *>map_segment(reader, size, False)
        finally:
            os.close(reader)
        if not (c.esl_segment_ok(self._own, size, capacity, epoch) and c.esl_segment_ok(self._peer, size, capacity, epoch)):
            raise RingPoisoned("a segment is of another kind")
        c.esl_producer_init(&self._producer, self._own, self._peer)
        c.esl_consumer_init(&self._consumer, self._own, self._peer)
        c.esl_waiter_init(&self._waiter)

    def __dealloc__(self):
        self._unmap()

    cdef void _unmap(self):
        if self._waiting:
            self._ending = True
            return
        if self._own != NULL:
            munmap(self._own, c.esl_ring_bytes(self.capacity))
        if self._peer != NULL:
            munmap(self._peer, c.esl_ring_bytes(self.capacity))
        self._own = self._peer = NULL

    cdef void _leave(self):
        """After a wait without the GIL; `_waiting` was counted up before it."""
        self._waiting -= 1
        if self._ending and not self._waiting:
            self._unmap()

    cdef int _check(self) except -1:
        if self._own == NULL or self._ending:
            raise RingPoisoned("the ring is closed")
        if self._forks != self._fork_count[0]:
            raise RingPoisoned("the ring belongs to another process")
        return 0

    def close(self) -> None:
        """Unmap; idempotent. The peer keeps its own mappings and reads on what was committed."""
        self._unmap()

    def push(self, uint64_t lane_seq, unsigned short kind, unsigned char lane, unsigned char flags, uint32_t source,
             uint32_t target, uint32_t object, uint32_t total, uint64_t corr, payload, bint quiet=False) -> bool:
        """Commit one record and wake a sleeping peer, unless `quiet`: it then finds the record when it looks the next time.

        False: no room. ValueError: longer than payload_max.
        """
        cdef esl_envelope_t e
        cdef Py_buffer view
        cdef c.esl_ring_status status
        self._check()
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        e = esl_envelope_of(<uint32_t>view.len, kind, lane, flags, source, target, object, total, corr)
        status = c.esl_ring_publish(&self._producer, &e, view.buf, lane_seq)
        PyBuffer_Release(&view)
        if status == c.ESL_RING_OK:
            self._waiter.expecting = True
            c.esl_waiter_here(&self._waiter, self._own)
            if not quiet:
                c.esl_call_reader(&self._waiter, &self._producer, self._bell)
            return True
        if status == c.ESL_RING_FULL:
            return False
        if status == c.ESL_RING_LONG:
            raise ValueError("payload longer than a record may be")
        raise RingPoisoned("the peer's read position cannot be")

    def pop(self, int count, uint64_t most_bytes) -> list:
        """Up to `count` records, not much more than `most_bytes`: tuples as from frame.Decoder.next. Frees them."""
        cdef list found = []
        cdef c.esl_record_view_t view
        cdef esl_envelope_t *e = &view.envelope
        cdef uint64_t taken = 0
        cdef c.esl_ring_status status = c.ESL_RING_EMPTY
        self._check()
        while count > 0 and taken < most_bytes:
            status = c.esl_ring_peek(&self._consumer, &view)
            if status != c.ESL_RING_OK:
                break
            payload = PyBytes_FromStringAndSize(NULL, e.length)
            status = c.esl_ring_take(&self._consumer, &view, PyBytes_AS_STRING(payload))
            if status != c.ESL_RING_OK:
                break
            found.append((e.kind, e.lane, e.flags, e.source, e.target, e.object, e.total, e.corr, payload, view.header.lane_seq))
            taken += e.length
            count -= 1
        if found:
            self._waiter.expecting = True
            c.esl_call_writer(&self._waiter, &self._consumer, self._bell)
        elif status == c.ESL_RING_POISON:
            raise RingPoisoned("the peer's positions or bytes cannot be")
        return found

    def sleep(self) -> bool:
        """Announce that this side waits at its bell. False: something is there, do not wait."""
        self._check()
        return c.esl_ring_sleep(&self._consumer, c.ESL_ON_EVENTFD)

    def awake(self) -> None:
        """Take the announcement back."""
        if self._own != NULL:
            c.esl_ring_awake(&self._consumer)

    def block(self, uint32_t payload_length) -> bool:
        """Announce that this side waits at its bell for room. False: there is room by now."""
        self._check()
        if not c.esl_ring_block(&self._producer, payload_length, c.ESL_ON_EVENTFD):
            return False
        c.esl_call_reader(&self._waiter, &self._producer, self._bell)  # one that nobody woke for quiet records
        return True

    def unblock(self) -> None:
        if self._own != NULL:
            c.esl_ring_unblock(&self._producer)

    @property
    def waits(self) -> tuple[int, int, int]:
        """Waits that ended while looking, waits that slept, calls to the peer that cost a system call."""
        return self._waiter.looked, self._waiter.slept, self._waiter.calls
