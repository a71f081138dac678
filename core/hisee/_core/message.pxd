"""The message, for compiled modules that make and read it."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t


cdef class Message:
    cdef public uint16_t kind
    cdef public unsigned char lane
    cdef public uint32_t source
    cdef public uint32_t target
    cdef public uint32_t object
    cdef public uint64_t corr
    cdef public object payload
    cdef public bint wants_answer
    cdef public bint quiet
    cdef uint64_t serial  # of a frame that a session keeps: its place among all of them; no field of the message
