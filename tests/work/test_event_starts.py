"""Durable starts of events at the work process: what it asks of the server, and what it does while the event cannot run."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hisee.channel import Message
from hisee.channel.payloads import EventTask, Failed, JobNumber, Progress, ServiceResult, pack, unpack
from hisee.engine.coordinator import Claim, TaskRequest
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.work.event_starts import EventStarts

from .test_service import Place


class Starts(Place):
    def __init__(self) -> None:
        super().__init__()
        self.calls: EventStarts = EventStarts(self.engine, self._send, self.clock)

    def begin(self, **more: Any) -> Claim:
        args = more.pop("args", {"priority": 2, "names": ["_n"], "given": base64.b64encode(b"7").decode()})
        self.engine.put([TaskRequest(func="event.E.Square", queue="event", args=args, **more)])
        return self.claim()

    def claim(self) -> Claim:
        (claim,) = self.engine.claim(self.member, ["event"], 1)
        self.calls.begin(claim)
        return claim

    def asked(self) -> EventTask:
        return unpack(EventTask, self.sent[-1].payload)


@pytest.fixture
def place() -> Starts:
    return Starts()


def test_the_request_says_what_is_to_run(place: Starts) -> None:
    claim = place.begin()
    assert (place.sent[0].kind, place.sent[0].target) == (Kind.EVENT_TASK, 0)
    assert place.asked() == EventTask(task=claim.id, run=0, event="E.Square", priority=2, names=["_n"], given=b"7")
    place.note(claim.id)
    assert place.task(claim).state == "active"
    place.answer(ServiceResult(ok=True))
    assert place.task(claim).state == "ended ok" and not len(place.calls)


def test_arguments_that_nobody_can_read_end_the_task(place: Starts) -> None:
    for args in ({"names": 5}, {"given": "%"}):
        claim = place.begin(args=args)
        assert place.task(claim).state == "ended not ok" and "arguments of event.E.Square" in place.task(claim).text
    assert not place.sent


@pytest.mark.parametrize("extended", [Ext.PROCESS_NOT_RUNNING, Ext.QUEUE_FULL, Ext.PROCESS_RESTARTED])
def test_an_event_that_cannot_begin_is_asked_for_without_end(place: Starts, extended: Ext) -> None:
    claim = place.begin()
    place.answer(Failed(error=Err.ERR_NOT_SUPPORTED, text="an earlier release"), Kind.FAILED)
    place.after(1.1)
    for _ in range(100):
        place.fail(extended, "its event handler does not run")
        place.after(1.1)
    assert len(place.sent) == 102 and place.task(claim).progress_text == "its event handler does not run"
    place.answer(ServiceResult(ok=True))
    assert place.task(claim).state == "ended ok" and place.task(claim).attempt == 1


def test_a_run_that_was_cut_begins_again_and_its_attempt_counts(place: Starts) -> None:
    claim = place.begin(max_attempts=2)
    place.note(claim.id)
    place.fail(Ext.PROCESS_RESTARTED, "its event handler ended")
    assert place.task(claim).state == "waiting due"
    place.clock.ns += 5_000_000_000
    again = place.claim()
    assert (place.asked().task, place.asked().run, again.attempt) == (claim.id, 0, 2)
    place.note(claim.id)
    place.fail(Ext.PROCESS_RESTARTED, "its event handler ended")
    assert place.task(claim).state == "dead letter"
    assert place.engine.retry(claim.id)
    place.claim()
    assert place.asked().run == 1, "an operator's retry is another start"


def test_what_another_server_has_to_run_is_given_back(place: Starts) -> None:
    claim = place.begin()
    place.fail(Ext.STANDBY, "no hot server")
    assert not len(place.calls) and place.task(claim).owner == ""
    place.clock.ns += 5_000_000_000
    place.claim()
    place.calls.hand_on()
    assert not len(place.calls) and place.task(claim).attempt == 0


def test_a_cancelled_start_is_told_to_the_server(place: Starts) -> None:
    claim = place.begin()
    place.engine.cancel(claim.id)
    place.after(2)
    assert place.sent[-1].kind == Kind.EVENT_TASK_STOP and unpack(JobNumber, place.sent[-1].payload).job == claim.id


def test_notes_and_answers_of_others_are_left_to_them(place: Starts) -> None:
    note = Message(kind=Kind.SERVICE_PROGRESS, lane=Lane.JAVA, payload=pack(Progress(task=99)))
    assert not place.calls.on_message(note)
    assert not place.calls.on_message(Message(kind=Kind.FAILED, corr=1 << 48, payload=pack(Failed(error=Err.ERR_UNKNOWN))))
