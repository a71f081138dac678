"""Programs of the operating system, listed ones only, never through a shell; reports and sounds, which this system
does not make from scripts."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hisee.script.functions.registry import NO_DATA, function

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

log = logging.getLogger("hisee.script.programs")
FAILED, TIMED_OUT = -1, -2
LONGEST_ARGS = 32_768  # characters
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "HOME")  # of the environment; the rest stays here


class Output:
    """Standard output of the last program that was waited for."""

    text: str | None = None


class Stoppers(list[Callable[[], None]]):
    """What ends a waiting call when the instance ends."""


def arguments(own: Functions, exe: str, args: str) -> list[str]:
    """Command line; OSError when the program is not listed or the arguments cannot be read."""
    if exe not in own.site.rules.programs or not os.path.isabs(exe):
        raise PermissionError(f"{exe} is not listed under `programs` in app.toml, section [scripts]")
    if len(args) > LONGEST_ARGS or "\0" in args:
        raise OSError("arguments that are too long or hold a zero")
    try:
        return [exe, *shlex.split(args)]
    except ValueError as error:
        raise OSError(f"arguments: {error}") from error


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ}


def started(own: Functions, exe: str, args: str, output: Any) -> subprocess.Popen[bytes]:
    """In a process group of its own, so that it ends with all its children."""
    running = own.site.programs
    for number in [n for n, p in list(running.items()) if p.poll() is not None]:
        running.pop(number, None)
    if len(running) >= own.site.limit("programs"):
        raise OSError(f"{len(running)} programs run, the limit `programs`")
    program = subprocess.Popen(arguments(own, exe, args), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
                               env=environment(), start_new_session=True, cwd=own.site.rules.files or "/")
    running[program.pid] = program
    return program


def end(program: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)


@function("%RunProgram")
def run_program(own: Functions, exe: str, args: str, wait: bool, seconds: float) -> int:
    try:
        return _waited(own, exe, args, seconds) if wait else started(own, exe, args, subprocess.DEVNULL).pid
    except OSError as error:
        log.warning("%s: %%RunProgram: %s", own.owner.object, error)
        return FAILED


def _waited(own: Functions, exe: str, args: str, seconds: float) -> int:
    """Its output goes into a file, so that a program that writes without end fills no memory."""
    last, stoppers = own.keep(Output), own.keep(Stoppers)
    last.text = None
    with tempfile.TemporaryFile() as output:
        program = started(own, exe, args, output)
        stoppers.append(stop := lambda: end(program))
        if own.closed:  # it ended while the program started
            end(program)
        try:
            code = program.wait(min(max(float(seconds), 0.0), own.site.limit("program_s")))
        except subprocess.TimeoutExpired:
            code = TIMED_OUT
        finally:
            end(program)
            program.wait()
            stoppers.remove(stop)
            own.site.programs.pop(program.pid, None)
        output.seek(0)
        last.text = output.read(own.site.limit("text_chars") * 4).decode("utf-8", "replace")
    return code


@function("%RunOutput")
def run_output(own: Functions) -> Any:
    text = own.keep(Output).text
    return NO_DATA if text is None else text


@function("%ProgramRunning")
def program_running(own: Functions, number: int) -> bool:
    program = own.site.programs.get(number)
    return program is not None and program.poll() is None


@function("%ProgramStop")
def program_stop(own: Functions, number: int) -> bool:
    program = own.site.programs.get(number)
    if program is None or program.poll() is not None:
        return False
    end(program)
    return True


@function("%ReportExport")
def report_export(own: Functions, report: int, file: str, kind: str, parameters: str) -> bool:
    """No reports exist that a script could name."""
    return False


@function("%ReportPrint")
def report_print(own: Functions, report: int, printer: str, parameters: str) -> bool:
    """No reports exist that a script could name."""
    return False


@function("%HI_PlaySound")
def play_sound(own: Functions, name: str, loop: bool) -> None:
    """Consoles have no sound."""


@function("%HI_StopSound")
def stop_sound(own: Functions) -> None:
    """Consoles have no sound."""


@function("%HI_Beep")
def beep(own: Functions, kind: int) -> None:
    """Consoles have no sound."""
