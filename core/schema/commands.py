"""Commands that `hisee tell PROCESS "COMMAND"` and the action COMMAND send, and the kinds of process that take each (R85).

`kinds` "*" = every process. The help of a process is the rows of its kind.
"""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Command:
    number: int
    name: str
    kinds: str
    syntax: str
    doc: str


COMMANDS = [
    Command(1, "HELP", "*", "HELP", "the commands that this process takes"),
    Command(2, "STOP", "*", "STOP", "end in order; what runs is completed first; no restart. A supervisor also takes STOP NAME"),
    Command(3, "START", "RRS", "START NAME", "start a configured process"),
    Command(4, "RESTART", "RRS", "RESTART NAME", "end a configured process in order and start it again"),
    Command(5, "LIST", "RRS", "LIST", "configured processes with state, restarts and next start"),
    Command(6, "DRAIN", "SES", "DRAIN", "take no new SEE; logs when empty"),
    Command(7, "RESUME", "SES", "RESUME", "take SEEs again"),
    Command(8, "MODE", "WP PWP DWP", "MODE WP|DWP", "become a dialog or a plain work process"),
    Command(9, "LOG", "*", "LOG SHIFT", "begin a new log file; one work process's change changes all of them"),
    Command(10, "DI", "*", "DI ON|OFF", "debug information on or off"),
    Command(11, "E", "*", "E +CATEGORY|-CATEGORY", "one category of debug lines on or off"),
    Command(12, "TRACE", "*", "TRACE ON|OFF", "trace of messages into the process's trace file on or off"),
    Command(13, "PING", "*", "PING", "answers ok"),
    Command(14, "STATUS", "*", "STATUS", "facts of this process"),
    Command(18, "ROUTE", "HIP HISHOST AGENT", "ROUTE NETWORK|NONE", "reach the server over that network whenever it can be had"),
    Command(20, "SHOW_ACCESS_LIST", "KNL", "SHOW_ACCESS_LIST", "public locks of scripts (GETACCESS) and who holds them"),
    Command(21, "RELAY", "KNL", "RELAY ON|OFF", "every message through the server, or direct routes where they can be had"),
    Command(22, "CARRIER", "KNL", "CARRIER PROCESS SOCKET|RING", "the link to a process of this computer leaves its rings until told, or gets fresh ones now"),
    Command(15, "SHUTDOWN", "KNL PWP", "SHUTDOWN", "end the whole system in order"),
    Command(16, "SWITCH", "KNL", "SWITCH [NODE]", "hand over to the standby server of that node, or to the first of them"),
    Command(17, "PROMOTE", "KNL", "PROMOTE", "a standby server becomes hot though nobody can prove that the former one is dead; audited"),
    Command(19, "CONTRACT", "KNL", "CONTRACT", "end an upgrade: the database drops what only the release before needs; audited"),
]

TABLE = Table("commands", "CommandId", COMMANDS, "Commands to processes.")
