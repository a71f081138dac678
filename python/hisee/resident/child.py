"""One child process: its command line, its ready line, its end. Held and ended by its own handle, never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from hisee.model.objects import Process
from hisee.process import die_with_parent
from hisee.resident.spec import PAIR

OUTPUT_BYTES = 1 << 20  # what a process said outside its log is kept up to this size over its starts
SILENT = "it said nothing and was not ready in time"
NAMES_A_SERVER = ("/S", "/s", "/R", "/r", "--server", "--group")  # how such a start parameter begins


def command_line(process: Process, data: Path, way: str, ready_fd: int, more: tuple[str, ...] = ()) -> list[str]:
    """How a configured process is started; `way` is the parameter that names its server. Numbered kinds get no name: they find theirs."""
    if process.command == PAIR:
        return [sys.executable, "-I", "-m", "hisee.pair.program", str(data), process.node, *process.args, str(ready_fd)]
    words = [sys.executable, "-I", "-m", "hisee", process.command]
    if process.command != "server" and not _names_a_server(process):
        words.append(way)
    if not process.numbered:
        words.append(f"/W{process.workstation}")
    words += [*process.args, *more, "--data", str(data), "--node", process.node, "--ready-fd", str(ready_fd)]
    if process.web_port is not None:
        words += ["--web-port", str(process.web_port)]
    if process.consoles > 1:
        words += ["--consoles", str(process.consoles)]
    if process.port is not None:
        words += ["--port", str(process.port)]
    if process.programs:
        words += ["--programs", process.programs]
    return words


def _names_a_server(process: Process) -> bool:
    """A console whose configuration says where its server is."""
    return process.command == "hip" and any(word.startswith(NAMES_A_SERVER) for word in process.args)


class Running:
    """A child that was started. `pidfd` becomes readable when it is gone, `ready_fd` when it says something."""

    def __init__(self, process: Process, data: Path, way: str, log: Path, more: tuple[str, ...] = ()) -> None:
        self.name = process.name
        self._output = log / f"{process.name}.out"
        self._said = b""
        read_fd, write_fd = os.pipe()
        try:
            self.popen = self._spawn(command_line(process, data, way, write_fd, more), dict(process.env), write_fd)
        except OSError:
            os.close(read_fd)
            raise
        finally:
            os.close(write_fd)
        os.set_blocking(read_fd, False)
        self.ready_fd = read_fd
        self.pidfd = os.pidfd_open(self.popen.pid)

    def _spawn(self, words: list[str], env: dict[str, str], ready_fd: int) -> subprocess.Popen[bytes]:
        mode = "wb" if self._output.exists() and self._output.stat().st_size > OUTPUT_BYTES else "ab"
        with open(self._output, mode) as out:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=(ready_fd,),
                                    env={**os.environ, **env}, preexec_fn=die_with_parent, start_new_session=True)

    def ready(self) -> str | None:
        """The rest of its `ready` line, once; None before it and after it."""
        if self.ready_fd < 0:
            return None
        try:
            part = os.read(self.ready_fd, 4096)
        except BlockingIOError:
            return None
        self._said += part
        if b"\n" not in self._said and part:
            return None
        self._close_ready()
        return self._said.decode(errors="replace").partition("\n")[0].removeprefix("ready ").strip() if b"\n" in self._said else None

    def last_words(self) -> str:
        """What it said last outside its log; for the message about a start that failed."""
        lines = [line for line in self._output.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else SILENT

    def ask_to_end(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """By the handle: a number that the system gave to another process meanwhile is never hit."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        self._close_ready()
        os.close(self.pidfd)

    def _close_ready(self) -> None:
        if self.ready_fd >= 0:
            os.close(self.ready_fd)
            self.ready_fd = -1
