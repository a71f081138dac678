"""The owner's side: one dllhost per library, started at the first call and again after it died; calls with a deadline."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hisee.errors import HiseeError
from hisee.external.wire import receive, send
from hisee.values import Invalid, Stamped

log = logging.getLogger("hisee.external")
START_S = 10.0
END_S = 0.2
CALL_S = 10.0
MOST_DEATHS, WINDOW_S = 5, 60.0  # so many within so long: the library is not started any more until the window has passed
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "LD_LIBRARY_PATH")  # of the environment; a library sees no secrets
STDERR = 2


class ExternalError(HiseeError):
    """The call gave no result; `fault` is crashed, late, refused, or called (the function or its arguments were not right)."""

    def __init__(self, fault: str, text: str, *, hint: str = "") -> None:
        super().__init__(text, hint=hint)
        self.fault = fault


class Garbled(Exception):
    """What came is no answer: the library has written into the way to its owner."""


@dataclass(slots=True)
class Figures:
    """Of one library since its owner began."""

    calls: int = 0
    failed: int = 0  # of the calls: those that gave no result
    starts: int = 0
    ended: str = ""  # how its last process ended by itself


class Library:
    """A library with its process. Any thread may call; one call runs at a time."""

    def __init__(self, path: str | Path, declaration: str = "") -> None:
        """`declaration`: a header with what is called, for calls that bring none."""
        self.path, self._declaration = Path(path), declaration
        self.figures = Figures()
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._known: dict[str, int] = {}  # headers that its process has -> their numbers there
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self._closing = False

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Of its process; None while there is none."""
        child = self._child
        return child.pid if child is not None else None

    @property
    def running(self) -> bool:
        child = self._child
        return child is not None and child.poll() is None

    def call(self, name: str, *arguments: Any, deadline_s: float = CALL_S, declaration: str | None = None) -> Any:
        """Result of a function. An invalid argument is the result, without a call. The deadline holds for the turn and for the call,
        each. Raises ExternalError."""
        plain = [value.value if isinstance(value, Stamped) else value for value in arguments]
        for value in plain:
            if value is None or isinstance(value, Invalid):
                return value if value is not None else Invalid(5, "REAL")
        if not self._turn.acquire(timeout=deadline_s):
            raise ExternalError("late", f"{name} of {self.path.name}: other calls took longer than {deadline_s:g} s")
        try:
            self.figures.calls += 1
            return self._called(name, plain, deadline_s, self._declaration if declaration is None else declaration)
        except ExternalError:
            self.figures.failed += 1
            raise
        finally:
            self._turn.release()

    def close(self) -> None:
        """End its process; idempotent. A later call starts another one."""
        self._closing = True
        child = self._child
        if child is not None:
            child.kill()  # a call that is under way ends by that
        with self._turn:
            self._end()
            self._closing = False

    def _called(self, name: str, arguments: list[Any], deadline_s: float, declaration: str) -> Any:
        try:
            done, result = self._carried_out(name, arguments, deadline_s, declaration)
        except ValueError as fault:
            raise ExternalError("called", f"{name} of {self.path.name}: {fault}") from fault
        if not done:
            raise ExternalError("called", f"{name} of {self.path.name}: {result}")
        return result

    def _carried_out(self, name: str, arguments: list[Any], deadline_s: float, declaration: str) -> list[Any]:
        sock = self._usable() or self._started()
        number = self._known.get(declaration)
        header: Any = declaration if number is None else Invalid(1, "TEXT")
        place = len(self._known) if number is None else number
        end_s = time.monotonic() + deadline_s
        try:
            send(sock, [place, header, name, *arguments], end_s)
            answer = answered(sock, end_s)
        except Garbled as fault:
            self._died(f"{name}: {fault}", 0)
            raise ExternalError("crashed", f"{name} of {self.path.name}: {fault}; its process was ended") from fault
        except TimeoutError:
            self._died(f"{name} did not end within {deadline_s:g} s", 0)
            text = f"{name} of {self.path.name} did not end in time ({deadline_s:g} s); its process was ended"
            raise ExternalError("late", text) from None
        except (EOFError, OSError) as fault:
            raise ExternalError("crashed", f"{name} of {self.path.name} crashed: {self._died(name)}") from fault
        if answer[0]:
            self._known[declaration] = place
        return answer

    def _usable(self) -> socket.socket | None:
        """The way to its process. One that ended between two calls is no fault of the next one."""
        if self._sock is not None and not self.running:
            self._died("it did nothing")
        return self._sock

    def _started(self) -> socket.socket:
        now_s = time.monotonic()
        if len(self._deaths) == self._deaths.maxlen and now_s - self._deaths[0] < WINDOW_S:
            text = f"{self.path.name} died {len(self._deaths)} times within {WINDOW_S:g} s, or could not be opened, and is not started now"
            raise ExternalError("refused", text, hint="it is tried again when the time is over")
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-m", "hisee.external.dllhost", "--fd", str(theirs.fileno())]
            self._child = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=STDERR, cwd="/",
                                           env={key: os.environ[key] for key in KEPT if key in os.environ})
        self._sock, self._known = ours, {}
        self.figures.starts += 1
        if self._closing:  # `close` may have looked before there was anything to kill
            self._end()
            raise ExternalError("refused", f"{self.path.name} is closed")
        self._open(ours)
        log.info("%s: dllhost %d started", self.path, self._child.pid)
        return ours

    def _open(self, sock: socket.socket) -> None:
        end_s = time.monotonic() + START_S
        try:
            send(sock, [str(self.path)], end_s)
            opened, *why = receive(sock, end_s)
        except (TimeoutError, EOFError, OSError) as fault:
            how = self._died("it was opened")
            raise ExternalError("crashed", f"{self.path.name} crashed while it was opened: {how}") from fault
        if not opened:
            self._deaths.append(time.monotonic())
            self._end()
            raise ExternalError("refused", f"{self.path} cannot be used: {why[0]}")

    def _died(self, when: str, patience_s: float = END_S) -> str:
        """Take the process away, remember its death, and say how it went."""
        child = self._child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience_s)  # the end of the socket may be seen before the end of the process
        how = ending(child.poll() if child is not None else None)
        if not self._closing:
            self._deaths.append(time.monotonic())
            self.figures.ended = how
            log.warning("%s: dllhost %d ended while %s: %s", self.path, child.pid if child is not None else 0, when, how)
        self._end()
        return how

    def _end(self) -> None:
        child, self._child = self._child, None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if child is not None:
            child.kill()
            child.wait()


def ending(status: int | None) -> str:
    """How a process ended, from what subprocess says of it."""
    if status is None:
        return "it did not answer"
    if status >= 0:
        return f"exit {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def answered(sock: socket.socket, deadline_s: float) -> list[Any]:
    """[done, result or text]. Raises Garbled, TimeoutError, EOFError, OSError."""
    try:
        answer = receive(sock, deadline_s)
    except ValueError as fault:
        raise Garbled(f"no answer: {fault}") from fault
    if len(answer) != 2 or not isinstance(answer[0], bool):
        raise Garbled("no answer")
    return answer
