from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Arg, Label
from hisee.esl.front.codegen_actions cimport ActionCode
from hisee.esl.front.symbols cimport Place, Symbol

cdef int GUARDED


cdef class StructureCode(ActionCode):
    pass
