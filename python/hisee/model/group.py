"""The redundant group of app.toml: what is wrong with it, and what processes are told of it in run.json. Pure data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hisee.model import forms, ports
from hisee.model.objects import Node
from hisee.model.problem import BAD_GROUP, Findings, choose_from, shown

FILE = "app.toml"
NAME = re.compile(r"[A-Za-z0-9_]{1,32}\Z")
WITNESS = re.compile(r"[^\s:]+(:\d{1,5})?\Z|\[[^\s\]]+\](:\d{1,5})?\Z")


def check(form: forms.GroupForm, nodes: Mapping[str, Node], engine_url: str, findings: Findings) -> None:
    """Everything that can be seen without looking at a computer."""
    if not form.name:
        if form.servers:
            findings.error(BAD_GROUP, FILE, "servers of a group without a name", key="group.name", hint="name it, or drop [group.servers]")
        return
    if not NAME.match(form.name):
        findings.error(BAD_GROUP, FILE, "no name of a group", key="group.name", value=shown(form.name),
                       hint="letters, digits and _, at most 32")
    if len(form.servers) < 2:
        findings.error(BAD_GROUP, FILE, f"a group of {len(form.servers)} servers guards nobody", key="group.servers",
                       hint="add [group.servers.NODE] for every node with a server, or drop [group]")
    if form.witness and not WITNESS.match(form.witness):
        findings.error(BAD_GROUP, FILE, "no address", key="group.witness", value=shown(form.witness), hint="write host or host:port")
    if form.database != "pg_auto_failover" and not engine_url.startswith("postgresql"):
        findings.error(BAD_GROUP, FILE, f"a database pair that {form.database} manages has an address", key="engine.url",
                       value=shown(engine_url), hint='url = "postgresql://user@host1,host2/name"')
    for name in form.servers:
        _check_server(name, form.servers[name], nodes, findings)
    _check_work(form, nodes, findings)


def _check_server(name: str, form: forms.GroupServerForm, nodes: Mapping[str, Node], findings: Findings) -> None:
    key, node = f"group.servers.{name}", nodes.get(name)
    if node is None:
        findings.error(BAD_GROUP, FILE, "no such node", key=key, hint=choose_from(name, nodes))
    elif not any(p.kind == "KNL" for p in node.processes):
        findings.error(BAD_GROUP, FILE, "its node starts no server", key=key, hint=f'add {{kind="server"}} to nodes.{name}.processes')
    elif not form.hosts and not node.host:
        findings.error(BAD_GROUP, FILE, "without an address nobody reaches it", key=f"{key}.hosts", hint='hosts = ["10.0.0.1"]')


def _check_work(form: forms.GroupForm, nodes: Mapping[str, Node], findings: Findings) -> None:
    """Only work processes of the active computer work: one without any stops all durable work when it becomes that."""
    works = {name: any(p.kind == "WP" for p in nodes[name].processes) for name in form.servers if name in nodes}
    for name in [name for name, has in works.items() if not has and any(works.values())]:
        findings.warning(BAD_GROUP, FILE, "no work process here: tasks wait while this server is hot", key=f"nodes.{name}.processes",
                         hint='add {kind="wp"}')


def facts(form: forms.GroupForm, nodes: Mapping[str, Node], common: forms.PortsForm) -> dict[str, Any]:
    """What run.json says under "group": {} without one. Ports are those of the lists that hold on each server."""
    if not form.name:
        return {}
    servers = {
        name: {"priority": server.priority, "hosts": server.hosts or [nodes[name].host],
               "cp": list(ports.lists_for(common, nodes[name]).get("cp", ()))}
        for name, server in form.servers.items()
    }
    return {"name": form.name, "witness": form.witness, "database": form.database, "multicast": form.multicast, "servers": servers}
