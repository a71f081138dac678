"""What a statement can run into: the return code of the script, the extended reason, the engine's code and a sentence."""

from __future__ import annotations

import sqlite3

from hisee.schema.errors import Err
from hisee.schema.extended import Ext

# codes of the DBM itself, as %GetLastExtErrorCode shows them
NOT_NULL = -70001
TOO_LONG = -70002
NO_KEY_FOR_ROWS = -70003
NO_COLUMN = -70004
NO_ROW_UPDATED = -70005

_OFF = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_PLAIN = {
    sqlite3.SQLITE_BUSY: "is locked by another program; try again, or end what holds it",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_READONLY: "cannot be written: file or disk is read-only",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_NOTADB: "is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_IOERR: "cannot be read or written: input/output error",
}


class Trouble(Exception):
    """A request ends without its effect. `code` is the script's return code; `engine_code` 0 = the negated extended reason."""

    def __init__(self, text: str, *, code: int = Err.ERR_TRANS_ERROR, extended: int = Ext.SQL_ERROR, engine_code: int = 0) -> None:
        super().__init__(text)
        self.text, self.code, self.extended = text, code, extended
        self.engine_code = engine_code or (-int(extended) if extended else 0)


class DatabaseOff(Trouble):
    """The database cannot be reached; the next request tries again."""

    def __init__(self, text: str, engine_code: int = 0) -> None:
        super().__init__(text, extended=Ext.DBM_DATABASE_OFF, engine_code=engine_code)


class TableUnfit(Trouble):
    """The table object does not fit what the database has."""

    def __init__(self, text: str, engine_code: int = 0) -> None:
        super().__init__(text, extended=Ext.TABLE_NOT_CONFIGURED, engine_code=engine_code)


def of_engine(error: sqlite3.Error | sqlite3.Warning, database: str, where: str = "") -> Trouble:
    """The engine's refusal in the words of whoever reads the log; its own code is kept."""
    number = getattr(error, "sqlite_errorcode", 0) or 0
    primary = number & 0xFF
    place = f"{where}: " if where else ""
    if number == sqlite3.SQLITE_CONSTRAINT_NOTNULL:
        return Trouble(f"{place}{error}", engine_code=NOT_NULL)
    if primary == sqlite3.SQLITE_INTERRUPT:
        return Trouble(f"{place}the statement ran longer than allowed and was ended", extended=Ext.USER_EXPIR_TIME)
    text = f"{place}{database} {_PLAIN[primary]} ({error})" if primary in _PLAIN else f"{place}{error}"
    if primary in _OFF:
        return DatabaseOff(text, number)
    return Trouble(text, engine_code=number)
