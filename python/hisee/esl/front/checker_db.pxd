from hisee.esl.front.checker_expr cimport ExpressionChecker
from hisee.esl.front.symbols cimport Place

cdef int P_CELL, P_ROW, P_WHOLE, V_ANY, V_INT, V_RECORD, V_TEXT


cdef class DatabaseChecker(ExpressionChecker):
    cdef public dict db

    cdef Place out(self, int node, int kind)
    cdef bint same_structure(self, int node, Place left, Place right)
