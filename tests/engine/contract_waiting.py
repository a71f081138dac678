"""Contract: conditions, limits on parallel runs, schedules, reports of agents."""

from __future__ import annotations

import pytest

from engine.lab import Lab, claim_ids, claim_one, end, join, lead, put, request, state
from hisee.engine.coordinator import Coordinator, EngineError, LostGrant, Schedule


def running(engine: Coordinator) -> list[int]:
    return sorted(r.id for r in engine.tasks(state="activated"))


class Conditions:
    """after: tasks that must end ok before."""

    def test_waits_for_all(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        first, second = put(engine), put(engine)
        last = put(engine, after=[first, second])
        row = engine.task(last)
        assert row is not None and (row.state, row.after) == ("waiting condition", [first, second])
        claims = engine.claim(member, ["general"], 10)
        assert [c.id for c in claims] == [first, second]
        end(engine, claims[0])
        engine.release(grant)
        assert claim_ids(engine, member) == []
        end(engine, claims[1])
        engine.release(grant)
        assert claim_ids(engine, member) == [last]

    def test_waits_for_what_ended_before(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        first = put(engine)
        end(engine, claim_one(engine, member))
        last = put(engine, after=[first])
        engine.release(lead(engine, member))
        assert claim_ids(engine, member) == [last]

    @pytest.mark.parametrize("how", ["not ok", "cancel", "dead letter"])
    def test_another_end_cancels_the_chain(self, lab: Lab, engine: Coordinator, how: str) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        first = put(engine, max_attempts=1)
        second = put(engine, after=[first])
        third = put(engine, after=[second])
        if how == "cancel":
            engine.cancel(first)
        else:
            end(engine, claim_one(engine, member), "not ok", retry=how == "dead letter")
        engine.release(grant)
        engine.release(grant)
        assert state(engine, second) == state(engine, third) == "cancelled" and engine.release(grant) == 0
        row = engine.task(second)
        assert row is not None and str(first) in row.text

    def test_time_and_condition(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        first = put(engine)
        last = put(engine, after=[first], due_ms=lab.now_ms() + 400)
        assert state(engine, last) == "waiting due"
        lab.advance(600)
        assert claim_ids(engine, member) == [first]
        engine.release(grant)
        assert claim_ids(engine, member) == [] and state(engine, last) == "waiting condition"

    def test_no_such_task(self, engine: Coordinator) -> None:
        with pytest.raises(EngineError, match="4711"):
            put(engine, after=[4711])
        assert engine.tasks() == []


class Resources:
    """resources: at most so many at once."""

    def test_at_most_so_many(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        engine.set_capacity("line", 2)
        tasks = [put(engine, resources=["line"], priority=p) for p in (30, 20, 10)]
        free = put(engine)
        assert engine.release(grant) == 2 and engine.capacities() == {"line": (2, 2)}
        claims = engine.claim(member, ["general"], 10)
        assert [c.id for c in claims] == [tasks[2], tasks[1], free] and claims[0].resources == ["line"]
        assert state(engine, tasks[0]) == "waiting resource" and engine.release(grant) == 0
        end(engine, claims[0])
        assert engine.capacities() == {"line": (2, 1)} and engine.release(grant) == 1 and claim_ids(engine, member) == [tasks[0]]

    def test_all_of_them_at_once(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        engine.set_capacity("a", 2)
        engine.set_capacity("b", 1)
        both, only_b, only_a = put(engine, resources=["a", "b"]), put(engine, resources=["b"]), put(engine, resources=["a"])
        engine.release(grant)
        assert claim_ids(engine, member) == [both, only_a]
        engine.cancel(both)
        engine.release(grant)
        assert claim_ids(engine, member) == [only_b]

    def test_without_a_capacity_one_at_a_time(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        first, second = put(engine, resources=["x"]), put(engine, resources=["x"])
        engine.release(grant)
        assert claim_ids(engine, member) == [first]
        engine.set_capacity("x", 5)
        engine.release(grant)
        assert claim_ids(engine, member) == [second]

    def test_less_capacity_takes_nothing_away(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        engine.set_capacity("line", 2)
        tasks = [put(engine, resources=["line"]) for _ in range(3)]
        engine.release(grant)
        claims = engine.claim(member, ["general"], 5)
        engine.set_capacity("line", 1)
        end(engine, claims[0])
        assert engine.release(grant) == 0 and engine.capacities() == {"line": (1, 1)}
        end(engine, claims[1])
        assert engine.release(grant) == 1 and state(engine, tasks[2]) == "ready"

    def test_death_failure_and_cancel_give_it_back(self, lab: Lab, engine: Coordinator) -> None:
        member, other = join(lab, engine), join(lab, engine)
        grant = lead(engine, other)
        engine.set_capacity("line", 1)
        tasks = [put(engine, resources=["line"], retry_s=0.0) for _ in range(2)]
        engine.release(grant)
        assert claim_ids(engine, member) == tasks[:1]
        engine.bury(member.incarnation, "process ended")
        engine.release(grant)
        claim = claim_one(engine, other)
        assert claim.id == tasks[0] and end(engine, claim, "not ok", retry=True)
        engine.release(grant)
        assert end(engine, claim_one(engine, other), "not ok")
        engine.release(grant)
        assert claim_ids(engine, other) == [tasks[1]] and engine.capacities() == {"line": (1, 1)}
        engine.cancel(tasks[1])
        assert engine.capacities() == {"line": (1, 0)}

    def test_the_waiting_do_not_use_it_up(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        engine.set_capacity("line", 1)
        put(engine, resources=["line"], due_ms=lab.now_ms() + 60_000)
        now = put(engine, resources=["line"])
        assert engine.release(grant) == 1 and claim_ids(engine, member) == [now]


class Schedules:
    """Each instant once, over any number of take-overs."""

    def test_kept_changed_dropped(self, lab: Lab, engine: Coordinator) -> None:
        work = request("tasks.report", args={"a": 1}, queue="O")
        one = Schedule(name="night", rule="cron 0 2 * * *", request=work, zone="Europe/Bratislava", missed="all", next_ms=1_800_000_000_000)
        engine.put_schedule(one)
        assert lab.open().schedules() == [one]
        two = Schedule(name="night", rule="every 60", request=request(), next_ms=5, enabled=False)
        engine.put_schedule(two)
        assert engine.schedules() == [two] and engine.drop_schedule("night") and not engine.drop_schedule("night")
        assert engine.schedules() == []

    def test_a_wrong_request_is_refused_at_once(self, engine: Coordinator) -> None:
        with pytest.raises(EngineError, match="nowhere"):
            engine.put_schedule(Schedule(name="x", rule="every 1", request=request(queue="nowhere")))
        assert engine.schedules() == []

    @pytest.mark.req("R98", "R99")
    def test_an_instant_once(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        old = lead(engine, first)
        plan = Schedule(name="tick", rule="every 1", request=request("tasks.tick"), next_ms=1000)
        engine.put_schedule(plan)
        ids = engine.fire(old, plan, [1000, 2000], 3000)
        assert len(set(ids)) == 2 and [r.key for r in engine.tasks()] == ["tick@2000", "tick@1000"]
        assert engine.schedules()[0].next_ms == 3000
        engine.bury(first.incarnation, "process ended")
        new = lead(lab.open(), second)
        assert engine.fire(new, plan, [2000, 3000], 4000)[0] == ids[1] and len(engine.tasks()) == 3
        with pytest.raises(LostGrant):
            engine.fire(old, plan, [4000], 5000)
        assert len(engine.tasks()) == 3 and engine.schedules()[0].next_ms == 4000

    def test_a_dropped_one_fires_no_more(self, lab: Lab, engine: Coordinator) -> None:
        grant = lead(engine, join(lab, engine))
        plan = Schedule(name="tick", rule="every 1", request=request(), next_ms=1000)
        engine.put_schedule(plan)
        lab.open().drop_schedule("tick")
        assert engine.fire(grant, plan, [1000], 2000) == [] and engine.tasks() == [] and engine.schedules() == []

    @pytest.mark.req("R117")
    def test_a_purge_leaves_schedules_and_facts(self, lab: Lab, engine: Coordinator) -> None:
        grant = lead(engine, join(lab, engine))
        engine.put_schedule(Schedule(name="tick", rule="every 1", request=request(), next_ms=1000))
        engine.purge(grant, ["general"])
        assert len(engine.schedules()) == 1


class Reports:
    """Reports of agents: kept once, in order, for whoever watches the job."""

    @pytest.mark.req("R141")
    def test_once(self, lab: Lab, engine: Coordinator) -> None:
        assert engine.report(7, 2, {"what": "ended", "exit": 0}) and engine.report(7, 1, {"what": "started"})
        assert not lab.open().report(7, 2, {"what": "ended", "exit": 1}) and engine.report(8, 1, {})
        assert lab.open().reports(7) == [(1, {"what": "started"}), (2, {"what": "ended", "exit": 0})]
        assert engine.reports(7, after=1) == [(2, {"what": "ended", "exit": 0})] and engine.reports(9) == []

    def test_audit_is_accepted(self, engine: Coordinator) -> None:
        engine.audit("local", "purge", {"queues": ["general"]})
