from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Label, UnitBuilder
from hisee.esl.front.checker cimport Checker
from hisee.esl.front.codegen_structure cimport StructureCode
from hisee.esl.front.symbols cimport Procedure


cdef class FlowCode(StructureCode):
    cdef public bint has_handler, has_off, returns
    cdef public dict labels, stretch_of
    cdef public list markers, handlers
    cdef public int stretch
