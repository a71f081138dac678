"""The supervisor as a service, cold starts, and two signals: on real processes of a system as small as one can be."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns import supervision
from hisee.cli.systemd import quoted
from hisee.config import socket_directory
from hisee.engine import open_engine
from hisee.engine.coordinator import TaskRequest
from support.command import environment, hisee
from support.system import until

pytestmark = pytest.mark.boot
APP = """\
name = "small"
port = 0
[nodes.SRV1]
processes = [{kind = "server"}]
[nodes.FAR]
host = "192.0.2.7"
processes = [{kind = "cp"}]
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.toml").write_text(APP)
    return folder


def start(app: Path, *words: str, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "hisee", *words, str(app), "--data", str(app / "d")], env=environment(**more),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.req("R37")
def test_a_service_says_ready_to_its_manager_and_commands_find_it_from_another_environment(app, tmp_path):
    runtime = tmp_path / "r"
    runtime.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(60)
        with start(app, "rrs", NOTIFY_SOCKET=str(tmp_path / "n"), XDG_RUNTIME_DIR=str(runtime)) as child:
            try:
                assert manager.recv(100) == b"READY=1"
                listed = hisee("ps", data=app / "d", XDG_RUNTIME_DIR=str(tmp_path))
                assert "SRV1.RRS" in listed.stdout and "SRV1.KNL" in listed.stdout, listed.stderr
                assert "FAR" not in listed.stdout, "processes of another computer are not started here"
                assert hisee("stop", data=app / "d").returncode == 0
                assert manager.recv(100) == b"STOPPING=1"
                out, err = child.communicate(timeout=40)
            finally:
                child.kill()
    assert (child.returncode, out, err) == (0, b"", b"")
    assert "ready" in (app / "d" / "log" / "SRV1.RRS.00.log").read_text()
    shutil.rmtree(socket_directory((app / "d").resolve(), {"XDG_RUNTIME_DIR": str(runtime)}), ignore_errors=True)


def test_the_second_signal_kills_what_does_not_end(app):
    with start(app, "up") as child:
        try:
            assert child.stdout is not None
            while (line := child.stdout.readline()) and line != b"ready\n":
                pass
            knl = next(int(p) for p in os.listdir("/proc") if p.isdigit() and is_child(int(p), child.pid))
            os.kill(knl, signal.SIGSTOP)
            child.send_signal(signal.SIGINT)
            log = app / "d" / "log" / "SRV1.RRS.00.log"
            until(lambda: "SRV1.KNL is asked to end" in log.read_text(), "the end begins", 20)
            child.send_signal(signal.SIGINT)
            assert child.wait(20) == 0
            assert not Path(f"/proc/{knl}").exists() and "did not end in time" not in log.read_text()
        finally:
            child.kill()


def is_child(pid: int, parent: int) -> bool:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == parent
    except OSError:
        return False


def test_a_cold_start_asks_first_and_needs_a_work_process(app):
    words = ["up", str(app), "--cold", "--data", str(app / "d")]
    asked = subprocess.run([sys.executable, "-m", "hisee", *words], env=environment(), input="n\n", capture_output=True, text=True,
                           timeout=60, check=False)
    assert asked.returncode == 130 and "deletes" in asked.stdout and not (app / "d" / "run.json").exists()
    refused = hisee("up", str(app), "--cold", "--yes", data=app / "d")
    assert refused.returncode == 2 and "no work process" in refused.stderr


@pytest.mark.req("R114")
def test_a_cold_start_says_on_its_output_what_it_deleted(app):
    (app / "app.toml").write_text('name = "small"\nport = 0\n[nodes.SRV1]\nprocesses = [{kind = "server"}, {kind = "wp"}]\n')
    (app / "d").mkdir()
    engine = open_engine("", app / "d")
    engine.put([TaskRequest(func="engine.echo")] * 3 + [TaskRequest(func="engine.release", queue="R")])
    engine.close()
    with start(app, "up", "--cold", "--yes") as child:
        try:
            assert child.stdout is not None
            said = list(iter(child.stdout.readline, b"ready\n"))
        finally:
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=40)
    counts = {"primary": 0, "O": 0, "R": 1, "general": 3, "dialog": 0, "java": 0, "event": 0}
    lines = [line.decode().strip() for line in said if line.startswith(b"cold start")]
    assert sorted(lines) == sorted(f"cold start: deleted {count} waiting requests of queue {name}" for name, count in counts.items())
    for log in ("WP001", "SRV1.RRS"):
        text = (app / "d" / "log" / f"{log}.00.log").read_text()
        assert all(f"{line}\n" in text for line in lines), text


def test_rrs_without_an_application_is_a_usage_error(tmp_path):
    done = hisee("rrs", data=tmp_path / "d")
    assert done.returncode == 2 and "--app APP" in done.stderr


@pytest.mark.req("R130")
def test_the_unit_is_one_that_systemd_reads(app, tmp_path):
    odd = tmp_path / "odd folder 100%"
    shutil.copytree(app, odd)
    unit = hisee("systemd", str(odd), "--user", "root").stdout
    assert "Type=notify" in unit and "KillMode=mixed" in unit and "Restart=on-failure" in unit and "100%%" in unit
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    (tmp_path / "hisee-small.service").write_text(unit)
    checked = subprocess.run(["systemd-analyze", "verify", str(tmp_path / "hisee-small.service")], capture_output=True, text=True,
                             timeout=60, check=False)
    assert [line for line in checked.stderr.splitlines() if "hisee-small" in line] == []


def test_words_of_a_unit_are_quoted():
    assert quoted("/a/b") == "/a/b" and quoted("a b") == '"a b"' and quoted('50% of $x "y"') == '"50%% of $$x \\"y\\""'


@pytest.mark.req("R7", "R130")
def test_a_slice_of_the_campaign_of_kills(tmp_path):
    assert supervision.run(tmp_path, rounds=2)["rounds"] == 2
