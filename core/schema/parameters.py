"""Start parameters of process programs: the original spelling beside the GNU one, and the kinds that take each.

`original` is a prefix whose value follows without a blank (`/SSRV1`); a `switch` has no value in either spelling.
`commands` lists the process commands that accept the row; `excludes` the rows that contradict it.
"""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Parameter:
    number: int
    name: str
    original: str
    gnu: str
    value: str  # switch | text | names | count | port | path
    commands: str
    excludes: str
    doc: str


CLIENTS = "cp event dbm hip wp jwp agent"
ALL = "server cp event dbm hip wp jwp agent rrs"
ROWS = [
    Parameter(1, "server", "/S", "--server", "text", CLIENTS, "group_multicast group_list group_list_rs",
              "server to log on to: a node of the application, or host[:port]"),
    Parameter(2, "group_multicast", "/RD", "--group", "text", CLIENTS, "server group_list group_list_rs",
              "redundant group, hot server found by multicast; never for an SES"),
    Parameter(3, "group_list", "/RF", "--group-list", "text", CLIENTS, "server group_multicast group_list_rs",
              "redundant group, hot server found by a member list; never for an SES"),
    Parameter(4, "group_list_rs", "/RS", "", "text", CLIENTS, "server group_multicast group_list",
              "another spelling of /RF"),
    Parameter(5, "names", "/W", "--name", "names", ALL, "", "own name; hip may have several, one console each"),
    Parameter(6, "ses_remote", "--SES_REMOTE", "--ses-remote", "switch", "event", "",
              "run as SES for remote scripts"),
    Parameter(7, "ses_local", "--SES_LOCAL", "--ses-local", "switch", "event", "",
              "run as SES for the local scripts of thin clients"),
    Parameter(8, "data", "", "--data", "path", ALL, "", "data directory of the system; default $HISEE_DATA"),
    Parameter(9, "node", "", "--node", "text", ALL, "", "node of the application on which the process runs"),
    Parameter(10, "port", "", "--port", "port", "cp", "", "TCP port; 0 = any free one"),
    Parameter(11, "listen", "", "--listen", "text", "cp", "", "address to listen on; default 127.0.0.1"),
    Parameter(12, "web_port", "", "--web-port", "port", "hip", "", "port of the operator's page on loopback; 0 = any free one"),
    Parameter(13, "consoles", "", "--consoles", "count", "hip", "", "serve this many consoles, numbered after the name"),
    Parameter(17, "cold", "", "--cold", "switch", "wp", "", "cold start: delete what waits; only the first work process of a stopped system does"),
    Parameter(18, "dialog", "", "--dialog", "switch", "wp", "", "start in dialog mode"),
    Parameter(19, "programs", "", "--programs", "path", "agent", "", "TOML file of the programs that the agent may start"),
    Parameter(20, "debug_on", "/E+", "", "names_list", ALL, "", "category of debug lines on from the start; may be repeated"),
    Parameter(21, "debug_off", "/E-", "", "names_list", ALL, "", "category of debug lines off; may be repeated"),
    Parameter(22, "state", "", "--state", "path", "agent", "", "folder where the agent keeps reports that nobody has taken yet"),
    Parameter(40, "heap", "", "--heap", "count", "jwp", "", "memory of the Java virtual machine for objects, in MiB; default 256"),
    Parameter(41, "threads", "", "--threads", "count", "jwp", "", "calls of services at the same time; default 4"),
    Parameter(42, "services", "", "--services", "path", "jwp", "", "folder of jars with services; default the application's `services`"),
    Parameter(50, "members", "", "--member", "names_list", "hip", "",
              "with /RF: a server of the group, host[:port], one per network with commas; may be repeated; default: those of app.toml"),
    Parameter(14, "app", "", "--app", "path", "server rrs", "", "application folder"),
    Parameter(23, "relay", "", "--relay", "switch", "server", "", "no direct routes: every message passes the server"),
    Parameter(24, "plane", "", "--plane", "switch", "server", "",
              "messages between scripts of this computer pass beside the server's event loop, in a thread of their own"),
    Parameter(15, "ready_fd", "", "--ready-fd", "count", ALL, "", "descriptor that gets one `ready` line once the process serves"),
    Parameter(16, "help", "/?", "--help", "switch", ALL, "", "print this list and end; also /h and -h"),
]

TABLE = Table("parameters", "Parameter", ROWS, "Start parameters of processes, in both spellings.")
