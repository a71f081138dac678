cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front cimport lexer as L
from hisee.esl.front.nodes cimport Tree
from hisee.esl.front.scope cimport Scope
from hisee.esl.front.signatures cimport PictureSignature, Signature
from hisee.esl.front.symbols cimport Place, Struct, Symbol, cell_at, part_of, place_at, type_of_word

cdef dict FUNCTIONS, PICTURE_FUNCTIONS
cdef frozenset STAMPS, FLAGS


cdef class ExpressionChecker(Scope):
    cdef public bint folds, lenient
    cdef public int[::1] typ
    cdef public list places, known
    cdef list _literals, _bare, _signatures

    cdef void prepare(self)
    cdef int type_of(self, int node)
    cdef Place place_known(self, int node)
    cpdef int check(self, int node)
    cdef int _literal(self, int node, int kind)
    cdef int _chain(self, int node)
    cdef int _long_chain(self, int node)
    cdef int _binary(self, int node, int op, int left, int right)
    cdef void _fold(self, int node, int op, int result)
    cdef int _unary(self, int node)
    cdef void _lint(self, int node)
    cdef bint _joins(self, int node)
    cdef void _lint_validity(self, int node, int left, int right)
    cdef bint _guards(self, int test, int other)
    cdef str _validity_test_of(self, int node)
    @cython.locals(signature=Signature)
    cdef int function(self, int node, bint as_action)
    @cython.locals(found=Signature)
    cdef Signature signature_of(self, int name)
    cdef Signature _foreign(self, int name)
    cdef object _object_called(self, int name)
    cdef list _function_names(self)
    cdef list types_of(self, int number)
    @cython.locals(picture=PictureSignature)
    cdef int _other_function(self, int node, str key, bint as_action)
    cdef int _picture_function(self, int node, PictureSignature signature, list args, bint as_action)
    cdef void _track_beside(self, str key, int arg)
    cdef int _column_function(self, Signature signature, list args)
    cdef void track_flags(self, int node)
    cdef Place _untyped_item(self, int node, Place place, str column)
    cdef bint needs_structure(self, int node, Place place, str what)
    cdef void _argument_types(self, Signature signature, int first, int behind)
    cdef void convertible(self, int node, int kind, int wanted, str shown=*)
    cdef int _value_of_place(self, int node)
    cpdef Place place(self, int node)
    cdef Place _place(self, int node)
    @cython.locals(symbol=Symbol, found=Place)
    cdef Place _local(self, int node)
    @cython.locals(found=Place)
    cdef Place _named(self, int node)
    cdef Place _object(self, int node)
    cdef Place _by_number(self, int node)
    cdef Place _indexed(self, int node, int base, int index)
    cdef Place _item(self, int node, int base, int name)
    cdef Place _column_of(self, int node, Place place, int column)
    cdef Place _record_item(self, int node, Place place, int column, int kind, str shown)
    cdef int _attribute(self, int node)
    cdef bint _has_attribute(self, int node, str name, Place place)


cdef Place place_of(Symbol symbol)
cpdef bint is_number(int kind)
cpdef bint is_relation(int op)
cdef int binary_type(int op, int left, int right)
cdef int special_type(int op, int left, int right)
cdef bint converts(int kind, int wanted)
