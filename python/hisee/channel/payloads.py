"""Payloads of control messages: one struct per row of the message table, MessagePack on the wire.

Unknown fields are ignored and new ones have defaults, so that a higher protocol minor stays readable. A default is not sent: it is for
ever what its absence means, and never follows the release.
Values of scripts do not travel here but in the value codec (hisee._core.values).
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, TypeVar

import msgspec

S = TypeVar("S", bound="Payload")
Version = tuple[int, int]  # of the protocol: major, minor


class Payload(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Base of all control payloads."""


def pack(payload: Payload) -> bytes:
    return msgspec.msgpack.encode(payload)


def unpack(kind: type[S], data: bytes) -> S:
    """Decode and check `data`; raises msgspec.ValidationError with the field that does not fit, msgspec.DecodeError for other bytes."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (UnicodeDecodeError, RecursionError) as fault:  # no faults of msgspec, but of the bytes all the same
        raise msgspec.DecodeError(str(fault)) from fault


# link control
class Hello(Payload):
    kind: str
    name: str = ""  # wanted name without suffix; "" = one is given
    node: str = ""
    boot: str = ""
    pid: int = 0
    incarnation: int = 0
    protocol: Version = (0, 0)  # the highest that this process speaks, filled in at the logon; (0, 0) = not told (hisee.channel.spoken)
    lowest: Version = (0, 0)  # the lowest
    version: str = ""
    nonce: bytes = b""
    facts: dict[str, Any] = {}  # kind-specific: databases served, consoles, switches, address


class Challenge(Payload):
    nonce: bytes


class Proof(Payload):
    hmac: bytes


class Welcome(Payload):
    name: str
    number: int
    session: int = 0
    proof: bytes = b""  # of the server, filled in by the listener
    protocol: Version = (0, 0)  # in force between these two from here on
    system: str = ""
    limits: dict[str, int] = {}
    facts: dict[str, Any] = {}


class Refused(Payload):
    """facts: "cps" = rows of CpList where another communication process is the better door (code ELSEWHERE, CROWDED)."""

    code: str
    text: str
    facts: dict[str, Any] = {}


class Ring(Payload):
    capacity: int
    epoch: int
    accepted: bool = True


class Goodbye(Payload):
    reason: str = ""


# a local link that changes its carrier; `epoch`: of the rings that it is about
class Mark(Payload):
    epoch: int


class Taken(Payload):
    """`received`: parts of the other end that were taken, one count per lane."""

    epoch: int
    received: list[int]
    reason: str = ""


class Broken(Payload):
    epoch: int
    reason: str = ""


class Handed(Payload):
    token: int
    count: int


class ServerState(Payload):
    """A server in its group: told in Welcome.facts["server"] (as a mapping of these fields) and at each change."""

    group: str = ""  # "" = no redundancy
    node: str = ""
    state: str = "HS"  # of the table server_states: HS, SBS, SS, FS
    sub: str = "alone"  # name of its row
    epoch: int = 0  # of the group's term, as far as it knows
    hot: str = ""  # node of the hot server, as far as it knows

    @property
    def hot_itself(self) -> bool:
        return self.state == "HS"


# sessions that outlive their connections
class Resume(Payload):
    """`received`: messages of the other end that were taken, one count per lane. `turn` grows with every RESUME of a session: one that
    was overtaken by the next is void."""

    session: int
    turn: int
    received: list[int]


class SessionAck(Payload):
    """As RESUME; with the `turn` of one it is the answer: the session goes on over this connection. `networks`: state of each of the
    client's networks as the client sees it, empty where it has not changed."""

    received: list[int]
    turn: int = 0
    networks: list[str] = []


class SessionEnd(Payload):
    reason: str


# replies
class Failed(Payload):
    error: int
    extended: int = 0
    text: str = ""


# administration
class ValueGet(Payload):
    names: list[str]


class ValueSet(Payload):
    name: str
    value: str | int | float | bool | None = None
    key: str = ""  # of an outbox row: a second message with it is answered and not carried out
    flags: list[str] = []  # letters of the user flags; since 1.5


class ValueState(Payload):
    """One object as a command shows it; value None = invalid."""

    name: str
    type: str
    value: Any = None
    reason: int = 0
    time_ms: int = 0
    change: int = 0
    flags: list[str] = []  # letters of the user flags; since 1.5


class Values(Payload):
    values: list[ValueState]


class ObjectList(Payload):
    mask: str = "*"
    details: bool = False  # rows, columns and parent as well


class PartRead(Payload):
    part: str  # "S.Name:PICTURE", "S.Name:ESLDefinition:1"
    version: int = 0  # 0 = newest


class Part(Payload):
    part: str
    version: int
    data: bytes


class ObjectSave(Payload):
    object: str
    parts: dict[str, bytes]  # "PICTURE", "ESLDefinition:1", ... ; absent = unchanged


class Saved(Payload):
    version: int = 0  # 0 = refused
    diagnostics: list[dict[str, Any]] = []


class Export(Payload):
    objects: list[str] = []


class Files(Payload):
    files: dict[str, bytes]


class UnitGet(Payload):
    sha256: str


class Subscribe(Payload):
    objects: list[int]


# opened objects
class ConsoleAdd(Payload):
    name: str
    node: str = ""


class Open(Payload):
    object: str
    console: int
    instance: int = 0  # of OPENEVENT


class Opened(Payload):
    """What a console needs to show an opened object at once."""

    object: str
    version: int
    opened: int  # number of the opened object (= number of its HIS)
    picture: bytes  # picture.toml as stored
    svg: bytes
    local_unit: str
    his_name: str
    his: int
    see_name: str = ""  # "" = the object has no remote part
    see: int = 0
    variables: list[list[str]] = []
    handlers: dict[str, list[str]] = {}  # "L" and "R": names of handled events
    values: bytes = b""  # snapshot of every object the units and bindings name
    objects: dict[str, int] = {}  # name -> object number of the bindings


class HisStart(Payload):
    opened: int
    name: str
    object: str
    version: int
    unit: str
    see: int = 0
    console: int = 0  # number of the HIP
    variables: list[list[str]] = []
    values: bytes = b""
    limits: dict[str, int] = {}
    moves: int = 0  # the local part that has this number runs already: it goes on as `opened`; 0 = a new one


class SeeStart(Payload):
    number: int
    name: str
    incarnation: int
    object: str
    version: int
    unit: str
    his: int
    console: int
    variables: list[list[str]] = []
    values: bytes = b""
    limits: dict[str, int] = {}


class Started(Payload):
    number: int
    incarnation: int = 0


class SeeStop(Payload):
    number: int
    reason: str = ""


class Ended(Payload):
    number: int
    incarnation: int = 0
    reason: str = ""


class RemoteUp(Payload):
    opened: int
    see: int
    name: str
    restarted: bool = False


class RemoteDown(Payload):
    opened: int
    reason: str
    starting: bool = False


class Close(Payload):
    opened: int


class Numbers(Payload):
    numbers: list[int]


class SeeState(Payload):
    number: int
    state: str = "Run"
    memory_bytes: int = 0
    dropped: int = 0
    queue: int = 0


class DllHost(Payload):
    """The process of one foreign library."""

    library: str
    pid: int = 0
    running: bool = False
    calls: int = 0
    failed: int = 0
    restarts: int = 0
    waiting: int = 0
    ended: str = ""  # how the last one ended by itself


class DllHosts(Payload):
    """All of one owner."""

    hosts: list[DllHost]


class LogWrite(Payload):
    script: str
    text: str
    priority: int = 0
    line: int = 0
    time_ms: int = 0
    key: str = ""  # of an outbox row, as in ValueSet


class SetAck(Payload):
    up_to: int  # corr of the newest SET that is settled
    failed: int = 0  # corr of the first refused one, 0 = none
    error: int = 0
    extended: int = 0
    text: str = ""


class LinkOpen(Payload):
    """Of a communication process, or of a standby server for one of its script servers, which has its number and logon time already."""

    connection: int
    hello: bytes
    address: str = ""
    number: int = 0
    started_ms: int = 0


class LinkClosed(Payload):
    connection: int
    number: int
    reason: str = ""


class Route(Payload):
    number: int
    connection: int


class RouteGrant(Payload):
    """A direct route between `peer` and the receiver. `asks`: the receiver sends requests for `objects` by it, else it answers them."""

    route: int  # its epoch: never used again while the server runs
    peer: int
    lane: int
    capacity: int  # of the rings
    asks: bool = False
    objects: list[int] = []


class RouteRevoke(Payload):
    """`gone` = number of the process whose end is the reason: whatever was asked there and is not answered has no answer any more.
    `route` 0 = only that. `broken`: what is in the rings is lost."""

    route: int
    gone: int = 0
    broken: bool = False
    reason: str = ""


class RouteTurn(Payload):
    """Said on the lane itself, through the server. `on`: the sender's next message goes by the route. Else it sent `count` messages that
    way, and the next one comes through the server again."""

    route: int
    on: bool
    count: int = 0


class RouteBroken(Payload):
    route: int
    reason: str = ""


class HisHostStart(Payload):
    """What a HIP tells its HIS host over the inherited socket before the channel is made: where and as whom to log on."""

    secret: bytes
    workstation: str
    node: str
    console: int  # number of the HIP
    server_path: str = ""  # KNL's control socket, or
    networks: list[list[str]] = []  # addresses of communication processes, a list for each network
    link: dict[str, float] = {}  # shape of the workstation's link, empty = none
    limits: dict[str, int] = {}
    tls: str = ""  # folder of the certificates to dial with, "" = without TLS
    wanted: str = ""  # node of the server that is meant, "" = whoever answers
    follows: bool = False  # its server is one of a group: local parts outlive the loss of the server, the HIP says what comes next
    stays: bool = True  # its console stays with this server whatever it is


class Shape(Payload):
    """Payload of LINK_SHAPE."""

    rtt_ms: float
    jitter_ms: float = 0.0
    kbit_s: float = 0.0


class PeerLost(Payload):
    number: int
    name: str = ""
    reason: str = ""


class ConsoleCommand(Payload):
    """One step of a person at a console. verb: open close click type select state messages answer settle link echo trace."""

    verb: str
    opened: int = 0
    target: str = ""
    text: str = ""
    timeout_ms: int = 0


class ConsoleState(Payload):
    opened: int = 0
    elements: dict[str, dict[str, Any]] = {}
    facts: dict[str, Any] = {}


class SettleGet(Payload):
    opened: int


class Pending(Payload):
    """Work not yet finished for an opened object: equal twice and zero = settled."""

    waiting: int
    handled: int


class PsGet(Payload):
    """Of PS_GET; without a payload it is the whole list."""

    virtual: bool = True  # HIS and SEE too
    brief: bool = False  # those apart, as `Processes.virtual` has them


class ProfileGet(Payload):
    number: int = 0
    reset: bool = False


class ProfileRows(Payload):
    rows: list[dict[str, Any]]


class Table(Payload):
    """A list of plain dictionaries, for ps and the like."""

    rows: list[dict[str, Any]]


# of a virtual process; all other keys of `ps` are unknown, but `type`, the same as `kind`
BRIEF = ("name", "number", "kind", "state", "host", "node", "pid", "started_ms", "hosted_by", "object", "console", "channel", "dropped",
         "queue", "memory_bytes", "sent", "received")
BRIEF_CHANNEL = ("id", "state", "sent", "received", "rtt_ms")


class Processes(Payload):
    """Answer to PS_GET: dictionaries as in Table. Asked for briefly, virtual processes come apart: chunks of lists of the values BRIEF."""

    rows: list[Any]
    virtual: list[Any] = []


# commands to processes
class Tell(Payload):
    """A command for the process `name` ("" = the server itself). wait False: answered once it is handed over."""

    name: str
    command: str
    wait: bool = True
    number: int = 0  # instead of the name: as a script has it
    instance: int = 0  # with a number: [instance]_NAME


class Command(Payload):
    command: str
    user: str = ""


class CommandResult(Payload):
    """result: ok | error | aborted | ignored (R85); `error` is a number of the errors table, 0 = ok."""

    result: str
    text: str = ""
    error: int = 0


# load and overview
class Load(Payload):
    """`busy_ns` grows from the start of the process; `now_ms` is its clock when it sent this."""

    busy_ns: int = 0
    memory_bytes: int = 0
    now_ms: int = 0
    connections: int | None = None
    counters: dict[str, int] = {}


class CpList(Payload):
    """Rows {"name", "address", "connections"} of all communication processes that take clients."""

    rows: list[dict[str, Any]]


class LogsGet(Payload):
    """The reply is a LogPart; of an empty name a Table of the logs there are."""

    name: str
    lines: int = 100
    offset: int = -1  # -1 = the last `lines`; else bytes from the start, for following


class LogPart(Payload):
    """`offset` is where to go on; the file began anew when it is smaller than the one asked for."""

    data: bytes
    offset: int


# durable tasks: rows are TaskRequest, Schedule of hisee.engine.coordinator as plain dictionaries
class TaskPut(Payload):
    rows: list[dict[str, Any]]


class TaskIds(Payload):
    ids: list[int]


class TaskQuery(Payload):
    state: str = ""
    queue: str = ""
    func: str = ""
    limit: int = 100
    before: int = 0


class TaskNumber(Payload):
    id: int


class SchedulePut(Payload):
    row: dict[str, Any] = {}
    drop: str = ""


class OutputGet(Payload):
    name: str


class FactsGet(Payload):
    prefix: str = ""


# agents and Java work processes
class Job(Payload):
    """`job` is the id of the task: the same at every attempt, so that a start for a known job attaches to it.

    `run` grows when an operator retries a job that had ended.
    attach: only tell the state of a known job, start nothing.
    """

    job: int
    program: str
    args: list[str] = []
    timeout_s: float = 0.0
    run: int = 1
    attach: bool = False


class JobNumber(Payload):
    job: int


class JobState(Payload):
    """state: running | ended | unknown. `argv` is the command line as the agent resolved it."""

    job: int
    state: str
    pid: int = 0
    exit: int | None = None
    text: str = ""
    argv: list[str] = []


class JobReport(Payload):
    """`number` names a report of a job once for ever and grows with time. what: started | progress | output | ended."""

    job: int
    number: int
    what: str
    run: int = 1
    at_ms: int = 0
    pid: int = 0
    exit: int | None = None
    share: float | None = None
    text: str = ""


class ServiceCall(Payload):
    task: int
    service: str
    args: dict[str, Any] = {}
    timeout_ms: int = 0


class ServiceResult(Payload):
    """ok False: the service failed, `text` says how; final: a further attempt cannot help."""

    ok: bool
    result: Any = None
    text: str = ""
    final: bool = False


class Progress(Payload):
    task: int
    share: float | None = None
    text: str = ""


# database actions: fixed head, then a list of the value codec (docs/design/action-payloads.md)
_ACTION = struct.Struct("<H")
_DATA_HEAD = struct.Struct("<qiqH")  # statement ns, extended reason, engine code, bytes of text
_TEXT_MAX = 0xFFFF


class DataHead(NamedTuple):
    """What stands before the reply list: how long the statement took, and why it failed if it did."""

    service_ns: int = 0
    extended: int = 0
    engine_code: int = 0
    text: str = ""


def pack_data(action: int, values: bytes) -> bytes:
    return _ACTION.pack(action) + values


def unpack_data(payload: bytes) -> tuple[int, bytes]:
    """Number of the action and its request list; raises ValueError when the payload is too short."""
    if len(payload) < _ACTION.size:
        raise ValueError("a data request without its action")
    return _ACTION.unpack_from(payload)[0], payload[_ACTION.size :]


def pack_data_reply(head: DataHead, values: bytes) -> bytes:
    text = head.text.encode()[:_TEXT_MAX]
    return _DATA_HEAD.pack(head.service_ns, head.extended, head.engine_code, len(text)) + text + values


def unpack_data_reply(payload: bytes) -> tuple[DataHead, bytes]:
    """Head and reply list; raises ValueError when the payload is shorter than it says."""
    if len(payload) < _DATA_HEAD.size:
        raise ValueError("a data reply without its head")
    service_ns, extended, code, length = _DATA_HEAD.unpack_from(payload)
    start = _DATA_HEAD.size
    if len(payload) < start + length:
        raise ValueError("a data reply shorter than its text")
    text = payload[start : start + length].decode(errors="replace")
    return DataHead(service_ns, extended, code, text), payload[start + length :]


# events
class EventRun(Payload):
    """A script of an event: `stays` = it goes on after its init part. `given` are the values of PUBLIC variables for `names`."""

    number: int
    name: str
    object: str
    version: int
    unit: str
    stays: bool = False
    instance: int = 0
    priority: int = 3
    console: int = 0
    caller: int = 0  # who waits for its end
    variables: list[list[str]] = []
    values: bytes = b""
    limits: dict[str, int] = {}
    names: list[str] = []
    modes: str = ""
    given: bytes = b""


class EventTask(Payload):
    """A task's event by name. `run`: how often the task ended before; the same task and run mean the same start.
    `given`: the values of PUBLIC variables for `names`."""

    task: int
    run: int
    event: str
    priority: int = 3
    names: list[str] = []
    given: bytes = b""


class CallChain(Payload):
    """Running procedures (name, line) of one instance, innermost first. `caller`: number of the instance that waits for it, 0 = nobody."""

    process: str
    object: str
    number: int
    frames: list[tuple[str, int]]
    caller: int = 0


class EventEnded(Payload):
    """`results`: values of the PUBLIC variables that the caller gets back."""

    number: int
    reason: str = ""
    results: bytes = b""
    failed: bool = False


class EventOpen(Payload):
    """Of OPENEVENT and CLOSE: numbers of object and process (0 = not given, or DIRECT), instance (-1 = not given)."""

    object: int
    process: int = 0
    instance: int = -1
    direct: bool = False
    all: bool = False


class AccessGet(Payload):
    """A named lock of the whole system."""

    name: str
    note: str = ""
