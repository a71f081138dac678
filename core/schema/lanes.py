"""Lanes: independent ordered streams inside one session, and who serves the requests on them."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Lane:
    number: int
    name: str
    served_by: str
    doc: str


LANES = [
    Lane(0, "control", "KNL", "logon, opening, closing, administration, logs"),
    Lane(1, "script", "HIS, SEE", "CALL, picture variables, object values: order between them is kept"),
    Lane(2, "visual", "HIP", "%HI_ functions, picture events, questions"),
    Lane(3, "data.db", "DBM", "requests to databases"),
    Lane(4, "data.archive", "ARC", "requests to the archive"),
    Lane(5, "dialog", "DWP", "user-interface messages of work processes"),
    Lane(6, "durable.general", "WP", "durable tasks of the general queue"),
    Lane(7, "durable.primary", "PWP", "durable tasks of the primary work process"),
    Lane(8, "durable.O", "WP with role O", "outputs"),
    Lane(9, "durable.R", "WP with role R", "resource calculations"),
    Lane(10, "java", "JWP", "services written in Java"),
    Lane(11, "bulk", "any", "large transfers that must not delay the others"),
    Lane(15, "local", "the script itself", "never leaves the process"),
]

TABLE = Table("lanes", "Lane", LANES, "Lanes: ordered streams of a session.")
