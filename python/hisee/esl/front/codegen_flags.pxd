from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.codegen_copy cimport CopyCode
from hisee.esl.front.codegen_expr cimport ExpressionCode
from hisee.esl.front.symbols cimport Place


cdef class FlagCode(CopyCode):
    cdef int flags_of(self, int node)
    cdef tuple call_of(self, int node)
    cdef (int, int) flag_function(self, int node)
    cdef int _builtin(self, str name, list given, list kinds)
    cdef int _with_flag(self, list args)
    cdef int _or_none(self, int flags)
    cdef int _limit_of(self, int node)
    cdef int _state_of_cell(self, int action, Place place, int dest=*)
    cdef int _attribute(self, int node, int dest)
