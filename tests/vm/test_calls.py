"""Local calls, builtins and actions: modes, conversions, copy-back; globals."""

import pytest

from vm.hand import (
    BY_OP,
    LEAST,
    MOST,
    NUMBER,
    UNCHANGED,
    Arg,
    Hand,
    Inv,
    Kind,
    Mode,
    Op,
    Status,
    Type,
    UnitBuilder,
    decode,
    encode,
    load,
    to_end,
)

FN_IFINVALID, FN_STRLEN, FN_ISVALID = 103, 601, 101
DELAY, CALL_OTHER, PVAR_WRITE, LOG = 5, 6, 2, 10


def test_in_out_and_inout_of_a_local_call() -> None:
    hand = Hand()
    callee = hand.unit.procedure("Mix")
    a = callee.param("a", Mode.IN, Type.INT)
    b = callee.param("b", Mode.OUT, Type.INT)
    c = callee.param("c", Mode.INOUT, Type.INT)
    callee.emit(Op.ADDI_I, c, c, 1)
    callee.emit(Op.ADD_I, b, a, c)
    callee.emit(Op.LOADI_I, a, 0)
    x, y, z = hand.out("I"), hand.out("I"), hand.out("I")
    for register, value in ((x, 10), (y, 20), (z, 30)):
        hand.p.emit(Op.LOADI_I, register, value)
    hand.p.emit(Op.CALL, hand.unit.call(callee, [Arg(Mode.IN, Type.INT, x), Arg(Mode.OUT, Type.INT, y), Arg(Mode.INOUT, Type.INT, z)]))
    assert hand.run() == [10, 41, 31]


@pytest.mark.parametrize(
    ("given", "value", "wanted", "seen"),
    [
        ("I", 3, "R", 3.0),
        ("R", 2.5, "I", 3),
        ("B", True, "I", 1),
        ("T", "a", "I", Inv(3)),
        ("I", 2, "B", Inv(3)),
        ("R", Inv(5), "I", Inv(5)),
        ("I", 7, "A", 7),
        ("A", ("R", 1.5), "I", 2),
        ("A", ("T", "x"), "T", "x"),
        ("M", 5, "T", Inv(3)),
        ("T", Inv(4), "R", Inv(4)),
    ],
)
def test_arguments_are_converted_both_ways(given: str, value: object, wanted: str, seen: object) -> None:
    hand = Hand()
    callee = hand.unit.procedure("Take")
    parameter = callee.param("x", Mode.INOUT, NUMBER[wanted])
    seen_by_callee = callee.param("y", Mode.OUT, NUMBER[wanted])
    callee.emit(BY_OP[f"MOV_{wanted}"], seen_by_callee, parameter)
    out = hand.out(wanted)
    argument = hand.load(given, value)
    hand.p.emit(Op.CALL, hand.unit.call(callee, [Arg(Mode.INOUT, NUMBER[given], argument), Arg(Mode.OUT, NUMBER[wanted], out)]))
    assert hand.run() == [seen]


def test_a_value_may_be_handed_to_an_inout_parameter() -> None:
    hand = Hand()
    callee = hand.unit.procedure("Inc")
    n = callee.param("n", Mode.INOUT, Type.INT)
    callee.emit(Op.ADDI_I, n, n, 1)
    x = hand.out("I")
    hand.p.emit(Op.LOADI_I, x, 1)
    hand.p.emit(Op.CALL, hand.unit.call(callee, [Arg(Mode.IN, Type.INT, x)]))
    assert hand.run() == [1]


def test_recursion_has_registers_of_its_own() -> None:
    hand = Hand()
    fib = hand.unit.procedure("Fib")
    n, r = fib.param("n", Mode.IN, Type.INT), fib.param("r", Mode.OUT, Type.INT)
    a, b, c = fib.slot(Type.INT), fib.slot(Type.INT), fib.slot(Type.INT)
    more = fib.label()
    fib.emit(Op.BRI_GE_I, n, 2, more)
    fib.emit(Op.MOV_I, r, n)
    fib.emit(Op.RET)
    fib.place(more)
    for distance, result in ((-1, b), (-2, c)):
        fib.emit(Op.ADDI_I, a, n, distance)
        fib.emit(Op.CALL, hand.unit.call(fib, [Arg(Mode.IN, Type.INT, a), Arg(Mode.OUT, Type.INT, result)]))
    fib.emit(Op.ADD_I, r, b, c)
    out, arg = hand.out("I"), hand.load("I", 15)
    hand.p.emit(Op.CALL, hand.unit.call(fib, [Arg(Mode.IN, Type.INT, arg), Arg(Mode.OUT, Type.INT, out)]))
    assert hand.run() == [610]


def test_builtin_with_and_without_result() -> None:
    hand = Hand()
    length, chosen = hand.out("I"), hand.out("A")
    text = hand.load("T", "žaba")
    bad, good = hand.load("I", Inv(3)), hand.load("I", 9)
    hand.p.emit(Op.FN, hand.unit.fn(FN_STRLEN, [Arg(Mode.IN, Type.TEXT, text)], Arg(Mode.OUT, Type.INT, length)))
    hand.p.emit(
        Op.FN, hand.unit.fn(FN_IFINVALID, [Arg(Mode.IN, Type.INT, bad), Arg(Mode.IN, Type.INT, good)], Arg(Mode.OUT, Type.ANY, chosen))
    )
    hand.p.emit(Op.FN, hand.unit.fn(FN_STRLEN, [Arg(Mode.IN, Type.TEXT, text)]))
    assert hand.run() == [4, 9]


def test_a_builtins_result_is_converted_to_its_register() -> None:
    hand = Hand()
    length = hand.out("R")
    hand.p.emit(Op.FN, hand.unit.fn(FN_STRLEN, [Arg(Mode.IN, Type.TEXT, hand.load("T", "abc"))], Arg(Mode.OUT, Type.REAL, length)))
    assert hand.run() == [3.0]


def test_builtins_use_fuel() -> None:
    hand = Hand(limits={"fuel_per_event": 100})
    text = hand.load("T", "x" * 3200)
    for _ in range(3):
        hand.p.emit(Op.FN, hand.unit.fn(607, [Arg(Mode.IN, Type.TEXT, text), Arg(Mode.IN, Type.TEXT, text)]))
    assert hand.fails().limit == "fuel_per_event"


def test_globals_live_as_long_as_the_script_and_recur_in_every_request() -> None:
    hand = Hand()
    kinds = "BIRMTOA"
    places = {letter: hand.init.slot(NUMBER[letter]) for letter in kinds}
    values = {"B": True, "I": 5, "R": 0.5, "M": 77, "T": "x", "O": 12, "A": ("T", "any")}
    for letter in kinds:
        hand.init.emit(BY_OP[f"MOV_{letter}"], places[letter], load(hand.unit, hand.init, letter, values[letter]))
    for letter in kinds:
        register = hand.out(letter)
        hand.p.emit(BY_OP[f"GLOAD_{letter}"], register, places[letter])
    counter = hand.p.slot(Type.INT)
    hand.p.emit(Op.GLOAD_I, counter, places["I"])
    hand.p.emit(Op.ADDI_I, counter, counter, 1)
    hand.p.emit(Op.GSTORE_I, places["I"], counter)
    for letter in "BRMTOA":
        hand.p.emit(BY_OP[f"GSTORE_{letter}"], places[letter], hand.p.parameters["BIRMTOA".index(letter)].register)
    expected = [True, 5, 0.5, 77, "x", 12, "any"]
    assert hand.run() == expected
    expected[1] = 6
    hand.script.start(1, encode(*[("I", UNCHANGED)] * 7))
    assert to_end(hand.script) == Status.DONE
    assert decode(hand.script.results()) == expected


def test_arguments_and_results_of_a_request() -> None:
    hand = Hand()
    a, b = hand.p.param("a", Mode.IN, Type.REAL), hand.p.param("b", Mode.INOUT, Type.TEXT)
    c = hand.p.param("c", Mode.OUT, Type.REAL)
    hand.p.emit(Op.ADD_R, c, a, a)
    hand.p.emit(Op.CAT_T, b, b, b)
    script = hand.begin(encode(("I", 4), ("T", "ab"), ("I", UNCHANGED)))
    assert to_end(script) == Status.DONE
    assert decode(script.results()) == [UNCHANGED, "abab", 8.0]


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (encode(("I", 1)), 6),
        (encode(*[("I", 1)] * 3), 6),
        (b"\x02\x00\x03", 17),
        (b"", 17),
        (encode(("O", 5), ("I", 1)), 17),
        (b"\x02\x00\x46\x00\x00", 17),
    ],
)
def test_arguments_that_do_not_fit_fail_before_the_first_line(arguments: bytes, number: int) -> None:
    hand = Hand()
    hand.p.param("a", Mode.IN, Type.INT), hand.p.param("b", Mode.IN, Type.INT)
    script = hand.script_of()
    script.start_init()
    to_end(script)
    script.start(1, arguments)
    assert script.run(10) == Status.FAILED
    assert (script.failure.number, script.failure.line, script.failure.procedure) == (number, 0, "P")
    script.start(1, encode(("I", 1), ("I", 2)))
    assert to_end(script) == Status.DONE


def waiting(hand: Hand, number: int, args: list[Arg], *, waits: bool = True) -> int:
    hand.p.action(42)
    site = hand.unit.act(number, args, waits=waits)
    hand.p.emit(Op.ACT, site)
    return site


def test_an_action_hands_out_its_operands_and_takes_its_answer() -> None:
    hand = Hand()
    code, x, y = hand.out("I"), hand.out("R"), hand.out("T")
    hand.p.emit(Op.MOV_R, x, hand.load("R", 1.5))
    flags, name, modes = hand.load("I", 2), hand.load("T", "Remote"), hand.load("T", "=<=")
    constant = hand.load("I", 3)
    args = [
        Arg(Mode.IN, Type.INT, flags),
        Arg(Mode.IN, Type.TEXT, name),
        Arg(Mode.IN, Type.TEXT, modes),
        Arg(Mode.OUT, Type.INT, code),
        Arg(Mode.INOUT, Type.REAL, x),
        Arg(Mode.IN, Type.INT, constant),
        Arg(Mode.INOUT, Type.TEXT, y),
    ]
    site = waiting(hand, CALL_OTHER, args)
    script = hand.begin()
    assert script.run(1000) == Status.ACTION
    pending = script.pending
    assert (pending.number, pending.site, pending.line, pending.waits, script.line) == (CALL_OTHER, site, 42, True, 42)
    assert decode(pending.payload) == [2, "Remote", "=<=", 1.5, 3, Inv(1)]
    assert script.run(1000) == Status.ACTION
    script.complete(encode(("I", 0), ("I", 4), ("T", "back")), 7)
    assert script.pending is None
    assert to_end(script) == Status.DONE
    assert decode(script.results()) == [0, 4.0, "back"]


def test_unchanged_in_an_answer_leaves_the_register() -> None:
    hand = Hand()
    answer, extended = hand.out("I"), hand.out("I")
    hand.p.emit(Op.LOADI_I, answer, 11)
    console, text = hand.p.slot(Type.OBJECT), hand.load("T", "?")
    single, seconds = hand.load("B", True), hand.load("I", 5)
    waiting(
        hand,
        13,
        [
            Arg(Mode.IN, Type.TEXT, text),
            Arg(Mode.IN, Type.BOOL, single),
            Arg(Mode.IN, Type.OBJECT, console),
            Arg(Mode.IN, Type.INT, seconds),
            Arg(Mode.OUT, Type.INT, answer),
        ],
    )
    hand.p.emit(Op.ERR_EXT, extended)
    script = hand.begin()
    to_end(script)
    assert decode(script.pending.payload) == ["?", True, 0, 5.0]  # seconds are REAL: converted on the way out
    script.complete(encode(("I", UNCHANGED)), 9)
    to_end(script)
    assert decode(script.results()) == [11, 9]


def test_a_failed_action_raises_at_its_line_with_text_and_extended_code() -> None:
    hand = Hand()
    number, line, extended, text = hand.out("I"), hand.out("I"), hand.out("I"), hand.out("T")
    handler = hand.p.label()
    hand.p.emit(Op.ON_ERR, handler, x=3)
    waiting(hand, DELAY, [Arg(Mode.IN, Type.REAL, hand.load("R", 1.0))])
    hand.p.place(handler)
    hand.p.action(43)
    for op, register in ((Op.ERR_NR, number), (Op.ERR_LINE, line), (Op.ERR_EXT, extended), (Op.ERR_MSG, text)):
        hand.p.emit(op, register)
    script = hand.begin()
    to_end(script)
    script.fail(21, 15, "too late")
    assert to_end(script) == Status.DONE
    assert decode(script.results()) == [21, 42, 15, "too late"]


@pytest.mark.parametrize("payload", [b"", b"\x00\x00", encode(("I", 1), ("I", 2)), b"\xff\xff\xff", encode(("O", 1))])
def test_an_answer_that_does_not_fit_is_an_error_of_the_script(payload: bytes) -> None:
    hand = Hand()
    handle, result = hand.load("I", 1), hand.out("B")
    waiting(hand, 203, [Arg(Mode.IN, Type.INT, handle), Arg(Mode.OUT, Type.BOOL, result)])
    script = hand.begin()
    to_end(script)
    script.complete(payload)
    assert to_end(script) == Status.FAILED
    assert script.failure.number in (11, 17)


def test_host_calls_out_of_turn_are_refused() -> None:
    hand = Hand()
    waiting(hand, DELAY, [Arg(Mode.IN, Type.REAL, hand.load("R", 1.0))])
    script = hand.script_of()
    with pytest.raises(RuntimeError, match="no action"):
        script.complete()
    script.start_init()
    with pytest.raises(RuntimeError, match="under way"):
        script.start(1)
    to_end(script)
    with pytest.raises(IndexError):
        script.start(2)
    with pytest.raises(IndexError):
        script.start(0)
    with pytest.raises(ValueError, match="slice"):
        script.run(0)
    script.close()
    script.close()
    with pytest.raises(RuntimeError, match="closed"):
        script.run(1)


def test_what_a_unit_says_about_itself() -> None:
    hand = Hand()
    structure = hand.unit.structure("SD.Row", 9, [("A", Type.INT), ("B", Type.TEXT)])
    hand.unit.object("H.Level", 101, Type.REAL)
    hand.unit.variable("_pressure", Type.REAL)
    hand.p.param("a", Mode.IN, Type.INT)
    other = hand.unit.procedure("X_OnClick", Kind.ENTRYX)
    other.param("r", Mode.INOUT, Type.RECORD, structure)
    hand.unit.act(DELAY, [Arg(Mode.IN, Type.REAL, 0)], waits=True)
    unit = hand.script_of().unit
    assert unit.name == "S.Hand"
    assert [(p.name, p.kind, [tuple(q) for q in p.parameters]) for p in unit.procedures] == [
        ("", "INIT", []),
        ("P", "RPC", [("a", "IN", "INT", "")]),
        ("X_OnClick", "ENTRYX", [("r", "INOUT", "RECORD", "SD.Row")]),
    ]
    assert [tuple(o) for o in unit.objects] == [("H.Level", 101, "REAL", 1, 0)]
    assert [tuple(v) for v in unit.variables] == [("_pressure", "REAL", 1)]
    assert [tuple(s) for s in unit.structures] == [("SD.Row", 9, (("A", "INT"), ("B", "TEXT")))]
    assert [tuple(s) for s in unit.sites] == [("ACT", DELAY, True, (("IN", "REAL"),))]
    assert len(unit.sha256) == 64


def test_builder_refuses_a_second_init_part() -> None:
    unit = UnitBuilder("X")
    with pytest.raises(ValueError, match="init part"):
        unit.procedure("P")
    assert LEAST < MOST
