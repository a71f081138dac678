# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Checker: the whole part. Declares, then checks each section action by action; codegen relies on what it left."""

from __future__ import annotations

from hisee.esl.context import ObjectContext
from hisee.esl.diagnostics import make
from hisee.esl.front import kinds as K
from hisee.esl.front.checker_calls import CallChecker
from hisee.esl.front.expressions import SyntaxFault
from hisee.esl.front.lexer import Source, Tokens, fold
from hisee.esl.front.nodes import Tree
from hisee.esl.front.scope import MOST_ERRORS, TooManyErrors
from hisee.esl.front.symbols import Procedure, Symbol
from hisee.esl.front.words import meant
from hisee.esl.optimisations import FOLD, NONE
from hisee.schema import events

EVENTS = {fold(row.name): row for row in events.ROWS}
MODES = {"IN": 1, "INOUT": 0, "OUT": 2}
SLOTS = {"BOOL": 1, "INT": 2, "REAL": 3, "TIME": 4, "TEXT": 5, "RECORD": 6}


class Checker(CallChecker):
    """check_all() leaves types, places, symbols and diagnostics."""

    def check_all(self, faults: list[SyntaxFault]) -> None:
        try:
            self.prepare()
            for fault in faults:
                self.fault(fault)
            self.declare_all()
            self.public_variables()
            self.declare_units()
            self.implement_all()
            self.only_headers()
            for procedure in self.procedures:
                self.begin_section()
                self._section(procedure)
                self.end_section()
            self.bind_all()
        except TooManyErrors:
            last = self.diagnostics[-1]
            place = (last.line, last.column, last.end_line, last.end_column)
            self.diagnostics.append(make("ESL1012", self.name, self.part, place, limit=MOST_ERRORS))

    def _section(self, procedure: Procedure) -> None:
        self.here = procedure
        if procedure.index:
            self._header(procedure)
            self.items_of(self.tree.c[procedure.node], K.NO_BLOCK)
            return
        for node in self.tree.globals:
            self.declaration(node)
        self.items(self.tree.init)

    def declaration(self, node: int) -> None:
        """Initial values: literals, functions and earlier constants; a value known now is used in place."""
        tree = self.tree
        for at in range(tree.first(tree.b[node]), tree.behind(tree.b[node])):
            var = tree.pool[at]
            value = tree.b[var]
            if value < 0:
                continue
            table = self.here.locals if self.here.index else self.globals
            symbol = table.get(self.folded(self.tree.a[var]))
            if symbol is None or symbol.initial != value:
                continue
            self._initial(symbol, value)

    def _initial(self, symbol: Symbol, value: int) -> None:
        if symbol.type in (K.V_RECORD, K.V_OBJECT):
            self.error("ESL1001", value, wanted="the end of the line", found="an initial value",
                       hint="structures and aliases have no initial value")
            symbol.initial = -1  # no constant: what is written to it is no second mistake
            return
        self.lenient = True
        kind = self.check(value)
        self.lenient = False
        self.convertible(value, kind, symbol.type)
        known = self.known[value]
        if known is not None and kind == symbol.type:
            symbol.value = known
        elif isinstance(known, int) and not isinstance(known, bool) and symbol.type == 3:
            symbol.value = float(known)

    # headers
    def _header(self, procedure: Procedure) -> None:
        if procedure.flags & (K.F_ENTRY | K.F_ENTRYX):
            self._entry(procedure)

    def _entry(self, procedure: Procedure) -> None:
        if self.context.kind not in ("picture", "event"):
            self.error("ESL2011", procedure.node, construct="ENTRY", place="pictures and client-and-server events")
            return
        row, ref = self._event_of(procedure)
        if row is None:
            return
        procedure.event = row.name
        if self.context.kind == "event" and not row.local:
            self.error("ESL2011", procedure.node, construct=f"event `{row.name}`", place="pictures")
            return
        ref = self._graphical(procedure, ref) if ref else ""
        if row.local and self.part != 1:
            self.error("ESL2020", procedure.node, name=row.name)
        procedure.name = f"{ref}_{row.name}" if ref else row.name
        self._event_parameters(procedure, row, ref)
        if procedure.flags & K.F_ENTRYX and (not row.entryx or self.is_synchronous(procedure)):
            self.error("ESL2010", procedure.node, name=row.name)

    def _event_of(self, procedure: Procedure) -> tuple[events.PictureEventRow | None, str]:
        """The event and the name of the graphical object, split at the last `_` before a known event."""
        name = procedure.name
        row = EVENTS.get(fold(name))
        if row is not None and row.form != "special":
            return row, ""
        for at in range(len(name) - 1, 0, -1):
            row = EVENTS.get(fold(name[at + 1:])) if name[at] == "_" else None
            if row is not None and row.form != "picture":
                return row, name[:at]
        tail = name.rsplit("_", 1)[-1]
        self.error("ESL2008", procedure.node, name=name, hint=meant(tail, [r.name for r in events.ROWS]))
        return None, ""

    def _graphical(self, procedure: Procedure, ref: str) -> str:
        symbol = self.ref_of(fold("_" + ref))
        if symbol is None:
            hint = meant(ref, list(self.context.refs))
            self.error("ESL2013", procedure.node, name=ref, hint=hint)
            return ref
        return symbol.name[1:]

    def _event_parameters(self, procedure: Procedure, row: events.PictureEventRow, ref: str) -> None:
        wanted = list(row.parameters)
        if ref and wanted and fold(wanted[0][0]) == "_refid":
            wanted = wanted[1:]
        fits = len(procedure.parameters) <= len(wanted)
        for parameter, (_, mode, kind) in zip(procedure.parameters, wanted, strict=False):
            fits = fits and parameter.symbol.type == SLOTS[kind] and (parameter.mode == K.M_IN or mode != "IN")
        if not fits:
            head = "ENTRYX" if procedure.flags & K.F_ENTRYX else "ENTRY"
            listed = ", ".join(f"{'' if m == 'INOUT' else m + ' '}{k} {n}" for n, m, k in wanted)
            listed = f"({listed})" if listed else ""
            self.error("ESL2009", procedure.node, name=row.name, wanted=f"{head} {procedure.name}{listed}")


def check(source: Source, tokens: Tokens, tree: Tree, faults: list[SyntaxFault], context: ObjectContext, name: str, part: int,
          without: frozenset[str] = NONE) -> Checker:
    """Check one part; `faults` are the syntax errors to report first, `without` the optimisations to leave out."""
    checker = Checker(source, tokens, tree, context, name, part)
    checker.folds = FOLD not in without
    checker.check_all(faults)
    return checker
