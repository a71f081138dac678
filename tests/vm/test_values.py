"""TEXT, TIME, ANY and plain arithmetic, instruction by instruction."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vm.hand import LEAST, MOST, Hand, Inv, Op, error_of, evaluate

INTS = st.integers(LEAST, MOST) | st.integers(-100, 100)
REALS = st.floats(allow_nan=False, allow_infinity=False)
SIGNS = {"LT": operator.lt, "LE": operator.le, "EQ": operator.eq, "NE": operator.ne, "GT": operator.gt, "GE": operator.ge}


@given(INTS, INTS)
def test_int_arithmetic_equals_exact_arithmetic(b: int, c: int) -> None:
    for op, exact in (("ADD_I", b + c), ("SUB_I", b - c), ("MUL_I", b * c)):
        assert evaluate(op, "I", ("I", b), ("I", c)) == (exact if LEAST <= exact <= MOST else Inv(2))


@given(REALS, REALS)
def test_real_arithmetic_is_ieee(b: float, c: float) -> None:
    for op, value in (("ADD_R", b + c), ("SUB_R", b - c), ("MUL_R", b * c)):
        assert evaluate(op, "R", ("R", b), ("R", c)) == (value if abs(value) < float("inf") else Inv(2))


@pytest.mark.parametrize("sign", ["LT", "LE", "EQ", "NE"])
@pytest.mark.parametrize(("letter", "low", "high"), [("I", -5, 5), ("R", -0.5, 0.25), ("M", 10, 20), ("T", "Aa", "ab"), ("B", False, True)])
def test_comparisons(sign: str, letter: str, low: object, high: object) -> None:
    for b, c in ((low, high), (high, low), (low, low)):
        assert evaluate(f"{sign}_{letter}", "B", (letter, b), (letter, c)) is SIGNS[sign](b, c)


def taken(op: Op, a: int | None, b: int, hand: Hand) -> bool:
    out = hand.out("I")
    hand.p.emit(Op.LOADI_I, out, 1)
    end = hand.p.label()
    hand.p.emit(op, a, b, end)
    hand.p.emit(Op.LOADI_I, out, 0)
    hand.p.place(end)
    return hand.run() == [1]


@pytest.mark.parametrize("sign", list(SIGNS))
@pytest.mark.parametrize(("letter", "low", "high"), [("I", -5, 5), ("R", -0.5, 0.25), ("M", 10, 20)])
def test_compare_and_branch(sign: str, letter: str, low: int, high: int) -> None:
    for b, c in ((low, high), (high, low), (low, low)):
        if sign not in ("GT", "GE"):
            hand = Hand()
            assert taken(getattr(Op, f"BR_{sign}_{letter}"), hand.load(letter, b), hand.load(letter, c), hand) is SIGNS[sign](b, c)
        if letter == "I":
            hand = Hand()
            assert taken(getattr(Op, f"BRI_{sign}_I"), hand.load("I", b), c, hand) is SIGNS[sign](b, c)
        if letter == "R":
            hand = Hand()
            assert taken(getattr(Op, f"BRK_{sign}_R"), hand.load("R", b), hand.unit.const(3, c), hand) is SIGNS[sign](b, c)


def test_a_conditional_way_back_is_expanded_and_charged() -> None:
    hand = Hand()
    i = hand.out("I")
    hand.p.emit(Op.LOADI_I, i, 0)
    top = hand.p.place(hand.p.label())
    hand.p.emit(Op.ADDI_I, i, i, 1)
    hand.p.emit(Op.BRI_LT_I, i, 50, top)
    assert hand.run() == [50]
    assert hand.script.fuel_used >= 49


# TEXT
def test_concatenation() -> None:
    assert evaluate("CAT_T", "T", ("T", "ža"), ("T", "ba")) == "žaba"
    assert evaluate("CAT_T", "T", ("T", ""), ("T", "")) == ""
    assert evaluate("CAT_T", "T", ("T", Inv(5)), ("T", "x")) == Inv(5)
    assert evaluate("CAT_T", "T", ("T", "x"), ("T", Inv(5))) == Inv(5)


def test_concatenation_in_place_and_with_itself() -> None:
    hand = Hand()
    a, b = hand.out("T"), hand.out("T")
    hand.p.emit(Op.MOV_T, a, hand.load("T", "ab"))
    hand.p.emit(Op.MOV_T, b, a)
    hand.p.emit(Op.CAT_T, a, a, hand.load("T", "c"))
    hand.p.emit(Op.CAT_T, a, a, a)
    hand.p.emit(Op.CAT_T, b, a, b)
    assert hand.run() == ["abcabc", "abcabcab"]


def test_a_text_longer_than_the_limit_is_cut() -> None:
    hand = Hand(limits={"text_chars": 5})
    a = hand.out("T")
    hand.p.emit(Op.CAT_T, a, hand.load("T", "žžž"), hand.load("T", "abcd"))
    assert hand.run() == ["žžžab"]


def test_length_counts_characters() -> None:
    assert evaluate("LEN_T", "I", ("T", "žaba")) == 4
    assert evaluate("LEN_T", "I", ("T", Inv(5))) == Inv(5)


def test_growing_a_text_stops_at_the_memory_limit_and_can_be_caught() -> None:
    hand = Hand(limits={"see_memory_bytes": 200_000, "text_chars": 10_000_000})
    number = hand.out("I")
    text = hand.load("T", "0123456789" * 100)
    handler, top = hand.p.label(), hand.p.label()
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, handler, x=3)
    hand.p.place(top)
    hand.p.action(2)
    hand.p.emit(Op.CAT_T, text, text, text)
    hand.p.emit(Op.LOOP, top)
    hand.p.place(handler)
    hand.p.action(3)
    hand.p.emit(Op.ERR_NR, number)
    assert hand.run() == [20]
    assert hand.script.memory_used <= 200_000


def test_memory_comes_back_when_a_request_ends() -> None:
    hand = Hand()
    a = hand.load("T", "x" * 1000)
    hand.p.emit(Op.CAT_T, a, a, a)
    hand.run()
    settled = hand.script.memory_used
    for _ in range(5):
        hand.script.start(1)
        hand.script.run(1000)
    assert hand.script.memory_used == settled


# TIME, without a zone: UTC
def test_time_arithmetic() -> None:
    assert evaluate("ADD_M", "M", ("M", 1_000_000), ("R", 1.5)) == 1_001_500
    assert evaluate("SUB_M", "M", ("M", 1_000_000), ("R", 1.5)) == 998_500
    assert evaluate("DIFF_M", "R", ("M", 2_500), ("M", 1_000)) == 1.5
    assert evaluate("ADD_M", "M", ("M", Inv(5)), ("R", 1.0)) == Inv(5)
    assert evaluate("ADD_M", "M", ("M", 0), ("R", Inv(6))) == Inv(6)
    assert evaluate("DIFF_M", "R", ("M", 0), ("M", Inv(6))) == Inv(6)


# ANY
@pytest.mark.parametrize("letter", ["B", "I", "R", "M", "T"])
def test_a_boxed_value_comes_back(letter: str) -> None:
    value = {"B": True, "I": 5, "R": 0.5, "M": 77, "T": "x"}[letter]
    hand = Hand()
    out = hand.out(letter)
    boxed = hand.load("A", (letter, value))
    hand.p.emit(getattr(Op, f"UNBOX_{letter}"), out, boxed)
    assert hand.run() == [value]


@pytest.mark.parametrize(
    ("inner", "value", "to", "result"),
    [("I", 1, "B", True), ("R", 2.5, "I", 3), ("T", "1", "I", Inv(3)), ("I", Inv(6), "T", Inv(6)), ("B", True, "R", 1.0)],
)
def test_unboxing_converts(inner: str, value: object, to: str, result: object) -> None:
    assert evaluate(f"UNBOX_{to}", to, ("A", (inner, value))) == result


BINARY = [
    (0, ("I", 2), ("I", 3), 5),
    (0, ("I", 2), ("R", 0.5), 2.5),
    (0, ("B", True), ("B", True), 2),
    (0, ("T", "a"), ("T", "b"), "ab"),
    (0, ("M", 1000), ("I", 2), 3000),
    (0, ("I", 2), ("M", 1000), 3000),
    (1, ("M", 3000), ("R", 1.0), 2000),
    (1, ("M", 3000), ("M", 1000), 2.0),
    (1, ("I", 2), ("I", 3), -1),
    (2, ("I", 6), ("I", 7), 42),
    (2, ("R", 1e200), ("R", 1e200), Inv(2)),
    (3, ("I", 1), ("I", 4), 0.25),
    (3, ("I", 1), ("I", 0), Inv(4)),
    (3, ("B", True), ("B", True), 1),
    (3, ("B", True), ("B", False), Inv(4)),
    (4, ("I", 12), ("I", 10), 8),
    (4, ("B", True), ("B", False), False),
    (5, ("B", True), ("B", False), True),
    (0, ("I", Inv(6)), ("T", "a"), Inv(6)),
    (2, ("T", "a"), ("R", Inv(5)), Inv(5)),
]


@pytest.mark.parametrize(("x", "b", "c", "result"), BINARY)
def test_operators_on_any(x: int, b: tuple[str, object], c: tuple[str, object], result: object) -> None:
    assert evaluate("BIN_ANY", "A", ("A", b), ("A", c), x=x) == result


@pytest.mark.parametrize(
    ("x", "b", "c"),
    [
        (0, ("T", "a"), ("I", 1)),
        (1, ("T", "a"), ("T", "b")),
        (1, ("I", 1), ("M", 5)),
        (2, ("M", 1), ("M", 1)),
        (0, ("M", 1), ("M", 1)),
        (5, ("I", 1), ("I", 1)),
        (4, ("I", 1), ("B", True)),
        (4, ("R", 1.0), ("R", 1.0)),
        (0, ("M", 1), ("T", "x")),
    ],
)
def test_pairs_of_types_without_the_operator(x: int, b: tuple[str, object], c: tuple[str, object]) -> None:
    assert error_of("BIN_ANY", ("A", b), ("A", c), x=x, result="A") == 15


@pytest.mark.parametrize(
    ("b", "c"),
    [(("I", 1), ("R", 1.5)), (("T", "a"), ("T", "b")), (("M", 1), ("M", 2)), (("B", False), ("I", 1)), (("B", False), ("B", True))],
)
def test_comparison_of_any(b: tuple[str, object], c: tuple[str, object]) -> None:
    for x, sign in enumerate(SIGNS.values()):
        assert evaluate("CMP_ANY", "B", ("A", b), ("A", c), x=x) is bool(sign(0, 1))


def test_comparison_of_any_that_cannot_be() -> None:
    assert error_of("CMP_ANY", ("A", ("T", "1")), ("A", ("I", 1)), result="B") == 15
    assert evaluate("CMP_ANY", "B", ("A", ("T", Inv(4))), ("A", ("I", 1))) == Inv(4)


def test_minus_and_not_of_any() -> None:
    assert evaluate("NEG_ANY", "A", ("A", ("I", 5))) == -5
    assert evaluate("NEG_ANY", "A", ("A", ("R", 0.5))) == -0.5
    assert evaluate("NEG_ANY", "A", ("A", ("T", Inv(4)))) == Inv(4)
    assert evaluate("NOT_ANY", "A", ("A", ("B", True))) is False
    assert error_of("NEG_ANY", ("A", ("T", "x")), result="A") == 15
    assert error_of("NOT_ANY", ("A", ("I", 1)), result="A") == 15
