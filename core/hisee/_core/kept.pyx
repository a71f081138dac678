"""What a sender has to keep of what it wrote into a ring until it has been read, to send it again when the ring is damaged.

Payloads are kept by reference: bytes never change, so that a part costs a row of 56 bytes and no copy. What has been read is told by
the head, which the peer writes: a row goes when two looks, one behind the other, found the head beyond it. A head that was wrong
for a moment is behind itself at the second look, which is damage, found before anything is forgotten.
"""

from cpython.bytes cimport PyBytes_CheckExact
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from hisee._core cimport cring as c
from hisee._core.cframe cimport esl_envelope_of, esl_envelope_t
from hisee._core.ring cimport Rings

from hisee._core.ring import RingPoisoned


cdef enum:
    ROOM = 512  # rows at first
    LOOKS = 64  # at the head, for each time round the ring


cdef class Kept:
    """Of one direction of `rings`. Every method runs without a pause in between: with the GIL held, it is one step."""

    def __cinit__(self, Rings rings not None):
        self._rings = rings
        self._room = ROOM
        self._rows = <row_t *>malloc(ROOM * sizeof(row_t))
        if self._rows == NULL:
            raise MemoryError("no memory to keep what is in a ring")
        self._seen = rings._producer.head_seen
        self._due = rings._producer.tail + rings.capacity // LOOKS

    def __dealloc__(self):
        if self._rows != NULL:
            self._drop(self._rings._producer.tail)
            free(self._rows)

    def __len__(self) -> int:
        return self._count

    cdef int _grow(self) except -1:
        cdef row_t *more = <row_t *>malloc(2 * <size_t>self._room * sizeof(row_t))
        cdef uint32_t behind = self._room - self._first
        if more == NULL:
            raise MemoryError("no memory to keep what is in a ring")
        memcpy(more, self._rows + self._first, behind * sizeof(row_t))
        memcpy(more + behind, self._rows, self._first * sizeof(row_t))
        free(self._rows)
        self._rows, self._first, self._room = more, 0, 2 * self._room
        return 0

    cdef void _add(self, const esl_envelope_t *envelope, object payload, uint64_t seq) noexcept:
        """There is room; its record ends at the tail."""
        cdef row_t *row = self._rows + ((self._first + self._count) & (self._room - 1))
        Py_INCREF(payload)
        row.payload, row.seq, row.upto, row.envelope = <PyObject *>payload, seq, self._rings._producer.tail, envelope[0]
        self._count += 1
        if self._rings._producer.tail >= self._due:
            self._look()

    cdef void _drop(self, uint64_t head) noexcept:
        cdef row_t *row
        while self._count:
            row = self._rows + self._first
            if row.upto > head:
                return
            self._first = (self._first + 1) & (self._room - 1)
            self._count -= 1
            Py_DECREF(<object>row.payload)

    cdef void _look(self) noexcept:
        self._drop(self._seen)
        if c.esl_ring_look(&self._rings._producer) == c.ESL_RING_OK:
            self._seen = self._rings._producer.head_seen
        self._due = self._rings._producer.tail + self._rings.capacity // LOOKS

    def push(self, uint64_t seq, uint16_t kind, uint8_t lane, uint8_t flags, uint32_t source, uint32_t target, uint32_t object,
             uint32_t total, uint64_t corr, payload, bint quiet=False) -> bool:
        """Rings.push, and keep what went. A part with seq 0 is none of a lane and not kept."""
        if not seq:
            return self._rings.push(seq, kind, lane, flags, source, target, object, total, corr, payload, quiet)
        kept = lasting(payload)
        if self._count == self._room:
            self._grow()
        if not self._rings.push(seq, kind, lane, flags, source, target, object, total, corr, kept, quiet):
            return False
        cdef esl_envelope_t e = esl_envelope_of(len(kept), kind, lane, flags, source, target, object, total, corr)
        self._add(&e, kept, seq)
        return True

    def note(self, uint64_t seq, uint16_t kind, uint8_t lane, uint8_t flags, uint32_t source, uint32_t target, uint32_t object,
             uint32_t total, uint64_t corr, payload) -> None:
        """Keep a part that went another way, as long as the ring before it is not read to its end."""
        kept = lasting(payload)
        if self._count == self._room:
            self._grow()
        cdef esl_envelope_t e = esl_envelope_of(len(kept), kind, lane, flags, source, target, object, total, corr)
        self._add(&e, kept, seq)

    def look(self) -> None:
        """Forget what is known to be read."""
        self._rings._check()
        self._look()

    @property
    def drained(self) -> bool:
        """Has everything in the ring been read? Raises RingPoisoned for a head that cannot be."""
        self._rings._check()
        if c.esl_ring_look(&self._rings._producer) != c.ESL_RING_OK:
            raise RingPoisoned("the peer's read position cannot be")
        return self._rings._producer.head_seen == self._rings._producer.tail

    def parts(self) -> list:
        """What is kept, the oldest first: arguments for the push of any carrier."""
        cdef row_t *row
        cdef list found = []
        for at in range(self._count):
            row = self._rows + ((self._first + <uint32_t>at) & (self._room - 1))
            e = &row.envelope
            found.append((row.seq, e.kind, e.lane, e.flags, e.source, e.target, e.object, e.total, e.corr, <object>row.payload))
        return found

    def clear(self) -> None:
        """Nothing in this ring will be sent again."""
        self._drop(<uint64_t>-1)


cdef object lasting(payload):
    """The payload itself where nobody can change it, else a copy."""
    if PyBytes_CheckExact(payload) or (isinstance(payload, memoryview) and PyBytes_CheckExact(payload.obj)):
        return payload
    return bytes(payload)
