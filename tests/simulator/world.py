"""One simulated system: members that run the real work parts over the engine in memory, and a world that disturbs them by a seed."""

from __future__ import annotations

import contextlib
import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from hisee.engine.coordinator import Add, Candidate, Claim, EngineError, LostMember, OutboxRow, Outcome, Schedule, Send, TaskRequest
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.tasks import Options
from hisee.work.context import Context
from hisee.work.functions import Function, Functions
from hisee.work.lease import Lease
from hisee.work.modes import ModeRefused, change_mode
from hisee.work.primary import Primary
from hisee.work.relay import Relay
from hisee.work.view import view_of
from hisee.work.worker import Worker
from simulator.door import Counted, Crash, Door, Violation
from simulator.parts import PARTS, Parts
from simulator.servers import Servers
from support.clock import FakeClock

RENEW_MS, TIME_MS = 500, 250
TICKS, HEALING = 30, 400
NEVER = 1 << 60
KINDS = ("plain",) * 5 + ("order",) * 4 + (
    "slow", "flaky", "refuse", "line", "after", "O", "R", "primary", "dialog", "program", "parent", "wide")

LOGGERS = [logging.getLogger(f"hisee.{part}") for part in ("work", "roles", "primary", "modes")]


def act(ctx: Context, kind: str) -> int:
    """The function of every simulated task."""
    hand: Hand = ctx._coordinator.hand  # type: ignore[attr-defined]
    return hand.world.body(hand, ctx, kind)


FUNCTIONS = Functions()
FUNCTIONS._known["tasks.act"] = Function("tasks.act", act, Options(), "simulator", None)


class Hand:
    """A work process: worker thread, steward thread, and what they hold."""

    def __init__(self, world: World) -> None:
        parts = world.parts
        self.world = world
        world.started += 1
        world.faults["start"] += 1
        self.incarnation = world.started
        engine = MemoryCoordinator(world.engine) if parts.coordinator is None else parts.coordinator(world.engine)
        self.door: Any = Door(world, self, engine)
        self.member = engine.join(Candidate(kind="WP", node=world.servers.node(), host="h", pid=self.incarnation, birth=1,
                                            incarnation=self.incarnation))
        self.name = self.member.name
        self.lease: Lease = parts.lease(world.clock)
        self.primary: Primary = parts.primary(self.door, world.clock, self.member, self.lease, wp_min=world.wp_min, ring=world.ring)
        self.worker: Worker = parts.worker(self.door, world.clock, self.member, FUNCTIONS, self.lease, elsewhere=self.elsewhere,
                                           ring=world.ring, most=8)
        self.relay: Relay = parts.relay(self.door, world.alarms.append)
        self.jobs: dict[int, Claim] = {}
        self.gone = self.frozen = self.in_worker = self.in_steward = self.stopping = False
        self.wake_ms = self.beat_ms = self.time_ms = 0

    def elsewhere(self, claim: Claim) -> None:
        self.jobs[claim.id] = claim

    def steward(self) -> None:
        world, now = self.world, self.world.now()
        if now >= self.beat_ms:
            self.beat_ms = now + RENEW_MS
            world.parts.beat(self)
            self.primary.look()
            view = view_of(self.member, self.door.members(), self.door.terms())
            self.worker.see(view)
            if self.jobs and not view.active:  # the active computer watches on
                self.door.give_back(list(self.jobs.values()), "another computer is active")
                self.jobs.clear()
        if now >= self.time_ms:
            self.time_ms = now + TIME_MS
            self.primary.time()
            if self.primary.grant is not None:
                self.relay.round(world.receive)
        if not self.worker._lock.locked():
            self.worker.yield_rest(self.door)
        for claim in list(self.jobs.values()):
            self._watch(claim)

    def _watch(self, claim: Claim) -> None:
        """A program on the agent: start it, or attach to it; its report ends the task."""
        self.world.agent_start(claim.id)
        if not self.door.renew([claim]):
            del self.jobs[claim.id]
        elif self.door.reports(claim.id):
            self.door.finish([(claim, Outcome(effects=[Add(f"n{claim.id}"), Send("value", {"task": claim.id})]))])
            del self.jobs[claim.id]

    def work(self) -> None:
        done = self.worker.round()
        self.wake_ms = self.world.now() + done.rest_ms
        if self.stopping and self.worker.done:
            self.door.leave(self.member)
            self.world.end(self, "stop")


class World:
    """`run` raises Violation; `faults` counts what was done to the members."""

    def __init__(self, seed: int, parts: Parts = PARTS) -> None:
        self.seed, self.parts = seed, parts
        self.rng = rng = random.Random(seed)
        self.clock = FakeClock()
        self.engine = MemoryEngine(self.clock)
        self.raw = Counted(MemoryCoordinator(self.engine) if parts.coordinator is None else parts.coordinator(self.engine))
        self.calls = self.full = self.depth = self.started = self.jumped_ms = 0
        self.before_call, self.freeze_at_renewal = True, False
        self.faults: Counter[str] = Counter()
        self.disturbances = rng.randint(1, 4)  # crashes and freezes of this run
        self.poison = rng.random() < 0.25
        self.wp_min = rng.choice((2, 3, 5))
        self.wanted = rng.randint(2, 4)
        self.jumpy = rng.random() < 0.3
        self.hands: list[Hand] = []
        self.ticks: dict[tuple[str, int], int] = {}
        self.ended: list[Claim] = []
        self.received: Counter[str] = Counter()
        self.agent: dict[int, int] = {}  # job -> when it ends
        self.agent_starts: Counter[int] = Counter()
        self.cancelled: set[int] = set()
        self.alarms: list[str] = []
        self.next_fault = rng.randint(5, 40)
        self.servers = Servers(self)

    def now(self) -> int:
        """Milliseconds that no setting of the wall clock moves."""
        return self.clock.monotonic_ns() // 1_000_000

    # -- the run
    def run(self) -> None:
        self._set_up()
        for _ in range(TICKS):
            self._disturb()
            self.tick(self.rng.choice((20, 60, 120, 250)))
        self._heal()

    def _set_up(self) -> None:
        rng, now = self.rng, self.clock.now_ms()
        self.engine.capacity["line"] = rng.randint(1, 2)
        for name, rule in (("tick", "every 0.5"), ("minute", "cron * * * * *")):
            request = TaskRequest(func="tasks.act", args={"kind": "plain"}, queue=rng.choice(("general", "R")), max_attempts=20)
            self.raw.put_schedule(Schedule(name=name, rule=rule, request=request, missed="all", next_ms=now - now % 500 + 500))
        for _ in range(rng.randint(1, 3)):
            self.hands.append(Hand(self))
        self._enqueue(rng.randint(4, 12))
        if self.poison:
            self._put("poison", max_attempts=9, priority=50)

    def tick(self, ms: int) -> None:
        self.clock.advance(ms)
        self.servers.tick()
        for hand in self.rng.sample(self.hands, len(self.hands)):
            self.turn(hand)
        self._agent()
        self.check_leaders()

    def check_leaders(self) -> None:
        """Only one believes itself primary and acts so; what the others believe counts once they are awake. One of a computer that is not
        the active one any more may believe it until it looks: whatever it tries is refused."""
        leaders = [hand.name for hand in self.hands if hand.primary.grant is not None and not hand.frozen and hand.lease.good()
                   and self.servers.works(hand.member.node)]
        if len(leaders) > 1:
            raise Violation(f"{' and '.join(leaders)} are primary at once")

    def turn(self, hand: Hand) -> None:
        """What a process gets to do while time goes on: either of its threads that is not in the middle of something."""
        now = self.now()
        if not (hand.in_steward or hand.frozen or hand.gone):
            hand.in_steward = True
            self._step(hand, hand.steward)
            hand.in_steward = False
        if now >= hand.wake_ms and not (hand.in_worker or hand.frozen or hand.gone or hand.worker._lock.locked()):
            hand.in_worker = True
            self._step(hand, hand.work)
            hand.in_worker = False

    def _step(self, hand: Hand, step: Any) -> None:
        try:
            step()
        except Crash:
            pass
        except LostMember:
            self.end(hand, "lost")
        except EngineError:
            pass  # the steward tells of it and goes on at its next period

    def _heal(self) -> None:
        """No more faults: everything has to end, and the roles to be in place."""
        self.next_fault, self.full, self.freeze_at_renewal, self.servers.moves = NEVER, 0, False, False
        self.clock.jump(-self.jumped_ms)
        for step in range(HEALING):
            if self._ticked():
                self.engine.schedules.clear()
            self._keep_up()
            self.tick(250 if step < 40 else 1000)
            if self._all_done():
                break
        else:
            left = [(t.id, t.request.args.get("kind"), t.state.name) for t in self.engine.tasks.living.values()]
            raise Violation(f"not done after healing: {left[:5]}, outbox {len(self.engine.outbox)}")
        self._keep_up()  # the last task may have ended its work process
        for _ in range(7):
            self.tick(500)
        self.check()

    def _all_done(self) -> bool:
        return self._ticked() and not (self.engine.outbox or self.engine.tasks.living)

    def _ticked(self) -> bool:
        return any(name == "tick" for name, _ in self.ticks)

    # -- clients, agent, receiver
    def _disturb(self) -> None:
        rng = self.rng
        if rng.random() < 0.5:
            self._enqueue(rng.randint(1, 3))
        if rng.random() < 0.06 and self.engine.tasks.living:
            task = rng.choice(list(self.engine.tasks.living))
            if self.engine.tasks.all[task].request.order_key == "" and self.raw.cancel(task):
                self.cancelled.add(task)
                self.faults["cancel"] += 1
        if rng.random() < 0.03 and len(self.hands) > 1:
            hand = rng.choice(self.hands)
            hand.stopping, hand.wake_ms = True, 0
            hand.worker.stop()
            self.faults["stop"] += 1
        if rng.random() < 0.02:
            self.faults["sleep"] += 1
            self.clock.advance(rng.randint(1_600, 5_000))  # of the whole computer
        if rng.random() < 0.05 and self.hands:
            hand = rng.choice(self.hands)
            self._step(hand, lambda: self._command(hand))
        if rng.random() < 0.3:
            self._keep_up()

    def _command(self, hand: Hand) -> None:
        """A person changes the mode of a process; may be refused."""
        try:
            change_mode(hand.door, hand.member, self.rng.choice(("WP", "DWP", "DWP")))
            self.faults["mode"] += 1
        except ModeRefused:
            self.faults["mode refused"] += 1

    def _keep_up(self) -> None:
        """The supervisor: as many members as wanted, and one where work is to be done."""
        if len(self.hands) < self.wanted or self.servers.lacking():
            self.hands.append(Hand(self))

    def _enqueue(self, count: int) -> None:
        for _ in range(count):
            self._put(self.rng.choice(KINDS))

    def _put(self, kind: str, **facts: Any) -> None:
        rng = self.rng
        facts = {"queue": kind if kind in ("O", "R", "primary", "dialog") else "general", "priority": rng.choice((10, 50, 50, 100)),
                 "max_attempts": 30, "retry_s": 0.1} | facts
        if kind == "order":
            facts["order_key"] = rng.choice("ab")
        if kind == "line":
            facts["resources"] = ["line"]
        if kind == "after" and self.engine.tasks.all:
            facts["after"] = [rng.choice(list(self.engine.tasks.all))]
        if rng.random() < 0.1:
            facts["due_ms"] = self.clock.now_ms() + rng.randint(1, 1500)
        func = "program.run" if kind == "program" else "tasks.act"
        if kind != "poison":  # a job elsewhere outlives every death of those that watch it
            facts["max_attempts"] = 1 if kind == "program" else self.disturbances + 4 + self.poison
        self.raw.put([TaskRequest(func=func, args={"kind": kind}, **facts)])
        self.ring(())

    def ring(self, queues: Iterable[str]) -> None:
        """Doorbells: some of them get lost."""
        for hand in self.hands:
            if self.rng.random() < 0.7:
                hand.wake_ms = 0
            else:
                self.faults["lost bell"] += 1

    def agent_start(self, job: int) -> None:
        if job not in self.agent:
            self.agent[job] = self.now() + self.rng.randint(50, 1500)
            self.agent_starts[job] += 1

    def _agent(self) -> None:
        for job, end in self.agent.items():
            if end <= self.now():
                self.raw.report(job, 1, {"exit": 0})

    def receive(self, row: OutboxRow) -> None:
        if self.raw.first_time(row.key):
            self.received[row.key] += 1

    # -- bodies of tasks
    def body(self, hand: Hand, ctx: Context, kind: str) -> int:
        if hand.incarnation not in self.engine.beats:
            raise Violation(f"{hand.name} begins task {ctx.task_id} though it was buried")
        self.clock.advance(self.rng.choice((0, 0, 0, 1, 5)))
        if kind == "poison":
            self.kill(hand)
            raise Crash
        if kind == "slow":
            self.clock.advance(self.rng.choice((30, 120, 300)))
            ctx.still_mine()
        if kind == "flaky" and ctx.attempt == 1:
            raise ValueError("the first attempt fails")
        if kind == "refuse":
            from hisee.tasks import Refuse

            raise Refuse("never")
        if kind == "parent":
            ctx.put(TaskRequest(func="tasks.act", args={"kind": "plain"}, max_attempts=20))
        if kind == "wide":
            ctx.progress(0.5)
        ctx.add(f"n{ctx.task_id}")
        ctx.send("value", {"task": ctx.task_id})
        return ctx.task_id

    # -- what happens to members
    def interlude(self, hand: Hand) -> None:
        """Somewhere in a call of `hand`: others go on, or something happens to it."""
        rng = self.rng
        self.next_fault = self.calls + rng.randint(3, 30)
        self.before_call = rng.random() < 0.5
        if self.depth >= 2:
            return
        self.depth += 1
        try:
            self._happen(hand, rng.random())
        finally:
            self.depth -= 1
        if hand.gone:
            raise Crash

    def _happen(self, hand: Hand, draw: float) -> None:
        if draw < 0.5 or (draw < 0.8 and not self.disturbances):
            self.faults["switch"] += 1
            for other in self.rng.sample(self.hands, min(2, len(self.hands))):
                self.turn(other)
        elif draw < 0.66:
            self.disturbances -= 1
            self.kill(hand if self.rng.random() < 0.7 else self.rng.choice(self.hands))
        elif draw < 0.8:
            self.disturbances -= 1
            if self.rng.random() < 0.3:
                self.freeze_at_renewal = True  # between the commit of the next renewal and its answer
            else:
                self.freeze(hand)
        elif draw < 0.92:
            self.faults["full"] += 1
            self.full = self.rng.randint(1, 10)
        elif self.jumpy:
            self.faults["jump"] += 1
            self.jumped_ms += (jump := self.rng.choice((-70_000, -1_300, 700, 40_000)))
            self.clock.jump(jump)

    def freeze(self, hand: Hand) -> None:
        """SIGSTOP past the lease, while the others go on; then it wakes up in the middle of its call."""
        self.faults["freeze"] += 1
        self.freeze_at_renewal = False
        hand.frozen = True
        self.next_fault = NEVER
        for _ in range(self.rng.randint(3, 6)):
            self.clock.advance(self.rng.randint(400, 700))
            for other in list(self.hands):
                self.turn(other)
        self.next_fault = self.calls + self.rng.randint(3, 30)
        hand.frozen = False

    def kill(self, hand: Hand) -> None:
        self.faults["crash"] += 1
        self.end(hand, "killed")
        if self.rng.random() < 0.6:
            self.engine.killed(hand.incarnation)  # seen at once; else the lease tells

    def end(self, hand: Hand, why: str) -> None:
        hand.gone = True
        if hand in self.hands:
            self.hands.remove(hand)
        if why == "lost":
            self.faults["lost"] += 1

    # -- what has to hold at the end
    def check(self) -> None:
        for task in self.engine.tasks.all.values():
            self._check_task(task)
        self._check_order()
        self._check_roles()
        self._check_ticks()
        if max(self.received.values(), default=1) > 1 or self.engine.outbox:
            raise Violation("a message was received twice, or never left")
        if max(self.agent_starts.values(), default=1) > 1:
            raise Violation("the agent ran a job twice")

    def _check_task(self, task: Any) -> None:
        kind, state = task.request.args.get("kind"), task.state.name
        done, sent = self.engine.facts.get(f"n{task.id}", 0), self.received[f"{task.id}:0"]
        wanted = int(state == "ENDED_OK")
        if (done, sent) != (wanted, wanted):
            raise Violation(f"task {task.id} ({kind}) is {state}, its effect happened {done} times, its message {sent} times")
        allowed = {"ENDED_OK"} | ({"DEAD_LETTER"} if kind == "poison" else set()) | ({"ENDED_NOT_OK"} if kind == "refuse" else set())
        if task.id in self.cancelled or kind == "after":
            allowed |= {"CANCELLED"}
        if state not in allowed:
            raise Violation(f"task {task.id} ({kind}) is {state} after {task.attempt} attempts: {task.text[-200:]}")

    def _check_order(self) -> None:
        last: dict[str, int] = {}
        for claim in self.ended:
            if claim.order_key and last.get(claim.order_key, 0) > claim.id:
                raise Violation(f"task {claim.id} of key {claim.order_key} ended after task {last[claim.order_key]}")
            last[claim.order_key] = claim.id

    def _check_roles(self) -> None:
        """R100-R104 in their own words, not in those of the rule that is tested."""
        hands = [h for h in self.hands if self.servers.works(h.member.node)]
        fit = {h.incarnation for h in hands if self.engine.members[h.incarnation].mode == "WP"}
        if not fit:
            raise Violation("no plain work process is left")
        primary, *roles = (self.engine.terms[term].holder if term in self.engine.terms else 0 for term in ("pwp", "role.O", "role.R"))
        if not {primary, *roles} <= fit:
            raise Violation(f"terms are held by {primary}, {roles}, who are none of {sorted(fit)}")
        others = len(fit) - 1
        if roles.count(primary) != max(0, 2 - others) or (others > 1 and roles[0] == roles[1]):
            raise Violation(f"{others} others beside primary {primary}, roles are held by {roles}")
        dialog = len(hands) - len(fit)
        if len(fit) > self.wp_min or (dialog and len(fit) < 2):
            raise Violation(f"{len(fit)} plain and {dialog} dialog work processes, the minimum is {self.wp_min}")

    def _check_ticks(self) -> None:
        """Every instant between the first and the last one, unless somebody set the clock."""
        instants = sorted(instant for name, instant in self.ticks if name == "tick")
        if not instants:
            raise Violation("the schedule never ticked")
        if not self.faults["jump"] and instants != list(range(instants[0], instants[-1] + 1, 500)):
            raise Violation("instants of the schedule are missing")


def run(seed: int, parts: Parts = PARTS) -> World:
    """Raises Violation with the seed."""
    world = World(seed, parts)
    try:
        with quiet():
            world.run()
    except Violation as broken:
        raise Violation(f"seed {seed}: {broken}") from None
    return world


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the parts have to say of thousands of crashes is not for anybody's log."""
    levels = [logger.level for logger in LOGGERS]
    for logger in LOGGERS:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(LOGGERS, levels, strict=True):
            logger.setLevel(level)
