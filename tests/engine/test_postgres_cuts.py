"""PostgreSQL: the connection is cut at every message of a call, before and after the server did its part; each call happens once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from engine.lab import claim_one, join, lead, put, request
from engine.test_postgres import LEASE_MS, PostgresLab, server  # noqa: F401  (a fixture)
from hisee.engine.coordinator import Add, Claim, Grant, Member, Outcome, Schedule, Send
from hisee.engine.postgres import PostgresCoordinator
from hisee.engine.postgres.database import Database
from support import postgres
from support.cutter import Cutter
from support.system import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-"),
              pytest.mark.usefixtures("server")]

MESSAGES = 40  # more than any call sends


class Scene:
    """A database, a quiet Coordinator beside it, and one whose connection goes through the cutter."""

    def __init__(self, lab: PostgresLab, cutter: Cutter) -> None:
        self.lab, self.cutter, self.quiet = lab, cutter, lab.open()
        self.member: Member = join(lab, self.quiet)
        self.grant: Grant = lead(self.quiet, self.member)
        self.engine = lab.keep(PostgresCoordinator(cutter.url(lab.url), lease_ms=LEASE_MS))

    def claimed(self, **facts: Any) -> Claim:
        put(self.quiet, **facts)
        return claim_one(self.quiet, self.member)


@pytest.fixture
def scene(server: postgres.PostgresServer) -> Iterator[Scene]:  # noqa: F811
    lab, cutter = PostgresLab(server), Cutter(server.port)
    yield Scene(lab, cutter)
    lab.close()
    cutter.close()


def swept(scene: Scene, before: Callable[[], Any], call: Callable[[Any], Any], check: Callable[[Any, Any], None]) -> int:
    """Cut at message 0, 1, 2 ... of the call until it has no more; how many cuts there were."""
    total = 0
    for after in (False, True):
        for message in range(MESSAGES):
            start = before()
            scene.cutter.cut(message, after=after)
            result = call(start)
            scene.cutter.heal()
            check(start, result)
            if not scene.cutter.cuts:
                break
            total += 1
        else:
            raise AssertionError("the call does not end")
    return total


def test_put(scene: Scene) -> None:
    def check(func: str, ids: list[int]) -> None:
        assert [r.id for r in scene.quiet.tasks(func=func)] == ids[::-1] and len(set(ids)) == 3

    plain = swept(scene, lambda: f"tasks.x{random.getrandbits(60)}", lambda func: scene.engine.put([request(func)] * 3), check)
    keyed = swept(scene, lambda: f"tasks.x{random.getrandbits(60)}",
                  lambda func: scene.engine.put([request(func), request(func, key=func, order_key="k"), request(func)]), check)
    assert plain >= 2 and keyed >= 6


def test_repeating_blindly_would_be_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "_settle", lambda self, connection, settled: setattr(self, "_lost", None))
    with pytest.raises(AssertionError):
        test_put(scene)


def test_claim(scene: Scene) -> None:
    scene.quiet.assign(scene.grant, "role.O", scene.member)

    def before() -> list[int]:
        return scene.quiet.put([request(), request(queue="O"), request()])

    def check(ids: list[int], claims: list[Claim]) -> None:
        assert sorted(c.id for c in claims) == ids and scene.quiet.claim(scene.member, ["O", "general"], 9) == []
        assert all(scene.quiet.finish([(c, Outcome()) for c in claims]))

    assert swept(scene, before, lambda _: scene.engine.claim(scene.member, ["O", "general"], 9), check) >= 6


def test_finish(scene: Scene) -> None:
    func = "tasks.next"

    def call(claim: Claim) -> list[bool]:
        outcome = Outcome(effects=[Add("sum"), Add(f"own {claim.id}"), Send("t")], follow_ups=[request(func, key=f"after {claim.id}")])
        return scene.engine.finish([(claim, outcome)])

    def check(claim: Claim, done: list[bool]) -> None:
        assert done == [True] and scene.quiet.fact(f"own {claim.id}") == 1
        row = scene.quiet.task(claim.id)
        assert row is not None and row.state == "ended ok" and [s["state"] for s in row.steps].count("ended ok") == 1
        while follow := scene.quiet.claim(scene.member, ["general"], 9):
            scene.quiet.finish([(c, Outcome()) for c in follow])

    cuts = swept(scene, scene.claimed, call, check)
    runs = cuts + 2  # each sweep ends with a run that was not cut
    assert cuts >= 8 and scene.quiet.fact("sum") == runs == len(scene.quiet.tasks(func=func)) == len(scene.quiet.outbox(1000))


def test_an_end_that_will_be_tried_again(scene: Scene) -> None:
    def check(claim: Claim, done: list[bool]) -> None:
        row = scene.quiet.task(claim.id)
        assert done == [True] and row is not None and (row.state, row.attempt) == ("ready", 1)
        assert scene.quiet.cancel(claim.id)

    outcome = Outcome(status="not ok", retry=True)
    assert swept(scene, lambda: scene.claimed(retry_s=0.0), lambda claim: scene.engine.finish([(claim, outcome)]), check) >= 4


def test_small_changes(scene: Scene) -> None:
    """Answers and what is kept agree, whichever message was lost."""
    engine, quiet = scene.engine, scene.quiet
    first = swept(scene, lambda: f"key {random.getrandbits(60)}", engine.first_time, lambda key, new: _same(new, not quiet.first_time(key)))
    swept(scene, lambda: random.getrandbits(40), lambda job: engine.report(job, 1, {"a": 1}),
          lambda job, new: _same(new and quiet.reports(job), [(1, {"a": 1})]))
    swept(scene, lambda: put(quiet), engine.cancel, lambda task, done: _same(done and quiet.task(task).state, "cancelled"))
    swept(scene, lambda: _dead(scene), engine.retry, lambda task, done: _same(done and quiet.task(task).state, "ready"))
    engine.purge(scene.grant, ["general"])
    swept(scene, lambda: put(quiet), lambda _: engine.purge(scene.grant, ["general"]),
          lambda _, counts: _same((counts, quiet.tasks(state="ready")), ({"general": 1}, [])))
    assert first >= 2


def test_terms_and_members(scene: Scene) -> None:
    engine, quiet = scene.engine, scene.quiet
    terms = (f"term {n}" for n in range(1000))
    swept(scene, lambda: next(terms), lambda term: engine.take(term, scene.member),
          lambda term, grant: _same(grant, Grant(term, scene.member.incarnation, quiet.terms()[term].epoch)))
    swept(scene, lambda: None, lambda _: engine.assign(scene.grant, "role.O", scene.member), lambda _, grant: quiet.keep(grant))
    swept(scene, lambda: scene.lab.candidate("CP"), engine.join, lambda c, member: _same(
        [m for m in quiet.members() if m.incarnation == c.incarnation], [member]) or quiet.leave(member))
    swept(scene, lambda: join(scene.lab, quiet, "CP"), lambda m: engine.bury(m.incarnation, "lease over"),
          lambda m, _: _same([x.ended for x in quiet.members() if x.incarnation == m.incarnation], ["lease over"]))


def test_a_schedule_fires_once(scene: Scene) -> None:
    plan = Schedule(name="tick", rule="every 1", request=request("tasks.tick"), next_ms=1)
    scene.quiet.put_schedule(plan)
    instants = iter(range(1, 1000))
    swept(scene, lambda: next(instants), lambda at: scene.engine.fire(scene.grant, plan, [at], at + 1),
          lambda at, ids: _same(([r.id for r in scene.quiet.tasks(limit=1)], len(scene.quiet.tasks(limit=1000))), (ids, at)))


def test_an_end_on_its_way_is_waited_for(scene: Scene) -> None:
    """The connection is lost while the server is still at it. Nothing is decided before that session has ended."""
    claim = scene.claimed()
    with psycopg.connect(scene.lab.url) as blocker:
        blocker.execute("INSERT INTO engine_fact VALUES ('sum', '0')")  # uncommitted: whoever adds to it has to wait
        done: list[list[bool]] = []
        ender = threading.Thread(target=lambda: done.append(scene.engine.finish([(claim, Outcome(effects=[Add("sum", 5)]))])))
        ender.start()
        until(lambda: _waits(scene), "the end waits for the fact", 30)
        scene.cutter.drop()
        until(lambda: scene.cutter.connections, "it has found back", 30)
        assert not done
        blocker.commit()
    ender.join(60)
    assert done == [[True]] and scene.quiet.fact("sum") == 5


def _waits(scene: Scene) -> bool:
    with psycopg.connect(scene.lab.url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'hisee'"
                                 ).fetchone()
    return bool(row and row[0])


def _dead(scene: Scene) -> int:
    claim = scene.claimed()
    assert scene.quiet.finish([(claim, Outcome(status="not ok"))]) == [True]
    return claim.id


def _same(found: object, wanted: object) -> None:
    assert found == wanted
