"""History of what clients asked a system and what they were told, and the check of it (in the manner of Jepsen, linear time).

An operation begins, and ends with `ok` (acknowledged), `fail` (it certainly did not happen) or `info` (nobody knows: it may have
happened, and is counted neither as lost nor as kept). Times are nanoseconds of one clock that all recorders share. What is asked:

| asks | key, value | means |
|---|---|---|
| write | register, number that grows per register | one writer per register |
| read | register; value is what was read | the hot server's answer: never older than what was acknowledged before |
| view | register; value | a standby's answer: may be behind, never from nowhere |
| put, all | set, element; value of `all` is the list read at the end | |
| command | receiver, its number; `expires` | an order to the process: at most once, never late |
| effect | receiver, number of the command; `epoch` of the server that sent it | the receiver's own record, of one instant |
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

NEVER = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Operation:
    """One thing asked; `epoch` and `server` are those that acknowledged it (0, "" = not told)."""

    process: str
    asks: str
    key: str = ""
    value: Any = None
    begun: int = 0
    ended: int = NEVER
    outcome: str = "info"
    epoch: int = 0
    server: str = ""
    expires: int = NEVER

    def __str__(self) -> str:
        told = f" by {self.server or '?'} in epoch {self.epoch}" if self.epoch else ""
        until = "open" if self.ended == NEVER else f"{self.ended / 1e6:.3f}"
        return f"{self.process} {self.asks} {self.key} {self.value}: {self.outcome}{told} [{self.begun / 1e6:.3f} .. {until} ms]"


@dataclass(frozen=True)
class Anomaly:
    """Something that must not be: its name, the instant it showed, what it is, and the operations that prove it."""

    name: str
    at: int
    text: str
    proof: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        return "\n  ".join([f"{self.name}: {self.text}", *map(str, self.proof)])


class Recorder:
    """Takes operations of many threads; `path` keeps them as JSON lines, so that the record outlives its process."""

    def __init__(self, path: Path | None = None, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._ended: list[Operation] = []
        self._open: set[Operation] = set()
        self._file = None if path is None else path.open("a", encoding="utf-8")

    def begin(self, process: str, asks: str, key: str = "", value: Any = None, *, lasts_ns: int = 0) -> Operation:
        """Note it before it is sent; a command is late `lasts_ns` from now."""
        now = self._clock()
        made = Operation(process, asks, key, value, now, expires=now + lasts_ns if lasts_ns else NEVER)
        with self._lock:
            self._open.add(made)
        return made

    def end(self, begun: Operation, outcome: str, **told: Any) -> None:
        """`told`: value (of a read), epoch, server."""
        done = replace(begun, ended=self._clock(), outcome=outcome, **told)
        with self._lock:
            self._open.discard(begun)
            self._ended.append(done)
            if self._file:
                self._file.write(json.dumps(asdict(done)) + "\n")
                self._file.flush()

    def effect(self, receiver: str, number: Any, *, epoch: int = 0, server: str = "") -> None:
        """A receiver carries out a command now."""
        self.end(self.begin(receiver, "effect", receiver, number), "ok", epoch=epoch, server=server)

    def operations(self) -> list[Operation]:
        """All so far; open ones are unknown."""
        with self._lock:
            return [*self._ended, *self._open]

    def close(self) -> None:
        """What is open stays unknown."""
        if self._file:
            for one in self.operations()[len(self._ended):]:
                self._file.write(json.dumps(asdict(one)) + "\n")
            self._file.close()


def load(*paths: Path) -> list[Operation]:
    """The records of several processes together."""
    return [Operation(**json.loads(line)) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


# -- checks: each yields what it finds


def sweep(operations: Iterable[Operation]) -> Iterator[tuple[bool, Operation]]:
    """(False, op) at its beginning and (True, op) at its end, in the order of time; at one instant beginnings come first."""
    events = [(op.begun, False, op) for op in operations] + [(op.ended, True, op) for op in operations if op.ended != NEVER]
    for _, ends, op in sorted(events, key=lambda event: event[:2]):
        yield ends, op


def registers(operations: list[Operation]) -> Iterator[Anomaly]:
    """Acknowledged writes stay; reads never go back; nothing comes from nowhere."""
    used = [op for op in operations if op.asks in ("write", "read", "view")]
    asked: dict[tuple[str, Any], Operation] = {(op.key, op.value): op for op in used if op.asks == "write"}
    newest: dict[tuple[str, str], Operation] = {}  # (register, write or read) -> what a read that begins now must at least show
    least: dict[Operation, list[Operation]] = {}
    for ends, op in sweep(used):
        if not ends:
            least[op] = [newest[op.key, asks] for asks in ("write", "read") if (op.key, asks) in newest]
        elif op.outcome == "ok":
            if op.asks != "write" and op.value is not None:
                yield from from_nowhere(op, asked.get((op.key, op.value)))
            if op.asks == "read":
                yield from went_back(op, least[op], asked)
            known = newest.get((op.key, op.asks))
            if op.value is not None and (known is None or known.value < op.value):
                newest[op.key, op.asks] = op


def from_nowhere(read: Operation, write: Operation | None) -> Iterator[Anomaly]:
    if write is None:
        yield Anomaly("from nowhere", read.ended, f"{read.key} shows {read.value}, which nobody wrote", (read,))
    elif write.begun > read.ended:
        yield Anomaly("from nowhere", read.ended, f"{read.key} shows {read.value} before it was written", (write, read))
    elif write.outcome == "fail":
        yield Anomaly("from nowhere", read.ended, f"{read.key} shows {read.value}, whose write was refused", (write, read))


def went_back(read: Operation, least: list[Operation], asked: Mapping[tuple[str, Any], Operation]) -> Iterator[Anomaly]:
    """One anomaly at most: an acknowledged write that is gone says more than a read that saw it.

    A *dirty read* saw a write that was never acknowledged and is gone: a server that shows values before it acknowledges them does so
    when it dies.
    """
    for known in least:
        if read.value is None or read.value < known.value:
            name, how = ("lost write", "acknowledged") if known.asks == "write" else ("read went back", "read")
            write = asked.get((known.key, known.value))
            if known.asks == "read" and write is not None and write.outcome != "ok":
                name = "dirty read"
            yield Anomaly(name, read.ended, f"{read.key} shows {read.value} after {known.value} was {how}", (known, read))
            return


def sets(operations: list[Operation]) -> Iterator[Anomaly]:
    """Acknowledged elements are in the last list, once; a list holds only what was asked for."""
    puts = {(op.key, op.value): op for op in operations if op.asks == "put"}
    lists = {op.key: op for op in sorted(operations, key=lambda op: op.ended) if op.asks == "all" and op.outcome == "ok"}
    counts = {key: Counter(last.value) for key, last in lists.items()}
    for (key, value), put in puts.items():
        if key not in lists:
            yield Anomaly("never read", put.ended, f"the end state of set {key} was never read", (put,))
        elif put.outcome == "ok" and put.ended < lists[key].begun and value not in counts[key]:
            yield Anomaly("lost element", lists[key].ended, f"{value} was acknowledged and is not in set {key}", (put,))
    for key, last in lists.items():
        for value, count in counts[key].items():
            put_of = puts.get((key, value))
            if put_of is None or put_of.outcome == "fail" or put_of.begun > last.ended:
                yield Anomaly("from nowhere", last.ended, f"set {key} has {value}, which nobody put", (put_of,) if put_of else ())
            elif count > 1:
                yield Anomaly("twice", last.ended, f"set {key} has {value} {count} times", (put_of,))


def commands(operations: list[Operation]) -> Iterator[Anomaly]:
    """At most once, never after it expired, never one that was refused; an acknowledged one happened."""
    orders = {(op.key, op.value): op for op in operations if op.asks == "command"}
    effects: dict[tuple[str, Any], list[Operation]] = defaultdict(list)
    for op in sorted((op for op in operations if op.asks == "effect"), key=lambda op: op.begun):
        effects[op.key, op.value].append(op)
    for what, found in effects.items():
        order, first = orders.get(what), found[0]
        if order is None or order.begun > first.begun or order.outcome == "fail":
            yield Anomaly("from nowhere", first.begun, f"{what[0]} carried out {what[1]}, which nobody ordered",
                          (order, first) if order else (first,))
            continue
        if len(found) > 1:
            yield Anomaly("twice", found[1].begun, f"{what[0]} carried out {what[1]} {len(found)} times", (order, *found[:2]))
        if late := [one for one in found if one.begun > order.expires]:
            over = (late[0].begun - order.expires) / 1e6
            yield Anomaly("late", late[0].begun, f"{what[0]} carried out {what[1]} {over:.3f} ms after it expired", (order, late[0]))
    for what, order in orders.items():
        if order.outcome == "ok" and what not in effects:
            yield Anomaly("lost command", order.ended, f"{what[1]} was acknowledged and {what[0]} never carried it out", (order,))


def servers(operations: list[Operation]) -> Iterator[Anomaly]:
    """Never two that are hot: an epoch has one server, and nothing that begins after an acknowledgement has a lower epoch."""
    told = [op for op in operations if op.outcome == "ok" and op.epoch and op.asks not in ("view", "effect")]
    owner: dict[int, Operation] = {}
    highest: Operation | None = None
    least: dict[Operation, Operation | None] = {}
    for ends, op in sweep(told):
        if not ends:
            least[op] = highest
            continue
        first = owner.setdefault(op.epoch, op)
        if first.server != op.server:
            yield Anomaly("two in one epoch", op.ended, f"{first.server} and {op.server} acknowledge in epoch {op.epoch}", (first, op))
        before = least[op]
        if before is not None and before.epoch > op.epoch:
            yield Anomaly("two hot servers", op.ended,
                          f"{op.server} acknowledges in epoch {op.epoch} after {before.server} did in {before.epoch}", (before, op))
        if highest is None or op.epoch > highest.epoch:
            highest = op


def epochs(operations: list[Operation]) -> Iterator[Anomaly]:
    """For each client in the order of its answers, and each receiver in that of its effects, epochs never go down."""
    last: dict[tuple[str, str], Operation] = {}
    for op in sorted((op for op in operations if op.outcome == "ok" and op.epoch and op.asks != "view"), key=lambda op: op.ended):
        who = ("receiver", op.key) if op.asks == "effect" else ("client", op.process)
        before = last.setdefault(who, op)
        if before.epoch > op.epoch:
            yield Anomaly("epoch went back", op.ended, f"{' '.join(who)} follows epoch {op.epoch} after {before.epoch}", (before, op))
        else:
            last[who] = op


CHECKS = (registers, sets, commands, servers, epochs)


def anomalies(operations: Iterable[Operation]) -> list[Anomaly]:
    """Everything that is wrong, the first in time first."""
    known = list(operations)
    return sorted((found for check in CHECKS for found in check(known)), key=lambda found: found.at)


def check(operations: Iterable[Operation], allowed: Collection[str] = ()) -> dict[str, Any]:
    """Figures of a history; AssertionError with its first anomaly, or when nothing at all was acknowledged.

    Anomalies of an `allowed` name are counted in the figures instead: who allows one says why.
    """
    known = list(operations)
    every = anomalies(known)
    found = [one for one in every if one.name not in allowed]
    assert not found, f"{len(found)} anomalies: {dict(Counter(one.name for one in found))}; the first:\n{found[0]}"
    outcomes = Counter(op.outcome for op in known)
    assert outcomes["ok"], f"nothing was acknowledged: {dict(outcomes)}"
    let = Counter(one.name for one in every)
    figures = {name: outcomes[name] for name in ("ok", "fail", "info")} | {name: let[name] for name in allowed}
    return {**figures, "longest_gap_ms": round(longest_gap(known) / 1e6, 1)}


def longest_gap(operations: Iterable[Operation]) -> int:
    """The longest time without an acknowledged write, put or command, between the first and the last one."""
    ends = sorted(op.ended for op in operations if op.outcome == "ok" and op.asks in ("write", "put", "command"))
    return max((later - earlier for earlier, later in zip(ends, ends[1:], strict=False)), default=0)
