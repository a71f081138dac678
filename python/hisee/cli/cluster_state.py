"""Commands `hisee cluster status`, `check`, `promote`, `drill`, `contract`. Argument parsing and printing only.

`add_to` puts them under another group of commands.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from getpass import getuser
from pathlib import Path
from typing import Any

import click

from hisee.cli.overview import WATCH
from hisee.cli.system import DATA, JSON
from hisee.errors import CannotConnect, HiseeError, TimeOver, UsageError
from hisee.schema.exits import Exit
from hisee.shown import EngineSilent

POLL_S, SWITCH_S, LOOK_S = 0.2, 30.0, 1.0


def look(data: Path | None, *, schemas: bool = False) -> dict[str, Any]:
    """The picture from live data, with `schemas` those of the database too; who does not answer leaves its part of it empty."""
    from hisee.config import find_data
    from hisee.datadir import DataDir
    from hisee.model import versions
    from hisee.pair import diagram, state

    directory = DataDir(find_data(data))
    group = directory.group()
    if not group:
        raise UsageError("this system has no group of servers", hint="[group] in app.toml makes one")
    processes, terms = told(data)
    url = directory.engine_url()
    return diagram.picture(group, processes, terms, state.look(group, directory, url), versions.look(url) if schemas and url else {})


def told(data: Path | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the hot server tells of processes and terms, from whatever computer; without one, the server of this computer."""
    from hisee.api import connect as connect_to

    for group in (True, False):
        with contextlib.suppress(CannotConnect, TimeOver), connect_to(data, group=group, within_s=LOOK_S) as system:
            processes, terms = system.ps(), []
            with contextlib.suppress(EngineSilent):  # the database is away: the picture shows that by itself
                terms = system.terms()
            return processes, terms
    return [], []


@click.command()
@DATA
@JSON
@WATCH
def status(data: Path | None, as_json: bool, follow: bool) -> int:
    """Show the group: computers, states and epoch, database, witness, SES with their SEEs, consoles."""
    from hisee.cli.overview import CLEAR
    from hisee.pair import diagram

    while True:
        found = look(data, schemas=True)
        shown = json.dumps(found, indent=1) if as_json else diagram.text(found)
        click.echo((CLEAR if follow and not as_json else "") + shown)
        if not follow:
            return 0
        time.sleep(1.0)


@click.command()
@DATA
@JSON
def check(data: Path | None, as_json: bool) -> int:
    """Say what would keep a switch from working; exit code 1 when there is something."""
    from hisee.config import find_data
    from hisee.datadir import DataDir
    from hisee.pair import diagram, ways

    directory = DataDir(find_data(data))
    found = look(data, schemas=True)
    run = directory.read_run()
    seen, own = ways.look(run.get("group", {}), directory, run.get("server", "")), ways.own_certificate(directory)
    faults = diagram.faults(found) + ways.faults(seen, own, dt.datetime.now(dt.UTC)) + foreign(run)
    if as_json:
        click.echo(json.dumps({"faults": faults, "ways": seen, "certificate": own}, indent=1))
    else:
        click.echo("\n".join([*ways.text(seen, own), "", *(faults or ["a switch would work"]), *diagram.upgrade_lines(found)]))
    return int(Exit.FINDINGS if faults else Exit.OK)


def foreign(run: dict[str, Any]) -> list[str]:
    """Ports of this computer's lists at which another program listens: processes with these numbers cannot start here. Where several
    servers of the group are played on one computer, the others' processes are no strangers."""
    from hisee.resident.listeners import listeners

    hosts = [host for server in run.get("group", {}).get("servers", {}).values() for host in server["hosts"]]
    if len(hosts) != len(set(hosts)):
        return []
    listed = {port for ports in run.get("ports", {}).get(run.get("server", ""), {}).values() for port in ports}
    ours = {process.get("pid") for process in run.get("processes", {}).values()}
    return [f"port {found.port} of the lists is in use by {found.program} (pid {found.pid})" for found in listeners(listed)
            if found.pid and found.pid not in ours]


@click.command()
@click.argument("node", required=False)
@click.option("--yes", is_flag=True, help="Confirm beforehand.")
@DATA
def promote(node: str | None, yes: bool, data: Path | None) -> int:
    """Make the server of NODE hot [default: the standby that answers], by the hot server when it answers, else by your order here."""
    found = look(data)
    target = target_of(found, node)
    if not found["hot"]:
        if nobody_decides(found):
            return promote_database(data, found, target, yes)
        confirm(found, target, yes)
        order(data, f"{target}.KNL", "PROMOTE")
    else:
        at_the_hot_one(found)
        if not yes:
            click.confirm(f"Switch from {found['hot']} to {target}?", abort=True)
        order(data, f"{found['hot']}.KNL", f"SWITCH {target}", hot=True)
    click.echo(f"{target} is hot after {await_hot(data, target):.1f} s")
    return 0


@click.command()
@click.option("--yes", is_flag=True, help="Confirm beforehand.")
@DATA
def drill(yes: bool, data: Path | None) -> int:
    """A planned switch to the standby server and back, with its times."""
    from hisee.pair import diagram

    found = look(data)
    if faults := diagram.faults(found):
        raise HiseeError(f"no drill now: {faults[0]}", hint="`hisee cluster check` shows all that is wrong")
    at_the_hot_one(found)
    there, back = target_of(found, None), found["hot"]
    if not yes:
        click.confirm(f"Switch from {back} to {there} and back?", abort=True)
    for source, target in ((back, there), (there, back)):
        order(data, f"{source}.KNL", f"SWITCH {target}", hot=True)
        click.echo(f"{source} -> {target}: {await_hot(data, target):.1f} s")
        await_calm(data)
    return 0


@click.command()
@click.option("--yes", is_flag=True, help="Confirm beforehand.")
@DATA
def contract(yes: bool, data: Path | None) -> int:
    """End an upgrade: the database drops what only the release before needs. From then on that release cannot come back."""
    found = look(data)
    if not found["hot"]:
        raise HiseeError("no hot server answers", hint="`hisee cluster status` shows the group")
    if not yes:
        click.confirm("Contract the database? The release before cannot be installed again after this", abort=True)
    click.echo(order(data, f"{found['hot']}.KNL", "CONTRACT", hot=True))
    return 0


def target_of(found: dict[str, Any], node: str | None) -> str:
    """The node that shall be hot; raises UsageError for one that is no server of the group or is hot already."""
    names = [row["node"] for row in found["servers"]]
    if node is None:
        standby = [row for row in found["servers"] if row["state"] in ("SBS", "SS")]
        if not standby:
            raise UsageError("no standby server answers", hint=f"name the node: {', '.join(names)}")
        return str(max(standby, key=lambda row: row["priority"])["node"])
    if node not in names:
        raise UsageError(f"{node} is no server of the group", hint=f"there are {', '.join(names)}")
    if node == found["hot"]:
        raise UsageError(f"{node} is hot already")
    return node


def at_the_hot_one(found: dict[str, Any]) -> None:
    """A switch is ordered where the hot server is known by more than its name. Raises UsageError elsewhere."""
    row = next((row for row in found["servers"] if row["node"] == found["hot"]), None)
    if row is not None and row["pid"] is None:
        raise UsageError(f"the hot server is {row['node']}, and this computer has no link to it for orders",
                         hint=f"run this command on {row['node']}")


def nobody_decides(found: dict[str, Any]) -> bool:
    """The pair has no primary that answers, and no monitor that could make one."""
    witness = found["witness"]
    return witness is not None and witness["state"] != "up" and not any(row["database"] == "primary" for row in found["servers"])


def promote_database(data: Path | None, found: dict[str, Any], target: str, yes: bool) -> int:
    """On the computer of `target`: its database becomes writable; the server follows by itself or by the next `promote`."""
    from hisee.config import find_data
    from hisee.datadir import DataDir
    from hisee.pair.home import Home
    from hisee.pair.program import duty_of
    from hisee.pair.promotion import promote_here, standing

    directory = DataDir(find_data(data))
    duty = duty_of(directory, target, "node")
    if directory.read_run().get("server") != target or duty is None:
        raise UsageError(f"the database of {target} is promoted on its own computer", hint=f"run this command on {target}")
    home = Home(directory, duty)
    has = standing(home)
    click.echo(f"neither the primary of the database nor its monitor {found['witness']['address']} answers. {target} has everything up to "
               f"{has.position} of the log, last change {has.last or 'unknown'}; what was acknowledged later would be lost.")
    if not yes:
        click.confirm(f"Make the database of {target} writable? The former primary must be down or cut off", abort=True)
    promote_here(home, getuser(), {"node": target, "position": has.position, "last": has.last})
    click.echo(f"the database of {target} is writable; if its server does not become hot by itself: `hisee cluster promote {target}`")
    return 0


def confirm(found: dict[str, Any], target: str, yes: bool) -> None:
    """Nobody is hot: say what may be lost before an operator decides."""
    row = next(row for row in found["servers"] if row["node"] == target)
    lost = "nothing that was acknowledged is lost" if row["database"] == "primary" else \
        "what was acknowledged after the last change that this computer's database has may be lost"
    click.echo(f"no hot server answers; the database on {target} is {row['database'] or 'managed elsewhere'}: {lost}")
    if not yes:
        click.confirm(f"Make {target} hot? The other servers must be down or cut off", abort=True)


def order(data: Path | None, process: str, command: str, *, hot: bool = False) -> str:
    """One command to the server of this computer, or to the hot one wherever it is, and its answer; HiseeError with its reason."""
    from hisee.api import connect as connect_to

    with connect_to(data, group=hot) as system:
        answer = system.tell(process, command)
    if answer.result != "ok":
        raise HiseeError(f"{process} does not carry out {command}: {answer.text or answer.result}")
    return str(answer.text)


def await_hot(data: Path | None, target: str) -> float:
    """Seconds until `target` is hot; raises TimeOver."""
    return _await(data, lambda found: found["hot"] == target, f"{target} is not hot")


def await_calm(data: Path | None) -> float:
    """Seconds until another switch would work: the database has followed."""
    from hisee.pair import diagram

    return _await(data, lambda found: not diagram.faults(found), "the group is not calm again")


def _await(data: Path | None, condition: Any, what: str) -> float:
    begin = time.monotonic()
    while not condition(look(data)):
        if time.monotonic() - begin > SWITCH_S:
            raise TimeOver(f"{what} after {SWITCH_S:g} s", hint="`hisee cluster status` shows the group")
        time.sleep(POLL_S)
    return time.monotonic() - begin


def add_to(group: click.Group) -> click.Group:
    """The commands under another group of commands."""
    for command in (status, check, promote, drill, contract):
        group.add_command(command)
    return group
