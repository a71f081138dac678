"""Frames of plain calls lie over the caller's and are filled only where somebody reads (core/c/esl_calls.c): nothing of it may show.

Each unit runs twice, as the loader prepares it and with every call by way of a fresh frame (`fused=False`).
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee._core.vm import Unit
from vm.hand import Arg, Hand, Inv, Kind, Mode, Op, ProcedureBuilder, Script, Status, Type, UnitBuilder, decode, encode

PREPARED = {"CALL_OVER", "CALL_FILL", "ADDI_CALL", "MODI_CALL"}
KINDS = ("load", "move", "add", "count", "rest", "valid", "branch", "place", "call", "call", "call", "for", "end")
LIMITS = {"fuel_per_event": 600, "call_depth": 30}


def outcome(data: bytes, fused: bool, arguments: list[Any], slice: int = 1000) -> list[Any]:
    script = Script(Unit(data, fused=fused), None, None, LIMITS, None)
    script.start([p.name for p in script.unit.procedures].index("K"), encode(*(("I", value) for value in arguments)))
    while script.run(slice) is Status.SLICE:
        pass
    return [script.status, decode(script.results()) if script.status is Status.DONE else script.failure, script.fuel_used]


def alike(builder: UnitBuilder, *arguments: Any) -> Any:
    """The outcome, which is the same both ways and in short slices too."""
    data = builder.build()
    assert set(Unit(data).fused) & PREPARED
    wanted = outcome(data, False, list(arguments))
    assert outcome(data, True, list(arguments)) == wanted == outcome(data, True, list(arguments), 1)
    return wanted


class Called:
    """A unit with RPC K(INOUT INT x) and one procedure below it."""

    def __init__(self, mode: Mode = Mode.INOUT) -> None:
        self.unit = UnitBuilder("S.Frames")
        self.unit.procedure("", Kind.INIT).emit(Op.END)
        self.p = self.unit.procedure("P")
        self.mode = mode
        self.a = self.p.param("a", mode, Type.INT)
        self.k = self.unit.procedure("K", Kind.RPC)
        self.x = self.k.param("x", Mode.INOUT, Type.INT)

    def call(self, register: int, mode: Mode | None = None) -> None:
        self.k.emit(Op.CALL, self.unit.call(self.p, [Arg(self.mode if mode is None else mode, Type.INT, register)]))


def test_an_argument_that_only_goes_in_keeps_its_value_where_it_is_read_again() -> None:
    made = Called()
    y = made.k.slot(Type.INT)
    made.p.emit(Op.LOADI_I, made.a, 99)
    made.k.emit(Op.MOV_I, y, made.x)
    made.call(y, Mode.IN)
    made.k.emit(Op.MOV_I, made.x, y)
    assert alike(made.unit, 5)[1] == [5]


def test_a_value_that_a_later_turn_reads_is_not_lain_over() -> None:
    """`y` is read behind the call only on the way back of the loop."""
    made = Called(Mode.IN)
    i, limit, y, z = (made.k.slot(Type.INT) for _ in range(4))
    made.p.emit(Op.LOADI_I, made.p.slot(Type.INT), 1234)
    for register, value in ((i, 1), (limit, 3), (y, 7)):
        made.k.emit(Op.LOADI_I, register, value)
    again = made.k.place(made.k.label())
    made.k.emit(Op.ADD_I, z, y, i)
    made.call(z)
    made.k.emit(Op.ADD_I, made.x, made.x, y)
    made.k.emit(Op.FOR, i, limit, again)
    assert alike(made.unit, 0)[1] == [21]


def test_what_nobody_has_written_is_undefined_whatever_lies_on_the_stack() -> None:
    made = Called(Mode.OUT)
    dirt = made.unit.procedure("Dirt")
    for _ in range(6):
        dirt.emit(Op.LOADI_I, dirt.slot(Type.INT), 4711)
    local = made.p.slot(Type.INT)
    end = made.p.label()
    made.p.emit(Op.VALID_I, flag := made.p.slot(Type.BOOL), local)
    made.p.emit(Op.BR_FALSE, flag, 0, end)
    made.p.emit(Op.LOADI_I, made.a, 1)  # `local` was valid
    made.p.place(end)
    made.k.emit(Op.CALL, made.unit.call(dirt, []))
    made.call(made.x)
    assert alike(made.unit, 5)[1] == [Inv(1)]


def test_end_below_hands_back_what_the_first_frame_had() -> None:
    """END does not copy back: the parameter is as it was before the call, although the call's frame could lie over it."""
    made = Called()
    made.p.emit(Op.ADDI_I, made.a, made.a, 100)
    made.p.emit(Op.END)
    made.call(made.x)
    made.k.emit(Op.LOADI_I, made.x, 3)
    assert alike(made.unit, 5)[1] == [5]


def test_an_error_below_leaves_the_callers_variables_to_its_handler() -> None:
    made = Called()
    handler = made.k.label()
    made.k.action(1)
    made.k.emit(Op.ON_ERR, 0, handler, x=3)
    made.p.action(2)
    made.p.emit(Op.ADDI_I, made.a, made.a, 100)
    made.p.emit(Op.RAISE_NR, x=9)
    made.call(made.x)
    made.k.emit(Op.LOADI_I, made.x, 3)
    made.k.place(handler)
    made.k.emit(Op.RET)
    assert alike(made.unit, 5)[1] == [5]


def test_results_to_one_register_come_back_in_their_order() -> None:
    unit = UnitBuilder("S.Twice")
    unit.procedure("", Kind.INIT).emit(Op.END)
    p = unit.procedure("P")
    a, b = p.param("a", Mode.OUT, Type.INT), p.param("b", Mode.OUT, Type.INT)
    p.emit(Op.LOADI_I, a, 1)
    p.emit(Op.LOADI_I, b, 2)
    one = unit.procedure("One")
    one.param("a", Mode.IN, Type.INT)
    k = unit.procedure("K", Kind.RPC)
    x = k.param("x", Mode.INOUT, Type.INT)
    k.emit(Op.CALL, unit.call(one, [Arg(Mode.IN, Type.INT, x)]))
    k.emit(Op.CALL, unit.call(p, [Arg(Mode.OUT, Type.INT, x), Arg(Mode.OUT, Type.INT, x)]))
    assert alike(unit, 5)[1] == [2]


def test_arguments_that_change_places_are_all_read_before_they_are_written_over() -> None:
    """The first one stands where the frame could begin; the other two would have to go to each other's place."""
    unit = UnitBuilder("S.Swap")
    unit.procedure("", Kind.INIT).emit(Op.END)
    p = unit.procedure("P")
    a, b, c = (p.param(name, Mode.IN, Type.INT) for name in "abc")
    out = p.param("out", Mode.OUT, Type.INT)
    p.emit(Op.MULI_I, a, a, 100)
    p.emit(Op.MULI_I, b, b, 10)
    p.emit(Op.ADD_I, a, a, b)
    p.emit(Op.ADD_I, out, a, c)
    k = unit.procedure("K", Kind.RPC)
    x = k.param("x", Mode.INOUT, Type.INT)
    first, second, third = (k.slot(Type.INT) for _ in range(3))
    for register, value in ((first, 1), (second, 2), (third, 3)):
        k.emit(Op.LOADI_I, register, value)
    k.emit(Op.CALL, unit.call(p, [*(Arg(Mode.IN, Type.INT, r) for r in (first, third, second)), Arg(Mode.OUT, Type.INT, x)]))
    assert alike(unit, 5)[1] == [132]


@pytest.mark.parametrize("modes", [(Mode.IN, Mode.IN), (Mode.IN, Mode.OUT), (Mode.OUT, Mode.IN), (Mode.INOUT, Mode.INOUT)])
def test_two_parameters_in_one_register(modes: tuple[Mode, Mode]) -> None:
    """No compiler writes such a unit; the later one counts, as with every other call."""
    unit = UnitBuilder("S.One")
    unit.procedure("", Kind.INIT).emit(Op.END)
    p = unit.procedure("P")
    for mode in modes:
        p.param("a", mode, Type.INT)
    p.parameters[1] = p.parameters[1]._replace(register=0)
    result = p.param("out", Mode.OUT, Type.INT)
    p.emit(Op.ADDI_I, result, 0, 0)
    k = unit.procedure("K", Kind.RPC)
    x = k.param("x", Mode.INOUT, Type.INT)
    pair = [k.slot(Type.INT) for _ in modes]
    for value, register in enumerate(pair):
        k.emit(Op.LOADI_I, register, value + 1)
    args = [Arg(mode, Type.INT, register) for mode, register in zip(modes, pair, strict=True)]
    k.emit(Op.CALL, unit.call(p, [*args, Arg(Mode.OUT, Type.INT, x)]))
    assert alike(unit, 5)[1] == [2 if modes[1] is not Mode.OUT else 1]


def test_calls_that_share_a_site_are_told_apart_by_what_follows_them() -> None:
    made = Called(Mode.IN)
    made.p.emit(Op.LOADI_I, made.a, 77)
    y = made.k.slot(Type.INT)
    site = made.unit.call(made.p, [Arg(Mode.IN, Type.INT, y)])
    made.k.emit(Op.LOADI_I, y, 1)
    made.k.emit(Op.CALL, site)
    made.k.emit(Op.ADD_I, made.x, made.x, y)  # read again
    made.k.emit(Op.CALL, site)                # not any more
    assert alike(made.unit, 5)[1] == [6]


def test_a_recursion_that_is_too_deep_is_told_at_its_call() -> None:
    made = Called(Mode.IN)
    made.p.action(7)
    made.p.emit(Op.CALL, made.unit.call(made.p, [Arg(Mode.IN, Type.INT, made.a)]))
    made.call(made.x)
    status, failure, _ = alike(made.unit, 5)
    assert status is Status.FAILED and (failure.number, failure.line, failure.procedure) == (19, 7, "P")


def test_memory_that_is_refused_for_a_frame_is_an_error_of_the_call() -> None:
    hand = Hand(limits={"see_memory_bytes": 40_000})
    p = hand.unit.procedure("P")
    a = p.param("a", Mode.IN, Type.INT)
    for _ in range(500):
        p.slot(Type.INT)
    p.emit(Op.CALL, hand.unit.call(p, [Arg(Mode.IN, Type.INT, a)]))
    hand.p.emit(Op.CALL, hand.unit.call(p, [Arg(Mode.IN, Type.INT, hand.load("I", 1))]))
    assert hand.fails().number == 20


class Drawn:
    """A unit of procedures with random code: registers read before they are written, calls of each other, of themselves, loops, ends."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.unit = UnitBuilder("S.Drawn")
        self.unit.procedure("", Kind.INIT).emit(Op.END)
        self.procedures = [self._procedure(f"P{i}", Kind.LOCAL) for i in range(self.random.randint(1, 4))]
        self.procedures.append(self._procedure("K", Kind.RPC))
        self.handlers, self.ends = self.random.random() < 0.2, self.random.random() < 0.2
        for procedure, registers in self.procedures:
            self._code(procedure, registers)

    def _procedure(self, name: str, kind: Kind) -> tuple[ProcedureBuilder, list[int]]:
        made = self.unit.procedure(name, kind)
        before = [made.slot(Type.INT) for _ in range(self.random.choice((0, 0, 0, 1)))]
        some = self.random.choices((Mode.IN, Mode.OUT, Mode.INOUT), k=self.random.randint(0, 4))
        modes = [Mode.INOUT] * 2 if kind is Kind.RPC else some
        parameters = [made.param(f"a{i}", mode, Type.INT) for i, mode in enumerate(modes)]
        return made, [*before, *parameters, *(made.slot(Type.INT) for _ in range(self.random.randint(1, 5)))]

    def _code(self, p: ProcedureBuilder, registers: list[int]) -> None:
        any_of, flag = (lambda: self.random.choice(registers)), p.slot(Type.BOOL)
        if self.handlers and self.random.random() < 0.3:
            p.emit(Op.ON_ERR, x=1)
        for register in registers:
            if self.random.random() < 0.3:
                p.emit(Op.LOADI_I, register, self.random.randint(-3, 5))
        waiting: list[Any] = []
        for at in range(self.random.randint(2, 14)):
            p.action(at + 1)
            self._instruction(p, any_of, flag, waiting)
        for label in waiting:
            p.place(label)
        p.emit(Op.VALID_I, flag, any_of())
        p.emit(Op.CVT_BI, any_of(), flag)
        p.emit(Op.RET)

    def _instruction(self, p: ProcedureBuilder, any_of: Any, flag: int, waiting: list[Any]) -> None:
        match self.random.choice(KINDS):
            case "load":
                p.emit(Op.LOADI_I, any_of(), self.random.randint(-3, 9))
            case "move":
                p.emit(Op.MOV_I, any_of(), any_of())
            case "add":
                p.emit(Op.ADD_I, any_of(), any_of(), any_of())
            case "count":
                p.emit(Op.ADDI_I, any_of(), any_of(), self.random.randint(-2, 2))
            case "rest":
                p.emit(Op.MODI_I, any_of(), any_of(), self.random.randint(1, 9))
            case "valid":
                p.emit(Op.VALID_I, flag, any_of())
                p.emit(Op.CVT_BI, any_of(), flag)
            case "branch":
                p.emit(Op.VALID_I, flag, any_of())
                waiting.append(p.label())
                p.emit(Op.BR_FALSE, flag, 0, waiting[-1])
            case "place" if waiting:
                p.place(waiting.pop(self.random.randrange(len(waiting))))
            case "call":
                self._call(p, any_of)
            case "for":
                turn, limit = p.slot(Type.INT), p.slot(Type.INT)
                p.emit(Op.LOADI_I, turn, 1)
                p.emit(Op.LOADI_I, limit, 3)
                again = p.place(p.label())
                self._call(p, any_of)
                p.emit(Op.ADD_I, any_of(), any_of(), turn)
                p.emit(Op.FOR, turn, limit, again)
            case "end" if self.random.random() < 0.3:
                p.emit(Op.END if self.ends else Op.RET)

    def _call(self, p: ProcedureBuilder, any_of: Any) -> None:
        callee, _ = self.random.choice(self.procedures[:-1])
        args = [Arg(self.random.choice((q.mode, q.mode, Mode.IN)), Type.INT, any_of()) for q in callee.parameters]
        p.emit(Op.CALL, self.unit.call(callee, args))


@given(st.integers(0, 2**32))
def test_units_of_random_calls_do_the_same_both_ways(seed: int) -> None:
    data = Drawn(seed).unit.build()
    for arguments in ([3, 0], [Inv(3), -1]):
        wanted = outcome(data, False, arguments)
        assert outcome(data, True, arguments) == wanted == outcome(data, True, arguments, 3)


@pytest.mark.parametrize("count", [63, 64, 65, 200])
def test_procedures_with_more_registers_than_are_followed(count: int) -> None:
    made = Called()
    for register in [made.p.slot(Type.INT) for _ in range(count)]:
        made.p.emit(Op.VALID_I, flag := made.p.slot(Type.BOOL), register)
        if count > 64:
            break
    made.p.emit(Op.CVT_BI, made.a, flag)
    for _ in range(count):
        made.k.slot(Type.INT)
    made.call(made.x)
    made.call(made.x)
    assert alike(made.unit, 5)[1] == [0]
