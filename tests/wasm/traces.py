"""What a script does, step by step, in the machine of this computer and in WebAssembly: it must be the same, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from esl import cases
from esl.host import Host, native
from esl.scripts import expectations, files
from esl.test_scripts import CONTEXTS
from hisee.esl import compile_source
from hisee.schema import functions
from oracle.compare import Refused, compiled, in_vm
from oracle.generate import program

from .machine import Guest, WasmScript

Step = tuple[Any, ...]
Work = Callable[..., Any]  # work(machine=..): something that both machines must give
MACHINES_OWN = {name.lower() for row in functions.ROWS for name in (row.name, *row.old_names)}  # the others are the host's


class Traced:
    """A script that writes down how every run ended: status, action, failure, results, line, chain, fuel."""

    def __init__(self, script: Any, steps: list[Step]) -> None:
        self._script, self._steps = script, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._script, name)

    def run(self, slice_: int) -> Any:
        s = self._script
        status = s.run(slice_)
        results = s.results() if status == 0 else b""
        self._steps.append((status, s.pending, s.failure, results, s.line, s.chain, s.fuel_used))
        return status


def both(guest: Guest, work: Work) -> tuple[int, str]:
    """Run it on each machine: number of steps, and what differs ("" when nothing does)."""
    here: list[Step] = []
    there: list[Step] = []
    ours = work(machine=lambda *given: Traced(native(*given), here))
    theirs = work(machine=lambda *given: Traced(WasmScript(guest, *given), there))
    for at, (a, b) in enumerate(zip(here, there, strict=False)):
        if a != b:
            return at, f"step {at}: {a} here, {b} in WebAssembly"
    if len(here) != len(there) or ours != theirs:
        return len(here), f"{len(here)} steps and {ours} here, {len(there)} and {theirs} in WebAssembly"
    return len(here), ""


def scripts() -> Iterator[tuple[str, Work]]:
    """The conformance scripts of the language and the samples."""
    for path in files("language") + files("samples"):
        text = path.read_text()
        wanted = expectations(text)
        done = compile_source(text, name="S.Test", context=CONTEXTS[wanted.kind](), part=wanted.part)
        yield path.name, partial(logged, done.unit)


def logged(unit: bytes, machine: Any) -> list[str]:
    host = Host(unit, machine=machine)
    host.init()
    return host.log


def library() -> Iterator[tuple[str, Work]]:
    """The cases of the functions that the machine itself has."""
    for path in cases.files():
        found = [case for case in cases.read(path) if case.compiles and case.function.lower() in MACHINES_OWN]
        if found:
            yield path.name, partial(answered, found)


def answered(found: list[cases.Case], machine: Any) -> list[str]:
    host = cases.start(found, machine=machine)
    return [cases.written(cases.run(host, at, case.type)) for at, case in enumerate(found)]


def programs(count: int, seed: int = 0) -> Iterator[tuple[str, Work]]:
    """Generated programs of the oracle, in the zone of Bratislava."""
    for number in range(seed, seed + count):
        try:
            unit = compiled(program(number))
        except Refused:
            continue
        yield f"seed {number}", partial(outcome, unit)


def outcome(unit: bytes, machine: Any) -> str:
    """Some run for ever: the host gives them up after so many slices, on both machines at the same place."""
    try:
        return repr(in_vm(unit, machine))
    except AssertionError as given_up:
        return str(given_up)
