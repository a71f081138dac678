from hisee.esl.front cimport kinds as K
from hisee.esl.front.flow_syntax cimport FlowSyntax


cdef class StructureSyntax(FlowSyntax):
    cdef int redim(self) except -2
    cdef int insert(self) except -2
    cdef int sort(self) except -2
    cdef int find_true(self) except -2
    cdef int delete(self) except -2
    cdef int copy_rows(self) except -2
    cdef int set_bind(self, int start, int target) except -2
    cdef int container(self, int word) except -2
    cdef int object_list(self, int word) except -2
