"""Where a console finds its server: the control socket of this computer, or a communication process over TCP. Decides, never dials."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hisee.channel.networks import server_networks
from hisee.errors import CannotConnect, UsageError

DEFAULT_PORT = 3119


@dataclass(frozen=True, kw_only=True)
class Way:
    """Either `path`, or `networks`; `link` shapes the connection of a node that plays another computer."""

    path: Path | None = None
    networks: list[list[str]] = field(default_factory=list)  # addresses of communication processes, a list for each network
    link: dict[str, float] = field(default_factory=dict)


def way_to_server(server: str, node: str, run: dict[str, Any], control_socket: Path) -> Way:
    """`server` as in /S, `node` that this console belongs to, `run` = run.json of the system ({} = none here).

    Raises CannotConnect when the node needs a communication process and none runs, UsageError for a wrong address.
    """
    nodes: dict[str, Any] = run.get("nodes", {})
    if server and server not in nodes and (":" in server or not run):
        return Way(networks=[["{}:{}".format(*address(text))] for text in server.split(",")])
    if server and server not in nodes:
        raise UsageError(f"no node {server!r} in this system", hint=f"known are {', '.join(sorted(nodes))}; or give host:port")
    mine = nodes.get(node, {})
    if not mine.get("host") and not mine.get("link"):
        return Way(path=control_socket)
    link = dict(mine.get("link") or {})
    if networks := server_networks(run, server):
        return Way(networks=networks, link=link)
    if not run.get("cp"):
        raise CannotConnect(f"node {node} reaches its server over TCP, and no communication process runs",
                            hint='add {kind="cp"} to app.toml')
    return Way(networks=[["{}:{}".format(*address(run["cp"]))]], link=link)


def address(text: str) -> tuple[str, int]:
    """`host` or `host:port`; raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, DEFAULT_PORT
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"{text!r} is no address", hint="write host or host:port")
    return host, int(port)
