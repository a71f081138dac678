"""Compiling objects: source texts of the parts in, units or diagnostics out. Pure: no files, no clocks, no processes."""

from __future__ import annotations

import gc
import sys
import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from hisee.esl.context import ObjectContext
from hisee.esl.diagnostics import Diagnostic, make
from hisee.esl.front.checker import Checker, check
from hisee.esl.front.codegen import generate
from hisee.esl.front.expressions import SyntaxFault
from hisee.esl.front.kinds import F_RPC, F_RPCX
from hisee.esl.front.lexer import Source, Tokens, tokens_of
from hisee.esl.front.parser import declared_names, parse
from hisee.esl.optimisations import NONE
from hisee.esl.pair import pair_diagnostics
from hisee.esl.unit import UnitLimit
from hisee.schema.limits import BY_NAME as LIMITS

LOCAL, REMOTE = 1, 2
FRAMES = 10_000  # Python calls that the deepest allowed nesting may take when the compiler runs uncompiled
NEW_OBJECTS = 50_000  # between two looks of the collector; at Python's 700 they took a third of the time of 50,000 lines


@dataclass
class CompiledPart:
    """One part. `unit` is empty when there is an error; `checked` is what the pair rules look at."""

    ok: bool
    unit: bytes
    diagnostics: list[Diagnostic]
    handlers: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)  # that IMPLEMENTATION names
    checked: Checker | None = None


@dataclass
class Compiled:
    """One object. `handlers` and `objects`: per part the handled events and the names of the objects it uses."""

    ok: bool
    units: dict[int, bytes]
    diagnostics: list[Diagnostic]
    handlers: dict[int, list[str]]
    objects: dict[int, list[str]]
    procedures: dict[int, list[str]] = field(default_factory=dict)  # per part: what other objects may call
    interfaces: dict[int, list[str]] = field(default_factory=dict)


class _Room:
    """Python's own limits while anything is compiled. Nesting: the language's limit must end a text, not Python's. Collector: a compile
    makes many objects and hardly any garbage in circles, so it is asked to look less often; a thread beside loses nothing by that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._frames = 0
        self._objects = (0, 0, 0)

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._frames, self._objects = sys.getrecursionlimit(), gc.get_threshold()
                sys.setrecursionlimit(max(self._frames, FRAMES))
                young, *older = self._objects
                gc.set_threshold(max(young, NEW_OBJECTS) if young else 0, *older)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setrecursionlimit(self._frames)
                gc.set_threshold(*self._objects)


ROOM = _Room()


def compile_source(text: str, *, name: str, context: ObjectContext, part: int = LOCAL, without: frozenset[str] = NONE) -> CompiledPart:
    """Compile one part by itself: no pair rules. `without`: optimisations left out (hisee.esl.optimisations)."""
    with ROOM:
        return _finish(_check(_read(text, name, part), name, context, part, without), without)


def check_source(text: str, *, name: str, context: ObjectContext, part: int = LOCAL) -> CompiledPart:
    """Everything but code for one part: what an editor wants to know while somebody types."""
    with ROOM:
        return _check(_read(text, name, part), name, context, part)


def compile_object(name: str, parts: dict[int, str], context: ObjectContext) -> Compiled:
    """Compile the parts of an object together. A remote part that is absent or switched off is not compiled."""
    with ROOM:
        return _compile_object(name, parts, context)


def _compile_object(name: str, parts: dict[int, str], context: ObjectContext) -> Compiled:
    read = {part: _read(text, name, part) for part, text in parts.items() if part == LOCAL or part == REMOTE and context.server_script}
    done = {part: _check(one, name, _seeing(context, part, read), part) for part, one in read.items()}
    pair = pair_diagnostics({part: p.checked for part, p in done.items() if p.checked is not None})
    clean = not any(d.severity == "error" for d in pair)
    for p in done.values():
        p.ok = p.ok and clean
        _finish(p)
    diagnostics = [d for part in sorted(done) for d in done[part].diagnostics] + pair
    ok = clean and all(p.ok for p in done.values())
    units = {part: p.unit for part, p in done.items()} if ok else {}
    return Compiled(ok, units, diagnostics, {n: p.handlers for n, p in done.items()}, {n: p.objects for n, p in done.items()},
                    {n: _called_from_outside(p.checked) for n, p in done.items() if p.checked is not None},
                    {n: p.interfaces for n, p in done.items()})


class _Read(NamedTuple):
    """A text cut into tokens. `refusal`: why it is not looked at further."""

    source: Source
    tokens: Tokens
    refusal: Diagnostic | None


def _read(text: str, name: str, part: int) -> _Read:
    source = _source(text)
    return _Read(source, tokens_of(source, LIMITS["name_chars"].value), _refused(text, name, part))


def _source(text: str) -> Source:
    """No more of a text than one that is compiled may have."""
    return Source(text[: LIMITS["source_bytes"].value])


def _check(read: _Read, name: str, context: ObjectContext, part: int, without: frozenset[str] = NONE) -> CompiledPart:
    """Parser and checker; no code yet."""
    if read.refusal is not None:
        return CompiledPart(False, b"", [read.refusal])
    source, tokens = read.source, read.tokens
    tree, faults, warnings = parse(source, tokens, LIMITS["expression_nesting"].value)
    characters = [SyntaxFault(code, start, end, **values) for code, start, end, values in tokens.faults]  # type: ignore[arg-type]
    checked = check(source, tokens, tree, _one_cause(characters, faults, source) + warnings, context, name, part, without)
    diagnostics = sorted(checked.diagnostics, key=_place) if checked.diagnostics else []
    ok = not any(d.severity == "error" for d in diagnostics)
    return CompiledPart(ok, b"", diagnostics, _handlers(checked), sorted(checked.used_objects), checked.interfaces, checked)


def _finish(part: CompiledPart, without: frozenset[str] = NONE) -> CompiledPart:
    """Code of a part without errors."""
    if not part.ok or part.checked is None:
        return part
    try:
        part.unit = generate(part.checked, without)
    except UnitLimit as limit:
        checked = part.checked
        part.ok = False
        part.diagnostics.append(make("ESL3016", checked.name, checked.part, (1, 1, 1, 2), text=str(limit)))
    return part


def _refused(text: str, name: str, part: int) -> Diagnostic | None:
    """A text that is too long, or that no file can hold."""
    limit = LIMITS["source_bytes"].value
    try:
        size = len(text) if text.isascii() or len(text) > limit else len(text.encode())
    except UnicodeEncodeError as surrogate:
        at = surrogate.start
        line = text.count("\n", 0, at) + 1
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        return make("ESL0008", name, part, (line, column, line, column + 1))
    return make("ESL0005", name, part, (1, 1, 1, 2), limit=limit) if size > limit else None


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return diagnostic.line, diagnostic.column


def _one_cause(characters: list[SyntaxFault], faults: list[SyntaxFault], source: Source) -> list[SyntaxFault]:
    """A bad character explains the syntax error on its line."""
    if not characters:
        return faults
    told = {source.line(f.start) for f in characters}
    return characters + [f for f in faults if source.line(f.start) not in told]


def _handlers(checked: Checker) -> list[str]:
    return [p.name for p in checked.procedures[1:] if p.event]


def _called_from_outside(checked: Checker) -> list[str]:
    return [p.name for p in checked.procedures[1:] if p.flags & (F_RPC | F_RPCX)]


def declared_locals(text: str) -> frozenset[str]:
    """Names that a text declares for itself: enough to tell a person where a name lives."""
    return declared_names(tokens_of(_source(text), LIMITS["name_chars"].value))


def _seeing(context: ObjectContext, part: int, read: dict[int, _Read]) -> ObjectContext:
    """What the compiler of a part is told: what the other part declares as well."""
    if len(read) == 1:
        return context.beside(frozenset())
    return context.beside(frozenset().union(*[declared_names(one.tokens) for number, one in read.items() if number != part]))
