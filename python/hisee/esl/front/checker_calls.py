# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Checking calls between objects: CALL [obj], EVENT, OPENEVENT, CLOSE, COMMAND, GETACCESS, RELEASEACCESS, and PUBLIC variables."""

from __future__ import annotations

from hisee.esl.context import OWN_PROCESS, ObjectEntry
from hisee.esl.front import kinds as K
from hisee.esl.front.checker_actions import CHECKS
from hisee.esl.front.checker_expr import ExpressionChecker
from hisee.esl.front.checker_units import UnitChecker
from hisee.esl.front.lexer import fold
from hisee.esl.front.nodes import EVENT_VALUES
from hisee.esl.front.symbols import Place, type_of_word
from hisee.schema import kinds

CALLED = ("event", "picture", "process")
KIND_NUMBERS = {fold(row.name): row.number for row in kinds.ROWS}


class CallChecker(UnitChecker):
    """One method per action; a reference that may be given or not is -1 when it is not."""

    # references
    def _object(self, node: int) -> Place | None:
        key = self.folded(self.tree.a[node])
        kind = key.removeprefix("self.") if key.startswith("self.") else "hip"
        if kind != "hip" and kind in KIND_NUMBERS:
            return self._own_process(self.spelled(self.tree.a[node]), kind)
        return ExpressionChecker._object(self, node)

    def _own_process(self, spelled: str, kind: str) -> Place:
        """SELF.X: the system's only configured process of that kind, else a number that the server reads as "of the caller's node"."""
        directory = self.context.directory
        names = [n for n in directory.names() if fold(n).endswith("." + kind)] if directory is not None else []
        found = [entry for n in names if directory is not None and (entry := directory.object(n)) is not None and entry.kind == "process"]
        if len(found) != 1:
            return Place(K.P_CELL, K.V_ANY, base="self", entry=OWN_PROCESS + KIND_NUMBERS[kind], name=spelled)
        entry = found[0]
        self.used_objects[entry.name] = entry
        value = type_of_word(entry.value_type) if entry.value_type else K.V_ANY
        return Place(K.P_CELL, value, base="name", entry=entry, name=entry.name)

    def _called(self, node: int, wanted: str, kinds_: tuple[str, ...]) -> None:
        """An object that can be called or opened; what is known by name only is looked at when it runs."""
        place = self.place(node)
        if place is None:
            return
        if place.symbol is not None and place.symbol.kind == K.S_REF:
            self.error("ESL2072", node, name=place.name)
        elif place.kind != K.P_CELL:
            self.error("ESL3010", node, found=place.shown())
        elif isinstance(place.entry, ObjectEntry) and place.index < 0 and place.entry.kind not in kinds_:
            found = place.entry.value_type or place.entry.kind
            self.error("ESL3060", node, name=place.name, found=found.replace("_", " "), wanted=wanted)

    def _process(self, process: int, instance: int) -> None:
        self.process_behind_on(process)
        self._given(instance, K.V_INT)

    def _given(self, node: int, wanted: int) -> None:
        if node >= 0:
            self.convertible(node, self.check(node), wanted)

    # PUBLIC
    def public_variables(self) -> None:
        """Values and structures that a caller may set and read."""
        for symbol in self.globals.values():
            if symbol.public and (symbol.type == K.V_OBJECT or symbol.initial >= 0):
                self.report("ESL2041", symbol.start, symbol.end, name=symbol.name)

    # actions
    def _call_object(self, node: int) -> None:
        tree = self.tree
        if tree.a[node] >= 0:
            self.out(tree.a[node], K.V_INT)
        name, flags, interface, process, instance, priority, conversation = tree.items(tree.d[node])
        if tree.b[node] >= 0:
            self._called(tree.b[node], "an event or picture", CALLED)
        self._process(process, instance)
        self._given(priority, K.V_INT)
        if conversation >= 0 and flags & K.G_BEGIN:
            self.out(conversation, K.V_INT)
        else:
            self._given(conversation, K.V_INT)
        args = tree.items(tree.c[node])
        for arg in args:
            self.call_argument(arg)
        if interface >= 0:
            handle = [conversation] if conversation >= 0 else []  # the first parameter of its procedure
            self.through_interface(node, self.spelled(interface), self.spelled(name), handle + args)

    def _event(self, node: int) -> None:
        tree = self.tree
        self._called(tree.a[node], "an event", ("event",))
        names, values = tree.items(tree.b[node]), tree.items(tree.c[node])
        if len(names) > EVENT_VALUES:
            self.error("ESL2042", node, limit=EVENT_VALUES, found=len(names))
        seen: set[str] = set()
        for name, value in zip(names, values, strict=True):
            if self.folded(name) in seen:
                self.error("ESL2043", value, name=self.spelled(name))
            seen.add(self.folded(name))
            self._remote_argument(value)
        self._given(tree.items(tree.d[node])[1], K.V_INT)

    def _openevent(self, node: int) -> None:
        tree = self.tree
        self._called(tree.a[node], "an event", ("event",))
        self._process(tree.b[node], tree.c[node])

    def _close(self, node: int) -> None:
        tree = self.tree
        if tree.a[node] >= 0:
            self._called(tree.a[node], "an event or picture", ("event", "picture"))
        self._process(tree.b[node], tree.c[node])

    def _command(self, node: int) -> None:
        tree = self.tree
        if tree.a[node] >= 0:
            self.out(tree.a[node], K.V_INT)
        self._given(tree.b[node], K.V_TEXT)
        self._process(tree.c[node], tree.d[node])

    def _getaccess(self, node: int) -> None:
        tree = self.tree
        _, holder, note = tree.items(tree.c[node])
        self.out(tree.a[node], K.V_BOOL)
        self._given(tree.b[node], K.V_TEXT)
        if holder >= 0:
            self.out(holder, K.V_TEXT)
        self._given(note, K.V_TEXT)

    def _releaseaccess(self, node: int) -> None:
        self._given(self.tree.a[node], K.V_TEXT)

    # ON CHANGE
    def change_place(self, node: int) -> Place | None:
        """What ON CHANGE follows: an object, a row, an item, a whole structure, or `x[0]^Column`: a whole column."""
        tree = self.tree
        if tree.kind[node] != K.N_COLUMN:
            return self.place(node)
        whole = self.place(tree.a[node])
        if whole is None or whole.kind != K.P_CELL or not whole.whole or whole.index >= 0 or whole.struct is None:
            return self.place(node)
        column = whole.struct.position(self.folded(tree.b[node]))
        if column < 0:
            return self.place(node)  # says so
        name, kind = whole.struct.columns[column]
        found = Place(K.P_CELL, K.V_ANY if kind == K.V_OBJECT else kind, whole.symbol, whole.struct, column=column, base=whole.base,
                      entry=whole.entry, node=whole.node, name=f"{whole.name}^{name}")
        self.places[node] = found
        return found


CHECKS.update({
    K.N_CALL_OBJECT: CallChecker._call_object, K.N_EVENT: CallChecker._event,
    K.N_OPENEVENT: CallChecker._openevent, K.N_CLOSE: CallChecker._close, K.N_COMMAND: CallChecker._command,
    K.N_GETACCESS: CallChecker._getaccess, K.N_RELEASEACCESS: CallChecker._releaseaccess,
})
