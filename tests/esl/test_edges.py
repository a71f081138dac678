"""Edges of the compiler that no script of a reasonable size reaches: many names, many units, limits of the unit's format."""

from __future__ import annotations

import pytest

from hisee.esl import ObjectContext, ObjectEntry, compile_source
from hisee.esl.front.assembler import Arg, UnitBuilder
from hisee.esl.front.checker_units import MOST_UNITS
from hisee.esl.front.words import nearest
from hisee.esl.unit import Kind, Mode, Type, UnitLimit
from hisee.schema.opcodes import Op

from .directory import ENTRIES, Names, plain


def codes(text: str, context: ObjectContext | None = None) -> list[str]:
    return [d.code for d in compile_source(text, name="S.Edge", context=context or plain()).diagnostics]


def test_only_so_many_candidates_are_compared_with_a_wrong_name() -> None:
    names = [f"abc{n:04}" for n in range(3000)]
    assert nearest("abc2999x", names, limit=10) != ["abc2999"] and nearest("abc2999x", names, limit=5000) == ["abc2999"]


def test_more_units_than_a_script_may_have_are_one_error() -> None:
    text = "".join(f"UNIT (E.Avg) _u{n}\n" for n in range(MOST_UNITS + 3)) + "BEGIN\nEND\n"
    assert codes(text) == ["ESL3016"]


def test_a_structure_of_more_columns_than_a_bond_can_count() -> None:
    assert codes("RECORD (SD.Wide) _w\nBEGIN\n  SET _w[1] BIND SV.Wide[1]\nEND\n") == ["ESL1003"]


def test_an_undirected_system_has_its_processes_by_number() -> None:
    assert codes("INT _n\nBEGIN\n  _n := SELF.EVH\\HBJ\nEND\n", ObjectContext("event")) == []


def test_a_late_error_in_a_wrong_condition_is_told_once() -> None:
    text = "BEGIN\n  IF 1 THEN\n  ELSIF ((1 THEN\n  ENDIF\n  FOR _n RANGE _x DO_LOOP\n  END_LOOP\nEND\n"
    assert codes(text) == ["ESL1001", "ESL2001", "ESL2001"]


def test_public_records_are_copied_with_their_rows() -> None:
    context = ObjectContext("event", directory=Names([*ENTRIES, ObjectEntry("E.Edge", 999, "event", access="")]))
    text = "PUBLIC RECORD NOALIAS (SD.Meter) _r\nPUBLIC INT _n\nBEGIN\nEND\n"
    done = compile_source(text, name="E.Edge", context=context)
    assert done.ok, done.diagnostics


@pytest.fixture
def unit() -> UnitBuilder:
    made = UnitBuilder("S.Edge")
    made.procedure("", Kind.INIT)
    return made


def test_a_builder_refuses_what_a_unit_cannot_hold(unit: UnitBuilder) -> None:
    p = unit.procedure("P")
    with pytest.raises(ValueError, match="has a structure"):
        p.slot(Type.RECORD)
    label = p.place(p.label())
    with pytest.raises(ValueError, match="placed twice"):
        p.place(label)
    with pytest.raises(ValueError, match="init part"):
        unit.procedure("Q", Kind.INIT)
    with pytest.raises(ValueError, match="has no operand b"):
        p.emit(Op.RET, 0, 1)
    with pytest.raises(UnitLimit, match="255 arguments"):
        unit.call(p, [Arg(Mode.IN, Type.INT, 0)] * 256)
    for _ in range(0xFFFF):
        unit.fn(601, [])
    with pytest.raises(UnitLimit, match="65535 calls"):
        unit.fn(601, [])


def test_a_label_that_never_stands_anywhere(unit: UnitBuilder) -> None:
    unit.procedures[0].emit(Op.JUMP, unit.procedures[0].label())
    with pytest.raises(ValueError, match="never placed"):
        unit.build()


def test_a_branch_that_is_too_long(unit: UnitBuilder) -> None:
    p = unit.procedures[0]
    end, flag = p.label(), p.slot(Type.BOOL)
    p.emit(Op.BR_TRUE, flag, 0, end)
    for _ in range(40_000):
        p.word(Op.NOP, 0, 0, 0, 0)
    p.place(end)
    with pytest.raises(UnitLimit, match="32767 are possible"):
        unit.build()
