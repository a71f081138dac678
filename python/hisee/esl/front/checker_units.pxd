from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_structure cimport StructureChecker
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Parameter, Procedure


cdef class UnitChecker(StructureChecker):
    cdef public tuple inside
    cdef public bint foreign, full
    cdef public dict units
    cdef public list interfaces

    cdef void prepare(self)
    cdef void declare_units(self)
    cdef void bind_all(self)
    cdef void implement_all(self)
    cdef void only_headers(self)
