"""Objects, aliases, structured values and picture variables, read from CellTables."""

import pytest

from hisee._core.cells import CellTable
from hisee._core.library import Zone
from vm.hand import BY_OP, Arg, Hand, Inv, Mode, Op, Status, Type, decode, encode, to_end

NO_ALIAS, RANGE, NOT_FOUND, NO_COMP, STATUS = 3, 4, 8, 5, 2
LEVEL, NAME, SV, UNSET = 101, 102, 200, 103


@pytest.fixture
def cells() -> CellTable:
    table = CellTable()
    table.define(LEVEL, "REAL")
    table.define(NAME, "TEXT")
    table.define(UNSET, "INT")
    table.define(SV, "RECORD", rows=3, columns=["INT", "TEXT"])
    table.set(LEVEL, 1.5, 5000, True)
    table.set(NAME, "tank", 6000)
    for row in (1, 2, 3):
        table.set((SV, row, 1), row * 10, 7000)
        table.set((SV, row, 2), f"row {row}", 7000)
    return table


def reads(cells: CellTable, letter: str, hbj: int, row: object = 0, column: int = 0) -> object:
    hand = Hand(cells=cells)
    out = hand.out(letter)
    ref = hand.load("O", hbj)
    if column:
        hand.p.emit(Op.ITEM, ref, ref, hand.load("I", row), x=column)
    hand.p.emit(BY_OP[f"RD_{letter}"], out, ref)
    return hand.run()[0]


@pytest.mark.parametrize(
    ("letter", "hbj", "value"),
    [
        ("R", LEVEL, 1.5),
        ("I", LEVEL, 2),
        ("B", LEVEL, Inv(3)),
        ("T", LEVEL, Inv(3)),
        ("A", LEVEL, 1.5),
        ("T", NAME, "tank"),
        ("A", NAME, "tank"),
        ("R", NAME, Inv(3)),
        ("I", UNSET, Inv(1)),
        ("R", UNSET, Inv(1)),
    ],
)
def test_reading_converts_to_the_type_expected(cells: CellTable, letter: str, hbj: int, value: object) -> None:
    assert reads(cells, letter, hbj) == value
    hand = Hand(cells=cells)
    hand.p.emit(BY_OP[f"RDK_{letter}"], hand.out(letter), hand.unit.object("X", hbj, Type.ANY))
    assert hand.run() == [value]


def test_cells_of_a_structured_object(cells: CellTable) -> None:
    assert reads(cells, "I", SV, 2, 1) == 20
    assert reads(cells, "T", SV, 3, 2) == "row 3"


@pytest.mark.parametrize(
    ("row", "column", "number"), [(4, 1, RANGE), (-1, 1, RANGE), (1, 3, RANGE), (Inv(1), 1, STATUS), (2**40, 1, RANGE)]
)
def test_items_outside(cells: CellTable, row: object, column: int, number: int) -> None:
    hand = Hand(cells=cells)
    ref = hand.load("O", SV)
    hand.p.emit(Op.ITEM, ref, ref, hand.load("I", row), x=column)
    assert hand.fails().number == number


def test_wide_columns_and_directly_named_objects(cells: CellTable) -> None:
    hand = Hand(cells=cells)
    text, ref, two = hand.out("T"), hand.p.slot(Type.OBJECT), hand.load("I", 2)
    hand.p.emit(Op.OBJ, ref, hand.unit.object("SV.X", SV, Type.RECORD, 3, 2))
    hand.p.emit(Op.ITEMW, ref, ref, two)
    hand.p.emit(Op.EXT, 2)
    hand.p.emit(Op.RD_T, text, ref)
    assert hand.run() == ["row 2"]


@pytest.mark.parametrize("op", ["RD_R", "RD_T", "RD_A", "ATTR_VLD", "ATTR_TIM", "ATTR_WEA", "ATTR_DIM", "HBJ", "RD_C", "ITEM"])
def test_what_is_not_linked_cannot_be_used(cells: CellTable, op: str) -> None:
    hand = Hand(cells=cells)
    letter = {"ATTR_VLD": "B", "ATTR_TIM": "M", "ATTR_WEA": "B", "ATTR_DIM": "I", "HBJ": "I", "ITEM": "O"}.get(op, op[-1])
    none = hand.p.slot(Type.OBJECT)
    record = hand.p.slot(Type.RECORD, hand.unit.structure("SD", 7, [("A", Type.INT)]))
    out = record if op == "RD_C" else hand.out(letter)
    hand.p.emit(BY_OP[op], out, none, *([hand.load("I", 1)] if op == "ITEM" else []))
    assert hand.fails().number == NO_ALIAS


def test_linking_and_unlinking(cells: CellTable) -> None:
    hand = Hand(cells=cells)
    before, linked, after, number = hand.out("B"), hand.out("B"), hand.out("B"), hand.out("I")
    alias = hand.p.slot(Type.OBJECT)
    hand.p.emit(Op.LINKED, before, alias)
    hand.p.emit(Op.MOV_O, alias, hand.load("O", LEVEL))
    hand.p.emit(Op.LINKED, linked, alias)
    hand.p.emit(Op.HBJ, number, alias)
    hand.p.emit(Op.OBJ_NONE, alias)
    hand.p.emit(Op.LINKED, after, alias)
    assert hand.run() == [False, True, False, LEVEL]


@pytest.mark.parametrize(("hbj", "number"), [(Inv(1), STATUS), (0, NOT_FOUND), (-5, NOT_FOUND), (2**32, NOT_FOUND)])
def test_numbers_that_are_no_objects(cells: CellTable, hbj: object, number: int) -> None:
    hand = Hand(cells=cells)
    hand.p.emit(Op.OBJ_HBJ, hand.p.slot(Type.OBJECT), hand.load("I", hbj))
    assert hand.fails().number == number


def test_an_unknown_object_is_an_error_at_its_use(cells: CellTable) -> None:
    for table in (cells, None):
        hand = Hand(cells=table)
        hand.p.emit(Op.RD_R, hand.out("R"), hand.load("O", 999))
        assert hand.fails().number == NOT_FOUND


def test_attributes(cells: CellTable) -> None:
    hand = Hand(cells=cells)
    outs = [hand.out(letter) for letter in "BMBIB"]
    level, unset, sv = hand.load("O", LEVEL), hand.load("O", UNSET), hand.load("O", SV)
    hand.p.emit(Op.ATTR_VLD, outs[0], level)
    hand.p.emit(Op.ATTR_TIM, outs[1], level)
    hand.p.emit(Op.ATTR_WEA, outs[2], level)
    hand.p.emit(Op.ATTR_DIM, outs[3], sv)
    hand.p.emit(Op.ATTR_VLD, outs[4], unset)
    assert hand.run() == [True, 5000, True, 3, False]


def test_a_structured_object_as_record_whole_and_by_row(cells: CellTable) -> None:
    hand = Hand(cells=cells)
    sd = hand.unit.structure("SD.Pair", 7, [("N", Type.INT), ("S", Type.TEXT)])
    whole, row = (hand.p.param(name, Mode.OUT, Type.RECORD, sd) for name in ("whole", "row"))
    ref = hand.load("O", SV)
    hand.p.emit(Op.RD_C, whole, ref)
    hand.p.emit(Op.ITEM, ref, ref, hand.load("I", 2))
    hand.p.emit(Op.RD_C, row, ref)
    assert hand.run() == [[[n * 10, f"row {n}"] for n in (1, 2, 3)], [[20, "row 2"]]]


def test_a_structured_object_of_other_columns_does_not_fit(cells: CellTable) -> None:
    hand = Hand(cells=cells)
    sd = hand.unit.structure("SD.Other", 7, [("N", Type.REAL)])
    hand.p.emit(Op.RD_C, hand.p.slot(Type.RECORD, sd), hand.load("O", SV))
    assert hand.fails().number == NO_COMP


def test_a_read_sees_the_value_of_the_moment(cells: CellTable) -> None:
    hand = Hand(cells=cells)
    first, second = hand.out("R"), hand.out("R")
    level = hand.unit.object("H.Level", LEVEL, Type.REAL)
    hand.p.emit(Op.RDK_R, first, level)
    hand.p.emit(Op.ACT, hand.unit.act(5, [Arg(Mode.IN, Type.REAL, first)], waits=True))
    hand.p.emit(Op.RDK_R, second, level)
    script = hand.begin()
    assert to_end(script) == Status.ACTION
    cells.set(LEVEL, 2.5, 9000)
    script.complete()
    to_end(script)
    assert decode(script.results()) == [1.5, 2.5]


# picture variables
@pytest.fixture
def variables() -> CellTable:
    table = CellTable()
    for number, kind in enumerate(("BOOL", "INT", "REAL", "TIME", "TEXT"), start=1):
        table.define(number, kind)
    return table


VALUES = {"B": True, "I": 5, "R": 0.5, "M": 77, "T": "x"}


def test_a_write_is_seen_at_once_and_handed_out(variables: CellTable) -> None:
    hand = Hand(variables=variables)
    numbers = {letter: hand.unit.variable(f"_{letter}", kind) for letter, kind in zip(VALUES, (Type(n) for n in range(1, 6)), strict=True)}
    seen = {letter: hand.out(letter) for letter in VALUES}
    for letter, value in VALUES.items():
        register = hand.load(letter, value)
        hand.p.action(10 + numbers[letter])
        hand.p.emit(BY_OP[f"PV_WR_{letter}"], numbers[letter], register)
        hand.p.emit(BY_OP[f"PV_RD_{letter}"], seen[letter], numbers[letter])
    script = hand.begin()
    for index, value in enumerate(VALUES.values()):
        assert to_end(script) == Status.ACTION
        pending = script.pending
        assert (pending.number, pending.site, pending.waits, pending.line) == (2, -1, False, 10 + index)
        assert decode(pending.payload) == [index, value]
        assert variables.get(index + 1).value == value
        script.complete()
    assert to_end(script) == Status.DONE
    assert decode(script.results()) == list(VALUES.values())


def test_a_write_is_settled(variables: CellTable) -> None:
    hand = Hand(variables=variables)
    hand.unit.variable("_b", Type.BOOL), hand.unit.variable("_i", Type.INT)
    number = hand.unit.variable("_r", Type.REAL)
    hand.p.emit(Op.PV_WR_R, number, hand.load("R", float("inf")))
    script = hand.begin()
    to_end(script)
    assert decode(script.pending.payload) == [2, Inv(2)]
    assert variables.get(3).reason == 2


def test_variables_that_are_not_there(variables: CellTable) -> None:
    for table in (None, CellTable()):
        hand = Hand(variables=table)
        hand.p.emit(Op.PV_WR_I, hand.unit.variable("_i", Type.INT), hand.load("I", 1))
        assert hand.fails().number == NOT_FOUND


# the world
class World:
    zone = Zone("+2", offset_s=7200)

    def now_ms(self) -> int:
        return 86_400_000

    def tick_ms(self) -> float:
        return 1.0

    def random(self) -> int:
        return 2**64 - 1


def test_builtins_see_the_world_that_is_handed_in() -> None:
    from hisee.schema.functions import Fn

    hand = Hand(world=World())
    now = hand.out("M")
    hand.p.emit(Op.FN, hand.unit.fn(Fn.NOW, [], Arg(Mode.OUT, Type.TIME, now)))
    assert hand.run() == [86_400_000]


def test_an_error_of_the_world_reaches_the_host() -> None:
    from hisee.schema.functions import Fn

    class Broken(World):
        def now_ms(self) -> int:
            raise OSError("no clock")

    hand = Hand(world=Broken())
    hand.p.emit(Op.FN, hand.unit.fn(Fn.NOW, []))
    script = hand.begin()
    with pytest.raises(OSError, match="no clock"):
        script.run(100)


def test_object_arguments_travel_as_references(cells: CellTable) -> None:
    hand = Hand(cells=cells)
    alias, number = hand.p.param("a", Mode.IN, Type.OBJECT), hand.out("I")
    hand.p.emit(Op.HBJ, number, alias)
    assert hand.run(encode(("O", LEVEL), ("I", Inv(1)))) == [LEVEL]
