"""A container as bytes: it leaves one script and is in another what it was; damaged bytes leave nothing behind."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisee._core.vm import Script, Status, Unit
from hisee.esl import compile_source
from hisee.schema.errors import Err

from .directory import plain
from .host import Host, World

DECLARED = "INT _h, _n, _v\nTEXT _t\nBOOL _found\nRECORD NOALIAS (SD.Tank) _r\n"


def host(body: str, declared: str = DECLARED) -> Host:
    done = compile_source(f"{declared}PROCEDURE Read(INT _c)\n{body}\nEND Read\nBEGIN\n{body}\nEND\n", name="S.Cnt", context=plain())
    assert done.ok, done.diagnostics
    return Host(done.unit)


FILLED = ('CNT_CREATE _h\nCNT_INSERT _h, "Pump", 7\nCNT_INSERT _h, "b", "text"\nREDIM _r[2]\n_r[2]^Name := "row"\nCNT_INSERT _h, "r", _r\n'
          'CNT_INSERT _h, "none", %SetInvalid(4)')


def filled() -> tuple[Host, bytes]:
    first = host(FILLED)
    first.init()
    return first, first.script.take(1)


def test_it_leaves_and_is_what_it_was() -> None:
    first, data = filled()
    assert first.script.containers == []
    with pytest.raises(KeyError):
        first.script.take(1)
    second = host('CNT_FIND 1, "PUMP", _v, _found\nLOG "v", _v\nCNT_FIND 1, "r", _r, _found\nLOGEX _r[2]^Name\n'
                  'CNT_FIND 1, "none", _v, _found\nLOG "invalid", %InvalidReason(_v)\nCNT_GETNR 1, _n\nLOG "items", _n')
    assert second.script.give(data) == 1
    assert second.init() == Status.DONE, second.script.failure
    assert second.log == ["v 7", "row", "invalid 4", "items 4"]


def test_a_handle_that_it_had_is_given_again_if_it_is_free() -> None:
    first, data = filled()
    assert first.script.give(data, 1) == 1
    assert first.script.give(data, 1) == 3, "in use: a new one"
    assert first.script.give(data, 99) == 4, "never given: a new one"


def test_a_structure_that_the_script_does_not_know_is_refused() -> None:
    _, data = filled()
    with pytest.raises(ValueError, match=str(int(Err.ERR_RECORD_NO_COMP))):
        host('LOG "x"', "INT _h\n").script.give(data)


def test_limits_hold_for_what_comes() -> None:
    _, data = filled()
    unit = Unit(compile_source("RECORD NOALIAS (SD.Tank) _r\nBEGIN\nEND\n", name="S.Cnt", context=plain()).unit)
    for limits, error in (({"container_items": 3}, Err.ERR_RANGE_ERROR), ({"containers": 0}, Err.ERR_RANGE_ERROR)):
        script = Script(unit, None, None, limits, World())
        with pytest.raises(ValueError, match=str(int(error))):
            script.give(data)
        assert script.containers == []


@settings(max_examples=300)
@given(st.data())
def test_damaged_bytes_leave_nothing_behind(data: st.DataObject) -> None:
    first, whole = filled()
    before = first.script.memory_used
    cut = bytearray(whole[:data.draw(st.integers(0, len(whole)))])
    if cut and data.draw(st.booleans()):
        cut[data.draw(st.integers(0, len(cut) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        first.script.take(first.script.give(bytes(cut)))
    assert first.script.containers == [] and first.script.memory_used == before
