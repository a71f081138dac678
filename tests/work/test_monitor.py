"""The monitor of programs against the engine in memory and an agent that is a few lines here: one end, whatever happens to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import Failed, Job, JobNumber, JobReport, JobState, Table, pack, unpack
from hisee.engine.coordinator import Candidate, Claim, EngineError, Member, TaskRequest, TaskRow
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.work.job import Form, WrongArguments, arguments_of, outcome_of
from hisee.work.jobbook import LAST, RUN_NUMBERS
from hisee.work.monitor import AGAIN_NS, CHECK_NS, GRACE_NS, LOOK_NS, Monitor

SECOND = 1_000_000_000


class Clock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.ns = 10 * SECOND

    def monotonic_ns(self) -> int:
        return self.ns

    def now_ms(self) -> int:
        return 1_000_000 + self.ns // 1_000_000


class FakeAgent:
    """Keeps jobs as the real one does; ends them when the test says so."""

    def __init__(self, name: str, number: int, programs: tuple[str, ...] = ("archive",)) -> None:
        self.name, self.number, self.programs = name, number, programs
        self.started: list[tuple[int, int]] = []
        self.stopped: list[int] = []
        self.jobs: dict[int, Job] = {}
        self.there = True

    def answer(self, kind: int, payload: bytes) -> bytes:
        if kind == Kind.JOB_STOP:
            self.stopped.append(unpack(JobNumber, payload).job)
            return pack(JobState(job=self.stopped[-1], state="running"))
        job = unpack(Job, payload)
        if job.program not in self.programs:
            raise RequestFailed(Err.ERR_NO_ACCESS, 0, f"program {job.program} is not on the allow-list")
        known = self.jobs.get(job.job)
        if known is None and job.attach:
            return pack(JobState(job=job.job, state="unknown"))
        if known is None or job.run > known.run:
            self.jobs[job.job] = job
            self.started.append((job.job, job.run))
        return pack(JobState(job=job.job, state="running", pid=77, argv=["/bin/archive", *job.args]))


class World:
    """One engine, agents, and work processes that come and go."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryEngine(self.clock)
        self.agents = [FakeAgent("AG1", 501)]
        self.rung: list[str] = []
        self.members = 0

    def member(self) -> tuple[MemoryCoordinator, Member]:
        self.members += 1
        engine = MemoryCoordinator(self.store)
        return engine, engine.join(Candidate(kind="WP", node="N", host="h", pid=self.members, birth=1, incarnation=self.members))

    def wp(self) -> Wp:
        return Wp(self)

    async def ask(self, kind: int, payload: Any, *, target: int = 1, lane: int = 0, timeout_s: float = 1) -> bytes:
        await asyncio.sleep(0)
        if kind == Kind.PS_GET:
            rows = [{"kind": "AGENT", "state": "Run", "name": a.name, "number": a.number, "programs": list(a.programs)}
                    for a in self.agents if a.there]
            return pack(Table(rows=rows))
        for agent in self.agents:
            if agent.number == target and agent.there:
                return agent.answer(kind, pack(payload))
        raise RequestFailed(Err.ERR_TRANS_ABORT, 10, "nobody")

    def put(self, **fields: Any) -> int:
        return MemoryCoordinator(self.store).put([TaskRequest(func="program.archive", **{"args": {"args": ["-v"]}, **fields})])[0]

    def row(self, task: int) -> TaskRow:
        row = MemoryCoordinator(self.store).task(task)
        assert row is not None
        return row

    def states(self, task: int) -> list[str]:
        return [step["state"] for step in self.row(task).steps]


class Wp:
    """What a steward does with its monitor."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine, self.me = world.member()
        self.monitor = Monitor(self.engine, world.ask, world.rung.extend, world.clock)

    def claim(self) -> list[Claim]:
        self.engine.beat(self.me)
        claims = self.engine.claim(self.me, ["general"], 10)
        for claim in claims:
            self.monitor.begin(claim)
        return claims

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    async def later(self, ns: int) -> None:
        self.world.clock.ns += ns
        self.engine.beat(self.me)
        self.monitor.tick()
        await self.settle()

    def report(self, job: int, number: int, what: str, **fields: Any) -> Message:
        report = JobReport(job=job, number=number, what=what, run=1 + number // RUN_NUMBERS, **fields)
        return self.monitor.report(Message(kind=Kind.JOB_REPORT, lane=6, source=501, target=self.me.number, corr=9, payload=pack(report)))

    async def die(self) -> None:
        self.monitor.close()
        self.world.store.killed(self.me.incarnation)
        await self.settle()


def run(body: Callable[[World], Awaitable[None]]) -> None:
    asyncio.run(body(World()))  # type: ignore[arg-type]


@pytest.mark.req("R140")
def test_the_life_of_a_program_is_told_state_by_state_and_its_command_line_kept() -> None:
    async def body(world: World) -> None:
        task, wp = world.put(), world.wp()
        wp.claim()
        await wp.settle()
        assert world.row(task).state == "active" and len(wp.monitor) == 1
        form = Form.read(world.row(task).generated)
        assert form is not None and form.argv == ["/bin/archive", "-v"] and form.agent == "AG1"
        wp.report(task, 2, "progress", share=0.5, text="half")
        assert (world.row(task).progress, world.row(task).progress_text) == (0.5, "half")
        wp.report(task, LAST - 1, "output", text="done\n")
        answer = wp.report(task, LAST, "ended", exit=0)
        assert answer.kind == Kind.REPLY and (answer.corr, answer.target) == (9, 501)
        assert world.row(task).state == "ended ok" and world.row(task).result == {"exit": 0, "output": "done\n"}
        wanted = ["activated", "generated", "started", "active", "ended ok"]
        assert [s for s in world.states(task) if s in wanted] == wanted
        assert all(step["at_ms"] and step["message"] for step in world.row(task).steps)
        assert len(wp.monitor) == 0 and "general" in world.rung

    run(body)


@pytest.mark.req("R140")
def test_a_task_outlives_several_work_processes_and_ends_once() -> None:
    async def body(world: World) -> None:
        task = world.put()
        for _ in range(4):
            wp = world.wp()
            assert [c.id for c in wp.claim()] == [task]
            await wp.settle()
            assert world.row(task).state == "active", "watched again as soon as it is claimed"
            await wp.die()
            wp.engine.bury(wp.me.incarnation, "process ended")
        last, other = world.wp(), world.wp()
        other.report(task, LAST, "ended", exit=0)  # while nobody watches it, to a work process that does not know it
        assert world.row(task).state == "ready" and "general" in world.rung
        last.claim()
        await last.settle()
        assert world.row(task).state == "ended ok"
        assert world.agents[0].started == [(task, 1)], "the program was started once"
        assert world.states(task).count("ended ok") == 1

    run(body)


@pytest.mark.req("R123")
def test_a_computer_that_is_active_no_more_hands_its_programs_on() -> None:
    async def body(world: World) -> None:
        task, here, there = world.put(), world.wp(), world.wp()
        here.claim()
        await here.settle()
        here.monitor.hand_on()
        assert len(here.monitor) == 0 and world.row(task).state == "ready" and not world.agents[0].stopped
        (again,) = there.claim()
        await there.settle()
        assert again.attempt == 1 and world.row(task).state == "active"
        assert world.agents[0].started == [(task, 1)], "the program was started once"

    run(body)


def test_a_report_that_went_to_another_work_process_is_found() -> None:
    async def body(world: World) -> None:
        task, wp, other = world.put(), world.wp(), world.wp()
        wp.claim()
        await wp.settle()
        other.report(task, LAST, "ended", exit=4)
        assert world.row(task).state == "active"
        await wp.later(LOOK_NS)
        assert (world.row(task).state, world.row(task).text) == ("ended not ok", "exit code 4")

    run(body)


def test_the_same_report_twice_counts_once_and_is_answered_twice() -> None:
    async def body(world: World) -> None:
        task, wp = world.put(), world.wp()
        wp.claim()
        await wp.settle()
        for _ in range(2):
            assert wp.report(task, LAST, "ended", exit=0).kind == Kind.REPLY
        assert world.states(task).count("ended ok") == 1

    run(body)


def test_a_report_is_not_answered_before_it_is_kept() -> None:
    async def body(world: World) -> None:
        wp = world.wp()

        def full(*_: object) -> bool:
            raise EngineError("the disk is full")

        wp.engine.report = full  # type: ignore[method-assign, assignment]
        assert wp.report(5, 1, "started").kind == Kind.FAILED
        damaged = wp.monitor.report(Message(kind=Kind.JOB_REPORT, payload=b"\xff"))
        assert damaged.kind == Kind.FAILED and unpack(Failed, damaged.payload).error == Err.ERR_PARAM_TYPE

    run(body)


def test_without_an_agent_the_task_waits_and_says_for_what() -> None:
    async def body(world: World) -> None:
        world.agents[0].there = False
        task, wp = world.put(agent="AG1"), world.wp()
        wp.claim()
        await wp.settle()
        assert "waits for agent AG1" in world.row(task).progress_text
        world.agents[0].there = True
        await wp.later(AGAIN_NS)
        assert world.row(task).state == "active"

    run(body)


def test_the_agent_that_was_chosen_is_kept_even_while_it_is_away() -> None:
    async def body(world: World) -> None:
        world.agents.append(FakeAgent("AG2", 502))
        task, wp = world.put(), world.wp()
        wp.claim()
        await wp.settle()
        chosen = next(a for a in world.agents if a.started)
        chosen.there = False
        await wp.die()
        wp.engine.bury(wp.me.incarnation, "process ended")
        second = world.wp()
        second.claim()
        await second.later(AGAIN_NS)
        assert sum(len(a.started) for a in world.agents) == 1, "it may still run there: nobody else starts it"
        chosen.there = True
        await second.later(CHECK_NS)
        second.report(task, LAST, "ended", exit=0)
        assert world.row(task).state == "ended ok"

    run(body)


def test_jobs_spread_over_the_agents_that_offer_the_program() -> None:
    async def body(world: World) -> None:
        world.agents += [FakeAgent("AG2", 502), FakeAgent("AG3", 503, programs=("other",))]
        wp = world.wp()
        for _ in range(6):
            world.put()
        wp.claim()
        await wp.settle()
        assert len(world.agents[2].started) == 0 and len(world.agents[0].started) + len(world.agents[1].started) == 6

    run(body)


def test_an_agent_that_refuses_ends_the_task() -> None:
    async def body(world: World) -> None:
        world.agents[0].programs = ("other",)
        task, wp = world.put(agent="AG1"), world.wp()
        wp.claim()
        await wp.settle()
        assert world.row(task).state == "ended not ok" and "allow-list" in world.row(task).text

    run(body)


def test_an_agent_that_forgot_the_job_makes_it_lost_and_never_starts_it_again() -> None:
    async def body(world: World) -> None:
        task, wp = world.put(), world.wp()
        wp.claim()
        await wp.settle()
        world.agents[0].jobs.clear()
        await wp.later(CHECK_NS)
        assert world.row(task).state == "lost" and world.agents[0].started == [(task, 1)]

    run(body)


def test_a_cancelled_task_stops_its_program() -> None:
    async def body(world: World) -> None:
        task, wp = world.put(), world.wp()
        wp.claim()
        await wp.settle()
        wp.engine.cancel(task)
        await wp.later(LOOK_NS)
        assert world.agents[0].stopped == [task] and len(wp.monitor) == 0
        wp.report(task, 3, "progress", share=0.9)  # it did not hear: told again
        await wp.settle()
        assert world.agents[0].stopped == [task, task]
        wp.report(task, LAST, "ended", exit=143, text="stopped")
        assert world.row(task).state == "cancelled"

    run(body)


def test_beyond_its_time_a_job_is_stopped_and_then_lost() -> None:
    async def body(world: World) -> None:
        task, wp = world.put(timeout_s=5.0), world.wp()
        wp.claim()
        await wp.settle()
        assert world.agents[0].jobs[task].timeout_s == 5.0, "the agent knows the limit by itself"
        await wp.later(5 * SECOND)
        assert world.agents[0].stopped == []
        await wp.later(GRACE_NS)
        assert world.agents[0].stopped == [task]
        await wp.later(GRACE_NS)
        assert world.row(task).state == "lost" and "beyond its time" in world.row(task).text

    run(body)


def test_without_a_limit_a_lost_agent_is_waited_for() -> None:
    async def body(world: World) -> None:
        task, wp = world.put(), world.wp()
        wp.claim()
        await wp.settle()
        world.agents[0].there = False
        for _ in range(20):
            await wp.later(CHECK_NS)
        assert world.row(task).state == "active" and "does not answer" in world.row(task).progress_text or \
            "waits for agent AG1" in world.row(task).progress_text
        world.agents[0].there = True
        await wp.later(CHECK_NS)
        wp.report(task, LAST, "ended", exit=None, text="the program ended while the agent was away; nobody saw how")
        assert world.row(task).state == "lost"

    run(body)


def test_a_retry_by_an_operator_is_a_run_of_its_own() -> None:
    async def body(world: World) -> None:
        task, wp = world.put(), world.wp()
        wp.claim()
        await wp.settle()
        wp.report(task, LAST, "ended", exit=1)
        assert world.row(task).state == "ended not ok"
        wp.engine.retry(task)
        wp.claim()
        await wp.settle()
        assert world.agents[0].started == [(task, 1), (task, 2)] and world.row(task).state == "active"
        wp.report(task, RUN_NUMBERS + LAST, "ended", exit=0)
        assert world.row(task).state == "ended ok"

    run(body)


def test_arguments_are_texts() -> None:
    def claim(args: dict[str, Any]) -> Claim:
        return Claim(id=1, token=1, attempt=1, func="program.x", args=args, queue="general", priority=1, due_ms=0, order_key="",
                     created_ms=0, max_attempts=1, retry_s=1, timeout_s=0)

    assert arguments_of(claim({})) == [] and arguments_of(claim({"args": "one"})) == ["one"]
    assert arguments_of(claim({"args": [1, "a", True]})) == ["1", "a", "true"]
    for wrong in ({"args": 5}, {"other": "x"}, {"args": [], "more": 1}):
        with pytest.raises(WrongArguments):
            arguments_of(claim(wrong))


def test_only_a_clean_exit_is_ok() -> None:
    rows = [({"exit": 0}, "ok"), ({"exit": 0, "text": "ended by its limit"}, "not ok"), ({"exit": 9}, "not ok"), ({"exit": None}, "lost")]
    assert [outcome_of(row, "").status for row, _ in rows] == [status for _, status in rows]
    assert msgspec.to_builtins(outcome_of({"exit": 3}, "text"))["result"] == {"exit": 3, "output": "text"}
