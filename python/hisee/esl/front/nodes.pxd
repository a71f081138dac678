cimport cython


@cython.final
cdef class Tree:
    cdef readonly int count, pooled
    cdef int waiting
    cdef int[::1] _waiting
    cdef readonly int[::1] kind, start, end, a, b, c, d, pool
    cdef readonly list globals, procedures, init, units, implements

    cpdef int add(self, int kind, int start, int end, int a=*, int b=*, int c=*, int d=*) except -1
    cdef int _grow(self) except -1
    cpdef int pack(self, list items) except -1
    cdef int wait(self, int item) except -1
    cdef int pack_from(self, int first) except -1
    cpdef list items(self, int number)
    cdef int first(self, int number) noexcept
    cdef int behind(self, int number) noexcept
