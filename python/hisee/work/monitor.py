"""Watches programs that run on agents, from the start to the one end. Belongs to the steward's thread of a work process.

A task is in state active while its program runs; the worker has gone on long ago. What is known stands in the engine: the chosen
agent and the resolved command line as the task's generated form, the agent's reports beside it. So whichever work process
claims the task next takes over with a mere question to the agent, and a report is worth the same wherever it arrives.

    begin(claim)      the worker claimed a program's task
    report(message)   JOB_REPORT of an agent, for whatever task: kept once, then answered
    tick()            several times a second
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import msgspec

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import Failed, Job, JobNumber, JobReport, JobState, Payload, Table, pack, unpack
from hisee.engine.coordinator import Claim, Coordinator, EngineError, LostMember, Outcome, StaleClaim
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.task_states import ROWS as STATES
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock
from hisee.work.job import FUNC, Form, WrongArguments, arguments_of, outcome_of, program_of

log = logging.getLogger("hisee.work.monitor")
KNL = 1
MOST = 1_000  # programs watched at the same time; more wait in their queue
MS = 1_000_000
ASK_S = TIMERS["agent_report"].ms / 1000
AGAIN_NS = TIMERS["agent_report"].ms * MS  # an agent that is away is asked again
CHECK_NS = 5 * AGAIN_NS  # an agent that runs the job is asked whether it still knows it
RENEW_NS = TIMERS["lease_renew"].ms * MS  # claims that were cancelled or taken over show themselves
LOOK_NS = TIMERS["administration"].ms * MS  # reports that another work process kept
GRACE_NS = 2 * TIMERS["stop"].ms * MS  # what an agent may need to end a program beyond its limit
AGENTS_NS = TIMERS["progress"].ms * MS  # so long the list of agents is good enough
AWAY = (Err.ERR_TRANS_ABORT, Err.ERR_TIMEOUT)  # nobody can say whether the agent got the order
ENDED_STATES = {row.name for row in STATES if row.ended}


class Ask(Protocol):
    """A request over the server; the payload of its reply. Raises RequestFailed."""

    def __call__(self, kind: Kind, payload: Payload, *, target: int = KNL, lane: int = Lane.CONTROL,
                 timeout_s: float = ASK_S) -> Awaitable[bytes]: ...


class Watched:
    """One task whose program runs, or is to run, on an agent."""

    def __init__(self, claim: Claim, form: Form) -> None:
        self.claim, self.form = claim, form
        self.seen = 0  # number of the newest report taken from the engine
        self.active = False  # the agent has it
        self.deadline_ns = 0  # 0 = none
        self.stopped = False  # its time is over, the agent was told
        self.look_ns = self.ask_ns = 0  # when to do it next
        self.asking: asyncio.Task[None] | None = None
        self.note = ""


class Monitor:
    """One per work process. `ring(queues)` wakes the work processes."""

    def __init__(self, engine: Coordinator, ask: Ask, ring: Callable[[Iterable[str]], None], clock: Clock) -> None:
        self._engine, self._ask, self._ring, self._clock = engine, ask, ring, clock
        self._jobs: dict[int, Watched] = {}
        self._agents: list[dict[str, Any]] = []
        self._agents_ns = -AGENTS_NS
        self._renew_ns = 0
        self._orders: set[asyncio.Task[None]] = set()
        self.ended = 0

    @property
    def full(self) -> bool:
        """No more of these should be claimed now."""
        return len(self._jobs) >= MOST

    def __len__(self) -> int:
        return len(self._jobs)

    @staticmethod
    def takes(claim: Claim) -> bool:
        return claim.func.startswith(FUNC)

    # -- entry points

    def begin(self, claim: Claim) -> None:
        """Take a claimed task: start its program, or attach to the one that runs. Raises EngineError, StaleClaim."""
        try:
            form = Form.read(claim.generated) or Form(program=program_of(claim), args=arguments_of(claim), agent=claim.agent)
        except WrongArguments as wrong:
            self._engine.finish([(claim, Outcome(status="not ok", text=str(wrong)))])
            return
        runs = 1 + self._ends(claim.id)
        if form.run != runs:  # an operator retries it: another run, the agent is chosen anew
            form = Form(program=form.program, args=arguments_of(claim), agent=claim.agent, run=runs)
        watched = Watched(claim, form)
        watched.seen = form.base
        self._jobs[claim.id] = watched
        if form.started:
            self._engine.step(claim, "active", f"taken over, on {form.agent}")
            self._running(watched)
        self._visit(watched)

    def report(self, message: Message) -> Message:
        """Keep the report, then answer; kept before is as good. FAILED where the engine cannot keep it: the agent repeats it."""
        try:
            report = unpack(JobReport, message.payload)
            row = {name: value for name, value in msgspec.to_builtins(report).items() if name not in ("job", "number")}
            new = self._engine.report(report.job, report.number, row)
        except (msgspec.ValidationError, msgspec.DecodeError) as fault:
            return _failed(message, Err.ERR_PARAM_TYPE, f"a JOB_REPORT that cannot be read: {fault}")
        except LostMember:
            raise
        except EngineError as error:
            return _failed(message, Err.ERR_TRANS_ERROR, str(error))
        if new:
            self._arrived(message.source, report)
        return Message(kind=Kind.REPLY, lane=message.lane, source=message.target, target=message.source, corr=message.corr)

    def tick(self) -> None:
        """Claims that are no longer ours are left, reports looked up, orders repeated, limits kept. Raises LostMember."""
        now_ns = self._clock.monotonic_ns()
        if self._jobs and now_ns >= self._renew_ns:
            self._renew_ns = now_ns + RENEW_NS
            mine = {claim.id for claim in self._engine.renew([w.claim for w in self._jobs.values()])}
            for watched in [w for w in self._jobs.values() if w.claim.id not in mine]:
                self._leave(watched)
        for watched in list(self._jobs.values()):
            self._visit(watched)

    def hand_on(self) -> None:
        """This computer is not the active one any more, and the agents are with the other server: who claims them there attaches."""
        if self._jobs:
            self._engine.give_back([w.claim for w in self._jobs.values()], "another computer is active")
            for watched in list(self._jobs.values()):
                self._leave(watched)

    def close(self) -> None:
        """Ask nobody any more. The claims stay for `leave`: whoever takes them over attaches."""
        for task in [*self._orders, *(w.asking for w in self._jobs.values() if w.asking)]:
            task.cancel()
        self._jobs.clear()

    # -- one watched task

    def _visit(self, watched: Watched) -> None:
        now_ns = self._clock.monotonic_ns()
        try:
            if now_ns >= watched.look_ns:
                watched.look_ns = now_ns + LOOK_NS
                if self._look(watched):
                    return
            if watched.deadline_ns and now_ns >= watched.deadline_ns:
                self._over(watched, now_ns)
        except StaleClaim:
            self._leave(watched)
            return
        if now_ns >= watched.ask_ns and watched.asking is None and watched.claim.id in self._jobs:
            watched.ask_ns = now_ns + AGAIN_NS
            watched.asking = asyncio.get_running_loop().create_task(self._approach(watched))
            watched.asking.add_done_callback(lambda task: self._asked(watched, task))

    def _asked(self, watched: Watched, task: asyncio.Task[None]) -> None:
        watched.asking = None
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, StaleClaim):
            self._leave(watched)
        elif error is not None:  # LostMember shows itself at the next tick as well
            log.log(logging.WARNING if isinstance(error, EngineError) else logging.ERROR, "job %d: %s", watched.claim.id, error)

    def _look(self, watched: Watched) -> bool:
        """Read the reports that arrived since; True = the task has ended."""
        news = self._engine.reports(watched.claim.id, watched.seen)
        for number, row in news:
            watched.seen = number
            if row["what"] == "progress":
                self._engine.progress(watched.claim, row.get("share"), row.get("text", ""))
            elif row["what"] == "ended":
                self._end(watched, outcome_of(row, self._output(watched)))
                return True
        if news:
            self._running(watched)
        return False

    def _output(self, watched: Watched) -> str:
        rows = self._engine.reports(watched.claim.id, watched.form.base)
        return next((row.get("text", "") for _, row in reversed(rows) if row["what"] == "output"), "")

    def _running(self, watched: Watched) -> None:
        """From here on the agent answers for it. The limit of time begins: ours is the wider one."""
        if watched.active:
            return
        watched.active = True
        if watched.claim.timeout_s:
            watched.deadline_ns = self._clock.monotonic_ns() + int(watched.claim.timeout_s * 1e9) + GRACE_NS

    def _over(self, watched: Watched, now_ns: int) -> None:
        """The agent should have ended it by itself. Told again; silent after that as well: nobody can say how it ended."""
        if watched.stopped:
            self._end(watched, Outcome(status="lost", text=f"agent {watched.form.agent} tells nothing of it beyond its time"))
            return
        watched.stopped, watched.deadline_ns = True, now_ns + GRACE_NS
        self._order_stop(watched.claim.id, watched.form.agent)

    def _end(self, watched: Watched, outcome: Outcome) -> None:
        self._jobs.pop(watched.claim.id, None)
        if watched.asking is not None:
            watched.asking.cancel()
        done = self._engine.finish([(watched.claim, outcome)])
        if done == [True]:
            self.ended += 1
            log.info("job %d on %s ended %s %s", watched.claim.id, watched.form.agent, outcome.status, outcome.text)
            self._ring([watched.claim.queue])

    def _leave(self, watched: Watched) -> None:
        """Taken over or cancelled. A cancelled one's program is to end."""
        self._jobs.pop(watched.claim.id, None)
        if watched.asking is not None:
            watched.asking.cancel()
        if watched.form.agent and self._is_over(watched.claim.id):
            self._order_stop(watched.claim.id, watched.form.agent)

    def _is_over(self, job: int) -> bool:
        row = self._engine.task(job)
        return row is None or row.state in ENDED_STATES

    def _ends(self, job: int) -> int:
        """How often the task ended before: an operator's retry asks for a run of its own."""
        row = self._engine.task(job)
        return sum(step.get("state") in ENDED_STATES for step in row.steps) if row is not None else 0

    # -- the agent

    async def _approach(self, watched: Watched) -> None:
        """Start it, or ask whether the agent still knows it. Raises StaleClaim, EngineError."""
        agent = await self._agent_of(watched)
        if agent is None:
            self._note(watched, f"waits for {f'agent {watched.form.agent}' if watched.form.agent else 'an agent'}"
                                f" with program {watched.form.program}")
            return
        if watched.form.agent != agent["name"] or not watched.claim.generated and not watched.form.noted:
            watched.form = msgspec.structs.replace(watched.form, agent=agent["name"], noted=True)
            # durable before the order leaves: whoever takes over must ask the same agent
            self._engine.step(watched.claim, "generated", f"for agent {agent['name']}", generated=watched.form.text())
        await self._order(watched, agent["number"])

    async def _order(self, watched: Watched, number: int) -> None:
        form = watched.form
        job = Job(job=watched.claim.id, program=form.program, args=form.args, timeout_s=watched.claim.timeout_s, run=form.run,
                  attach=form.started)
        try:
            state = unpack(JobState, await self._ask(Kind.JOB_START, job, target=number, lane=Lane.JAVA, timeout_s=ASK_S))
        except RequestFailed as failed:
            self._refused(watched, failed)
            return
        if state.state == "unknown":
            self._end(watched, Outcome(status="lost", text=f"agent {form.agent} does not know the job any more"))
            return
        self._accepted(watched, state)

    def _accepted(self, watched: Watched, state: JobState) -> None:
        if not watched.form.started:
            watched.form = msgspec.structs.replace(watched.form, started=True, argv=state.argv)
            self._engine.step(watched.claim, "started", f"pid {state.pid} on {watched.form.agent}", generated=watched.form.text())
            self._engine.step(watched.claim, "active", f"on {watched.form.agent}")
        watched.note = ""
        self._running(watched)
        watched.ask_ns = self._clock.monotonic_ns() + CHECK_NS

    def _refused(self, watched: Watched, failed: RequestFailed) -> None:
        if failed.error in AWAY:
            self._note(watched, f"agent {watched.form.agent} does not answer")
        elif not watched.form.started:
            self._end(watched, Outcome(status="not ok", text=f"{watched.form.agent}: {failed.text}"))

    async def _agent_of(self, watched: Watched) -> dict[str, Any] | None:
        """The agent that was chosen before, else one that runs and offers the program, the one with the fewest jobs."""
        agents = await self._running_agents()
        if watched.form.agent:
            return next((a for a in agents if a["name"] == watched.form.agent), None)
        offering = [a for a in agents if watched.form.program in (a.get("programs") or ())]
        mine = [w.form.agent for w in self._jobs.values()]
        return min(offering, key=lambda a: ((a.get("counters") or {}).get("jobs", 0), mine.count(a["name"]), a["name"]), default=None)

    async def _running_agents(self) -> list[dict[str, Any]]:
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._agents_ns >= AGENTS_NS:
            try:
                rows = unpack(Table, await self._ask(Kind.PS_GET, Payload(), timeout_s=ASK_S)).rows
            except RequestFailed as failed:
                log.info("no list of agents: %s", failed)
                return []
            self._agents = [row for row in rows if row.get("kind") == "AGENT" and row.get("state") == "Run"]
            self._agents_ns = now_ns
        return self._agents

    def _note(self, watched: Watched, text: str) -> None:
        """Why it does not go on, for people; once."""
        self._agents_ns = -AGENTS_NS
        if watched.note != text:
            watched.note = text
            log.info("job %d %s", watched.claim.id, text)
            self._engine.progress(watched.claim, None, text)

    def _arrived(self, agent: int, report: JobReport) -> None:
        """A new report came to us: for a task of ours, for somebody else's, or for one that has ended otherwise."""
        watched = self._jobs.get(report.job)
        if watched is not None:
            watched.look_ns = 0
            self._visit(watched)
        elif report.what in ("started", "progress") and self._is_over(report.job):
            self._send_stop(report.job, agent)
        else:
            self._ring(["general"])

    def _order_stop(self, job: int, agent: str) -> None:
        number = next((a["number"] for a in self._agents if a["name"] == agent), 0)
        if number:
            self._send_stop(job, number)

    def _send_stop(self, job: int, number: int) -> None:
        """Once, without waiting: an agent that does not hear it tells of the job later, and is told then."""

        async def send() -> None:
            try:
                await self._ask(Kind.JOB_STOP, JobNumber(job=job), target=number, lane=Lane.JAVA, timeout_s=ASK_S)
            except RequestFailed as failed:
                log.info("job %d is not told to end: %s", job, failed)

        task = asyncio.get_running_loop().create_task(send())
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)


def _failed(request: Message, error: int, text: str) -> Message:
    return Message(kind=Kind.FAILED, lane=request.lane, source=request.target, target=request.source, corr=request.corr,
                   payload=pack(Failed(error=error, text=text)))
