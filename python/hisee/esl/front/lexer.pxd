cimport cython

from hisee.esl.front cimport kinds as K

cdef int LOOK_AHEAD
cdef dict NUMBERS
cdef int[::1] SIGN_OF

cpdef str fold(str name)
cdef bint is_letter(Py_UCS4 c) noexcept


@cython.final
cdef class Names:
    cdef dict _numbers
    cdef readonly list folded, spelled

    @cython.locals(found=int)
    cpdef int number(self, str name) except -1


@cython.final
cdef class Source:
    cdef readonly str text
    cdef readonly int lines
    cdef int[::1] starts

    cpdef int line(self, int offset) noexcept


@cython.final
cdef class Tokens:
    cdef readonly int count
    cdef readonly int[::1] kind, start, end, value
    cdef readonly Names names
    cdef readonly list literals, faults

    cdef int add(self, int kind, int start, int end, int value) except -1
    cdef int _grow(self) except -1
    cdef int literal(self, object value) except -1


@cython.final
cdef class Lexer:
    cdef str text
    cdef int end, name_chars, bad_end
    cdef readonly Tokens tokens
    cdef dict spellings

    cdef int run(self) except -1
    cdef int token(self, int at) except -1
    cdef int sign(self, int at) except -1
    cdef int other(self, int at) except -1
    cdef int name(self, int kind, int start) except -1
    cdef int end_of_name(self, int at) noexcept
    cdef int rest_of_line(self, int at) noexcept
    cdef int end_line(self, int start, int end) except -1
    cdef int carriage_return(self, int at) except -1
    cdef int quoted(self, int start) except -1
    cdef int closed(self, int start, int last, int pair) except -1
    cdef int open(self, int start, int end) except -1
    cdef int number(self, int start) except -1
    cdef int digits(self, int at) noexcept
    cdef int exponent(self, int at) noexcept
    cdef int integer(self, str text, int start, int end) except -1
    cdef int real(self, str text, int start, int end) except -1
    cdef int bad(self, int at) except -1
