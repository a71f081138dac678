"""What is refreshed instead of stored, and how often (R143). Everything else is in the engine database before it is acknowledged."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Refreshed:
    number: int
    name: str
    timer: str  # row of the timer table
    owner: str
    doc: str


REFRESHED = [
    Refreshed(1, "lease of a member", "lease_renew", "WP, CP, JWP", "on one computer in shared memory, else a row of the member table"),
    Refreshed(2, "utilisation", "heartbeat", "every process", "busy time of the last 1, 10 and 60 minutes, kept by the server"),
    Refreshed(3, "number of SEEs", "reconcile", "SES", "counted from the SES's own list"),
    Refreshed(4, "progress of a task", "progress", "WP", "share and text, for people; the newest is stored now and then"),
    Refreshed(5, "load of a CP", "heartbeat", "CP", "connections, told to clients at logon"),
    Refreshed(6, "clock offset", "heartbeat", "every process", "difference to the server's clock"),
    Refreshed(7, "values with retain = false", "heartbeat", "KNL", "from their sources after a start"),
]

TABLE = Table("refreshed", "RefreshedId", REFRESHED, "Facts that are refreshed instead of stored.")
