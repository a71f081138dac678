"""Service tasks at the work process: what it sends, stores and decides, with the engine in memory and a link made of a list."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hisee.channel import Message
from hisee.channel.payloads import Failed, JobNumber, Progress, ServiceCall, ServiceResult, pack, unpack
from hisee.engine.coordinator import Candidate, Claim, EngineError, TaskRequest, TaskRow
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.work.elsewhere import Elsewhere
from hisee.work.event_starts import EventStarts
from hisee.work.service import ENOUGH, LOSSES, MOST, ServiceCalls
from hisee.work.view import View

S = 1_000_000_000
MACHINE = 77  # number of a Java work process


class Clock:
    def __init__(self) -> None:
        self.ns = 10 * S

    def monotonic_ns(self) -> int:
        return self.ns

    def now_ms(self) -> int:
        return self.ns // 1_000_000


class Place:
    """A work process with one claim after the other."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.engine = MemoryCoordinator(MemoryEngine(self.clock, lease_ms=10**9))
        self.member = self.engine.join(Candidate(kind="WP", node="N", host="h", pid=1, birth=1, incarnation=1))
        self.sent: list[Message] = []
        self.open = True
        self.calls = ServiceCalls(self.engine, self._send, self.clock)

    def _send(self, message: Message) -> bool:
        if self.open:
            self.sent.append(message)
        return self.open

    def begin(self, **more: Any) -> Claim:
        self.engine.put([TaskRequest(func="service.echo", queue="java", args={"a": 1}, **more)])
        (claim,) = self.engine.claim(self.member, ["java"], 1)
        self.calls.begin(claim)
        return claim

    def after(self, seconds: float) -> None:
        self.clock.ns += int(seconds * S)
        self.calls.tick()

    def answer(self, payload: Any, kind: Kind = Kind.REPLY, request: Message | None = None) -> None:
        request = request or self.sent[-1]
        self.calls.on_message(Message(kind=kind, lane=Lane.JAVA, source=MACHINE, corr=request.corr, payload=pack(payload)))

    def fail(self, extended: int, text: str = "why") -> None:
        self.answer(Failed(error=Err.ERR_TRANS_ABORT, extended=extended, text=text), Kind.FAILED)

    def note(self, task: int, share: float = 0.0, text: str = "") -> None:
        progress = Progress(task=task, share=share, text=text)
        assert self.calls.on_message(Message(kind=Kind.SERVICE_PROGRESS, lane=Lane.JAVA, source=MACHINE, payload=pack(progress)))

    def task(self, claim: Claim) -> TaskRow:
        row = self.engine.task(claim.id)
        assert row is not None
        return row


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.mark.req("R142", "R140", "R145")
def test_the_request_and_the_states(place):
    claim = place.begin(timeout_s=2.5)
    (request,) = place.sent
    assert (request.kind, request.lane, request.target, request.wants_answer) == (Kind.SERVICE_CALL, Lane.JAVA, 0, True)
    call = unpack(ServiceCall, request.payload)
    assert (call.task, call.service, call.args, call.timeout_ms) == (claim.id, "echo", {"a": 1}, 2500)
    assert place.task(claim).state == "started" and place.task(claim).generated == 'service.echo {"a":1}'
    place.note(claim.id)
    assert place.task(claim).state == "active" and place.task(claim).progress is None
    place.note(claim.id, 0.5, "half")
    assert (place.task(claim).progress, place.task(claim).progress_text) == (0.5, "half")
    place.answer(ServiceResult(ok=True, result=[1]))
    assert (place.task(claim).state, place.task(claim).result, len(place.calls)) == ("ended ok", [1], 0)
    assert not place.calls.on_message(Message(kind=Kind.REPLY, corr=1))  # of somebody else's request
    assert place.calls.on_message(place.sent[0].__class__(kind=Kind.REPLY, corr=request.corr, payload=b""))  # ours, late


@pytest.mark.parametrize(("answer", "state"), [
    (ServiceResult(ok=False, text="no"), "waiting due"), (ServiceResult(ok=False, text="no", final=True), "ended not ok"),
])
def test_a_failure_is_tried_again_unless_it_is_final(place, answer, state):
    claim = place.begin()
    place.answer(answer)
    assert place.task(claim).state == state


def test_an_answer_that_cannot_be_read(place):
    claim = place.begin()
    place.calls.on_message(Message(kind=Kind.REPLY, corr=place.sent[0].corr, payload=b"\xc1"))
    assert place.task(claim).state == "ended not ok" and "cannot be read" in place.task(claim).text


@pytest.mark.req("R142")
@pytest.mark.parametrize("extended", [Ext.PROCESS_NOT_RUNNING, Ext.QUEUE_FULL])
def test_who_is_not_there_is_waited_for_within_a_limit(place, extended):
    claim = place.begin()
    for _ in range(14):
        place.fail(extended, "no Java work process offers service echo")
        assert place.task(claim).progress_text == "no Java work process offers service echo"
        sent = len(place.sent)
        place.after(0.5)
        assert len(place.sent) == sent
        place.after(0.6)
        assert len(place.sent) == sent + 1
    place.fail(extended, "no Java work process offers service echo")
    assert place.task(claim).state == "ended not ok" and place.task(claim).text.startswith("no Java work process offers service echo, for")


@pytest.mark.req("R110")
def test_a_loss_before_the_beginning_costs_no_attempt_a_few_times(place):
    """A long wait in the queue of a process that is lost counts for nothing either."""
    claim = place.begin(retry_s=0)
    for _ in range(LOSSES):
        place.after(60)
        place.fail(Ext.PROCESS_RESTARTED)
        place.after(0.1)
    assert len(place.sent) == 1 + LOSSES and place.task(claim).state == "started"
    place.fail(Ext.PROCESS_NOT_RUNNING)
    assert place.task(claim).state == "started"
    place.after(1.1)
    place.fail(Ext.PROCESS_RESTARTED)
    assert place.task(claim).state in ("ready", "waiting due") and len(place.calls) == 0


@pytest.mark.req("R110")
def test_a_loss_after_the_beginning_ends_the_attempt(place):
    claim = place.begin()
    place.note(claim.id)
    place.fail(Ext.PROCESS_RESTARTED, "JWP001 ended during the request")
    assert place.task(claim).state == "waiting due" and "JWP001" in place.task(claim).text


def test_a_process_that_does_not_answer_beyond_the_limit(place):
    claim = place.begin(timeout_s=1)
    place.after(100)  # not begun: the limit does not run
    assert len(place.calls) == 1
    place.note(claim.id)
    place.after(5)
    assert len(place.calls) == 1
    place.after(2)
    assert len(place.calls) == 0 and "ran longer than 1 s" in place.task(claim).text
    assert place.sent[-1].kind == Kind.JOB_STOP and place.sent[-1].target == MACHINE


def test_a_cancelled_task_is_stopped_a_lost_one_is_left(place):
    claim = place.begin()
    place.note(claim.id)
    assert place.engine.cancel(claim.id)
    place.after(1)
    assert place.sent[-1].kind == Kind.JOB_STOP and unpack(JobNumber, place.sent[-1].payload).job == claim.id
    other = place.begin()
    place.note(other.id)
    place.engine.give_back([other], "taken away")
    sent = len(place.sent)
    place.after(1)
    assert len(place.calls) == 0 and len(place.sent) == sent


def test_what_the_engine_does_not_take_now_is_offered_again(place, monkeypatch):
    claim = place.begin()

    def full(*_: object, **__: object) -> None:
        raise EngineError("disk full")

    with monkeypatch.context() as broken:
        for name in ("finish", "progress", "renew", "step"):
            broken.setattr(place.engine, name, full)
        place.note(claim.id, 0.5, "half")
        place.after(1)
        place.answer(ServiceResult(ok=True, result=1))
        place.after(1)
        assert place.task(claim).state == "started" and len(place.calls) == 1
    place.after(1)
    assert place.task(claim).state == "ended ok" and len(place.calls) == 0


def test_a_link_that_takes_nothing_is_tried_again(place):
    place.open = False
    claim = place.begin()
    assert place.task(claim).state != "started"
    place.open = True
    place.after(1.1)
    assert len(place.sent) == 1 and place.task(claim).state == "started"


def test_the_queue_is_shut_while_enough_is_under_way(place):
    elsewhere = Elsewhere(place.engine, place.clock, place.calls, EventStarts(place.engine, place._send, place.clock), None)  # type: ignore[arg-type]
    for _ in range(ENOUGH - 1):
        place.begin()
    assert not elsewhere.shut
    place.begin()
    assert elsewhere.shut == {"java"}
    assert "java" in View().queues and "java" not in View(shut=elsewhere.shut).queues
    assert not place.calls.full and MOST > ENOUGH


def test_results_of_every_kind_are_json(place):
    claim = place.begin()
    place.calls.on_message(Message(kind=Kind.REPLY, corr=place.sent[0].corr,
                                   payload=msgspec.msgpack.encode({"ok": True, "result": {"b": b"\x00", "n": float("nan"), "i": 2**63}})))
    assert place.task(claim).state == "ended ok"
