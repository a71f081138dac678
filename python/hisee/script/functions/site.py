"""What all instances of one process share: what scripts may reach, and the facts that functions tell."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hisee.channel.payloads import CallChain
from hisee.schema.limits import BY_NAME as LIMITS
from hisee.seams import Seams


@dataclass(frozen=True)
class Rules:
    """Section [scripts] of app.toml. Nothing listed = nothing allowed."""

    files: str = ""  # absolute path of the folder below which files are; {node} and {process} stand for names
    deny: tuple[str, ...] = ()  # masks of names that stay closed there
    hosts: tuple[str, ...] = ()  # "name" or "name:port" for HTTP
    programs: tuple[str, ...] = ()  # absolute paths
    libraries: tuple[str, ...] = ()  # absolute paths of what external functions open
    environment: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Mapping[str, Any], *, node: str = "", process: str = "") -> Rules:
        """From the facts of a WELCOME; unknown keys are of a newer server and do not count."""
        lists = {key: tuple(str(v) for v in facts.get(key, ())) for key in ("deny", "hosts", "programs", "libraries", "environment")}
        files = str(facts.get("files", "")).replace("{node}", node).replace("{process}", process)
        return cls(files=files, parameters={str(k): str(v) for k, v in dict(facts.get("parameters", {})).items()}, **lists)


Objects = Callable[[], list[dict[str, Any]]]


def no_objects() -> list[dict[str, Any]]:
    """A process that can ask nobody knows no objects."""
    return []


def no_chain(number: int) -> CallChain:
    """Nobody can be asked who waits."""
    raise OSError("not attached to a server")


@dataclass
class Site:
    """`objects`, `processes`, `follow` and `chain` ask the server and wait: called from threads only. OSError: no answer."""

    seams: Seams = field(default_factory=Seams)
    rules: Rules = field(default_factory=Rules)
    limits: Mapping[str, int] = field(default_factory=dict)
    system: str = ""
    version: str = ""
    host: str = field(default_factory=socket.gethostname)
    objects: Objects = no_objects
    processes: Objects = no_objects
    follow: Callable[[int], None] = lambda number: None
    chain: Callable[[int], CallChain] = no_chain
    profile: Callable[[bool], None] = lambda on: None
    programs: dict[int, Any] = field(default_factory=dict)  # process number -> Popen, of programs that are not waited for

    def limit(self, name: str) -> int:
        return int(self.limits.get(name, LIMITS[name].value))
