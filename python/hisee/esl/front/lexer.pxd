cimport cython

from hisee.esl.front cimport kinds as K

cdef int ASCII, DIGITS, LOOK_AHEAD
cdef unsigned int HASH
cdef int[::1] SIGN_OF

cpdef str fold(str name)
cdef bint is_letter(Py_UCS4 c) noexcept


cdef int small(Py_UCS4 c) noexcept


@cython.final
cdef class Letters:
    cdef readonly int size
    cdef Py_UCS4[::1] row

    @cython.locals(hash="unsigned int")
    cdef int hash(self) noexcept


@cython.final
cdef class Table:
    cdef int count
    cdef int[::1] slots, hashes, ends, letters

    @cython.locals(at="unsigned int")
    cdef int find(self, Letters text, int start, int end, int hash) noexcept
    cdef bint _same(self, int row, Letters text, int start, int end) noexcept
    cdef int add(self, Letters text, int start, int end, int hash) except -1
    @cython.locals(at="unsigned int")
    cdef int _enter(self, int row) noexcept
    cdef int _grow(self) except -1


cdef Table WORD_TABLE


@cython.final
cdef class Names:
    cdef Table _own
    cdef readonly list folded, spelled

    cpdef int number(self, str name) except -1
    cdef int met(self, Letters text, int start, int end, int hash) except -1
    cdef int meet(self, str name, str key, Letters text, int start, int hash) except -1


@cython.final
cdef class Source:
    cdef readonly str text
    cdef readonly Letters letters
    cdef readonly int lines
    cdef int _near
    cdef int[::1] starts

    cdef void _begin_lines(self) noexcept
    cpdef int line(self, int offset) noexcept
    cdef int _search(self, int offset) noexcept


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
    cdef Py_UCS4[::1] text
    cdef str whole
    cdef Letters letters
    cdef int end, name_chars, bad_end
    cdef unsigned int hash
    cdef bint plain
    cdef readonly Tokens tokens
    cdef Names names
    cdef dict spellings

    cdef int run(self) except -1
    cdef int token(self, int at) except -1
    cdef int sign(self, int at) except -1
    cdef int other(self, int at) except -1
    cdef int name(self, int kind, int start) except -1
    cdef int new_name(self, int start, int end) except -1
    @cython.locals(hash="unsigned int", seen="unsigned int")
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
    @cython.locals(value="long long")
    cdef int integer(self, int start, int end) except -1
    cdef int long_integer(self, str text, int start, int end) except -1
    cdef int real(self, int start, int end) except -1
    cdef int bad(self, int at) except -1
