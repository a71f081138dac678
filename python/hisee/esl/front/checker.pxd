from hisee.esl.front.checker_calls cimport CallChecker
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Procedure, Symbol

cdef int V_OBJECT, V_RECORD


cdef class Checker(CallChecker):
    cdef void _section(self, Procedure procedure)
    cdef void declaration(self, int node)
    cdef void _initial(self, Symbol symbol, int value)
