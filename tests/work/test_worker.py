"""The worker: order, batches, giving back, lease margin, trouble with storage, ends that the engine refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from hisee.engine.coordinator import ACTIVE, Candidate, Claim, Coordinator, EngineError, LostMember, Outcome, StorageFull, TaskRequest
from hisee.engine.memory import MemoryCoordinator
from hisee.work.batch import Batch
from hisee.work.context import Context
from hisee.work.view import View, view_of
from work.crew import Crew, Hand


def tell(hand: Hand, name: str, function: Any) -> str:
    """Put a function of the test under tasks.NAME."""
    hand.functions._known[f"tasks.{name}"] = hand.functions.find("tasks.work")._replace(call=function, signature=None)
    return f"tasks.{name}"


def test_runs_and_commits() -> None:
    crew = Crew(1)
    tasks = crew.put(count=5, args={"n": 2})
    assert crew.hands[0].rounds() == 5 and crew.coordinator.fact("sum") == 10
    assert {crew.row(task).status for task in tasks} == {"ok"} and crew.row(tasks[0]).result == 2
    assert crew.hands[0].worker.round() == (0, 2_000, "")


def test_it_sleeps_until_the_next_task_is_due() -> None:
    """The primary to the very moment, the others a little longer; nobody longer than the safety poll."""
    crew = Crew(2)
    assert [hand.worker.round().rest_ms for hand in crew.hands] == [2_000, 2_000]
    crew.put(due_ms=crew.clock.now_ms() + 300)
    assert [hand.worker.round().rest_ms for hand in crew.hands] == [300, 320]
    crew.clock.advance(299)
    assert [hand.worker.round().rest_ms for hand in crew.hands] == [1, 21]
    crew.clock.advance(1)
    assert crew.hands[0].rounds() == 1


def test_it_says_when_a_run_begins() -> None:
    crew, seen = Crew(), []
    hand = Hand(crew, began=lambda: seen.append(hand.worker.present))
    crew.hands.append(hand)
    hand.primary.look()
    task = crew.put()[0]
    assert hand.rounds() == 1 and [claim.id for claim in seen] == [task] and hand.worker.present is None


@pytest.mark.req("R140")
def test_a_life_has_all_its_states_and_the_generated_form() -> None:
    crew = Crew(1)
    task = crew.put(args={"n": 3})[0]
    crew.hands[0].rounds()
    row = crew.row(task)
    assert [step["state"] for step in row.steps] == ["registered", "ready", "activated", "generated", "started", "active", "ended ok"]
    assert {step["by"] for step in row.steps[2:]} == {"WP001"}
    assert [step["message"][:5] for step in row.steps][3:6] == ["V7107", "V7108", "V7109"]
    assert json.loads(row.generated)["args"] == {"n": 3}


@pytest.mark.req("R106", "R107", "R108", "R109")
def test_own_queues_first_then_general_by_priority() -> None:
    crew = Crew(1)
    ran: list[str] = []
    name = tell(crew.hands[0], "note", lambda ctx, n: ran.append(n))
    for queue, priority in (("general", 5), ("general", 1), ("R", 999), ("O", 999), ("primary", 999)):
        crew.put(name, queue=queue, priority=priority, args={"n": f"{queue} {priority}"})
    crew.hands[0].rounds()
    assert ran == ["primary 999", "O 999", "R 999", "general 1", "general 5"]


@pytest.mark.req("R106")
def test_a_role_request_passes_a_batch_under_way() -> None:
    crew = Crew(1)
    hand, ran = crew.hands[0], []

    def note(ctx: Context, n: int) -> None:
        ran.append(n)
        crew.clock.advance(8)
        if n == 4:
            crew.put(name, queue="O", args={"n": 100})

    name = tell(hand, "note", note)
    hand.worker._batch.limit = 10
    for n in range(10):
        crew.put(name, args={"n": n})
    hand.worker.round()
    assert ran.index(100) <= 7 and ran[:5] == [0, 1, 2, 3, 4] and sorted(ran) == [*range(10), 100]


@pytest.mark.req("R105")
def test_a_role_queue_is_left_to_its_holder() -> None:
    crew = Crew(3)
    crew.put(queue="O", count=10)
    for hand in crew.hands:
        hand.rounds()
    assert [hand.worker.ran for hand in crew.hands] == [0, 10, 0]


@pytest.mark.req("R112")
def test_queues_by_mode() -> None:
    assert View("DWP").queues == ("dialog",)
    assert View("WP", frozenset({"pwp", "role.R"}), True).queues == ("primary", "R", "general", "java", "event")
    assert View(active=False, terms=frozenset({"pwp"})).queues == () and View(active=False).kind == "NWP"
    assert View("WP").queues == ("general", "dialog", "java", "event") and View("STANDBY").queues == ()


def test_the_batch_adapts() -> None:
    batch = Batch(256)
    grown = []
    for _ in range(6):
        batch.ran(batch.limit, batch.limit * 100_000)
        grown.append(batch.limit)
    assert grown == [4, 16, 64, 256, 256, 256]
    batch.ran(256, 256 * 1_000_000)
    assert batch.limit == 100
    batch.ran(10, 10 * 25_000_000)
    assert batch.limit == 1
    batch.ran(0, 0)
    assert batch.limit == 1


def test_long_runs_give_the_rest_back() -> None:
    crew = Crew(2)
    hand, other = crew.hands
    given: list[int] = []

    def slow(ctx: Context) -> None:
        crew.clock.advance(150)
        if not given:  # the steward's thread looks in the middle of the run
            given.append(hand.worker.yield_rest(MemoryCoordinator(crew.engine)))
            states.extend(step["state"] for step in crew.row(ctx.task_id).steps)

    states: list[str] = []
    name = tell(hand, "slow", slow)
    tell(other, "slow", slow)
    hand.worker._batch.limit = 4
    tasks = crew.put(name, count=4)
    hand.worker.round()
    assert given == [3] and states[-3:] == ["generated", "started", "active"] and set(hand.rung) == {"general"}
    assert [crew.row(t).state for t in tasks] == ["ended ok", "ready", "ready", "ready"] and crew.row(tasks[1]).attempt == 0
    assert [s["state"] for s in crew.row(tasks[0]).steps].count("active") == 1
    assert hand.worker._batch.limit == 1 and other.rounds() == 3


def test_short_runs_keep_their_batch() -> None:
    crew = Crew(1)
    hand, given = crew.hands[0], []
    name = tell(hand, "short", lambda ctx: given.append(hand.worker.yield_rest(crew.coordinator)))
    hand.worker._batch.limit = 3
    crew.put(name, count=3)
    hand.worker.round()
    assert given == [0, 0, 0]


@pytest.mark.req("R129")
def test_stop_finishes_the_present_one_and_gives_back_the_rest() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    name = tell(hand, "stop", lambda ctx: hand.worker.stop())
    hand.worker._batch.limit = 3
    tasks = crew.put(name, count=3)
    hand.worker.round()
    assert not hand.worker.done
    hand.worker.round()
    assert hand.worker.done and [crew.row(t).state for t in tasks] == ["ended ok", "ready", "ready"]
    assert hand.worker.round().ended == 0 and crew.row(tasks[1]).attempt == 0


@pytest.mark.req("R110")
def test_without_a_lease_nothing_is_begun_claimed_or_finished() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    name = tell(hand, "freeze", lambda ctx: crew.clock.advance(1_700))
    hand.worker._batch.limit = 3
    tasks = crew.put(name, count=3)
    hand.worker.round()
    assert [crew.row(t).state for t in tasks] == ["activated"] * 3 and hand.worker.ran == 1
    assert hand.worker.round() == (0, 500, "the lease is not renewed")
    hand.beat()
    assert hand.worker.round().ended > 0 and crew.row(tasks[0]).status == "ok"


@pytest.mark.req("R110")
def test_what_was_taken_over_is_neither_begun_nor_finished() -> None:
    crew = Crew(2)
    hand, other = crew.hands

    def freeze(ctx: Context) -> None:
        ctx.add("sum")
        if hand.worker.present and not other.worker.ran:
            for _ in range(5):
                crew.clock.advance(500)
                other.look()
            other.rounds()

    name = tell(hand, "freeze", freeze)
    tell(other, "freeze", lambda ctx: ctx.add("sum"))
    hand.worker._batch.limit = 3
    crew.put(name, count=3)
    hand.worker.round()
    assert other.worker.ran == 3 and hand.worker.ran == 1 and crew.coordinator.fact("sum") == 3
    with pytest.raises(LostMember):
        hand.beat()
    hand.lease.renewed(hand.lease.begin())
    with pytest.raises(LostMember):
        hand.worker.round()
    assert crew.coordinator.fact("sum") == 3


def test_a_refusal_ends_at_once_an_error_is_tried_again() -> None:
    crew = Crew(1)
    refused, failed = crew.put("tasks.refuse")[0], crew.put("tasks.fail", max_attempts=2)[0]
    unknown, wrong = crew.put("tasks.absent")[0], crew.put(args={"m": 1})[0]
    crew.hands[0].rounds()
    assert crew.row(refused).state == "ended not ok" and "no such meter" in crew.row(refused).text
    assert crew.row(failed).state == "waiting due" and 'File "tasks.py"' in crew.row(failed).text
    assert crew.row(unknown).state == "ended not ok" and "tasks.work" in crew.row(unknown).text
    assert crew.row(wrong).state == "ended not ok" and "'m'" in crew.row(wrong).text
    crew.clock.advance(1_100)
    crew.hands[0].look()
    crew.hands[0].rounds()
    assert crew.row(failed).state == "dead letter" and crew.row(failed).attempt == 2


def test_a_result_that_is_no_json_and_an_exit_are_errors_of_the_task() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    tasks = crew.put(tell(hand, "odd", lambda ctx: object()), max_attempts=1)
    tasks += crew.put(tell(hand, "exit", lambda ctx: exit(3)), max_attempts=1)
    hand.rounds()
    assert [crew.row(t).state for t in tasks] == ["dead letter"] * 2


def test_a_timeout_counts_when_the_function_comes_back() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    over: list[object] = []

    def slow(ctx: Context) -> None:
        crew.clock.advance(1_200)
        over.extend([ctx.still_mine(), hand.worker.overrun(grace_s=0.1), hand.worker.overrun()])

    task = crew.put(tell(hand, "slow", slow), timeout_s=1.0, max_attempts=1)[0]
    hand.rounds()
    assert over[0] is False and isinstance(over[1], Claim) and over[2] is None
    assert crew.row(task).state == "dead letter" and "longer than 1 s" in crew.row(task).text


def test_programs_and_services_go_elsewhere() -> None:
    begun: list[str] = []
    crew = Crew()
    crew.start(elsewhere=lambda claim: begun.append(claim.func))
    crew.put("program.copy")
    crew.put("service.tariff", queue="java")
    ended = crew.hands[0].rounds()
    assert begun == ["program.copy", "service.tariff"] and ended == 0
    assert {row.state for row in crew.coordinator.tasks()} == {"activated"}


def test_follow_ups_ring_their_queues() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    crew.put(tell(hand, "more", lambda ctx: ctx.enqueue("tasks.work", queue="dialog", n=4)))
    hand.worker.round()
    assert hand.rung[-1] == "dialog"
    [row] = crew.coordinator.tasks(queue="dialog")
    assert row.args == {"n": 4} and row.parent


class Faulty(MemoryCoordinator):
    """Calls named in `faults` fail: with a full disk, or because a value cannot be stored."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.faults: dict[str, EngineError] = {}

    def _try(self, name: str) -> None:
        if name in self.faults:
            raise self.faults[name]

    def claim(self, *args: Any) -> list[Claim]:
        self._try("claim")
        return super().claim(*args)

    def finish(self, ends: Sequence[tuple[Claim, Outcome]]) -> list[bool]:
        self._try("finish")
        if any(outcome.result == "bad" for _, outcome in ends):
            raise EngineError("this result cannot be kept")
        return super().finish(ends)

    def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        self._try("renew")
        return super().renew(claims)

    def give_back(self, *args: Any) -> None:
        self._try("give_back")
        super().give_back(*args)


def faulty(crew: Crew) -> tuple[Hand, Faulty]:
    hand = crew.hands[0]
    coordinator = Faulty(crew.engine)
    hand.worker._coordinator = coordinator
    return hand, coordinator


def test_a_full_disk_loses_nothing() -> None:
    crew = Crew(1)
    hand, coordinator = faulty(crew)
    crew.put(count=3)
    hand.worker._batch.limit = 3
    for call in ("claim", "finish"):
        coordinator.faults = {call: StorageFull("the disk is full")}
        assert hand.worker.round() == (0, 500, "the disk is full") == hand.worker.round()
    coordinator.faults = {}
    hand.rounds()
    assert hand.worker.ran == 3 and crew.coordinator.fact("sum") == 3


def test_a_full_disk_at_the_giving_back() -> None:
    crew = Crew(1)
    hand, coordinator = faulty(crew)

    def locked(ctx: Context) -> None:
        with ctx.lock("line"):
            ctx.add("sum")

    task = crew.put(tell(hand, "locked", locked))[0]
    foreign = crew.coordinator.join(crew_candidate())
    grant = crew.coordinator.take("lock.line", foreign)
    assert grant is not None
    coordinator.faults = {"give_back": StorageFull("the disk is full")}
    assert hand.worker.round().trouble and crew.row(task).state == "activated"
    coordinator.faults = {}
    hand.worker.round()
    assert crew.row(task).state == "waiting due" and crew.row(task).attempt == 0
    crew.coordinator.drop(grant)
    crew.clock.advance(1_100)
    hand.beat()
    hand.rounds()
    assert crew.row(task).status == "ok" and crew.coordinator.terms()["lock.line"].holder == 0


def crew_candidate() -> Candidate:
    return Candidate(kind="CP", node="SRV1", host="h", pid=77, birth=1, incarnation=77)


def test_one_wrong_end_does_not_hold_up_the_others() -> None:
    crew = Crew(1)
    hand, _ = faulty(crew)
    name = tell(hand, "bad", lambda ctx: "bad")
    hand.worker._batch.limit = 3
    tasks = [*crew.put(), *crew.put(name, max_attempts=1), *crew.put()]
    for _ in range(4):
        hand.worker.round()
    assert [crew.row(t).state for t in tasks] == ["ended ok", "dead letter", "ended ok"]
    assert "cannot be kept" in crew.row(tasks[1]).text


def test_an_engine_that_cannot_answer_turns_no_good_end_into_a_bad_one() -> None:
    crew = Crew(1)
    hand, coordinator = faulty(crew)
    tasks = crew.put(count=2)
    hand.worker._batch.limit = 2
    coordinator.faults = {"finish": EngineError("no connection"), "renew": EngineError("no connection")}
    for _ in range(5):
        assert hand.worker.round().trouble == "no connection"
    coordinator.faults = {}
    hand.rounds()
    assert [crew.row(t).state for t in tasks] == ["ended ok"] * 2 and hand.worker.ran == 2


def test_a_role_that_moves_takes_the_batch_with_it() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    name = tell(hand, "lose", lambda ctx: hand.worker.see(View("WP", frozenset({"pwp"}))))
    hand.worker._batch.limit = 3
    tasks = crew.put(name, queue="O", count=2)
    hand.worker.round()
    assert [crew.row(t).state for t in tasks] == ["ended ok", "ready"]


def test_the_protocol_is_kept() -> None:
    crew = Crew()
    engine: Coordinator = crew.coordinator
    assert engine.put([TaskRequest(func="tasks.work")]) == [1]


@pytest.mark.req("R112", "R123")
def test_a_dialog_process_of_a_computer_that_waits_leaves_its_queue_to_the_plain_ones() -> None:
    crew = Crew()
    server = crew.start(kind="KNL", node="SRV1")
    crew.hands.clear()
    here, there = crew.start(node="SRV1"), crew.start(node="SRV2")
    there.coordinator.set_mode(there.member, "DWP")
    assert "dialog" not in queues_of(here), "there is no group: the dialog process takes them"
    assert server.coordinator.take_together(["hs.plant", ACTIVE], server.member) is not None
    assert "dialog" in queues_of(here) and queues_of(there) == ()


def queues_of(hand: Hand) -> tuple[str, ...]:
    return view_of(hand.member, hand.coordinator.members(), hand.coordinator.terms()).queues
