from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Arg
from hisee.esl.front.codegen_base cimport typed
from hisee.esl.front.codegen_expr cimport ExpressionCode
from hisee.esl.front.codegen_units cimport UnitCode
from hisee.esl.front.symbols cimport Place, Symbol

cdef int GLOBAL


cdef class CallCode(UnitCode):
    cdef int _base(self, Place place)
    cdef int _cell_attribute(self, str name, Place place, int dest)
