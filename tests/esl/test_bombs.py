"""Every bomb is refused with an error that says why, ends by a limit that has a name, or is done."""

from __future__ import annotations

import pytest

from hisee._core.cells import CellTable
from hisee._core.vm import Script, Status, Unit
from hisee.esl import compile_source

from .bombs import COMPILED, RUNNING, Bomb, bombs
from .directory import plain
from .host import World

LIMITS = {"fuel_per_event": 300_000, "see_memory_bytes": 16 << 20}
MOST_ACTIONS = 2_000
BOMBS = list(bombs())
FAMILIES = sorted({b.name.rsplit(" ", 1)[0] if b.name.rsplit(" ", 1)[-1].isdigit() else b.name for b in BOMBS})


def test_there_are_many() -> None:
    assert len(BOMBS) >= 200 and len(COMPILED) + len(RUNNING) >= 80


def outcome(bomb: Bomb) -> str:
    """How it ended. An end without a name raises."""
    done = compile_source(bomb.text, name="S.Bomb", context=plain())
    errors = [d for d in done.diagnostics if d.severity == "error"]
    if not done.ok:
        assert errors and all(d.code and d.message and d.line for d in errors)
        return errors[0].code
    cells = CellTable()
    cells.define(101, "INT")
    script = Script(Unit(done.unit), cells, None, LIMITS, World())
    script.start_init()
    for _ in range(MOST_ACTIONS):
        status = script.run(1_000)
        if status == Status.ACTION:
            script.complete(b"")
        elif status != Status.SLICE:
            return ended(script, status)
    script.kill("it asks for ever")
    return "a host's patience"


def ended(script: Script, status: Status) -> str:
    if status == Status.DONE:
        return "done"
    failure = script.failure
    assert failure.name.startswith("_ERR_") and failure.text and failure.line
    if status == Status.KILLED:
        assert failure.limit, failure
        return str(failure.limit)
    return str(failure.name)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("family", FAMILIES)
def test_it_ends(family: str) -> None:
    for bomb in (b for b in BOMBS if b.name == family or b.name.rsplit(" ", 1)[0] == family):
        assert outcome(bomb)


@pytest.mark.parametrize(("name", "end"), [
    ("endless loop", "fuel_per_event"), ("endless GOTO", "fuel_per_event"), ("recursion", "_ERR_STACK"),
    ("text doubling", "fuel_per_event"),
    ("rows, caught", "fuel_per_event"), ("rows at once", "_ERR_RANGE_ERROR"),
    ("parameters 3000", "ESL3016"), ("repeat", "done"), ("brackets 3000", "ESL1008"),
    ("variables 3000", "done"), ("long number 190", "ESL0007"), ("long name 190", "ESL0006"), ("syntax errors 3000", "ESL1001"),
])
# rules: fuel-limit, own-memory-limit
def test_how_it_ends(name: str, end: str) -> None:
    assert outcome(next(b for b in BOMBS if b.name == name)) == end
