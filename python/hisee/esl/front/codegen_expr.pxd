cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport ops as Op
from hisee.esl.front.assembler cimport Arg, Label, UnitBuilder, arg_of
from hisee.esl.front.checker cimport Checker
from hisee.esl.front.checker_expr cimport is_relation
from hisee.esl.front.codegen_base cimport Registers, typed
from hisee.esl.front.signatures cimport PictureSignature, Signature
from hisee.esl.front.symbols cimport Place, Symbol

cdef int IN, INOUT
cdef dict FUNCTIONS, PICTURE_FUNCTIONS
cdef int TYPES
cdef int[::1] COMPARISONS, BRANCHES, BRANCHES_INT, BRANCHES_REAL, OPPOSITE, NUMBER_OPS, REAL_CONSTANT_OPS

cdef int of_type(int op, int kind) noexcept


cdef class ExpressionCode(Registers):
    cdef bint immediates, real_constants, hot, branches, branch_constants

    cdef int value(self, int node, int want=*, int dest=*)
    cdef int _computed(self, int node, int shape, int kind, int target, int dest)
    cdef int type_of(self, int node)
    cdef Place placed(self, int node)
    cdef object known_number(self, int node)
    cdef int _chain(self, int node, int dest)
    cdef bint _changes_over(self, int node, int first)
    cdef int _binary(self, int node, int left, int kind, int dest)
    cdef int _three(self, int op, int kind, int left, int right, int dest)
    cdef int _binary_any(self, int op, int left, int kind, int right_node, int dest)
    cdef int _relation(self, int op, int left, int kind, int right_node, int right_kind, int dest)
    cdef int _compared_as(self, int left, int right)
    cdef int _time(self, int op, int left, int kind, int right_node, int right_kind, int dest)
    cdef int _arithmetic(self, int op, int left, int kind, int right_node, int right_kind, int result, int dest)
    cdef int _divide(self, int left, int kind, int right_node, int right_kind, int result, int dest)
    cdef bint _is_small(self, int node)
    cdef int _immediate(self, int op, int left, int right_node, int dest)
    cdef int _real_constant(self, int node, int kind)
    cdef int _with_constant(self, int op, int kind, int left, int constant, int dest)
    cdef int _unary(self, int node, int kind, int dest)
    @cython.locals(signature=Signature)
    cdef tuple _function(self, int node, int want, int dest)
    @cython.locals(argument=Arg)
    cdef int _built_in(self, Signature signature, list given, int kind, int dest)
    cdef (int, int) _external_function(self, Signature signature, int number, int kind, int dest)
    cdef Arg _deadline(self, object seconds)
    cdef (int, int) _host_function(self, Signature signature, list given, int kind, int dest)
    cdef (int, int) _column_function(self, Signature signature, int column, int kind, int dest)
    cdef list _arguments(self, Signature signature, int number)
    cdef int _argument_type(self, int wanted, int kind, int common)
    cdef bint _is_hot(self, Signature signature, int number, int kind)
    cdef int _hot(self, Signature signature, int number, int kind, int dest)
    cdef int _hot_of_two(self, int op, int kind, int left, int right, int want, int dest)
    @cython.locals(signature=PictureSignature, argument=Arg)
    cdef (int, int) picture_function(self, str name, list args, int dest)
    cdef (int, int) read_place(self, Place place, int want=*, int dest=*)
    cdef (int, int) _read_name(self, Place place, int want, int dest)
    cdef (int, int) _read_cell(self, Place place, int kind, int dest)
    cdef void load_item(self, Place place, int register)
    cdef void store_item(self, Place place, int register, int time=*)
    cdef void load_cell(self, Symbol symbol, int row, int column, int kind, int register)
    cdef void store_cell(self, Symbol symbol, int row, int column, int kind, int register)
    cdef void _field(self, int action, int mode, Place place, int index, Arg value)
    cdef int fresh(self, Symbol symbol)
    cdef int _bond(self, Symbol symbol, int row, int column, Label local)
    cdef void load_bound(self, Symbol symbol, int row, int column, int kind, int register)
    cdef void store_bound(self, Symbol symbol, int row, int column, int kind, int register, int time=*)
    cdef void set_cell(self, int reference, int register, int kind, int weak=*, int time=*, int flags=*)
    cdef int reference(self, Place place)
    cdef int _base(self, Place place)
    cdef int item(self, int base, int index, int column)
    cdef int _attribute(self, int node, int dest)
    cdef int _cell_attribute(self, str name, Place place, int dest)
    cdef int _valid(self, Place place, int dest)
    cdef void branch(self, int node, Label target, bint when)
    cdef void _only_bool(self, int register)
    cdef bint _branch_relation(self, int node, Label target, bint when)
    cdef void _compare_and_branch(self, int op, int common, int first, int node, Label target)
