"""A server killed under load and started again by its supervisor: a checked history of what its clients were told."""

from __future__ import annotations

from pathlib import Path

import pytest

import hisee
from hisee.errors import HiseeError
from support.history import Recorder, check, load
from support.plant_load import Load, read_all
from support.system import RunningSystem, kill, running, until

pytestmark = [pytest.mark.boot, pytest.mark.slow]
REGISTERS = ["U.R1", "U.R2", "U.R3"]
APP = 'name = "loaded"\nport = 0\n[nodes.SRV1]\nprocesses = [{kind = "server"}]\n'
KILLS = 2


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.toml").write_text(APP)
    (folder / "objects.toml").write_text("".join(f'["{name}"]\ntype = "user_variable"\nvalue_type = "INT"\ninitial = 0\n'
                                                 for name in REGISTERS))
    return folder


def server_pid(system: RunningSystem) -> int:
    """0 while it is down."""
    try:
        with system.connect() as client:
            return next((row["pid"] for row in client.ps() if row["kind"] == "KNL" and row["state"] == "Run"), 0)
    except (HiseeError, OSError):
        return 0


def all_go_on(work: Load) -> None:
    """Each client is answered again."""
    before = work.acknowledged.copy()
    until(lambda: all(work.acknowledged[name] > before[name] for name in work.clients), "every client is answered", 60)


@pytest.mark.req("R143")
def test_what_clients_were_told_holds_over_kills_of_the_server(app, tmp_path):
    record = tmp_path / "history"
    recorder = Recorder(record)
    with running(app, tmp_path / "data") as system:
        with Load([system.connect], REGISTERS, recorder) as work:
            for _ in range(KILLS):
                all_go_on(work)
                pid = server_pid(system)
                until(lambda: work.under_way, "an operation is under way")
                kill(pid)
                until(lambda pid=pid: server_pid(system) not in (0, pid), "the server is started again", 60)
            all_go_on(work)
        with hisee.connect(system.data) as client:
            assert all(read_all(client, REGISTERS, recorder))
    recorder.close()
    # The server shows a value before it is on disk and acknowledged; one that it showed only may be gone after its death.
    figures = check(load(record), allowed=["dirty read"])
    print(figures)
    assert figures["info"] >= KILLS, "the kills met nothing that was under way"
