"""Parts of the value codec for compiled modules that write lists without making each value an object first."""

from hisee._core cimport cvalues as c


cdef int put_column(c.esl_buffer_t *out, int type, list column) except -1
cdef object get(c.esl_reader_t *reader, bint rows)
