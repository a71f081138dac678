"""The edge table of docs/design/validity.md, instruction by instruction."""

import math
import struct

import pytest

from vm.hand import INF, INT_MIN, LEAST, MOST, Hand, Inv, Op, error_of, evaluate, nan

NAN3, NAN5 = nan(3), nan(5)
EITHER = {Inv(3), Inv(5)}


# V1: reasons of what stands in a register
@pytest.mark.parametrize(
    ("value", "reason"), [(INF, 2), (-INF, 2), (nan(0), 2), (nan(7), 7), (nan(15), 15), (nan(16), 3), (nan(1 << 40), 3)]
)
def test_reason_of_a_real_that_is_not_finite(value: float, reason: int) -> None:
    assert evaluate("MOV_R", "R", ("R", value)) == Inv(reason)


def test_sign_and_quiet_bit_do_not_count() -> None:
    signalling = struct.unpack("<d", struct.pack("<Q", 0xFFF0000000000004))[0]
    assert evaluate("MOV_R", "R", ("R", signalling)) == Inv(4)


def test_code_zero_of_int_reads_as_out_of_range() -> None:
    assert evaluate("MOV_I", "I", ("I", INT_MIN)) == Inv(2)


# rows 1-3: infinities and reasons in + - *
@pytest.mark.parametrize(("op", "b", "c"), [("SUB_R", INF, INF), ("ADD_R", INF, -INF), ("MUL_R", 0.0, INF), ("MUL_R", 1e200, 1e200)])
def test_no_finite_result_is_reason_2(op: str, b: float, c: float) -> None:
    assert evaluate(op, "R", ("R", b), ("R", c)) == Inv(2)


@pytest.mark.parametrize("op", ["ADD_R", "SUB_R", "MUL_R", "DIV_R"])
def test_with_two_invalid_operands_one_of_their_reasons_stays(op: str) -> None:
    assert evaluate(op, "R", ("R", NAN3), ("R", NAN5)) in EITHER


@pytest.mark.parametrize("op", ["ADD_R", "SUB_R", "MUL_R"])
@pytest.mark.parametrize("other", [0.0, 1.0, INF])
def test_one_invalid_operand_gives_its_reason_on_either_side(op: str, other: float) -> None:
    assert evaluate(op, "R", ("R", NAN5), ("R", other)) == Inv(5)
    assert evaluate(op, "R", ("R", other), ("R", NAN5)) == Inv(5)


# rows 4-6, 31: division (V3)
@pytest.mark.parametrize(
    ("b", "c", "result"),
    [
        (1.0, INF, Inv(2)),
        (1.0, -INF, Inv(2)),
        (1.0, NAN5, Inv(5)),
        (1.0, 0.0, Inv(4)),
        (0.0, 0.0, Inv(4)),
        (1.0, -0.0, Inv(4)),
        (NAN3, 0.0, Inv(3)),
        (INF, 0.0, Inv(2)),
        (INF, 2.0, Inv(2)),
        (NAN3, 2.0, Inv(3)),
        (1.0, 4.0, 0.25),
        (1e308, 1e-308, Inv(2)),
    ],
)
def test_division(b: float, c: float, result: object) -> None:
    assert evaluate("DIV_R", "R", ("R", b), ("R", c)) == result


def test_division_by_a_constant_follows_the_same_rule() -> None:
    for value, result in ((0.0, Inv(4)), (INF, Inv(2)), (4.0, 0.25)):
        hand = Hand()
        a = hand.out("R")
        hand.p.emit(Op.DIVK_R, a, hand.load("R", 1.0), hand.unit.const(3, value))
        assert hand.run() == [result]


@pytest.mark.parametrize(
    ("b", "c", "result"), [(7, 2, 3.5), (4, 2, 2.0), (1, 0, Inv(4)), (0, 0, Inv(4)), (INT_MIN + 6, 0, Inv(6)), (1, INT_MIN + 6, Inv(6))]
)
def test_int_by_int_is_real(b: int, c: int, result: object) -> None:
    assert evaluate("DIV_II", "R", ("I", b), ("I", c)) == result


# rows 7, 8: comparisons look (V4)
@pytest.mark.parametrize("op", ["LT", "LE", "EQ", "NE"])
@pytest.mark.parametrize(("b", "c"), [(INF, 1.0), (1.0, INF), (-INF, 1.0), (1.0, -INF), (INF, INF)])
def test_comparison_with_an_infinity_is_invalid(op: str, b: float, c: float) -> None:
    assert evaluate(f"{op}_R", "B", ("R", b), ("R", c)) == Inv(2)
    assert error_of(f"BR_{op}_R", ("R", b), ("R", c), label=True) == 2


@pytest.mark.parametrize("op", ["LT", "LE", "EQ", "NE"])
def test_comparison_carries_the_reason(op: str) -> None:
    assert evaluate(f"{op}_R", "B", ("R", NAN5), ("R", 1.0)) == Inv(5)
    assert evaluate(f"{op}_I", "B", ("I", 1), ("I", INT_MIN + 6)) == Inv(6)
    assert evaluate(f"{op}_M", "B", ("M", INT_MIN + 6), ("M", 1)) == Inv(6)
    assert evaluate(f"{op}_T", "B", ("T", Inv(5)), ("T", "a")) == Inv(5)
    assert evaluate(f"{op}_B", "B", ("B", True), ("B", Inv(4))) == Inv(4)


@pytest.mark.parametrize("op", ["LT", "LE", "EQ", "NE"])
@pytest.mark.parametrize(("letter", "bad"), [("R", NAN3), ("I", INT_MIN + 3), ("M", INT_MIN + 3)])
def test_branch_on_an_invalid_operand_is_an_error_on_both_sides(op: str, letter: str, bad: object) -> None:
    good = 1.0 if letter == "R" else 1
    assert error_of(f"BR_{op}_{letter}", (letter, bad), (letter, good), label=True) == 2
    assert error_of(f"BR_{op}_{letter}", (letter, good), (letter, bad), label=True) == 2


@pytest.mark.parametrize("op", ["LT", "LE", "EQ", "NE", "GT", "GE"])
def test_branch_with_an_immediate_or_a_constant_tests_its_register(op: str) -> None:
    assert error_of(f"BRI_{op}_I", ("I", INT_MIN + 1), imm=5, label=True) == 2
    hand = Hand()
    hand.p.action(1)
    end = hand.p.label()
    hand.p.emit(getattr(Op, f"BRK_{op}_R"), hand.load("R", INF), hand.unit.const(3, 1.0), end)
    hand.p.place(end)
    assert hand.fails().number == 2


# rows 9, 10: conversions (V5)
@pytest.mark.parametrize(
    ("value", "result"),
    [
        (2.5, 3),
        (-2.5, -3),
        (0.49999999999999994, 0),
        (-0.0, 0),
        (9007199254740993.0, 9007199254740992),
        (INF, Inv(2)),
        (NAN5, Inv(5)),
        (1e30, Inv(2)),
        (9223372036854775808.0, Inv(2)),
        (-9223372036854775808.0, Inv(2)),
        (9223372036854774784.0, 9223372036854774784),
    ],
)
def test_real_to_int(value: float, result: object) -> None:
    assert evaluate("CVT_RI", "I", ("R", value)) == result


@pytest.mark.parametrize(("value", "result"), [(1.2, True), (0.4, False), (2.0, Inv(3)), (INF, Inv(2)), (NAN5, Inv(5))])
def test_real_to_bool(value: float, result: object) -> None:
    assert evaluate("CVT_RB", "B", ("R", value)) == result


@pytest.mark.parametrize(("value", "result"), [(5, 5.0), (INT_MIN + 6, Inv(6)), (MOST, 9223372036854775808.0)])
def test_int_to_real(value: int, result: object) -> None:
    assert evaluate("CVT_IR", "R", ("I", value)) == result


@pytest.mark.parametrize(("value", "result"), [(0, False), (1, True), (2, Inv(3)), (-1, Inv(3)), (INT_MIN + 6, Inv(6))])
def test_int_to_bool(value: int, result: object) -> None:
    assert evaluate("CVT_IB", "B", ("I", value)) == result


# rows 11-17: INT (V6)
def test_minus_at_the_ends_of_the_range() -> None:
    assert evaluate("NEG_I", "I", ("I", LEAST)) == MOST - 15
    for k in range(15):
        assert evaluate("NEG_I", "I", ("I", MOST - k)) == Inv(2)
    assert evaluate("NEG_I", "I", ("I", MOST - 15)) == LEAST
    assert evaluate("NEG_I", "I", ("I", INT_MIN + 5)) == Inv(5)
    assert evaluate("NEG_I", "I", ("I", INT_MIN)) == Inv(2)
    assert evaluate("ABS_I", "I", ("I", LEAST)) == MOST - 15
    assert evaluate("ABS_I", "I", ("I", INT_MIN + 5)) == Inv(5)


@pytest.mark.parametrize(
    ("op", "b", "c"),
    [
        ("ADD_I", MOST, 1),
        ("ADD_I", LEAST, -1),
        ("SUB_I", LEAST, 16),
        ("SUB_I", -1, MOST),
        ("MUL_I", 2**32, 2**31),
        ("MUL_I", -(2**62), 2),
        ("ADD_I", LEAST, -16),
    ],
)
def test_an_exact_result_outside_the_range_is_reason_2(op: str, b: int, c: int) -> None:
    exact = {"ADD_I": b + c, "SUB_I": b - c, "MUL_I": b * c}[op]
    assert not LEAST <= exact <= MOST
    assert evaluate(op, "I", ("I", b), ("I", c)) == Inv(2)


@pytest.mark.parametrize("op", ["ADD_I", "SUB_I", "MUL_I", "AND_I", "MOD_I", "IDIV_I", "MIN_I", "MAX_I"])
def test_an_invalid_int_keeps_its_reason(op: str) -> None:
    assert evaluate(op, "I", ("I", INT_MIN + 6), ("I", 1)) == Inv(6)
    assert evaluate(op, "I", ("I", 1), ("I", INT_MIN + 6)) == Inv(6)
    assert evaluate(op, "I", ("I", INT_MIN + 3), ("I", INT_MIN + 5)) in EITHER


@pytest.mark.parametrize("op", ["ADDI_I", "MULI_I", "MODI_I"])
def test_an_invalid_int_keeps_its_reason_with_an_immediate(op: str) -> None:
    assert evaluate(op, "I", ("I", INT_MIN + 6), imm=3) == Inv(6)


def test_and_of_two_valid_numbers_can_hit_the_codes() -> None:
    b, c = LEAST, INT_MIN + 16 + 3
    assert evaluate("AND_I", "I", ("I", b), ("I", c)) == LEAST
    assert evaluate("AND_I", "I", ("I", INT_MIN + 3 + 32), ("I", INT_MIN + 3 + 64)) == Inv(2)
    assert evaluate("AND_I", "I", ("I", 12), ("I", 10)) == 8


@pytest.mark.parametrize(
    ("b", "c", "mod", "div"),
    [(-7, 3, 2, -2), (7, -3, -2, -2), (-7, -3, -1, 2), (7, 0, Inv(4), Inv(4)), (LEAST, -1, 0, MOST - 15), (2**40, 7, 2, 2**40 // 7)],
)
def test_mod_has_the_divisors_sign_and_div_goes_to_zero(b: int, c: int, mod: object, div: object) -> None:
    assert evaluate("MOD_I", "I", ("I", b), ("I", c)) == mod
    assert evaluate("IDIV_I", "I", ("I", b), ("I", c)) == div


@pytest.mark.parametrize(("b", "imm"), [(-7, 3), (7, 3), (2**40 + 5, 7), (MOST, 32767), (LEAST, 10)])
def test_mod_by_an_immediate_equals_mod(b: int, imm: int) -> None:
    assert evaluate("MODI_I", "I", ("I", b), imm=imm) == b % imm


def test_for_up_to_the_greatest_int_ends() -> None:
    hand = Hand()
    i, turns = hand.out("I"), hand.out("I")
    hand.p.emit(Op.LOADI_I, turns, 0)
    hand.p.emit(Op.LOADK_I, i, hand.unit.const(2, MOST - 2))
    high = hand.load("I", MOST)
    end, top = hand.p.label(), hand.p.label()
    hand.p.emit(Op.FOR_PREP, i, high, end)
    hand.p.place(top)
    hand.p.emit(Op.ADDI_I, turns, turns, 1)
    hand.p.emit(Op.FOR, i, high, top)
    hand.p.place(end)
    assert hand.run() == [Inv(2), 3]


# rows 18, 19: BOOL is strict (V8)
@pytest.mark.parametrize("op", ["AND_B", "OR_B"])
@pytest.mark.parametrize("other", [True, False])
def test_bool_operators_are_strict(op: str, other: bool) -> None:
    assert evaluate(op, "B", ("B", Inv(3)), ("B", other)) == Inv(3)
    assert evaluate(op, "B", ("B", other), ("B", Inv(3))) == Inv(3)


def test_bool_tables() -> None:
    for b in (False, True):
        assert evaluate("NOT_B", "B", ("B", b)) is (not b)
        for c in (False, True):
            assert evaluate("AND_B", "B", ("B", b), ("B", c)) is (b and c)
            assert evaluate("OR_B", "B", ("B", b), ("B", c)) is (b or c)
    assert evaluate("NOT_B", "B", ("B", Inv(6))) == Inv(6)


@pytest.mark.parametrize(
    ("b", "c", "result"), [(True, True, 1), (False, True, 0), (True, False, Inv(4)), (Inv(3), False, Inv(3)), (True, Inv(5), Inv(5))]
)
def test_bool_by_bool(b: object, c: object, result: object) -> None:
    assert evaluate("DIV_B", "I", ("B", b), ("B", c)) == result


@pytest.mark.parametrize(("op", "letter"), [("CVT_BI", "I"), ("CVT_BR", "R")])
def test_bool_as_number(op: str, letter: str) -> None:
    assert evaluate(op, letter, ("B", True)) == 1
    assert evaluate(op, letter, ("B", Inv(5))) == Inv(5)


# row 20: hot functions look at their arguments (V9)
@pytest.mark.parametrize("op", ["ABS_R", "SQRT_R"])
def test_inlined_functions_of_one_argument(op: str) -> None:
    assert evaluate(op, "R", ("R", INF)) == Inv(2)
    assert evaluate(op, "R", ("R", NAN5)) == Inv(5)


def test_root() -> None:
    assert evaluate("SQRT_R", "R", ("R", 2.25)) == 1.5
    assert evaluate("SQRT_R", "R", ("R", -1.0)) == Inv(2)


@pytest.mark.parametrize("op", ["MIN_R", "MAX_R"])
def test_min_and_max_of_reals_are_strict(op: str) -> None:
    assert evaluate(op, "R", ("R", INF), ("R", 1.0)) == Inv(2)
    assert evaluate(op, "R", ("R", 1.0), ("R", NAN5)) == Inv(5)
    assert evaluate(op, "R", ("R", 1.0), ("R", 2.0)) == (1.0 if op == "MIN_R" else 2.0)


# row 23: superinstructions are equal to their parts (V10)
@pytest.mark.parametrize(("a", "b", "c"), [(1e16, 1.1, 1.1), (-1.21, 1.1, 1.1), (-1e308, 1e200, 1e200), (0.1, 0.2, 0.3)])
def test_multiply_add_rounds_twice(a: float, b: float, c: float) -> None:
    hand = Hand()
    out = hand.out("R")
    hand.p.emit(Op.MOV_R, out, hand.load("R", a))
    hand.p.emit(Op.MULADD_R, out, hand.load("R", b), hand.load("R", c))
    expected = a + b * c
    assert hand.run() == [expected if math.isfinite(expected) else Inv(2)]


# row 27: nothing that leaves is an infinity (V11)
def test_results_are_settled() -> None:
    assert evaluate("ADD_R", "R", ("R", INF), ("R", 1.0)) == Inv(2)


# row 29: what is fresh is invalid, reason 1 (V13)
@pytest.mark.parametrize("letter", ["B", "I", "R", "M", "T", "A"])
def test_fresh_registers_are_undefined(letter: str) -> None:
    hand = Hand()
    hand.out(letter)
    assert hand.run() == [Inv(1)]


@pytest.mark.parametrize("letter", ["B", "I", "R", "M", "T", "A"])
def test_valid_is_never_invalid(letter: str) -> None:
    assert evaluate(f"VALID_{letter}", "B", (letter, Inv(3))) is False


@pytest.mark.parametrize(("letter", "bad"), [("I", INT_MIN), ("R", INF), ("R", nan(0))])
def test_valid_sees_what_is_only_looked_at_lazily(letter: str, bad: object) -> None:
    assert evaluate(f"VALID_{letter}", "B", (letter, bad)) is False


@pytest.mark.parametrize(
    ("op", "letter"), [("BR_TRUE", "B"), ("BR_FALSE", "B"), ("VALID_TEST", "B"), ("VALID_TEST_I", "I"), ("VALID_TEST_R", "R")]
)
def test_conditions_must_be_valid(op: str, letter: str) -> None:
    assert error_of(op, (letter, Inv(1)), label=op.startswith("BR")) == 2
