from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hisee.values import Type

NAMES: dict[str, int]

class OutOfFuel(Exception): ...

class Zone:
    name: str
    def __init__(self, name: str, data: bytes | None = None, *, offset_s: int = 0) -> None: ...
    @property
    def address(self) -> int: ...
    def period(self, utc_s: int) -> tuple[int, int, int, bool]: ...
    def instants(self, wall_ms: int) -> tuple[int, int, int]: ...
    def utc(self, wall_ms: int) -> int: ...

class World:
    zone: Zone | None
    zones: dict[bytes, Zone]
    def __init__(
        self,
        zone: Zone | None = None,
        zones: Iterable[Zone] = (),
        now_ms: Callable[[], int] | None = None,
        tick_ms: Callable[[], float] | None = None,
        seed: int = 0,
    ) -> None: ...

class Library:
    world: World
    def __init__(
        self, world: World | None = None, *, fuel: int = ..., memory_bytes: int = ..., text_chars: int = ...
    ) -> None: ...
    @property
    def fuel(self) -> int: ...
    @property
    def memory_used(self) -> int: ...
    def call(self, function: str | int, args: Sequence[Any] = (), wanted: Type | int | str = "NONE") -> Any: ...
