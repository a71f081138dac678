from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Arg, Label, ProcedureBuilder, UnitBuilder, arg_of
from hisee.esl.front.checker cimport Checker
from hisee.esl.front.lexer cimport Source
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Place, Procedure, Struct, Symbol

cdef int TYPES, IN, OUT, ACTION, GLOBAL, NO_STRUCTURE
cdef long long LEAST, MOST
cdef int[::1] MOV, GLOAD, GSTORE, CONVERSIONS

cpdef int typed(str name, int kind) except -1


cdef class Registers:
    cdef public UnitBuilder unit
    cdef public Checker checked
    cdef public Tree tree
    cdef public Procedure here
    cdef public ProcedureBuilder p
    cdef public object without
    cdef public bint inner, in_place, short_load
    cdef public dict pvars, structs, objects, guards
    cdef public list builders
    cdef dict _free_rows, _structure_of
    cdef int[::1] _taken, _type, _free, _below
    cdef int _taken_count

    cdef void begin_registers(self)
    cdef int temp(self, int kind, Struct struct=*)
    cdef int _temp_rows(self, int structure)
    cdef void _take(self, int register, int kind)
    cdef void _leave(self, int register)
    cdef void _give_back(self, int register, int kind)
    cdef bint is_temp(self, int register, int kind)
    cdef int dest(self, int wanted, int kind)
    cdef void free(self, int register)
    cdef tuple hold(self, int kind)
    cdef void unhold(self, tuple held)
    cdef void release(self)
    cdef int structure(self, Struct struct)
    cdef int emit(self, int op, long long a=*, long long b=*, long long c=*, int x=*) except -1
    cdef int jump(self, int op, Label label, int x=*) except -1
    cdef int fork(self, int op, long long a, long long b, Label label) except -1
    cdef void action(self, int node)
    cdef void marker(self, int offset)
    cdef int load(self, value, int kind, int dest=*)
    cdef int _load_int(self, long long value, int dest)
    cdef int _load_real(self, double value, int dest)
    cdef int invalid(self, int kind, int dest=*, int reason=*)
    cdef int convert(self, int register, int kind, int to, int dest=*)
    cdef bint is_global(self, Symbol symbol)
    cdef int read_symbol(self, Symbol symbol, int dest=*)
    cdef void write_symbol(self, Symbol symbol, int register)
    cdef int record(self, Symbol symbol)
    cdef int variable(self, Symbol symbol)
    cdef int object_index(self, Place place)
    cdef int _new_object(self, entry)
    cdef void function(self, int number, args, Arg result)
    cdef void act(self, int number, list args, bint waits)
    cdef Arg arg_in(self, int kind, int register)
    cdef Arg arg_out(self, int kind, int register)
    cdef int now(self, int dest=*)
