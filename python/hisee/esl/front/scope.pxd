from hisee.esl.front.lexer cimport Names, Source, Tokens
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Parameter, Procedure, Struct, Symbol

cdef int D_PUBLIC, M_IN, T_HANDLE, T_NOALIAS
cdef int N_DECL, N_FOR, N_FOR_RANGE, N_IF, N_LABEL, N_LOOP
cdef int S_LOCAL, V_RECORD


cdef class Scope:
    cdef public Source source
    cdef public Tokens tokens
    cdef public Names names
    cdef public object context
    cdef public Tree tree
    cdef public str name
    cdef public int part
    cdef public list diagnostics, procedures
    cdef public dict globals, predefined, pvars, refs, by_name, objects, structs, used_objects
    cdef public Procedure init, here
    cdef int _errors
    cdef list _folded, _spelled, _meant
    cdef int[::1] _section_of

    cpdef str spelled(self, int name)
    cpdef str folded(self, int name)
    cdef void _declare(self, int node, dict table, int section)
    cdef void add_symbol(self, dict table, Symbol symbol)
    cdef tuple type_at(self, int node)
    cdef void _parameter(self, Procedure procedure, int node)
    cdef void _collect(self, list items, Procedure procedure, tuple blocks)
    cdef void _collect_list(self, int number, Procedure procedure, tuple blocks)
    cdef void _collect_from(self, int node, Procedure procedure, tuple blocks)
    cdef void _label(self, int node, Procedure procedure, tuple blocks)
    cpdef Symbol symbol_of(self, int name, int node)
    cdef Symbol _look_up_name(self, int name, int node)
    cpdef Struct struct_named(self, str spelled, int node)
    cpdef Struct struct_of(self, entry)
