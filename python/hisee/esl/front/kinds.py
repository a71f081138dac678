"""Numbers of the compiler: kinds of tokens, words, kinds and flags of nodes, types. This file is the one truth.

core/schema/generate.py writes kinds.pxd beside it, the same names as C constants; a compiled pass says `K.N_IF` and has a number
in its code, a plain one reads it here. Rows are appended; the operands of nodes are told in nodes.py.
"""

from __future__ import annotations

# tokens
T_EOF, T_EOL, T_NAME, T_LOCAL, T_FUNC, T_AT, T_INT, T_REAL, T_TEXT = range(9)
T_ASSIGN, T_PLUS, T_MINUS, T_STAR, T_SLASH, T_AND, T_OR, T_NOT, T_EQ, T_NE, T_LE, T_GE, T_LT, T_GT = range(9, 23)
T_LPAREN, T_RPAREN, T_LBRACKET, T_RBRACKET, T_COMMA, T_CARET, T_BACKSLASH, T_COLON = range(23, 31)

# words: a name of this number is this word; 0 is no name. Reserved ones, actions, clauses, and actions that a later version implements
NO_WORD = 0
(
    W_IF, W_THEN, W_ELSIF, W_ELSE, W_ENDIF, W_FOR, W_RANGE, W_TO, W_DO_LOOP, W_EXIT_LOOP, W_END_LOOP, W_BEGIN, W_END,
    W_PROCEDURE, W_ENTRY, W_ENTRYX, W_RPC, W_RPCX, W_PUBLIC, W_IMPLEMENTATION, W_GOTO, W_GOSUB, W_RETURN, W_RETRY, W_RESUME,
    W_EXCEPTION_HANDLER, W_CALL, W_ON, W_SET, W_REDIM, W_INSERT, W_BOOL, W_INT, W_REAL, W_TEXT, W_ALIAS, W_RECORD, W_UNIT,
    W_DELAY, W_WAIT, W_LOG, W_LOGEX, W_MESSAGE, W_QUERY, W_PRAGMA, W_SORT, W_FIND_TRUE, W_DELETE, W_COPY_ROWS,
    W_RAISE_EXCEPTION, W_RERAISE, W_EVENT, W_OPENEVENT, W_CLOSE, W_COMMAND, W_GETACCESS, W_RELEASEACCESS,
    W_DB_CONNECT, W_DB_DISCONNECT, W_DB_READ, W_DBS_READ, W_DBS_INSERT, W_DBS_UPDATE, W_DBS_DELETE,
    W_CNT_CREATE, W_CNT_INSERT, W_CNT_FIND, W_CNT_DELETE, W_CNT_GETNR, W_CNT_CNVTOARRAY, W_CNT_GETITEM, W_CNT_DESTROY,
    W_CNT_DEBUG, W_LST_CREATE, W_LST_GO_NEXT, W_LST_GO_PREV, W_LST_DESTROY,
    W_TIME, W_HBJ, W_CNT_HANDLE, W_NOALIAS, W_IN, W_OUT, W_ERROR, W_CHANGE, W_NONE, W_OFF, W_AS, W_WITH, W_BIND, W_DIRECT,
    W_SYNC, W_ASYNC, W_DURABLE, W_ALL, W_INSTANCE, W_PRTY, W_TIMEOUT, W_LINENO, W_PRIORITY, W_SINGLE, W_WHERE, W_BINDIN, W_TRANS,
    W_ORAHINT, W_CASE_SENSITIVE, W_TC_B, W_TC_C, W_TC_E, W_MS, W_S, W_M, W_H,
    W_OPEN, W_KVIT, W_BLOCK, W_UNBLOCK, W_READLOG, W_SETDT_LINEOBJ,
    W_RES_GROUP_INSERT, W_RES_GROUP_DELETE, W_RES_GROUP_DELETE_ALL, W_RES_GROUP_QUERY, W_REBUILD_ACC, W_GETARCHVAL,
    W_GETARCHARR, W_GETARCHARR_TO_CNT, W_GETARCHROW, W_GETARCHCOL, W_GETARCHSTRUCT, W_GETARCHDATA, W_CALCSTATFUNC,
    W_UPDATEARCHVAL, W_INSERTARCHARR, W_DELETEARCHDATA, W_CALCONDEMANDSTAT, W_DB_INSERT, W_DB_UPDATE, W_DB_DELETE,
    W_DB_INSUPD, W_DBS_INSUPD, W_DB_TRANS_OPEN, W_DB_TRANS_COMMIT, W_DB_TRANS_ROLLBACK, W_DB_TRANS_CLOSE, W_DB_READ_BLOB,
    W_DBS_READ_BLOB, W_DB_UPDATE_BLOB, W_DBS_UPDATE_BLOB, W_PG_CONNECT, W_PG_READ, W_PG_INSERT, W_PG_UPDATE, W_PG_DELETE,
    W_PG_DISCONNECT, W_SQL_CONNECT, W_SQL_PREPARE, W_SQL_BINDIN, W_SQL_FETCH, W_SQL_FREE, W_SQL_DISCONNECT, W_SQL_EXEC_DIRECT, W_SQL_SELECT,
    W_SQL_EXEC_PROC, W_SQL_BINDS, W_SQL_EXECUTE,
) = range(1, 167)
LAST_RESERVED = W_UNIT
FIRST_NOT_YET = W_OPEN
LAST_WORD = W_SQL_EXECUTE
WORD_COUNT = LAST_WORD + 1

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
N_LST = 90
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
G_DURABLE = 2  # of EVENT
G_CONVERSATION = G_BEGIN | G_CONTINUE | G_END
# flags of OPENEVENT and CLOSE
O_SYNC, O_DIRECT, O_ALL = 1, 2, 4

# types: numbers of core/c/esl_slot.h
V_NONE, V_BOOL, V_INT, V_REAL, V_TIME, V_TEXT, V_RECORD, V_OBJECT, V_ANY = range(9)
# types of parameters and results of functions beside the types: INT or REAL, any type that the result may share, a column of a record
L_NUMBER, L_UNITED, L_COLUMN = 20, 21, 22

# number of the list of a loop or branch: around what stands in none
NO_BLOCK = -1

# symbols: what a name is; places: what a reference is
S_LOCAL, S_PVAR, S_CONST, S_REF, S_SPECIAL = range(5)
P_SCALAR, P_PVAR, P_CONST, P_WHOLE, P_ROW, P_ITEM, P_COLUMN, P_CELL = range(8)

# word -> number, in the form in which names are compared
WORDS: dict[str, int] = {name[2:].lower(): number for name, number in list(globals().items()) if name.startswith("W_")}
