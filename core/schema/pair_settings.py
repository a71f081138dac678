"""Settings of the database pair: how fast its monitor and its nodes notice a loss. Milliseconds, with the inequalities they must keep."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class PairSetting:
    number: int
    name: str  # as PostgreSQL knows it
    ms: int
    place: str  # monitor or node
    doc: str


SETTINGS = [
    PairSetting(1, "pgautofailover.health_check_period", 500, "monitor", "distance of two looks at a node"),
    PairSetting(2, "pgautofailover.health_check_timeout", 500, "monitor", "a look that is not answered within this time has failed"),
    PairSetting(3, "pgautofailover.health_check_retry_delay", 300, "monitor", "a failed look is repeated after this time"),
    PairSetting(4, "pgautofailover.node_considered_unhealthy_timeout", 1_500, "monitor", "a node that did not report for so long is unhealthy"),
    PairSetting(5, "pgautofailover.primary_demote_timeout", 1_000, "monitor", "a lost primary has this time to have stopped, then its partner may write"),
    PairSetting(6, "pgautofailover.startup_grace_period", 3_000, "monitor", "the monitor judges nobody so soon after its own start"),
    PairSetting(7, "wal_receiver_timeout", 5_000, "node", "the standby gives up a stream that is silent for so long and connects again"),
    PairSetting(8, "wal_sender_timeout", 5_000, "node", "the primary gives up a standby that is silent for so long"),
    PairSetting(9, "wal_retrieve_retry_interval", 500, "node", "the standby tries again to connect to its primary after this time"),
    PairSetting(10, "tcp_user_timeout", 5_000, "node", "a connection whose data nobody confirms ends after this time"),
]

S = {s.name.rpartition(".")[2]: s.ms for s in SETTINGS}
if not S["health_check_timeout"] + S["health_check_retry_delay"] + S["health_check_timeout"] <= S["node_considered_unhealthy_timeout"]:
    raise ValueError("pair settings: two looks must fit into the time after which a node is unhealthy")
if not S["node_considered_unhealthy_timeout"] <= S["startup_grace_period"]:
    raise ValueError("pair settings: after its start the monitor must give everybody the time to report")

TABLE = Table("pair_settings", "PairSettingId", SETTINGS, "Settings of the database pair, in milliseconds.")
