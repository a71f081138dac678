"""The machine in WebAssembly does what the machine of this computer does: same actions, same payloads, same errors, same fuel."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from esl.directory import plain
from esl.host import Host
from hisee._core.vm import Status, Unit, UnitRejected
from hisee.esl import compile_source
from wasm.build import build, missing
from wasm.machine import Guest, WasmScript
from wasm.traces import both, library, programs, scripts

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
PROGRAMS = 40
LIMITS = {"fuel_per_event": 5000}


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    with Guest(build(tmp_path_factory.mktemp("wasm"), "-O1")) as one:
        yield one


@pytest.mark.slow
def test_conformance_scripts_leave_the_same_traces(guest: Guest) -> None:
    different = {name: told for name, work in chain(scripts(), library(), programs(PROGRAMS)) if (told := both(guest, work)[1])}
    assert not different


def test_a_damaged_unit_is_refused(guest: Guest) -> None:
    unit = compile_source("BEGIN\nEND\n", name="S.Test", context=plain()).unit
    answer, told = guest.ask("U", unit[:-1])
    with pytest.raises(UnitRejected, match=told.decode()):
        Unit(unit[:-1])
    assert answer == "x" and told


def test_the_limits_hold(guest: Guest) -> None:
    unit = compile_source("BEGIN\n  DO_LOOP\n  END_LOOP\nEND\n", name="S.Test", context=plain()).unit
    host = Host(unit, machine=lambda code, cells, variables, _, world: WasmScript(guest, code, cells, variables, LIMITS, world))
    assert host.init() == Status.KILLED
    assert host.script.failure.limit == "fuel_per_event"
