"""Two servers of one group on this computer: real processes with a data directory each, over one PostgreSQL engine database."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hisee
from hisee.datadir import DataDir
from hisee.errors import HiseeError
from support.builds import Build
from support.postgres import PostgresServer, free_port
from support.system import RunningSystem, until

NODES = ("SRV1", "SRV2")
TAKE_OVER_S = 60.0
GROUP = """

[limits]
restarts = 100  # tests kill servers often

[engine]
url = "{url}"

[group]
name = "plant"
witness = "127.0.0.1:1"
database = "elsewhere"
multicast = {multicast}

[group.servers.SRV1]
priority = {priorities[0]}
hosts = ["127.0.0.1"]

[group.servers.SRV2]
priority = {priorities[1]}
hosts = ["127.0.0.1"]

[ports]
cp = [{ports[0]}, {ports[1]}]  # numbers are those of the whole group: who starts first has CP001 and the first port

[nodes.SRV1]
processes = [{{kind = "server"}}, {{kind = "cp"}}, {{kind = "event", name = "REMOTE1", args = ["--SES_REMOTE"]}}{more}]

[nodes.SRV2]
processes = [{{kind = "server"}}, {{kind = "cp"}}, {{kind = "event", name = "REMOTE2", args = ["--SES_REMOTE"]}}{more}]
"""


def two_ports() -> tuple[int, int]:
    """Free ones that differ."""
    one = two = free_port()
    while two == one:
        two = free_port()
    return one, two


def application(source: Path, folder: Path, url: str, priorities: tuple[int, int] = (3, 2), *, multicast: bool = False,
                more: str = "") -> Path:
    """A copy of an application's objects with the nodes and the group of a pair; `more` processes on each of them."""
    app = folder / "app"
    shutil.copytree(source, app)
    head = GROUP.format(url=url, priorities=priorities, ports=two_ports(), multicast=str(multicast).lower(), more=more and f", {more}")
    (app / "app.toml").write_text('name = "pair"\n' + head)
    return app


class Pair:
    """`hisee up APP --node N` for each server. A node that is down is None."""

    def __init__(self, app: Path, folder: Path) -> None:
        self.app, self.folder = app, folder
        self.up: dict[str, RunningSystem] = {}
        self._secret()

    def _secret(self) -> None:
        """`hisee cluster join` hands it over; here it is copied."""
        for node in NODES:
            self.data(node).mkdir(parents=True)
        DataDir(self.data(NODES[0])).secret(create=True)
        shutil.copy(self.data(NODES[0]) / "secret", self.data(NODES[1]) / "secret")

    def data(self, node: str) -> Path:
        return self.folder / node / "data"

    def boot(self, node: str, build: Build | None = None) -> RunningSystem:
        """`build`: another release than this one."""
        self.up[node] = RunningSystem(self.app, self.data(node), "--node", node, build=build)
        return self.up[node]

    def replace(self, node: str, build: Build | None) -> None:
        """Another release on the computer of a standby server: ended in order, started again, until it stands by."""
        self.halt(node)
        self.boot(node, build)
        self.await_sub(node, "standby")

    def halt(self, node: str) -> None:
        """In order."""
        self.up.pop(node).end()

    def server_pid(self, node: str) -> int:
        run = DataDir(self.data(node)).read_run()
        return int(run["processes"][f"{node}.KNL"]["pid"])

    def client(self, node: str) -> hisee.System:
        return hisee.connect(self.data(node))

    def state(self, node: str) -> dict[str, Any]:
        """What the server of this node says of itself; {} while it does not answer."""
        with contextlib.suppress(HiseeError, OSError), self.client(node) as client:
            return next((row["server"] or {} for row in client.ps() if row["name"] == f"{node}.KNL" and row["number"] == 1), {})
        return {}

    def sub(self, node: str) -> str:
        return str(self.state(node).get("sub", ""))

    def await_sub(self, node: str, sub: str, seconds: float = TAKE_OVER_S) -> float:
        """Seconds until it stood there."""
        began = time.monotonic()
        until(lambda: self.sub(node) == sub, f"{node} is {sub}: it is {self.state(node)}", seconds)
        return time.monotonic() - began

    def end(self) -> None:
        """Both at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.halt, list(self.up)))


@contextlib.contextmanager
def pair(server: PostgresServer, source: Path, folder: Path, database: str, *, priorities: tuple[int, int] = (3, 2),
         multicast: bool = False, more: str = "") -> Iterator[Pair]:
    """Both data directories made, nothing started."""
    made = Pair(application(source, folder, server.database(database), priorities, multicast=multicast, more=more), folder)
    try:
        yield made
    finally:
        made.end()


def both(made: Pair, first: str = "SRV1") -> Pair:
    """Start both, `first` first: it is hot, the other stands by."""
    other = next(node for node in NODES if node != first)
    made.boot(first)
    made.await_sub(first, "hot")
    made.boot(other)
    made.await_sub(other, "standby")
    return made

