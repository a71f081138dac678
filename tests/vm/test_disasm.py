"""The listing of a unit, and what the builder refuses."""

import pytest

from hisee.esl.disasm import disassemble
from hisee.esl.unit import UnitLimit
from vm.hand import Arg, Kind, Mode, Op, Type, UnitBuilder
from vm.test_verifier import RICH

LISTING = """\
unit S.Sum

INIT (init)() registers 3
  line 1        0  LOADI_I r0 0
  line 2        1  LOADI_I r1 1
                2  LOADI_I r2 10
                3  FOR_PREP r1 r2 @6
  line 3        4  ADD_I r0 r0 r1
  line 4        5  FOR r1 r2 @4
                6  ACT ACT 5(<r0) waits
                7  ON_ERR OFF
                8  JUMP @10
                9  LOADK_R r3 0.5
               10  RET
"""


def test_listing() -> None:
    unit = UnitBuilder("S.Sum")
    init = unit.procedure("", Kind.INIT)
    s, i, hi = init.slot(Type.INT), init.slot(Type.INT), init.slot(Type.INT)
    init.action(line=1)
    init.emit(Op.LOADI_I, s, 0)
    init.action(line=2)
    init.emit(Op.LOADI_I, i, 1)
    init.emit(Op.LOADI_I, hi, 10)
    end, top, out = init.label(), init.label(), init.label()
    init.emit(Op.FOR_PREP, i, hi, end)
    init.place(top)
    init.action(line=3)
    init.emit(Op.ADD_I, s, s, i)
    init.action(line=4)
    init.emit(Op.FOR, i, hi, top)
    init.place(end)
    init.emit(Op.ACT, unit.act(5, [Arg(Mode.IN, Type.INT, s)], waits=True))
    init.emit(Op.ON_ERR, x=1)
    init.emit(Op.JUMP, out)
    init.emit(Op.LOADK_R, 3, unit.const(Type.REAL, 0.5))
    init.place(out)
    assert disassemble(unit.build()) == LISTING


def test_everything_has_a_listing() -> None:
    text = disassemble(RICH)
    assert "?" not in text
    for part in (
        "RPC P(INOUT TEXT t=r0)",
        "LDW r0 r1 r2",
        "CALL CALL Inner(=r0, =r1)",
        "MOV_C g0 r1",
        "PV_WR_I v r",
        "structure SD(A, B, C)",
    ):
        assert part in text


def test_registers_are_limited() -> None:
    init = UnitBuilder("X").procedure("", Kind.INIT)
    for _ in range(4096):
        init.slot(Type.INT)
    with pytest.raises(UnitLimit, match="init part needs more than 4096"):
        init.slot(Type.INT)


def test_branches_are_limited() -> None:
    unit = UnitBuilder("X")
    init = unit.procedure("", Kind.INIT)
    flag, far = init.slot(Type.BOOL), init.label()
    init.emit(Op.BR_TRUE, flag, 0, far)
    for _ in range(32767):
        init.emit(Op.NOP)
    init.place(far)
    with pytest.raises(UnitLimit, match="32768"):
        unit.build()


@pytest.mark.parametrize("operands", [(0, 2**31), (70000, 0)])
def test_operands_are_limited(operands: tuple[int, int]) -> None:
    with pytest.raises(UnitLimit, match="LOADI_I"):
        UnitBuilder("X").procedure("", Kind.INIT).emit(Op.LOADI_I, *operands)


def test_operands_that_the_row_does_not_have() -> None:
    with pytest.raises(ValueError, match="no operand a"):
        UnitBuilder("X").procedure("", Kind.INIT).emit(Op.RET, 1)


def test_a_label_that_is_never_placed() -> None:
    unit = UnitBuilder("X")
    init = unit.procedure("", Kind.INIT)
    init.emit(Op.JUMP, init.label())
    with pytest.raises(ValueError, match="never placed"):
        unit.build()
