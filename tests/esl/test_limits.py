"""Rules that need a host of their own: limits, refused requests, newer requests that take the place of older ones."""

from __future__ import annotations

from types import SimpleNamespace

from hisee._core.cells import CellTable
from hisee._core.values import encode
from hisee._core.vm import Script, Status, Unit
from hisee.esl import compile_source
from hisee.script import inbox
from hisee.script.instance import Instance

from .directory import picture, plain
from .host import Host, World

HEAD = "INT _nr\nTEXT _t\nRECORD NOALIAS (SD.Meter) _r\nBEGIN\n"


def unit_of(body: str) -> bytes:
    done = compile_source(f"{HEAD}{body}\nEND\n", name="S.Limit", context=plain())
    assert done.ok, done.diagnostics
    return done.unit


def ended(body: str, **limits: int) -> Script:
    script = Script(Unit(unit_of(body)), CellTable(), None, limits, World())
    script.start_init()
    while script.run(10_000) == Status.SLICE:
        pass
    return script


# rules: fuel-limit
def test_an_endless_loop_ends_by_its_fuel() -> None:
    """No handler catches the end of the fuel."""
    script = ended("  ON ERROR OFF\n  DO_LOOP\n    _nr := 1\n  END_LOOP", fuel_per_event=100_000)
    assert script.status == Status.KILLED and script.failure.limit == "fuel_per_event"


# rules: own-memory-limit
def test_memory_without_end_is_an_error_that_can_be_caught() -> None:
    """Uncaught it ends the run."""
    body = "  _t := %StrRepeat(\"x\", 100000)\n  DO_LOOP\n    INSERT _r, -1, _r[1]\n    _r[_r\\DIM]^Name := _t + \"\"\n  END_LOOP"
    script = ended(body, see_memory_bytes=3_000_000)
    assert script.status == Status.FAILED and script.failure.name == "_ERR_MEMORY"
    caught = ended("  ON ERROR Full\n" + body + "\nFull:\n  _nr := _ERR_NR\n  REDIM _r[0]\n  GOTO Over\nOver:", see_memory_bytes=3_000_000)
    assert caught.status == Status.DONE


# rules: nesting-limit
def test_nesting_over_the_limit_is_one_error() -> None:
    deep = "_nr := " + "(" * 300 + "1" + ")" * 300
    done = compile_source(f"{HEAD}  {deep}\nEND\n", name="S.Deep", context=plain())
    assert [d.code for d in done.diagnostics] == ["ESL1008"]


# rules: delayed-failure
def test_a_refused_request_is_told_by_the_next_wait() -> None:
    """The script goes on behind the assignment."""
    host = Host(unit_of('  ON ERROR Refused\n  U.Count := 5\n  LOG "goes on"\n  WAIT\n  LOG "not here"\nRefused:\n  LOG "number", _ERR_NR\n'
                        '  LOG "reason", _ERR_NR_TRANS_EX'))
    host.refused = {101: 7}
    assert host.init() == Status.DONE
    assert host.log == ["goes on", "number 11", "reason 7"]


# rules: entryx-replaces
def test_a_newer_request_of_an_entryx_takes_the_place_of_the_waiting_one() -> None:
    """One of an ENTRY does not."""
    text = "ENTRYX BtnGo_OnClick\nEND BtnGo_OnClick\nENTRY Btn_Two_OnClick\nEND Btn_Two_OnClick\nBEGIN\nEND\n"
    done = compile_source(text, name="S.Queue", context=picture())
    unit = Unit(done.unit)
    nobody = SimpleNamespace()
    taken = Instance(1, "x", "S.Queue", 1, unit, Script(unit, CellTable(), CellTable(), None, World()), nobody, 0, {"instance_queue": 9})
    for name in ("BtnGo_OnClick", "Btn_Two_OnClick", "BtnGo_OnClick", "Btn_Two_OnClick"):
        inbox._event(nobody, taken, SimpleNamespace(payload=encode([name])))
    assert [item.what for item in taken.queue] == ["event BtnGo_OnClick", "event Btn_Two_OnClick", "event Btn_Two_OnClick"]
