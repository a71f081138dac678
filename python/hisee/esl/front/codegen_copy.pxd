from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Label
from hisee.esl.front.codegen_base cimport typed
from hisee.esl.front.codegen_expr cimport ExpressionCode
from hisee.esl.front.symbols cimport Place

cdef int P_CELL, P_ROW, P_WHOLE, V_INT, V_OBJECT, V_RECORD


cdef class CopyCode(ExpressionCode):
    cdef int row_copy(self, Place place)
    cdef int _rows_of(self, Place place)
    cdef void same_rows(self, int rows, int others)
    cdef int _kept_index(self, Place place)
    cdef Place _whole(self, Place place)
    cdef int _load(self, Place place, int row, int column, int kind)
    cdef void _store(self, Place place, int row, int column, int kind, int register)
    cdef void _store_here(self, Place place, int row, int column, int kind, int register)
    cdef int _cell(self, int base, int row, int column)
    cdef int _read(self, int base, int row, int column, int kind)
    cdef void _set(self, int base, int row, int column, int kind, int register)
    cdef int rows_source(self, Place place)


cdef bint _bound(Place place)
