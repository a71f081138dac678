"""Load on a system that goes on whatever happens to it: writers of numbered values and readers, each operation in a history.

One writer per register, so that its numbers grow. A client whose system is gone tries its addresses again, one after the other.
What was not acknowledged is unknown: also a refusal, because a value that could not be kept may have been seen meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count, cycle
from typing import Any

import hisee
from hisee.errors import HiseeError
from support.history import Recorder

Way = Callable[[], hisee.System]
PAUSE_S = 0.05  # between two attempts to connect
END_S = 60.0


class Client(threading.Thread):
    """Repeats `work(system)` until it is told to stop, `pause_s` between two; connects again after each trouble."""

    def __init__(self, name: str, ways: Sequence[Way], work: Callable[[hisee.System], None], stop: threading.Event, pause_s: float) -> None:
        super().__init__(name=name, daemon=True)
        self._ways, self._work, self._halt, self._pause_s = cycle(ways), work, stop, pause_s
        self.trouble: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._halt.is_set():
                with contextlib.suppress(HiseeError, OSError), next(self._ways)() as system:
                    while not self._halt.is_set():
                        self._work(system)
                        self._halt.wait(self._pause_s)
                self._halt.wait(PAUSE_S)
        except BaseException as error:
            self.trouble = error


class Load:
    """`registers` are INT objects with the initial value 0, a writer each; `ways` connect."""

    def __init__(self, ways: Sequence[Way], registers: Sequence[str], recorder: Recorder, *, readers: int = 2,
                 pause_s: float = 0.0) -> None:
        self.acknowledged: Counter[str] = Counter()  # by client
        self._registers, self._recorder = registers, recorder
        self._under_way: set[str] = set()
        self._stop = threading.Event()
        works = {f"writer {name}": self._writer(name) for name in registers} | {f"reader {n}": self._reader(n) for n in range(readers)}
        self._clients = [Client(name, ways, work, self._stop, pause_s) for name, work in works.items()]

    @property
    def under_way(self) -> int:
        """Operations without an answer at this instant."""
        return len(self._under_way)

    @property
    def clients(self) -> list[str]:
        return [client.name for client in self._clients]

    def _writer(self, name: str) -> Callable[[hisee.System], None]:
        numbers = count(1)

        def write(system: hisee.System) -> None:
            number = next(numbers)
            self._do(system, "write", name, number, lambda: system.set(name, number))

        return write

    def _reader(self, first: int) -> Callable[[hisee.System], None]:
        names = cycle([*self._registers[first % len(self._registers):], *self._registers[:first % len(self._registers)]])

        def read(system: hisee.System) -> None:
            name = next(names)
            self._do(system, "read", name, None, lambda: {"value": system.get(name) or None, **viewed(system)})

        return read

    def _do(self, system: hisee.System, asks: str, name: str, value: Any, ask: Callable[[], dict[str, Any] | None]) -> None:
        client = threading.current_thread().name
        begun, outcome, told = self._recorder.begin(client, asks, name, value), "info", {}
        self._under_way.add(client)
        try:
            told = {**(ask() or {}), **told_by(system)}
            outcome = "ok"
            self.acknowledged[client] += 1
        finally:
            self._under_way.discard(client)
            self._recorder.end(begun, outcome, **told)

    def __enter__(self) -> Load:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for client in self._clients:
            client.join(END_S)
        for client in self._clients:
            assert not client.is_alive(), f"{client.name} hangs"
            assert client.trouble is None, f"{client.name}: {client.trouble!r}"


def told_by(system: hisee.System) -> dict[str, Any]:
    """Epoch and server of an answer; what a standby server hands on is answered by the hot one."""
    state = system.server
    return {"epoch": state.epoch, "server": state.node if state.hot_itself else state.hot} if state else {}


def viewed(system: hisee.System) -> dict[str, Any]:
    """An answer of a server that does not call itself hot is a view: it may be behind."""
    return {"asks": "view"} if system.server is not None and not system.server.hot_itself else {}


def read_all(system: hisee.System, registers: Sequence[str], recorder: Recorder) -> Iterator[int]:
    """The end state, into the history too."""
    for name in registers:
        begun = recorder.begin("end", "read", name)
        value = system.get(name)
        recorder.end(begun, "ok", value=value or None)
        yield value
