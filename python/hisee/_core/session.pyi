from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from typing_extensions import disjoint_base

from hisee._core.message import Message
from hisee._core.ring import Rings

@disjoint_base
class Guard:
    def acquire(self, blocking: bool = True) -> bool: ...
    def release(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None: ...

@disjoint_base
class Lanes:
    def __init__(self, count: int, control: int) -> None: ...
    def sent(self, lane: int) -> int: ...
    def count_sent(self, lane: int) -> None: ...
    def taken(self, lane: int) -> int: ...
    def count_taken(self, lane: int, is_open: bool) -> None: ...

@disjoint_base
class Quick:
    _rings: Rings | None
    _lanes: Lanes
    _guard: Any
    _ready: deque[Message]
    _unspoken: Mapping[int, str]
    _end: str
    _closed: bool
    _queued: bool
    _spoke: bool
    _heard: bool
    _heard_here: bool
    _part_bytes: int
    _look_ns: int
    sent: int
    received: int
    def send(self, message: Message) -> None: ...
    def receive(self, timeout_s: float, also: Sequence[int] = ()) -> Message | None: ...
