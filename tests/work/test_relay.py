"""The outbox leaves at least once, is marked after the answer, and a row without a receiver stops no other."""

from __future__ import annotations

from hisee.engine.coordinator import OutboxRow, Outcome, Send, StorageFull
from hisee.engine.memory import MemoryCoordinator
from hisee.work.relay import NotAnswered, NoTarget, Relay
from work.crew import Crew


def filled(*targets: str) -> Crew:
    crew = Crew(1)
    crew.put()
    claim = crew.coordinator.claim(crew.hands[0].member, ["general"], 1)[0]
    crew.coordinator.finish([(claim, Outcome(effects=[Send(target) for target in targets]))])
    return crew


def test_sent_then_marked() -> None:
    crew, got = filled("value", "log"), []

    def send(row: OutboxRow) -> None:
        assert row in crew.coordinator.outbox(10), "marked before it was answered"
        got.append(row.key)

    relay = Relay(crew.coordinator, print)
    assert relay.round(send) == 2 and got == ["1:0", "1:1"] and crew.coordinator.outbox(10) == [] and relay.round(send) == 0


def test_unanswered_ones_come_again() -> None:
    crew, tries = filled("value"), []

    def send(row: OutboxRow) -> None:
        tries.append(row.key)
        if len(tries) < 3:
            raise NotAnswered("no link")

    relay = Relay(crew.coordinator, print)
    assert [relay.round(send) for _ in range(4)] == [0, 0, 1, 0] and tries == ["1:0"] * 3


def test_an_unknown_target_is_told_of_once_and_passed() -> None:
    crew, alarms, got = filled(*["fax"] * 5, "value"), [], []

    def send(row: OutboxRow) -> None:
        if row.target == "fax":
            raise NoTarget("no such receiver")
        got.append(row.target)

    relay = Relay(crew.coordinator, alarms.append)
    for _ in range(4):
        relay.round(send, limit=2)
    assert got == ["value"] and len(alarms) == 5 and "fax" in alarms[0]
    assert len(crew.coordinator.outbox(10)) == 5
    relay.try_again()
    assert relay.round(got.append) == 5 and crew.coordinator.outbox(10) == []


def test_rows_under_way_are_not_offered_twice() -> None:
    crew = filled("value", "value")
    relay = Relay(crew.coordinator, print)
    first, second = relay.rows()
    assert relay.rows() == []
    relay.failed(first)
    relay.answered(second)
    assert relay.rows() == [first]


def test_a_mark_that_fails_sends_again() -> None:
    crew, got = filled("value"), []

    class Full(MemoryCoordinator):
        full = True

        def sent(self, rows: object) -> None:
            if self.full:
                raise StorageFull("the disk is full")
            super().sent(rows)  # type: ignore[arg-type]

    coordinator = Full(crew.engine)
    relay = Relay(coordinator, print)
    try:
        relay.round(got.append)
    except StorageFull:
        coordinator.full = False
    assert relay.round(got.append) == 1 and len(got) == 2 and len({row.key for row in got}) == 1
