"""One virtual process: a script, its one action stream, its bounded queue, its picture variables. Knows no channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hisee._core.vm import Script, Unit
from hisee.channel import Message
from hisee.channel.payloads import CallChain
from hisee.schema.messages import MessageKind as Kind
from hisee.script.functions import Functions
from hisee.script.variables import Variables
from hisee.values import Ref, Type


@dataclass(slots=True)
class Item:
    """One piece of work for the stream: a procedure with encoded arguments, or (procedure None) the init part."""

    procedure: int | None
    arguments: bytes = b""
    what: str = ""
    modes: str = ""
    request: Message | None = None  # to be answered at the end
    done: Callable[[], None] | None = None
    key: object = None  # a newer item with the same key replaces this one while it waits
    priority: int = 3  # 1 goes before 5
    after: Callable[[int], None] | None = None  # told the error that ended it, 0 = none
    containers: dict[int, int] = field(default_factory=dict)  # handles that came with a CALL: the caller's -> ours


@dataclass(slots=True)
class Waiting:
    """The action that the stream waits for."""

    action: int
    name: str
    line: int
    corr: int = 0
    lane: int = 0
    prepare_ns: int = 0
    sent_ns: int = 0
    service_ns: int = 0  # the implementor's own time, where it says so
    bytes_out: int = 0
    far: bool = False
    timer: Any = None


class QueueFull(Exception):
    """The queue of the instance holds as many requests as its limit allows."""


NOTHING: Any = ()  # an empty queue or list that costs no memory


@dataclass(slots=True, eq=False)
class Instance:
    """A running part of an opened object. An idle one is small: what few of them need is made when it is needed."""

    number: int
    name: str
    object: str
    part: int  # 1 local, 2 remote
    unit: Unit
    script: Script
    variables: Variables
    console: int
    limits: dict[str, int]
    site: Any = None  # hisee.script.functions.Site
    partner: int = 0
    partner_state: str = "none"  # none | starting | up | down
    incarnation: int = 0
    queue: deque[Item] = NOTHING
    current: Item | None = None
    waiting: Waiting | None = None
    pending: Any = None  # the action being carried out or waited for, as the VM gave it
    sets_open: dict[int, int] | None = None  # corr -> 1
    set_failure: tuple[int, int, str] | None = None
    changes: dict[Ref, list[int]] | None = None  # reference -> procedures (ON CHANGE)
    held: list[Callable[[], None]] = NOTHING  # CALLs that wait for the partner's start
    resumed_ns: int = 0
    handled: int = 0
    dropped: int = 0
    ended: bool = False
    due: bool = False  # the engine is to begin its next item
    priority: int = 3  # of its slices among those of the other instances: 1 highest, 5 lowest
    handles: dict[int, list[int]] = field(default_factory=dict)  # procedure -> positions of its CNT_HANDLE parameters
    aliases: dict[int, dict[int, list[Type]]] = field(default_factory=dict)  # procedure -> position of a typed ALIAS -> its columns
    started_by: int = 0  # number of the script that waits for the end of this run of an event
    event: bool = False  # run by an event handler, not opened on a console
    own_functions: Functions | None = None
    database_error: tuple[int, str] = (0, "")  # code and text of the last failure that a database manager explained
    restart_due: bool = False  # its remote part ended with the former server: the next one is a restart
    told: tuple[int, int, int] | None = None  # figures as the server knows them

    @property
    def functions(self) -> Functions:
        """Handles and memory of the functions that the host does, made at the first call of one."""
        if self.own_functions is None:
            self.own_functions = Functions(self.site, self)
        return self.own_functions

    @property
    def runnable(self) -> bool:
        return not self.ended and self.waiting is None and (self.current is not None or bool(self.queue))

    @property
    def idle(self) -> bool:
        return self.current is None and not self.queue

    def chain(self) -> CallChain:
        """What runs here, and who waits for it."""
        request = self.current.request if self.current is not None else None
        waits = request is not None and request.kind == Kind.CALL and request.wants_answer
        caller = request.source if waits and request is not None else self.started_by
        return CallChain(self.name, self.object, self.number, list(self.script.chain), caller)

    def put(self, item: Item) -> None:
        """Queue work; raises QueueFull at the limit. An item with the key of a waiting one takes its place."""
        if item.key is not None:
            for at, old in enumerate(self.queue):
                if old.key == item.key:
                    self.queue[at] = item
                    return
        if len(self.queue) >= self.limits["instance_queue"]:
            self.dropped += 1
            raise QueueFull(self.name)
        if self.queue is NOTHING:
            self.queue = deque()
        at = len(self.queue)
        while at and self.queue[at - 1].priority > item.priority:
            at -= 1
        self.queue.insert(at, item)

    def put_first(self, item: Item) -> None:
        """Before everything else, whatever the limit."""
        self.queue = deque((item, *self.queue))

    def take(self) -> Item:
        """The next item of the queue."""
        item = self.queue.popleft()
        if not self.queue:
            self.queue = NOTHING
        return item

    def procedure(self, name: str, kinds: tuple[str, ...]) -> int | None:
        """Index of a procedure by name, any case, of one of these kinds."""
        wanted = name.casefold()
        for index, info in enumerate(self.unit.procedures):
            if info.kind in kinds and info.name.casefold() == wanted:
                return index
        return None
