"""The shapes of an application's TOML files. Structure only; what refers to what is checked in `application`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

ValueType = Literal["BOOL", "INT", "REAL", "TEXT", "TIME"]
ColumnType = Literal["BOOL", "INT", "REAL", "TEXT", "TIME", "OBJECT"]
EventType = Literal["trigger", "start_up", "server", "client_and_server", "unit"]
Scalar = bool | int | float | str | dt.datetime
NotNegative = Annotated[float, Meta(ge=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of all shapes: a key nobody knows is an error, never ignored."""


# app.toml
class LinkForm(Form):
    """The shaped link of a node that plays another computer on this one."""

    rtt_ms: NotNegative = 0.0
    jitter_ms: NotNegative = 0.0
    kbit_s: NotNegative = 0.0  # 0 = as fast as it goes


class ProcessForm(Form):
    """One line of `processes`: what is started on a node."""

    kind: str
    name: str = ""  # default: the node's
    count: Annotated[int, Meta(ge=1, le=99)] = 1
    args: list[str] = []
    autostart: bool = True
    priority: int = 0  # higher starts earlier
    init_s: NotNegative = 0.0
    env: dict[str, str] = {}
    web_port: Port | None = None  # hip: the operator's page
    consoles: Annotated[int, Meta(ge=1, le=1000)] = 1  # hip
    port: Port | None = None  # cp: this one, whatever the lists say
    programs: str = ""  # agent: TOML file of the programs it may start, relative to the application
    restart: Literal["permanent", "transient", "temporary"] = "transient"  # always | unless it ended in order | never
    delay_s: NotNegative | None = None  # wait before it is started again; None = timer rrs_delay


class PortsForm(Form):
    """Port lists: the position is the process number. None = not given here."""

    cp: list[Port] | None = None
    wp: list[Port] | None = None
    jwp: list[Port] | None = None
    primary: Port | None = None  # kept free and compared, as an INI file of another engine names it; nothing listens there


class WorkForm(Form):
    """What work processes are told."""

    wp_min: Annotated[int, Meta(ge=2, le=999)] | None = None  # None = limit wp_min


class EngineForm(Form):
    """Where the engine database is."""

    url: str = ""  # "" = SQLite in the data directory, else postgresql://...


class GroupServerForm(Form):
    """One server of the redundant group; its key is the name of its node."""

    priority: Annotated[int, Meta(ge=0, le=99)] = 1  # the highest living one takes over; 0 = only by order (R70)
    hosts: list[str] = []  # its addresses, one per network; the first is preferred. Absent: the node's host


class GroupForm(Form):
    """Two or more servers that guard each other. Without a name there is no redundancy and no packet of discovery (R66)."""

    name: str = ""
    witness: str = ""  # host[:port] of the database pair's monitor; "" = nobody is promoted on silence
    database: Literal["pg_auto_failover", "patroni", "elsewhere"] = "pg_auto_failover"
    multicast: bool = False  # answer /RD in this segment
    servers: dict[str, GroupServerForm] = {}


class NetworkForm(Form):
    """Who of one network may log on over TCP: in an accepted range and in no denied one, of a kind in the list (R84)."""

    accept: list[str] = []  # addresses, prefixes 10.0.0.0/8 or spans 10.0.0.1-10.0.0.9
    deny: list[str] = []
    kinds: list[str] = []  # empty = every kind


class AccessForm(Form):
    """Access ranges of TCP clients; without a network nothing is checked."""

    networks: Annotated[list[NetworkForm], Meta(max_length=10)] = []


class NodeForm(Form):
    """A computer of the system."""

    host: str = ""  # "" = this one, over local carriers
    link: LinkForm | None = None
    ports: PortsForm | None = None  # lists that hold on this computer instead of the common ones
    processes: list[ProcessForm] = []


Listed = Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=40)]


class ScriptsForm(Form):
    """What functions of scripts may reach outside; nothing named = nothing allowed. It travels in each WELCOME, so it stays short."""

    files: Annotated[str, Meta(max_length=400)] = ""  # absolute path of a folder; {node} and {process} stand for names
    deny: Listed = []  # masks of names in it that stay closed
    hosts: Listed = []  # name or name:port
    programs: Listed = []  # absolute paths
    libraries: Listed = []  # absolute paths of what external functions may open
    environment: Listed = []  # names of variables
    parameters: Annotated[dict[str, Annotated[str, Meta(max_length=200)]], Meta(max_length=40)] = {}  # of %GetParam


class AppForm(Form):
    """The head of app.toml; nodes, limits and port lists are read one by one for better messages."""

    name: str
    version: str = "0.0.0"
    time_zone: str = "UTC"
    port: Port = 3119
    listen: str = "127.0.0.1"
    nodes: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    ports: PortsForm = msgspec.field(default_factory=PortsForm)
    work: WorkForm = msgspec.field(default_factory=WorkForm)
    engine: EngineForm = msgspec.field(default_factory=EngineForm)
    group: GroupForm = msgspec.field(default_factory=GroupForm)
    access: AccessForm = msgspec.field(default_factory=AccessForm)
    scripts: ScriptsForm = msgspec.field(default_factory=ScriptsForm)
    rights: dict[str, list[str]] = msgspec.field(default_factory=lambda: {"local": ["*"]})  # user -> "*", an action, or "action:mask"


# objects.toml
class UserVariable(Form):
    value_type: ValueType
    initial: Any = None  # a Scalar that fits value_type; None = invalid
    retain: bool = True
    unit: str = ""
    vll: float | None = None
    ll: float | None = None
    hl: float | None = None
    vhl: float | None = None


class StructureDefinition(Form):
    columns: Annotated[list[tuple[str, ColumnType]], Meta(min_length=1)]


class StructuredVariable(Form):
    definition: str
    rows: Annotated[int, Meta(ge=1)]
    retain: bool = True


class Database(Form):
    url: str
    max_connections: Annotated[int, Meta(ge=0)] = 8
    max_rows: Annotated[int, Meta(ge=1)] | None = None  # None = limit db_rows
    process: str = ""  # the DBM that serves it; "" = the system's only one


class Table(Form):
    database: str
    table: str
    structure: str
    key: list[str] = []
    access: Literal["none", "read", "modify"] = "read"
    optional: list[str] = []  # columns that the SQL table may lack
    not_null: list[str] = []  # columns that must be valid when written


class HistoricalValue(Form):
    source: str = ""  # "" = written by scripts only
    period_s: NotNegative = 0.0


class Alarm(Form):
    condition: str


class ExternalFunction(Form):
    """A C function that scripts call by the name of the object."""

    library: str  # one of `libraries` in app.toml, by its path or by its file name
    declaration: str  # a header
    function: str = ""  # which one, when the header declares several
    deadline_s: Annotated[float, Meta(gt=0, le=3600)] | None = None  # None = limit external_s


OBJECT_FORMS: dict[str, type[Form]] = {
    "user_variable": UserVariable,
    "structure_definition": StructureDefinition,
    "structured_variable": StructuredVariable,
    "database": Database,
    "table": Table,
    "historical_value": HistoricalValue,
    "alarm": Alarm,
    "external_function": ExternalFunction,
}
NOT_SERVED_YET = {"historical_value", "alarm", "interface"}


# pictures and events
class PictureForm(Form):
    """picture.toml. Graphical objects carry what their kind needs beside `kind` and `bind`; the console knows those keys."""

    server_script: bool = False
    title: str = ""
    variables: list[tuple[str, ValueType]] = []
    objects: dict[str, dict[str, Any]] = {}


StartCondition = Literal["Change", "Value", "Err", "True", "False", "Weak", "InLim", "LowLim", "HiLim", "Run", "Crash", "Stop", "WDErr"]


class EventForm(Form):
    """event.toml. A trigger event starts when `start_object` comes into the state `start_condition`."""

    event_type: EventType
    parent: str = "SELF.EVH"  # the event handler that runs it
    priority: Annotated[int, Meta(ge=1, le=5)] = 3  # 1 highest
    variables: list[tuple[str, ValueType]] = []
    start_object: str = ""  # object, process, `SV.X[2]^Level`, `SV.X^Level` (each row), `SV.X[2]`; "" = started by others only
    start_condition: StartCondition = "Change"
    start_invert: bool = False
    start_merge: bool = False  # changes that come while it runs count as one, which starts it once more


# process kinds of app.toml: command -> suffix of the process's name
SERVED_KINDS = {"server": "KNL", "cp": "CP", "event": "EVH", "hip": "HIP", "dbm": "DBM", "wp": "WP", "jwp": "JWP", "agent": "AGENT",
                "rrs": "RRS"}
LATER_KINDS = {"arc": "ARC"}
NUMBERED_KINDS = ("cp", "wp", "jwp")  # their names and numbers come from the engine when they join; keys of [ports]
