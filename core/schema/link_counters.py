"""What the server counts of a link that can change its carrier, as `hisee routes` shows it."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class LinkCounter:
    number: int
    name: str
    doc: str


COUNTERS = [
    LinkCounter(1, "switches", "changes of this end's messages from the ring to the socket or back"),
    LinkCounter(2, "losses", "rings that were found damaged, by either end"),
    LinkCounter(3, "again", "parts of messages that this end sent once more behind a damaged ring"),
]

TABLE = Table("link_counters", "LinkCounterId", COUNTERS, "Counters of a link between two processes of one computer.")
