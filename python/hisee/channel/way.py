"""Where a client finds its server: the control socket of this computer, or communication processes over TCP; and the logon there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hisee.channel.channel import Channel
from hisee.channel.dial import dial_tcp, dial_unix
from hisee.channel.errors import LogonRefused, PeerUnreachable
from hisee.channel.networks import PASSING, Secure, server_networks, split
from hisee.channel.payloads import Hello
from hisee.channel.sessions import dial_session
from hisee.channel.shape import shape_of
from hisee.config import limits
from hisee.errors import CannotConnect, UsageError
from hisee.seams import Seams

DEFAULT_PORT = 3119
WANTED = "wanted"  # fact of a HELLO: node of the server that the client means


@dataclass(frozen=True, kw_only=True)
class Way:
    """Either `path`, or `networks`; `link` shapes the connection of a node that plays another computer."""

    path: Path | None = None
    networks: list[list[str]] = field(default_factory=list)  # addresses of communication processes, a list for each network
    link: dict[str, float] = field(default_factory=dict)


class Member(NamedTuple):
    """A server as its clients know it before they asked it. `name`: its node, or an address where nobody named it (`named` False)."""

    name: str
    way: Way
    named: bool = True

    @property
    def facts(self) -> dict[str, str]:
        """For a HELLO: a door that leads to another server refuses it, and the next one is tried."""
        return {WANTED: self.name} if self.named and self.way.networks else {}


def way_to_server(server: str, node: str, run: dict[str, Any], control_socket: Path) -> Way:
    """`server` as in /S, `node` that this client belongs to, `run` = run.json of the system ({} = none here).

    Raises CannotConnect when the node needs a communication process and none runs, UsageError for a wrong address.
    """
    nodes: dict[str, Any] = run.get("nodes", {})
    if server and server not in nodes and (":" in server or not run):
        return way_by_addresses(server)
    if server and server not in nodes:
        raise UsageError(f"no node {server!r} in this system", hint=f"known are {', '.join(sorted(nodes))}; or give host:port")
    mine, elsewhere = nodes.get(node, {}), server in _servers(run) and server != run.get("server", "")
    if not mine.get("host") and not mine.get("link") and not elsewhere:
        return Way(path=control_socket)
    link = dict(mine.get("link") or {})
    if networks := server_networks(run, server):
        return Way(networks=networks, link=link)
    if not run.get("cp"):
        raise CannotConnect(f"node {node} reaches its server over TCP, and no communication process runs",
                            hint='add {kind="cp"} to app.toml')
    return Way(networks=[["{}:{}".format(*address(run["cp"]))]], link=link)


def way_by_addresses(text: str) -> Way:
    """`host[:port]`, or one per network with commas; raises UsageError."""
    return Way(networks=[["{}:{}".format(*address(word))] for word in text.split(",")])


def members_of(run: dict[str, Any], node: str, control_socket: Path) -> list[Member]:
    """The servers of the group that run.json names, each with the way that a client of `node` takes to it. Raises UsageError."""
    mine = run.get("nodes", {}).get(node, {})
    link, own = dict(mine.get("link") or {}), run.get("server", "")
    near = not link and (node == own or not mine.get("host"))
    found = []
    for name in _servers(run):
        networks = server_networks(run, name)
        if name == own and near:
            found.append(Member(name, Way(path=control_socket)))
        elif networks:
            found.append(Member(name, Way(networks=networks, link=link)))
    if not found:
        raise UsageError("no server of the group can be reached: none names ports of communication processes",
                         hint="app.toml: [ports] cp = [3119], and [group.servers.NODE] hosts")
    return found


def members_by_addresses(texts: list[str]) -> list[Member]:
    """Servers by an explicit list, each `host[:port]`, or one per network with commas; raises UsageError."""
    return [Member(text, way_by_addresses(text), named=False) for text in texts]


def _servers(run: Mapping[str, Any]) -> dict[str, Any]:
    return dict((run.get("group") or {}).get("servers", {}))


def address(text: str) -> tuple[str, int]:
    """`host` or `host:port`; raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, DEFAULT_PORT
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"{text!r} is no address", hint="write host or host:port")
    return host, int(port)


def dial(way: Way, hello: Hello, secret: bytes, seams: Seams, tls: Secure, *, timers: Mapping[str, int] | None = None) -> Channel:
    """Log on, over TCP with a session that outlives its connections. Blocks; raises CannotConnect or AccessRefused."""
    if way.path is not None:
        return dial_unix(way.path, hello, secret, seams=seams, limits=limits(), timers=timers)
    return dial_session(way.networks, hello, secret, seams=seams, limits=limits(), timers=timers, link=shape_of(way.link), tls=tls)


def dial_plain(way: Way, hello: Hello, secret: bytes, seams: Seams, tls: Secure, *, timers: Mapping[str, int] | None = None) -> Channel:
    """The same for a client without an event loop: over TCP a connection that ends with its communication process."""
    if way.path is not None:
        return dial_unix(way.path, hello, secret, seams=seams, limits=limits(), timers=timers)
    last: PeerUnreachable | LogonRefused = PeerUnreachable("no communication process is known", hint="name one as HOST:PORT")
    for place in (place for network in way.networks for place in network):
        host, port = split(place)
        try:
            return dial_tcp(host, port, hello, secret, seams=seams, limits=limits(), timers=timers, tls=tls(host))
        except PeerUnreachable as fault:
            last = fault
        except LogonRefused as refused:
            if refused.refusal not in PASSING:
                raise
            last = refused
    raise last
