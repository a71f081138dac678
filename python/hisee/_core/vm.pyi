"""Units and scripts; see core/hisee/_core/vm.pyx and docs/design/script-spine.md (S5)."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Literal, NamedTuple, Protocol, Self, type_check_only

from typing_extensions import disjoint_base

from hisee._core.cells import CellTable

DISPATCH: Literal["goto", "switch"]

class Status(IntEnum):
    DONE = 0
    SLICE = 1
    ACTION = 2
    FAILED = 3
    KILLED = 4

class UnitRejected(ValueError):
    offset: int
    text: str
    def __init__(self, offset: int, text: str) -> None: ...

class Container(NamedTuple):
    handle: int
    name: str
    items: int
    most: int
    bytes: int
    array: bool

class Parameter(NamedTuple):
    name: str
    mode: str
    type: str
    structure: str

class Procedure(NamedTuple):
    name: str
    kind: str
    parameters: tuple[Parameter, ...]

class Object(NamedTuple):
    name: str
    hbj: int
    type: str
    rows: int
    columns: int

class Variable(NamedTuple):
    name: str
    type: str
    number: int

class Structure(NamedTuple):
    name: str
    hbj: int
    columns: tuple[tuple[str, str], ...]

class Site(NamedTuple):
    kind: str
    number: int
    waits: bool
    arguments: tuple[tuple[str, str], ...]

class Pending(NamedTuple):
    number: int
    site: int
    line: int
    waits: bool
    payload: bytes

class Failure(NamedTuple):
    number: int
    name: str
    line: int
    procedure: str
    text: str
    limit: str
    extended: int

class CallFailed(RuntimeError):
    failure: Failure
    def __init__(self, failure: Failure) -> None: ...

@type_check_only
class World(Protocol):
    def now_ms(self) -> int: ...
    def tick_ms(self) -> float: ...
    def random(self) -> int: ...

@disjoint_base
class Unit:
    name: str
    sha256: str
    procedures: tuple[Procedure, ...]
    objects: tuple[Object, ...]
    variables: tuple[Variable, ...]
    structures: tuple[Structure, ...]
    sites: tuple[Site, ...]
    @property
    def fused(self) -> tuple[str, ...]: ...
    def __new__(cls, data: bytes, fused: bool = True) -> Self: ...

@disjoint_base
class Setting:
    def __new__(cls, limits: Mapping[str, int] | None, world: World | Any | None) -> Self: ...

@disjoint_base
class Scheduler:
    def __new__(cls, clock: Callable[[], int] | None = None) -> Self: ...
    def wake(self, script: Script, priority: int = 3) -> None: ...
    def go_on(self, script: Script) -> None: ...
    def round(self, for_ns: int) -> list[Any]: ...
    @property
    def ready(self) -> bool: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def next_ns(self) -> int | None: ...

@disjoint_base
class Script:
    unit: Unit
    owner: Any
    def __new__(cls, unit: Unit, cells: CellTable | None, variables: CellTable | None, limits: Mapping[str, int] | Setting | None,
                world: World | Any | None = None) -> Self: ...
    def start_init(self) -> None: ...
    def start(self, procedure: int, arguments: bytes = b"") -> None: ...
    def run(self, slice: int) -> Status: ...
    def function(self, name: str) -> Callable[..., Any]: ...
    @property
    def status(self) -> Status: ...
    @property
    def pending(self) -> Pending | None: ...
    def complete(self, payload: bytes = b"", extended: int = 0) -> None: ...
    def fail(self, error: int, extended: int = 0, text: str = "") -> None: ...
    def kill(self, text: str, limit_name: str = "") -> None: ...
    def results(self) -> bytes: ...
    @property
    def failure(self) -> Failure | None: ...
    @property
    def containers(self) -> list[Container]: ...
    @property
    def line(self) -> int: ...
    @property
    def chain(self) -> tuple[tuple[str, int], ...]: ...
    @property
    def woken_ns(self) -> int: ...
    @property
    def asleep(self) -> bool: ...
    @property
    def fuel_used(self) -> int: ...
    @property
    def memory_used(self) -> int: ...
    def take(self, handle: int) -> bytes: ...
    def give(self, data: bytes, handle: int = 0) -> int: ...
    def close(self) -> None: ...
