cimport cython

from hisee.esl.front cimport kinds as K

cdef class Place
cdef class Symbol


cpdef int type_of_word(str word)


@cython.final
cdef class Struct:
    cdef public str name
    cdef public long long hbj
    cdef public list columns
    cdef public dict positions
    cdef public bint links, boxed
    cdef Struct _values

    cpdef int position(self, str folded) except? -1
    cpdef Struct values(self)
    cpdef str shown(self)


@cython.final
cdef class Symbol:
    cdef public str name
    cdef public int kind, type, section, start, end, register, initial
    cdef public long long index
    cdef public Struct struct
    cdef public object value
    cdef public Symbol time, weak, flags
    cdef public bint noalias, public, handle, given, bound

    cpdef void track_time(self)
    cpdef void track_weak(self)
    cpdef void track_flags(self)


@cython.locals(symbol=Symbol)
cpdef Symbol local_of(str name, int kind, int section, Struct struct, bint noalias)


@cython.final
cdef class Place:
    cdef public int kind, type, index, column, node
    cdef public Symbol symbol
    cdef public Struct struct
    cdef public str base, name
    cdef public object entry
    cdef public Place item
    cdef public bint whole

    cpdef str shown(self)


@cython.locals(place=Place)
cpdef Place place_at(int kind, int type, Symbol symbol, Struct struct, int index, int column, str name)


cpdef Place cell_at(int type, Symbol symbol, Struct struct, int index, int column, str base, object entry, str name)
cpdef Place part_of(Place cell, int type, Struct struct, int index, int column, str name)


@cython.final
cdef class Parameter:
    cdef public Symbol symbol
    cdef public int mode


@cython.final
cdef class Procedure:
    cdef public str name, event
    cdef public int node, index, flags
    cdef public list parameters, markers
    cdef public dict locals, labels
    cdef public bint on_change, gosubs, comes_back
