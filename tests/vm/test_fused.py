"""The loader's own instructions (core/schema/fusions.py): a unit does with them what it does without, fuel and lines of errors included."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hisee._core.values import decode, encode
from hisee._core.vm import CallFailed, Script, Status, Unit
from hisee.esl import ObjectContext, ObjectEntry, compile_source
from hisee.esl.front.assembler import UnitBuilder
from hisee.esl.unit import Kind, Type
from hisee.schema.fusions import ROWS
from hisee.schema.opcodes import Op
from hisee.values import Invalid

MIX = ObjectEntry("SD.Mix", 201, "structure", columns=[("F", "BOOL"), ("N", "INT"), ("V", "REAL")])
PROCEDURES = ("Calls", "Trees", "Counting", "Loads", "Stores", "Flags", "Products", "Cases", "Texts", "Caught", "Endless")
NUMBERS = [-2, 0, 1, 2, 3, 4, 7, 40_000, 2**62, -(2**63) + 16, Invalid(3, "INT")]
REALS = [0.0, -0.0, 1.25, 1e308, Invalid(4, "REAL")]


class Names:
    def object(self, name: str) -> ObjectEntry | None:
        return MIX if name.lower() == "sd.mix" else None

    def names(self) -> list[str]:
        return [MIX.name]


@cache
def unit_of(fused: bool) -> Unit:
    text = Path(__file__).with_name("fused.esl").read_text()
    compiled = compile_source(text, name="S.Fused", context=ObjectContext(kind="script", server_script=False, directory=Names()))
    assert compiled.unit, compiled.diagnostics
    return Unit(compiled.unit, fused=fused)


def outcome(unit: Unit, procedure: str, n: Any, x: Any, slice: int = 1000) -> list[Any]:
    """Status, results or failure, fuel."""
    script = Script(unit, None, None, None, None)
    script.start([p.name for p in unit.procedures].index(procedure), encode([n, x, Invalid(1, "REAL")]))
    slices = 0
    while script.run(slice) is Status.SLICE and slices < 200:
        slices += 1
    results = repr(decode(script.results())) if script.status is Status.DONE else script.failure
    return [script.status, results, script.fuel_used, slices]


@pytest.mark.parametrize("procedure", PROCEDURES)
@pytest.mark.parametrize("slice", [1, 1000])
def test_a_fused_unit_does_what_its_parts_do(procedure: str, slice: int) -> None:
    for n in NUMBERS:
        for x in REALS:
            assert outcome(unit_of(True), procedure, n, x, slice) == outcome(unit_of(False), procedure, n, x, slice), (n, x)


def test_each_row_of_the_table_is_tried() -> None:
    assert unit_of(False).fused == ()
    assert {row.name for row in ROWS} == set(unit_of(True).fused)


def test_a_jump_into_fused_instructions_finds_the_part_that_stands_there() -> None:
    """`JUMP` to the second of two products: the first one must not run, and the sum must not be made of what it would have been."""
    builder = UnitBuilder("S.Jump")
    builder.procedure("", Kind.INIT).emit(Op.END)
    p = builder.procedure("Kernel", Kind.RPC)
    result, left, right, two = (p.param("_x", 2, Type.REAL), p.slot(Type.REAL), p.slot(Type.REAL), p.slot(Type.REAL))
    p.action(line=1)
    middle = p.label()
    for register, value in ((left, 100), (right, 5), (two, 2)):
        p.emit(Op.LOADI_R, register, value)
    p.emit(Op.JUMP, middle)
    p.emit(Op.MUL_R, left, two, two)
    p.place(middle)
    p.emit(Op.MUL_R, right, two, two)
    p.emit(Op.ADD_R, result, left, right)
    p.emit(Op.RET)
    unit = Unit(builder.build())
    assert "MUL_MUL_ADD" in unit.fused
    assert Script(unit, None, None, None, None).function("Kernel")() == 104.0


# a procedure as a function of Python

def test_a_procedure_is_a_function_of_python() -> None:
    script = Script(unit_of(True), None, None, None, None)
    cases = script.function("cases")
    assert [cases(n, 0.0) for n in (0, 1, 3, -2, 77)] == [10, 11, 13, 8, 77]
    assert cases.__doc__ == "Cases(IN INT _n, IN REAL _x, INOUT INT _out)"
    assert cases(True, 2) == 11  # another type than the parameter's is converted, as in a call of ESL
    with pytest.raises(TypeError, match="takes 2 to 3 arguments, 1 were given"):
        cases(1)
    with pytest.raises(KeyError, match="no procedure Nothing"):
        script.function("Nothing")


def test_what_a_call_does_not_catch_is_raised_and_the_script_goes_on() -> None:
    script = Script(unit_of(True), None, None, {"fuel_per_event": 1000}, None)
    with pytest.raises(CallFailed, match="ERR_RANGE_ERROR") as caught:
        script.function("Loads")(9, 1.0)
    assert caught.value.failure.procedure == "Loads" and caught.value.failure.line > 0
    with pytest.raises(CallFailed, match="ERR_EXPRESSION_STATUS"):
        script.function("Cases")(Invalid(3, "INT"), 1.0)
    assert script.function("Caught")(5, 1.0) // 1000 == 4
    with pytest.raises(CallFailed, match="computing time") as ended:
        script.function("Counting")(10**9, 1.0)
    assert ended.value.failure.limit == "fuel_per_event"
    with pytest.raises(RuntimeError, match="the script was ended"):
        script.function("Cases")(1, 1.0)
