"""The nodes of app.toml and the names of their processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hisee.model import forms, reader
from hisee.model.names import fold
from hisee.model.objects import Node, Process
from hisee.model.problem import BAD_NAME, BAD_PROCESS, BAD_VALUE, DOUBLE_NAME, NOT_SERVED, Findings, choose_from, shown

FILE = "app.toml"
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")
STATION = re.compile(r"[A-Za-z0-9_]{1,64}\Z")


def read_nodes(tables: dict[str, Any], text: str, findings: Findings) -> dict[str, Node]:
    """All nodes by name; wrong ones are in `findings` and left out."""
    nodes = {}
    for name, table in tables.items():
        form = reader.convert(table, forms.NodeForm, FILE, findings, prefix=f"nodes.{name}", text=text)
        if form is None:
            continue
        _check_node(name, form, findings)
        nodes[name] = Node(name, form.host, form.link, tuple(_processes(name, form, findings)), form.ports)
    _no_doubles(nodes, findings)
    return nodes


def _check_node(name: str, form: forms.NodeForm, findings: Findings) -> None:
    if not STATION.match(name):
        findings.error(BAD_NAME, FILE, "no name of a node", key=f"nodes.{name}", hint="letters, digits and _, at most 64")
    if form.link is not None and not LOOPBACK.match(form.host):
        findings.error(
            BAD_VALUE,
            FILE,
            "only a node played on this computer has a shaped link",
            key=f"nodes.{name}.link",
            value=shown(form.host),
            hint='set host = "127.0.0.1" or drop link',
        )


def _processes(node: str, form: forms.NodeForm, findings: Findings) -> Iterator[Process]:
    for index, entry in enumerate(form.processes):
        key = f"nodes.{node}.processes[{index}]"
        if entry.kind not in forms.SERVED_KINDS and entry.kind not in forms.LATER_KINDS:
            findings.error(
                BAD_PROCESS,
                FILE,
                "unknown kind of process",
                key=f"{key}.kind",
                value=shown(entry.kind),
                hint=choose_from(entry.kind, [*forms.SERVED_KINDS, *forms.LATER_KINDS]),
            )
            continue
        served = entry.kind in forms.SERVED_KINDS
        if not served:
            findings.warning(
                NOT_SERVED,
                FILE,
                "this kind of process is not served yet and will not be started",
                key=f"{key}.kind",
                value=shown(entry.kind),
            )
        if entry.name and not STATION.match(entry.name):
            findings.error(
                BAD_NAME,
                FILE,
                "no name of a process",
                key=f"{key}.name",
                value=shown(entry.name),
                hint="without suffix; letters, digits and _, at most 64",
            )
        if entry.kind == "agent" and not entry.programs and "--programs" not in entry.args:
            findings.error(BAD_PROCESS, FILE, "an agent needs the list of programs that it may start", key=f"{key}.programs",
                           hint='programs = "programs.toml"')
        for number in range(1, entry.count + 1):
            yield _process(node, entry, _name(node, form, index, number), served)


def _name(node: str, form: forms.NodeForm, index: int, number: int) -> str:
    """<node>.<KIND>; further ones of an entry are counted. Numbered kinds count over all entries: SRV1.WP_1, until they join."""
    entry = form.processes[index]
    base, suffix = entry.name or node, suffix_of(entry.kind, entry.args)
    if entry.kind in forms.NUMBERED_KINDS:
        same = [e for e in form.processes if e.kind == entry.kind and (e.name or node) == base]
        before = sum(e.count for e in form.processes[:index] if e in same)
        return f"{base}.{suffix}" if sum(e.count for e in same) == 1 else f"{base}.{suffix}_{before + number}"
    if number > 1:
        base += f"_{number}"
    return base if entry.kind == "agent" else f"{base}.{suffix}"


def _process(node: str, entry: forms.ProcessForm, name: str, served: bool) -> Process:
    return Process(
        name=name,
        kind=suffix_of(entry.kind, entry.args),
        command=entry.kind,
        node=node,
        args=tuple(entry.args),
        autostart=entry.autostart and served,
        priority=entry.priority,
        init_s=entry.init_s,
        env=tuple(entry.env.items()),
        web_port=entry.web_port,
        consoles=entry.consoles,
        port=entry.port,
        served=served,
        programs=entry.programs,
        restart=entry.restart,
        delay_s=entry.delay_s,
    )


def suffix_of(command: str, args: list[str]) -> str:
    """An event process is an SES once it has an SES switch, else an event handler."""
    if command == "event" and any(a.upper().replace("-", "_") in ("__SES_REMOTE", "__SES_LOCAL") for a in args):
        return "SES"
    return {**forms.SERVED_KINDS, **forms.LATER_KINDS}[command]


def _no_doubles(nodes: dict[str, Node], findings: Findings) -> None:
    seen: set[str] = set()
    for process in (p for node in nodes.values() for p in node.processes):
        key = fold(process.name)
        if key in seen:
            findings.error(
                DOUBLE_NAME,
                FILE,
                f"process {process.name} is configured twice",
                key=f"nodes.{process.node}",
                hint="give one of them another `name`",
            )
        seen.add(key)


def start_order(nodes: dict[str, Node]) -> list[Process]:
    """Processes in the order of their start: priority downwards, then as written; the server always first."""
    processes = [p for node in nodes.values() for p in node.processes]
    return sorted(processes, key=lambda p: (p.kind != "KNL", -p.priority))
