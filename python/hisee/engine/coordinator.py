"""What the engine database promises: members, terms, tasks, schedules, facts. One protocol, three implementations.

Every call is one transaction and blocks; a process opens one Coordinator per thread. Nothing here knows processes or messages.
Times named `_ms` are milliseconds UTC by the engine's clock, only for due times and for people to read; leases never use them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from hisee.errors import HiseeError

JSON = dict[str, Any]

# Terms: rights that exactly one member holds, each with an epoch that only grows.
PRIMARY = "pwp"
ROLES = ("role.O", "role.R")  # in the order in which they are assigned (R101)
# The computer of its holder is the active one of a group: only work processes there take work and hold the terms that follow it.
# A system whose database has no such term has no group, and all its computers are active.
ACTIVE = "node.active"
FOLLOWING = (PRIMARY, *ROLES)
# Kinds that never beat: a Java virtual machine cannot. The watchdog of their link judges silence; here only proven death ends them.
NO_LEASE = frozenset({"JWP"})


class EngineError(HiseeError):
    """The engine database refused or cannot answer; nothing was changed."""


class StorageFull(EngineError):
    """Disk full or a failed write: nothing was acknowledged; work goes on when there is room again."""


class StaleClaim(EngineError):
    """The claim is no longer the caller's: the task was taken over, cancelled or purged. Abandon it at once."""


class LostGrant(EngineError):
    """The term has a newer epoch: drop everything that was done in its name."""


class NotActive(EngineError):
    """The member is of a computer that is not the active one: it holds no term that follows it (R123)."""


class LostMember(EngineError):
    """The member was buried: it must end (or join again as a new incarnation) and may change nothing."""


class NoNumber(EngineError):
    """The number lists hold no free number with a free port (R92)."""


class Member(msgspec.Struct, kw_only=True, frozen=True):
    """A server process as the engine knows it. `number` and `port` come from the lists; port 0 = without."""

    number: int
    kind: str  # WP, CP, JWP, DWP is a mode of WP
    name: str  # WP001
    node: str
    host: str
    pid: int
    birth: int  # start time of the pid (clock ticks since boot), with `pid` it names one process for ever
    incarnation: int  # random, 63 bits
    port: int = 0
    mode: str = "WP"  # WP or DWP for work processes, else = kind
    joined_ms: int = 0
    ended_ms: int = 0  # 0 = is a member
    ended: str = ""  # "", "stop" or the proof of its death


class Candidate(msgspec.Struct, kw_only=True, frozen=True):
    """A process that wants to join. `ports` is the list of its kind: position + 1 = number; empty = numbers without ports.
    `occupy(port)` binds the port and keeps it, or says False when it is taken."""

    kind: str
    node: str
    host: str
    pid: int
    birth: int
    incarnation: int
    ports: tuple[int, ...] = ()
    occupy: Callable[[int], bool] = lambda port: True
    first_ms: int = 0


class Grant(NamedTuple):
    """A term held: whoever presents an older epoch is refused."""

    term: str
    incarnation: int
    epoch: int


class TermRow(NamedTuple):
    """One term as it stands: holder 0 = nobody. `name` is the holder's name."""

    term: str
    holder: int
    name: str
    epoch: int


class Succession(NamedTuple):
    """The last holder of a term taken by `take_together`, and the node that alone may take it now ("" = anybody)."""

    node: str = ""
    incarnation: int = 0
    epoch: int = 0
    heir: str = ""


class TaskRequest(msgspec.Struct, kw_only=True):
    """A task to be. `func`: tasks.NAME (Python), program.NAME (on an agent), service.NAME (Java), engine.NAME (our own)."""

    func: str
    args: JSON = {}
    queue: str = "general"  # row of the queue table
    priority: int = 100  # 0 first .. 999 last
    due_ms: int = 0  # not before; 0 = now
    order_key: str = ""  # tasks of one key run one after the other, in the order of arrival
    key: str = ""  # idempotency key: a second put with it answers the first task's id
    max_attempts: int = 5
    retry_s: float = 1.0  # wait before the next attempt, doubled each time, at most 300 s
    timeout_s: float = 0.0  # longest run of one attempt; 0 = none
    after: list[int] = []  # tasks that must end ok before (condition)
    resources: list[str] = []  # limits on parallel runs that it counts against
    agent: str = ""  # of a program: name of the agent, "" = any that offers it
    parent: int = 0


class Claim(msgspec.Struct, kw_only=True, frozen=True):
    """A task in somebody's hands. `token` grows over all claims; whoever comes with an older one is refused."""

    id: int
    token: int
    attempt: int  # 1 at the first
    func: str
    args: JSON
    queue: str
    priority: int
    due_ms: int
    order_key: str
    created_ms: int
    max_attempts: int
    retry_s: float
    timeout_s: float
    resources: list[str] = []
    agent: str = ""
    parent: int = 0
    generated: str = ""  # kept from an earlier attempt


class Add(msgspec.Struct, tag="add", frozen=True):
    """Effect: add `delta` to the number of a fact (made at 0)."""

    key: str
    delta: int = 1


class Write(msgspec.Struct, tag="write", frozen=True):
    """Effect: set the value of a fact; None deletes it."""

    key: str
    value: Any = None


class Send(msgspec.Struct, tag="send", frozen=True):
    """Effect outside the engine: leaves through the outbox, at least once, with the key <task id>:<position> (P4).
    target: "value" (object value: {"name", "value"}), "notify", "log" or a name that a receiver registered."""

    target: str
    payload: JSON = {}


Effect = Add | Write | Send


class Outcome(msgspec.Struct, kw_only=True):
    """How a task ended, and everything that happens with it in the one commit."""

    status: str = "ok"  # ok | not ok | cancelled | lost
    result: Any = None
    text: str = ""  # why it is not ok; last traceback
    effects: list[Effect] = []
    follow_ups: list[TaskRequest] = []
    steps: list[str] = []  # states passed in this process, from the task_states table, each "ms state who"
    generated: str = ""  # the form it ran from, kept with the task (R140); "" = as `step` stored it
    retry: bool = False  # not ok, and another attempt may help: ready again until max_attempts, then dead letter


class TaskRow(msgspec.Struct, kw_only=True):
    """A task as people see it. `state` is a row of the task_states table."""

    id: int
    func: str
    queue: str
    state: str
    priority: int = 100
    due_ms: int = 0
    attempt: int = 0
    max_attempts: int = 5
    owner: str = ""  # name of the member that has it
    order_key: str = ""
    key: str = ""
    args: JSON = {}
    status: str = ""
    result: Any = None
    text: str = ""
    progress: float | None = None  # 0..1
    progress_text: str = ""
    generated: str = ""
    created_ms: int = 0
    ended_ms: int = 0
    agent: str = ""
    parent: int = 0
    resources: list[str] = []
    after: list[int] = []
    steps: list[JSON] = []  # {"state", "at_ms", "by", "message"}: the life of the task (R140)


class QueueRow(NamedTuple):
    """waiting counts what could run by its due time now and what is due later; oldest_ms is the age of the oldest due one."""

    waiting: int
    running: int
    oldest_ms: int | None


class OutboxRow(NamedTuple):
    task: int
    position: int
    target: str
    payload: JSON

    @property
    def key(self) -> str:
        return f"{self.task}:{self.position}"


class Schedule(msgspec.Struct, kw_only=True):
    """A durable schedule. `rule`: "cron M H D M W", "every S" or "at MS"; `missed`: skip | once | all."""

    name: str
    rule: str
    request: TaskRequest
    zone: str = "UTC"
    missed: str = "once"
    next_ms: int = 0  # 0 = ended
    enabled: bool = True


class Buried(NamedTuple):
    """What a bury set free."""

    tasks: int
    terms: tuple[str, ...]


class Coordinator(Protocol):
    """Durable truth. Raises EngineError (StorageFull) when the database cannot answer; then nothing happened, except that a
    connection lost during a commit of PostgreSQL is looked up by id and never repeated blindly."""

    # -- members
    def join(self, candidate: Candidate) -> Member:
        """Lowest free number whose port it can occupy, in one transaction (R90-R92, R144). Raises NoNumber."""

    def leave(self, member: Member) -> None:
        """Ordered end: its claims become ready again without counting the attempt, its terms free."""

    def beat(self, member: Member, *, replicated: bool = False) -> None:
        """Renew the lease. Costs no disk write on one computer. Raises LostMember.
        replicated: answered once the standby database has it too, so a server that is cut off from it gets no answer."""

    def members(self) -> list[Member]:
        """All, ended ones until their number is used again."""

    def overdue(self) -> list[tuple[Member, str]]:
        """Members whose death is proven from here ("process ended") or whose lease is over ("lease over"; never of a kind in NO_LEASE)."""

    def bury(self, incarnation: int, proof: str, *, still_over: bool = False) -> Buried:
        """Its claims are ready, or dead letters after max_attempts; its terms are free; it is no member. Once; again = nothing.
        still_over: nothing either when it is not overdue at this moment: it renewed since the caller looked."""

    def set_mode(self, member: Member, mode: str) -> Member: ...

    # -- terms
    def take(self, term: str, member: Member) -> Grant | None:
        """A free term; None when somebody holds it, or when it follows `node.active` and the member is of another computer."""

    def take_together(self, terms: Sequence[str], member: Member) -> tuple[Grant, ...] | None:
        """All of these terms or none, in one commit that is durable where the database is; None when one of them is held, or when an
        heir was named for the first of them whose time is not over. Keeps who took the first one: `succession`. With `node.active` the
        terms that follow it are taken from members of other computers in the same commit."""

    def hand_over(self, grants: Sequence[Grant], heir: str, within_ms: int) -> None:
        """Drop these terms in one commit; for `within_ms` of the engine's clock only a member of the node `heir` may take the first one.
        Raises LostGrant, and then drops none."""

    def succession(self, term: str) -> Succession:
        """Who took `term` together with others last, and who alone may take it now."""

    def assign(self, primary: Grant, term: str, holder: Member) -> Grant:
        """The primary gives a role to a member (itself too): the epoch grows. Raises LostGrant when it is primary no more,
        LostMember when the holder is none, NotActive when it is of a computer that waits."""

    def keep(self, grant: Grant) -> None:
        """Raises LostGrant when the term has another holder or epoch."""

    def drop(self, grant: Grant) -> None: ...

    def expect(self, term: str) -> None:
        """The term is there from now on, free where it was not: nobody takes its absence for leave to work."""

    def forget(self, term: str) -> bool:
        """A free term that nobody will take any more is gone, with its epoch; False when it is held or was none."""

    def terms(self) -> dict[str, TermRow]: ...

    # -- tasks
    def put(self, requests: Sequence[TaskRequest]) -> list[int]:
        """Durable when it returns; ids in the order of the requests. Raises EngineError naming the request that is wrong."""

    def claim(self, member: Member, queues: Sequence[str], limit: int) -> list[Claim]:
        """Ready and due ones, queues in the order given, in each: priority, due time, arrival; counts the attempt.
        A task with a failed earlier attempt comes alone. Queues O and R only for the holder of the role, `primary` only for
        the primary; a member that is none any more raises LostMember. Nothing for a member of a computer that does not hold
        `node.active`: no claim of it is committed after the term has moved."""

    def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        """Those that are still the caller's; abandon the rest at once."""

    def step(self, claim: Claim, state: str, note: str = "", *, generated: str | None = None) -> None:
        """The task passed into generated, started or active; durable. Raises StaleClaim."""

    def progress(self, claim: Claim, share: float | None, text: str) -> None:
        """For people; not durable at once. Raises StaleClaim."""

    def finish(self, ends: Sequence[tuple[Claim, Outcome]]) -> list[bool]:
        """Effects, outbox, follow-ups and end of every task in ONE commit. False = the claim was stale: nothing of it happened."""

    def give_back(self, claims: Sequence[Claim], why: str, due_ms: int = 0) -> None:
        """Not begun: ready again, the attempt is not counted. Stale ones are left alone."""

    def cancel(self, task: int) -> bool:
        """Ends a task that waits, or takes one that runs from its owner. False when it ended before."""

    def retry(self, task: int) -> bool:
        """A dead letter or a task that ended not ok waits again with attempts counted from 0."""

    def task(self, task: int) -> TaskRow | None: ...

    def tasks(self, *, state: str = "", queue: str = "", func: str = "", limit: int = 100, before: int = 0) -> list[TaskRow]:
        """Newest first."""

    def queues(self) -> dict[str, QueueRow]: ...

    def next_due(self) -> int:
        """When the first of the tasks that wait for their time is due, in milliseconds UTC; 0 = none waits."""

    def changes(self) -> object:
        """Equal to an earlier answer of this Coordinator only when nobody has committed anything in between. Costs no look at the rows."""

    def purge(self, primary: Grant, queues: Iterable[str]) -> Mapping[str, int]:
        """Cold start: deletes what waits, in one transaction, audited; running ones of the dead are marked for review (R117)."""

    def release(self, primary: Grant) -> int:
        """Moves tasks that wait for a condition or a resource and may run now to ready (resource calculation). How many."""

    # -- effects
    def outbox(self, limit: int) -> list[OutboxRow]: ...
    def sent(self, rows: Sequence[OutboxRow]) -> None: ...

    def first_time(self, key: str) -> bool:
        """A receiver's memory: True for the first one with this key, durable. Keys are kept 7 days at least."""

    def fact(self, key: str) -> Any:
        """Number or value of a fact; None when there is none."""

    def facts(self, prefix: str) -> dict[str, Any]: ...

    # -- schedules
    def put_schedule(self, schedule: Schedule) -> None: ...
    def drop_schedule(self, name: str) -> bool: ...
    def schedules(self) -> list[Schedule]: ...

    def fire(self, primary: Grant, schedule: Schedule, instants: Sequence[int], next_ms: int) -> list[int]:
        """Puts one task per instant with the key "<schedule>@<instant>" and moves next_ms, in one commit. Raises LostGrant."""

    # -- limits on parallel runs, reports of agents
    def set_capacity(self, resource: str, capacity: int) -> None: ...

    def capacities(self) -> dict[str, tuple[int, int]]:
        """resource -> (capacity, used)."""

    def report(self, job: int, number: int, row: JSON) -> bool:
        """Keep a report of an agent; False when this (job, number) was kept before."""

    def reports(self, job: int, after: int = 0) -> list[tuple[int, JSON]]: ...

    def audit(self, who: str, what: str, detail: JSON) -> None: ...

    def close(self) -> None: ...


class Doorbell(Protocol):
    """Wakes those who wait for work. Only a hint: whoever waits polls every `engine_poll` ms all the same."""

    def ring(self, queues: Iterable[str]) -> None: ...

    def fileno(self) -> int:
        """Readable when it rang since `clear`."""

    def clear(self) -> None: ...
    def close(self) -> None: ...
