# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Walk over an expression: the leaves whose values it reads."""

from __future__ import annotations

from collections.abc import Callable

from hisee.esl.front import kinds as K
from hisee.esl.front.nodes import Tree


def operands(tree: Tree, node: int, whole: Callable[[int], bool]) -> list[int]:
    """References that an expression reads, and calls that `whole` wants as they are."""
    found, waiting = [], [node]
    while waiting:
        node = waiting.pop()
        kind = tree.kind[node]
        if kind == K.N_BINARY:
            waiting += [tree.b[node], tree.c[node]]
        elif kind == K.N_UNARY:
            waiting.append(tree.b[node])
        elif kind == K.N_PAREN:
            waiting.append(tree.a[node])
        elif kind == K.N_FUNC and not whole(node):
            waiting += tree.items(tree.b[node])
        elif kind > K.N_INT:
            found.append(node)
    return found
