"""Reads that are known again, for whoever receives them."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from hisee._core cimport cvalues as c
from hisee._core.message cimport Message


cdef packed struct head_t:  # before the reply list, as in hisee.channel.payloads
    int64_t service_ns
    int32_t extended
    int64_t engine_code
    uint16_t text_bytes


cdef class Read:
    cdef uint32_t owner
    cdef object database
    cdef object generation
    cdef object table
    cdef str text
    cdef Py_ssize_t marks, most, ceiling
    cdef uint32_t structure
    cdef bytes kinds
    cdef tuple readers
    cdef tuple codes
    cdef bint by_system  # its clock is the system's
    cdef list rows(self, list values, int64_t *service_ns)
    cdef int put(self, c.esl_buffer_t *out, list rows) except -1
    cdef int64_t now_ns(self) except -1
    cdef int put_column(self, c.esl_buffer_t *out, Py_ssize_t at, list rows) except -1
    cdef int put_cell(self, c.esl_buffer_t *out, uint8_t kind, c.esl_slot_t slot) except -1
    cdef list cells(self, list rows, Py_ssize_t at)


cdef class Reads:
    cdef dict _known
    cdef int _data, _reply
    cdef object _failed
    cpdef Message answer(self, Message message)
    cdef bytes _key(self, Message message, list values)
    cdef bint _fits(self, Read read, Message message, list values) except -1
    cdef bytes _payload(self, Read read, list rows, head_t *head)
    cdef Message _message(self, Message request, bytes payload)
