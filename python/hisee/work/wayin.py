"""How an agent gets into the system: the control socket of its own computer, or the least loaded communication process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hisee.channel import Channel, LinkShape, dial_unix
from hisee.channel.doors import Doors
from hisee.channel.networks import Network, server_networks
from hisee.channel.payloads import Hello
from hisee.channel.sessions import log_on
from hisee.channel.settings import settings
from hisee.channel.shape import shape_of
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.errors import CannotConnect, UsageError
from hisee.parameters import StartParameters
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.tls import certificates, to_dial

DEFAULT_PORT = 3119
# A communication process drops a silent client after the timer keep_alive; the client waits one heartbeat longer, so that
# the server's side, which frees the name, is first (R122). Where there is a second network the first one is left earlier.
LONGER = TIMERS["keep_alive"].ms + TIMERS["heartbeat"].ms
KEEP_ALIVE = {"watchdog": LONGER}
ALONE = {"watchdog": LONGER, "resume_silence": LONGER}


class WayIn:
    """`enter(hello)` blocks until the logon ended; raises PeerUnreachable, LogonRefused."""

    def __init__(self, secret: bytes, seams: Seams, *, addresses: list[str], control_socket: Path | None = None,
                 link: LinkShape | None = None, further: Sequence[list[str]] = (), certificates: DataDir | None = None) -> None:
        """`addresses`: doors of the first network; `further`: those of each further one."""
        self._secret, self._seams, self._control_socket = secret, seams, control_socket
        self._timers = KEEP_ALIVE if further else ALONE
        tls = partial(to_dial, certificates) if certificates is not None else None
        self.networks = [Network(doors, secret, seams, limits=limits(), timers=self._timers, link=link, alone=not further, tls=tls)
                         for doors in (addresses, *further)]

    @property
    def doors(self) -> Doors:
        """Of the first network."""
        return self.networks[0].doors

    @classmethod
    def find(cls, parameters: StartParameters, data: DataDir | None, state: Path, seams: Seams) -> WayIn:
        """/SHOST:PORT goes to that communication process (/SHOST:PORT,HOST:PORT: an address in each network); else the system of --data,
        over TCP where the node is another computer.

        Raises UsageError, CannotConnect.
        """
        secret, own = find_secret(data, state), certificates_of(data, state)
        if data is None or (parameters.server and parameters.server not in known_nodes(data)):
            first, *further = [[address(text)] for text in parameters.server.split(",")]
            return cls(secret, seams, addresses=first, further=further, certificates=own)
        run = data.read_run()
        node = run.get("nodes", {}).get(parameters.node, {})
        if not node.get("host") and not node.get("link"):
            return cls(secret, seams, addresses=[], control_socket=data.control_socket)
        link = shape_of(node.get("link"))
        if networks := server_networks(run, parameters.server):
            return cls(secret, seams, addresses=networks[0], further=networks[1:], link=link)
        found = [facts["tcp"] for facts in run.get("processes", {}).values() if facts.get("tcp")] or [run["cp"]] * bool(run.get("cp"))
        if not found:
            raise CannotConnect(f"node {parameters.node} reaches its server over TCP, and no communication process runs",
                                hint='add {kind="cp"} to app.toml')
        return cls(secret, seams, addresses=found, link=link, certificates=own)

    def enter(self, hello: Hello) -> Channel:
        if self._control_socket is not None:
            channel = dial_unix(self._control_socket, hello, self._secret, seams=self._seams, limits=limits())
            self.doors.entered()
            return channel
        return log_on(self.networks, hello, self._seams, settings(limits(), self._timers), choose=True)


def known_nodes(data: DataDir) -> set[str]:
    """Nodes of the system that runs here; none when none runs."""
    try:
        return set(data.read_run().get("nodes", {}))
    except CannotConnect:
        return set()


def address(server: str) -> str:
    """`host:port` of /S; raises UsageError."""
    if not server:
        raise UsageError("no system named", hint="/SHOST:PORT of a communication process, or --data DIR")
    host, colon, port = server.rpartition(":")
    if not colon:
        return f"{server}:{DEFAULT_PORT}"
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"{server!r} is no address", hint="write host:port of a communication process")
    return server


def find_secret(data: DataDir | None, state: Path) -> bytes:
    """STATE/secret, a copy that an operator brought to another computer, else the one of the data directory."""
    copy = state / "secret"
    if copy.exists() or data is None:
        return DataDir(state).secret()
    return data.secret()


def certificates_of(data: DataDir | None, state: Path) -> DataDir:
    """Where the folder `tls` is: beside STATE/secret where an operator brought a copy, else in the data directory."""
    copy = DataDir(state)
    return copy if data is None or certificates(copy).there else data


