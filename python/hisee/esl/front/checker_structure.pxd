from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_flow cimport FlowChecker
from hisee.esl.front.symbols cimport Place, Symbol


cdef class StructureChecker(FlowChecker):
    cdef public list bound, copies

    cdef void prepare(self)
    cdef void bind_all(self)
    cdef void carry_flags(self)
    cdef void set_as_structure(self, int node, Place target)
    cdef void flags_carried(self, Place target, int value)
