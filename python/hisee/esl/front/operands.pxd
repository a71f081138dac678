cimport cython

from hisee.esl.front cimport kinds as K
from hisee.esl.front.nodes cimport Tree


@cython.locals(kind=int)
cpdef list operands(Tree tree, int node, whole)
