"""Contract: what becomes of a claim. Ends in one commit, tokens, attempts, dead letters, steps, outbox, facts."""

from __future__ import annotations

import pytest

from engine.lab import Lab, claim_ids, claim_one, end, ended_with_add, join, lead, put, request, state
from hisee.engine.coordinator import Add, Claim, Coordinator, EngineError, Member, Outcome, Send, StaleClaim, Write


def buried_claim(lab: Lab, engine: Coordinator, **facts: object) -> tuple[Claim, Member]:
    """A claim whose owner was buried meanwhile, and a member that may take it over."""
    member, other = join(lab, engine), join(lab, engine)
    put(engine, **facts)
    claim = claim_one(engine, member)
    engine.bury(member.incarnation, "lease over")
    return claim, other


class Ends:
    """finish: everything of a task in the one commit, or nothing."""

    @pytest.mark.req("R110")
    def test_end_with_effects(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        claim = claim_one(engine, member)
        follow = request("tasks.next", parent=claim.id, key="after")
        effects = [Add("n", 5), Write("w", [1, "a"]), Send("notify", {"to": "a"}), Add("n", 2), Send("log")]
        outcome = Outcome(result={"x": 1}, effects=effects, follow_ups=[follow])
        assert engine.finish([(claim, outcome)]) == [True]
        other = lab.open()
        row = other.task(claim.id)
        assert row is not None and (row.state, row.status, row.result, row.owner) == ("ended ok", "ok", {"x": 1}, "")
        assert row.ended_ms >= row.created_ms > 0
        assert other.fact("n") == 7 and other.fact("w") == [1, "a"] and other.fact("none") is None
        assert [(r.key, r.target, r.payload) for r in other.outbox(10)] == [
            (f"{claim.id}:0", "notify", {"to": "a"}), (f"{claim.id}:1", "log", {})]
        [next_row] = other.tasks(func="tasks.next")
        assert next_row.parent == claim.id and claim_ids(engine, member) == [next_row.id]

    def test_statuses(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        wanted = {"ok": "ended ok", "not ok": "ended not ok", "cancelled": "cancelled", "lost": "lost"}
        for status, name in wanted.items():
            task = put(engine)
            assert end(engine, claim_one(engine, member), status, text=f"because {status}")
            row = engine.task(task)
            assert row is not None and (row.state, row.status, row.text) == (name, status, f"because {status}")

    def test_a_batch_is_one_commit(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.put([request()] * 20)
        claims = engine.claim(member, ["general"], 20)
        engine.cancel(claims[4].id)
        done = engine.finish([(c, Outcome(effects=[Add("n"), Send("t", {"id": c.id})])) for c in claims])
        assert done == [c is not claims[4] for c in claims]
        assert engine.fact("n") == 19 and len(engine.outbox(100)) == 19
        assert engine.finish([]) == []

    def test_effects_within_a_batch_keep_their_order(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.put([request()] * 3)
        first, second, third = engine.claim(member, ["general"], 3)
        engine.finish([(first, Outcome(effects=[Add("n", 5), Write("v", 1)])), (second, Outcome(effects=[Write("n", 100), Write("v")])),
                       (third, Outcome(effects=[Add("n"), Write("v", "last")]))])
        assert engine.facts("") == {"n": 101, "v": "last"}

    def test_a_wrong_follow_up_undoes_everything(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.put([request(), request()])
        good, bad = engine.claim(member, ["general"], 2)
        for wrong, said in ((request(queue="nowhere"), "nowhere"), (request(after=[4711]), "4711")):
            with pytest.raises(EngineError, match=said):
                engine.finish([(good, Outcome(effects=[Add("n")])), (bad, Outcome(effects=[Add("n"), Send("t")], follow_ups=[wrong]))])
            assert engine.fact("n") is None and engine.outbox(10) == []
            assert state(engine, good.id) == state(engine, bad.id) == "activated"
        assert ended_with_add(engine, good, "n") and engine.fact("n") == 1

    @pytest.mark.req("R110")
    def test_a_stale_claim_does_nothing_at_all(self, lab: Lab, engine: Coordinator) -> None:
        claim, other = buried_claim(lab, engine)
        again = claim_one(engine, other)
        assert again.id == claim.id and again.token > claim.token
        outcome = Outcome(effects=[Add("n"), Send("t")], follow_ups=[request("tasks.next")])
        assert engine.finish([(claim, outcome)]) == [False]
        assert engine.fact("n") is None and engine.outbox(10) == [] and engine.tasks(func="tasks.next") == []
        assert engine.finish([(again, outcome)]) == [True] and engine.fact("n") == 1
        assert engine.finish([(again, outcome)]) == [False] and engine.fact("n") == 1

    def test_the_same_claim_twice_in_a_batch(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        claim = claim_one(engine, member)
        assert engine.finish([(claim, Outcome(effects=[Add("n")]))] * 2) == [True, False] and engine.fact("n") == 1

    def test_renew_tells_what_is_lost(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.put([request()] * 3)
        claims = engine.claim(member, ["general"], 3)
        engine.cancel(claims[1].id)
        assert engine.renew(claims) == [claims[0], claims[2]] and engine.renew([]) == []
        engine.bury(member.incarnation, "lease over")
        assert engine.renew(claims) == []

    def test_cancel(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        waits, runs = put(engine, due_ms=lab.now_ms() + 60_000), put(engine)
        claim = claim_one(engine, member)
        assert claim.id == runs and engine.cancel(waits) and engine.cancel(runs)
        assert state(engine, waits) == state(engine, runs) == "cancelled"
        assert not ended_with_add(engine, claim) and engine.fact("sum") is None
        assert not engine.cancel(runs) and not engine.cancel(10**9)
        assert engine.queues()["general"] == (0, 0, None)


class Attempts:
    """Counted at the claim; poison ends as a dead letter."""

    def test_counted_at_the_claim(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        task = put(engine, retry_s=0.0)
        for attempt in (1, 2, 3):
            claim = claim_one(engine, member)
            assert claim.attempt == attempt and end(engine, claim, "not ok", retry=True, text="trace")
        row = engine.task(task)
        assert row is not None and (row.state, row.attempt, row.text) == ("ready", 3, "trace")

    def test_an_attempt_that_will_be_repeated_leaves_nothing(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine, retry_s=0.0)
        assert end(engine, claim_one(engine, member), "not ok", Add("n"), Send("t"), retry=True, follow_ups=[request("tasks.next")])
        assert engine.facts("") == {} and engine.outbox(10) == [] and engine.tasks(func="tasks.next") == []

    def test_back_off(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        task = put(engine, retry_s=0.3)
        assert end(engine, claim_one(engine, member), "not ok", retry=True)
        assert state(engine, task) == "waiting due" and claim_ids(engine, member) == []
        lab.advance(500)
        assert end(engine, claim_one(engine, member), "not ok", retry=True)
        row = engine.task(task)
        assert row is not None and row.due_ms - lab.now_ms() > 350

    @pytest.mark.parametrize("by_death", [False, True])
    def test_dead_letter_and_its_retry(self, lab: Lab, engine: Coordinator, by_death: bool) -> None:
        member = join(lab, engine)
        task = put(engine, max_attempts=2, retry_s=0.0)
        for _ in range(2):
            owner = join(lab, engine)
            claim = claim_one(engine, owner)
            if by_death:
                assert engine.bury(owner.incarnation, "process ended").tasks == 1
            else:
                assert end(engine, claim, "not ok", retry=True, text="last trace")
        row = engine.task(task)
        assert row is not None and row.state == "dead letter" and row.text and row.ended_ms
        assert claim_ids(engine, member) == [] and engine.tasks(state="dead letter") != []
        assert engine.retry(task) and not engine.retry(task)
        claim = claim_one(engine, member)
        assert claim.attempt == 1 and ended_with_add(engine, claim)

    def test_retry_is_for_what_failed(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        task = put(engine)
        assert not engine.retry(task) and not engine.retry(10**9)
        assert end(engine, claim_one(engine, member), "not ok") and engine.retry(task)
        assert end(engine, claim_one(engine, member)) and not engine.retry(task)

    def test_poison_comes_alone(self, lab: Lab, engine: Coordinator) -> None:
        member, other = join(lab, engine), join(lab, engine)
        poison = [put(engine, priority=50), put(engine, priority=50)]
        assert claim_ids(engine, member) == poison
        before, after = put(engine, priority=10), put(engine, priority=100)
        engine.bury(member.incarnation, "process ended")
        assert [claim_ids(engine, other) for _ in range(5)] == [[before], [poison[0]], [poison[1]], [after], []]

    @pytest.mark.parametrize("func, queue", [("program.copy", "general"), ("service.Fill", "java")])
    def test_the_death_of_a_watcher_counts_no_attempt(self, lab: Lab, engine: Coordinator, func: str, queue: str) -> None:
        """A job elsewhere outlives those who watch it, however many of them die; only its own failures count."""
        task, ends = put(engine, func=func, queue=queue, max_attempts=1), put(engine, max_attempts=1, priority=900)
        for _ in range(4):
            member = join(lab, engine)
            claim = claim_one(engine, member, queue)
            assert (claim.id, claim.attempt) == (task, 1)
            engine.bury(member.incarnation, "process ended")
            row = engine.task(task)
            assert row is not None and (row.state, row.attempt, row.status) == ("ready", 0, "")
        member = join(lab, engine)
        [claim, other] = engine.claim(member, ["java", "general"], 2)  # innocent: it need not come alone
        assert end(engine, claim, "not ok", retry=True) and state(engine, task) == "dead letter" and other.id == ends
        engine.bury(member.incarnation, "process ended")
        assert state(engine, ends) == "dead letter"

    def test_given_back_is_not_counted(self, lab: Lab, engine: Coordinator) -> None:
        member, other = join(lab, engine), join(lab, engine)
        engine.put([request(), request()])
        claims = engine.claim(member, ["general"], 2)
        engine.give_back(claims, "long run")
        assert all(state(engine, c.id) == "ready" for c in claims)
        again = engine.claim(other, ["general"], 2)
        assert [c.attempt for c in again] == [1, 1]
        engine.give_back(claims, "late")
        assert engine.renew(again) == again and engine.give_back([], "") is None

    def test_given_back_until_a_time(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        task = put(engine)
        engine.give_back([claim_one(engine, member)], "not now", lab.now_ms() + 400)
        assert state(engine, task) == "waiting due" and claim_ids(engine, member) == []
        lab.advance(600)
        assert claim_ids(engine, member) == [task]


class Steps:
    """R140: the life of a task, each state with its time, member and message number."""

    @pytest.mark.req("R140")
    def test_a_whole_life(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        task = put(engine, func="program.copy")
        claim = claim_one(engine, member)
        engine.step(claim, "generated", "copy.sh", generated="copy.sh --all")
        engine.step(claim, "started", "on AG1")
        assert end(engine, claim, steps=[f"{lab.now_ms()} active {member.name}"])
        row = engine.task(task)
        assert row is not None and row.generated == "copy.sh --all"
        assert [s["state"] for s in row.steps] == ["registered", "ready", "activated", "generated", "started", "active", "ended ok"]
        assert [s["message"].split()[0] for s in row.steps] == ["V7101", "V7105", "V7106", "V7107", "V7108", "V7109", "V7110"]
        assert [s["by"] for s in row.steps[2:]] == [member.name] * 5 and "copy.sh" in row.steps[3]["message"]
        times = [s["at_ms"] for s in row.steps]
        assert times == sorted(times) and times[0] == row.created_ms

    @pytest.mark.req("R140")
    def test_a_life_over_two_members(self, lab: Lab, engine: Coordinator) -> None:
        claim, other = buried_claim(lab, engine)
        again = claim_one(engine, other)
        row = engine.task(claim.id)
        assert row is not None and [s["state"] for s in row.steps] == ["registered", "ready", "activated", "ready", "activated"]
        assert [s["by"] for s in row.steps if s["state"] == "activated"] == ["WP001", "WP002"] and row.owner == "WP002"
        assert "lease over" in row.steps[3]["message"] and again.attempt == 2

    def test_the_generated_form_stays_for_the_next_attempt(self, lab: Lab, engine: Coordinator) -> None:
        member, other = join(lab, engine), join(lab, engine)
        put(engine)
        engine.step(claim_one(engine, member), "generated", generated="form")
        engine.bury(member.incarnation, "process ended")
        assert claim_one(engine, other).generated == "form"

    @pytest.mark.req("R140")
    def test_the_generated_form_of_a_short_run_comes_with_its_end(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        task = put(engine, retry_s=0.0)
        assert end(engine, claim_one(engine, member), "not ok", retry=True, generated="form")
        again = claim_one(engine, member)
        assert again.generated == "form" and end(engine, again)
        row = lab.open().task(task)
        assert row is not None and row.generated == "form"

    def test_state_and_progress_are_seen_by_others(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        claim = claim_one(engine, member)
        engine.step(claim, "active")
        engine.progress(claim, 0.25, "a quarter")
        row = lab.open().task(claim.id)
        assert row is not None and (row.state, row.progress, row.progress_text) == ("active", 0.25, "a quarter")
        assert [r.id for r in engine.tasks(state="active")] == [claim.id] and engine.queues()["general"].running == 1

    def test_the_stale_neither_steps_nor_progresses(self, lab: Lab, engine: Coordinator) -> None:
        claim, other = buried_claim(lab, engine)
        claim_one(engine, other)
        with pytest.raises(StaleClaim):
            engine.step(claim, "active")
        with pytest.raises(StaleClaim):
            engine.progress(claim, 0.5, "")
        assert state(engine, claim.id) == "activated"

    def test_only_states_of_a_run_are_steps(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        with pytest.raises(EngineError, match="ended ok"):
            engine.step(claim_one(engine, member), "ended ok")


class Effects:
    """Outbox and keys (P4), facts."""

    def test_the_outbox_keeps_until_sent(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.put([request()] * 3)
        for claim in engine.claim(member, ["general"], 3):
            end(engine, claim, "ok", Send("t", {"n": claim.id}), Send("u"))
        rows = engine.outbox(100)
        assert len(rows) == 6 and rows == lab.open().outbox(100) and len({r.key for r in rows}) == 6
        engine.sent(rows[:2])
        engine.sent(rows[:2])
        assert lab.open().outbox(3) == rows[2:5]
        engine.sent(rows)
        assert engine.outbox(100) == [] and engine.sent([]) is None

    def test_a_relay_that_dies_between_sending_and_marking(self, lab: Lab, engine: Coordinator) -> None:
        """At least once with the same key, and the receiver's memory makes it once."""
        member = join(lab, engine)
        put(engine)
        end(engine, claim_one(engine, member), "ok", Send("t", {"amount": 5}))
        received = 0
        for marked in (False, True):
            relay = lab.open()
            for row in relay.outbox(10):
                received += row.payload["amount"] if lab.open().first_time(row.key) else 0
                if marked:
                    relay.sent([row])
            relay.close()
        assert received == 5 and engine.outbox(10) == []

    def test_a_relay_that_dies_before_sending(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        end(engine, claim_one(engine, member), "ok", Send("t"))
        relay = lab.open()
        assert len(relay.outbox(10)) == 1
        relay.close()
        assert len(lab.open().outbox(10)) == 1

    def test_an_end_repeated_by_an_operator_has_the_same_keys(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        task = put(engine)
        end(engine, claim_one(engine, member), "not ok", Send("t", {"n": 1}))
        assert engine.retry(task) and end(engine, claim_one(engine, member), "ok", Send("t", {"n": 1}))
        assert {r.key for r in engine.outbox(10)} == {f"{task}:0"}

    def test_first_time_is_durable(self, lab: Lab, engine: Coordinator) -> None:
        assert engine.first_time("1:0") and not engine.first_time("1:0")
        engine.close()
        other = lab.open()
        assert not other.first_time("1:0") and other.first_time("1:1")

    def test_facts(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        values = {"a.i": 7, "a.t": "x", "a.b": True, "a.f": 1.5, "a.big": 2**62, "b": {"k": [None]}}
        writes = [Write(k, v) for k, v in values.items()] + [Write("a_x", 1), Write("gone", 1), Write("gone")]
        end(engine, claim_one(engine, member), "ok", *writes)
        assert lab.open().facts("") == values | {"a_x": 1} and engine.facts("a.") == {k: v for k, v in values.items() if k[:2] == "a."}
        assert engine.fact("a.b") is True and engine.fact("gone") is None
        put(engine)
        end(engine, claim_one(engine, member), "ok", Add("a.i", -10), Add("new"))
        assert engine.fact("a.i") == -3 and engine.fact("new") == 1


class Purge:
    """Cold start."""

    @pytest.mark.req("R114")
    def test_deletes_what_waits(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        done = put(engine)
        assert end(engine, claim_one(engine, member), "ok", Add("n"))
        runs = put(engine)
        claim = claim_one(engine, member)
        engine.put([request(due_ms=lab.now_ms() + 60_000), request(after=[runs]), request(resources=["r"]), request(),
                    request(order_key="k"), request(order_key="k"), request(queue="dialog")])
        assert engine.purge(grant, ["general", "O", "dialog"]) == {"general": 6, "O": 0, "dialog": 1}
        assert sorted(r.id for r in engine.tasks()) == [done, runs] and engine.fact("n") == 1
        assert end(engine, claim) and claim_ids(engine, member) == []

    @pytest.mark.req("R114")
    def test_only_the_queues_named(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        put(engine)
        kept = put(engine, queue="dialog")
        assert engine.purge(lead(engine, member), ["general"]) == {"general": 1} and claim_ids(engine, member) == [kept]

    @pytest.mark.req("R117")
    @pytest.mark.parametrize("buried_before", [False, True])
    def test_what_the_dead_had_is_for_review(self, lab: Lab, engine: Coordinator, buried_before: bool) -> None:
        old, new = join(lab, engine), join(lab, engine)
        broken = put(engine)
        claim = claim_one(engine, old)
        waits = put(engine)
        lab.kill(old)
        if buried_before:
            engine.bury(old.incarnation, "process ended")
        assert engine.purge(lead(engine, new), ["general"]) == {"general": 1}
        assert engine.task(waits) is None and state(engine, broken) == "review" and not end(engine, claim)
        assert claim_ids(engine, new) == [] and engine.retry(broken) and claim_ids(engine, new) == [broken]
