"""Who does what in the database pair, as data: from the group's facts and the name of a computer's node. Opens nothing."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

from hisee.datadir import DataDir

MANAGED = "pg_auto_failover"  # [group] database; with another value only [engine] url is used
NODE_PORT, MONITOR_PORT = 6001, 6000
USER = DATABASE = "hisee"
MONITOR_USER, MONITOR_DATABASE = "autoctl_node", "pg_auto_failover"
REPLICATOR = "pgautofailover_replicator"
PASSWORDS = "pair.pass"  # below DATA: libpq's password file for our own processes
TLS, CA = "tls", "ca.pem"
Role = Literal["node", "monitor"]


@dataclass(frozen=True, kw_only=True)
class Duty:
    """What one computer runs for the pair."""

    role: Role
    node: str  # name in app.toml
    address: str  # by which the others reach it
    port: int
    monitor: tuple[str, int]
    group: str

    @property
    def name(self) -> str:
        """Of the process: SRV1.PG, W1.PGM."""
        return f"{self.node}.{'PG' if self.role == 'node' else 'PGM'}"


def duties(group: Mapping[str, Any], node: str, addresses: Mapping[str, str]) -> list[Duty]:
    """What the computer of `node` runs: a node of the pair on a server, the monitor on the witness's computer (by its address).

    `addresses`: node -> host of all nodes. Nothing without a group, without a witness, or when somebody else manages the database.
    """
    if not managed(group):
        return []
    witness = monitor_of(group)
    found: list[Duty] = []
    if witness[0] in (addresses.get(node, ""), node, *hosts_of(group, node)):
        found.append(Duty(role="monitor", node=node, address=witness[0], port=witness[1], monitor=witness, group=group["name"]))
    if node in group["servers"]:
        found.append(Duty(role="node", node=node, address=hosts_of(group, node)[0], port=NODE_PORT, monitor=witness, group=group["name"]))
    return found


def managed(group: Mapping[str, Any]) -> bool:
    """Does hisee run the pair itself?"""
    return bool(group.get("name")) and group.get("database", MANAGED) == MANAGED and bool(group.get("witness"))


def monitor_of(group: Mapping[str, Any]) -> tuple[str, int]:
    """Host and port of the monitor; [::1]:6000 has its brackets."""
    text = str(group["witness"])
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, ""
    return host.strip("[]"), int(port) if port else MONITOR_PORT


def hosts_of(group: Mapping[str, Any], node: str) -> list[str]:
    """Addresses of a server of the group, the preferred one first; [] for another node."""
    return list(group["servers"].get(node, {}).get("hosts", ()))


def url_of(group: Mapping[str, Any], data: Path, node: str = "") -> str:
    """Address of the engine database for [engine] url. The own computer stands first: the hot server is where the primary is, and
    nobody waits there for a host that is gone. The password is in the file that it names."""
    servers = sorted(group["servers"], key=lambda name: name != node)
    places = ",".join(f"{_bracketed(hosts_of(group, name)[0])}:{NODE_PORT}" for name in servers)
    facts = {"target_session_attrs": "read-write", "passfile": str(data / PASSWORDS)} | security(data)
    return f"postgresql://{USER}@{places}/{DATABASE}?{urlencode(facts, quote_via=quote)}"


def security(data: Path) -> dict[str, str]:
    """What libpq is told about TLS: with the system's own certificates the server proves itself, without them it is encrypted only."""
    if not has_certificates(data):
        return {"sslmode": "require"}
    return {"sslmode": "verify-ca", "sslrootcert": str(data / TLS / CA)}


def has_certificates(data: Path) -> bool:
    return all((data / TLS / name).exists() for name in (CA, "node.pem", "node.key"))


def password(data: DataDir, user: str) -> str:
    """Of a user of the pair, from the system's secret, which every computer of the system has. CannotConnect without it."""
    return hmac.new(data.secret(), f"database pair {user}".encode(), hashlib.sha256).hexdigest()


def password_lines(data: DataDir, *users: str) -> bytes:
    """A password file of libpq for these users, at whatever address."""
    return "".join(f"*:*:*:{user}:{password(data, user)}\n" for user in users).encode()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
