"""Which servers a client may log on to, by its start parameters and run.json: one, or those of a group by list or multicast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hisee.channel.discovery import discover
from hisee.channel.way import Member, members_by_addresses, members_of, way_to_server
from hisee.errors import UsageError
from hisee.parameters import StartParameters
from hisee.seams import Rng


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`members` is asked before each search and may block; `group` "" = one server, whatever it is in its group."""

    group: str
    members: Callable[[], list[Member]]

    @property
    def single(self) -> bool:
        return not self.group


def plan_of(parameters: StartParameters, node: str, run: dict[str, Any], control_socket: Path, rng: Rng) -> Plan:
    """A client that names nothing follows the group where there is one. Raises UsageError, CannotConnect."""
    known = dict(run.get("group") or {})
    if parameters.group:
        _check_name(parameters.group, known)
    if parameters.multicast:
        return _by_multicast(parameters.group, node, run, rng)
    if parameters.group and parameters.members:
        return by_list(parameters.group, members_by_addresses(list(parameters.members)))
    if parameters.group or (known and not parameters.server):
        return by_group(run, node, control_socket)
    way = way_to_server(parameters.server, node, run, control_socket)
    member = Member(parameters.server or str(run.get("server", "")), way, named=bool(known) and parameters.server in known["servers"])
    return Plan(group="", members=lambda: [member])


def by_group(run: dict[str, Any], node: str, control_socket: Path) -> Plan:
    """The servers that run.json names. Raises UsageError."""
    known = dict(run.get("group") or {})
    if not known:
        raise UsageError("nothing says which servers the group has: no [group] in app.toml, or no run.json here",
                         hint="list them with --member HOST:PORT, or name one with /S")
    return by_list(str(known["name"]), members_of(run, node, control_socket))


def by_list(group: str, members: list[Member]) -> Plan:
    return Plan(group=group, members=lambda: members)


def _by_multicast(group: str, node: str, run: dict[str, Any], rng: Rng) -> Plan:
    """No packet of discovery is ever sent where the application does not want it (R66)."""
    if not (run.get("group") or {}).get("multicast"):
        raise UsageError(f"/RD{group}: this system finds servers by multicast only with `multicast = true` in [group] of its app.toml",
                         hint=f"/RF{group} takes the list of app.toml")
    link = dict(run.get("nodes", {}).get(node, {}).get("link") or {})
    return Plan(group=group, members=partial(discover, group, rng, link))


def _check_name(group: str, known: dict[str, Any]) -> None:
    if known and known.get("name") != group:
        raise UsageError(f"{group!r} is not the group of this system", hint=f"it is {known['name']}")
