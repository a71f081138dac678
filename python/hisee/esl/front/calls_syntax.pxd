from hisee.esl.front cimport kinds as K
from hisee.esl.front.expressions cimport Expressions

cdef int conversation_flag(int word) noexcept


cdef class CallSyntax(Expressions):
    cdef int word_action(self, int word) except -2
    cdef int no_action(self, int word) except -2
    cdef int on_process(self) except -2
    cdef int instance(self) except -2
    cdef int instance_of(self, int process) except -2
    cdef int priority(self) except -2
    cdef bint accept_on_all(self) except -1
    cdef int call_object(self, int start, int result) except -2
    cdef int call_arguments(self) except -1
    cdef tuple interface(self, int target)
    cdef tuple conversation(self)
    cdef tuple call_clauses(self, int result, int conversation)
    cdef int code_or_async(self, int result) except -1
    cdef int conversation_parameter(self, list params) except -1
    cdef int event(self) except -2
    cdef int publics(self, list names, list values) except -1
    cdef int openevent(self) except -2
    cdef int close(self) except -2
    cdef int command(self, int start, int result) except -2
    cdef int getaccess(self, int start, int result) except -2
    cdef int releaseaccess(self) except -2
