from typing import NamedTuple

from typing_extensions import disjoint_base

ALL_LANES: int

class Open(NamedTuple):
    kind: int
    lane: int
    object: int
    caller: int
    corr: int
    waits: bool

class Passed(NamedTuple):
    source: int
    target: int
    lane: int
    answer: bool
    messages: int
    bytes: int
    since_ms: int

@disjoint_base
class Book:
    def __new__(cls) -> Book: ...
    def __len__(self) -> int: ...
    def enter(self, caller: int, corr: int, target: int, kind: int, lane: int, object: int, waits: bool = False) -> list[int]: ...
    def leave(self, caller: int, corr: int) -> bool: ...
    def end(self, number: int) -> list[Open]: ...
    def count(self, target: int, lanes: int = ...) -> int: ...
    def passed(self) -> list[Passed]: ...
