cimport cython

from hisee.esl.front cimport kinds as K


@cython.final
cdef class Tokens:
    cdef readonly int count
    cdef readonly int[::1] kind, start, end, value
    cdef readonly object names
    cdef readonly list literals, faults

    cpdef int add(self, int kind, int start, int end, int value=*) except -1
    cdef int _grow(self) except -1
