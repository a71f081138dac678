"""Nodes of the syntax tree: rows over int arrays (kind, start, end and four operands), lists of nodes in one pool.

Operands by kind (n = node, l = list, name = interned name, -1 = absent):

    expressions  INT REAL TEXT (literal)   AT(name)  LOCAL(name)  OBJECT(name)  PAREN(n)  UNARY(op, n)  BINARY(op, n, n)
                 INDEX(n, n)  COLUMN(n, name)  ATTR(n, name)  FUNC(name, l)  BAD
    declarations DECL(type, l of VAR, flags)  VAR(name, value)  TYPE(type, structure name, noalias)
                 PROC(name, l of PARAM, l of items, flags)  PARAM(type, name, mode)  LABEL(name)
    actions      see the parser function of the same name
"""

from __future__ import annotations

from array import array

(
    N_BAD, N_INT, N_REAL, N_TEXT, N_AT, N_LOCAL, N_OBJECT, N_PAREN, N_UNARY, N_BINARY, N_INDEX, N_COLUMN, N_ATTR, N_FUNC,
) = range(14)
(
    N_DECL, N_VAR, N_TYPE, N_PROC, N_PARAM, N_LABEL,
    N_ASSIGN, N_SET_AS, N_SET_WITH, N_IF, N_IF_GOTO, N_FOR, N_FOR_RANGE, N_LOOP, N_EXIT_LOOP, N_GOTO, N_RETURN, N_END,
    N_RETRY, N_RESUME, N_ON_ERROR, N_ON_CHANGE, N_REDIM, N_INSERT, N_CALL, N_CALL_OTHER, N_DELAY, N_WAIT, N_FUNC_ACTION,
    N_LOG, N_LOGEX, N_MESSAGE, N_QUERY, N_DB, N_NOTHING,
) = range(20, 55)
# the rest of the language: rows are appended
(
    N_EXCEPTION_HANDLER, N_GOSUB, N_ON_JUMP, N_RAISE, N_RERAISE, N_SORT, N_FIND_TRUE, N_DELETE, N_COPY_ROWS, N_SET_BIND, N_CNT,
) = range(70, 81)
N_LST = 90  # LST_* (number of the word in LST_ORDER, l of operands)

# flags of PROC
F_RPC, F_RPCX, F_PUBLIC, F_ENTRY, F_ENTRYX = 1, 2, 4, 8, 16
# modes of PARAM
M_INOUT, M_IN, M_OUT = 0, 1, 2
# modes of ON_ERROR, as the opcode ON_ERR has them
E_NONE, E_OFF, E_ON, E_LABEL = range(4)
# flags of CALL_OTHER
C_ASYNC, C_CODE = 1, 2

# third operand of TYPE: a RECORD declared NOALIAS, a parameter that is the handle of a container
T_NOALIAS, T_HANDLE = 1, 2

# types: numbers of core/c/esl_slot.h
V_NONE, V_BOOL, V_INT, V_REAL, V_TIME, V_TEXT, V_RECORD, V_OBJECT, V_ANY = range(9)
TYPE_NAMES = ("nothing", "BOOL", "INT", "REAL", "TIME", "TEXT", "RECORD", "an object", "a value of any type")
TYPE_WORDS = {"bool": V_BOOL, "int": V_INT, "real": V_REAL, "time": V_TIME, "text": V_TEXT, "hbj": V_INT}
LETTERS = "?BIRMTCOA"


class Tree:
    """The rows, the pool of lists, and what the parser says of the whole script."""

    def __init__(self) -> None:
        self.kind = array("i")
        self.start = array("i")
        self.end = array("i")
        self.a = array("i")
        self.b = array("i")
        self.c = array("i")
        self.d = array("i")
        self.pool = array("i")
        self.globals: list[int] = []  # DECL nodes of the script
        self.procedures: list[int] = []  # PROC nodes
        self.init: list[int] = []  # items of the init part
        self.units: list[int] = []  # UNIT nodes
        self.implements: list[int] = []  # IMPLEMENTS nodes

    def add(self, kind: int, start: int, end: int, a: int = -1, b: int = -1, c: int = -1, d: int = -1) -> int:
        self.kind.append(kind)
        self.start.append(start)
        self.end.append(end)
        self.a.append(a)
        self.b.append(b)
        self.c.append(c)
        self.d.append(d)
        return len(self.kind) - 1

    def pack(self, items: list[int]) -> int:
        """Store a list; the answer is its number."""
        self.pool.append(len(items))
        self.pool.extend(items)
        return len(self.pool) - 1 - len(items)

    def items(self, number: int) -> list[int]:
        if number < 0:
            return []
        count = self.pool[number]
        return self.pool[number + 1:number + 1 + count].tolist()
