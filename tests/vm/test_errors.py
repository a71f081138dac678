"""ON ERROR in all modes, RETRY, RESUME, errors out of procedures, and what nothing can catch."""

import pytest

from vm.hand import Arg, Hand, Inv, Mode, Op, Status, Type, decode, to_end

STACK, MEMORY, RANGE, STATUS, NO_HANDLER, KILLED = 19, 20, 4, 2, 30, 33


def trace(hand: Hand) -> tuple[int, object]:
    """An OUT parameter of type INT, and a function that appends a digit to it."""
    log = hand.out("I")
    hand.p.emit(Op.LOADI_I, log, 0)

    def mark(digit: int) -> None:
        hand.p.emit(Op.MULI_I, log, log, 10)
        hand.p.emit(Op.ADDI_I, log, log, digit)

    return log, mark


def test_an_error_without_handler_ends_the_request_with_its_line() -> None:
    hand = Hand()
    hand.p.action(7)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    failure = hand.fails()
    assert (failure.number, failure.name, failure.line, failure.procedure) == (RANGE, "_ERR_RANGE_ERROR", 7, "P")
    assert failure.text == "index, size or option out of range"
    assert hand.script.line == 0


def test_the_script_takes_requests_after_a_failed_one() -> None:
    hand = Hand()
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    hand.fails()
    hand.script.start(1)
    assert to_end(hand.script) == Status.FAILED


def test_off_goes_on_at_the_next_textual_action_and_reading_the_number_resets_it() -> None:
    hand = Hand()
    first, second, line = hand.out("I"), hand.out("I"), hand.out("I")
    _, mark = trace(hand)
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, x=1)
    hand.p.action(2)
    mark(1)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    mark(9)
    hand.p.action(3)
    mark(2)
    hand.p.action(4)
    hand.p.emit(Op.ERR_NR, first)
    hand.p.emit(Op.ERR_NR, second)
    hand.p.emit(Op.ERR_LINE, line)
    assert hand.run() == [RANGE, 0, 2, 12]


def test_off_falls_into_the_then_branch_of_a_failed_if() -> None:
    hand = Hand()
    _, mark = trace(hand)
    other, end = hand.p.label(), hand.p.label()
    condition = hand.load("B", Inv(1))
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, x=1)
    hand.p.action(2)
    hand.p.emit(Op.BR_FALSE, condition, 0, other)
    hand.p.action(3)
    mark(1)
    hand.p.action(4)
    hand.p.emit(Op.JUMP, end)
    hand.p.place(other)
    hand.p.action(5)
    mark(2)
    hand.p.place(end)
    assert hand.run() == [1]


def test_on_brings_back_what_off_replaced() -> None:
    hand = Hand()
    _, mark = trace(hand)
    handler = hand.p.label()
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, handler, x=3)
    hand.p.emit(Op.ON_ERR, x=1)
    hand.p.emit(Op.ON_ERR, x=1)
    hand.p.emit(Op.ON_ERR, x=2)
    hand.p.action(2)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    hand.p.place(handler)
    hand.p.action(3)
    mark(5)
    assert hand.run() == [5]


def test_resume_goes_on_behind_and_number_line_and_text_are_there() -> None:
    hand = Hand()
    number, line, text = hand.out("I"), hand.out("I"), hand.out("T")
    _, mark = trace(hand)
    handler = hand.p.label()
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, handler, x=3)
    hand.p.action(20)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    hand.p.action(21)
    mark(1)
    hand.p.action(22)
    hand.p.emit(Op.RET)
    hand.p.place(handler)
    hand.p.action(23)
    for op, register in ((Op.ERR_NR, number), (Op.ERR_LINE, line), (Op.ERR_MSG, text)):
        hand.p.emit(op, register)
    hand.p.action(24)
    hand.p.emit(Op.RESUME)
    assert hand.run() == [RANGE, 20, "index, size or option out of range", 1]


def test_retry_repeats_the_whole_action() -> None:
    hand = Hand()
    count = hand.out("I")
    hand.p.emit(Op.LOADI_I, count, 0)
    handler, good = hand.p.label(), hand.p.label()
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, handler, x=3)
    hand.p.action(2)
    hand.p.emit(Op.ADDI_I, count, count, 1)
    hand.p.emit(Op.BRI_GE_I, count, 3, good)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    hand.p.place(good)
    hand.p.action(3)
    hand.p.emit(Op.RET)
    hand.p.place(handler)
    hand.p.action(4)
    hand.p.emit(Op.RETRY)
    assert hand.run() == [3]


def test_an_error_inside_a_label_handler_is_not_caught_by_it() -> None:
    hand = Hand()
    handler = hand.p.label()
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, handler, x=3)
    hand.p.action(2)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    hand.p.place(handler)
    hand.p.action(3)
    hand.p.emit(Op.RAISE_NR, x=STATUS)
    failure = hand.fails()
    assert (failure.number, failure.line) == (STATUS, 3)


def test_leaving_the_handler_brings_its_mode_back_and_ends_retry() -> None:
    hand = Hand()
    _, mark = trace(hand)
    number = hand.out("I")
    handler, again = hand.p.label(), hand.p.label()
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, handler, x=3)
    hand.p.action(2)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    hand.p.place(handler)
    hand.p.action(3)
    mark(1)
    hand.p.emit(Op.LEAVE)
    hand.p.action(4)
    hand.p.emit(Op.ON_ERR, again, x=3)
    hand.p.action(5)
    hand.p.emit(Op.RESUME)
    hand.p.place(again)
    hand.p.action(6)
    hand.p.emit(Op.ERR_NR, number)
    assert hand.run() == [1, NO_HANDLER]


@pytest.mark.parametrize("op", [Op.RETRY, Op.RESUME, Op.RERAISE])
def test_without_a_handler_there_is_nothing_to_resume(op: Op) -> None:
    hand = Hand()
    hand.p.emit(op)
    assert hand.fails().number == NO_HANDLER


def test_reraise_keeps_number_text_and_line() -> None:
    hand = Hand()
    handler = hand.p.label()
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, handler, x=3)
    hand.p.action(2)
    hand.p.emit(Op.RAISE_T, hand.load("I", 12345), hand.load("T", "valve 7"))
    hand.p.place(handler)
    hand.p.action(3)
    hand.p.emit(Op.RERAISE)
    failure = hand.fails()
    assert (failure.number, failure.name, failure.text, failure.line) == (12345, "12345", "valve 7", 2)


@pytest.mark.parametrize("number", [0, Inv(1), 2**40])
def test_a_number_that_is_none_raises_range_error(number: object) -> None:
    hand = Hand()
    hand.p.emit(Op.RAISE, hand.load("I", number))
    assert hand.fails().number == RANGE


def test_a_message_is_cut_at_250_characters() -> None:
    hand = Hand()
    hand.p.emit(Op.RAISE_T, hand.load("I", 10000), hand.load("T", "ž" * 300))
    assert hand.fails().text == "ž" * 250


def callee_that_fails(hand: Hand) -> int:
    callee = hand.unit.procedure("Inner")
    x = callee.param("x", Mode.INOUT, Type.INT)
    callee.action(50)
    callee.emit(Op.LOADI_I, x, 99)
    callee.action(51)
    callee.emit(Op.RAISE_NR, x=RANGE)
    value = hand.out("I", "value")
    hand.p.emit(Op.LOADI_I, value, 5)
    hand.p.action(10)
    return hand.unit.call(callee, [Arg(Mode.INOUT, Type.INT, value)])


def test_an_unhandled_error_is_raised_again_at_the_call_and_copies_nothing_back() -> None:
    hand = Hand()
    number, line = hand.out("I"), hand.out("I")
    handler = hand.p.label()
    hand.p.emit(Op.ON_ERR, handler, x=3)
    site = callee_that_fails(hand)
    hand.p.emit(Op.CALL, site)
    hand.p.place(handler)
    hand.p.action(11)
    hand.p.emit(Op.ERR_NR, number)
    hand.p.emit(Op.ERR_LINE, line)
    assert hand.run() == [RANGE, 10, 5]


def test_a_failure_names_the_line_and_procedure_where_it_began() -> None:
    hand = Hand()
    site = callee_that_fails(hand)
    hand.p.emit(Op.CALL, site)
    failure = hand.fails()
    assert (failure.line, failure.procedure) == (51, "Inner")


def endless(hand: Hand, op: Op = Op.NOP) -> None:
    top = hand.p.place(hand.p.label())
    hand.p.emit(op)
    hand.p.emit(Op.LOOP, top)


def test_fuel_ends_an_endless_loop_and_names_line_and_limit() -> None:
    hand = Hand(limits={"fuel_per_event": 5000})
    hand.p.action(3)
    endless(hand)
    failure = hand.fails()
    assert hand.status == Status.KILLED
    assert (failure.number, failure.line, failure.limit) == (KILLED, 3, "fuel_per_event")
    assert 4900 <= hand.script.fuel_used <= 5100


def test_fuel_is_given_anew_for_each_event() -> None:
    hand = Hand(limits={"fuel_per_event": 5000})
    turns, high = hand.load("I", 0), hand.load("I", 4000)
    top = hand.p.place(hand.p.label())
    hand.p.emit(Op.FOR, turns, high, top)
    hand.run()
    for _ in range(3):
        hand.script.start(1)
        assert to_end(hand.script) == Status.DONE


def test_no_handler_catches_the_end_of_fuel() -> None:
    hand = Hand(limits={"fuel_per_event": 5000})
    top = hand.p.label()
    hand.p.action(1)
    hand.p.place(top)
    hand.p.emit(Op.ON_ERR, top, x=3)
    hand.p.action(2)
    endless(hand)
    assert hand.fails().number == KILLED


@pytest.mark.parametrize("form", ["label", "off", "retry", "resume"])
def test_a_script_that_only_raises_errors_uses_fuel_too(form: str) -> None:
    hand = Hand(limits={"fuel_per_event": 5000})
    top, handler = hand.p.label(), hand.p.label()
    hand.p.place(top)
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, *([] if form == "off" else [top if form == "label" else handler]), x=1 if form == "off" else 3)
    hand.p.action(2, next=top)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    hand.p.place(handler)
    hand.p.action(3)
    hand.p.emit(Op.RETRY if form == "retry" else Op.RESUME)
    assert hand.fails().number == KILLED


def test_kill_ends_a_script_that_catches_everything() -> None:
    hand = Hand()
    top = hand.p.label()
    hand.p.place(top)
    hand.p.action(1)
    hand.p.emit(Op.ON_ERR, top, x=3)
    hand.p.action(2)
    hand.p.emit(Op.RAISE_NR, x=RANGE)
    script = hand.begin()
    assert script.run(100) == Status.SLICE
    script.kill("ended by a test", "request_limit_s")
    assert script.run(100) == Status.KILLED
    assert (script.failure.number, script.failure.text, script.failure.limit) == (KILLED, "ended by a test", "request_limit_s")
    with pytest.raises(RuntimeError, match="ended"):
        script.start(1)


def recursion(hand: Hand) -> None:
    depth = hand.unit.procedure("Deep")
    n = depth.param("n", Mode.INOUT, Type.INT)
    depth.action(30)
    depth.emit(Op.ADDI_I, n, n, 1)
    depth.emit(Op.CALL, hand.unit.call(depth, [Arg(Mode.INOUT, Type.INT, n)]))
    value = hand.out("I")
    hand.p.emit(Op.LOADI_I, value, 0)
    hand.p.action(10)
    hand.p.emit(Op.CALL, hand.unit.call(depth, [Arg(Mode.INOUT, Type.INT, value)]))


def test_calls_nested_too_deep_raise_stack_which_can_be_caught() -> None:
    hand = Hand(limits={"call_depth": 40})
    number = hand.out("I")
    handler = hand.p.label()
    hand.p.emit(Op.ON_ERR, handler, x=3)
    recursion(hand)
    hand.p.place(handler)
    hand.p.action(11)
    hand.p.emit(Op.ERR_NR, number)
    assert hand.run() == [STACK, 0]


def test_the_default_depth_is_a_thousand() -> None:
    hand = Hand()
    recursion(hand)
    assert hand.fails().number == STACK


def test_slices_change_nothing_but_the_number_of_runs() -> None:
    ends = []
    for size in (1, 2, 7, 1000):
        hand = Hand()
        log = hand.out("I")
        recur = hand.unit.procedure("Twice")
        n = recur.param("n", Mode.INOUT, Type.INT)
        recur.emit(Op.MULI_I, n, n, 2)
        i, high = hand.load("I", 1), hand.load("I", 20)
        hand.p.emit(Op.LOADI_I, log, 1)
        top = hand.p.place(hand.p.label())
        hand.p.emit(Op.CALL, hand.unit.call(recur, [Arg(Mode.INOUT, Type.INT, log)]))
        hand.p.emit(Op.FOR, i, high, top)
        script = hand.begin()
        runs = 0
        while script.run(size) == Status.SLICE:
            runs += 1
        ends.append((decode(script.results()), script.fuel_used))
        assert runs <= 60 // size + 1
    assert ends == [ends[0]] * 4


def test_end_leaves_from_any_depth() -> None:
    hand = Hand()
    value = hand.out("I")
    inner = hand.unit.procedure("Inner")
    inner.emit(Op.END)
    hand.p.emit(Op.LOADI_I, value, 1)
    hand.p.emit(Op.CALL, hand.unit.call(inner, []))
    hand.p.emit(Op.LOADI_I, value, 2)
    assert hand.run() == [1]
