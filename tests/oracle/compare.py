"""The same script in the VM and in the oracle: do they do the same?

Compared are every action with its operands, in order, how the run ends (error and line), and what the procedure `Dump` logs
afterwards, if there is one. Where the oracle allows several reasons of an invalid value (V2), any of them is fine; a script that
asks for the reason makes the oracle try the possible answers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from esl import host
from esl.directory import ENTRIES, SOURCES, plain
from esl.host import Endless, Host, native
from esl.outside import LocalWorld
from hisee._core.values import Invalid, Stamped, Time
from hisee._core.values import Ref as VmRef
from hisee._core.vm import Status
from hisee.esl import compile_source

from .values import Value
from .walk import Script, TooLong, Walker
from .world import Ref, World

MOST_CHOICES = 200
KINDS = {"BOOL": "B", "INT": "I", "REAL": "R", "TIME": "M", "TEXT": "T"}
Action = tuple[str, list[Any]]
ENDLESS = (-1, 0)


@dataclass
class Outcome:
    """What a run did. `end`: None, ENDLESS, or error and line where it began."""

    actions: list[Action] = field(default_factory=list)
    end: tuple[int, int] | None = None
    dump: list[Action] = field(default_factory=list)


class Machine(Host):
    """The host of the script tests, with the checks of LOG that the oracle's world makes."""

    def do_set(self, target: VmRef, value: Any, time: Any, weak: bool, flags: int = 0) -> list[Any]:
        """A request to an object that does not exist changes nothing. The oracle knows no user flags: the programs set none."""
        if not flags:
            del self.sent[-1][1][4:]
        return super().do_set(target, value, time, weak, flags) if any(e.hbj == target.object for e in ENTRIES) else []

    def do_log(self, flags: int, label: Any, priority: Any, value: Any) -> list[Any] | None:
        return self._checked(priority)

    def do_logex(self, flags: int, text: Any, priority: Any) -> list[Any] | None:
        return self._checked(priority)

    def _checked(self, priority: Any) -> list[Any] | None:
        if isinstance(priority, Invalid) or not 0 <= priority <= 5:
            self.script.fail(2 if isinstance(priority, Invalid) else 4)
            return None
        return []


class Refused(Exception):
    """The compiler has an error; the script is no test."""


class Different(AssertionError):
    """VM and oracle do not agree."""


def compiled(text: str, without: frozenset[str] = frozenset()) -> bytes:
    """The unit, made without some of the optimisations (hisee.esl.optimisations)."""
    done = compile_source(text, name="S.Oracle", context=plain(), without=without)
    if not done.ok:
        raise Refused("; ".join(f"{d.code} line {d.line}: {d.message}" for d in done.diagnostics if d.severity == "error"))
    return done.unit


@contextmanager
def unfused() -> Iterator[None]:
    """Scripts of this stretch run without the loader's own instructions."""
    loaded = host.Unit
    host.Unit = partial(loaded, fused=False)
    try:
        yield
    finally:
        host.Unit = loaded


def in_vm(unit: bytes, machine: Callable[..., Any] = native) -> Outcome:
    """What the script does; one without an end has the end `ENDLESS`: another reason that an invalid value may have can lead there."""
    host = Machine(unit, world=LocalWorld(), machine=machine)
    try:
        status = host.init()
    except Endless:
        return Outcome(host.sent, ENDLESS)
    outcome = Outcome(host.sent, None)
    if status != Status.DONE:
        failure = host.script.failure
        outcome.end = (failure.number, failure.line)
        assert status == Status.FAILED, failure
    names = [p.name for p in host.script.unit.procedures]
    if "Dump" in names:
        host.sent = []
        host.script.start(names.index("Dump"))
        assert host.run() == Status.DONE, host.script.failure
        outcome.dump = host.sent
    return outcome


def first_told(value: Any, actions: list[tuple[str, list[Any]]]) -> int:
    """Number of the first action that has this very value, else of the next one: what is settled about it shows there."""
    return next((at for at, (_, operands) in enumerate(actions) if any(operand is value for operand in operands)), len(actions))


def in_oracle(script: Script, choices: Choices | None = None) -> Outcome:
    world = World(ENTRIES)
    choices = choices or Choices()
    choices.place = lambda: first_told(walker.settled, [*outcome.actions, *outcome.dump])
    walker = Walker(script, world, choose=choices, texts=lambda name: SOURCES[name][1])
    outcome = Outcome(world.trace)
    walker.run()
    outcome.end = walker.failure
    if "dump" in walker.procedures:
        world.trace = outcome.dump
        walker.call("Dump")
    return outcome


class Choices:
    """Goes through the answers to the questions "which reason?". An answer given after the first difference cannot mend it, so the
    last one before it is changed: most questions are decided by the next action."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int, int]] = []  # answer, how many there are, number of the next action
        self.asked = 0
        self.place: Callable[[], int] = int

    def __call__(self, reasons: frozenset[int]) -> int:
        if self.asked == len(self.taken):
            self.taken.append((0, len(reasons), self.place()))
        answer = self.taken[self.asked][0]
        self.asked += 1
        return sorted(reasons)[min(answer, len(reasons) - 1)]

    def advance(self, differs: int) -> bool:
        """To the next row of answers, after a difference in this action; False behind the last."""
        self.asked = 0
        while self.taken:
            answer, count, place = self.taken.pop()
            if place <= differs and answer + 1 < count:
                self.taken.append((answer + 1, count, place))
                return True
        return False


def check(text: str, unit: bytes | None = None) -> bool:
    """Different when they differ; False when the script is too long to compare; Refused when it does not compile."""
    unit = compiled(text) if unit is None else unit
    script = Script(text)
    try:
        found = first_difference(script, unit)
    except TooLong:
        return False
    if found:
        raise Different(found)
    return True


def first_difference(script: Script, unit: bytes) -> str:
    """Empty when one of the outcomes that the oracle allows is the VM's, else the difference of the one that went furthest."""
    furthest, choices, seen = (-1, ""), Choices(), None
    for _ in range(MOST_CHOICES):
        outcome = in_oracle(script, choices)
        seen = seen or in_vm(unit)
        found = difference(seen, outcome)
        if not found:
            return ""
        place = agreed(seen, outcome)
        furthest = max(furthest, (place, found))
        if not choices.advance(place):
            break
    return furthest[1]


def agreed(vm: Outcome, oracle: Outcome) -> int:
    """How many actions agree from the beginning."""
    pairs = zip([*vm.actions, *vm.dump], [*oracle.actions, *oracle.dump], strict=False)
    count = 0
    for a, b in pairs:
        if a[0] != b[0] or len(a[1]) != len(b[1]) or not all(map(fits, a[1], b[1])):
            break
        count += 1
    return count


def difference(vm: Outcome, oracle: Outcome) -> str:
    """One line on the first difference, or "" when they agree."""
    for where, left, right in (("action", vm.actions, oracle.actions), ("dump", vm.dump, oracle.dump)):
        for at, (a, b) in enumerate(zip(left, right, strict=False)):
            if a[0] != b[0] or len(a[1]) != len(b[1]) or not all(map(fits, a[1], b[1])):
                return f"{where} {at}: VM {a[0]} {a[1]}, oracle {b[0]} {b[1]}"
        if len(left) != len(right):
            return f"{where}s: VM {len(left)}, oracle {len(right)}; first more {[*left, *right][min(len(left), len(right)):][:1]}"
    return "" if vm.end == oracle.end else f"end: VM {vm.end}, oracle {oracle.end}"


def fits(vm: Any, oracle: Any) -> bool:
    """Is this value of the VM one that the oracle allows?"""
    vm = vm.value if isinstance(vm, Stamped) else vm
    if isinstance(oracle, Ref):
        return isinstance(vm, VmRef) and (vm.object, vm.row, vm.column) == (oracle.object, oracle.row, oracle.column)
    assert isinstance(oracle, Value)
    if isinstance(vm, Invalid):
        return vm.reason in oracle.reasons
    if not oracle.valid:
        return False
    kind = {bool: "B", int: "I", float: "R", Time: "M", str: "T"}[type(vm)]
    if kind == "R" == oracle.kind:
        return struct.pack("d", vm) == struct.pack("d", oracle.data)
    return kind == oracle.kind and vm == oracle.data
