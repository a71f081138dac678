# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Checking actions: targets, operands, jumps, calls, database operands."""

from __future__ import annotations

from collections.abc import Callable

from hisee.esl.front import kinds as K
from hisee.esl.front.checker_db import DatabaseChecker
from hisee.esl.front.checker_expr import count_text, is_number
from hisee.esl.front.lexer import fold
from hisee.esl.front.nodes import TYPE_NAMES
from hisee.esl.front.symbols import UNTYPED, Place, Procedure, Symbol
from hisee.esl.front.words import meant


class ActionChecker(DatabaseChecker):
    """items() checks a list of actions; `block` is the number of that list where it is the body of a loop or branch, else NO_BLOCK."""

    def prepare(self) -> None:
        DatabaseChecker.prepare(self)
        self.loops = 0
        self.through: set[int] = set()  # SET AS that follow the reference an item holds
        self.handed: list[tuple[Symbol, Symbol]] = []  # whole records handed to parameters: actual, formal
        self.untyped_arguments: list[tuple[int, Place, Symbol]] = []  # argument, its record, the parameter: one of them has no structure

    def items(self, items: list[int]) -> None:
        for node in items:
            self._item_of_section(node, K.NO_BLOCK)

    def items_of(self, number: int, block: int) -> None:
        """A stored list of actions; -1 is an empty one."""
        tree = self.tree
        for at in range(tree.first(number), tree.behind(number)):
            self._item_of_section(tree.pool[at], block)

    def _body(self, number: int) -> None:
        """The list of a loop or branch."""
        self.items_of(number, number)

    def _item_of_section(self, node: int, block: int) -> None:
        tree = self.tree
        kind = tree.kind[node]
        if kind == K.N_ASSIGN:
            self._assign(node)
        elif kind == K.N_IF:
            self._if(node)
        elif kind in (K.N_FOR, K.N_FOR_RANGE, K.N_LOOP):
            self._loop(node, kind)
        elif kind == K.N_CALL:
            self._call(node)
        elif kind == K.N_FUNC_ACTION:
            self.typ[tree.a[node]] = self.function(tree.a[node], True)
        elif kind == K.N_DB:
            self.database(node)
        else:
            self._other_item(node, kind, block)

    def _other_item(self, node: int, kind: int, block: int) -> None:
        tree = self.tree
        if kind == K.N_GOTO:
            self.jump(node, tree.a[node], block)
        elif kind == K.N_IF_GOTO:
            self.condition(tree.a[node])
            self.jump(node, tree.b[node], block)
        elif kind in JUMPS:
            JUMPS[kind](self, node, block)
        elif kind == K.N_ON_ERROR:
            self.mark(node)
            if tree.a[node] == K.E_LABEL:
                self.jump(node, tree.b[node], block)
        elif kind in CHECKS:
            CHECKS[kind](self, node)

    def declaration(self, node: int) -> None:
        raise NotImplementedError

    def change_place(self, node: int) -> Place | None:
        raise NotImplementedError

    # control
    def condition(self, node: int) -> None:
        """Any simple type compiles: that a condition is no BOOL is found when it runs."""
        kind = self.check(node)
        if kind in (K.V_RECORD, K.V_OBJECT):
            self.error("ESL3002", node, wanted="BOOL", found=TYPE_NAMES[kind])

    def _if(self, node: int) -> None:
        tree = self.tree
        for at in range(tree.first(tree.a[node]), tree.behind(tree.a[node]), 2):
            condition = tree.pool[at]
            if tree.kind[condition] != K.N_BAD:
                self.condition(condition)
            self._body(tree.pool[at + 1])
        self._body(tree.b[node])

    def _loop(self, node: int, kind: int) -> None:
        tree = self.tree
        if kind != K.N_LOOP:
            self.counter(node)
            if kind == K.N_FOR_RANGE:
                self._range(tree.b[node])
            else:
                self._number(tree.b[node])
                self._number(tree.c[node])
        self.loops += 1
        self._body(tree.d[node])
        self.loops -= 1

    def counter(self, node: int) -> None:
        symbol = self.symbol_of(self.tree.a[node], node)
        if symbol is None or symbol.type == K.V_NONE:
            return
        if symbol.kind != K.S_LOCAL or symbol.type != K.V_INT or symbol.initial >= 0:
            found = "a constant" if symbol.initial >= 0 else TYPE_NAMES[symbol.type] if symbol.kind == K.S_LOCAL else "no local variable"
            self.error("ESL3009", node, name=symbol.name, found=found)

    def _range(self, node: int) -> None:
        place = self.place(node)
        if place is not None and place.kind != K.P_WHOLE and not (place.kind == K.P_CELL and place.whole):
            self.error("ESL3017", node, what=place.shown())

    def _number(self, node: int) -> None:
        kind = self.check(node)
        if not is_number(kind) and kind not in (K.V_ANY, K.V_NONE):
            self.error("ESL3002", node, wanted="a number", found=TYPE_NAMES[kind])

    def _exit_loop(self, node: int) -> None:
        if not self.loops:
            self.error("ESL2018", node)
        if self.tree.a[node] >= 0:
            self.condition(self.tree.a[node])

    def jump(self, node: int, name: int, block: int) -> None:
        found = self.here.labels.get(self.folded(name))
        if found is None:
            spelled = self.spelled(name)
            labels = [self.spelled(self.tree.a[n]) for n, _ in self.here.labels.values()]
            self.error("ESL2004", node, name=spelled, hint=meant(spelled, labels))
            return
        label, around = found
        if not self.is_inside(block, around):
            notes = [self.note(self.tree.start[label], self.tree.end[label], "the label stands inside a block")]
            self.error("ESL2005", node, notes=notes)

    def mark(self, node: int) -> None:
        """ON ERROR, RETRY or RESUME: whether it may stand here is known at the end of the section."""
        raise NotImplementedError

    def _again(self, node: int) -> None:
        self.mark(node)

    # targets
    def target(self, node: int, why: str = "") -> Place | None:
        """A place that takes a single value; constants, structures and system names are refused."""
        place = self.place(node)
        if place is None:
            return None
        if place.kind == K.P_CONST:
            symbol = place.symbol
            if symbol is not None and symbol.initial >= 0:
                notes = [self.note(symbol.start, symbol.end, "declared with a value here")]
                self.error("ESL3003", node, name=place.name, notes=notes)
            else:
                self.error("ESL3004", node, what=f"`{place.name}`")
            return None
        if place.type == K.V_RECORD or place.kind == K.P_WHOLE:
            self.error("ESL3005", node)
            return None
        if place.kind == K.P_CELL and (place.base == "self" or getattr(place.entry, "access", "rw") == "r"):
            self.error("ESL3004", node, what=f"`{place.name}`")
            return None
        return place

    def _assign(self, node: int) -> None:
        tree = self.tree
        place = self.target(tree.a[node])
        kind = self.check(tree.b[node])
        if place is not None:
            self.convertible(tree.b[node], kind, place.type)
            self.flags_carried(place, tree.b[node])
        if tree.c[node] >= 0:
            self.convertible(tree.c[node], self.check(tree.c[node]), K.V_TIME)

    def out(self, node: int, kind: int) -> Place | None:
        """A variable that receives a value of type `kind`."""
        if self.tree.kind[node] not in (K.N_LOCAL, K.N_OBJECT, K.N_INDEX, K.N_COLUMN, K.N_PAREN):
            self.error("ESL3002", node, wanted="a variable", found="a value")
            return None
        place = self.target(node)
        if place is not None:
            self.convertible(node, kind, place.type)
        return place

    # structures and links
    def structure(self, node: int) -> Place | None:
        """A row or a whole structure."""
        place = self.place(node)
        if place is None:
            return None
        if place.type != K.V_RECORD or place.struct is None or place.kind == K.P_COLUMN:
            found = place.shown() if place.kind == K.P_COLUMN else TYPE_NAMES[place.type]
            self.error("ESL3002", node, wanted="a row or structure", found=found)
            return None
        return place

    def _set_with(self, node: int) -> None:
        left, right = self.structure(self.tree.a[node]), self.structure(self.tree.b[node])
        if left is None or right is None:
            return
        self.same_structure(node, left, right)
        if self.is_row(left) != self.is_row(right):
            self.error("ESL3006", node)
        if left.kind == K.P_CELL or left.struct is not None and left.struct.links:
            self.needs_structure(self.tree.b[node], right, "SET .. WITH into an object")

    def same_structure(self, node: int, left: Place, right: Place) -> bool:
        if left.struct is None or right.struct is None or fold(left.struct.name) == fold(right.struct.name):
            return True
        if UNTYPED in (left.struct, right.struct):
            return True
        self.error("ESL3007", node, left=left.struct.name, right=right.struct.name)
        return False

    def _set_as(self, node: int) -> None:
        tree = self.tree
        target = self.place(tree.a[node])
        if target is None:
            return
        if target.kind in (K.P_WHOLE, K.P_ROW, K.P_COLUMN):
            self.set_as_structure(node, target)
            return
        if not (target.kind == K.P_CELL and target.base in ("alias", "item") and target.index < 0):
            self.error("ESL3010", tree.a[node], found=target.shown())
            return
        source = self.place(tree.b[node]) if tree.b[node] >= 0 else None
        if source is not None:
            self._link(node, target, source)

    def _holds_reference(self, source: Place) -> bool:
        """An Object item of an object: without DIRECT what it refers to is meant, not the item."""
        if source.column < 0 or source.base not in ("name", "alias"):
            return False
        struct = self.struct_of(source.entry) if source.base == "name" else source.symbol.struct  # type: ignore[arg-type, union-attr]
        return struct is not None and struct.columns[source.column][1] == K.V_OBJECT

    def set_as_structure(self, node: int, target: Place) -> None:
        raise NotImplementedError

    def _link(self, node: int, target: Place, source: Place) -> None:
        if source.kind != K.P_CELL:
            self.error("ESL3010", self.tree.b[node], found=source.shown())
            return
        if not self.tree.d[node] and self._holds_reference(source):
            self.through.add(node)
        if target.struct is not None and source.base != "hbj":
            if source.struct is None:
                self.error("ESL3002", self.tree.b[node], wanted=f"a structure `{target.struct.name}`", found=source.shown())
            else:
                self.same_structure(node, target, source)

    def is_structured_object(self, place: Place) -> bool:
        """A whole object with rows, which the server changes."""
        return place.kind == K.P_CELL and place.whole and place.index < 0 and place.struct is not None

    def flags_carried(self, target: Place, value: int) -> None:
        raise NotImplementedError

    def _redim(self, node: int) -> None:
        target = self.tree.a[node]
        if self.tree.kind[target] != K.N_INDEX:
            self.error("ESL1001", target, wanted="`x[rows]`", found=f"`{self.text(target)[:40]}`")
            return
        self._number(self.tree.b[target])
        place = self.place(self.tree.a[target])
        if place is None:
            return
        if place.kind != K.P_WHOLE and not self.is_structured_object(place):
            self.error("ESL3017", target, what=place.shown())

    def _insert(self, node: int) -> None:
        tree = self.tree
        target, rows = self.structure(tree.a[node]), self.structure(tree.c[node])
        self._number(tree.b[node])
        if tree.d[node] >= 0:
            self._number(tree.d[node])
        if target is None or rows is None:
            return
        if self.is_row(target):
            self.error("ESL3002", tree.a[node], wanted="a whole structure", found="a row")
            return
        self.same_structure(node, target, rows)
        if tree.d[node] >= 0 and not self.is_row(rows):
            self.error("ESL3006", node)

    # calls
    def _call(self, node: int) -> None:
        name = self.tree.a[node]
        args = self.tree.items(self.tree.b[node])
        procedure = self.by_name.get(self.folded(name))
        if procedure is None:
            spelled = self.spelled(name)
            for arg in args:
                self.check(arg)
            self.error("ESL2006", node, name=spelled, hint=meant(spelled, [p.name for p in self.procedures[1:]]))
            return
        self.arguments_of(node, procedure, args)

    def arguments_of(self, node: int, procedure: Procedure, args: list[int]) -> None:
        if procedure.flags & (K.F_ENTRY | K.F_ENTRYX):
            self.error("ESL2019", node, name=procedure.name)
        wanted = len(procedure.parameters)
        if len(args) != wanted:
            notes = [self.note(self.tree.start[procedure.node], self.tree.end[procedure.node], "declared here")]
            expected = count_text(wanted, wanted, "argument")
            self.error("ESL2007", node, name=procedure.name, wanted=expected, found=str(len(args)), notes=notes)
            return
        for i in range(wanted):
            parameter = procedure.parameters[i]
            self.argument(i + 1, procedure, parameter.symbol, parameter.mode, args[i])

    def argument(self, number: int, procedure: Procedure, symbol: Symbol, mode: int, arg: int) -> None:
        kind = self.check(arg)
        if kind == K.V_NONE and self.place_known(arg) is None:
            return
        place = self.place_known(arg)
        if symbol.type == K.V_RECORD:
            self._record_argument(arg, symbol, place, kind)
        elif symbol.type == K.V_OBJECT:
            self._alias_argument(arg, symbol, place)
        elif mode == K.M_IN:
            self.convertible(arg, kind, symbol.type)
        elif place is None or self.tree.kind[arg] == K.N_PAREN and place.base != "hbj" or place.kind == K.P_CONST:
            notes = [self.note(symbol.start, symbol.end, "this parameter hands its value back")]
            self.error("ESL3008", arg, number=str(number), name=procedure.name, notes=notes)
        elif self.target(arg) is not None:
            self.convertible(arg, kind, symbol.type)

    def _record_argument(self, arg: int, symbol: Symbol, place: Place | None, kind: int) -> None:
        if place is None or place.kind not in (K.P_WHOLE, K.P_ROW) or place.struct is None:
            self.error("ESL3002", arg, wanted="a local row or structure", found=TYPE_NAMES[kind])
            return
        if place.kind == K.P_WHOLE and place.symbol is not None:
            self.handed.append((place.symbol, symbol))
        if UNTYPED in (symbol.struct, place.struct):
            self.untyped_arguments.append((arg, place, symbol))
        elif symbol.struct is not None and fold(symbol.struct.shown()) != fold(place.struct.shown()):
            self.error("ESL3007", arg, left=symbol.struct.shown(), right=place.struct.shown())

    def _alias_argument(self, arg: int, symbol: Symbol, place: Place | None) -> None:
        if self.tree.kind[arg] == K.N_PAREN:
            place = self.place(arg)
        if place is None or place.kind != K.P_CELL:
            self.error("ESL3010", arg, found="a value" if place is None else place.shown())
        elif symbol.struct is not None and place.struct is not None and fold(symbol.struct.name) != fold(place.struct.name):
            self.error("ESL3007", arg, left=symbol.struct.name, right=place.struct.name)

    def _call_other(self, node: int) -> None:
        """CALL []: a procedure of this part is called directly; one of the other part is looked up when it runs."""
        tree = self.tree
        if tree.a[node] >= 0:
            self.out(tree.a[node], K.V_INT)
        args = tree.items(tree.c[node])
        procedure = self.by_name.get(self.folded(tree.b[node]))
        if procedure is not None:
            self.arguments_of(node, procedure, args)
            return
        for arg in args:
            self.call_argument(arg)
        if self.context.kind == "script":
            self.error("ESL2011", node, construct="CALL [] of another part", place="objects with two parts")

    def _remote_argument(self, arg: int) -> None:
        kind = self.check(arg)
        place = self.place_known(arg)
        if kind == K.V_RECORD and (place is None or place.kind not in (K.P_WHOLE, K.P_ROW)):
            self.error("ESL3002", arg, wanted="a value or a local structure", found="an object with rows")

    def call_argument(self, arg: int) -> None:
        """For a procedure of another script: objects with rows as well, as references."""
        kind = self.check(arg)
        place = self.place_known(arg)
        if kind == K.V_RECORD and (place is None or place.kind not in (K.P_WHOLE, K.P_ROW, K.P_CELL)):
            self.error("ESL3002", arg, wanted="a value, an object or a local structure", found="a column")

    def _on_change(self, node: int) -> None:
        tree = self.tree
        place = self.change_place(tree.a[node])
        if place is not None and (place.kind != K.P_CELL or place.base == "self"):
            self.error("ESL3010", tree.a[node], found=place.shown())
        procedure = self.by_name.get(self.folded(tree.b[node]))
        if procedure is None:
            spelled = self.spelled(tree.b[node])
            self.error("ESL2006", node, name=spelled, hint=meant(spelled, [p.name for p in self.procedures[1:]]))
            return
        kinds = [p.symbol.type for p in procedure.parameters]
        if len(kinds) != 4 or kinds[1:] != [K.V_OBJECT, K.V_INT, K.V_INT] or kinds[0] in (K.V_RECORD, K.V_OBJECT):
            notes = [self.note(tree.start[procedure.node], tree.end[procedure.node], "declared here")]
            self.error("ESL2007", node, name=procedure.name, wanted="(value, ALIAS, INT, INT)", found=procedure.signature() or "nothing",
                       notes=notes)
        procedure.on_change = True

    # simple actions
    def _delay(self, node: int) -> None:
        self.convertible(self.tree.a[node], self.check(self.tree.a[node]), K.V_REAL)

    def _log(self, node: int) -> None:
        for value in self.tree.items(self.tree.a[node]):
            self.convertible(value, self.check(value), K.V_ANY)
        self._priority(node)

    def _logex(self, node: int) -> None:
        self.convertible(self.tree.a[node], self.check(self.tree.a[node]), K.V_TEXT)
        self._priority(node)

    def _priority(self, node: int) -> None:
        if self.tree.c[node] >= 0:
            self.convertible(self.tree.c[node], self.check(self.tree.c[node]), K.V_INT)

    def _message(self, node: int) -> None:
        self.convertible(self.tree.a[node], self.check(self.tree.a[node]), K.V_TEXT)
        self.process_behind_on(self.tree.b[node])

    def process_behind_on(self, node: int) -> None:
        """A process, or none given; `_FROM_HIP` alone means the console, as `(_FROM_HIP)` does."""
        if node < 0:
            return
        if self.tree.kind[node] == K.N_LOCAL and self.folded(self.tree.a[node]) == "_from_hip":
            self.check(node)
            self.places[node] = Place(K.P_CELL, K.V_ANY, base="self", name="_FROM_HIP")
            return
        place = self.place(node)
        if place is not None and place.kind != K.P_CELL:
            self.error("ESL3010", node, found=place.shown())

    def _query(self, node: int) -> None:
        self.out(self.tree.a[node], K.V_INT)
        self.convertible(self.tree.b[node], self.check(self.tree.b[node]), K.V_TEXT)
        _, console, seconds = self.tree.items(self.tree.c[node])
        self.process_behind_on(console)
        if seconds >= 0:
            self.convertible(seconds, self.check(seconds), K.V_REAL)

    def _declared(self, node: int) -> None:
        self.declaration(node)


CHECKS: dict[int, Callable[..., None]] = {
    K.N_DECL: ActionChecker._declared, K.N_SET_AS: ActionChecker._set_as,
    K.N_SET_WITH: ActionChecker._set_with, K.N_EXIT_LOOP: ActionChecker._exit_loop, K.N_ON_CHANGE: ActionChecker._on_change,
    K.N_REDIM: ActionChecker._redim, K.N_INSERT: ActionChecker._insert,
    K.N_CALL_OTHER: ActionChecker._call_other, K.N_DELAY: ActionChecker._delay,
    K.N_LOG: ActionChecker._log, K.N_LOGEX: ActionChecker._logex, K.N_MESSAGE: ActionChecker._message, K.N_QUERY: ActionChecker._query,
    K.N_RETRY: ActionChecker._again, K.N_RESUME: ActionChecker._again,
}
# actions that jump, or that may not stand inside a block: they are told the blocks around them
JUMPS: dict[int, Callable[..., None]] = {}

