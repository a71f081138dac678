"""Reasons behind a failed request (_ERR_NR_TRANS_EX)."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Extended:
    number: int
    name: str
    text: str


ROWS = [
    Extended(0, "NO_REASON", ""),
    Extended(1, "UNKNOWN", "unknown"),
    Extended(10, "PROCESS_NOT_RUNNING", "no process serves this kind of request"),
    Extended(11, "OBJECT_UNKNOWN", "the object is unknown"),
    Extended(12, "NO_RIGHT", "the user has no right"),
    Extended(13, "WRONG_TYPE", "the value is of another type"),
    Extended(14, "OUT_OF_LIMITS", "the value is out of limits"),
    Extended(15, "QUEUE_FULL", "the queue of the target is full"),
    Extended(16, "TOO_LONG", "the message is longer than the limit"),
    Extended(20, "PROCESS_RESTARTED", "the process was restarted"),
    Extended(21, "STANDBY", "this server stands by; the hot server takes it"),
    Extended(30, "ARCHIVE_NOT_STORED", "the object is not archived"),
    Extended(31, "ARCHIVE_NO_INTERVAL", "the interval is not available"),
    Extended(40, "DBM_MAX_CONNECTIONS", "the database object allows no further connection"),
    Extended(41, "USER_EXPIR_TIME", "the statement ran longer than allowed"),
    Extended(42, "SQL_ERROR", "the database engine refused the statement"),
    Extended(43, "TABLE_NOT_CONFIGURED", "the table object does not fit the database"),
    Extended(48, "TOO_MANY_ROWS_IN_SELECT", "the statement would return too many rows"),
    Extended(49, "NO_KEY", "the table object has no key"),
    Extended(52, "DBM_DATABASE_OFF", "the database cannot be reached"),
]

TABLE = Table("extended", "Ext", ROWS, "Extended reasons of failed requests (_ERR_NR_TRANS_EX).")
