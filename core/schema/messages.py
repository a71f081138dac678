"""Message kinds: number, lane, direction, payload.

Requests 0x01xx end in exactly one of REPLY and FAILED (0x02xx); events 0x03xx are not answered; control 0x0Fxx belongs
to the link itself. Payload "values" = the value codec of docs/design/protocol.md; every other payload is MessagePack
of the struct of that name in hisee.channel.payloads. `since` = the protocol's minor that brought the row: a peer that speaks a
lower one is never sent it (hisee.channel.spoken), so whoever appends a row raises PROTOCOL there and says so here.
"""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Message:
    number: int
    name: str
    lane: str
    sender: str
    receiver: str
    payload: str
    doc: str
    since: int = 0


MESSAGES = [
    # requests
    Message(0x0101, "PS_GET", "control", "TEL", "KNL", "", "process list, one instant"),
    Message(0x0102, "VALUE_GET", "control", "TEL", "KNL", "ValueGet", "read objects by name"),
    Message(0x0103, "VALUE_SET", "script", "TEL", "KNL", "ValueSet", "write an object by name"),
    Message(0x0104, "OBJECT_LIST", "control", "any", "KNL", "ObjectList", "objects of the store"),
    Message(0x0105, "PART_READ", "control", "any", "KNL", "PartRead", "one part of an object, by its address"),
    Message(0x0106, "OBJECT_SAVE", "control", "TEL", "KNL", "ObjectSave", "save parts through the gate: diagnostics or version"),
    Message(0x0107, "EXPORT", "control", "TEL", "KNL", "Export", "every object as files"),
    Message(0x0108, "SYSTEM_STOP", "control", "TEL", "KNL", "", "end the system in order"),
    Message(0x0109, "UNIT_GET", "control", "SES, HISHOST", "KNL", "UnitGet", "a compiled unit by its hash"),
    Message(0x010A, "SUBSCRIBE", "script", "any", "KNL", "Subscribe", "follow values of objects; the reply holds the current ones"),
    Message(0x010B, "UNSUBSCRIBE", "script", "any", "KNL", "Subscribe", "end following; counted per process"),
    Message(0x010C, "OPEN", "control", "HIP", "KNL", "Open", "open an object on a console; the reply is Opened"),
    Message(0x010D, "CLOSE", "control", "HIP", "KNL", "Close", "close an opened object"),
    Message(0x010E, "SEE_START", "control", "KNL", "SES", "SeeStart", "start a remote part; the reply is Started"),
    Message(0x010F, "SEE_LIST", "control", "KNL", "SES", "", "numbers of the SEEs that an SES runs (reconciliation)"),
    Message(0x0110, "HIS_START", "control", "HIP", "HISHOST", "HisStart", "start a local part"),
    Message(0x0111, "CALL", "script", "HIS, SEE", "HIS, SEE", "values", "CALL []: flags, procedure, arguments"),
    Message(0x0112, "SET", "script", "HIS, SEE", "KNL", "values", "write an object by number; acknowledged cumulatively"),
    Message(0x0113, "VISUAL", "visual", "HIS, SEE", "HIP", "values", "%HI_ function that returns a value, or QUERY"),
    Message(0x0114, "DATA", "data.db", "HIS, SEE", "DBM", "values", "database action"),
    Message(0x0115, "PICTURE_EVENT", "visual", "HIP", "HIS, SEE", "values", "picture event; answered when synchronous"),
    Message(0x0116, "CONSOLE", "control", "TEL", "HIP", "ConsoleCommand", "drive a console: open, click, type, read, settle, close"),
    Message(0x0117, "SETTLE_GET", "control", "HIP", "HISHOST, SES", "SettleGet", "pending work of an opened object"),
    Message(0x0118, "LINK_OPEN", "control", "CP", "KNL", "LinkOpen", "a client has proved the secret at a CP"),
    Message(0x0119, "CONSOLE_ADD", "control", "HIP", "KNL", "ConsoleAdd", "a further console of this hip process"),
    Message(0x011A, "ECHO", "bulk", "any", "any", "values", "answered with the same payload; measures a path"),
    Message(0x011B, "PROFILE_GET", "control", "TEL", "KNL, SES, HISHOST", "ProfileGet", "recorded times of synchronous actions"),
    Message(0x011C, "WATCH", "script", "TEL", "KNL", "ValueGet", "follow objects by name; changes come as VALUES"),
    Message(0x011D, "TRACE_GET", "control", "HIP", "HISHOST", "SettleGet", "messages of an opened object over the server's link"),
    Message(0x011E, "TELL", "control", "any", "KNL", "Tell", "a command for a process, by name; the reply is CommandResult"),
    Message(0x011F, "COMMAND", "control", "KNL", "any", "Command", "a command; the reply is CommandResult"),
    Message(0x0120, "TERMS_GET", "control", "TEL", "KNL", "", "roles and terms, one instant"),
    Message(0x0121, "QUEUES_GET", "control", "TEL", "KNL", "", "lengths and ages of all queues, those of the CPs too"),
    Message(0x0122, "ROUTES_GET", "control", "TEL", "KNL", "", "routes and their counters"),
    Message(0x0123, "TASK_PUT", "dialog", "any", "DWP", "TaskPut", "durable tasks; the reply, with their ids, comes after the commit"),
    Message(0x0124, "TASK_LIST", "dialog", "any", "DWP", "TaskQuery", "tasks as a table"),
    Message(0x0125, "TASK_SHOW", "dialog", "any", "DWP", "TaskNumber", "one task with its life"),
    Message(0x0126, "TASK_CANCEL", "dialog", "any", "DWP", "TaskNumber", "end a task"),
    Message(0x0127, "TASK_RETRY", "dialog", "any", "DWP", "TaskNumber", "a dead letter runs again"),
    Message(0x0128, "SCHEDULE_LIST", "dialog", "any", "DWP", "", "durable schedules"),
    Message(0x0129, "SCHEDULE_PUT", "dialog", "any", "DWP", "SchedulePut", "make, change or drop a schedule"),
    Message(0x012A, "OUTPUT_LIST", "dialog", "any", "DWP", "", "reports and exports that were made"),
    Message(0x012B, "OUTPUT_GET", "dialog", "any", "DWP", "OutputGet", "one of them, whole"),
    Message(0x012C, "JOB_START", "java", "WP", "AGENT", "Job", "start a program, or attach to the one that runs for this job"),
    Message(0x012D, "JOB_STOP", "java", "WP", "AGENT", "JobNumber", "end the program of a job"),
    Message(0x012E, "JOB_REPORT", "durable.general", "AGENT", "WP", "JobReport", "start, progress, output or end; kept once, then answered"),
    Message(0x012F, "SERVICE_CALL", "java", "WP", "JWP", "ServiceCall", "call a service; the reply is ServiceResult"),
    Message(0x0130, "LOGS_GET", "bulk", "TEL", "KNL", "LogsGet", "lines of a process's log"),
    Message(0x0131, "FACTS_GET", "dialog", "any", "DWP", "FactsGet", "facts of the engine database by the beginning of their keys"),
    Message(0x0132, "FOLLOW", "script", "KNL", "KNL", "", "a standby server follows all values; the reply holds them"),
    Message(0x0133, "FOLLOWED", "script", "KNL", "KNL", "values", "changed values, newest of each cell; answered once it has them"),
    Message(0x0138, "RESUME", "control", "any", "KNL", "Resume", "go on over this connection; ended by SESSION_ACK or SESSION_END"),
    Message(0x0140, "HIS_SERVER", "control", "HIP", "HISHOST", "HisHostStart", "log on there from now on; local parts live on"),
    Message(0x0148, "CALL_TO", "script", "EVS, HIS, SEE", "KNL", "values", "CALL [object]: 24 bytes of address, then as CALL", 4),
    Message(0x0149, "EVENT_START", "script", "EVS, HIS, SEE", "KNL", "values", "EVENT: priority, names, modes, values of PUBLIC locals", 4),
    Message(0x014A, "EVENT_RUN", "script", "KNL", "EVH", "EventRun", "run a script of an event; the reply is Started", 4),
    Message(0x014D, "EVENT_PUT", "script", "EVS, HIS, SEE", "KNL", "values", "EVENT .. DURABLE: as EVENT_START; answered once it is kept as a task", 4),
    Message(0x014E, "EVENT_TASK", "script", "WP", "KNL", "EventTask", "run the event of a task; the reply, at its end, is ServiceResult", 4),
    Message(0x014F, "CHAIN_GET", "control", "EVH, HISHOST, SES", "EVH, HISHOST, SES", "", "running procedures of an instance, and whom it "
            "works for; the reply is CallChain", 4),
    Message(0x0150, "CNT_TAKE", "script", "EVH, HISHOST, SES", "EVH, HISHOST, SES", "", "a container by its handle; it moves to who asks", 4),
    Message(0x0151, "CNT_GIVE", "script", "EVH, HISHOST, SES", "EVH, HISHOST, SES", "", "a container, and the handle that it had; the reply is the handle that it has", 4),
    Message(0x014B, "EVENT_OPEN", "script", "EVS, HIS, SEE", "KNL", "EventOpen", "OPENEVENT; answered once the event is open", 4),
    Message(0x014C, "ACCESS_GET", "control", "EVS, HIS, SEE", "KNL", "AccessGet", "GETACCESS .. PUBLIC: granted, and who holds it", 4),
    Message(0x0160, "OBJECT_ROWS", "script", "EVS, HIS, SEE", "KNL", "values", "rows of a structured object: REDIM, INSERT, DELETE", 5),
    # replies
    Message(0x0201, "REPLY", "", "any", "any", "", "the request was executed; payload as the request says"),
    Message(0x0202, "FAILED", "", "any", "any", "Failed", "the request failed: error, extended reason, text"),
    # events
    Message(0x0301, "VALUES", "script", "KNL", "any", "values", "new values of subscribed objects"),
    Message(0x0302, "SET_ACK", "script", "KNL", "HIS, SEE", "SetAck", "cumulative acknowledgement of SETs, first rejection"),
    Message(0x0303, "SEE_STOP", "control", "KNL", "SES", "SeeStop", "end a remote part"),
    Message(0x0304, "SEE_ENDED", "control", "SES", "KNL", "Ended", "a remote part ended by itself"),
    Message(0x0305, "HIS_STOP", "control", "HIP", "HISHOST", "SeeStop", "end a local part"),
    Message(0x0306, "HIS_ENDED", "control", "HISHOST", "HIP", "Ended", "a local part ended by itself"),
    Message(0x0307, "REMOTE_UP", "control", "KNL", "HISHOST, HIP", "RemoteUp", "the remote part runs"),
    Message(0x0308, "REMOTE_DOWN", "control", "KNL", "HISHOST, HIP", "RemoteDown", "no remote part runs, and why"),
    Message(0x0309, "PVAR_WRITE", "script", "SEE", "HIS", "values", "write of a picture variable, to its owner"),
    Message(0x030A, "PVAR_STATE", "script", "HIS", "SEE", "values", "picture variables as the owner applied them, with versions"),
    Message(0x030B, "VISUAL_SET", "visual", "HIS, SEE", "HIP", "values", "%HI_ function without result, MESSAGE"),
    Message(0x030C, "LOG_WRITE", "control", "HIS, SEE", "KNL", "LogWrite", "LOG, LOGEX: one line of the event log"),
    Message(0x030D, "SEE_STATE", "control", "SES, HISHOST", "KNL", "SeeState", "counters of a virtual process for ps"),
    Message(0x030E, "LINK_CLOSED", "control", "CP, KNL", "KNL, CP", "LinkClosed", "a client's connection at a CP is gone, or is to go"),
    Message(0x030F, "PEER_LOST", "control", "KNL", "any", "PeerLost", "a process that this one talked to is gone"),
    Message(0x0310, "STOP", "control", "KNL", "any", "", "end in order"),
    Message(0x0311, "PVAR_SEEN", "visual", "HISHOST", "HIP", "values", "picture variables for bound displays"),
    Message(0x0312, "ROUTE_ADD", "control", "KNL", "CP", "Route", "this number is reached over that connection"),
    Message(0x0313, "ROUTE_DROP", "control", "KNL", "CP", "Route", "this number is gone"),
    Message(0x0314, "OPENED_LOST", "control", "HIP", "KNL", "Close", "the HIS host died: the console opens its objects again"),
    Message(0x0315, "LINK_SHAPE", "control", "HIP", "HISHOST", "Shape", "another shape of the workstation's link"),
    Message(0x0316, "VALUE_CHANGED", "script", "KNL", "TEL", "Values", "a followed object has another value, by name"),
    Message(0x0317, "LOAD", "control", "any", "KNL", "Load", "busy time, memory, clock and counters of a process, once per heartbeat"),
    Message(0x0318, "LOG_SHIFT", "control", "WP, KNL", "KNL, WP", "", "a work process began a new log file: the others do as well"),
    Message(0x0319, "SERVICE_PROGRESS", "java", "JWP", "WP", "Progress", "a service is this far"),
    Message(0x031A, "CP_LIST", "control", "KNL", "CP", "CpList", "addresses and loads of all communication processes"),
    Message(0x031B, "DRAINED", "control", "SES", "KNL", "", "a drained SES runs no SEE any more"),
    Message(0x031C, "MEMBERS_CHANGED", "control", "WP", "KNL", "", "a role, a term or a mode changed: overviews are old"),
    Message(0x031D, "TASKS_CHANGED", "control", "KNL", "WP", "", "tasks.py was saved: load it anew"),
    Message(0x031E, "SERVER_STATE", "control", "KNL", "any", "ServerState", "state of this server in its group, the hot one, the epoch"),
    Message(0x031F, "CONFIG_CHANGED", "control", "KNL", "KNL", "", "objects were saved: a standby server looks into the store"),
    Message(0x0323, "SESSION_DATA", "", "any", "any", "", "a message of a session, numbered per lane; passes a CP by its connection"),
    Message(0x0324, "SESSION_ACK", "control", "any", "any", "SessionAck", "messages of a session that have been taken, per lane"),
    Message(0x0325, "SESSION_END", "control", "KNL", "any", "SessionEnd", "the server ends the session, or refuses to resume it"),
    Message(0x0348, "EVENT_STOP", "script", "KNL", "EVH", "SeeStop", "end a script of an event", 4),
    Message(0x0349, "EVENT_ENDED", "script", "EVH", "KNL", "EventEnded", "a script of an event ended, with the values of its PUBLIC locals", 4),
    Message(0x034D, "EVENT_TASK_STOP", "script", "WP", "KNL", "JobNumber", "end the run of a task's event, or do not begin it", 4),
    Message(0x034A, "EVENT_CLOSE", "script", "EVS, HIS, SEE", "KNL", "EventOpen", "CLOSE of an object", 4),
    Message(0x034B, "ACCESS_RELEASE", "control", "EVS, HIS, SEE", "KNL", "AccessGet", "RELEASEACCESS .. PUBLIC", 4),
    Message(0x034C, "CONVERSATION_LOST", "script", "KNL", "EVS, HIS, SEE", "values", "the other side of a conversation is gone", 4),
    Message(0x034E, "ROUTE_GRANT", "data.db", "KNL", "SES, EVH, DBM", "RouteGrant", "a direct route: descriptors of its rings came before", 6),
    Message(0x034F, "ROUTE_REVOKE", "data.db", "KNL", "SES, EVH, DBM", "RouteRevoke", "a direct route ends, or a process behind one did", 6),
    Message(0x0350, "ROUTE_TURN", "data.db", "SES, EVH, DBM", "SES, EVH, DBM", "RouteTurn", "messages go by the direct route from here on, or no longer", 6),
    Message(0x0351, "ROUTE_BROKEN", "data.db", "SES, EVH, DBM", "KNL", "RouteBroken", "a direct route cannot be used", 6),
    Message(0x0352, "DLLHOSTS", "control", "SES, EVH, HISHOST", "KNL", "DllHosts", "processes of foreign libraries that it holds, for ps", 7),
    Message(0x0340, "HIS_CUT", "control", "HISHOST", "HIP", "", "the HIS host of a group's console has lost its server and waits"),
    # link control
    Message(0x0F01, "HELLO", "control", "any", "any", "Hello", "first message: protocol, kind, wanted name, node, incarnation"),
    Message(0x0F02, "CHALLENGE", "control", "any", "any", "Challenge", "nonce"),
    Message(0x0F03, "PROOF", "control", "any", "any", "Proof", "HMAC over both nonces and the hello"),
    Message(0x0F04, "WELCOME", "control", "any", "any", "Welcome", "name, number, limits, peers"),
    Message(0x0F05, "REFUSED", "control", "any", "any", "Refused", "code and text; the link closes"),
    Message(0x0F06, "RING", "control", "any", "any", "Ring", "descriptors of segment and eventfds follow"),
    Message(0x0F07, "HEARTBEAT", "control", "any", "any", "", "sent when nothing else was for one period"),
    Message(0x0F08, "GOODBYE", "control", "any", "any", "Goodbye", "ordered end of the session: clean exit, not a crash"),
    Message(0x0F09, "MARK", "control", "any", "any", "Mark", "last record in a ring, or last frame before one: the next goes by the other", 7),
    Message(0x0F0A, "LOST", "control", "any", "any", "Taken", "the ring is damaged: send again what is behind this", 7),
    Message(0x0F0B, "AGAIN", "control", "any", "any", "Mark", "answer to LOST: what follows goes on where that ended", 7),
    Message(0x0F0C, "BROKEN", "control", "any", "any", "Broken", "the sender cannot use its ring; answered by LOST", 7),
    Message(0x0F0D, "HANDED", "control", "any", "any", "Handed", "descriptors come beside this frame", 7),
]

TABLE = Table("messages", "MessageKind", MESSAGES, "Messages between processes.", in_c=("lane",))
