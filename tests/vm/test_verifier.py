"""What the structural verifier refuses, and that no bytes at all can hurt the VM."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisee._core.cells import CellTable
from hisee._core.vm import Script, Status, Unit, UnitRejected
from hisee.esl.front.assembler import ProcedureBuilder
from hisee.schema.actions import ActionId
from vm.hand import Arg, Hand, Kind, Mode, Op, Type, UnitBuilder, load


def word(op: int, x: int = 0, a: int = 0, b: int = 0, c: int = 0) -> tuple[int, ...]:
    return op, x, a, b, c


def refused(change: Callable[[UnitBuilder, ProcedureBuilder], object]) -> UnitRejected:
    hand = Hand()
    sd = hand.unit.structure("SD", 7, [("A", Type.INT), ("B", Type.TEXT)])
    hand.unit.structure("SD.Other", 8, [("A", Type.INT)])
    for kind in (Type.BOOL, Type.INT, Type.REAL, Type.TEXT, Type.OBJECT):  # registers 0..4
        hand.p.slot(kind)
    hand.p.slot(Type.RECORD, sd)  # 5
    hand.p.slot(Type.RECORD, 1)  # 6
    hand.p.slot(Type.ANY)  # 7, 8
    hand.unit.const(Type.INT, 1), hand.unit.const(Type.TEXT, "x")
    change(hand.unit, hand.p)
    with pytest.raises(UnitRejected) as caught:
        Unit(hand.unit.build())
    return caught.value


CODE = {
    "a register that is not there": (word(Op.MOV_I, 0, 1, 99), "does not exist"),
    "a register of another type": (word(Op.MOV_I, 0, 1, 2), "needed is 2"),
    "a text register as number": (word(Op.MOV_I, 0, 3, 1), "needed is 2"),
    "the second half of an ANY": (word(Op.MOV_I, 0, 8, 1), "needed is 2"),
    "a number as record": (word(Op.DIM, 0, 1, 1), "needed is 6"),
    "a global that is no record": (word(Op.DIM, 0, 1, 0x8000), "does not exist"),
    "a column that is not there": (word(Op.LD_I, 2, 1, 5, 1), "column 2 does not exist"),
    "a column of another type": (word(Op.LD_I, 1, 1, 5, 1), "column 1 has type 5"),
    "records of two structures": (word(Op.MOV_C, 0, 5, 6), "different structures"),
    "a row of another structure": (word(Op.ROW_GET, 0, 6, 5, 1), "different structures"),
    "a constant that is not there": (word(Op.LOADK_I, 0, 1, 9), "constant 9"),
    "a constant of another type": (word(Op.LOADK_T, 0, 3, 0), "constant 0"),
    "an unknown opcode": (word(0), "0 is no opcode"),
    "an opcode that was never given": (word(27), "27 is no opcode"),
    "operands of nothing": (word(Op.EXT), "belong to no instruction"),
    "operands of an instruction without any": (word(Op.NOP) + word(Op.EXT), "belong to no instruction"),
    "a first row that is no number": (word(Op.INSERT_ROWS, 0, 5, 1, 5) + word(Op.EXT, 0, 2, 1), "operand EXT.a"),
    "a last row that is no number": (word(Op.INSERT_ROWS, 0, 5, 1, 5) + word(Op.EXT, 0, 1, 2), "operand EXT.b"),
    "missing operands": (word(Op.LDW, 0, 1, 5, 1), "without its operands"),
    "a jump out of the code": (word(Op.JUMP, 0, 0, 99), "leaves the procedure"),
    "a jump that is not charged": (word(Op.JUMP, 0, 0, 0xFFFF, 0xFFFF), "not charged"),
    "a jump to itself": (word(Op.BR_TRUE, 0, 0, 0, 0), "not charged"),
    "a loop forward": (word(Op.FOR, 0, 1, 1, 1), "goes forward"),
    "a site that is not there": (word(Op.CALL, 0, 3), "site 3"),
    "an object that is not there": (word(Op.OBJ, 0, 4, 3), "object 3"),
    "a variable that is not there": (word(Op.PV_RD_I, 0, 1, 3), "picture variable 3"),
    "a global that is not there": (word(Op.GLOAD_I, 0, 1, 99), "global 99"),
    "a reason that is none": (word(Op.INVALID_I, 16, 1), "allowed is 1 to 15"),
    "no reason": (word(Op.INVALID_I, 0, 1), "allowed is 1 to 15"),
    "an error number that is none": (word(Op.RAISE_NR, 99), "allowed is 1"),
    "a mode that is none": (word(Op.ON_ERR, 4), "allowed is 0 to 3"),
    "a handler outside": (word(Op.ON_ERR, 3, 0, 99), "leaves the procedure"),
    "an unused operand": (word(Op.RET, 0, 1), "must be 0"),
    "an unused x": (word(Op.MOV_I, 1, 1, 1), "must be 0"),
    "a divisor of 0": (word(Op.MODI_I, 0, 1, 1, 0), "divisor"),
    "a divisor below 0": (word(Op.MODI_I, 0, 1, 1, 0xFFFF), "divisor"),
    "an operator that is none": (word(Op.BIN_ANY, 6, 7, 7, 7), "allowed is 0 to 5"),
}


@pytest.mark.parametrize("name", list(CODE))
def test_code(name: str) -> None:
    instruction, text = CODE[name]
    error = refused(lambda unit, p: [p.word(*instruction[at:at + 5]) for at in range(0, len(instruction), 5)])
    assert text in error.text
    assert error.offset > 20 and str(error.offset) in str(error)


def test_a_jump_into_operands() -> None:
    def code(unit: UnitBuilder, p: ProcedureBuilder) -> None:
        for instruction in (word(Op.JUMP, 0, 0, 2), word(Op.LDW, 0, 1, 5, 1), word(Op.EXT, 0, 0)):
            p.word(*instruction)

    assert "into the operands" in refused(code).text


def test_code_that_runs_over_its_end() -> None:
    hand = Hand()
    hand.p.emit(Op.NOP)
    data = bytearray(hand.unit.build())
    at = data.rindex(bytes([Op.RET, 0, 0, 0, 0, 0, 0, 0]))
    data[at] = Op.NOP
    with pytest.raises(UnitRejected, match="run over its end"):
        Unit(bytes(data))


@pytest.mark.parametrize(("code", "text"), [
    ([], "run over its end"), ([word(Op.LDW, 0, 1, 5, 1)], "without its operands"),
    ([word(Op.LDW, 0, 1, 5, 1), word(Op.RET)], "without its operands"), ([word(Op.BR_TRUE, 0, 0, 0, 1)], "leaves the procedure"),
])  # fmt: skip
def test_code_that_ends_too_early(code: list[tuple[int, ...]], text: str) -> None:
    hand = Hand()
    sd = hand.unit.structure("SD", 7, [("A", Type.INT)])
    for kind in (Type.BOOL, Type.INT, Type.REAL, Type.TEXT, Type.OBJECT):  # registers 0..4
        hand.p.slot(kind)
    hand.p.slot(Type.RECORD, sd)  # 5
    for instruction in code:
        hand.p.word(*instruction)
    data = hand.unit.build()
    with pytest.raises(UnitRejected, match=text):
        Unit(data if code and code[-1][0] == Op.RET else without_closing_ret(data, hand.p))


def without_closing_ret(data: bytes, last: ProcedureBuilder) -> bytes:
    """The unit without the RET that the assembler puts behind the code of its last procedure, which has no actions."""
    assert data.endswith(bytes([Op.RET, 0, 0, 0, 0, 0, 0, 0]))
    cut = bytearray(data[:-8])
    struct.pack_into("<I", cut, 8, len(cut))
    head = len(data) - 8 * last.pc - 4 * len(last.registers) - 20
    struct.pack_into("<I", cut, head + 12, last.pc - 1)
    return bytes(cut)


def test_a_unit_of_nothing() -> None:
    with pytest.raises(UnitRejected, match="no init part"):
        Unit(UnitBuilder("S.None").build())


def call_of(parameter: Type, argument: Type, register: int, mode: Mode = Mode.IN, count: int = 1, structure: int = 0xFFFF):
    def change(unit: UnitBuilder, p: ProcedureBuilder) -> None:
        callee = unit.procedure("Callee")
        callee.param("x", Mode.IN, parameter, structure)
        p.emit(Op.CALL, unit.call(callee, [Arg(mode, argument, register)] * count))

    return change


TYPES = (Type.BOOL, Type.INT, Type.REAL, Type.TEXT, Type.OBJECT, Type.RECORD)  # of the registers of `refused`
CALL_HEAD = [Arg(Mode.IN, Type.INT, 1), Arg(Mode.IN, Type.TEXT, 3), Arg(Mode.IN, Type.TEXT, 3), Arg(Mode.OUT, Type.INT, 1)]


def log_with(register: int) -> list[Arg]:
    return [Arg(Mode.IN, Type.INT, 1), Arg(Mode.IN, Type.TEXT, 3), Arg(Mode.IN, Type.INT, 1), Arg(Mode.IN, TYPES[register], register)]


SITES = {
    "too many arguments": (call_of(Type.INT, Type.INT, 1, count=2), "2 arguments for 1"),
    "an argument that cannot be converted": (call_of(Type.OBJECT, Type.INT, 1), "argument 1"),
    "a record for a number": (call_of(Type.INT, Type.RECORD, 5), "argument 1"),
    "a record of another structure": (call_of(Type.RECORD, Type.RECORD, 6, structure=0), "another structure"),
    "an OUT argument for an IN parameter": (call_of(Type.INT, Type.INT, 1, Mode.OUT), "direction"),
    "an argument type that is not the register's": (call_of(Type.REAL, Type.REAL, 1), "needed is 3"),
    "the init part": (lambda u, p: p.emit(Op.CALL, u.site(0, 0, False, [])), "procedure 0"),
    "a function that is not there": (lambda u, p: p.emit(Op.FN, u.fn(99, [])), "function 99"),
    "a function with too few arguments": (lambda u, p: p.emit(Op.FN, u.fn(601, [])), "0 arguments"),
    "a column function of a number": (lambda u, p: p.emit(Op.FN, u.fn(344, [Arg(Mode.IN, Type.INT, 1)])), "type 2"),
    "a column that is a record": (lambda u, p: p.emit(Op.FN, u.fn(344, [Arg(Mode.IN, Type.RECORD, 5)] * 2)), "type 6"),
    "a function of an object": (lambda u, p: p.emit(Op.FN, u.fn(601, [Arg(Mode.IN, Type.OBJECT, 4)])), "type 7"),
    "a function that writes its argument": (
        lambda u, p: p.emit(Op.FN, u.fn(607, [Arg(Mode.OUT, Type.TEXT, 3), Arg(Mode.IN, Type.TEXT, 3)])),
        "not IN",
    ),
    "an action that is not there": (lambda u, p: p.emit(Op.ACT, u.act(99, [], waits=False)), "action 99"),
    "an action that must wait": (lambda u, p: p.emit(Op.ACT, u.act(5, [Arg(Mode.IN, Type.REAL, 2)], waits=False)), "waiting"),
    "an action that never waits": (
        lambda u, p: p.emit(Op.ACT, u.act(200, [Arg(Mode.IN, Type.INT, 1), Arg(Mode.IN, Type.TEXT, 3)], waits=True)),
        "waiting",
    ),
    "an action with wrong operands": (lambda u, p: p.emit(Op.ACT, u.act(5, [Arg(Mode.IN, Type.OBJECT, 4)], waits=True)), "does not fit"),
    "an action with too few operands": (lambda u, p: p.emit(Op.ACT, u.act(6, [], waits=True)), "0 arguments"),
    "a result of a function without one": (lambda u, p: p.emit(Op.FN, u.fn(343, [Arg(Mode.IN, Type.INT, 1)], Arg(Mode.OUT, Type.INT, 1))),
                                           "has no result"),
    "an action with an object for a value": (lambda u, p: p.emit(Op.ACT, u.act(ActionId.LOG, log_with(4), waits=False)), "argument 4"),
    "an action with a record for a value": (lambda u, p: p.emit(Op.ACT, u.act(ActionId.LOG, log_with(5), waits=False)), "argument 4"),
    "an action with an object among its values": (
        lambda u, p: p.emit(Op.ACT, u.act(
            ActionId.FUNCTION, [Arg(Mode.IN, Type.INT, 1), Arg(Mode.OUT, Type.INT, 1), Arg(Mode.IN, Type.OBJECT, 4)], waits=False)),
        "argument 3"),
    "an action with another direction": (lambda u, p: p.emit(Op.ACT, u.act(5, [Arg(Mode.OUT, Type.REAL, 2)], waits=True)), "does not fit"),
}


@pytest.mark.parametrize("name", list(SITES))
def test_sites(name: str) -> None:
    change, text = SITES[name]
    assert text in refused(change).text


def half_of_it(p: ProcedureBuilder) -> None:
    whole = p.parameters[-1]
    p.parameters[-1] = whole._replace(type=Type.UPPER, register=whole.register + 1)


TABLES = {
    "two structures of one number": (lambda u, p: u.structure("SD.Double", 7, [("Z", Type.REAL)]), "one number"),
    "two structures of values of one number": (
        lambda u, p: [u.structure(name, 9, [("Z", Type.ANY)]) for name in ("SD.One", "SD.Other")], "one number"),
    "a structure without columns": (lambda u, p: u.structure("SD.None", 9, []), "0 columns"),
    "a structure of records": (lambda u, p: u.structure("SD.Deep", 9, [("A", Type.RECORD)]), "no known type"),
    "a structure with too many columns": (
        lambda u, p: u.structure("SD.Wide", 9, [(f"C{n}", Type.INT) for n in range(1001)]), "1001 columns"),
    "an object of no type": (lambda u, p: u.object("X", 5, Type.NONE), "no known type"),
    "an object of half a type": (lambda u, p: u.object("X", 5, Type.UPPER), "no known type"),
    "a parameter that is half a pair": (lambda u, p: (p.param("x", Mode.IN, Type.ANY), half_of_it(p)), "does not fit its register"),
    "an init part with parameters": (lambda u, p: u.procedures[0].param("x", Mode.IN, Type.INT), "has parameters"),
    "an object without a number": (lambda u, p: u.object("X", 0, Type.INT), "no number"),
    "a variable without a number": (lambda u, p: u.variable("x", Type.INT, 0), "no number"),
    "a variable that is a record": (lambda u, p: u.variable("x", Type.RECORD), "no known type"),
    "half a pair": (lambda u, p: p.registers.append((Type.ANY, 0xFFFF)), "half a pair"),
    "a second half alone": (lambda u, p: p.registers.insert(0, (Type.UPPER, 0xFFFF)), "pair"),
    "a register without type": (lambda u, p: p.registers.append((Type.NONE, 0xFFFF)), "no known type"),
    "a record without structure": (lambda u, p: p.registers.append((Type.RECORD, 0xFFFF)), "without structure"),
    "a record of an unknown structure": (lambda u, p: p.registers.append((Type.RECORD, 44)), "unknown structure"),
    "an init part that is not the first": (lambda u, p: setattr(p, "kind", Kind.INIT), "init part"),
    "a procedure of no kind": (lambda u, p: setattr(p, "kind", 9), "kind"),
    "actions out of order": (lambda u, p: [p.add_range(0, 0, 0, line) for line in (1, 2)], "order"),
    "an action outside the code": (lambda u, p: p.add_range(0, 99, 0, 1), "leaves"),
}


@pytest.mark.parametrize("name", list(TABLES))
def test_tables(name: str) -> None:
    change, text = TABLES[name]
    assert text in refused(change).text


@pytest.mark.parametrize(
    ("at", "value", "text"),
    [
        (0, b"X", "not a unit"),
        (4, b"\x02", "another format"),
        (8, b"\xff", "length"),
        (12, b"\x00\x00\x00\x00", "another table of opcodes"),
        (16, b"\xff\xff", "name"),
    ],
)
def test_the_header(at: int, value: bytes, text: str) -> None:
    data = bytearray(Hand().unit.build())
    data[at : at + len(value)] = value
    with pytest.raises(UnitRejected, match=text):
        Unit(bytes(data))


def test_a_higher_minor_format_is_read() -> None:
    data = bytearray(Hand().unit.build())
    data[6] = 9
    assert Unit(bytes(data)).name == "S.Hand"


def rich_unit() -> bytes:
    """A bit of everything, so that mutations have something to break."""
    hand = Hand()
    u, p = hand.unit, hand.p
    sd = u.structure("SD", 7, [("A", Type.INT), ("B", Type.TEXT), ("C", Type.BOOL)])
    store = hand.init.slot(Type.RECORD, sd)
    n = hand.init.slot(Type.INT)
    inner = u.procedure("Inner")
    x, r = inner.param("x", Mode.INOUT, Type.ANY), inner.param("r", Mode.INOUT, Type.RECORD, sd)
    inner.action(5)
    inner.emit(Op.REDIM, r, load(u, inner, "I", 3))
    inner.emit(Op.BIN_ANY, x, x, load(u, inner, "A", ("I", 2)))
    text, record = p.param("t", Mode.INOUT, Type.TEXT), p.slot(Type.RECORD, sd)
    handler, end, top = p.label(), p.label(), p.label()
    p.action(1)
    p.emit(Op.ON_ERR, handler, x=3)
    i, high = load(u, p, "I", 1), load(u, p, "I", 3)
    p.action(2)
    p.emit(Op.FOR_PREP, i, high, end)
    p.place(top)
    p.emit(Op.CAT_T, text, text, load(u, p, "T", "ab"))
    p.emit(Op.CALL, u.call(inner, [Arg(Mode.INOUT, Type.TEXT, text), Arg(Mode.INOUT, Type.RECORD, record)]))
    p.emit(Op.ST_T, record, i, text, x=1)
    p.emit(Op.LDW, text, record, i)
    p.emit(Op.EXT, 1)
    p.emit(Op.MOV_C, store | 0x8000, record)
    p.emit(Op.INSERT, store | 0x8000, i, record)
    p.emit(Op.FN, u.fn(601, [Arg(Mode.IN, Type.TEXT, text)], Arg(Mode.OUT, Type.INT, i)))
    p.emit(Op.GSTORE_I, n, i)
    p.emit(Op.FOR, i, high, top)
    p.place(end)
    p.action(3)
    p.emit(Op.RD_I, i, load(u, p, "O", 101))
    p.emit(Op.ACT, u.act(200, [Arg(Mode.IN, Type.INT, i), Arg(Mode.IN, Type.TEXT, text)], waits=False))
    p.action(4)
    p.emit(Op.PV_WR_I, u.variable("v", Type.INT), i)
    p.emit(Op.RET)
    p.place(handler)
    p.action(6)
    p.emit(Op.RESUME)
    return u.build()


LIMITS = {"fuel_per_event": 3000, "see_memory_bytes": 300_000, "call_depth": 20, "text_chars": 1000}


def run_whatever(data: bytes) -> str:
    """Load and run as a host would; anything but a crash is fine."""
    try:
        unit = Unit(data)
    except UnitRejected as error:
        return error.text
    variables = CellTable()
    variables.define(1, "INT")
    try:
        script = Script(unit, CellTable(), variables, LIMITS, None)
    except MemoryError:
        return "memory"
    for procedure in range(len(unit.procedures)):
        if procedure == 0:
            script.start_init()
        else:
            count = len(unit.procedures[procedure].parameters)
            script.start(procedure, struct.pack("<H", count) + b"\x0f" * count)
        for _ in range(50):
            status = script.run(500)
            if status == Status.ACTION:
                _ = script.pending, script.line
                script.complete()
            elif status != Status.SLICE:
                break
        else:
            return "busy"
        if status == Status.KILLED:
            return "killed"
        script.results()
    script.close()
    return "ran"


def test_the_rich_unit_runs() -> None:
    assert run_whatever(rich_unit()) == "ran"


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(UnitRejected):
        Unit(data)


@given(st.binary(max_size=300))
def test_random_bytes_behind_a_good_header_are_refused_or_run(data: bytes) -> None:
    head = bytearray(Hand().unit.build()[:20]) + data
    head[8:12] = struct.pack("<I", len(head))
    run_whatever(bytes(head))


RICH = rich_unit()


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(20, len(RICH) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_units_never_crash(changes: list[tuple[int, int]]) -> None:
    data = bytearray(RICH)
    for at, value in changes:
        data[at] = value
    run_whatever(bytes(data))


@given(st.integers(0, len(RICH)))
def test_cut_units_are_refused(length: int) -> None:
    data = bytearray(RICH[:length])
    if length >= 12:
        data[8:12] = struct.pack("<I", length)
    if length < len(RICH):
        with pytest.raises(UnitRejected):
            Unit(bytes(data))


def test_every_single_byte_of_code_set_to_every_small_value() -> None:
    """Bytes around the valid range are where a verifier slips."""
    seen = set()
    rng = random.Random(20261123)
    for at in range(20, len(RICH)):
        for value in (0, 1, RICH[at] ^ 1, RICH[at] ^ 0x80, rng.randrange(256)):
            data = bytearray(RICH)
            data[at] = value
            seen.add(run_whatever(bytes(data)).split(":")[0])
    assert {"ran", "killed"} <= seen
