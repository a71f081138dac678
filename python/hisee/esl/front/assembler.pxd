cimport cython

cdef int ABSENT, UNSIGNED, SIGNED, WIDE
cdef int T_TEXT, T_REAL, T_RECORD, T_ANY, T_UPPER, CALL, FN, ACT, INIT
cdef int JUMP, LOOP, RET
cdef int REGISTERS, ARGUMENTS, NO_STRUCTURE
cdef unsigned int NOWHERE
cdef long long HALF, LEAST, MOST
cdef int[::1] FORMS


@cython.final
cdef class Words:
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t _room
    cdef object _store
    cdef unsigned int[::1] row

    cdef void add(self, unsigned int word)
    cdef void _grow(self)
    cdef void join(self, Words words)
    cdef bytes packed(self)


@cython.final
cdef class Label:
    cdef public int pc


@cython.final
cdef class Arg:
    cdef public int mode, type, register


@cython.locals(arg=Arg)
cpdef Arg arg_of(int mode, int type, int register)


cdef class UnitBuilder


@cython.final
cdef class ProcedureBuilder:
    cdef public int index, pc
    cdef public str name
    cdef public object kind
    cdef public list parameters, registers
    cdef Words _code, _ranges
    cdef int _first, _placed
    cdef list _nexts, _fixes

    cpdef int slot(self, int type, int structure=*) except -1
    cpdef int param(self, str name, int mode, int type, int structure=*) except -1
    @cython.locals(label=Label)
    cpdef Label label(self)
    cpdef Label place(self, Label label)
    cpdef void action(self, unsigned int line, Label next=*, int start=*)
    cpdef void add_range(self, unsigned int first, unsigned int start, unsigned int next, unsigned int line)
    cdef void _drop_range(self)
    cpdef int emit(self, int op, object a=*, object b=*, object c=*, int x=*) except -1
    cpdef int put(self, int op, long long a, long long b, long long c, int x) except -1
    cpdef int word(self, int op, int x, int a, long long b, int c) except -1
    cpdef int jump(self, int op, Label label, int x) except -1
    cpdef int branch(self, int op, long long a, long long b, Label label, int x) except -1
    cdef int _branch_back(self, int op, long long a, long long b, Label target, int x) except -1
    cpdef void finish(self)
    cdef void _resolve(self, int pc, bint wide, Label label)
    @cython.locals(mode=int, kind=int, register=int, structure=int)
    cdef void lay_out(self, Words rows, UnitBuilder unit)
    @cython.locals(at=Py_ssize_t, end=Py_ssize_t)
    cdef void _close_ranges(self)


@cython.final
cdef class UnitBuilder:
    cdef public str name
    cdef public list variables, procedures
    cdef dict _structures, _objects, _texts, _numbers, _reals, _strings
    cdef Words _sites, _constants
    cdef int _site_count

    cpdef int text(self, str value) except -1
    cpdef int real(self, double value) except -1
    cdef int _constant(self, int type, long long value) except -1
    cpdef int call(self, ProcedureBuilder callee, args) except -1
    cpdef int fn(self, int number, args, Arg result=*) except -1
    @cython.locals(arg=Arg)
    cpdef int site(self, int kind, int number, bint waits, list args) except -1
    cpdef int string(self, str text) except -1
    @cython.locals(procedure=ProcedureBuilder, rows=Words)
    cpdef bytes build(self)
    cdef bytes _string_rows(self)
    @cython.locals(kind=int, columns=int)
    cdef void _named_rows(self, Words rows)
    cdef void _structure_row(self, Words rows, structure)


cdef int _half(int op, str field, int form, long long value) except -1
cdef long long _whole(int op, long long value) except? -1
