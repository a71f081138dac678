"""Names of processes: <node>.<KIND>, numbered ones <KIND><number>, agents their own; instances exclude the plain name (R1, R12, R95)."""

from __future__ import annotations

import re

from hisee.channel.payloads import Hello
from hisee.model.access import CLIENTS
from hisee.server.registry import HIDDEN, Registry

NUMBERED = ("WP", "CP", "JWP")
NUMBERED_NAME = re.compile(r"(WP|CP|JWP)(\d{3,})\Z")
INSTANCE_NAME = re.compile(r"\[(\d+)\]_(.+)\Z")
PLAIN_NAME = re.compile(r"(\[\d{1,3}\]_)?[A-Za-z0-9_]{1,64}\Z")


class NameRefused(Exception):
    """`code` of REFUSED; the text says why and what would fit."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def full_name(hello: Hello, node: str, registry: Registry) -> str:
    """The name under which a process that logs on is listed; raises NameRefused."""
    if hello.kind in ("TEL", *HIDDEN):
        return registry.free_name(hello.node or node, hello.kind)
    if hello.kind in NUMBERED:
        return _numbered(hello, registry)
    name = hello.name or hello.node or node
    if not PLAIN_NAME.match(name):
        raise NameRefused("NAME", f"{name!r} is no name: 1 to 64 letters, digits and _")
    if hello.kind == "AGENT":
        if NUMBERED_NAME.match(name):
            raise NameRefused("NAME", f"{name} is the name of a numbered process; give the agent another one")
        return name
    check_instance(name, hello.kind, registry)
    return f"{name}.{hello.kind}"


def _numbered(hello: Hello, registry: Registry) -> str:
    """The name that its number gave it; without one the lowest free number of its kind (R90)."""
    if hello.name.startswith(hello.kind) and NUMBERED_NAME.match(hello.name):
        return hello.name
    taken = {p.name for p in registry if p.kind == hello.kind and p.running}
    return next(name for number in range(1, len(taken) + 2) if (name := f"{hello.kind}{number:03d}") not in taken)


def check_instance(name: str, kind: str, registry: Registry) -> None:
    """An instance [2]_NAME and the plain NAME of one kind never run at the same time (R12)."""
    match = INSTANCE_NAME.match(name)
    plain = match[2] if match else name
    for other in registry:
        if other.kind != kind or not other.running or other.name == f"{name}.{kind}":
            continue
        rival = INSTANCE_NAME.match(other.name)
        if other.name == f"{plain}.{kind}" or (match is None and rival is not None and rival[2] == f"{plain}.{kind}"):
            raise NameRefused("NAME_IN_USE", f"{other.name} runs already; an instance and the plain name exclude each other")


def may_log_on(kind: str) -> bool:
    """Is it a kind of process that logs on by itself?"""
    return kind in CLIENTS
