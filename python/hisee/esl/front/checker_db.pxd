from hisee.esl.front.checker_expr cimport ExpressionChecker
from hisee.esl.front.symbols cimport Place

cdef int P_CELL, P_COLUMN, P_ROW, V_ANY, V_INT, V_RECORD, V_TEXT


cdef class DatabaseChecker(ExpressionChecker):
    cdef public dict db

    cdef Place out(self, int node, int kind)
    cdef bint is_row(self, Place place)
    cdef bint same_structure(self, int node, Place left, Place right)
