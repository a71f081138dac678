from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport ProcedureBuilder
from hisee.esl.front.checker cimport Checker
from hisee.esl.front.codegen_flow cimport FlowCode
from hisee.esl.front.symbols cimport Place


cdef class UnitCode(FlowCode):
    cdef public dict subs
