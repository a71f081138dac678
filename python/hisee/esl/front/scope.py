# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Names of one part: what is declared where, and what a name means in a section. Base of the checker."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from hisee.esl.context import FROM_HIP_NUMBER, ObjectContext, ObjectEntry
from hisee.esl.diagnostics import Diagnostic, Note, make
from hisee.esl.front import kinds as K
from hisee.esl.front.expressions import SyntaxFault
from hisee.esl.front.lexer import Names, Source, Tokens, fold
from hisee.esl.front.nodes import Tree
from hisee.esl.front.rows import zeros
from hisee.esl.front.symbols import SPECIAL, UNTYPED, Parameter, Procedure, Struct, Symbol, local_of, type_of_word
from hisee.esl.front.words import RESERVED, meant
from hisee.schema import constants, errors

MOST_ERRORS = 100
SPECIAL_TYPES = {"ERR_NR": 2, "ERR_MSG": 5, "ERR_LINE": 2, "ERR_EXT": 2}
CONSTANTS = {fold(row.name): (type_of_word(row.type), row.value) for row in constants.ROWS}
CONSTANTS |= {fold(row.name): (K.V_INT, row.number) for row in errors.ROWS}


def _predefined() -> dict[str, Symbol]:
    table = {folded: Symbol(folded.upper(), K.S_SPECIAL, SPECIAL_TYPES[name], value=name) for folded, name in SPECIAL.items()}
    table |= {folded: Symbol(folded.upper(), K.S_CONST, kind, value=value) for folded, (kind, value) in CONSTANTS.items()}
    return table | {"_from_hip": Symbol("_FROM_HIP", K.S_PVAR, K.V_INT, index=FROM_HIP_NUMBER)}


PREDEFINED = _predefined()  # of every text; nothing is ever written to these symbols


class TooManyErrors(Exception):
    """The part has so many errors that looking on is of no use."""


def column_types(columns: Sequence[tuple[str, str]]) -> list[tuple[str, int]]:
    """A column of an unknown type is kept as text."""
    return [(name, kind if (kind := type_of_word(word)) != K.V_ANY else K.V_TEXT) for name, word in columns]


class Scope:
    """Reports, symbols and the directory. `section` 0 is the init part; n is the n-th procedure."""

    def __init__(self, source: Source, tokens: Tokens, tree: Tree, context: ObjectContext, name: str, part: int) -> None:
        self.source = source
        self.tokens = tokens
        self.tree = tree
        self.context = context
        self.name = name
        self.part = part
        self.names: Names = tokens.names
        self.diagnostics: list[Diagnostic] = []
        self.globals: dict[str, Symbol] = {}
        self.predefined = PREDEFINED
        self.pvars: dict[str, Symbol] = {}
        self.refs: dict[str, Symbol] = {}  # those that were asked for
        self.init = Procedure("", -1, 0, 0)
        self.procedures: list[Procedure] = [self.init]
        self.by_name: dict[str, Procedure] = {}
        self.here = self.init
        self.objects: dict[str, ObjectEntry | None] = {}
        self.structs: dict[str, Struct | None] = {}
        self.used_objects: dict[str, ObjectEntry] = {}
        self._errors = 0
        self._folded, self._spelled = self.names.folded, self.names.spelled
        self._meant: list[Symbol | None] = [None] * len(self._folded)  # by name, as the section below found it
        self._outer = zeros(tree.pooled)  # block -> the one around it
        self._section_of = array("i", [-1]) * len(self._folded)

    # reporting
    def report(self, code: str, start: int, end: int, *, label: str = "", hint: str = "", notes: list[Note] | None = None,
               **values: object) -> None:
        place = self.source.span(start, end)
        found = make(code, self.name, self.part, place, label=label, hint=hint, notes=notes or [], **values)
        self.diagnostics.append(found)
        self._errors += found.severity == "error"
        if self._errors >= MOST_ERRORS:
            raise TooManyErrors

    def error(self, code: str, node: int, *, label: str = "", hint: str = "", notes: list[Note] | None = None, **values: object) -> None:
        self.report(code, self.tree.start[node], self.tree.end[node], label=label, hint=hint, notes=notes, **values)

    def fault(self, fault: SyntaxFault) -> None:
        values = dict(fault.values)
        notes = []
        note = values.pop("note_at", None)
        if note is not None:
            notes.append(self.note(note[0], note[0] + 1, note[1]))  # type: ignore[index]
        self.report(fault.code, fault.start, fault.end, label=fault.label, hint=fault.hint, notes=notes, **values)

    def note(self, start: int, end: int, text: str) -> Note:
        line, column = self.source.place(start)
        return Note(self.part, line, column, column + max(1, end - start), text)

    def spelled(self, name: int) -> str:
        return self._spelled[name]

    def folded(self, name: int) -> str:
        return self._folded[name]

    def text(self, node: int) -> str:
        return self.source.text[self.tree.start[node]:self.tree.end[node]]

    # declarations
    def declare_all(self) -> None:
        self._declare_context()
        for node in self.tree.globals:
            self._declare(node, self.globals, 0)
        for node in self.tree.init:
            self._collect_from(node, self.init, K.NO_BLOCK)
        for node in self.tree.procedures:
            self._procedure(node)
        self._labels_against_procedures()

    def _declare_context(self) -> None:
        for i, (name, word) in enumerate(self.context.variables):
            self.pvars[fold(name)] = Symbol(name, K.S_PVAR, type_of_word(word), index=i + 1)

    def _declare(self, node: int, table: dict[str, Symbol], section: int) -> None:
        kind, struct, noalias = self.type_at(self.tree.a[node])
        tree = self.tree
        for at in range(tree.first(tree.b[node]), tree.behind(tree.b[node])):
            var = tree.pool[at]
            symbol = local_of(self.spelled(self.tree.a[var]), kind, section, struct, noalias)
            symbol.start = self.tree.start[var]
            symbol.end = symbol.start + len(symbol.name)
            symbol.initial = self.tree.b[var]
            symbol.public = self.tree.c[node] == K.D_PUBLIC
            self.add_symbol(table, symbol, self.folded(self.tree.a[var]))

    def add_symbol(self, table: dict[str, Symbol], symbol: Symbol, key: str) -> None:
        if key in self.predefined:
            self.report("ESL1010", symbol.start, symbol.end, name=symbol.name)
            return
        first = table.get(key)
        if first is not None:
            notes = [self.note(first.start, first.end, "first declared here")]
            self.report("ESL2002", symbol.start, symbol.end, name=symbol.name, notes=notes)
            return
        table[key] = symbol

    def type_at(self, node: int) -> tuple[int, Struct | None, bool]:
        kind, name, noalias = self.tree.a[node], self.tree.b[node], self.tree.c[node] == K.T_NOALIAS
        if name < 0:
            return kind, UNTYPED if kind == K.V_RECORD else None, noalias
        struct = self.struct_named(self.spelled(name), node)
        return kind, struct.values() if noalias and struct is not None else struct, noalias

    def _procedure(self, node: int) -> None:
        procedure = Procedure(self.spelled(self.tree.a[node]), node, len(self.procedures), self.tree.d[node])
        self.procedures.append(procedure)
        key = self.folded(self.tree.a[node])
        first = self.by_name.get(key)
        if first is not None:
            notes = [self.note(self.tree.start[first.node], self.tree.end[first.node], "first declared here")]
            self.error("ESL2002", node, name=procedure.name, notes=notes)
        else:
            self.by_name[key] = procedure
        for param in self.tree.items(self.tree.b[node]):
            self._parameter(procedure, param)
        self._collect(self.tree.c[node], procedure, K.NO_BLOCK)

    def _parameter(self, procedure: Procedure, node: int) -> None:
        kind, struct, noalias = self.type_at(self.tree.a[node])
        symbol = local_of(self.spelled(self.tree.b[node]), kind, procedure.index, struct, noalias)
        symbol.given = True
        symbol.handle = self.tree.c[self.tree.a[node]] == K.T_HANDLE
        symbol.end = self.tree.end[node]
        symbol.start = symbol.end - len(symbol.name)
        procedure.parameters.append(Parameter(symbol, self.tree.c[node]))
        self.add_symbol(procedure.locals, symbol, self.folded(self.tree.b[node]))

    def _collect(self, number: int, procedure: Procedure, block: int) -> None:
        """Declarations and labels of a section, whatever block they stand in."""
        tree = self.tree
        for at in range(tree.first(number), tree.behind(number)):
            self._collect_from(tree.pool[at], procedure, block)

    def _collect_block(self, number: int, procedure: Procedure, outer: int) -> None:
        """The list of a loop or branch; its number is that of the block."""
        if number >= 0:
            self._outer[number] = outer
            self._collect(number, procedure, number)

    def _collect_from(self, node: int, procedure: Procedure, block: int) -> None:
        tree = self.tree
        kind = tree.kind[node]
        if kind == K.N_DECL:
            self._declare(node, procedure.locals if procedure.index else self.globals, procedure.index)
        elif kind == K.N_LABEL:
            self._label(node, procedure, block)
        elif kind == K.N_IF:
            for at in range(tree.first(tree.a[node]) + 1, tree.behind(tree.a[node]), 2):
                self._collect_block(tree.pool[at], procedure, block)
            self._collect_block(tree.b[node], procedure, block)
        elif kind in (K.N_FOR, K.N_FOR_RANGE, K.N_LOOP):
            self._collect_block(tree.d[node], procedure, block)

    def is_inside(self, block: int, around: int) -> bool:
        """Is a block the one that is asked for, or does it stand somewhere inside that?"""
        while block != around and block != K.NO_BLOCK:
            block = self._outer[block]
        return block == around

    def _label(self, node: int, procedure: Procedure, block: int) -> None:
        name = self.tree.a[node]
        first = procedure.labels.get(self.folded(name))
        if first is not None:
            notes = [self.note(self.tree.start[first[0]], self.tree.end[first[0]], "first declared here")]
            self.error("ESL2002", node, name=self.spelled(name), notes=notes)
            return
        procedure.labels[self.folded(name)] = (node, block)

    def _labels_against_procedures(self) -> None:
        for procedure in self.procedures:
            for key, (node, _) in procedure.labels.items():
                other = self.by_name.get(key)
                if other is not None:
                    notes = [self.note(self.tree.start[other.node], self.tree.end[other.node], "declared here")]
                    self.error("ESL2002", node, name=other.name, notes=notes)

    # looking up
    def symbol_of(self, name: int, node: int) -> Symbol | None:
        if self._section_of[name] != self.here.index:
            self._meant[name] = self._look_up_name(name, node)
            self._section_of[name] = self.here.index
        return self._meant[name]

    def _look_up_name(self, name: int, node: int) -> Symbol:
        key = self.folded(name)
        for table in (self.here.locals, self.globals, self.pvars):
            found: Symbol | None = table.get(key)
            if found is not None:
                return found
        found = self.ref_of(key) or self.predefined.get(key)
        if found is not None:
            return found
        spelled = self.spelled(name)
        if key in self.context.other_locals:
            self.error("ESL2012", node, name=spelled)
        else:
            self.error("ESL2001", node, name=spelled, hint=meant(spelled, self._known_names()))
        symbol = self.here.locals[key] = Symbol(spelled, K.S_LOCAL, 0, self.here.index)  # told once per section
        return symbol

    def ref_of(self, key: str) -> Symbol | None:
        """A graphical object by its folded name with the underscore; most texts use few of those that the picture has."""
        found = self.refs.get(key)
        if found is None and self.context.refs:
            name = self.context.folded_refs.get(key[1:])
            if name is not None:
                found = self.refs[key] = Symbol("_" + name, K.S_REF, K.V_INT, value=self.context.refs[name])
        return found

    def _known_names(self) -> list[str]:
        tables = (self.here.locals, self.globals, self.pvars, self.predefined)
        names = [symbol.name for table in tables for symbol in table.values() if symbol.type]
        return names + ["_" + name for name in self.context.refs]

    def object_named(self, spelled: str, node: int) -> ObjectEntry | None:
        key = fold(spelled)
        if key not in self.objects:
            self.objects[key] = self._look_up(spelled, node)
        entry = self.objects[key]
        if entry is not None:
            self.used_objects[entry.name] = entry
        return entry

    def _look_up(self, spelled: str, node: int) -> ObjectEntry | None:
        directory = self.context.directory
        if directory is None:
            self.error("ESL3012", node, name=spelled, hint="objects need an application: `--app FOLDER`")
            return None
        if fold(spelled) in RESERVED:
            self.error("ESL1010", node, name=spelled)
            return None
        entry = directory.object(spelled)
        if entry is None:
            self.error("ESL3012", node, name=spelled, hint=self._nearest_object(spelled))
        return entry

    def _nearest_object(self, spelled: str) -> str:
        directory = self.context.directory
        hint = meant(spelled, directory.names()) if directory else ""
        entry = directory.object(hint.split("`")[1]) if directory and hint.count("`") == 2 else None
        return hint.replace("?", f" ({entry.value_type or entry.kind})?") if entry else hint

    def struct_named(self, spelled: str, node: int) -> Struct | None:
        key = fold(spelled)
        if key not in self.structs:
            directory = self.context.directory
            entry = directory.object(spelled) if directory else None
            if entry is None or not entry.columns:
                hint = self._nearest_object(spelled) if directory else "structures need an application: `--app FOLDER`"
                self.error("ESL3014", node, name=spelled, hint=hint)
                self.structs[key] = None
            else:
                self.structs[key] = Struct(entry.name, entry.hbj, column_types(entry.columns))
        return self.structs[key]

    def struct_of(self, entry: ObjectEntry) -> Struct | None:
        """Structure of a structured object or table; None for a simple one."""
        if not entry.structure and not entry.columns:
            return None
        name = entry.structure or entry.name
        key = fold(name)
        if self.structs.get(key) is None:
            directory = self.context.directory
            sd = directory.object(name) if directory else None
            columns = (sd.columns if sd and sd.columns else None) or entry.columns
            self.structs[key] = Struct(sd.name if sd else name, sd.hbj if sd else entry.hbj, column_types(columns))
        return self.structs[key]

    def is_entry(self, procedure: Procedure) -> bool:
        return bool(procedure.flags & (K.F_ENTRY | K.F_ENTRYX))

    def is_synchronous(self, procedure: Procedure) -> bool:
        return self.is_entry(procedure) and any(p.mode != K.M_IN for p in procedure.parameters)
