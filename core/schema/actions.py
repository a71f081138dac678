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


CNT = ("handle", "IN", "INT")


def vm(number: int, name: str, syntax: str, operands: tuple, doc: str) -> Action:
    """What core/c/esl_local.c carries out itself: no host ever sees it."""
    return Action(number, name, syntax, "local", "none", "never", "VM", operands, "", doc)


def db(number: int, name: str, syntax: str, effect: str, operands: tuple, doc: str) -> Action:
    return Action(number, name, syntax, "data.db", effect, "always", "DBM", operands, "OUT and INOUT operands", doc)


ACTIONS = [
    # made by the code generator, no keyword of their own
    Action(1, "SET", "object := value [TIME time]", "script", "write", "never", "KNL",
           (("target", "IN", "OBJECT"), ("value", "IN", "ANY"), ("time", "IN", "TIME"), ("weak", "IN", "BOOL"), ("flags", "IN", "INT*")), "",
           "request to change an object, or a cell of a structured one; time invalid = now; flags: user flags, bit 0 = A, left out = none; "
           "settled later, seen by WAIT"),
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
           "sign per argument, = in-out, < constant or expression (the callee refuses it for an in-out parameter: _ERR_SET_CONST), h the same in "
           "brackets, O an object, a of an ASYNC call, o one that cannot be written: OBJECT; what comes back for O is OBJECT, BOOL, ANY: "
           "the link, whether a value came, the value. flags 64: there are objects"),
    # functions that need the world (host_functions.py)
    Action(130, "FUNCTION", "%Function(arguments)", "local", "none", "by_notation", "HIS, SEE",
           (("function", "IN", "INT"), ("result", "OUT", "ANY"), ("argument", "IN", "ANY*")), "result",
           "a function of the table of host functions, by its number; one without result answers an invalid value"),
    Action(131, "EXTERNAL", "%Object(arguments)", "local", "command", "by_notation", "HIS, SEE, EVS",
           (("object", "IN", "TEXT"), ("library", "IN", "TEXT"), ("declaration", "IN", "TEXT"), ("function", "IN", "TEXT"),
            ("seconds", "IN", "REAL"), ("result", "OUT", "ANY"), ("argument", "IN", "ANY*")), "result",
           "a C function of a library, as its object said when the script was compiled: name of the object, path, header, name of the function, "
           "deadline (invalid = limit external_s). Carried out by a process of the library's own; one without result answers an invalid value"),
    # words of the language
    Action(10, "LOG", "LOG [label [, value]] [LINENO] [PRIORITY p]", "control", "command", "never", "KNL",
           (("flags", "IN", "INT"), ("label", "IN", "TEXT"), ("priority", "IN", "INT"), ("value", "IN", "ANY")), "",
           "line of the event log: 200 characters of the label, 20 of the value (a longer REAL is rounded). flags: 1 a value is given (else the "
           "last operand is FALSE), 2 LINENO. priority outside 0..5 fails with _ERR_RANGE_ERROR"),
    Action(11, "LOGEX", "LOGEX text [LINENO] [PRIORITY p]", "control", "command", "never", "KNL",
           (("flags", "IN", "INT"), ("text", "IN", "TEXT"), ("priority", "IN", "INT")), "",
           "line of the event log from an expression, 200 characters of it; flags and priority as LOG"),
    Action(12, "MESSAGE", "MESSAGE text [ON console]", "visual", "command", "never", "HIP",
           (("text", "IN", "TEXT"), ("console", "IN", "OBJECT")), "", "message to an operator; console not linked = the own one"),
    Action(13, "QUERY", "_i := QUERY text [SINGLE] [ON console] [TIMEOUT seconds]", "visual", "read", "always", "HIP",
           (("text", "IN", "TEXT"), ("single", "IN", "BOOL"), ("console", "IN", "OBJECT"), ("seconds", "IN", "REAL"),
            ("answer", "OUT", "INT")), "answer: _Q_ constant",
           "question to an operator; seconds invalid = no limit; console not linked = the own one"),
    # events, calls between objects, locks, commands
    Action(100, "CALL_OBJECT", "[_ret :=] CALL [object] procedure(arguments) [SYNC|ASYNC] [ON process|ALL [INSTANCE n]] [PRTY p]", "script",
           "command", "by_notation", "EVH, HIS, SEE",
           (("flags", "IN", "INT"), ("object", "IN", "OBJECT"), ("procedure", "IN", "TEXT"), ("interface", "IN", "TEXT"),
            ("process", "IN", "OBJECT"), ("instance", "IN", "INT"), ("priority", "IN", "INT"), ("modes", "IN", "TEXT"),
            ("conversation", "INOUT", "INT"), ("code", "OUT", "INT"), ("argument", "INOUT", "ANY*")),
           "code, then the arguments written by the callee",
           "procedure of an open event or picture. flags: 1 ASYNC, 2 a return code is assigned, 4 ON ALL, 8 begins a conversation, "
           "16 continues one, 32 ends one; process not linked, instance or priority invalid = not given; modes as CALL_OTHER"),
    Action(101, "EVENT", "EVENT event [(_public = value, ..)] [ASYNC [DURABLE]] [PRTY p]", "script", "command", "by_notation", "EVH",
           (("flags", "IN", "INT"), ("event", "IN", "OBJECT"), ("names", "IN", "TEXT"), ("modes", "IN", "TEXT"),
            ("priority", "IN", "INT"), ("value", "INOUT", "ANY*")), "the values of the PUBLIC locals afterwards",
           "run of a trigger event. flags: 1 ASYNC, 2 DURABLE (waits until the start is kept as a task); names of the PUBLIC locals, separated by commas; modes: one sign per value, = copied "
           "back, < value only. An error of the event never reaches the caller"),
    Action(102, "OPENEVENT", "OPENEVENT event DIRECT|ON process [INSTANCE n] [SYNC]", "script", "command", "by_notation", "KNL",
           (("flags", "IN", "INT"), ("event", "IN", "OBJECT"), ("process", "IN", "OBJECT"), ("instance", "IN", "INT")), "",
           "open a server event, or on a console a client-and-server event. flags: 1 SYNC (waits until it is open), 2 DIRECT"),
    Action(103, "CLOSE", "CLOSE DIRECT | CLOSE object [DIRECT|ON process|ON ALL] [INSTANCE n]", "script", "command", "never", "KNL",
           (("flags", "IN", "INT"), ("object", "IN", "OBJECT"), ("process", "IN", "OBJECT"), ("instance", "IN", "INT")), "",
           "end what OPENEVENT or an operator opened. flags: 2 DIRECT (object not linked: this instance itself), 4 ON ALL"),
    Action(104, "COMMAND", "[_rc :=] COMMAND text [ON process [INSTANCE n]]", "control", "command", "by_notation", "any",
           (("text", "IN", "TEXT"), ("process", "IN", "OBJECT"), ("instance", "IN", "INT"), ("rc", "OUT", "INT")), "how it ended",
           "command to a process, as `hisee tell`; process not linked = the server"),
    Action(105, "GETACCESS", "_ok := GETACCESS name [PUBLIC [_holder [, note]]]", "control", "command", "always", "EVH, HIS, SEE, KNL",
           (("name", "IN", "TEXT"), ("public", "IN", "BOOL"), ("note", "IN", "TEXT"), ("granted", "OUT", "BOOL"), ("holder", "OUT", "TEXT")),
           "granted; who holds it", "named lock of this process, PUBLIC: of the whole system; released at the end of the script at the latest"),
    Action(106, "RELEASEACCESS", "RELEASEACCESS name [PUBLIC]", "control", "command", "never", "EVH, HIS, SEE, KNL",
           (("name", "IN", "TEXT"), ("public", "IN", "BOOL")), "", "give a lock back; one that this script does not hold stays as it is"),
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
    # carried out inside the VM: they never leave the script
    vm(60, "CNT_CREATE", "CNT_CREATE _h [CASE_SENSITIVE]", (("handle", "OUT", "INT"), ("case_sensitive", "IN", "BOOL")),
       "new data container; text keys ignore case unless told otherwise"),
    vm(61, "CNT_INSERT", "CNT_INSERT _h, key, value", (CNT, ("key", "IN", "ANY"), ("value", "IN", "ANY*")),
       "put a value, row or structure under a key, in place of an older one; the first key fixes the type of all keys"),
    vm(62, "CNT_FIND", "CNT_FIND _h, key, _value, _found",
       (CNT, ("key", "IN", "ANY"), ("found", "OUT", "BOOL"), ("value", "OUT", "ANY*")), "what stands under a key; absent: value untouched"),
    vm(63, "CNT_DELETE", "CNT_DELETE _h, key [, _found]", (CNT, ("key", "IN", "ANY"), ("found", "OUT", "BOOL")), "remove a key"),
    vm(64, "CNT_GETNR", "CNT_GETNR _h, _count", (CNT, ("count", "OUT", "INT")), "number of items"),
    vm(65, "CNT_CNVTOARRAY", "CNT_CNVTOARRAY _h", (CNT,), "number the items 1, 2, .. by ascending key, until the next insert or delete"),
    vm(66, "CNT_GETITEM", "CNT_GETITEM _h, index, _key, _value",
       (CNT, ("index", "IN", "INT"), ("key", "OUT", "ANY"), ("value", "OUT", "ANY*")), "item by its number"),
    vm(67, "CNT_DESTROY", "CNT_DESTROY _h", (CNT,), "give the container back; the end of the script does it too"),
    vm(68, "CNT_DEBUG", "CNT_DEBUG _h, text", (CNT, ("name", "IN", "TEXT")), "name of the container in what a diagnosis shows"),
    vm(70, "SORT", "SORT _r^Column, ascending [, _r^Column, ascending ..]", (("record", "INOUT", "RECORD"), ("key", "IN", "ANY*")),
       "stable, invalid cells first; keys: pairs of column INT, from 0, and ascending BOOL, at most 5"),
    vm(71, "COPY_ROWS", "COPY_ROWS to, toFrom, of, ofFrom, count",
       (("to", "INOUT", "RECORD"), ("to_from", "IN", "INT"), ("of", "IN", "RECORD"), ("of_from", "IN", "INT"), ("count", "IN", "INT")),
       "values of count rows of one record over, and behind, rows of another"),
    vm(72, "BIND", "SET _r[i] BIND object[j] | NONE", (("record", "INOUT", "RECORD"), ("row", "IN", "INT"), ("target", "IN", "OBJECT")),
       "row of a record stands for the row of an object; target not linked = it no longer does, its items become undefined"),
    vm(73, "REFRESH", "", (("record", "INOUT", "RECORD"),), "bound rows take the present values of their objects: before a record is read as a whole"),
    vm(74, "FLAGS", "", (("target", "IN", "OBJECT"), ("flags", "OUT", "INT")), "user flags of an object or a cell of it, bit 0 = A"),
    vm(75, "FIELD", "_r[i]^Column of a RECORD without a structure",
       (("record", "IN", "RECORD"), ("row", "IN", "INT"), ("column", "IN", "TEXT"), ("value", "OUT", "ANY")),
       "item by the name of its column, found when it runs; no such column: _ERR_RECORD_NO_COMP"),
    vm(76, "FIELD_PUT", "", (("record", "INOUT", "RECORD"), ("row", "IN", "INT"), ("column", "IN", "TEXT"), ("value", "IN", "ANY")),
       "the same, written; an Object column refuses with _ERR_NOT_SUPPORTED"),
    vm(77, "LIMIT", "", (("target", "IN", "OBJECT"), ("state", "OUT", "INT")), "limit state of an object, as \\LIM gives it"),
    # rows of objects, lists of objects
    Action(160, "OBJECT_ROWS", "REDIM object[n], INSERT object, before, rows, DELETE object, from [, count]", "script", "write", "always", "KNL",
           (("target", "IN", "OBJECT"), ("operation", "IN", "INT"), ("first", "IN", "INT"), ("count", "IN", "INT"), ("rows", "IN", "ANY*")), "",
           "rows of a structured object. operation: 1 REDIM to count, 2 INSERT of the record behind it before row first (-1 = at the end), "
           "3 DELETE of count rows from first on. At least one row stays; rows that do not exist fail with _ERR_RANGE_ERROR"),
    Action(161, "LST_CREATE", "LST_CREATE mask, type, group, sort, lines, _h, _data [, relation, object]", "control", "read", "always",
           "EVH, HIS, SEE",
           (("mask", "IN", "TEXT"), ("type", "IN", "INT"), ("group", "IN", "OBJECT"), ("sort", "IN", "INT"), ("lines", "IN", "INT"),
            ("relation", "IN", "INT"), ("object", "IN", "OBJECT"), ("handle", "OUT", "INT"), ("data", "INOUT", "RECORD")),
           "handle, first page", "list of objects by name, @OTYPE_, group and relation, in pages; group not linked = any; 0 = it could not be made"),
    Action(162, "LST_GO", "LST_GO_NEXT _h, _data | LST_GO_PREV _h, _data", "control", "read", "always", "EVH, HIS, SEE",
           (("handle", "IN", "INT"), ("step", "IN", "INT"), ("data", "INOUT", "RECORD")), "the page",
           "next (1) or previous (-1) page; past either end it has no rows and the position stays"),
    Action(163, "LST_DESTROY", "LST_DESTROY _h", "control", "none", "never", "EVH, HIS, SEE", (("handle", "IN", "INT"),), "",
           "give a list back; the end of the script does it too"),
]

TABLE = Table("actions", "ActionId", ACTIONS, "Actions: what a script asks of the world, and who does it.",
              in_c=("waits", "signature"))
