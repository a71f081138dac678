"""Data containers from outside: what a diagnosis sees, limits, memory, and that nothing outlives the script."""

from __future__ import annotations

import random

import pytest

from hisee._core.vm import Script, Status, Unit
from hisee.esl import compile_source

from .directory import plain
from .host import Host, World


def unit_of(body: str) -> bytes:
    text = f"INT _h, _i, _v\nBOOL _found\nBEGIN\n{body}\nEND\n"
    done = compile_source(text, name="S.Cnt", context=plain())
    assert done.ok, done.diagnostics
    return done.unit


def failed(body: str, **limits: int) -> str:
    script = Script(Unit(unit_of(body)), None, None, limits, World())
    script.start_init()
    while (status := script.run(1000)) == Status.SLICE:
        pass
    assert status == Status.FAILED
    return script.failure.name


def test_what_a_diagnosis_sees():
    host = Host(unit_of('CNT_CREATE _h\nCNT_INSERT _h, 1, "a"\nCNT_INSERT _h, 2, "b"\nCNT_DELETE _h, 1\nCNT_DEBUG _h, "mine"\n'
                        "CNT_CREATE _h\nCNT_CNVTOARRAY _h"))
    host.init()
    newest, first = host.script.containers
    assert (newest.handle, newest.name, newest.items, newest.array) == (2, "", 0, True)
    assert (first.handle, first.name, first.items, first.most, first.array) == (1, "mine", 1, 2, False) and first.bytes > 0


def test_limits_and_memory_are_errors_that_name_themselves():
    many = "FOR _i = 1 TO 100 DO_LOOP\n  CNT_CREATE _h\nEND_LOOP"
    assert failed(many, containers=99) == "_ERR_RANGE_ERROR"
    items = "CNT_CREATE _h\nFOR _i = 1 TO 100000 DO_LOOP\n  CNT_INSERT _h, _i, _i\nEND_LOOP"
    assert failed(items, container_items=500) == "_ERR_RANGE_ERROR"
    assert failed(items, see_memory_bytes=200_000) == "_ERR_MEMORY"


def test_a_destroyed_container_gives_its_memory_back():
    lines = ["FOR _i = 1 TO 50 DO_LOOP", "CNT_CREATE _h", 'CNT_INSERT _h, "key", %StrRepeat("x", 1000)', "CNT_DESTROY _h", "END_LOOP"]
    host = Host(unit_of("\n".join(lines)))
    host.init()
    assert host.script.containers == [] and host.script.memory_used < 20_000


def test_deep_gosub_is_a_limit_of_the_table():
    assert failed("Again:\n  GOSUB Again", gosub_depth=5) == "_ERR_STACK"


@pytest.mark.parametrize("seed", range(3))
def test_against_a_dictionary(seed):
    """Random inserts and deletes over few keys: places are taken and given back in every order."""
    dice, model, lines = random.Random(seed), {}, ["CNT_CREATE _h"]
    for _ in range(600):
        key, value = dice.randint(-20, 20), dice.randint(0, 9)
        if dice.random() < 0.5:
            lines.append(f"CNT_INSERT _h, {key}, {value}")
            model[key] = value
        else:
            lines.append(f"CNT_DELETE _h, {key}")
            model.pop(key, None)
    lines += ["CNT_CNVTOARRAY _h", "CNT_GETNR _h, _v", f"FOR _i = 1 TO {len(model)} DO_LOOP", "  CNT_GETITEM _h, _i, _h1, _v",
              '  LOGEX %ToStr(_h1) + "=" + %ToStr(_v)', "END_LOOP", "INT _h1"]
    host = Host(unit_of("\n".join(lines)))
    assert host.init() == Status.DONE, host.script.failure
    assert host.log == [f"{k}={v}" for k, v in sorted(model.items())]
