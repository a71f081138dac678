"""What the compiler is told about the world of one object: its kind, its graphical objects and the objects it may name.

Pure data. The model fills it; the compiler never looks anything up by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from hisee.esl.front.lexer import fold

OWN_PROCESS = 0xFFFFFF00  # SELF.X as an object number: this + the number of kind X; the server reads it as "of the caller's node"
FROM_HIP_NUMBER = 0xFFFF  # _FROM_HIP is the picture variable of this number; the host gives it the console's number, or 0


@dataclass(frozen=True, slots=True)
class Foreign:
    """The C function that an external function object stands for. Types are words of the language; `result` "" = it has none;
    `seconds`: its deadline, None = that of the system."""

    library: str  # absolute path
    declaration: str  # a header
    function: str
    parameters: tuple[str, ...] = ()
    result: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One object of the system. `columns`, `rows`, `key` and `structure` (name of the SD) are for structured objects and
    tables; for a structure definition itself `columns` are its own. `access`: "" | "r" | "rw". `foreign`: of an external function."""

    name: str
    hbj: int
    kind: str
    value_type: str = ""
    columns: Sequence[tuple[str, str]] = ()
    rows: int = 0
    key: Sequence[str] = ()
    structure: str = ""
    access: str = "rw"
    foreign: Foreign | None = None


class Directory(Protocol):
    """Objects by name, spelled in any case. A directory may also have `source(name) -> (kind, text) | None`: the texts of unit events
    (kind "unit") and interfaces ("interface") that scripts are compiled with."""

    def object(self, name: str) -> ObjectEntry | None: ...
    def names(self) -> Iterable[str]: ...


@dataclass(frozen=True)
class ObjectContext:
    """kind: "picture" | "event" | "unit" | "interface" | "script". `refs`: graphical objects, name without underscore -> number.
    `variables`: picture variables (name, type) in the order of their indices; `server_script`: is there a part R?
    `other_locals`: names declared by the other part's text; compile_object fills it."""

    kind: str = "script"
    server_script: bool = True
    refs: Mapping[str, int] = field(default_factory=dict)
    variables: Sequence[tuple[str, str]] = ()
    directory: Directory | None = None
    other_locals: frozenset[str] = frozenset()

    @cached_property
    def folded_refs(self) -> dict[str, str]:
        """Names of the graphical objects by the form in which names are compared."""
        return {fold(name): name for name in self.refs}

    def beside(self, others: frozenset[str]) -> ObjectContext:
        """The context of a part beside one that declares these names."""
        if others == self.other_locals:
            return self
        near = replace(self, other_locals=others)
        vars(near)["folded_refs"] = self.folded_refs  # what was folded for one part is known to the other
        return near
