"""Requests of the lane dialog and the client's side of them, joined without a system: one fake session over the engine in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from hisee.channel import Message
from hisee.channel.payloads import Failed, Payload, pack, unpack
from hisee.durable import TaskFailed, Tasks, moment_ms, plain, request_row
from hisee.engine.coordinator import Candidate, Outcome
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.errors import CannotConnect, HiseeError, TimeOver, UsageError
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind as Kind
from hisee.tasks import cause
from hisee.work.acceptance import Acceptance
from hisee.work.dialog import Dialog
from hisee.work.functions import Functions
from support.clock import FakeClock

TASKS = b"""
import hisee

@hisee.task(queue="R", retries=2, priority=7)
def sum_up(ctx, month=1):
    return month

@hisee.task(idempotency_key=lambda month: f"month {month}")
def once(ctx, month):
    return month
"""


class Refused(HiseeError):
    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.text)
        self.error, self.extended = failed.error, failed.extended


class Session:
    """What a System does, without the way between."""

    def __init__(self) -> None:
        self.engine = MemoryCoordinator(MemoryEngine(FakeClock()))
        functions = Functions()
        functions.load(TASKS)
        self.rung: list[str] = []
        self.dialog = Dialog(self.engine, Acceptance(functions, lambda: 1_000_000, "Europe/Bratislava"), self.rung.extend)
        self.before: Callable[[], None] = lambda: None
        self.behind: list[Failed] = []  # the answers to come are lost in these ways
        self.tasks = Tasks(self, Refused)
        self.member = self.engine.join(Candidate(kind="WP", node="N", host="h", pid=1, birth=1, incarnation=1))

    def ask(self, kind: Kind, payload: Payload | bytes = b"", *, target: int, lane: int, timeout_s: float) -> bytes:
        self.before()
        data = payload if isinstance(payload, bytes) else pack(payload)
        answer = self.dialog.answer(Message(kind=kind, lane=lane, source=9, target=target, corr=1, payload=data))
        if self.behind:
            raise Refused(self.behind.pop())
        if answer.kind == Kind.FAILED:
            raise Refused(unpack(Failed, answer.payload))
        return answer.payload

    def run_one(self, **outcome: Any) -> None:
        claim = self.engine.claim(self.member, ["general"], 1)[0]
        assert self.engine.finish([(claim, Outcome(**outcome))]) == [True]


@pytest.fixture
def session() -> Session:
    return Session()


def test_a_task_takes_the_marks_of_its_function_unless_told_otherwise(session):
    own = session.tasks.enqueue("tasks.sum_up", month=3)
    told = session.tasks.enqueue("tasks.sum_up", queue="general", retries=0, priority=1)
    assert (own.row["queue"], own.row["max_attempts"], own.row["priority"], own.row["args"]) == ("R", 3, 7, {"month": 3})
    assert (told.row["queue"], told.row["max_attempts"], told.row["priority"]) == ("general", 1, 1)
    assert set(session.rung) == {"R", "general"} and own.state == "ready"


@pytest.mark.parametrize(("row", "words"), [
    ({"func": "tasks.nothing"}, ["no function tasks.nothing", "tasks.sum_up", "engine.echo"]),
    ({"func": "tasks.sum_up", "queue": "java"}, ["queue java cannot run tasks.sum_up", "general"]),
    ({"func": "tasks.sum_up", "queue": "nowhere"}, ["no queue 'nowhere'", "general"]),
    ({"func": "service.echo", "queue": "R"}, ["queue R cannot run service.echo", "java"]),
    ({"func": "tasks.sum_up", "args": {"year": 1}}, ["tasks.sum_up", "year"]),
    ({"func": "tasks.sum_up", "priority": 1000}, ["priority 1000"]),
    ({"func": "tasks.sum_up", "priority": "high"}, ["priority"]),
    ({"func": "tasks.sum_up", "max_attempts": 0}, ["0 attempts"]),
    ({"func": "tasks.sum_up", "colour": 1}, ["colour"]),
    ({"func": "tasks.sum_up", "after": [77]}, ["77"]),
    ({"args": {}}, ["without a function"]),
])
def test_what_cannot_run_is_refused_with_the_way_out(session, row, words):
    with pytest.raises(Refused) as refused:
        session.tasks.put([row])
    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert session.tasks.list() == []


def test_one_wrong_request_puts_none_of_its_batch(session):
    with pytest.raises(Refused):
        session.tasks.put([{"func": "engine.echo"}, {"func": "tasks.nothing"}])
    assert session.tasks.list() == []


def test_a_key_makes_one_task_of_two_calls(session):
    assert session.tasks.enqueue("engine.echo", idempotency_key="k").id == session.tasks.enqueue("engine.echo", idempotency_key="k").id
    assert session.tasks.enqueue("tasks.once", month=1).id == session.tasks.enqueue("tasks.once", month=1).id
    assert session.tasks.enqueue("tasks.once", month=2).id != session.tasks.enqueue("tasks.once", month=1).id


def test_two_calls_without_a_key_are_two_tasks(session):
    assert session.tasks.enqueue("engine.echo").id != session.tasks.enqueue("engine.echo").id


def test_a_put_whose_answer_was_lost_is_made_once(session):
    session.behind = [Failed(error=Err.ERR_TRANS_ABORT, extended=Ext.PROCESS_RESTARTED, text="WP001 ended during the request")]
    task = session.tasks.enqueue("engine.echo", value=1)
    assert [row["id"] for row in session.tasks.list()] == [task.id]


def test_nobody_there_is_said_with_the_way_out(session, monkeypatch):
    monkeypatch.setattr("hisee.durable.NOBODY_S", 0.1)
    session.behind = [Failed(error=Err.ERR_TRANS_ABORT, extended=Ext.PROCESS_NOT_RUNNING, text="no process serves dialog")] * 1000
    with pytest.raises(CannotConnect, match="no process serves dialog.*hisee wp"):
        session.tasks.list()


def test_the_result_is_waited_for(session):
    task = session.tasks.enqueue("engine.echo", value=42)
    looks = []
    session.before = lambda: looks.append(1) or (len(looks) == 3 and session.run_one(result=42))
    assert task.result(60) == 42 and len(looks) >= 3
    assert task.state == "ended ok"


def test_a_failed_task_raises_what_it_said_and_can_be_retried(session):
    task = session.tasks.enqueue("engine.echo", retries=0)
    session.run_one(status="not ok", text="ValueError: too cold")
    with pytest.raises(TaskFailed, match="too cold.*hisee task show"):
        task.result(60)
    assert task.retry() and task.state == "ready"
    assert task.cancel() and task.state == "cancelled" and not task.cancel()


def test_a_traceback_is_told_by_its_place_and_its_exception():
    text = ('Traceback (most recent call last):\n  File "tasks.py", line 7, in sum_up\n    check(a)\n  File "tasks.py", line 3, in check\n'
            '    raise E("x")\nE: too cold\n')
    assert cause(text) == "tasks.py, line 3: E: too cold"
    assert cause(text.replace("tasks.py", "plant.py")) == "E: too cold"
    assert cause(f"{text}\nThe above exception was the direct cause of the following exception:\n\n{text.replace('cold', 'hot')}") == (
        "tasks.py, line 3: E: too hot")
    assert cause("ran longer than 2 s") == "ran longer than 2 s" and cause("") == ""


def test_a_task_that_nobody_runs_is_over_in_time(session):
    with pytest.raises(TimeOver, match="is ready after 0.1 s"):
        session.tasks.enqueue("engine.echo").result(0.1)


def test_an_unknown_task_is_named(session):
    for ask in (session.tasks.show, session.tasks.cancel, session.tasks.retry):
        with pytest.raises(Refused, match="no task 99"):
            ask(99)


def test_lists_are_filtered_and_paged_newest_first(session):
    ids = [task.id for task in session.tasks.put([{"func": "engine.echo"}] * 3 + [{"func": "tasks.sum_up"}] * 2)]
    assert [row["id"] for row in session.tasks.list()] == ids[::-1]
    assert [row["id"] for row in session.tasks.list(queue="R")] == ids[:2:-1]
    assert [row["id"] for row in session.tasks.list(func="engine.echo", limit=2)] == ids[2:0:-1]
    assert [row["id"] for row in session.tasks.list(before=ids[2])] == ids[1::-1]
    assert all("steps" not in row for row in session.tasks.list())
    with pytest.raises(UsageError, match="no task state 'sleeping'; one of registered"):
        session.tasks.list(state="sleeping")


@pytest.mark.req("R140")
def test_show_tells_the_life_of_a_task(session):
    task = session.tasks.enqueue("engine.echo")
    session.run_one()
    steps = task.row["steps"]
    assert [step["state"] for step in steps][:2] == ["registered", "ready"] and steps[-1]["state"] == "ended ok"
    assert all(step["message"].startswith("V71") and step["at_ms"] for step in steps)


def test_facts_by_prefix(session):
    session.tasks.enqueue("engine.echo")
    from hisee.engine.coordinator import Add, Write

    session.run_one(effects=[Add("sum/a", 3), Write("sum/b", {"x": 1}), Write("other", 1)])
    assert session.tasks.facts("sum/") == {"sum/a": 3, "sum/b": {"x": 1}}


@pytest.mark.parametrize("payload", [b"", b"\xff\xff", b"\x81\xa4rows\x01"])
def test_a_broken_request_is_refused(session, payload):
    with pytest.raises(Refused):
        session.ask(Kind.TASK_PUT, payload, target=0, lane=5, timeout_s=1)


@pytest.mark.parametrize(("row", "says"), [
    ({"timeout_s": -1}, "timeout_s = -1"), ({"due_ms": 2**60}, "due_ms = 1152921504606846976"),
    ({"retry_s": float("nan")}, "retry_s = nan"), ({"args": 5}, "arguments of engine.echo: 5")])
def test_a_wrong_field_is_named(session, row, says):
    with pytest.raises(Refused, match=says):
        session.tasks.put([{"func": "engine.echo", **row}])
    with pytest.raises(Refused, match="7 is no request"):
        session.tasks.put_schedule({"name": "x", "rule": "every 5", "request": 7})
    with pytest.raises(Refused, match="beyond the year 9999"):
        session.tasks.schedule("x", f"at {2**60}", "engine.echo")
    with pytest.raises(UsageError, match="too large"):
        session.tasks.enqueue("engine.echo", value=2**70)
    assert session.tasks.list(limit=-1) == []


def test_a_declared_schedule_changes_with_its_text_only(session):
    declared = {"name": "tasks.sum_up", "rule": "every 5", "request": {"func": "tasks.sum_up"}}
    session.engine.put_schedule(session.dialog._acceptance.schedule(declared))
    for change in (lambda: session.tasks.put_schedule(declared | {"rule": "every 6"}), lambda: session.tasks.drop_schedule("tasks.sum_up"),
                   lambda: session.tasks.put_schedule(declared | {"name": "tasks.mine"})):
        with pytest.raises(Refused, match="tasks.py declares"):
            change()
    session.tasks.put_schedule(declared | {"enabled": False})
    assert [(row["rule"], row["enabled"]) for row in session.tasks.schedules()] == [("every 5", False)]


def test_moments():
    now = dt.datetime(2026, 12, 1, 5, 0, tzinfo=dt.UTC)
    assert moment_ms(now) == 1_796_101_200_000 == moment_ms("2026-12-01T06:00+01:00")
    assert moment_ms(dt.timedelta(seconds=1.5), lambda: now) == 1_796_101_201_500
    for wrong in ("tomorrow", dt.timedelta(days=10**8), 5):
        with pytest.raises(UsageError, match="is no moment.*ISO 8601"):
            moment_ms(wrong)


def test_arguments_are_json():
    assert plain({"a": (1, 2), "b": {"c": None}}) == {"a": [1, 2], "b": {"c": None}}
    with pytest.raises(UsageError, match="JSON"):
        plain({"a": object()})
    assert request_row("engine.echo", {}) == {"func": "engine.echo", "args": {}}
