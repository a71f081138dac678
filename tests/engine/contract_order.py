"""Contract: putting and claiming. Order, queues by rank, one key at a time, idempotency keys, what a request must be."""

from __future__ import annotations

import random

import pytest

from engine.lab import Lab, claim_ids, claim_one, end, join, lead, put, request, state
from hisee.engine.coordinator import Coordinator, EngineError
from hisee.schema.queues import ROWS as QUEUES


class Order:
    """R105-R109 and the keys."""

    def test_facts_of_a_request_arrive(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        [task] = engine.put([request("tasks.mix", args={"a": [1, 2.5, None, "é"], "b": {"c": True}}, priority=7, max_attempts=3,
                                     retry_s=2.5, timeout_s=9.0, order_key="line 1", agent="AG1", parent=12)])
        claim = claim_one(lab.open(), member)
        assert (claim.id, claim.func, claim.queue) == (task, "tasks.mix", "general")
        assert claim.args == {"a": [1, 2.5, None, "é"], "b": {"c": True}}
        assert (claim.priority, claim.max_attempts, claim.retry_s, claim.timeout_s, claim.order_key) == (7, 3, 2.5, 9.0, "line 1")
        assert (claim.agent, claim.parent, claim.attempt, claim.resources) == ("AG1", 12, 1, [])
        row = engine.task(task)
        assert row is not None and (row.state, row.owner, row.args, row.attempt) == ("activated", member.name, claim.args, 1)
        assert row.created_ms == claim.created_ms and row.ended_ms == 0

    def test_ids_follow_the_requests(self, engine: Coordinator) -> None:
        ids = engine.put([request(args={"n": n}) for n in range(10)])
        assert ids == sorted(ids) and len(set(ids)) == 10
        assert [row.args["n"] for row in engine.tasks(limit=10)] == list(range(9, -1, -1))
        assert engine.put([]) == []

    def test_a_number_is_never_used_again(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        first = put(engine)
        assert engine.purge(grant, ["general"]) == {"general": 1} and engine.task(first) is None
        assert put(engine) > first

    @pytest.mark.req("R109")
    def test_order(self, lab: Lab, engine: Coordinator) -> None:
        member, now = join(lab, engine), lab.now_ms()
        wanted = [(priority, due) for priority in (0, 5, 100, 999) for due in (now - 2000, now - 1000, now - 10) for _ in range(3)]
        shuffled = random.Random(7).sample(wanted, len(wanted))
        ids = engine.put([request(priority=p, due_ms=d) for p, d in shuffled])
        expected = [task for _, _, task in sorted((p, d, task) for (p, d), task in zip(shuffled, ids, strict=True))]
        got = []
        while ids_now := claim_ids(engine, member, limit=5):
            got += ids_now
        assert got == expected

    @pytest.mark.req("R109")
    def test_nothing_before_its_time(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        later = put(engine, due_ms=lab.now_ms() + 400, priority=0)
        soon = put(engine, priority=999)
        assert state(engine, later) == "waiting due" and claim_ids(engine, member) == [soon]
        assert engine.queues()["general"].waiting == 1
        lab.advance(600)
        assert claim_ids(engine, member) == [later]

    @pytest.mark.req("R106", "R107", "R108")
    def test_queue_after_queue(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.assign(lead(engine, member), "role.O", member)
        general, output, primary = (put(engine, queue=q, priority=p) for q, p in (("general", 0), ("O", 50), ("primary", 999)))
        assert claim_ids(engine, member, "primary", "O", "R", "general") == [primary, output, general]

    @pytest.mark.req("R105")
    def test_a_role_queue_is_for_its_holder(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        grant = lead(engine, first)
        engine.assign(grant, "role.O", second)
        output, resource, primary = put(engine, queue="O"), put(engine, queue="R"), put(engine, queue="primary")
        assert claim_ids(engine, second) == [output]
        assert claim_ids(engine, first) == [primary]
        engine.assign(grant, "role.R", first)
        assert claim_ids(engine, first) == [resource]

    def test_only_the_queues_asked_for(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        dialog = put(engine, queue="dialog")
        assert claim_ids(engine, member, "dialog") == [dialog] and claim_ids(engine, member, "dialog") == []
        assert engine.claim(member, [], 10) == []

    @pytest.mark.req("R128")
    def test_lengths_of_queues(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.put([request()] * 42)
        put(engine, queue="dialog", due_ms=lab.now_ms() + 60_000)
        rows = engine.queues()
        assert (rows["general"].waiting, rows["general"].running) == (42, 0) and rows["dialog"].waiting == 1
        assert rows["dialog"].oldest_ms is None and rows["O"] == (0, 0, None) and len(rows) == len(QUEUES)
        lab.advance(50)
        claim_ids(engine, member, limit=2)
        row = engine.queues()["general"]
        assert (row.waiting, row.running) == (40, 2) and row.oldest_ms is not None and 0 <= row.oldest_ms < 60_000

    def test_tokens_only_grow(self, lab: Lab, engine: Coordinator) -> None:
        member, other = join(lab, engine), lab.open()
        engine.put([request()] * 6)
        tokens = [c.token for e in (engine, other, engine) for c in e.claim(member, ["general"], 2)]
        assert tokens == sorted(set(tokens)) and len(tokens) == 6

    def test_a_limit_is_kept(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.put([request(queue=q) for q in ("dialog", "general") for _ in range(3)])
        assert [c.queue for c in engine.claim(member, ["dialog", "general"], 4)] == ["dialog"] * 3 + ["general"]


class OneByOne:
    """order_key: one at a time, in the order of arrival, whatever becomes of each."""

    def test_one_at_a_time(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        first, second, third = (put(engine, order_key="k", priority=p) for p in (900, 0, 500))
        free = put(engine, order_key="other")
        assert claim_ids(engine, member) == [free, first]
        assert claim_ids(engine, member) == []
        engine.cancel(first)
        claim = claim_one(engine, member)
        assert claim.id == second and end(engine, claim)
        assert claim_ids(engine, member) == [third]

    def test_in_one_put_and_in_one_batch(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        ids = engine.put([request(order_key=key) for key in "abab"])
        assert claim_ids(engine, member) == ids[:2]

    def test_never_overtaken_while_it_waits_for_another_attempt(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        first, second = put(engine, order_key="k", retry_s=0.4), put(engine, order_key="k")
        assert end(engine, claim_one(engine, member), "not ok", retry=True)
        assert claim_ids(engine, member) == []
        lab.advance(600)
        claim = claim_one(engine, member)
        assert (claim.id, claim.attempt) == (first, 2) and end(engine, claim)
        assert claim_ids(engine, member) == [second]

    def test_never_overtaken_while_it_is_not_due(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        first = put(engine, order_key="k", due_ms=lab.now_ms() + 400)
        second = put(engine, order_key="k")
        assert claim_ids(engine, member) == []
        lab.advance(600)
        assert claim_ids(engine, member) == [first]
        assert state(engine, second) != "activated"

    def test_given_back_stays_the_first(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        first = put(engine, order_key="k")
        put(engine, order_key="k")
        engine.give_back(engine.claim(member, ["general"], 1), "long run")
        assert claim_ids(engine, member) == [first]

    def test_over_queues(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        first, second = put(engine, order_key="k"), put(engine, order_key="k", queue="dialog")
        assert claim_ids(engine, member, "dialog") == []
        assert end(engine, claim_one(engine, member, "general"))
        assert claim_ids(engine, member, "dialog") == [second] and first < second

    def test_after_a_purge(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine, order_key="k")
        second = put(engine, order_key="k", queue="dialog")
        engine.purge(lead(engine, member), ["general"])
        assert claim_ids(engine, member) == [second]

    def test_after_a_dead_letter_and_its_retry(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        first, second, third = (put(engine, order_key="k", max_attempts=1) for _ in range(3))
        assert end(engine, claim_one(engine, member), "not ok", retry=True)
        assert state(engine, first) == "dead letter"
        running = claim_one(engine, member)
        assert running.id == second and engine.retry(first)
        assert claim_ids(engine, member) == []
        assert end(engine, running)
        assert claim_ids(engine, member) == [first]
        assert state(engine, third) != "activated"


class Requests:
    """Durable once, refused with the reason."""

    def test_idempotency_key(self, lab: Lab, engine: Coordinator) -> None:
        first = put(engine, key="order 7")
        assert put(lab.open(), key="order 7", priority=1) == first
        ids = engine.put([request(key="order 8"), request(key="order 8"), request(key="order 7")])
        assert ids[0] == ids[1] != first and ids[2] == first
        assert engine.queues()["general"].waiting == 2
        member = join(lab, engine)
        assert end(engine, claim_one(engine, member)) and put(engine, key="order 7") == first

    def test_no_key_is_no_key(self, engine: Coordinator) -> None:
        assert len(set(engine.put([request(), request()]))) == 2

    @pytest.mark.parametrize(("facts", "said"), [
        ({"queue": "nowhere"}, "nowhere"), ({"queue": "java"}, "service.NAME"), ({"func": "work"}, "tasks.NAME"),
        ({"priority": 1000}, "1000"), ({"priority": -1}, "-1"), ({"max_attempts": 0}, "max_attempts"),
        ({"args": {"x": "a" * 300_000}}, "bytes"), ({"args": {"x": object()}}, "JSON")])
    def test_refused_with_its_number_and_nothing_put(self, engine: Coordinator, facts: dict, said: str) -> None:
        with pytest.raises(EngineError, match="request 1") as caught:
            engine.put([request(), request(**facts)])
        assert said in str(caught.value) and engine.tasks() == []

    def test_large_arguments(self, lab: Lab, engine: Coordinator) -> None:
        member, text = join(lab, engine), "x" * 200_000
        put(engine, args={"text": text})
        claim = claim_one(engine, member)
        assert claim.args == {"text": text}
        row = engine.task(claim.id)
        assert end(engine, claim) and row is not None and row.args == {"text": text}

    def test_listing(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        ids = engine.put([request("tasks.a"), request("tasks.b", queue="dialog"), request("tasks.a"), request("tasks.a")])
        assert end(engine, claim_one(engine, member, "dialog"))
        assert [r.id for r in engine.tasks()] == ids[::-1] and [r.id for r in engine.tasks(limit=2)] == [ids[3], ids[2]]
        assert [r.id for r in engine.tasks(before=ids[2])] == [ids[1], ids[0]]
        assert [r.id for r in engine.tasks(state="ended ok")] == [ids[1]] == [r.id for r in engine.tasks(queue="dialog")]
        assert [r.id for r in engine.tasks(func="tasks.a", state="ready")] == [ids[3], ids[2], ids[0]]
        assert engine.task(10**9) is None
        with pytest.raises(EngineError, match="nonsense"):
            engine.tasks(state="nonsense")
