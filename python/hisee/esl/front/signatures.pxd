cimport cython

from hisee.esl.front cimport kinds as K


@cython.final
cdef class Signature:
    cdef readonly int number, least, most, result
    cdef readonly str name
    cdef readonly bint host, united, beside, column
    cdef readonly list types
    cdef readonly object foreign
    cdef public int[::1] opcodes
    cdef public int operands, operand_type

    cdef int type_at(self, int at)
    cdef bint is_typed(self) noexcept
    cdef int result_of(self, list given)
    @cython.locals(kind=int, reals=int)
    cdef bint _whole(self, list given)
    cdef int _joined(self, list given)
    cdef int common(self, list given)


@cython.final
cdef class PictureSignature:
    cdef readonly int number, result
    cdef readonly str name
    cdef readonly list types
    cdef readonly bint waits
