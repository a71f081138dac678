"""Sessions of real processes: communication processes killed under load, a server that begins anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from campaigns import cuts
from support.byhand import end
from support.system import RunningSystem, kill, names, until

pytestmark = pytest.mark.boot


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with cuts.two_doors(tmp_path_factory.mktemp("cuts")) as started:
        yield started


@pytest.mark.req("R121", "R32")
def test_communication_processes_are_killed_under_load_and_nothing_is_lost(system: RunningSystem) -> None:
    print(cuts.run(system, kills=5, count=1000))


@pytest.fixture
def by_hand(system: RunningSystem) -> Iterator[str]:
    """A console that no supervisor of this computer ends with the server: it reaches a communication process over TCP."""
    with system.connect() as client:
        port = next(row["port"] for row in client.ps() if row["kind"] == "CP" and row["state"] == "Run")
    told, tells = os.pipe()
    child = subprocess.Popen([sys.executable, "-m", "hisee", "hip", f"/S127.0.0.1:{port}", "/WHAND", "--data", str(system.data),
                              "--web-port", "0", "--ready-fd", str(tells)], pass_fds=[tells], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    os.close(tells)
    try:
        with open(told) as ready:
            assert ready.readline().startswith("ready hip")
        yield "HAND"
    finally:
        end(child)


@pytest.mark.req("R121")
def test_a_server_that_begins_anew_refuses_and_the_picture_opens_again(system: RunningSystem, by_hand: str) -> None:
    with system.connect() as client:
        client.console(by_hand).open("S.Numbers").settle(20)
        before = names(client.ps(), "SEE")
        server = next(row["pid"] for row in client.ps() if row["kind"] == "KNL")
    kill(server)
    until(lambda: system.output().count("\nSRV1.KNL knl") == 2, "the server is started again", 60)
    with system.connect() as client:
        until(lambda: [name for name in names(client.ps(), "SEE") if name not in before], "the picture is open again", 60)
        assert f"{by_hand}.HIP" in names(client.ps(), "HIP")
