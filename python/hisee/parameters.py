"""What a process program is told at its start; read from the command line by hisee.cli.start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StartParameters:
    """What a process program is told. Absent facts are None, "" or empty; `argv` is what was typed."""

    command: str  # server, cp, event, dbm, hip
    kind: str  # KNL, CP, SES, DBM, HIP
    server: str = ""  # node name or host[:port]; "" = the system of the data directory
    group: str = ""  # redundant group to follow, its servers by list; "" = none named
    multicast: bool = False  # its servers by multicast
    members: tuple[str, ...] = ()  # its servers by an explicit list: host[:port], one per network with commas
    names: tuple[str, ...] = ()
    node: str = ""
    data: Path | None = None
    app: Path | None = None
    ses_remote: bool = False
    ses_local: bool = False
    port: int | None = None
    listen: str = ""
    web_port: int | None = None
    relay: bool = False  # server
    plane: bool = False  # server
    cold: bool = False  # wp
    dialog: bool = False  # wp
    programs: Path | None = None  # agent
    state: Path | None = None  # agent
    heap: int | None = None  # jwp, MiB
    threads: int | None = None  # jwp
    services: Path | None = None  # jwp
    ready_fd: int | None = None
    debug_on: tuple[str, ...] = ()  # categories of debug lines
    debug_off: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The first own name, or "" when the server gives one."""
        return self.names[0] if self.names else ""
