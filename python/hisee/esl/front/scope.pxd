cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front.lexer cimport Names, Source, Tokens, fold
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Parameter, Procedure, Struct, Symbol, local_of, type_of_word


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
    cdef int[::1] _section_of, _outer

    cpdef str spelled(self, int name)
    cpdef str folded(self, int name)
    cdef void declare_all(self)
    cdef void _declare_context(self)
    cdef void _procedure(self, int node)
    cdef void _labels_against_procedures(self)
    cdef void _declare(self, int node, dict table, int section)
    cdef void add_symbol(self, dict table, Symbol symbol, str key)
    cdef tuple type_at(self, int node)
    cdef void _parameter(self, Procedure procedure, int node)
    cdef void _collect(self, int number, Procedure procedure, int block)
    cdef void _collect_block(self, int number, Procedure procedure, int outer)
    cdef void _collect_from(self, int node, Procedure procedure, int block)
    cdef bint is_inside(self, int block, int around)
    cdef void _label(self, int node, Procedure procedure, int block)
    cpdef Symbol symbol_of(self, int name, int node)
    cdef Symbol _look_up_name(self, int name, int node)
    @cython.locals(found=Symbol)
    cdef Symbol ref_of(self, str key)
    cdef object object_named(self, str spelled, int node)
    cdef object _look_up(self, str spelled, int node)
    cpdef Struct struct_named(self, str spelled, int node)
    cpdef Struct struct_of(self, entry)
