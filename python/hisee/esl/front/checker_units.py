# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Unit events and interfaces: texts of other objects that a script is compiled with.

Each unit variable is an instance of its own: its text is checked once more for it, so that every instance has symbols, and in the code
generator registers and procedures, that nobody else uses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hisee.esl.context import ObjectContext
from hisee.esl.diagnostics import Note
from hisee.esl.front import kinds as K
from hisee.esl.front.checker_actions import CHECKS
from hisee.esl.front.checker_expr import count_text
from hisee.esl.front.checker_structure import StructureChecker
from hisee.esl.front.expressions import SyntaxFault
from hisee.esl.front.lexer import Source, Tokens, fold, tokenize
from hisee.esl.front.nodes import TYPE_NAMES, Tree
from hisee.esl.front.parser import parse
from hisee.esl.front.symbols import Procedure
from hisee.esl.front.words import meant
from hisee.schema.limits import BY_NAME as LIMITS

MOST_UNITS = 64  # instances of one script, those of its units included


@dataclass(eq=False)
class UnitUse:
    """One unit variable: its name, its declaration, and the checked text of its unit event."""

    name: str
    node: int
    checked: UnitChecker


@dataclass(frozen=True)
class Header:
    """A procedure as an interface names it."""

    name: str
    parameters: tuple[tuple[str, bool], ...]  # type, IN

    def shown(self) -> str:
        words = [("IN " if given else "") + kind for kind, given in self.parameters]
        return f"RPC PROCEDURE {self.name}" + (f"({', '.join(words)})" if words else "")


class UnitChecker(StructureChecker):
    def __init__(self, source: Source, tokens: Tokens, tree: Tree, context: ObjectContext, name: str, part: int) -> None:
        super().__init__(source, tokens, tree, context, name, part)
        self.inside: tuple[str, ...] = ()  # unit events around this text
        self.foreign = False  # places of notes are those of another text
        self.full = False  # the limit of units is told

    def prepare(self) -> None:
        StructureChecker.prepare(self)
        self.units: dict[str, UnitUse] = {}
        self.interfaces: list[str] = []

    def note(self, start: int, end: int, text: str) -> Note:
        return Note(self.part, 0, 0, 0, text) if self.foreign else super().note(start, end, text)

    # units
    def declare_units(self) -> None:
        for node in self.tree.units:
            self._declare_unit(node)
            if self.full:
                break
        wrong = "RPC PROCEDURE" if self.context.kind == "unit" else "PUBLIC PROCEDURE"
        flags, place = (K.F_RPC | K.F_RPCX, "other events and pictures") if self.context.kind == "unit" else (K.F_PUBLIC, "unit events")
        for procedure in self.procedures[1:]:
            if procedure.flags & flags:
                self.error("ESL2011", procedure.node, construct=wrong, place=place)

    def _declare_unit(self, node: int) -> None:
        tree = self.tree
        name = self.spelled(tree.a[node])
        text = self._text_of(node, name, "unit")
        for local in tree.items(tree.b[node]) if text is not None else []:
            key = self.folded(local)
            if key in self.units or key in self.globals:
                self.error("ESL2002", node, name=self.spelled(local))
                continue
            checked = self._checked_unit(node, name, str(text))
            if checked is None:
                return
            self.units[key] = UnitUse(self.spelled(local), node, checked)

    def _text_of(self, node: int, name: str, kind: str) -> str | None:
        """Text of a unit event or an interface; None when an error was told."""
        directory = self.context.directory
        source = getattr(directory, "source", None)
        found = source(name) if source is not None else None
        if found is None:
            self.error("ESL3012", node, name=name, hint="" if directory else "objects need an application: `--app FOLDER`")
            return None
        if found[0] != kind:
            self.error("ESL2025", node, name=name, wanted="unit event" if kind == "unit" else "interface")
            return None
        return str(found[1])

    def _checked_unit(self, node: int, name: str, text: str) -> UnitChecker | None:
        if fold(name) in (*self.inside, fold(self.name)):
            self.error("ESL2026", node, name=name)
            return None
        if self._count() >= MOST_UNITS or len(self.inside) >= MOST_UNITS:
            self.error("ESL3016", node, text=f"more than {MOST_UNITS} units")
            self.full = True
            return None
        checked = self._part(name, text, replace(self.context, kind="unit", variables=(), refs={}, other_locals=frozenset()))
        wrong = next((d for d in checked.diagnostics if d.severity == "error"), None)
        if wrong is not None:
            self.error("ESL2027", node, name=name, text=f"line {wrong.line}: {wrong.message}")
            return None
        self.used_objects.update(checked.used_objects)
        return checked

    def _count(self) -> int:
        return sum(1 + use.checked._count() for use in self.units.values())

    def _part(self, name: str, text: str, context: ObjectContext) -> UnitChecker:
        """Another text, checked by a checker of the same kind."""
        source, tokens, tree, faults = _parsed(text)
        checked = type(self)(source, tokens, tree, context, name, 1)
        checked.inside = (*self.inside, fold(self.name))
        checked.check_all(faults)  # type: ignore[attr-defined]
        return checked

    def call_unit(self, node: int) -> None:
        tree = self.tree
        use = self.units.get(self.folded(tree.a[node]))
        args = tree.items(tree.c[node])
        if use is None:  # its declaration had an error
            for arg in args:
                self.check(arg)
            return
        procedure = use.checked.by_name.get(self.folded(tree.b[node]))
        if procedure is None or not procedure.flags & K.F_PUBLIC:
            public = [p.name for p in use.checked.procedures[1:] if p.flags & K.F_PUBLIC]
            hint = meant(self.spelled(tree.b[node]), public) or "public are: " + ", ".join(public)
            self.error("ESL2024", node, name=self.spelled(tree.b[node]), unit=use.checked.name, hint=hint)
            return
        self.foreign_arguments(node, procedure, args)

    def foreign_arguments(self, node: int, procedure: Procedure, args: list[int]) -> None:
        """Arguments for a procedure of another text."""
        wanted = len(procedure.parameters)
        if len(args) != wanted:
            self.error("ESL2007", node, name=procedure.name, wanted=count_text(wanted, wanted, "argument"), found=str(len(args)))
            return
        self.foreign = True
        for i, (arg, parameter) in enumerate(zip(args, procedure.parameters, strict=True)):
            self.argument(i + 1, procedure, parameter.symbol, parameter.mode, arg)
        self.foreign = False

    def bind_all(self) -> None:
        """Records are handed to the procedures of units too."""
        for use in self.units.values():
            self.handed += use.checked.handed
            self.bound += use.checked.bound
        StructureChecker.bind_all(self)

    # interfaces
    def implement_all(self) -> None:
        """IMPLEMENTATION I.X: every procedure of the interface stands here, as RPC or RPCX, with the same types and marks."""
        for node in self.tree.implements:
            if self.context.kind == "unit":
                self.error("ESL2011", node, construct="IMPLEMENTATION", place="other events and pictures")
                continue
            name = self.spelled(self.tree.a[node])
            self.interfaces.append(name)
            for header in self.interface_named(node, name).values():
                self._implemented(node, name, header)

    def _implemented(self, node: int, interface: str, header: Header) -> None:
        procedure = self.by_name.get(fold(header.name))
        if procedure is None or not procedure.flags & (K.F_RPC | K.F_RPCX):
            self.error("ESL2028", node, name=header.name, interface=interface, hint=f"add `{header.shown()}`")
        elif header_of(procedure).parameters != header.parameters:
            self.error("ESL2029", procedure.node, name=header.name, interface=interface, wanted=header.shown())

    def interface_named(self, node: int, name: str) -> dict[str, Header]:
        """Procedures of an interface by folded name; empty after an error was told."""
        text = self._text_of(node, name, "interface")
        if text is None:
            return {}
        checked = self._part(name, text, replace(self.context, kind="interface", variables=(), refs={}, other_locals=frozenset()))
        wrong = next((d for d in checked.diagnostics if d.severity == "error"), None)
        if wrong is not None:
            self.error("ESL2027", node, name=name, text=f"line {wrong.line}: {wrong.message}")
            return {}
        return {fold(p.name): header_of(p) for p in checked.procedures[1:]}

    def only_headers(self) -> None:
        """The text of an interface: procedures without bodies, and nothing else."""
        if self.context.kind != "interface":
            return
        tree = self.tree
        for node in [*tree.globals, *tree.units, *tree.init, *(n for p in tree.procedures for n in tree.items(tree.c[p]))]:
            self.error("ESL2030", node)
        for procedure in self.procedures[1:]:
            if not procedure.flags & (K.F_RPC | K.F_RPCX):
                self.error("ESL2030", procedure.node)

    def through_interface(self, node: int, interface: str, name: str, args: list[int]) -> None:
        """CALL [target]^I.X P(..): the procedure and the number and types of its arguments are known when the script is saved."""
        headers = self.interface_named(node, interface)
        header = headers.get(fold(name))
        if header is None:
            if headers:
                self.error("ESL2032", node, name=name, interface=interface, hint=meant(name, [h.name for h in headers.values()]))
            return
        wanted = len(header.parameters)
        if len(args) != wanted:
            self.error("ESL2007", node, name=header.name, wanted=count_text(wanted, wanted, "argument"), found=str(len(args)))


def _parsed(text: str) -> tuple[Source, Tokens, Tree, list[SyntaxFault]]:
    source, tokens = Source(text), tokenize(text, LIMITS["name_chars"].value)
    tree, faults, _ = parse(source, tokens, LIMITS["expression_nesting"].value)
    characters = [SyntaxFault(code, start, end, **values) for code, start, end, values in tokens.faults]  # type: ignore[arg-type]
    return source, tokens, tree, characters or faults


def header_of(procedure: Procedure) -> Header:
    kinds = []
    for parameter in procedure.parameters:
        symbol = parameter.symbol
        structure = f" ({symbol.struct.name})" if symbol.struct is not None and symbol.struct.name else ""
        kind = TYPE_NAMES[symbol.type] + (" NOALIAS" if symbol.noalias else "") + structure
        kinds.append((kind, parameter.mode == K.M_IN))
    return Header(procedure.name, tuple(kinds))


CHECKS.update({K.N_CALL_UNIT: UnitChecker.call_unit})
