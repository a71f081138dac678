from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_flow cimport FlowChecker
from hisee.esl.front.symbols cimport Place, Symbol

cdef int N_COLUMN, N_FUNC, N_INDEX, N_LOCAL, N_OBJECT, N_PAREN, P_CELL, P_COLUMN, P_ROW, P_SCALAR, P_WHOLE
cdef int V_ANY, V_BOOL, V_INT, V_NONE, V_OBJECT, V_RECORD, V_TEXT


cdef class StructureChecker(FlowChecker):
    cdef public list bound, copies

    cdef void flags_carried(self, Place target, int value)
