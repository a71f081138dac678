"""The owner's side: one dllhost per library, started at the first call and again after it died; calls with a deadline."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hisee.errors import HiseeError
from hisee.external.wire import receive, send
from hisee.values import Invalid, Stamped

START_S = 10.0
CALL_S = 10.0
MOST_DEATHS, WINDOW_S = 5, 60.0  # so many within so long: the library is not started any more until the window has passed


class ExternalError(HiseeError):
    """The call gave no result; `fault` is crashed, late, refused, or called (the function or its arguments were not right)."""

    def __init__(self, fault: str, text: str, *, hint: str = "") -> None:
        super().__init__(text, hint=hint)
        self.fault = fault


class Library:
    """A library with its process. Any thread may call; one call runs at a time."""

    def __init__(self, path: str | Path, declaration: str) -> None:
        """`declaration`: C declarations of what is called, as in a header."""
        self.path, self._declaration = Path(path), declaration
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Of its process; None while there is none."""
        return self._child.pid if self._child is not None else None

    def call(self, name: str, *arguments: Any, deadline_s: float = CALL_S) -> Any:
        """Result of a function. An invalid argument is the result, without a call. Raises ExternalError."""
        plain = [value.value if isinstance(value, Stamped) else value for value in arguments]
        for value in plain:
            if value is None or isinstance(value, Invalid):
                return value if value is not None else Invalid(5, "REAL")
        end_s = time.monotonic() + deadline_s
        if not self._turn.acquire(timeout=deadline_s):
            raise ExternalError("late", f"{name} of {self.path.name}: other calls took longer than {deadline_s:g} s")
        try:
            done, result = self._carried_out(name, plain, end_s)
        finally:
            self._turn.release()
        if not done:
            raise ExternalError("called", f"{name} of {self.path.name}: {result}")
        return result

    def close(self) -> None:
        """End its process; idempotent. A later call starts another one."""
        with self._turn:
            self._end()

    def _carried_out(self, name: str, arguments: list[Any], end_s: float) -> list[Any]:
        sock = self._sock or self._started()
        try:
            send(sock, [name, *arguments])
            return receive(sock, end_s)
        except TimeoutError:
            self._died()
            raise ExternalError("late", f"{name} of {self.path.name} did not end in time; its process was ended") from None
        except (EOFError, OSError) as fault:
            how = self._died()
            raise ExternalError("crashed", f"{name} of {self.path.name} crashed: {how}") from fault

    def _started(self) -> socket.socket:
        now_s = time.monotonic()
        if len(self._deaths) == MOST_DEATHS and now_s - self._deaths[0] < WINDOW_S:
            raise ExternalError("refused", f"{self.path.name} died {MOST_DEATHS} times within {WINDOW_S:g} s and is not started now",
                                hint="it is tried again when the time is over")
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-m", "hisee.external.dllhost", "--fd", str(theirs.fileno())]
            self._child = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._sock = ours
        self._open(ours)
        return ours

    def _open(self, sock: socket.socket) -> None:
        try:
            send(sock, [str(self.path), self._declaration])
            opened, *why = receive(sock, time.monotonic() + START_S)
        except (TimeoutError, EOFError, OSError) as fault:
            how = self._died()
            raise ExternalError("crashed", f"{self.path.name} crashed while it was opened: {how}") from fault
        if not opened:
            self._end()
            raise ExternalError("refused", f"{self.path} cannot be used: {why[0]}")

    def _died(self) -> str:
        """Take the process away, remember its death, and say how it went."""
        self._deaths.append(time.monotonic())
        child = self._child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.2)  # the end of the socket may be seen before the end of the process
        status = child.poll() if child is not None else None
        self._end()
        if status is None:
            return "it did not answer"
        return signal.Signals(-status).name if status < 0 else f"exit {status}"

    def _end(self) -> None:
        child, self._child = self._child, None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if child is not None:
            child.kill()
            child.wait()


class External:
    """External functions by name, as their objects say: library and declaration. Only libraries of the list are opened."""

    def __init__(self, functions: Mapping[str, tuple[str, str]], allowed: Iterable[str]) -> None:
        """`functions`: name -> (library, declaration); `allowed`: paths of libraries, as app.toml lists them."""
        self._functions = dict(functions)
        self._allowed = {str(Path(path)) for path in allowed}
        self._libraries: dict[str, Library] = {}

    def call(self, name: str, *arguments: Any, deadline_s: float = CALL_S) -> Any:
        """The function named in the declaration of `name`. Raises ExternalError."""
        if name not in self._functions:
            raise ExternalError("refused", f"there is no external function {name}")
        path, declaration = self._functions[name]
        if path not in self._allowed:
            known = ", ".join(sorted(self._allowed)) or "none"
            raise ExternalError("refused", f"{name}: library {path} is not among those that may be opened: {known}")
        return self._library(path).call(declared(declaration), *arguments, deadline_s=deadline_s)

    def _library(self, path: str) -> Library:
        if path not in self._libraries:
            texts = [declaration for library, declaration in self._functions.values() if library == path]
            self._libraries[path] = Library(path, "\n".join(texts))
        return self._libraries[path]

    def close(self) -> None:
        for library in self._libraries.values():
            library.close()


def declared(declaration: str) -> str:
    """Name of the function in `double enthalpy(double p, double t);`."""
    return declaration.partition("(")[0].split()[-1].lstrip("*")
