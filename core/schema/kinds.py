"""Process kinds: suffix, start command and what each is for."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Kind:
    number: int
    name: str
    command: str
    virtual: bool
    restartable: bool
    doc: str


KINDS = [
    Kind(1, "KNL", "server", False, True, "server of one computer: objects, names, router"),
    Kind(2, "CP", "cp", False, True, "communication process: the only door for TCP"),
    Kind(3, "SES", "event", False, True, "script execution server: hosts SEEs"),
    Kind(4, "SEE", "", True, False, "remote part of an opened object, in an SES"),
    Kind(5, "HIP", "hip", False, True, "operator console"),
    Kind(6, "HIS", "", True, False, "local part of an opened object, in the HIS host of its console"),
    Kind(7, "DBM", "dbm", False, True, "database manager: lanes that serve data requests"),
    Kind(8, "TEL", "", False, False, "a command or a program that uses the Python API"),
    Kind(9, "HISHOST", "", False, False, "OS process that hosts the virtual HIS of one hip process; not listed"),
    Kind(11, "WP", "wp", False, True, "work process: durable tasks of the engine database, from activation to their end"),
    Kind(12, "PWP", "", False, False, "shown for the work process that is primary: time basis, process administration"),
    Kind(13, "DWP", "", False, False, "shown for a work process in dialog mode: user-interface messages only"),
    Kind(14, "JWP", "jwp", False, True, "Java work process: services written in Java"),
    Kind(15, "AGENT", "agent", False, True, "starts allow-listed programs on any computer, through a communication process"),
    Kind(16, "RRS", "rrs", False, False, "resident supervisor of one computer: starts, watches, restarts and ends its processes"),
    Kind(17, "NWP", "", False, False, "shown for a work process of a computer that is not the active one: it waits"),
    Kind(10, "EVH", "event", False, True, "event handler: runs trigger, start-up and server events"),
    Kind(18, "EVS", "", True, False, "running script of an event, in an event handler"),
    Kind(19, "DLLHOST", "", False, False, "holds one foreign library for the scripts of its owner; logs on nowhere, started at the first call"),
]

TABLE = Table("kinds", "Kind", KINDS, "Process kinds; names are <node>.<KIND>, those of numbered ones <KIND><number>, of agents their own.")
