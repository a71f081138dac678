"""What a sender keeps of a ring, for the compiled way of a message: one row per part, without a Python object of its own."""

from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t

from hisee._core.cframe cimport esl_envelope_t
from hisee._core.ring cimport Rings


cdef struct row_t:
    PyObject *payload  # bytes, or a view of bytes: nobody changes them
    uint64_t seq  # of the part in its lane
    uint64_t upto  # position behind its record: a head from there on says that it was read
    esl_envelope_t envelope


cdef class Kept:
    cdef Rings _rings
    cdef row_t *_rows  # a queue in a circle of _room places
    cdef uint32_t _room
    cdef uint32_t _first
    cdef uint32_t _count
    cdef uint64_t _seen  # the head as the look before saw it
    cdef uint64_t _due  # tail at which the next look is worth its price
    cdef int _grow(self) except -1
    cdef void _drop(self, uint64_t head) noexcept
    cdef void _look(self) noexcept
    cdef void _add(self, const esl_envelope_t *envelope, object payload, uint64_t seq) noexcept
