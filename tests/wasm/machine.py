"""A script whose machine runs in WebAssembly, with the interface of `hisee._core.vm.Script`; guest.c is the other end.

The host is the same as ever: actions and their answers cross, and before each run what has changed in the objects, as to any replica.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hisee._core.cells import CellTable
from hisee._core.values import encode
from hisee._core.vm import Failure, Pending, Status, Unit, UnitRejected, limit
from hisee.esl.context import FROM_HIP_NUMBER
from hisee.schema.errors import BY_NUMBER as ERRORS
from hisee.zones import tzif

from .build import RUNNER

LIMITS = ("call_depth", "gosub_depth", "record_rows", "see_memory_bytes", "fuel_per_event", "containers", "container_items", "text_chars")
OBJECTS = (*range(1, 1000), FROM_HIP_NUMBER)  # numbers that objects and variables of the tests have
NO_SITE = 0xFFFF
Words = tuple[int, ...]


class Guest:
    """A node process with the machine; one script at a time."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(["node", "--no-warnings", str(RUNNER), str(program)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)

    def ask(self, what: str, body: bytes = b"", world: Any = None) -> tuple[str, bytes]:
        """Say something and get the answer; questions about `world` are answered on the way."""
        self._send(what, body)
        while True:
            answer, told = self._receive()
            if answer not in "ntrz":
                return answer, told
            self._send("a", zone_of(told.decode(), world) if answer == "z" else worded(answer, world))

    def _send(self, what: str, body: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(struct.pack("<IB", len(body), ord(what)) + body)

    def _receive(self) -> tuple[str, bytes]:
        length, what = struct.unpack("<IB", self._read(5))
        return chr(what), self._read(length)

    def _read(self, count: int) -> bytes:
        assert self.process.stdout
        found = b""
        while len(found) < count:
            more = self.process.stdout.read(count - len(found))
            assert more, f"the machine ended with status {self.process.wait(10)}"
            found += more
        return found


def worded(question: str, world: Any) -> bytes:
    if question == "n":
        return struct.pack("<q", world.now_ms())
    return struct.pack("<d", world.tick_ms()) if question == "t" else struct.pack("<Q", world.random() & 0xFFFFFFFFFFFFFFFF)


def zone_of(name: str, world: Any) -> bytes:
    """Its TZif bytes; none when the world has no such zone."""
    find = getattr(world, "find_zone", None)
    return tzif(name) or b"" if find and find(name) is not None else b""


class WasmScript:
    """What a host needs of a Script."""

    def __init__(self, guest: Guest, unit: bytes, cells: CellTable, variables: CellTable, limits: Mapping[str, int] | None,
                 world: Any) -> None:
        self.guest, self.unit, self.world = guest, Unit(unit), world
        self.tables = {"C": cells, "V": variables}
        self.sent = {"C": b"", "V": b""}
        self._done("U", unit)
        zone = getattr(world, "zone", None)
        self._done("Z", zone.name.encode() + b"\0" + (tzif(zone.name) or b"") if zone else b"UTC\0")
        self._done("N", struct.pack("<8q", *(limit(limits, name) for name in LIMITS)))
        self.status, self.words, self.rest = Status.DONE, (0,) * 5, b""
        self.chain: tuple[tuple[str, int], ...] = ()

    def _done(self, what: str, body: bytes) -> None:
        answer, told = self.guest.ask(what, body)
        if answer == "x":
            raise UnitRejected(0, told.decode())
        if answer == "m":
            raise MemoryError("the globals do not fit")

    def _asked(self, what: str, body: bytes = b"") -> None:
        """Keep the state that every step ends with."""
        _, told = self.guest.ask(what, body, self.world)
        self.words, told = words(told, 5)
        (depth,), told = words(told, 1)
        frames, self.rest = words(told, 2 * depth)
        self.status = Status(self.words[0])
        self.chain = tuple((self.unit.procedures[p].name, line) for p, line in zip(frames[::2], frames[1::2], strict=True))

    def _follow(self) -> None:
        for what, table in self.tables.items():
            now = table.snapshot([number for number in OBJECTS if table.has(number)])
            if now != self.sent[what]:
                self._done(what, now)
                self.sent[what] = now

    def start_init(self) -> None:
        self._asked("I")

    def start(self, procedure: int, arguments: bytes = b"") -> None:
        self._asked("S", struct.pack("<q", procedure) + arguments)

    def run(self, slice_: int) -> Status:
        self._follow()
        self._asked("G", struct.pack("<q", slice_))
        return self.status

    def complete(self, payload: bytes = b"", extended: int = 0) -> None:
        self._asked("K", struct.pack("<q", extended) + payload)

    def fail(self, error: int, extended: int = 0, text: str = "") -> None:
        self._asked("F", struct.pack("<2q", error, extended) + text.encode() + b"\0")

    @property
    def pending(self) -> Pending | None:
        if self.status != Status.ACTION:
            return None
        (number, site, line, waits), payload = words(self.rest, 4)
        return Pending(number, -1 if site == NO_SITE else site, line, bool(waits), payload)

    @property
    def failure(self) -> Failure | None:
        if self.status not in (Status.FAILED, Status.KILLED):
            return None
        (number, extended, line, procedure), told = words(self.rest, 4)
        text, bound = (part.decode() for part in told.split(b"\0")[:2])
        name = ERRORS[number].name if number in ERRORS else str(number)
        return Failure(number, name, line, self.unit.procedures[procedure].name, text, bound, extended)

    def results(self) -> bytes:
        return (self.rest or encode([])) if self.status == Status.DONE else b""

    @property
    def line(self) -> int:
        return self.words[2]

    @property
    def fuel_used(self) -> int:
        return self.words[3]

    @property
    def memory_used(self) -> int:
        return self.words[4]


def words(told: bytes, count: int) -> tuple[Words, bytes]:
    """The first numbers of a message, and what follows them."""
    return struct.unpack_from(f"<{count}q", told), told[8 * count:]
