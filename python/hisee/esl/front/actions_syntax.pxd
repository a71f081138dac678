from hisee.esl.front cimport kinds as K
from hisee.esl.front.calls_syntax cimport CallSyntax


cdef class ActionSyntax(CallSyntax):
    cdef set unit_names
    cdef bint unit_allowed

    cdef int bare(self, int kind) except -2
    cdef int end_action(self) except -2
    cdef object fault_here(self, str construct)
    cdef int wait(self) except -2
    cdef int wait_for(self, int start) except -2
    cdef int delay(self) except -2
    cdef int amount(self) except -2
    cdef int unit(self) except -1
    cdef bint unit_here(self) except -1
    cdef int call(self, int start, int result) except -2
    cdef int call_unit(self, int start) except -2
    cdef bint names_unit(self) except -1
    cdef int call_other(self, int start, int result) except -2
    cdef int call_flags(self, int result) except -1
    cdef int log(self) except -2
    cdef int log_values(self, list values) except -1
    cdef int logex(self) except -2
    cdef int log_tail(self, int kind, int start, int logged) except -2
    cdef int console(self) except -2
    cdef int message(self) except -2
    cdef int query(self, int start, int target) except -2
    cdef int database(self, int word) except -2
    cdef int binds(self) except -1
