"""What a task may do: effects with its end, progress now and then, follow-ups, facts, locks, the functions of hisee itself."""

from __future__ import annotations

import pytest

import hisee
from hisee.engine.coordinator import Grant, Send
from hisee.work import catalogue
from hisee.work.context import Busy, Context
from work.crew import Crew, Hand


def running(crew: Crew, hand: Hand, **facts: object) -> Context:
    """The context of one claimed task."""
    crew.put(**facts)
    claim = hand.coordinator.claim(hand.member, ["general", "R"], 1)[0]
    return Context(claim, hand.coordinator, crew.clock, hand.lease, hand.member, hand.functions.request)


def test_effects_wait_for_the_end() -> None:
    crew = Crew(1)
    ctx = running(crew, crew.hands[0])
    ctx.add("n", 2)
    ctx.write("w", [1])
    ctx.set_value("U.Count", 5)
    assert crew.coordinator.facts("") == {} and ctx.fact("n") is None and len(ctx.effects) == 3
    assert ctx.effects[2] == Send("value", {"name": "U.Count", "value": 5})


def test_follow_ups_know_their_parent() -> None:
    crew = Crew(1)
    ctx = running(crew, crew.hands[0])
    ctx.enqueue("tasks.work", priority=3, retries=0, idempotency_key="k", order_key="o", due_ms=7, n=9)
    [request] = ctx.follow_ups
    assert (request.parent, request.args, request.priority, request.max_attempts, request.key, request.order_key, request.due_ms) == (
        ctx.task_id, {"n": 9}, 3, 1, "k", "o", 7)
    with pytest.raises(hisee.Refuse):
        ctx.enqueue("tasks.absent")


def test_progress_is_stored_at_a_distance() -> None:
    crew = Crew(1)
    ctx = running(crew, crew.hands[0])
    for step in range(10):
        ctx.progress(step / 10, f"step {step}")
        crew.clock.advance(100)
    row = crew.row(ctx.task_id)
    assert (row.progress, row.progress_text) == (0.5, "step 5")


@pytest.mark.req("R110")
def test_still_mine() -> None:
    crew = Crew(2)
    hand, other = crew.hands
    ctx = running(crew, hand)
    assert ctx.still_mine()
    crew.clock.advance(1_600)
    assert not ctx.still_mine(), "the lease is about to end"
    hand.beat()
    assert ctx.still_mine()
    other.coordinator.bury(hand.member.incarnation, "process ended")
    assert not ctx.still_mine()
    ctx.progress(0.5)
    assert crew.row(ctx.task_id).progress is None


def test_a_cancelled_one_notices() -> None:
    crew = Crew(1)
    ctx = running(crew, crew.hands[0])
    crew.coordinator.cancel(ctx.task_id)
    ctx.progress(0.5)
    assert not ctx.still_mine() and not ctx.still_mine()


def test_locks_exclude_and_end_with_the_process() -> None:
    crew = Crew(2)
    first, second = (running(crew, hand) for hand in crew.hands)
    with first.lock("boiler"):
        with pytest.raises(Busy, match="boiler"), second.lock("boiler"):
            pass
        with second.lock("pump"):
            pass
    with second.lock("boiler"):
        pass
    with first.lock("boiler"):
        crew.kill(crew.hands[0])
        with second.lock("boiler"):
            pass


def test_release_is_for_the_holder_of_r() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    first = crew.put()[0]
    crew.put(after=[first])
    ctx = running(crew, hand)
    assert catalogue.release(ctx) == 0
    assert crew.coordinator.cancel(ctx.task_id)
    assert Grant("role.R", hand.member.incarnation, 1) and crew.coordinator.terms()["role.R"].holder == hand.member.incarnation


def test_functions_of_hisee() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    tasks = [crew.put("engine.echo", args={"value": [1, None]})[0], crew.put("engine.count", args={"key": "n", "delta": 3})[0],
             crew.put("engine.sleep", args={"seconds": 0})[0], crew.put("engine.sleep", args={"seconds": -1})[0],
             crew.put("engine.release", queue="R")[0]]
    for _ in range(5):
        hand.worker.round()
    assert [crew.row(t).state for t in tasks] == ["ended ok"] * 3 + ["ended not ok", "ended ok"]
    assert crew.row(tasks[0]).result == [1, None] and crew.coordinator.fact("n") == 3


def test_a_limit_on_parallel_runs_is_set_by_a_task() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    order = [crew.put("engine.limit", args=args)[0] for args in ({"resource": "crane", "capacity": 2}, {}, {"capacity": 1})]
    for _ in range(3):
        hand.worker.round()
    assert crew.row(order[0]).result == crew.row(order[1]).result == {"crane": {"capacity": 2, "used": 0}}
    assert crew.row(order[2]).state == "ended not ok"
    waiting = [crew.put("engine.echo", resources=["crane"])[0] for _ in range(3)]
    grant = crew.coordinator.terms()["role.R"]
    crew.coordinator.release(Grant("role.R", grant.holder, grant.epoch))
    assert [crew.row(task).state for task in waiting] == ["ready", "ready", "waiting resource"]
