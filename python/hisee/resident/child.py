"""One child process: its command line, its ready line, its end. Ended by its own handle, never by name."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hisee.errors import HiseeError
from hisee.model.objects import Process
from hisee.process import die_with_parent
from hisee.schema.timers import BY_NAME as TIMERS

READY_S = TIMERS["ready"].ms / 1000
STOP_S = TIMERS["stop"].ms / 1000


class StartFailed(HiseeError):
    """A process did not become ready."""


def command_line(process: Process, data: Path, server: str, ready_fd: int) -> list[str]:
    """How a configured process is started; `server` is the node that runs KNL."""
    words = [sys.executable, "-I", "-m", "hisee", process.command]
    if process.command != "server":
        words.append(f"/S{server}")
    words.append(f"/W{process.workstation}")
    words += [*process.args, "--data", str(data), "--node", process.node, "--ready-fd", str(ready_fd)]
    if process.web_port is not None:
        words += ["--web-port", str(process.web_port)]
    if process.consoles > 1:
        words += ["--consoles", str(process.consoles)]
    if process.port is not None:
        words += ["--port", str(process.port)]
    return words


@dataclass(slots=True)
class Child:
    """A running configured process."""

    process: Process
    popen: subprocess.Popen[bytes]
    ready: str  # what its ready line said, without the word ready
    started_s: float

    @property
    def name(self) -> str:
        return self.process.name

    def ended(self) -> int | None:
        return self.popen.poll()

    def ask_to_end(self) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)

    def end(self, deadline_s: float = STOP_S) -> int:
        """Ask, wait, then kill; returns the exit status."""
        self.ask_to_end()
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


def start_child(process: Process, data: Path, server: str, log: Path, overrides: dict[str, str]) -> Child:
    """Start and wait for the ready line; raises StartFailed with the last line the process said."""
    read_fd, write_fd = os.pipe()
    output = log / f"{process.name}.out"
    try:
        with open(output, "ab") as out:
            popen = subprocess.Popen(
                command_line(process, data, server, write_fd), stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=(write_fd,),
                env={**os.environ, **dict(process.env), **overrides}, preexec_fn=die_with_parent, start_new_session=True)
    finally:
        os.close(write_fd)
    try:
        line = _ready_line(read_fd, popen)
    finally:
        os.close(read_fd)
    if line is None:
        popen.kill()
        popen.wait()
        raise StartFailed(f"{process.name} did not start: {_last_line(output)}", hint=f"its log is in {log}")
    return Child(process, popen, line, time.monotonic())


def _ready_line(descriptor: int, popen: subprocess.Popen[bytes]) -> str | None:
    """The rest of the `ready` line; None when the process ended or the time is over."""
    data, deadline = b"", time.monotonic() + READY_S
    while b"\n" not in data:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        part = os.read(descriptor, 4096)
        if not part:
            return None
        data += part
    return data.decode().partition("\n")[0].removeprefix("ready ").strip()


def _last_line(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing and was not ready in time"
