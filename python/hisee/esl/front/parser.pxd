from hisee.esl.front cimport kinds as K
from hisee.esl.front.lexer cimport Tokens
from hisee.esl.front.statements cimport Statements

cpdef frozenset declared_names(Tokens tokens)
cdef bint is_type(int word) noexcept
cdef int type_of(int word) noexcept
cdef int flags_of(int word) noexcept


cdef class Parser(Statements):
    cdef int script(self) except -1
    cdef int top(self) except -1
    cdef int part(self) except -1
    cdef int init(self) except -1
    cdef int init_items(self) except -1
    cdef int unit_event(self) except -1
    cdef int implementation(self) except -1
    cdef int late_header(self) except -1
    cdef int variable(self) except -1
    cdef int type_name(self) except -1
    cdef int simple_type(self, int kind, int handle) except -1
    cdef int structured_type(self, int word) except -1
    cdef bint header(self) except -1
    cdef int late(self, int at) except -1
    cdef int procedure(self) except -1
    cdef int head(self, int flags, list params) except -1
    cdef bint ends_head(self) except -1
    cdef int named(self, int node, int name_at, list params) except -1
    cdef int parameters_or_skip(self, list params) except -1
    cdef int parameters(self, list params) except -1
    cdef int parameter_names(self, list params) except -1
    cdef int mode(self) except -1
    cdef int parameter_type(self) except -1
    cdef int body(self, int node, int name, bint faulty) except -1
    cdef int closing_name(self, int name) except -1
