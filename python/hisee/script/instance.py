"""One virtual process: a script, its one action stream, its bounded queue, its picture variables. Knows no channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hisee._core.cells import CellTable
from hisee._core.vm import Script, Unit
from hisee.channel import Message
from hisee.channel.payloads import CallChain
from hisee.schema.messages import MessageKind as Kind
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


@dataclass(slots=True)
class Instance:
    """A running part of an opened object."""

    number: int
    name: str
    object: str
    part: int  # 1 local, 2 remote
    unit: Unit
    script: Script
    variables: Variables
    console: int
    limits: dict[str, int]
    partner: int = 0
    partner_state: str = "none"  # none | starting | up | down
    incarnation: int = 0
    queue: deque[Item] = field(default_factory=deque)
    current: Item | None = None
    waiting: Waiting | None = None
    pending: Any = None  # the action being carried out or waited for, as the VM gave it
    sets_open: dict[int, int] = field(default_factory=dict)  # corr -> 1
    set_failure: tuple[int, int, str] | None = None
    changes: dict[Ref, list[int]] = field(default_factory=dict)  # reference -> procedures (ON CHANGE)
    held: list[Callable[[], None]] = field(default_factory=list)  # CALLs that wait for the partner's start
    resumed_ns: int = 0
    handled: int = 0
    dropped: int = 0
    ended: bool = False
    priority: int = 3  # of its slices among those of the other instances: 1 highest, 5 lowest
    handles: dict[int, list[int]] = field(default_factory=dict)  # procedure -> positions of its CNT_HANDLE parameters
    aliases: dict[int, dict[int, list[Type]]] = field(default_factory=dict)  # procedure -> position of a typed ALIAS -> its columns
    started_by: int = 0  # number of the script that waits for the end of this run of an event
    event: bool = False  # run by an event handler, not opened on a console
    functions: Any = None  # hisee.script.functions.Functions: handles and memory of the functions that the host does
    database_error: tuple[int, str] = (0, "")  # code and text of the last failure that a database manager explained
    restart_due: bool = False  # its remote part ended with the former server: the next one is a restart

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
        at = len(self.queue)
        while at and self.queue[at - 1].priority > item.priority:
            at -= 1
        self.queue.insert(at, item)

    def procedure(self, name: str, kinds: tuple[str, ...]) -> int | None:
        """Index of a procedure by name, any case, of one of these kinds."""
        wanted = name.casefold()
        for index, info in enumerate(self.unit.procedures):
            if info.kind in kinds and info.name.casefold() == wanted:
                return index
        return None


def make_script(unit: Unit, cells: CellTable, variables: Variables, limits: dict[str, int], world: object) -> Script:
    return Script(unit, cells, variables.table, limits, world)
