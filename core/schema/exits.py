"""Exit codes of every command and process. Scripts of users test them: none is ever renamed or renumbered."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Exit:
    number: int
    name: str
    doc: str


EXITS = [
    Exit(0, "OK", "done; nothing to complain about"),
    Exit(1, "FINDINGS", "the command worked and found errors: a script that does not compile, an unhandled run-time error"),
    Exit(2, "USAGE", "wrong or contradictory options, a file that is not there, a folder that is no application"),
    Exit(3, "CANNOT_CONNECT", "no system runs there, or it does not answer"),
    Exit(4, "REFUSED", "the system refused: logon or right missing"),
    Exit(5, "TIMED_OUT", "the system did not finish within the time given"),
    Exit(70, "INTERNAL", "a fault of hisee itself"),
    Exit(75, "LOST_MEMBER", "the others took this process for dead: it ends so that it can be started anew"),
]

TABLE = Table("exits", "Exit", EXITS, "Exit codes of commands and processes.")
