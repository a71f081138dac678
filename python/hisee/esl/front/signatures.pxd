cimport cython

from hisee.esl.front cimport kinds as K

cdef int V_ANY, V_BOOL, V_INT, V_NONE, V_REAL, V_TEXT, V_TIME


@cython.final
cdef class Signature:
    cdef readonly int number, least, most, result
    cdef readonly str name
    cdef readonly bint host, united
    cdef readonly list types

    cdef int type_at(self, int at)
    cdef int result_of(self, list given)
    cdef bint _whole(self, list given)
    cdef int _joined(self, list given)
    cdef int common(self, list given)


@cython.final
cdef class PictureSignature:
    cdef readonly int number, result
    cdef readonly str name
    cdef readonly list types
    cdef readonly bint waits
