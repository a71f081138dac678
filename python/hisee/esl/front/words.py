"""Words of the language: reserved ones, ends of blocks, and constructs this version knows but cannot compile yet."""

from __future__ import annotations


def folded_words(text: str) -> frozenset[str]:
    """Words in the form in which names are compared."""
    return frozenset(text.split())


RESERVED = folded_words(
    "if then elsif else endif for range to do_loop exit_loop end_loop begin end procedure entry entryx rpc rpcx public "
    "implementation goto gosub return retry resume exception_handler call on set redim insert bool int real text alias "
    "record unit"
)
HEADERS = frozenset(("procedure", "entry", "entryx", "rpc", "rpcx", "implementation", "begin"))

# action words that a later version implements; each is named in ESL1003
NOT_YET = folded_words(
    "open kvit block unblock readlog setdt_lineobj res_group_insert res_group_delete res_group_delete_all res_group_query "
    "rebuild_acc getarchval getarcharr getarcharr_to_cnt getarchrow getarchcol getarchstruct getarchdata calcstatfunc "
    "updatearchval insertarcharr deletearchdata calcondemandstat db_insert db_update db_delete db_insupd dbs_insupd db_trans_open "
    "db_trans_commit db_trans_rollback db_trans_close db_read_blob dbs_read_blob db_update_blob dbs_update_blob pg_connect "
    "pg_read pg_insert pg_update pg_delete pg_disconnect sql_connect sql_prepare sql_fetch sql_free sql_disconnect "
    "sql_exec_direct sql_select sql_binds sql_execute"
)
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
UNIT_ORDER = tuple(UNITS)
DB_WORDS = {
    "db_connect": "DB_CONNECT", "db_disconnect": "DB_DISCONNECT", "db_read": "DB_READ", "dbs_read": "DBS_READ",
    "dbs_insert": "DBS_INSERT", "dbs_update": "DBS_UPDATE", "dbs_delete": "DBS_DELETE",
}
DB_ORDER = tuple(DB_WORDS)
CNT_ORDER = ("cnt_create", "cnt_insert", "cnt_find", "cnt_delete", "cnt_getnr", "cnt_cnvtoarray", "cnt_getitem", "cnt_destroy", "cnt_debug")
LST_ORDER = ("lst_create", "lst_go_next", "lst_go_prev", "lst_destroy")
ACTION_WORDS = (
    "IF", "FOR", "DO_LOOP", "EXIT_LOOP", "GOTO", "RETURN", "END", "RETRY", "RESUME", "ON", "SET", "REDIM", "INSERT", "CALL", "DELAY",
    "WAIT", "LOG", "LOGEX", "MESSAGE", "QUERY", "PROCEDURE", "ENTRY", "ENTRYX", "RPC", "RPCX", "BEGIN", "ENDIF", "END_LOOP", "ELSE",
    "ELSIF", "INT", "BOOL", "REAL", "TEXT", "TIME", "RECORD", "ALIAS", *DB_WORDS.values(),
    "GOSUB", "RAISE_EXCEPTION", "RERAISE", "EXCEPTION_HANDLER", "PRAGMA", "SORT", "FIND_TRUE", "DELETE", "COPY_ROWS",
    *(word.upper() for word in (*CNT_ORDER, *LST_ORDER)), "EVENT", "OPENEVENT", "CLOSE", "COMMAND", "GETACCESS", "RELEASEACCESS", "PUBLIC",
)


def nearest(name: str, candidates: object, limit: int = 2000) -> list[str]:
    """The candidates that a person most likely meant: those of the least distance, in the order given. At most `limit` candidates
    of a similar length are compared."""
    best: list[str] = []
    best_cost = max(1, len(name) // 3)
    wanted = name.lower()
    seen = 0
    for candidate in dict.fromkeys(candidates):  # type: ignore[call-overload]
        if abs(len(candidate) - len(name)) > best_cost or len(candidate) > 64:
            continue
        seen += 1
        if seen > limit:
            break
        cost = distance(wanted, candidate.lower(), best_cost + 1)
        if cost < best_cost or cost == best_cost and not best:
            best, best_cost = [candidate], cost
        elif cost == best_cost:
            best.append(candidate)
    return best


def distance(a: str, b: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap of neighbours) between two short words; `limit` when it is at least that."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a):
        older, before = before, row
        row = [i + 1]
        for j, cb in enumerate(b):
            cost = min(before[j + 1] + 1, row[j] + 1, before[j] + (ca != cb))
            if i and j and ca == b[j - 1] and a[i - 1] == cb:
                cost = min(cost, older[j - 1] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
    return row[-1]


def meant(name: str, candidates: object) -> str:
    """The hint "did you mean ...?", or "". Two equally near names are both told: then nothing may be put right by itself."""
    found = [f"`{candidate}`" for candidate in nearest(name, candidates)[:2]]
    return f"did you mean {' or '.join(found)}?" if found else ""
