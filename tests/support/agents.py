"""Agents as real processes for tests: an allow-list, a state folder, and a start by the command line."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
from pathlib import Path

import hisee
from support.system import until

# `job NAME SECONDS LEDGER EXIT` writes its name into the ledger when it begins: started twice = two lines.
JOB = """
echo "$1" >>"$3"
echo progress 0.5 half way
sleep "$2"
echo done "$1"
exit "$4"
"""
ALLOWED = """
[programs.job]
argv = ["/bin/sh", "{script}"]

[programs.fixed]
argv = ["/bin/echo", "always the same"]
args = "none"
"""


APP = """
name = "agents"
[ports]
cp = {cp}
wp = {wp}
[nodes.SRV1]
processes = [{{kind = "server"}}, {{kind = "cp", count = {cps}}}, {{kind = "wp", count = {wps}}}]
[limits]
restarts = 1000
"""


def make_app(folder: Path, *, cps: int = 2, wps: int = 3) -> Path:
    """An application of communication and work processes with ports of their own: a client finds a restarted one where it was."""
    ports = free_ports(cps + wps + 1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.toml").write_text(APP.format(cp=ports[:cps], wp=ports[cps:], cps=cps, wps=wps))
    return folder


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now, below those that the system gives to connections."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
    return sorted(found)


class AgentProcess:
    """`hisee agent` as a child. Stopped with `end`; its programs run on."""

    def __init__(self, name: str, folder: Path, data: Path, server: str = "") -> None:
        self.name, self.state = name, folder / name
        self._folder, self._data, self._server = folder, data, server
        self.state.mkdir(parents=True, exist_ok=True)
        self.child = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        words = [f"/S{self._server}"] if self._server else []
        return subprocess.Popen(
            [sys.executable, "-m", "hisee", "agent", *words, f"/W{self.name}", "--programs", str(allow_list(self._folder)),
             "--data", str(self._data), "--state", str(self.state)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def log(self) -> str:
        path = self.state / f"{self.name}.00.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill_and_start_again(self) -> None:
        self.child.kill()
        self.child.wait()
        self.child = self._start()

    def end(self) -> None:
        self.child.terminate()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def allow_list(folder: Path) -> Path:
    """The allow-list of these tests, made once."""
    path, script = folder / "programs.toml", folder / "job.sh"
    if not path.exists():
        script.write_text(JOB)
        path.write_text(ALLOWED.format(script=script))
    return path


def connected(client: hisee.System, *names: str) -> bool:
    """Do all these agents run?"""
    running = {row["name"] for row in client.ps() if row["kind"] == "AGENT" and row["state"] == "Run"}
    return running >= set(names)


def await_agents(client: hisee.System, *names: str, seconds: float = 60) -> None:
    until(lambda: connected(client, *names), f"agents {', '.join(names)} are connected", seconds)
