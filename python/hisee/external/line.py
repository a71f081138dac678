"""The libraries of one process: for each a thread that carries out its calls one after the other, so that nobody else waits for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from hisee.external.library import ExternalError, Library

Work = Callable[[Library], None]
END_S = 5.0


class State(NamedTuple):
    """One library as others see it."""

    path: str
    pid: int  # of the process that holds it, or did last; 0 = none yet
    running: bool
    calls: int
    failed: int
    starts: int
    waiting: int
    ended: str


class Line:
    """One library: its calls in the order in which they came. The thread lives as long as the line does: its process ends with the
    thread that started it."""

    def __init__(self, path: str) -> None:
        self.library = Library(path)
        self._pid = 0
        self._closed = False
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=f"external-{self.library.path.name}", daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        self._work.put(work)

    def state(self) -> State:
        library, figures = self.library, self.library.figures
        self._pid = library.pid or self._pid
        return State(str(library.path), self._pid, library.running, figures.calls, figures.failed, figures.starts, self._work.qsize(),
                     figures.ended)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None and not self._closed:
            work(self.library)
        self.library.close()

    def close(self) -> None:
        """End its process and its thread; calls that wait are given up by whoever asked for them."""
        self._closed = True
        self._work.put(None)
        self.library.close()
        self._thread.join(END_S)


class External:
    """The libraries that a process may open, as app.toml lists them, each opened at its first call."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed)
        self._lines: dict[str, Line] = {}

    def put(self, path: str, work: Work) -> None:
        """`work` gets the library when its turn comes, in a thread of the library. Raises ExternalError: it is not listed."""
        if path not in self._allowed:
            known = ", ".join(sorted(self._allowed)) or "none"
            raise ExternalError("refused", f"library {path} is not among those that may be opened: {known}",
                                hint="list it under `libraries` in app.toml, section [scripts]")
        line = self._lines.get(path)
        if line is None:
            line = self._lines[path] = Line(path)
        line.put(work)

    def states(self) -> list[State]:
        """Of every library that was called, by path."""
        return [line.state() for _, line in sorted(self._lines.items())]

    def close(self) -> None:
        """End every process."""
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.close()
