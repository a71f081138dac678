from hisee.esl.front cimport kinds as K
from hisee.esl.front.actions_syntax cimport ActionSyntax


cdef class FlowSyntax(ActionSyntax):
    cdef int label_name(self) except -1
    cdef int jump(self, int kind) except -2
    cdef int on_number(self, int start) except -2
    cdef int raise_exception(self) except -2
    cdef int pragma(self) except -2
