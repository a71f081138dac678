"""Unit events and interfaces where a script alone cannot show the rule."""

from __future__ import annotations

from hisee.esl import compile_source
from hisee.esl.disasm import disassemble

from .directory import plain, unit
from .host import Host


def test_a_unit_cannot_use_itself():
    done = compile_source("UNIT (E.Own) _u\n", name="E.Own", context=unit())
    assert [(d.code, d.line) for d in done.diagnostics] == [("ESL2026", 1)]


def test_an_error_in_a_unit_names_the_line_and_leaves_no_unit():
    done = compile_source("UNIT (E.Bad) _u\n", name="S.User", context=plain())
    assert not done.ok and "line 4" in done.diagnostics[0].message


def test_procedures_of_an_instance_carry_its_name_and_cannot_be_called_from_outside():
    done = compile_source("UNIT (E.Nested) _u\nBEGIN\nEND\n", name="S.User", context=plain())
    host = Host(done.unit)
    names = {p.name: p.kind for p in host.script.unit.procedures}
    assert names == {"": "INIT", "_u": "LOCAL", "_u.Add": "LOCAL", "_u.Calls": "LOCAL", "_u._inner": "LOCAL", "_u._inner.Clear": "LOCAL",
                     "_u._inner.Put": "LOCAL", "_u._inner.Mean": "LOCAL"}
    assert "LOCAL _u.Add" in disassemble(done.unit)


def test_an_error_in_a_unit_is_raised_at_the_call():
    text = "UNIT (E.Nested) _u\nREAL _m\nBEGIN\n  ON ERROR OFF\n  CALL [_u] Add(1, U.Nothing)\nEND\n"
    done = compile_source(text, name="S.User", context=plain())
    assert [d.code for d in done.diagnostics] == ["ESL3012"]
