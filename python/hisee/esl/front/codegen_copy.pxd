from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Arg, Label
from hisee.esl.front.codegen_base cimport typed
from hisee.esl.front.codegen_expr cimport ExpressionCode
from hisee.esl.front.symbols cimport Place, Struct, Symbol


cdef class CopyCode(ExpressionCode):
    cdef int row_copy(self, Place place)
    cdef int linked(self, Place place)
    cdef int _rows_of(self, Place place)
    cdef void same_rows(self, int rows, int others)
    cdef int _kept_index(self, Place place)
    cdef Place _whole(self, Place place)
    cdef int _load(self, Place place, int row, int column, int kind)
    cdef void _store(self, Place place, int row, int column, int kind, int register)
    cdef void _load_bound_value(self, Symbol symbol, int row, int column, int register)
    cdef int _cell(self, int base, int row, int column)
    cdef int _read(self, int base, int row, int column, int kind)
    cdef void _set(self, int base, int row, int column, int kind, int register)
    cdef int _link_at(self, Place target, int row, int column)
    cdef void _value_behind(self, int link, int value)
    cdef int _taken_rows(self, Place target, Place source)
    cdef int _rows_to_insert(self, Place target, Place rows, int last_row)
    cdef void object_rows(self, Place place, int operation, int first, int count, int rows=*)
    cdef int _own(self, int number)
    cdef Place _present(self, Place source)
    cdef Place _held(self, Place place, int register, Struct struct)
    cdef void rows_to_object(self, Place place, int register, int code)
    cdef void _all_to_object(self, Place place, Place found, Label none)
    cdef void _must_fit(self, Place target, Place source, int to, int of, int count)
    cdef int rows_source(self, Place place)
    cdef int _read_rows(self, Place place, Struct struct)
    cdef int rows_for(self, Place place, Struct struct)
    cdef Place _all(self, Place place)


cdef bint _bound(Place place)
cdef bint _as_it_is(Place target, Place source)
