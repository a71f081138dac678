"""Numbers of the compiler: kinds of tokens, words, kinds and flags of nodes, types. This file is the one truth.

core/schema/generate.py writes kinds.pxd beside it, the same names as C constants; a compiled pass says `K.N_IF` and has a number
in its code, a plain one reads it here. Rows are appended; the operands of nodes are told in nodes.py.
"""

from __future__ import annotations

# tokens
T_EOF, T_EOL, T_NAME, T_LOCAL, T_FUNC, T_AT, T_INT, T_REAL, T_TEXT = range(9)
T_ASSIGN, T_PLUS, T_MINUS, T_STAR, T_SLASH, T_AND, T_OR, T_NOT, T_EQ, T_NE, T_LE, T_GE, T_LT, T_GT = range(9, 23)
T_LPAREN, T_RPAREN, T_LBRACKET, T_RBRACKET, T_COMMA, T_CARET, T_BACKSLASH, T_COLON = range(23, 31)

# nodes: expressions, declarations, actions
(
    N_BAD, N_INT, N_REAL, N_TEXT, N_AT, N_LOCAL, N_OBJECT, N_PAREN, N_UNARY, N_BINARY, N_INDEX, N_COLUMN, N_ATTR, N_FUNC,
) = range(14)
(
    N_DECL, N_VAR, N_TYPE, N_PROC, N_PARAM, N_LABEL,
    N_ASSIGN, N_SET_AS, N_SET_WITH, N_IF, N_IF_GOTO, N_FOR, N_FOR_RANGE, N_LOOP, N_EXIT_LOOP, N_GOTO, N_RETURN, N_END,
    N_RETRY, N_RESUME, N_ON_ERROR, N_ON_CHANGE, N_REDIM, N_INSERT, N_CALL, N_CALL_OTHER, N_DELAY, N_WAIT, N_FUNC_ACTION,
    N_LOG, N_LOGEX, N_MESSAGE, N_QUERY, N_DB, N_NOTHING,
) = range(20, 55)
(
    N_EXCEPTION_HANDLER, N_GOSUB, N_ON_JUMP, N_RAISE, N_RERAISE, N_SORT, N_FIND_TRUE, N_DELETE, N_COPY_ROWS, N_SET_BIND, N_CNT,
) = range(70, 81)
N_UNIT, N_CALL_UNIT, N_IMPLEMENTS, N_WAIT_FOR = range(81, 85)
N_CALL_OBJECT, N_EVENT, N_OPENEVENT, N_CLOSE, N_COMMAND, N_GETACCESS, N_RELEASEACCESS = range(100, 107)

# flags of DECL
D_PUBLIC = 1
# third operand of TYPE: a RECORD declared NOALIAS, a parameter that is the handle of a container
T_NOALIAS, T_HANDLE = 1, 2
# flags of PROC
F_RPC, F_RPCX, F_PUBLIC, F_ENTRY, F_ENTRYX = 1, 2, 4, 8, 16
# modes of PARAM
M_INOUT, M_IN, M_OUT = 0, 1, 2
# modes of ON_ERROR, as the opcode ON_ERR has them
E_NONE, E_OFF, E_ON, E_LABEL = range(4)
# flags of CALL_OTHER
C_ASYNC, C_CODE = 1, 2
# flags of CALL_OBJECT and EVENT, as the actions have them
G_ASYNC, G_CODE, G_ALL, G_BEGIN, G_CONTINUE, G_END = 1, 2, 4, 8, 16, 32
G_CONVERSATION = G_BEGIN | G_CONTINUE | G_END
# flags of OPENEVENT and CLOSE
O_SYNC, O_DIRECT, O_ALL = 1, 2, 4

# types: numbers of core/c/esl_slot.h
V_NONE, V_BOOL, V_INT, V_REAL, V_TIME, V_TEXT, V_RECORD, V_OBJECT, V_ANY = range(9)

# symbols: what a name is; places: what a reference is
S_LOCAL, S_PVAR, S_CONST, S_REF, S_SPECIAL = range(5)
P_SCALAR, P_PVAR, P_CONST, P_WHOLE, P_ROW, P_ITEM, P_COLUMN, P_CELL = range(8)

# types of parameters and results of functions beside the types: INT or REAL, any type that the result may share, a column of a record
L_NUMBER, L_UNITED, L_COLUMN = 20, 21, 22
