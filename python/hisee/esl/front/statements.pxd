from hisee.esl.front cimport kinds as K
from hisee.esl.front.structure_syntax cimport StructureSyntax

cdef bint is_reserved(int word) noexcept
cdef int opener_of(int word) noexcept
cdef int opened_by(int word) noexcept


cdef class Statements(StructureSyntax):
    cdef readonly list faults, warnings
    cdef str section
    cdef bint in_init, begun, closed_line, bare_end_closes
    cdef int else_if_open, open_ifs, open_loops, unopened_ifs, unopened_loops

    cdef int report(self, object fault) except -1
    cdef int skip_line(self) except -1
    cdef int end_line(self) except -1
    cdef int end_line_or_report(self) except -1
    cdef int block(self) except -1
    cdef void fill(self) except *
    cdef int not_opened(self, int at) except -1
    cdef bint stops(self) except -1
    cdef bint is_open(self, int opener) noexcept
    cdef bint starts_section(self) except -1
    cdef int declaration(self) except -1
    cdef bint declares(self) except -1
    cdef bint bare_end(self) except -1
    cdef int item(self) except -1
    cdef int action_line(self) except -1
    cdef int label(self) except -1
    cdef int action(self) except -2
    cdef bint names_target(self) except -1
    cdef int stray(self, int word) except -2
    cdef bint is_unopened(self, int word) noexcept
    cdef int assignment(self) except -2
    cdef int assigned(self, int start, int target) except -2
    cdef int assigned_word(self, int start, int target) except -2
    cdef int function_action(self) except -2
    cdef int set_action(self) except -2
    cdef int if_action(self) except -2
    cdef int then(self) except -1
    cdef int if_body(self, int start, int opener, int condition) except -2
    cdef int second_else(self, int at) except -1
    cdef int elsif(self, int at) except -1
    cdef int close_block(self, int closer, int opener) except -1
    cdef int for_action(self) except -2
    cdef int loop(self) except -2
    cdef int loop_body(self, int opener) except -1
    cdef int exit_loop(self) except -2
    cdef int on_action(self) except -2
    cdef int on_error(self, int start) except -2
    cdef int error_mode(self) noexcept
    cdef int on_change(self, int start) except -2
