"""Who is there: processes by number and name, their states, and the link that leads to each. No sockets, no clocks of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from hisee.channel import Channel, Message, NotSpoken
from hisee.channel.spoken import NOTHING, OWN, Span
from hisee.schema.kinds import BY_NAME as KINDS
from hisee.seams import Seams

KNL_NUMBER = 1
FIRST_DYNAMIC = 1 << 30
HIDDEN = {"HISHOST"}
NUMBERS = range(10_000, 100_000)  # in names of dynamic processes, as long as most of them are free
MORE_NUMBERS = range(100_000, 1_000_000_000)


class State(Enum):
    """State of a process as scripts and `ps` see it."""

    RUN = "Run"
    STOP = "Stop"
    CRASH = "Crash"
    WDERR = "WDErr"


class Lasting(Protocol):
    """A session behind a link: takes what is for its client, whatever connection carries it."""

    @property
    def resuming(self) -> bool: ...  # nothing carries it now
    def send(self, message: Message) -> None: ...


@dataclass(slots=True)
class Link:
    """A way to processes: one channel, or one connection carried by a communication process. With a `session` channel and connection
    are those that carry it now, or did last."""

    channel: Channel
    number: int  # of the process that logged on over it
    connection: int = 0  # at the CP that carries it; 0 = the channel is its own
    standby: int = 0  # number of the standby server behind which the process is, 0 = none
    inner: int = 0  # its connection there
    facts: dict[str, Any] = field(default_factory=dict)
    session: Lasting | None = None
    unspoken: Mapping[int, str] = field(default_factory=lambda: NOTHING)  # kinds that the process does not know, with the reason

    @property
    def resuming(self) -> bool:
        return self.session is not None and self.session.resuming

    def send(self, message: Message) -> None:
        """Raises ChannelClosed, ChannelFull, NotSpoken."""
        if message.kind in self.unspoken:
            raise NotSpoken(self.unspoken[message.kind])
        (self.session or self.channel).send(message)

    @property
    def place(self) -> tuple[int, int, int]:
        """Equal for two processes behind the very same connection."""
        return id(self.channel), self.connection, self.inner

    @property
    def carrier(self) -> str:
        return "tcp" if self.connection else self.channel.carrier


@dataclass(slots=True)
class Process:
    """One entry of the process list."""

    number: int
    name: str  # with suffix: WS1_4711.SEE
    kind: str
    node: str = ""
    state: State = State.RUN
    pid: int = 0
    link: Link | None = None
    host: int = 0  # number of the process that hosts a virtual one
    console: int = 0
    object: str = ""
    opened: int = 0
    address: str = ""
    version: str = ""
    speaks: Span = OWN  # versions of the protocol
    started_ms: int = 0
    incarnation: int = 0
    logon_order: int = 0
    sent: int = 0  # messages that the server routed to it
    received: int = 0  # messages that the server took from it
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def virtual(self) -> bool:
        return KINDS[self.kind].virtual

    @property
    def running(self) -> bool:
        return self.state is State.RUN


class NameInUse(Exception):
    """A process with that name runs and its death is not proven."""


class Registry:
    """All processes of the system; ended ones stay listed until their name is used again, HIS and SEE leave at once."""

    def __init__(self, seams: Seams) -> None:
        self._seams = seams
        self._by_number: dict[int, Process] = {}
        self._by_name: dict[str, Process] = {}
        self._by_kind: dict[str, dict[int, Process]] = {}
        self._hosted: Counter[int] = Counter()
        self._logons = 0

    def __iter__(self) -> Iterator[Process]:
        return iter(list(self._by_number.values()))

    def get(self, number: int) -> Process | None:
        return self._by_number.get(number)

    def unknown(self, numbers: set[int]) -> set[int]:
        """Those of them that are no process's."""
        return numbers.difference(self._by_number)

    def named(self, name: str) -> Process | None:
        return self._by_name.get(name)

    def of_kind(self, *kinds: str) -> list[Process]:
        """Running ones, in the order of their logons."""
        found = [p for kind in kinds for p in self._by_kind.get(kind, {}).values() if p.running]
        return found if len(kinds) == 1 else sorted(found, key=lambda p: p.logon_order)

    def real(self, but: Collection[str] = ()) -> list[Process]:
        """Those that are processes of a computer, ended ones too, but for these kinds."""
        kinds = [kind for kind in self._by_kind if kind not in but and not KINDS[kind].virtual]
        return [process for kind in kinds for process in self._by_kind[kind].values()]

    def hosted(self, number: int) -> int:
        """How many virtual processes it hosts."""
        return self._hosted[number]

    def add(self, process: Process) -> Process:
        """Enter `process`; raises NameInUse when its name is that of a running one (R9)."""
        old = self._by_name.get(process.name)
        if old is not None and old.running:
            raise NameInUse(process.name)
        if old is not None:
            self._drop(old)
        self._logons += 1
        process.logon_order = self._logons
        process.started_ms = process.started_ms or self._seams.clock.now_ms()
        self._by_number[process.number] = process
        self._by_name[process.name] = process
        self._by_kind.setdefault(process.kind, {})[process.number] = process
        if process.host:
            self._hosted[process.host] += 1
        return process

    def _drop(self, process: Process) -> None:
        if self._by_number.pop(process.number, None) is not None and process.host:
            self._hosted[process.host] -= 1
            if not self._hosted[process.host]:
                del self._hosted[process.host]
        self._by_kind[process.kind].pop(process.number, None)

    def end(self, process: Process, state: State) -> None:
        """The process is gone: a virtual or hidden one leaves the list, any other stays with its last state."""
        process.state = state
        process.link = None
        if process.virtual or process.kind in HIDDEN or process.kind == "TEL":
            self._drop(process)
            self._by_name.pop(process.name, None)

    def free_number(self) -> int:
        """A number for a dynamic process: never one in use."""
        while True:
            number = FIRST_DYNAMIC + self._seams.rng.below(1 << 30)
            if number not in self._by_number:
                return number

    def free_name(self, workstation: str, kind: str) -> str:
        """`<workstation>_<generated number>.<KIND>`, unique among all processes (R2, R3)."""
        numbers = NUMBERS if 2 * len(self._by_kind.get(kind, ())) < len(NUMBERS) else MORE_NUMBERS
        while True:
            name = f"{workstation}_{numbers[self._seams.rng.below(len(numbers))]}.{kind}"
            if name not in self._by_name:
                return name
