cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front.checker_expr cimport ExpressionChecker
from hisee.esl.front.symbols cimport Place


@cython.final
cdef class DbAction:
    cdef public str name
    cdef public dict operands
    cdef public int mode, where
    cdef public list binds


cdef class DatabaseChecker(ExpressionChecker):
    cdef public dict db

    cdef void prepare(self)
    cdef Place out(self, int node, int kind)
    cdef bint is_row(self, Place place)
    cdef bint same_structure(self, int node, Place left, Place right)
    @cython.locals(action=DbAction, given=list, shape=tuple, word=str)
    cdef void database(self, int node)
    cdef void _operand(self, DbAction action, str role, int node)
    cdef void _table(self, int node)
    cdef void _row(self, DbAction action, int node)
    cdef void _condition_of(self, int node, str word, DbAction action)
    cdef void _structures(self, int node, DbAction action)
