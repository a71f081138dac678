"""What is known of the computers of a system: from app.toml on the first one, from the hand-over on the others (DATA/cluster.json)."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from hisee.config import APPLICATION_FILE
from hisee.datadir import DataDir
from hisee.errors import UsageError

FILE = "cluster.json"
NODE = re.compile(r"[A-Za-z0-9_]{1,64}\Z")
Role = Literal["server", "witness", "station"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The system as app.toml has it. `group` is the table [group] as written, {} without one."""

    system: str
    nodes: dict[str, list[str]] = field(default_factory=dict)  # node -> its addresses, the preferred one first; [] = not told
    group: dict[str, Any] = field(default_factory=dict)

    def role(self, node: str) -> Role:
        """A server of the group, the witness's computer (its address is `group.witness`), else a station."""
        if node in self.group.get("servers", {}):
            return "server"
        witness = str(self.group.get("witness", "")).rpartition(":")[0]
        return "witness" if witness and witness in [node, *self.nodes.get(node, ())] else "station"


@dataclass(frozen=True, kw_only=True)
class Computer:
    """One computer of a system, ready to be set up: certificates and secret are in `data`."""

    node: str
    role: Role
    plan: Plan
    data: DataDir
    first: bool = False  # here is the CA; `hisee cluster init` runs
    app: Path | None = None  # the application's folder, where it is on this computer

    @property
    def hosts(self) -> list[str]:
        return self.plan.nodes.get(self.node, [])


def read_plan(app: Path) -> Plan:
    """Raises UsageError when `app` is no application."""
    path = app / APPLICATION_FILE
    try:
        tables = tomllib.loads(path.read_text())
    except OSError as fault:
        raise UsageError(f"{app} is no application: {path.name} cannot be read ({fault.strerror})", hint="`hisee new` makes one") from fault
    except ValueError as fault:
        raise UsageError(f"{path}: {fault}", hint="`hisee check` shows it") from fault
    group = tables.get("group", {}) if tables.get("group", {}).get("name") else {}
    return Plan(system=str(tables.get("name", app.name)).upper(), nodes=_addresses(tables.get("nodes", {}), group), group=group)


def _addresses(nodes: dict[str, Any], group: dict[str, Any]) -> dict[str, list[str]]:
    found = {name: [str(table["host"])] if table.get("host") else [] for name, table in nodes.items()}
    for name, table in group.get("servers", {}).items():
        found[name] = list(dict.fromkeys([*map(str, table.get("hosts", ())), *found.get(name, ())]))
    return found


def check_node(node: str) -> str:
    """Raises UsageError for what cannot be the name of a node."""
    if not NODE.match(node):
        raise UsageError(f"{node!r} is no name of a node", hint="1 to 64 letters, digits and _")
    return node


def remember(computer: Computer) -> None:
    """Note in DATA what later commands need."""
    facts = {"node": computer.node, "first": computer.first, "app": str(computer.app) if computer.app else "", **asdict(computer.plan)}
    computer.data.seams.disk.write(computer.data.path / FILE, json.dumps(facts, indent=1).encode())


def recall(data: DataDir) -> Computer:
    """The computer that `init` or `join` noted, with app.toml as it is now where it is here. Raises UsageError."""
    path = data.path / FILE
    try:
        facts: dict[str, Any] = json.loads(path.read_text())
        app = Path(facts["app"]) if facts["app"] else None
        noted = Plan(system=facts["system"], nodes=facts["nodes"], group=facts["group"])
        plan = read_plan(app) if app is not None and (app / APPLICATION_FILE).exists() else noted
        return Computer(node=facts["node"], role=plan.role(facts["node"]), plan=plan, data=data, first=facts["first"], app=app)
    except FileNotFoundError as fault:
        raise UsageError(f"{data.path} belongs to no system of several computers",
                         hint="`hisee cluster init APP --node NODE` on the first server, or `hisee cluster join`") from fault
    except (OSError, ValueError, KeyError) as fault:
        raise UsageError(f"{path} cannot be read: {fault!r}",
                         hint="run `hisee cluster init` or `join` again, they keep what is there") from fault
