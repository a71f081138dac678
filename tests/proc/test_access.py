"""Access ranges of a real system, over real TCP from several addresses of this computer."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from hisee.channel import Channel, LogonRefused, dial_tcp
from hisee.channel.payloads import Hello
from hisee.datadir import DataDir
from hisee.seams import Seams
from support.system import RunningSystem, running, until

pytestmark = pytest.mark.boot
APP = """
name = "doors"
[nodes.SRV1]
processes = [{kind = "server"}, {kind = "cp"}]
[access]
networks = [{accept = ["127.0.0.0/8"], deny = ["127.0.0.5-127.0.0.9"], kinds = ["AGENT", "HIP"]}]
"""


class From:
    """The network as a computer of another address uses it."""

    def __init__(self, address: str) -> None:
        self._address = address

    def connect_tcp(self, host: str, port: int, timeout_s: float) -> socket.socket:
        return socket.create_connection((host, port), timeout_s, source_address=(self._address, 0))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    folder = tmp_path_factory.mktemp("access")
    (folder / "app").mkdir()
    (folder / "app" / "app.toml").write_text(APP)
    with running(folder / "app", folder / "data") as started:
        yield started


def dial(system: RunningSystem, address: str, kind: str, name: str) -> Channel:
    data = DataDir(system.data)
    door = next(process["tcp"] for process in data.read_run()["processes"].values() if "tcp" in process)
    hello = Hello(kind=kind, name=name, node="FAR")
    return dial_tcp("127.0.0.1", int(door.rpartition(":")[2]), hello, data.secret(), seams=Seams(net=From(address)))


@pytest.mark.req("R84")
def test_ranges_and_kinds_decide_over_tcp_and_nowhere_else(system: RunningSystem) -> None:
    with closing(dial(system, "127.0.0.4", "AGENT", "AG1")), system.connect() as local:
        assert "AG1" in [row["name"] for row in local.ps()], "kind TEL over the Unix socket is no business of [access]"
    for address, kind, said in (("127.0.0.5", "AGENT", "127.0.0.5-127.0.0.9 is denied by networks[0]"),
                                ("127.0.0.4", "EVH", "admits AGENT, HIP")):
        with pytest.raises(LogonRefused, match=f"{kind} at {address}") as refused:
            dial(system, address, kind, "AG2")
        assert refused.value.refusal == "ACCESS" and said in refused.value.text
    assert "127.0.0.5 may not log on" in system.log("SRV1.KNL")
    until(lambda: audited(system) == [("AGENT", "127.0.0.5"), ("EVH", "127.0.0.4")], "both are in the audit", 10)


def audited(system: RunningSystem) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(system.data / "engine.db")) as database:
        rows = [json.loads(row[0]) for row in database.execute("SELECT detail FROM engine_audit WHERE what = 'logon refused' ORDER BY id")]
    return [(row["kind"], row["address"].rpartition(":")[0]) for row in rows]
