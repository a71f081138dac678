"""The checker of histories: whatever a right system can say passes, and each kind of wrong is found in it by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.history import NEVER, Operation, Recorder, anomalies, check, load

CLIENTS = 4
LASTS = 20  # ticks until a command is late
STEPS = st.lists(st.tuples(st.integers(0, CLIENTS - 1), st.sampled_from(["go", "go", "go", "unknown", "switch"]),
                           st.sampled_from(["write", "read", "put", "command"])), min_size=1, max_size=150)


class Right:
    """A system of two servers without fault; each tick of its clock is one step of one client."""

    def __init__(self) -> None:
        self.now, self.epoch, self.last = 0, 1, 0
        self.values: dict[str, int] = {}
        self.elements: list[int] = []
        self.open: dict[int, tuple[Operation, bool]] = {}
        self.said: list[Operation] = []

    def step(self, client: int, what: str, asks: str) -> None:
        self.now += 1
        if what == "switch":
            self.epoch += 1
        elif client not in self.open:
            self.open[client] = (self.begin(client, asks), False)
        elif what == "unknown":
            self.said.append(replace(self.open.pop(client)[0], ended=self.now))
        elif self.open[client][1]:
            self.said.append(replace(self.open.pop(client)[0], ended=self.now, outcome="ok"))
        else:
            self.carry_out(client)

    def begin(self, client: int, asks: str) -> Operation:
        self.last += 1
        key = {"write": f"R{client}", "read": f"R{self.last % CLIENTS}", "put": "S", "command": "V"}[asks]
        expires = self.now + LASTS if asks == "command" else NEVER
        return Operation(f"C{client}", asks, key, None if asks == "read" else self.last, self.now, expires=expires)

    def carry_out(self, client: int) -> None:
        """What was asked happens here, in the epoch of this instant; a command that is late does not."""
        op = replace(self.open[client][0], epoch=self.epoch, server=f"SRV{self.epoch % 2}")
        if op.asks == "command" and self.now > op.expires:
            self.said.append(replace(op, ended=self.now, outcome="fail"))
            del self.open[client]
            return
        if op.asks == "write":
            self.values[op.key] = op.value
        elif op.asks == "read":
            op = replace(op, value=self.values.get(op.key))
        elif op.asks == "put":
            self.elements.append(op.value)
        else:
            self.said.append(replace(op, process=op.key, asks="effect", begun=self.now, ended=self.now, outcome="ok"))
        self.open[client] = (op, True)

    def history(self) -> list[Operation]:
        """With what is open, and the end state read."""
        self.now += 2
        end = {"begun": self.now, "ended": self.now + 1, "outcome": "ok", "epoch": self.epoch, "server": f"SRV{self.epoch % 2}"}
        reads = [Operation("end", "read", f"R{n}", self.values.get(f"R{n}"), **end) for n in range(CLIENTS)]
        return [*self.said, *(op for op, _ in self.open.values()), *reads, Operation("end", "all", "S", list(self.elements), **end)]


def history(steps: list[tuple[int, str, str]]) -> list[Operation]:
    right = Right()
    for step in steps:
        right.step(*step)
    return right.history()


@given(STEPS)
def test_what_a_right_system_says_is_no_anomaly(steps):
    assert anomalies(history(steps)) == []


ROUND = [(client, "go", asks) for asks in ("write", "read", "put", "command") for client in (0, 1) for _ in range(3)]
# At least one acknowledged operation of each kind before and after a switch, and anything else between them.
SETTLE = [(client, "go", "read") for client in range(CLIENTS) for _ in range(3)]
GOOD = STEPS.map(lambda steps: history([*ROUND, (0, "switch", "read"), *steps, *SETTLE, *ROUND]))


def last(operations: list[Operation], asks: str, **wanted: str) -> Operation:
    return [op for op in operations if op.asks == asks and all(getattr(op, name) == value for name, value in wanted.items())][-1]


def changed(operations: list[Operation], old: Operation, **values: object) -> list[Operation]:
    return [replace(op, **values) if op is old else op for op in operations]


def end(operations: list[Operation]) -> int:
    return max(op.ended for op in operations if op.ended != NEVER)


def lost_write(ops):
    write = last(ops, "write", outcome="ok")
    return changed(ops, last([op for op in ops if op.key == write.key], "read", process="end"), value=None)


def seen_and_gone(ops, outcome):
    at = end(ops)
    return [*ops, Operation("X", "write", "N", 10**9, at, at + 9, outcome), Operation("Y", "read", "N", 10**9, at + 1, at + 2, "ok"),
            Operation("Y", "read", "N", None, at + 3, at + 4, "ok")]


def read_went_back(ops):
    return seen_and_gone(ops, "ok")


def dirty_read(ops):
    return seen_and_gone(ops, "info")


def value_from_nowhere(ops):
    return changed(ops, last(ops, "read", process="end"), value=10**9)


def value_of_a_refused_write(ops):
    read = next(op for op in ops if op.process == "end" and op.asks == "read" and op.value)
    return changed(ops, next(op for op in ops if op.asks == "write" and op.value == read.value), outcome="fail")


def lost_element(ops):
    put, whole = last(ops, "put", outcome="ok"), last(ops, "all")
    return changed(ops, whole, value=[v for v in whole.value if v != put.value])


def doubled_element(ops):
    return changed(ops, last(ops, "all"), value=last(ops, "all").value * 2)


def element_from_nowhere(ops):
    return changed(ops, last(ops, "all"), value=[*last(ops, "all").value, 10**9])


def never_read(ops):
    return [op for op in ops if op.asks != "all"]


def command_twice(ops):
    return [*ops, replace(last(ops, "effect"))]


def command_late(ops):
    effect = last(ops, "effect")
    order = last([op for op in ops if op.value == effect.value], "command")
    return changed(ops, effect, begun=order.expires + 1, ended=order.expires + 1)


def command_from_nowhere(ops):
    effect = last(ops, "effect")
    return [op for op in ops if not (op.asks == "command" and op.value == effect.value)]


def lost_command(ops):
    order = last(ops, "command", outcome="ok")
    return [op for op in ops if not (op.asks == "effect" and op.value == order.value)]


def two_hot_servers(ops):
    """The old one acknowledges after the new one."""
    at = end(ops)
    return [*ops, Operation("X", "write", "N", 1, at, at + 1, "ok", 9**9, "SRV0"),
            Operation("Y", "write", "M", 1, at + 2, at + 3, "ok", 9**9 - 1, "SRV1")]


def two_in_one_epoch(ops):
    done = last(ops, "all")
    return [*ops, Operation("X", "write", "N", 1, done.begun, done.ended, "ok", done.epoch, "SRV9")]


def client_epoch_went_back(ops):
    """Two answers to one client, both under way at once: no order of real time between them, but one of its own."""
    at = end(ops)
    return [*ops, Operation("X", "write", "N", 1, at, at + 2, "ok", 9**9, "SRV0"),
            Operation("X", "write", "M", 1, at + 1, at + 3, "ok", 9**9 - 1, "SRV1")]


def receiver_epoch_went_back(ops):
    effect = last(ops, "effect")
    before = Operation("V", "effect", "V", -1, effect.begun, effect.begun, "ok", effect.epoch + 1)
    order = Operation("X", "command", "V", -1, 0)
    at = next(number for number, op in enumerate(ops) if op is effect)
    return [*ops[:at], before, *ops[at:], order]


WRONG = {
    lost_write: "lost write", read_went_back: "read went back", dirty_read: "dirty read", value_from_nowhere: "from nowhere",
    value_of_a_refused_write: "from nowhere", lost_element: "lost element", doubled_element: "twice",
    element_from_nowhere: "from nowhere", never_read: "never read", command_twice: "twice", command_late: "late",
    command_from_nowhere: "from nowhere", lost_command: "lost command", two_hot_servers: "two hot servers",
    two_in_one_epoch: "two in one epoch", client_epoch_went_back: "epoch went back", receiver_epoch_went_back: "epoch went back",
}


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
@given(good=GOOD)
def test_each_wrong_is_found_by_name(spoil, good):
    assert WRONG[spoil] in {found.name for found in anomalies(spoil(good))}


def test_the_report_names_the_first_anomaly_and_its_proof():
    ops = lost_write(history(ROUND))
    with pytest.raises(AssertionError, match=r"lost write: R1 shows None after 2 was acknowledged\n  C1 write R1 2: ok by SRV1"):
        check(ops)


def test_a_lost_write_that_a_read_saw_before_its_acknowledgement_is_called_lost():
    ops = [Operation("C", "write", "R", 1, 0, 5, "ok"), Operation("D", "read", "R", 1, 1, 2, "ok"),
           Operation("D", "read", "R", None, 6, 7, "ok")]
    assert [found.name for found in anomalies(ops)] == ["lost write"]


def test_only_what_is_allowed_by_name_is_counted_instead():
    ops = dirty_read(history(ROUND))
    with pytest.raises(AssertionError, match="dirty read: N shows None"):
        check(ops)
    assert check(ops, allowed=["dirty read"])["dirty read"] == 1
    with pytest.raises(AssertionError, match="lost write"):
        check(lost_write(ops), allowed=["dirty read"])


def test_a_run_in_which_nothing_was_acknowledged_is_no_proof():
    with pytest.raises(AssertionError, match="nothing was acknowledged"):
        check([Operation("C", "write", "R", 1, 0)])


def test_what_is_written_down_is_read_back_and_the_open_is_unknown(tmp_path: Path):
    clock = iter(range(100))
    recorder = Recorder(tmp_path / "history", lambda: next(clock))
    recorder.end(recorder.begin("C", "write", "R", 1), "ok", epoch=3, server="SRV1")
    recorder.begin("C", "command", "V", 1, lasts_ns=50)
    recorder.effect("V", 1, epoch=3)
    recorder.close()
    write, effect, order = load(tmp_path / "history")
    assert (write.value, write.begun, write.ended, write.outcome, write.epoch, write.server) == (1, 0, 1, "ok", 3, "SRV1")
    assert (order.outcome, order.ended, order.expires) == ("info", NEVER, 52) and (effect.begun, effect.epoch) == (3, 3)
    assert check([write, effect, order]) == {"ok": 2, "fail": 0, "info": 1, "longest_gap_ms": 0}
