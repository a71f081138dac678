"""RECORD: cells, rows, size, sharing until written, globals, memory."""

import struct

import pytest

from vm.hand import BY_OP, Arg, Hand, Inv, Mode, Op, ProcedureBuilder, Status, Type, decode, encode, load, to_end

RANGE, STATUS, NO_COMP, MEMORY = 4, 2, 5, 20
COLUMNS = [("B", Type.BOOL), ("I", Type.INT), ("R", Type.REAL), ("M", Type.TIME), ("T", Type.TEXT), ("O", Type.OBJECT)]
VALUES = {"B": True, "I": 5, "R": 0.5, "M": 77, "T": "x", "O": 12}
GLOBAL = 0x8000


class Rows(Hand):
    """A hand with one structure of an INT and a TEXT column."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.sd = self.unit.structure("SD.Pair", 7, [("N", Type.INT), ("S", Type.TEXT)])

    def record(self, *, out: bool = True) -> int:
        return self.p.param("r", Mode.OUT, Type.RECORD, self.sd) if out else self.p.slot(Type.RECORD, self.sd)

    def fill(self, record: int, *numbers: int, p: ProcedureBuilder | None = None) -> None:
        """Rows (n, "tn")."""
        p = p or self.p
        p.emit(Op.REDIM, record, load(self.unit, p, "I", len(numbers)))
        for row, n in enumerate(numbers, start=1):
            p.emit(Op.ST_I, record, load(self.unit, p, "I", row), load(self.unit, p, "I", n), x=0)
            p.emit(Op.ST_T, record, load(self.unit, p, "I", row), load(self.unit, p, "T", f"t{n}"), x=1)


def rows(*numbers: int) -> list[list[object]]:
    return [[n, f"t{n}"] for n in numbers]


EMPTY = [Inv(1), Inv(1)]


def test_every_column_type_stores_and_loads() -> None:
    hand = Hand()
    sd = hand.unit.structure("SD.All", 8, COLUMNS)
    outs = {letter: hand.out(letter) for letter in VALUES}
    record = hand.p.slot(Type.RECORD, sd)
    one = hand.load("I", 1)
    for column, letter in enumerate(VALUES):
        hand.p.emit(BY_OP[f"ST_{letter}"], record, one, hand.load(letter, VALUES[letter]), x=column)
    for column, letter in enumerate(VALUES):
        hand.p.emit(BY_OP[f"LD_{letter}"], outs[letter], record, one, x=column)
    assert hand.run() == list(VALUES.values())


@pytest.mark.parametrize("letter", list(VALUES))
def test_fresh_cells_are_undefined_and_invalid_values_pass(letter: str) -> None:
    if letter == "O":
        return
    hand = Hand()
    sd = hand.unit.structure("SD.All", 8, COLUMNS)
    fresh, stored = hand.out(letter), hand.out(letter)
    record, one = hand.p.slot(Type.RECORD, sd), hand.load("I", 1)
    column = list(VALUES).index(letter)
    hand.p.emit(BY_OP[f"LD_{letter}"], fresh, record, one, x=column)
    hand.p.emit(BY_OP[f"ST_{letter}"], record, one, hand.load(letter, Inv(5)), x=column)
    hand.p.emit(BY_OP[f"LD_{letter}"], stored, record, one, x=column)
    assert hand.run() == [Inv(1), Inv(5)]


def test_columns_over_255() -> None:
    hand = Hand()
    sd = hand.unit.structure("SD.Wide", 8, [(f"C{i}", Type.TEXT if i % 2 else Type.INT) for i in range(300)])
    number, text = hand.out("I"), hand.out("T")
    record, one = hand.p.slot(Type.RECORD, sd), hand.load("I", 1)
    for register, letter, value, column in ((number, "I", 7, 298), (text, "T", "wide", 299)):
        hand.p.emit(Op.STW, record, one, hand.load(letter, value))
        hand.p.emit(Op.EXT, column)
        hand.p.emit(Op.LDW, register, record, one)
        hand.p.emit(Op.EXT, column)
    assert hand.run() == [7, "wide"]


@pytest.mark.parametrize(("row", "number"), [(0, RANGE), (2, RANGE), (-1, RANGE), (2**62, RANGE), (Inv(3), STATUS)])
@pytest.mark.parametrize("op", ["LD_I", "ST_I", "LD_T", "ST_T", "LDW", "STW", "ROW_GET", "ROW_PUT"])
def test_a_row_outside_is_an_error(op: str, row: object, number: int) -> None:
    hand = Rows()
    record, other = hand.record(out=False), hand.record(out=False)
    index = hand.load("I", row)
    value = hand.load("T" if op.endswith("T") else "I", Inv(1))
    operands = {"LD": (value, record, index), "ST": (record, index, value)}.get(
        op[:2], (other, record, index) if op == "ROW_GET" else (record, index, other)
    )
    hand.p.emit(BY_OP[op], *operands, x=1 if op in ("LD_T", "ST_T") else 0)
    if op.endswith("W"):
        hand.p.emit(Op.EXT, 0)
    assert hand.fails().number == number


def test_redim_keeps_rows_and_fills_new_ones() -> None:
    hand = Rows()
    record = hand.record()
    before, after = hand.out("I"), hand.out("I")
    hand.p.emit(Op.DIM, before, record)
    hand.fill(record, 1, 2, 3)
    hand.p.emit(Op.REDIM, record, hand.load("I", 2))
    hand.p.emit(Op.REDIM, record, hand.load("I", 4))
    hand.p.emit(Op.DIM, after, record)
    assert hand.run() == [[*rows(1, 2), EMPTY, EMPTY], 1, 4]


@pytest.mark.parametrize(("count", "number"), [(-1, RANGE), (1_000_001, RANGE), (Inv(1), STATUS), (900_000, RANGE)])
def test_redim_that_cannot_be_leaves_the_record(count: object, number: int) -> None:
    hand = Rows(limits={"see_memory_bytes": 1_000_000})
    record, error = hand.record(), hand.out("I")
    hand.fill(record, 1)
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, x=1)
    hand.p.action(2)
    hand.p.emit(Op.REDIM, record, hand.load("I", count))
    hand.p.action(3)
    hand.p.emit(Op.ERR_NR, error)
    assert hand.run() == [rows(1), number]


def test_redim_to_nothing() -> None:
    hand = Rows()
    hand.p.emit(Op.REDIM, hand.record(), hand.load("I", 0))
    assert hand.run() == [[]]


@pytest.mark.parametrize(("before", "result"), [(1, (8, 9, 1, 2)), (2, (1, 8, 9, 2)), (3, (1, 2, 8, 9)), (-1, (1, 2, 8, 9))])
def test_insert(before: int, result: tuple[int, ...]) -> None:
    hand = Rows()
    to, source = hand.record(), hand.record(out=False)
    hand.fill(to, 1, 2)
    hand.fill(source, 8, 9)
    hand.p.emit(Op.INSERT, to, hand.load("I", before), source)
    assert hand.run() == [rows(*result)]


def test_insert_of_itself_and_of_a_range() -> None:
    hand = Rows()
    to = hand.record()
    hand.fill(to, 1, 2, 3)
    hand.p.emit(Op.INSERT, to, hand.load("I", 2), to)
    before, first, last = (hand.load("I", n) for n in (1, 5, 6))
    hand.p.emit(Op.INSERT_ROWS, to, before, to)
    hand.p.emit(Op.EXT, first, last)
    assert hand.run() == [rows(2, 3, 1, 1, 2, 3, 2, 3)]


@pytest.mark.parametrize(("before", "number"), [(0, RANGE), (4, RANGE), (-2, RANGE), (Inv(1), STATUS)])
def test_insert_outside(before: object, number: int) -> None:
    hand = Rows()
    to = hand.record(out=False)
    hand.fill(to, 1, 2)
    hand.p.emit(Op.INSERT, to, hand.load("I", before), to)
    assert hand.fails().number == number


def test_delete() -> None:
    hand = Rows()
    record = hand.record()
    hand.fill(record, 1, 2, 3, 4, 5)
    hand.p.emit(Op.DELETE, record, hand.load("I", 2), hand.load("I", 2))
    assert hand.run() == [rows(1, 4, 5)]


@pytest.mark.parametrize(("first", "count"), [(0, 1), (2, 2), (1, -1), (3, 1)])
def test_delete_outside(first: int, count: int) -> None:
    hand = Rows()
    record = hand.record(out=False)
    hand.fill(record, 1, 2)
    hand.p.emit(Op.DELETE, record, hand.load("I", first), hand.load("I", count))
    assert hand.fails().number == RANGE


def test_a_copy_is_shared_until_one_of_them_is_written() -> None:
    hand = Rows()
    first, second = hand.record(), hand.record()
    hand.fill(first, 1, 2)
    hand.p.emit(Op.MOV_C, second, first)
    hand.p.emit(Op.ST_I, second, hand.load("I", 1), hand.load("I", 9), x=0)
    assert hand.run() == [rows(1, 2), [[9, "t1"], [2, "t2"]]]


def test_set_with_needs_equal_rows_and_structures() -> None:
    for same_rows, same_structure, number in ((True, True, 0), (False, True, RANGE), (True, False, NO_COMP)):
        hand = Rows()
        other = hand.unit.structure("SD.Other", 8, [("N", Type.INT), ("S", Type.TEXT)])
        to, source = hand.record(), hand.p.slot(Type.RECORD, hand.sd if same_structure else other)
        hand.fill(source, 1, 2)
        hand.fill(to, *((3, 4) if same_rows else (3,)))
        hand.p.emit(Op.SET_WITH, to, source)
        if number:
            assert hand.fails().number == number
        else:
            assert hand.run() == [rows(1, 2)]


def test_rows_go_out_and_in() -> None:
    hand = Rows()
    record, row, first = hand.record(), hand.record(), hand.record()
    hand.fill(record, 1, 2)
    hand.p.emit(Op.ROW_GET, row, record, hand.load("I", 2))
    hand.p.emit(Op.LDI_ROW, first, record, 1)
    hand.p.emit(Op.ROW_PUT, record, hand.load("I", 1), row)
    assert hand.run() == [rows(2, 2), rows(2), rows(1)]


def test_a_row_of_another_structure_does_not_fit() -> None:
    hand = Rows()
    other = hand.p.slot(Type.RECORD, hand.unit.structure("SD.Other", 8, [("N", Type.INT)]))
    hand.p.emit(Op.ROW_PUT, hand.record(), hand.load("I", 1), other)
    assert hand.fails().number == NO_COMP


def test_new_record_is_one_invalid_row() -> None:
    hand = Rows()
    record = hand.record()
    hand.fill(record, 1, 2)
    hand.p.emit(Op.NEW_C, record)
    assert hand.run() == [[EMPTY]]


def test_global_records_are_reached_by_bit_15_from_every_procedure() -> None:
    hand = Rows()
    store = hand.init.slot(Type.RECORD, hand.sd)
    hand.fill(store, 1, 2, p=hand.init)
    copy, count = hand.record(), hand.out("I")
    hand.p.emit(Op.ST_I, store | GLOBAL, hand.load("I", 2), hand.load("I", 5), x=0)
    hand.p.emit(Op.DIM, count, store | GLOBAL)
    hand.p.emit(Op.MOV_C, copy, store | GLOBAL)
    hand.p.emit(Op.REDIM, store | GLOBAL, hand.load("I", 1))
    assert hand.run() == [[[1, "t1"], [5, "t2"]], 2]


def test_record_parameters_are_handed_over_by_value() -> None:
    hand = Rows()
    callee = hand.unit.procedure("Change")
    given = callee.param("a", Mode.IN, Type.RECORD, hand.sd)
    both = callee.param("b", Mode.INOUT, Type.RECORD, hand.sd)
    for record in (given, both):
        callee.emit(Op.ST_I, record, load(hand.unit, callee, "I", 1), load(hand.unit, callee, "I", 9), x=0)
    a, b = hand.record(), hand.record()
    hand.fill(a, 1)
    hand.fill(b, 2)
    hand.p.emit(Op.CALL, hand.unit.call(callee, [Arg(Mode.IN, Type.RECORD, a), Arg(Mode.INOUT, Type.RECORD, b)]))
    assert hand.run() == [rows(1), [[9, "t2"]]]


def record_payload(hbj: int, columns: list[tuple[int, bytes]], count: int) -> bytes:
    body = b"".join(bytes([kind]) + block for kind, block in columns)
    return b"\x01\x00\x06" + struct.pack("<IIH", hbj, count, len(columns)) + body


def test_a_record_argument_comes_and_goes_in_the_codec() -> None:
    hand = Rows()
    record = hand.p.param("r", Mode.INOUT, Type.RECORD, hand.sd)
    hand.p.emit(Op.ST_I, record, hand.load("I", 1), hand.load("I", 4), x=0)
    numbers = struct.pack("<qq", 1, 2)
    texts = struct.pack("<I", 2) + b"t1" + struct.pack("<I", 0xFFFFFFF5)
    assert hand.run(record_payload(7, [(2, numbers), (5, texts)], 2)) == [[[4, "t1"], [2, Inv(5)]]]


@pytest.mark.parametrize(
    "payload", [record_payload(8, [(2, b"\0" * 8), (5, struct.pack("<I", 0))], 1), record_payload(7, [(2, b"\0" * 8)], 1)]
)
def test_a_record_of_another_structure_is_refused(payload: bytes) -> None:
    hand = Rows()
    hand.p.param("r", Mode.INOUT, Type.RECORD, hand.sd)
    script = hand.script_of()
    script.start_init()
    to_end(script)
    script.start(1, payload)
    assert script.run(10) == Status.FAILED
    assert script.failure.number in (NO_COMP, 17)


def test_a_row_answer_of_an_action_reaches_its_register() -> None:
    hand = Rows()
    record, code = hand.record(), hand.out("I")
    args = [("I", 0), ("I", 1)]
    registers = [Arg(Mode.IN, Type.INT, hand.load(*a)) for a in args]
    tail = [
        Arg(Mode.IN, Type.INT, hand.load("I", 1)),
        Arg(Mode.IN, Type.TEXT, hand.load("T", Inv(1))),
        Arg(Mode.IN, Type.INT, hand.load("I", 0)),
    ]
    site = hand.unit.act(32, [*registers, Arg(Mode.OUT, Type.RECORD, record), Arg(Mode.OUT, Type.INT, code), *tail], waits=True)
    hand.p.emit(Op.ACT, site)
    script = hand.begin()
    assert to_end(script) == Status.ACTION
    assert decode(script.pending.payload) == [0, 1, 1, Inv(1), 0]  # OUT only: the record is not sent
    reply = b"\x02\x00" + record_payload(7, [(2, struct.pack("<q", 3)), (5, struct.pack("<I", 2) + b"t3")], 1)[2:] + encode(("I", 0))[2:]
    script.complete(reply)
    assert to_end(script) == Status.DONE
    assert decode(script.results()) == [rows(3), 0]


def test_records_are_charged_and_given_back() -> None:
    hand = Rows()
    store = hand.init.slot(Type.RECORD, hand.sd)
    hand.p.emit(Op.REDIM, store | GLOBAL, hand.load("I", 10_000))
    script = hand.begin()
    small = script.memory_used
    to_end(script)
    assert script.memory_used - small >= 10_000 * 16


def test_memory_refused_in_a_copy_is_an_error_of_its_own() -> None:
    hand = Rows(limits={"see_memory_bytes": 400_000})
    first, second = hand.record(out=False), hand.record(out=False)
    hand.p.emit(Op.REDIM, first, hand.load("I", 15_000))
    hand.p.emit(Op.MOV_C, second, first)
    hand.p.emit(Op.ST_I, second, hand.load("I", 1), hand.load("I", 9), x=0)
    assert hand.fails().number == MEMORY


def test_globals_that_do_not_fit_make_no_script() -> None:
    hand = Rows(limits={"see_memory_bytes": 100})
    with pytest.raises(MemoryError, match="globals"):
        hand.script_of()
