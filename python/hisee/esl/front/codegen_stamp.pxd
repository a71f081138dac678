from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.codegen_expr cimport ExpressionCode
from hisee.esl.front.codegen_flags cimport FlagCode
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.symbols cimport Place, Symbol


cdef class StampCode(FlagCode):
    cdef void stamp(self, Symbol symbol, int weak=*, int time=*, int flags=*)
    cdef int given_time(self, int node)
    cdef int weak_of(self, int node)
    cdef tuple _function(self, int node, int want, int dest)
    cdef int _weak_or_cut(self, int node)
    cdef int _attribute(self, int node, int dest)
    cdef int _time_of(self, int node)
    cdef int _weak_flag(self, int node)
    cdef Place _place_of(self, int node)
    cdef int _or(self, int left, int right)
    cdef int _is_cut(self, int text)
    cdef int _sure(self, int flag)
