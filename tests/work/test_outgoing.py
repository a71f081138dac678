"""Rows of the outbox on their way: sent until answered, in order, once where it counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hisee.channel import RequestFailed
from hisee.channel.payloads import LogWrite, Payload, ValueSet
from hisee.engine.coordinator import Candidate, Outcome, Send, TaskRequest
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.schema.errors import Err
from hisee.server.seen import Seen
from hisee.work.outgoing import Outgoing, text_of
from hisee.work.relay import Relay
from support.clock import FakeClock


class Desk:
    """A receiver that answers, refuses, or is not there."""

    def __init__(self) -> None:
        self.engine = MemoryCoordinator(MemoryEngine(FakeClock()))
        self.member = self.engine.join(Candidate(kind="WP", node="N", host="h", pid=1, birth=1, incarnation=1))
        self.got: list[Payload] = []
        self.alarms: list[str] = []
        self.failures: list[RequestFailed] = []
        self.outgoing = self.anew()

    def anew(self) -> Outgoing:
        """The same with another process that sends."""
        return Outgoing(Relay(self.engine, self.alarms.append), self.ask, lambda: 5)

    async def ask(self, kind: int, payload: Payload, **_: Any) -> bytes:
        self.got.append(payload)
        if self.failures:
            raise self.failures.pop(0)
        return b""

    def effect(self, *sends: Send) -> None:
        self.engine.put([TaskRequest(func="tasks.x")])
        claim = self.engine.claim(self.member, ["general"], 1)[0]
        assert self.engine.finish([(claim, Outcome(effects=list(sends)))]) == [True]

    def round(self) -> int:
        return asyncio.run(self.outgoing.round())


@pytest.fixture
def desk() -> Desk:
    return Desk()


def values(desk: Desk) -> list[Any]:
    return [payload.value for payload in desk.got if isinstance(payload, ValueSet)]


def test_a_value_leaves_with_its_key_and_is_marked_after_the_answer(desk):
    desk.effect(Send("value", {"name": "U.Count", "value": 3}))
    assert desk.round() == 1 and desk.engine.outbox(10) == []
    sent = desk.got[0]
    assert isinstance(sent, ValueSet) and (sent.name, sent.value, sent.key) == ("U.Count", 3, "1:0")


def test_what_is_not_answered_is_sent_again_under_the_same_key_and_nothing_passes_it(desk):
    desk.effect(Send("value", {"name": "U.X", "value": 1}), Send("value", {"name": "U.X", "value": 2}))
    desk.failures = [RequestFailed(Err.ERR_TRANS_ABORT, 0, "gone")]
    assert desk.round() == 0 and values(desk) == [1]
    assert desk.round() == 2 and values(desk) == [1, 1, 2]
    assert len({payload.key for payload in desk.got}) == 2


def test_a_new_sender_goes_on_where_the_dead_one_stood(desk):
    desk.effect(Send("value", {"name": "U.X", "value": 1}), Send("value", {"name": "U.X", "value": 2}))
    desk.failures = [RequestFailed(Err.ERR_TIMEOUT, 0, "late")]
    assert desk.round() == 0
    desk.outgoing = desk.anew()
    assert desk.round() == 2 and desk.engine.outbox(10) == []


def test_a_refusal_is_an_answer(desk):
    desk.effect(Send("value", {"name": "U.None", "value": 1}), Send("log", {"text": "after it"}))
    desk.failures = [RequestFailed(Err.ERR_OBJECT_NOT_FOUND, 0, "unknown")]
    assert desk.round() == 2 and desk.engine.outbox(10) == []


def test_a_row_without_a_receiver_is_kept_and_told_of_once(desk):
    desk.effect(Send("mail", {"to": "x"}), Send("log", {"text": "goes by"}))
    assert desk.round() == 2 and desk.round() == 0
    assert [row.target for row in desk.engine.outbox(10)] == ["mail"] and len(desk.alarms) == 1 and "mail" in desk.alarms[0]


def test_notices_and_lines_become_lines_of_the_event_log(desk):
    desk.effect(Send("notify", {"subject": "Pump", "text": "hot"}), Send("log", {"text": "line", "priority": 4}))
    assert desk.round() == 2
    entries = [payload for payload in desk.got if isinstance(payload, LogWrite)]
    assert [(e.text, e.priority, e.script) for e in entries] == [("Pump: hot", 3, "task 1"), ("line", 4, "task 1")]
    assert text_of({"a": 1}) == "{'a': 1}"


def test_the_server_carries_a_row_out_once():
    seen = Seen(kept=2)
    assert [seen.first(key) for key in ("1:0", "1:0", "1:1", "", "", "1:0")] == [True, False, True, True, True, False]
    assert seen.first("1:2") and seen.first("1:0"), "the oldest is forgotten"
