"""Timers: every period and deadline of the system, in milliseconds, with the inequalities they must keep."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Timer:
    number: int
    name: str
    ms: int
    doc: str


TIMERS = [
    Timer(1, "heartbeat", 1_000, "period of the watchdog's heartbeat on every link"),
    Timer(2, "stall", 2_000, "silence after which a process is shown as stalled and gets no new work"),
    Timer(3, "watchdog", 5_000, "silence after which a process is in state WDErr and its session is lost"),
    Timer(4, "kill", 10_000, "silence after which an own child is killed"),
    Timer(5, "logon", 5_000, "deadline of a logon"),
    Timer(6, "ready", 10_000, "wait of the launcher for a process's ready line"),
    Timer(7, "see_start_each", 2_000, "wait for one SES to start a remote part"),
    Timer(8, "see_start_all", 10_000, "wait of a CALL [] for a remote part that is starting"),
    Timer(9, "reconcile", 10_000, "period at which KNL compares its list of SEEs with each SES"),
    Timer(10, "ack_alone", 5, "an acknowledgement on a stream waits this long for a frame to ride on"),
    Timer(11, "picture_timer", 125, "default period of OnTimer"),
    Timer(12, "page_stale", 2_000, "a page without its socket is grey after this time"),
    Timer(13, "stop", 5_000, "time a process has to end in order before it is killed"),
    Timer(14, "restart_delay", 1_000, "wait before a crashed process is started again"),
    Timer(15, "settle_poll", 20, "period at which settle asks the three counters"),
    Timer(16, "sync_event", 30_000, "a synchronous picture event is answered within this time or its default holds"),
    Timer(17, "api_request", 30_000, "default deadline of a request of the Python API and the command line"),
    Timer(18, "ring_poll", 1000, "safety poll of a parked ring reader; data found by it counts as rescued"),
    Timer(19, "page_frame", 16, "shortest distance of two change lists sent to a page"),
    Timer(20, "lease", 2_000, "a member of the engine that did not renew for so long has lost its claims and terms"),
    Timer(21, "lease_renew", 500, "period at which a member renews its lease"),
    Timer(22, "lease_margin", 500, "a member stops by itself so long before its lease can be taken"),
    Timer(23, "engine_poll", 2_000, "safety poll of a worker whose doorbell did not ring"),
    Timer(24, "time_basis", 250, "period at which the primary looks at schedules and conditions"),
    Timer(25, "progress", 500, "shortest distance of two stored progress notes of one task"),
    Timer(26, "rrs_delay", 1_000, "wait before a process that crashed is started again"),
    Timer(27, "agent_report", 2_000, "an unanswered report of an agent is sent again after this time"),
    Timer(28, "keep_alive", 5_000, "silence after which a communication process drops a client; the client waits one heartbeat longer"),
    Timer(29, "reconnect", 1_000, "longest first wait of a client before it dials a communication process again"),
    Timer(30, "administration", 1_000, "period of the primary's process administration"),
    Timer(31, "stop_work", 20_000, "time a work process has to complete what it runs before it is killed at an ordered end"),
    Timer(32, "election", 7_000, "a standby of lower priority lets a higher one try first for this time; so does everybody beside an heir"),
    Timer(33, "renewal_call", 1_000, "a renewal of the group's term that was not answered for so long is given up"),
    Timer(34, "standby_confirm", 1_000, "a standby server that has not confirmed values for so long is not waited for"),
    Timer(35, "hand_over", 5_000, "a hot server that was ordered to hand over settles what is open within this time, or stays hot"),
    Timer(36, "moved", 8_000, "a hot server that is cut off for so long sends its consoles away; writes that wait for a hot server end"),
    Timer(37, "resume_silence", 3_000, "silence after which a client of a communication process dials again and resumes its session"),
    Timer(38, "resume_dial", 1_500, "deadline of one dial, and of the answer to RESUME, while a session is resumed"),
    Timer(39, "resume_wait", 200, "longest first wait between two rounds of dialling to resume; doubles up to the timer reconnect"),
    Timer(47, "ready_cold", 300_000, "wait for the ready line of the work process that first deletes what waits"),
    Timer(40, "service_wait", 15_000, "wait for a Java work process that offers a service, before its task ends not ok"),
    Timer(42, "alternate", 2_000, "longest wait before a broken route beside the active one is dialled again"),
    Timer(43, "pair_watch", 1_000, "period at which a computer looks at its node of the database pair"),
    Timer(44, "pair_follow", 3_000, "hot server and database primary may be on different computers for so long, then the primary follows"),
    Timer(45, "pair_again", 20_000, "shortest distance of two planned switches of the database that a computer asks for"),
    Timer(48, "database_answer", 20_000, "a statement that the engine database did not answer for so long: its connection is made again"),
    Timer(49, "server_answer", 1_500, "the same for a server's own connections: it may have to become hot meanwhile"),
    Timer(60, "discovery", 300, "a client that looks for servers by multicast waits so long for their answers"),
    Timer(61, "group_look", 2_000, "a client of a group waits so long for the logon of one of its servers"),
    Timer(62, "group_grace", 150, "once a hot server is found, the others have so long to say who they are"),
    Timer(63, "group_again", 500, "a client of a group without a hot server asks again after this time"),
    Timer(64, "in_doubt", 500, "a console of a group that has no connection to its server for so long is for views only"),
    Timer(65, "quiet", 1_100, "a console of a group whose server says nothing for so long follows the values of the standby server too"),
    Timer(66, "mute", 1_400, "a console of a group whose server says nothing for so long is for views only"),
    Timer(50, "pair_apart", 4_000, "commits wait so long for a standby that the witness sees alive: then it is set aside"),
    Timer(67, "ring_again", 1_000, "wait before a link whose ring was damaged gets a fresh one; doubles with each up to ring_again_most"),
    Timer(68, "ring_again_most", 60_000, "longest such wait; a ring that held for so long ends the doubling"),
    Timer(46, "pair_stop", 30_000, "time a node of the database pair has to end in order before it is killed"),
]

T = {t.name: t.ms for t in TIMERS}
if not T["heartbeat"] < T["stall"] < T["watchdog"] < T["kill"]:
    raise ValueError("timers: heartbeat < stall < watchdog < kill does not hold")
if not T["see_start_each"] * 2 < T["see_start_all"]:
    raise ValueError("timers: two attempts must fit into the start of a remote part")

if not T["heartbeat"] < T["quiet"] < T["mute"] < T["stall"]:
    raise ValueError("timers: values come from the standby server before consoles say so, and not between two heartbeats")
if not T["lease_renew"] * 3 < T["lease"] or not T["lease_margin"] < T["lease"]:
    raise ValueError("timers: three renewals must fit into a lease, and its margin as well")
if not T["stall"] < T["resume_silence"] or not T["resume_silence"] + T["resume_dial"] < T["watchdog"]:
    raise ValueError("timers: a silent connection must be noticed and replaced within the watchdog's limit")

TABLE = Table("timers", "TimerId", TIMERS, "Timers, in milliseconds.")
