cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Label, ProcedureBuilder, UnitBuilder
from hisee.esl.front.checker cimport Checker
from hisee.esl.front.codegen_base cimport typed
from hisee.esl.front.codegen_calls cimport CallCode
from hisee.esl.front.signatures cimport Signature
from hisee.esl.front.symbols cimport Parameter, Place, Procedure, Symbol


@cython.final
cdef class Codegen(CallCode):
    cdef public list exits

    cdef void _text(self, ProcedureBuilder init, str prefix)
    cdef void _look_at_modes(self)
    cdef void _place_symbol(self, Symbol symbol)
    cdef void _place_companions(self, Symbol symbol)
    @cython.locals(parameter=Parameter, symbol=Symbol)
    cdef void _parameters(self, Procedure procedure)
    cdef void _section(self, Procedure procedure)
    cdef void _prologue(self, Procedure procedure)
    @cython.locals(symbol=Symbol)
    cdef void _declaration(self, int node)
    cdef void _must_be_valid(self, Symbol symbol, int register)
    cdef void items(self, list items)
    cdef void items_of(self, int number)
    cdef void _item_of_section(self, int node)
    cdef void _action(self, int node, int kind)
    cdef void if_(self, int node)
    @cython.locals(signature=Signature)
    cdef void function_action(self, int node)
    cdef void _leave_branch(self, int condition, Label end)
    cdef void for_(self, int node)
    cdef void _write_back(self, Symbol symbol, int i)
    cdef void _bounds(self, int node, int i, int bound)
    cdef void _loop_items(self, int node, Label end)
