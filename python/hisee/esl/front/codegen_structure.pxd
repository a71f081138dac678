from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Arg, Label
from hisee.esl.front.codegen_actions cimport ActionCode
from hisee.esl.front.symbols cimport Place, Symbol

cdef int GUARDED, P_CELL, P_ROW, P_WHOLE, V_BOOL, V_INT, V_OBJECT, V_RECORD, V_TEXT


cdef class StructureCode(ActionCode):
    pass
