"""One started program of an agent: its shell, its output, its end. It lives in a session of its own and may outlive the agent.

A small shell stands between the agent and the program. It waits for the program and writes the exit code into a file, so that
an agent that was started anew still learns how a program ended that is no child of it. Output goes into a file for the same
reason. The process of the shell is named by pid and birth and watched by a pidfd.

An agent may die right after it made the shell. So the shell first writes its pid, then looks whether the file `go` is still there,
and only then runs the program; a later agent first removes `go`, then looks for the pid. Whichever way they meet, both know the
same: without a pid the program never runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hisee.engine import proof

# The trap keeps the shell alive when its whole session is asked to end; being a handler, the program does not inherit it.
SHELL = """trap : TERM INT HUP
folder=$1
shift
if echo $$ >"$folder/pid.part" && mv "$folder/pid.part" "$folder/pid" && [ -e "$folder/go" ]; then
    "$@"
    code=$?
else
    code=never
fi
printf %s "$code" >"$folder/exit.part" && mv "$folder/exit.part" "$folder/exit"
"""
PROGRESS = re.compile(rb"progress +([0-9.]{1,12})(?: +([^\n]*))?\Z")
LINE_BYTES = 4_096  # of a line that may be a progress note
STEP_BYTES = 1 << 20


class Run:
    """A running program, or one that has ended and was not looked at yet. The caller closes it."""

    def __init__(self, folder: Path, pid: int, birth: int, pidfd: int, limit_bytes: int,
                 child: subprocess.Popen[bytes] | None = None) -> None:
        self.folder, self.pid, self.birth, self.pidfd = folder, pid, birth, pidfd
        self._limit_bytes, self._child = limit_bytes, child
        self._seen = 0  # bytes of the output file that were searched for progress
        self._line = b""

    # -- start and attach

    @classmethod
    def start(cls, folder: Path, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], limit_bytes: int) -> Run:
        """Start `argv` (its program as an absolute path) in a new folder. Raises OSError."""
        folder.mkdir(parents=True)  # of this one start: nothing of an earlier one may be mistaken for its
        (folder / "go").touch()
        with open(folder / "out", "ab") as out:  # appending: the file may be emptied under the program
            child = subprocess.Popen(["/bin/sh", "-c", SHELL, "hisee-job", str(folder), *argv], stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=out, cwd=cwd, env={**os.environ, **env}, start_new_session=True)
        return cls(folder, child.pid, proof.birth(child.pid), os.pidfd_open(child.pid), limit_bytes, child)

    @classmethod
    def attach(cls, folder: Path, pid: int, birth: int, limit_bytes: int) -> Run | None:
        """The run of an earlier life of the agent; None = its shell has ended."""
        pidfd = proof.open_pidfd(pid, birth) if pid else None
        return None if pidfd is None else cls(folder, pid, birth, pidfd, limit_bytes)

    @classmethod
    def find(cls, folder: Path, limit_bytes: int) -> Run | None:
        """The run that an agent started and could not note any more; None = its shell has ended, or will never run anything."""
        (folder / "go").unlink(missing_ok=True)
        pid = _number(folder / "pid")
        if not pid or os.fsencode(folder) not in _command_line(pid):
            return None
        return cls.attach(folder, pid, proof.birth(pid), limit_bytes)

    # -- while it runs

    def notes(self) -> list[tuple[float, str]]:
        """Progress lines (`progress 0.4 text`) since the last call; keeps the output file within bounds."""
        data = self._line + self._new_output()
        *lines, self._line = data.split(b"\n")
        self._line = self._line[:LINE_BYTES]
        self._bound()
        found = [PROGRESS.match(line.rstrip(b"\r")) for line in lines]
        return [(_share(match[1]), (match[2] or b"").decode(errors="replace")) for match in found if match]

    def _new_output(self) -> bytes:
        with open(self.folder / "out", "rb") as file:
            file.seek(self._seen)
            data = file.read(STEP_BYTES)
        self._seen += len(data)
        return data

    def _bound(self) -> None:
        """Over the limit the beginning is set aside and the rest counted: a talkative program fills no disk."""
        if self._seen <= self._limit_bytes:
            return
        if not (self.folder / "head").exists():
            with open(self.folder / "out", "rb") as file:
                (self.folder / "head").write_bytes(file.read(self._limit_bytes))
        (self.folder / "dropped").write_text(str(_number(self.folder / "dropped") + self._seen))
        os.truncate(self.folder / "out", 0)
        self._seen = 0

    def signal(self, number: int) -> None:
        """To the shell and everything in its session. The living shell, seen by its pidfd, guards against a reused number."""
        if not self.ended():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def stop(self) -> None:
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    # -- the end

    def ended(self) -> bool:
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Idempotent. Collects a child that has ended."""
        pidfd, self.pidfd = self.pidfd, -1
        if pidfd >= 0:
            os.close(pidfd)
        if self._child is not None:
            self._child.poll()


def exit_code(folder: Path) -> int | None:
    """What the shell wrote: the program's exit code, 128 + number for a signal as shells count; None = it was killed before."""
    try:
        return int((folder / "exit").read_text())
    except (OSError, ValueError):
        return None


def ran(folder: Path) -> bool:
    """False = it is certain that the program was not run: the shell found its order withdrawn, or will find it so."""
    try:
        return (folder / "exit").read_text() != "never"
    except OSError:
        return (folder / "pid").exists() or not folder.exists()


def output(folder: Path, limit_bytes: int) -> str:
    """The first `limit_bytes` of what the program wrote, and how much more there was."""
    head = folder / "head"
    source = head if head.exists() else folder / "out"
    try:
        with open(source, "rb") as file:
            data = file.read(limit_bytes)
        more = (_number(folder / "dropped") + os.path.getsize(folder / "out") if head.exists() else os.path.getsize(source)) - len(data)
    except OSError:
        return ""
    text = data.decode(errors="replace")
    return f"{text}\n[{more} bytes more]" if more > 0 else text


def forget(folder: Path) -> None:
    """Remove what is left of a run."""
    shutil.rmtree(folder, ignore_errors=True)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _share(text: bytes) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
