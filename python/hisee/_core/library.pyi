from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from typing_extensions import disjoint_base

from hisee.values import Type

NAMES: dict[str, int]

class OutOfFuel(Exception): ...

@disjoint_base
class Zone:
    name: str
    def __new__(cls, name: str, data: bytes | None = None, *, offset_s: int = 0) -> Self: ...
    @property
    def address(self) -> int: ...
    def period(self, utc_s: int) -> tuple[int, int, int, bool]: ...
    def instants(self, wall_ms: int) -> tuple[int, int, int]: ...
    def utc(self, wall_ms: int) -> int: ...

@disjoint_base
class World:
    zone: Zone | None
    zones: dict[bytes, Zone]
    def __new__(cls,
        zone: Zone | None = None,
        zones: Iterable[Zone] = (),
        now_ms: Callable[[], int] | None = None,
        tick_ms: Callable[[], float] | None = None,
        seed: int = 0,
    ) -> Self: ...

@disjoint_base
class Library:
    world: World
    def __new__(cls, world: World | None = None, *, fuel: int = ..., memory_bytes: int = ..., text_chars: int = ...
    ) -> Self: ...
    @property
    def fuel(self) -> int: ...
    @property
    def memory_used(self) -> int: ...
    def call(self, function: str | int, args: Sequence[Any] = (), wanted: Type | int | str = "NONE") -> Any: ...
