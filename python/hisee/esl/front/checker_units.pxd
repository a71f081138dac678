from hisee.esl.front.checker_structure cimport StructureChecker
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Parameter, Procedure


cdef class UnitChecker(StructureChecker):
    cdef public tuple inside
    cdef public bint foreign, full
    cdef public dict units
    cdef public list interfaces
