"""The ways from this computer to the others of its group: who answers at which port after how long, and with which certificate.

`look` opens a connection to each and closes it again; the rest is data. A server's list of ports names those of the whole group: one
communication process that answers at an address is enough.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from hisee.datadir import DataDir
from hisee.pair.plan import NODE_PORT, hosts_of, managed, monitor_of
from hisee.tls import CertificateFault, certificates, explain, to_dial

Row = dict[str, Any]
DOOR, DATABASE, MONITOR = "communication process", "database", "monitor"
ANSWER_S, REFUSAL_S = 1.0, 0.2  # for a connection; for a server to refuse our certificate, which it does behind the handshake
SOON = dt.timedelta(days=30)
MOST = 32  # ways looked at together


class Target(NamedTuple):
    node: str
    what: str
    host: str
    ports: tuple[int, ...]


def targets(group: Mapping[str, Any], own: str) -> list[Target]:
    """Everything that a server reaches on the other computers of its group."""
    found = []
    for node, facts in group.get("servers", {}).items():
        if node != own:
            found += [Target(node, DOOR, host, tuple(facts.get("cp", ()))) for host in hosts_of(group, node)]
            found += [Target(node, DATABASE, hosts_of(group, node)[0], (NODE_PORT,))] if managed(group) else []
    if managed(group):
        host, port = monitor_of(group)
        found.append(Target("", MONITOR, host, (port,)))
    return found


def look(group: Mapping[str, Any], data: DataDir, own: str) -> list[Row]:
    """One row for each target: node, what, host, port (the one that answered), ms, why (it does not), until (end of its certificate)."""
    with ThreadPoolExecutor(MOST) as pool:
        return list(pool.map(lambda target: _try(target, data), targets(group, own)))


def _try(target: Target, data: DataDir) -> Row:
    row: Row = {"node": target.node, "what": target.what, "host": target.host, "port": None, "ms": None, "until": None,
                "why": "" if target.ports else "app.toml lists no port of it"}
    for port in target.ports:
        try:
            began = time.monotonic()
            with socket.create_connection((target.host, port), ANSWER_S) as sock:
                row |= {"port": port, "ms": round((time.monotonic() - began) * 1000, 1), "why": ""}
                row |= _shown(target, sock, data) if target.what == DOOR else {}
                return row
        except OSError as fault:
            row["why"] = row["why"] or fault.strerror or str(fault)
    return row


def _shown(target: Target, sock: socket.socket, data: DataDir) -> Row:
    """End of the certificate that the door shows, or why nobody can log on there."""
    try:
        context = to_dial(data, target.host)
        if context is None:
            return {}
        with context.wrap_socket(sock) as secure:
            shown: dict[str, Any] = secure.getpeercert() or {}
            _await_refusal(secure)
    except ssl.SSLError as fault:
        return {"why": explain(fault)}
    except (CertificateFault, OSError) as fault:
        return {"why": str(fault)}
    until = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), dt.UTC)
    name = next((str(value) for part in shown.get("subject", ()) for key, value in part if key == "commonName"), "")
    return {"until": until.isoformat(), "why": "" if name == target.node else f"it shows the certificate of {name or 'nobody'}"}


def _await_refusal(secure: ssl.SSLSocket) -> None:
    """Raises SSLError when the other side does not take our certificate."""
    secure.settimeout(REFUSAL_S)
    with contextlib.suppress(TimeoutError):
        secure.recv(1)


def own_certificate(data: DataDir) -> Row | None:
    """Of this computer: node, until, ca_until, ca (its fingerprint), why (it is worth nothing). None = there are none."""
    found = certificates(data)
    if not found.there:
        return None
    try:
        return {**found.facts(), "why": ""}
    except CertificateFault as fault:
        return {"node": "", "until": None, "ca_until": None, "ca": "", "why": str(fault)}


def faults(ways: Sequence[Row], own: Row | None, now: dt.datetime) -> list[str]:
    """What of it keeps the others from this computer or will soon. Of a silent database or monitor the picture of the group tells."""
    out = [f"no communication process of {row['node']} can be used at {row['host']}: {row['why']}" for row in ways
           if row["what"] == DOOR and row["why"]]
    ends = [(f"the certificate of {row['node']}", row["until"]) for row in ways if row["until"]]
    if own is not None:
        out += [f"the certificates of this computer are worth nothing: {own['why']}"] if own["why"] else []
        ends += [("the certificate of this computer", own["until"]), ("the certification authority", own["ca_until"])]
    soon = {f"{whose} ends on {end[:10]}: `hisee cluster renew` makes a new one" for whose, end in ends
            if end and dt.datetime.fromisoformat(end) - now < SOON}
    return out + sorted(soon)


def text(ways: Sequence[Row], own: Row | None) -> list[str]:
    """One line for each way and for the certificates of this computer."""
    lines = [_line(row) for row in ways]
    if own is not None and not own["why"]:
        lines.append(f"certificate of {own['node']} until {own['until'][:10]}, authority until {own['ca_until'][:10]}, {own['ca'][:16]}")
    return lines


def _line(row: Row) -> str:
    place = f"{row['host']}:{row['port']}" if row["port"] else row["host"]
    answer = row["why"] or f"{row['ms']} ms" + (f", certificate until {row['until'][:10]}" if row["until"] else "")
    return f"{row['node'] or 'witness':<10} {row['what']:<22} {place:<24} {answer}"
