cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Arg, Label, ProcedureBuilder, arg_of
from hisee.esl.front.checker_db cimport DbAction
from hisee.esl.front.codegen_base cimport typed
from hisee.esl.front.codegen_stamp cimport StampCode
from hisee.esl.front.symbols cimport Parameter, Place, Procedure, Struct

cdef int IN, OUT, INOUT


cdef class ActionCode(StampCode):
    cdef void store(self, Place place, int register, int kind, int weak=*, int time=*, int flags=*)
    cdef int linked(self, Place place)
    cdef void set_cell(self, int reference, int register, int kind, int weak=*, int time=*, int flags=*)
    cdef void assign(self, int node)
    @cython.locals(procedure=Procedure, callee=ProcedureBuilder)
    cdef void call(self, int name, list args, int code=*)
    cdef ProcedureBuilder _guarded(self, Procedure procedure)
    cdef Arg argument_for(self, int node, Parameter parameter, list backs)
    cdef void _must_be_container(self, Arg handle)
    cdef Arg _alias_argument(self, Place place, int mode)
    cdef Arg inout(self, Place place, int mode, list backs)
    cdef Arg record_argument(self, Place place, int mode, list backs)
    cdef int row_copy(self, Place place)
    cdef void copy_back(self, Place place, int register, int kind)
    cdef void _row_to_object(self, Place place, int register, int index)
    cdef bint _is_writable(self, int arg, Place place)
    cdef tuple _remote_arguments(self, list args, bint is_async, list backs, list came=*)
    cdef void _remote_results(self, list backs, list came)
    cdef list _object_argument(self, Place place, int mode, list backs, list came)
    cdef void _load_of(self, int record, int row, int column, int kind, int register)
    cdef int _priority(self, int node)
    cdef int _label_text(self, list values)
    cdef int to_text(self, int node, int kind)
    cdef int _console(self, int node)
    cdef void _into(self, int target, int number, list args)
    cdef void sleep(self, int seconds)
    cdef int span(self, int node, int unit)
    @cython.locals(action=DbAction)
    cdef void database(self, int node)
    @cython.locals(place=Place, node=int)
    cdef Arg _db_operand(self, DbAction action, str name, str mode, list backs)
    cdef int _db_number(self, DbAction action, str name, int node)
    cdef int _max_rows(self, DbAction action, int node)
    cdef Arg _copied_out(self, Place place, list backs)
    cdef Arg _bind(self, int node)
    cdef Arg _db_rows(self, Place place, int direction, list backs)
