from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_actions cimport ActionChecker


cdef class FlowChecker(ActionChecker):
    cdef public list markers, other_marks

    cdef void begin_section(self)
    cdef void end_section(self)
    cdef void mark(self, int node)
