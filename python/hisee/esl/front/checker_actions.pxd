cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_db cimport DatabaseChecker
from hisee.esl.front.checker_expr cimport is_number
from hisee.esl.front.symbols cimport Parameter, Place, Procedure, Symbol

cdef int P_SCALAR


cdef class ActionChecker(DatabaseChecker):
    cdef public int loops
    cdef public set through
    cdef public list handed, untyped_arguments

    cdef void prepare(self)
    cdef void mark(self, int node)
    cdef Place change_place(self, int node)
    cdef void set_as_structure(self, int node, Place target)
    cdef void process_behind_on(self, int node)
    cdef void items(self, list items)
    cdef void items_of(self, int number, int block)
    cdef void _body(self, int number)
    cdef void _item_of_section(self, int node, int block)
    cdef void _other_item(self, int node, int kind, int block)
    cdef void declaration(self, int node)
    cdef void condition(self, int node)
    cdef void _if(self, int node)
    cdef void _loop(self, int node, int kind)
    cdef void counter(self, int node)
    cdef void _range(self, int node)
    cdef void _number(self, int node)
    cdef void jump(self, int node, int name, int block)
    cdef Place target(self, int node, str why=*)
    cdef void _assign(self, int node)
    cdef Place out(self, int node, int kind)
    cdef Place structure(self, int node)
    cdef bint is_structured_object(self, Place place)
    cdef void flags_carried(self, Place target, int value)
    cdef bint same_structure(self, int node, Place left, Place right)
    @cython.locals(procedure=Procedure)
    cdef void _call(self, int node)
    @cython.locals(parameter=Parameter)
    cdef void arguments_of(self, int node, Procedure procedure, list args)
    cdef void argument(self, int number, Procedure procedure, Symbol symbol, int mode, int arg)
    cdef void _record_argument(self, int arg, Symbol symbol, Place place, int kind)
    cdef void _alias_argument(self, int arg, Symbol symbol, Place place)
    cdef void _remote_argument(self, int arg)
