"""`hisee cluster init`: the first computer of a system gets CA, certificate and secret. Done again it keeps what is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hisee.cluster.ca import CA_KEY, Authority, keep_own, own_key
from hisee.cluster.computer import Computer, Plan, check_node, remember
from hisee.datadir import DataDir
from hisee.errors import UsageError
from hisee.tls import CERTIFICATE, FOLDER, certificates

Say = Callable[[str], object]


def found(plan: Plan, node: str, data: DataDir, app: Path, say: Say) -> Computer:
    """Raises UsageError: `node` is unknown, or DATA has another one's certificate; CertificateFault."""
    check_node(node)
    if node not in plan.nodes:
        raise UsageError(f"{app} has no node {node}", hint=f"known are {', '.join(sorted(plan.nodes)) or 'none'}")
    data.path.mkdir(parents=True, exist_ok=True)
    authority = _authority(data, plan.system, say)
    _certify(authority, plan, node, data)
    data.secret(create=True)
    computer = Computer(node=node, role=plan.role(node), plan=plan, data=data, first=True, app=app.resolve())
    remember(computer)
    return computer


def _authority(data: DataDir, system: str, say: Say) -> Authority:
    folder, clock = data.path / FOLDER, data.seams.clock
    if (folder / CA_KEY).exists():
        say(f"kept: the certification authority in {folder}")
        return Authority.load(folder, clock)
    authority = Authority.make(folder, system, clock)
    say(f"made: the certification authority of {system} in {folder}; keep a copy of {CA_KEY} in a safe place")
    return authority


def _certify(authority: Authority, plan: Plan, node: str, data: DataDir) -> None:
    folder = data.path / FOLDER
    if (folder / CERTIFICATE).exists():
        holder = certificates(data).check()
        if holder != node:
            raise UsageError(f"{folder / CERTIFICATE} is of node {holder}", hint=f"use --node {holder}, or another --data")
    key = own_key(folder)
    keep_own(folder, key, authority.issue(node, key.public_key(), plan.nodes[node]))
