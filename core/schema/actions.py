"""Actions: everything an ESL script asks of the world outside its own registers. One row drives compiler, VM, host and manual.

The payload of an action is the value codec list of its IN and INOUT operands in the order of the row, the reply that of its
OUT and INOUT operands in the same order. `docs/design/action-payloads.md` shows each payload byte by byte.
"""

from dataclasses import dataclass, field

from table import Table

MODES = {"IN": "<", "OUT": ">", "INOUT": "="}
TYPES = {"BOOL": "B", "INT": "I", "REAL": "R", "TIME": "M", "TEXT": "T", "RECORD": "C", "OBJECT": "O", "ANY": "A"}


def signature_of(operands: tuple[tuple[str, str, str], ...]) -> str:
    """Two letters per operand, mode and type; a closing "*" repeats the last one any number of times (ANY* = also RECORD)."""
    return "".join(MODES[mode] + TYPES[kind.rstrip("*")] + kind[len(kind.rstrip("*")):] for _, mode, kind in operands)


@dataclass(frozen=True)
class Action:
    """number and name; syntax as a person writes it; lane, effect none|read|write|command; waits never|always|by_notation;
    implementor = process kind; operands (name, mode, type) where ANY means each simple type and "*" repeats the last one."""

    number: int
    name: str
    syntax: str
    lane: str
    effect: str
    waits: str
    implementor: str
    operands: tuple[tuple[str, str, str], ...]
    reply: str
    doc: str
    signature: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signature", signature_of(self.operands))


RC = ("rc", "OUT", "INT")
TABLE_ = ("table", "IN", "OBJECT")
HANDLE = ("handle", "IN", "INT")
MODE = ("mode", "IN", "INT")
CONDITION = (("where", "IN", "TEXT"), ("count", "IN", "INT"), ("bind", "IN", "ANY*"))
READ_TAIL = (("row", "INOUT", "RECORD"), RC, ("max_rows", "IN", "INT"), *CONDITION)
ROW = ("row", "IN", "RECORD")


def db(number: int, name: str, syntax: str, effect: str, operands: tuple, doc: str) -> Action:
    return Action(number, name, syntax, "data.db", effect, "always", "DBM", operands, "OUT and INOUT operands", doc)


ACTIONS = [
    # made by the code generator, no keyword of their own
    Action(1, "SET", "object := value [TIME time]", "script", "write", "never", "KNL",
           (("target", "IN", "OBJECT"), ("value", "IN", "ANY"), ("time", "IN", "TIME"), ("weak", "IN", "BOOL")), "",
           "request to change an object, or a cell of a structured one; time invalid = now; settled later, seen by WAIT"),
    Action(2, "PVAR_WRITE", "_pictureVariable := value", "script", "write", "never", "HIS",
           (("variable", "IN", "INT"), ("value", "IN", "ANY")), "",
           "write of a picture variable, by its index in the picture, from 0; the VM has applied it to the own replica before"),
    Action(3, "ON_CHANGE", "ON CHANGE object GOTO procedure [NONE]", "local", "none", "never", "HIS, SEE",
           (("target", "IN", "OBJECT"), ("procedure", "IN", "INT"), ("on", "IN", "BOOL")), "",
           "register (on TRUE) or remove a procedure of this unit, by its index, for changes of the object"),
    Action(4, "WAIT", "WAIT", "script", "none", "always", "KNL", (), "",
           "until every SET of this script is settled; the first refused one fails with _ERR_TRANS_ERROR and its reason"),
    Action(5, "DELAY", "DELAY n [unit]", "local", "none", "always", "HIS, SEE", (("seconds", "IN", "REAL"),), "",
           "suspend this script; 0 = give the others a turn; invalid or negative fails with _ERR_EXPRESSION_STATUS"),
    Action(6, "CALL_OTHER", "[_ret :=] CALL [] procedure(arguments) [SYNC|ASYNC]", "script", "command", "by_notation", "HIS, SEE",
           (("flags", "IN", "INT"), ("procedure", "IN", "TEXT"), ("modes", "IN", "TEXT"), ("code", "OUT", "INT"),
            ("argument", "INOUT", "ANY*")), "code, then the arguments written by the callee",
           "procedure of the other part. flags: 1 ASYNC (does not wait, no reply values), 2 a return code is assigned. modes: one "
           "sign per argument, = in-out, < constant or expression (the callee refuses it for an in-out parameter: _ERR_SET_CONST)"),
    # functions that need the world (host_functions.py)
    Action(130, "FUNCTION", "%Function(arguments)", "local", "none", "by_notation", "HIS, SEE",
           (("function", "IN", "INT"), ("result", "OUT", "ANY"), ("argument", "IN", "ANY*")), "result",
           "a function of the table of host functions, by its number; one without result answers an invalid value"),
    # words of the language
    Action(10, "LOG", "LOG [label [, value]] [LINENO] [PRIORITY p]", "control", "command", "never", "KNL",
           (("flags", "IN", "INT"), ("label", "IN", "TEXT"), ("priority", "IN", "INT"), ("value", "IN", "ANY")), "",
           "line of the event log. flags: 1 a value is given (else the last operand is FALSE), 2 LINENO. priority outside 0..5 "
           "fails with _ERR_RANGE_ERROR"),
    Action(11, "LOGEX", "LOGEX text [LINENO] [PRIORITY p]", "control", "command", "never", "KNL",
           (("flags", "IN", "INT"), ("text", "IN", "TEXT"), ("priority", "IN", "INT")), "",
           "line of the event log from an expression; flags and priority as LOG"),
    Action(12, "MESSAGE", "MESSAGE text [ON console]", "visual", "command", "never", "HIP",
           (("text", "IN", "TEXT"), ("console", "IN", "OBJECT")), "", "message to an operator; console not linked = the own one"),
    Action(13, "QUERY", "_i := QUERY text [SINGLE] [ON console] [TIMEOUT seconds]", "visual", "read", "always", "HIP",
           (("text", "IN", "TEXT"), ("single", "IN", "BOOL"), ("console", "IN", "OBJECT"), ("seconds", "IN", "REAL"),
            ("answer", "OUT", "INT")), "answer: _Q_ constant",
           "question to an operator; seconds invalid = no limit; console not linked = the own one"),
    # database
    db(30, "DB_CONNECT", "DB_CONNECT table, access, _handle, _rc", "command",
       (TABLE_, ("access", "IN", "INT"), ("handle", "OUT", "INT"), RC), "open a table; access is _DB_READ or _DB_MODIFY"),
    db(31, "DB_DISCONNECT", "DB_DISCONNECT _handle", "command", (HANDLE,), "end what DB_CONNECT opened; no return code"),
    db(32, "DB_READ", "DB_READ _handle, row, _rc [, max] [WHERE text [BINDIN v, ..]]", "read",
       (MODE, HANDLE, *READ_TAIL),
       "mode 0: one row, by the key columns of `row` or by WHERE; mode 1: up to max_rows rows into a whole record"),
    db(33, "DBS_READ", "DBS_READ table, row, _rc [, max] [WHERE text [BINDIN v, ..]]", "read",
       (MODE, TABLE_, *READ_TAIL), "as DB_READ without opening"),
    db(34, "DBS_INSERT", "DBS_INSERT table, row, _rc", "write", (MODE, TABLE_, ROW, RC), "mode 0: one row; mode 1: every row"),
    db(35, "DBS_UPDATE", "DBS_UPDATE table, row, _rc [WHERE text [BINDIN v, ..]]", "write",
       (MODE, TABLE_, ROW, RC, *CONDITION), "mode 0: one row, by key or WHERE; mode 1: every row, by key"),
    db(36, "DBS_DELETE", "DBS_DELETE table, row, _rc", "write", (MODE, TABLE_, ROW, RC), "by key; mode 0: one row; mode 1: every row"),
    db(37, "DBS_DELETE_WHERE", "DBS_DELETE table, _rc WHERE text [BINDIN v, ..]", "write",
       (TABLE_, RC, *CONDITION), "rows that meet the condition"),
]

TABLE = Table("actions", "ActionId", ACTIONS, "Actions: what a script asks of the world, and who does it.",
              in_c=("waits", "signature"))
