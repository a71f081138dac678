from hisee.esl.front cimport kinds as K
from hisee.esl.front.lexer cimport Source, Tokens
from hisee.esl.front.nodes cimport Tree

cdef int LOOSEST, RELATION
cdef int[::1] LEVEL_OF


cdef class Expressions:
    cdef readonly Source source
    cdef readonly Tokens tokens
    cdef readonly Tree tree
    cdef int at, kind, word, depth, nesting

    cdef int move(self, int at) except -1
    cdef int advance(self) except -1
    cdef int ahead(self, int count) except -1
    cdef int word_ahead(self, int count) except -1
    cdef int start(self) except -1
    cdef int end(self) except -1
    cdef int last_end(self) except -1
    cdef int value(self) except -1
    cdef str text(self)
    cdef bint at_line_end(self) noexcept
    cdef bint accept(self, int kind) except -1
    cdef bint accept_word(self, int word) except -1
    cdef int expect(self, int kind, str wanted) except -1
    cdef int expect_word(self, int word) except -1
    cdef int expect_name(self, int kind, str wanted) except -1
    cdef int comma(self) except -1
    cdef object unexpected(self, str wanted, str hint=*)
    cdef int enter(self) except -1
    cdef int leave(self) except -1
    cdef int node(self, int kind, int start, int a=*, int b=*, int c=*, int d=*) except -1
    cdef int expression(self) except -1
    cdef int operation(self, int loosest) except -1
    cdef int unary(self) except -1
    cdef int postfix(self) except -1
    cdef bint unit_follows(self) except -1
    cdef int column_name(self) except -1
    cdef int primary(self) except -1
    cdef int leaf(self, int kind) except -1
    cdef int brackets(self) except -1
    cdef int function(self) except -1
    cdef int arguments(self) except -1
    cdef int waiting_arguments(self) except -1
    cdef int expressions(self, list found) except -1
    cdef int reference(self, str wanted) except -1
