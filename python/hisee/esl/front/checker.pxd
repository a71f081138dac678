cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_calls cimport CallChecker
from hisee.esl.front.lexer cimport fold
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Procedure, Symbol


cdef class Checker(CallChecker):
    @cython.locals(procedure=Procedure)
    cpdef void check_all(self, list faults)
    cdef void _section(self, Procedure procedure)
    cdef void _header(self, Procedure procedure)
    cdef void _entry(self, Procedure procedure)
    cdef tuple _event_of(self, Procedure procedure)
    cdef str _graphical(self, Procedure procedure, str ref)
    cdef void _event_parameters(self, Procedure procedure, row, str ref)
    cdef void declaration(self, int node)
    cdef void _initial(self, Symbol symbol, int value)
