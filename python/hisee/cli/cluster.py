"""Commands for a system of several computers: init, invite, join, renew. Argument parsing and printing only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from hisee.cli.cluster_state import add_to
from hisee.cli.system import DATA
from hisee.cluster.handing import CODE_S, JOIN_PORT

NODE = click.option("--node", required=True, help="Name of this computer in app.toml.")
LISTEN = click.option("--listen", default="0.0.0.0", show_default=True, help="Address to wait at for the computer that joins.")
PORT = click.option("--port", default=JOIN_PORT, show_default=True,
                    type=click.IntRange(0, 65_535), help="Port to wait at; 0 = any free one.")
WAIT = click.option("--minutes", default=CODE_S / 60, show_default=True, type=click.FloatRange(0, CODE_S / 60, min_open=True),
                    help="How long the code is worth something.")


@click.group()
def cluster() -> None:
    """Several computers, one system: certificates, joining."""


def directory(data: Path | None, app: Path | None = None) -> Any:
    from hisee.config import find_data
    from hisee.datadir import DataDir

    return DataDir(find_data(data, app=app))


def wait_for_one(computer: Any, listen: str, port: int, minutes: float) -> int:
    """Let one computer join, in the foreground; Ctrl-C ends the code."""
    from hisee.cluster.handing import invite

    asyncio.run(invite(computer, click.echo, host=listen, port=port, within_s=minutes * 60))
    return 0


@cluster.command()
@click.argument("app", type=click.Path(path_type=Path, exists=True, file_okay=False))
@NODE
@DATA
@click.option("--no-invite", is_flag=True, help="Do not wait for another computer; `hisee cluster invite` does it later.")
@LISTEN
@PORT
@WAIT
def init(app: Path, node: str, data: Path | None, no_invite: bool, listen: str, port: int, minutes: float) -> int:
    """On the first server: make certification authority, certificate and secret; then let one computer join.

    Done again it keeps what is there.
    """
    from hisee.cluster.computer import read_plan
    from hisee.cluster.founding import found
    from hisee.cluster.setup import set_up_computer

    computer = found(read_plan(app), node, directory(data, app), app, click.echo)
    set_up_computer(computer, click.echo)
    return 0 if no_invite else wait_for_one(computer, listen, port, minutes)


@cluster.command()
@DATA
@LISTEN
@PORT
@WAIT
def invite(data: Path | None, listen: str, port: int, minutes: float) -> int:
    """On the first server: print a one-time code and let one computer join with it."""
    from hisee.cluster.computer import recall

    return wait_for_one(recall(directory(data)), listen, port, minutes)


@cluster.command()
@click.argument("address", metavar="HOST[:PORT]")
@click.argument("code")
@NODE
@DATA
@click.option("--app", type=click.Path(path_type=Path), help="Bring the application's files into this new folder too.")
def join(address: str, code: str, node: str, data: Path | None, app: Path | None) -> int:
    """On a further computer: fetch certificate and secret with the code that `init` or `invite` printed. Done again it renews them."""
    from hisee.cluster import joining
    from hisee.cluster.code import Code
    from hisee.cluster.setup import set_up_computer

    wish = joining.Wish(node=node, data=directory(data, app), app=app.resolve() if app is not None else None)
    computer = asyncio.run(joining.join(*joining.address(address, JOIN_PORT), Code.parse(code), wish))
    click.echo(f"{node} belongs to {computer.plan.system} now: {computer.role}, certificates in {wish.data.path}/tls")
    set_up_computer(computer, click.echo)
    return 0


@cluster.command()
@DATA
def renew(data: Path | None) -> int:
    """On the first server: a new certificate for this computer, valid for a year. Others use `hisee cluster join` again."""
    from hisee.cluster.ca import renew as renew_own
    from hisee.tls import FOLDER

    found = directory(data)
    click.echo(f"{renew_own(found.path / FOLDER, found.seams.clock)} has a new certificate; processes take it within an hour")
    return 0


add_to(cluster)
