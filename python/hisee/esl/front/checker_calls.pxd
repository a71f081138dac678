from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_expr cimport ExpressionChecker
from hisee.esl.front.checker_units cimport UnitChecker
from hisee.esl.front.symbols cimport Place


cdef class CallChecker(UnitChecker):
    cdef Place _object(self, int node)
    cdef void public_variables(self)
    cdef Place change_place(self, int node)
