"""Run-time errors a script can see in _ERR_NR. Numbers are stored in units: append only."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Error:
    number: int
    name: str
    catchable: bool
    text: str


ERRORS = [
    Error(0, "_ERR_NO_ERROR", True, "no error"),
    Error(1, "_ERR_UNKNOWN", True, "unknown error"),
    Error(2, "_ERR_EXPRESSION_STATUS", True, "an invalid value where a valid one is needed"),
    Error(3, "_ERR_NO_ASSIGNED_ALIAS", True, "the alias or Object item is not linked"),
    Error(4, "_ERR_RANGE_ERROR", True, "index, size or option out of range"),
    Error(5, "_ERR_RECORD_NO_COMP", True, "the structure types differ"),
    Error(6, "_ERR_INV_NUM_PARAMS", True, "wrong number of arguments"),
    Error(7, "_ERR_SET_CONST", True, "a constant was passed to an in-out parameter"),
    Error(8, "_ERR_OBJECT_NOT_FOUND", True, "the object does not exist or is not open"),
    Error(9, "_ERR_LOCAL_VAR_NFOUND", True, "the expression does not use its index"),
    Error(10, "_ERR_TRANS_ABORT", True, "the addressee is gone or the request was cut"),
    Error(11, "_ERR_TRANS_ERROR", True, "the addressee tried and failed"),
    Error(12, "_ERR_TRANS_IGNORED", True, "the addressee refused or had nothing to do"),
    Error(13, "_ERR_UNKNOWN_REFID", True, "the graphical object does not exist"),
    Error(14, "_ERR_INVALID_REFID_TYPE", True, "the graphical object is of another kind"),
    Error(15, "_ERR_TYPE_MISMATCH", True, "incompatible types"),
    Error(16, "_ERR_PROC_NOT_FOUND", True, "the target has no such procedure"),
    Error(17, "_ERR_PARAM_TYPE", True, "an argument cannot be converted"),
    Error(18, "_ERR_DEADLOCK", True, "the call would wait for itself"),
    Error(19, "_ERR_STACK", True, "calls are nested too deep"),
    Error(20, "_ERR_MEMORY", True, "the memory limit of the script is reached"),
    Error(21, "_ERR_TIMEOUT", True, "the time is over"),
    Error(22, "_ERR_NO_DATA", True, "no data"),
    Error(23, "_ERR_MORE_DATA", True, "the result was cut at the maximum"),
    Error(24, "_ERR_DATABASE_ROWS_LIMIT", True, "more rows than the database object may return"),
    Error(25, "_ERR_NO_ACCESS", True, "the user has no right to do this"),
    Error(26, "_ERR_BAD_HANDLE", True, "the handle is of another kind"),
    Error(27, "_ERR_NOT_IN_PICTURE", True, "only an active picture can do this"),
    Error(28, "_ERR_READ_ONLY", True, "the value cannot be written"),
    Error(29, "_ERR_EVENT_CLOSED", True, "the target ended during the call"),
    Error(30, "_ERR_NO_HANDLER", True, "RETRY or RESUME outside a handler"),
    Error(31, "_ERR_ASSERT", True, "an assertion failed"),
    Error(32, "_ERR_EXT_FUNCTION", True, "the external function reported an error"),
    Error(33, "_ERR_KILLED", False, "the instance was ended"),
    Error(34, "_ERR_ARCHIVE_OFF", True, "no archive is reachable"),
    Error(35, "_ERR_CNT_KEY_TYPE", True, "the key is of another type than the first one"),
    Error(36, "_ERR_NOT_SUPPORTED", True, "known, but not implemented here"),
    Error(37, "_ERR_NO_REMOTE", True, "no remote part runs for this object"),
]

TABLE = Table("errors", "Err", ERRORS, "Run-time errors of scripts (_ERR_NR).", in_c=("catchable", "text"))
