"""States of a server in its redundant group, with the transient ones it passes through."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class ServerState:
    number: int
    name: str
    state: str  # HS, SBS, SS, FS: what people and scripts see
    serves: str  # all | views | nothing
    doc: str


STATES = [
    ServerState(0, "hot", "HS", "all", "holds the term of the group: the only one that acknowledges"),
    ServerState(1, "standby", "SBS", "views", "follows the hot server, with everything that it had acknowledged"),
    ServerState(2, "election", "SS", "nothing", "nobody holds the term: waits for a higher priority, or tries to take it"),
    ServerState(3, "waiting for the hot server", "SS", "nothing", "another one holds the term, and no session with it is there yet"),
    ServerState(4, "synchronizing", "SS", "nothing", "logged on to the hot server, takes over values and configuration"),
    ServerState(5, "switching to hot", "SBS", "views", "has taken the term and makes itself ready"),
    ServerState(6, "switching to standby", "HS", "views", "ordered to hand over: settles what is open, takes nothing new"),
    ServerState(7, "cut off", "SS", "nothing", "cannot reach the engine database: acknowledges nothing"),
    ServerState(8, "wrong", "FS", "nothing", "its configuration does not fit the group's"),
    ServerState(9, "alone", "HS", "all", "no group is configured"),
]

TABLE = Table("server_states", "ServerStateId", STATES, "States of a server in its redundant group.")
