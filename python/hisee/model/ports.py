"""Number lists of app.toml: which port belongs to which process number, on which computer, and what is wrong with them (R91, R144).

Pure data; whether a port is free on this computer is asked elsewhere (hisee.resident.listeners).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hisee.model import forms, nodes, reader
from hisee.model.objects import Node
from hisee.model.problem import BAD_PORTS, Findings, shown

FILE = "app.toml"
PRIVILEGED = 1024  # only root binds lower ones
EPHEMERAL = (32_768, 60_999)  # the kernel gives these to outgoing connections unless told otherwise


class Place(NamedTuple):
    """Where a port is named: `number` is the process number, 0 for a port that belongs to no number."""

    key: str
    kind: str
    number: int
    port: int


def lists_of(form: forms.PortsForm | None) -> dict[str, tuple[int, ...]]:
    """The lists that are given, by kind."""
    given = {kind: getattr(form or forms.PortsForm(), kind) for kind in forms.NUMBERED_KINDS}
    return {kind: tuple(ports) for kind, ports in given.items() if ports is not None}


def lists_for(common: forms.PortsForm, node: Node | None) -> dict[str, tuple[int, ...]]:
    """The lists that hold on a computer: its own ones before the common ones; a kind without a list is absent."""
    return {**lists_of(common), **lists_of(node.ports if node else None)}


def check(common: forms.PortsForm, nodes: Mapping[str, Node], findings: Findings) -> None:
    """Everything that can be seen without looking at a computer. Errors keep a system from starting."""
    forms_by_key = {"ports": common, **{f"nodes.{n.name}.ports": n.ports for n in nodes.values() if n.ports is not None}}
    for key, form in forms_by_key.items():
        for kind, ports in lists_of(form).items():
            _check_list(f"{key}.{kind}", ports, findings)
    _check_doubles([*_listed(forms_by_key), *_fixed(nodes)], findings)
    _check_primary(common, nodes, forms_by_key, findings)
    _check_lengths(common, nodes, findings)


def _check_list(key: str, ports: tuple[int, ...], findings: Findings) -> None:
    if not ports:
        findings.error(BAD_PORTS, FILE, "the list is empty", key=key, hint="leave it out for numbers without ports")
    for number, port in enumerate(ports, 1):
        if port == 0:
            findings.error(BAD_PORTS, FILE, f"number {number} has no port: a gap", key=key, value=shown(list(ports)),
                           hint="numbers are given without gaps; move the later ports up")
        elif port < PRIVILEGED:
            findings.warning(BAD_PORTS, FILE, f"port {port} is only for root", key=key, hint=f"take one from {PRIVILEGED} on")
        elif EPHEMERAL[0] <= port <= EPHEMERAL[1]:
            findings.warning(BAD_PORTS, FILE, f"port {port} may be in use by any outgoing connection", key=key,
                             hint=f"take one below {EPHEMERAL[0]}")


def _listed(forms_by_key: Mapping[str, forms.PortsForm | None]) -> Iterator[Place]:
    for key, form in forms_by_key.items():
        for kind, ports in lists_of(form).items():
            yield from (Place(f"{key}.{kind}", kind, number, port) for number, port in enumerate(ports, 1) if port)


def _fixed(nodes: Mapping[str, Node]) -> Iterator[Place]:
    """Ports that entries of processes name for themselves."""
    for process in (p for node in nodes.values() for p in node.processes):
        for key, port in (("port", process.port), ("web_port", process.web_port)):
            if port:
                yield Place(f"{process.name} {key}", process.command, 0, port)


def _check_doubles(places: list[Place], findings: Findings) -> None:
    """A port belongs to one number of one kind in the whole system; the same pair in two lists is the same process number."""
    first: dict[int, Place] = {}
    for place in places:
        other = first.setdefault(place.port, place)
        if other is place or (place.number and place[1:] == other[1:] and place.key != other.key):
            continue
        findings.error(BAD_PORTS, FILE, f"port {place.port} is also {_place(other)}", key=place.key,
                       hint="every port belongs to one process number of the whole system")


def _place(place: Place) -> str:
    return f"number {place.number} of {place.key}" if place.number else place.key


def _check_primary(common: forms.PortsForm, nodes: Mapping[str, Node], forms_by_key: Mapping[str, forms.PortsForm | None],
                   findings: Findings) -> None:
    """One port for the primary everywhere: whoever takes over must be able to open it."""
    named = {key: form.primary for key, form in forms_by_key.items() if form is not None and form.primary}
    if len(set(named.values())) > 1:
        told = ", ".join(f"{key}.primary = {port}" for key, port in named.items())
        findings.error(BAD_PORTS, FILE, "differing primary ports", key=next(iter(named)) + ".primary", value=told,
                       hint="name the same port on every computer: any of them may take over")
    for place in _listed(forms_by_key):
        if place.port in named.values():
            findings.error(BAD_PORTS, FILE, f"port {place.port} is kept for the primary", key=place.key, hint="take it out of the list")


def _check_lengths(common: forms.PortsForm, nodes: Mapping[str, Node], findings: Findings) -> None:
    """More processes than numbers: the last ones would end at once. A list without a process is a slip of the pen."""
    wanted = {(node.name, kind): sum(p.command == kind for p in node.processes) for node in nodes.values() for kind in forms.NUMBERED_KINDS}
    for kind, ports in lists_of(common).items():
        count = sum(wanted[node.name, kind] for node in nodes.values() if kind not in lists_of(node.ports))
        _too_short(f"ports.{kind}", kind, count, ports, findings)
    for node in nodes.values():
        for kind, ports in lists_of(node.ports).items():
            key = f"nodes.{node.name}.ports.{kind}"
            _too_short(key, kind, wanted[node.name, kind], ports, findings)
            if not wanted[node.name, kind]:
                findings.warning(BAD_PORTS, FILE, f"no {kind} process is configured on this computer", key=key,
                                 hint="one may be started by hand")


def _too_short(key: str, kind: str, count: int, ports: tuple[int, ...], findings: Findings) -> None:
    if ports and count > len(ports):
        findings.error(BAD_PORTS, FILE, f"{count} {kind} processes share {len(ports)} ports", key=key, hint="list one port for each")


def read(data: bytes) -> tuple[forms.AppForm | None, dict[str, Node], Findings]:
    """The number lists of an app.toml and everything that is wrong with its form and lists; reads no other file."""
    findings = Findings()
    table = reader.parse(data, FILE, findings)
    text = data.decode("utf-8", "replace")
    form = None if table is None else reader.convert(table, forms.AppForm, FILE, findings, text=text)
    if form is None:
        return None, {}, findings
    stations = nodes.read_nodes(form.nodes, text, findings)
    check(form.ports, stations, findings)
    return form, stations, findings
