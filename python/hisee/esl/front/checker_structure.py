# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Checking actions on rows, columns and data containers. `links[n]` keeps what SET AS has to do, for the code generator."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.checker_actions import CHECKS
from hisee.esl.front.checker_flow import FlowChecker
from hisee.esl.front.nodes import TYPE_NAMES
from hisee.esl.front.symbols import UNTYPED, Place, Symbol
from hisee.esl.front.words import CNT_ORDER, LST_ORDER

SORT_KEYS = 5
# operands of the container actions; ">" receives, "?" may be left out
CNT_SHAPES = {
    "cnt_create": ("handle>",), "cnt_insert": ("handle", "key", "value"), "cnt_find": ("handle", "key", "value>", "found>"),
    "cnt_delete": ("handle", "key", "found>?"), "cnt_getnr": ("handle", "count>"), "cnt_cnvtoarray": ("handle",),
    "cnt_getitem": ("handle", "index", "key>", "value>"), "cnt_destroy": ("handle",), "cnt_debug": ("handle", "name"),
}
LST_SHAPES: dict[str, tuple[str, ...]] = {
    "lst_create": ("mask", "type", "group", "sort", "lines", "handle>", "data", "relation", "object"), "lst_go_next": ("handle", "data"),
    "lst_go_prev": ("handle", "data"), "lst_destroy": ("handle",),
}
CNT_TYPES = {"handle": K.V_INT, "found": K.V_BOOL, "count": K.V_INT, "index": K.V_INT, "name": K.V_TEXT}


class StructureChecker(FlowChecker):
    def prepare(self) -> None:
        FlowChecker.prepare(self)
        self.bound: list[Symbol] = []  # records that SET .. BIND names
        self.copies: list[tuple[Symbol, Symbol]] = []  # assignments of one local to another: to, of

    # rows
    def record(self, node: int) -> Place | None:
        """A whole local record, or a whole object with rows."""
        place = self.structure(node)
        if place is None:
            return None
        if place.kind != K.P_WHOLE and not self.is_structured_object(place):
            self.error("ESL3002", node, wanted="a whole structure", found=place.shown())
            return None
        return place

    def number(self, node: int) -> None:
        self.convertible(node, self.check(node), K.V_INT)

    def sort(self, node: int) -> None:
        keys = self.tree.items(self.tree.a[node])
        if len(keys) > 2 * SORT_KEYS:
            self.error("ESL2007", node, name="SORT", wanted=f"1 to {SORT_KEYS} columns", found=str(len(keys) // 2))
        first: Symbol | None = None
        for column, ascending in zip(keys[::2], keys[1::2], strict=True):
            self.convertible(ascending, self.check(ascending), K.V_BOOL)
            place = self.place(column)
            if place is None:
                continue
            if place.kind != K.P_COLUMN or place.struct is None or place.struct.columns[place.column][1] == K.V_OBJECT:
                self.error("ESL3002", column, wanted="a column of values, `_r^Column`", found=place.shown())
                continue
            if first is not None and first is not place.symbol:
                self.error("ESL3023", column, name=first.name)
            first = first or place.symbol

    def find_true(self, node: int) -> None:
        tree = self.tree
        self.counter(node)
        self.number(tree.b[node])
        self.out(tree.c[node], K.V_INT)
        self.condition(tree.d[node])
        if not self._names(tree.d[node], tree.a[node]):
            self.error("ESL3024", tree.d[node], name=self.spelled(tree.a[node]))

    def _names(self, node: int, name: int) -> bool:
        """Does an expression use a local? Its nodes lie side by side, it is the last of them."""
        tree, low = self.tree, self.tree.start[node]
        while node >= 0 and tree.start[node] >= low:
            if tree.kind[node] == K.N_LOCAL and tree.a[node] == name:
                return True
            node -= 1
        return False

    def delete(self, node: int) -> None:
        self.record(self.tree.a[node])
        self.number(self.tree.b[node])
        if self.tree.c[node] >= 0:
            self.number(self.tree.c[node])

    def copy_rows(self, node: int) -> None:
        target, source = self.record(self.tree.a[node]), self.structure(self.tree.b[node])
        if source is not None and self.is_row(source):
            self.error("ESL3002", self.tree.b[node], wanted="a whole structure", found="a row")
        for number in self.tree.items(self.tree.c[node]):
            self.number(number)
        if target is not None and source is not None:
            same = self.same_structure(node, target, source)
            if target.kind == K.P_CELL:
                self.needs_structure(self.tree.b[node], source, "COPY_ROWS into an object")
            elif same and target.struct is not None and target.struct is not UNTYPED and not target.struct.boxed:
                self._without_links(self.tree.b[node], source)  # its rows have the links of their source

    # user flags
    def flags_carried(self, target: Place, value: int) -> None:
        """What a value brings along in user flags its copy keeps: those of a setter, or of the other variable."""
        if target.kind != K.P_SCALAR or target.symbol is None:
            return
        while self.tree.kind[value] == K.N_PAREN:
            value = self.tree.a[value]
        if self.tree.kind[value] == K.N_FUNC and self.folded(self.tree.a[value]) in ("%setflagsv", "%setflag"):
            target.symbol.track_flags()
        place = self.place_known(value)
        if place is not None and place.kind == K.P_SCALAR and place.symbol is not None:
            self.copies.append((target.symbol, place.symbol))

    def carry_flags(self) -> None:
        """Locals that are copied to one another keep flags together."""
        growing = any(symbol.flags is not None for pair in self.copies for symbol in pair)
        while growing:
            growing = False
            for to, of in self.copies:
                if (to.flags is None) != (of.flags is None):
                    to.track_flags()
                    of.track_flags()
                    growing = True

    # lists of objects
    def object_list(self, node: int) -> None:
        tree = self.tree
        word = LST_ORDER[tree.a[node]]
        shape, given = LST_SHAPES[word], tree.items(tree.b[node])
        if len(given) not in (len(shape), len(shape) - (2 if word == "lst_create" else 0)):
            wanted = "`" + ", ".join(role.rstrip(">") for role in shape) + "`"
            self.error("ESL2007", node, name=word.upper(), wanted=wanted, found=f"{len(given)} operand" + "s" * (len(given) != 1))
            return
        for role, operand in zip(shape, given, strict=False):
            self._list_operand(role, operand)

    def _list_operand(self, role: str, node: int) -> None:
        if role in ("group", "object"):
            if self.tree.kind[node] not in (K.N_LOCAL, K.N_OBJECT, K.N_INDEX, K.N_COLUMN, K.N_PAREN):
                self.error("ESL3010", node, found=TYPE_NAMES[self.check(node)])
                return
            place = self.place(node)
            if place is not None and place.kind != K.P_CELL:
                self.error("ESL3010", node, found=place.shown())
        elif role == "data":
            place = self.structure(node)
            if place is not None and place.kind != K.P_WHOLE:
                self.error("ESL3002", node, wanted="a local RECORD", found=place.shown())
            elif place is not None:
                self.needs_structure(node, place, "a list of objects")
        elif role == "handle>":
            self.out(node, K.V_INT)
        else:
            self.convertible(node, self.check(node), K.V_TEXT if role == "mask" else K.V_INT)

    # binding
    def set_bind(self, node: int) -> None:
        tree = self.tree
        target = self.place(tree.a[node])
        source = self.place(tree.b[node]) if tree.b[node] >= 0 else None
        if target is None:
            return
        if target.kind != K.P_ROW or target.symbol is None:
            self.error("ESL3002", tree.a[node], wanted="a row of a local RECORD", found=target.shown())
            return
        if self.needs_structure(tree.a[node], target, "SET .. BIND"):
            return
        self.bound.append(target.symbol)
        if target.struct is not None and len(target.struct.columns) > 255:
            self.error("ESL1003", node, construct="SET .. BIND of a structure with more than 255 columns")
        if source is None:
            return
        if source.kind != K.P_CELL or source.whole or source.type != K.V_RECORD:
            self.error("ESL3002", tree.b[node], wanted="a row of an object", found=source.shown())
        else:
            self.same_structure(node, target, source)

    def bind_all(self) -> None:
        """A record that shares its rows with a bound one, over parameters in either direction, is bound too."""
        for symbol in self.bound:
            symbol.bound = True
        growing = bool(self.bound)
        while growing:
            growing = False
            for actual, formal in self.handed:
                if actual.bound != formal.bound:
                    actual.bound = formal.bound = growing = True
        for node, place, symbol in self.untyped_arguments:
            if symbol.bound:
                untyped = place if place.struct is UNTYPED else Place(K.P_WHOLE, K.V_RECORD, symbol, symbol.struct, name=symbol.name)
                self.needs_structure(node, untyped, "a record with bound rows")
        self.carry_flags()

    # links
    def set_as_structure(self, node: int, target: Place) -> None:
        """SET AS of a row, a whole or a column."""
        tree = self.tree
        if self._without_links(tree.a[node], target):
            return
        if self.needs_structure(tree.a[node], target, "SET .. AS"):
            return
        if tree.b[node] < 0:
            if target.kind == K.P_COLUMN:
                self._object_column(tree.a[node], target)
            return
        source = self._linked_source(tree.b[node], target)
        if source is None:
            return
        if tree.d[node] and source.kind != K.P_CELL and not source.base:
            self.error("ESL3022", tree.b[node], what=source.shown())
        elif target.kind == K.P_COLUMN:
            self._columns(node, target, source)
        elif self.same_structure(node, target, source) and self.is_row(target) != self.is_row(source):
            self.error("ESL3006", node)
        else:
            self._without_links(tree.b[node], source)

    def _without_links(self, node: int, place: Place) -> bool:
        """Told when a place has values where links are wanted."""
        boxed = place.struct is not None and place.struct.boxed
        if boxed:
            self.error("ESL3021", node, name=place.name)
        return boxed

    def _linked_source(self, node: int, target: Place) -> Place | None:
        if target.kind == K.P_COLUMN:
            return self.column_place(node)
        return self.structure(node)

    def column_place(self, node: int) -> Place | None:
        """`x[0]^Column` of a record or of an object: the place of the whole column."""
        tree = self.tree
        if tree.kind[node] == K.N_COLUMN:
            base = tree.a[node]
            if tree.kind[base] == K.N_INDEX:
                self.check(tree.b[base])
                base = tree.a[base] if self.known[tree.b[base]] == 0 else base
            place = self.place(base)
            if place is not None and place.kind == K.P_CELL and place.struct is not None and place.index < 0:
                return self._cell_column(node, place)
        place = self.place(node)
        if place is not None and place.kind != K.P_COLUMN:
            self.error("ESL3002", node, wanted="a whole column, `x[0]^Column`", found=place.shown())
            return None
        return place

    def _cell_column(self, node: int, place: Place) -> Place | None:
        assert place.struct is not None
        name = self.tree.b[node]
        column = place.struct.position(self.folded(name))
        if column < 0:
            self.error("ESL3013", node, structure=place.struct.name, name=self.spelled(name))
            return None
        found = Place(K.P_COLUMN, K.V_RECORD, place.symbol, place.struct, column=column, base=place.base, entry=place.entry,
                      node=place.node,
                      name=f"{place.name}^{place.struct.columns[column][0]}")
        self.places[node] = found
        return found

    def _object_column(self, node: int, place: Place) -> bool:
        assert place.struct is not None
        if place.base or place.struct.columns[place.column][1] != K.V_OBJECT:
            self.error("ESL3010", node, found=place.shown())
            return False
        return True

    def _columns(self, node: int, target: Place, source: Place) -> None:
        if not self._object_column(self.tree.a[node], target):
            return
        assert source.struct is not None
        if source.struct.columns[source.column][1] != K.V_OBJECT and not (self.tree.d[node] and source.base):
            self.error("ESL3025", self.tree.b[node], what=source.shown())

    # containers
    def container(self, node: int) -> None:
        tree = self.tree
        word = CNT_ORDER[tree.a[node]]
        shape, given = CNT_SHAPES[word], tree.items(tree.b[node])
        if tree.c[node] and word != "cnt_create":
            self.error("ESL1001", node, wanted="the end of the line", found="`CASE_SENSITIVE`")
        if not sum("?" not in role for role in shape) <= len(given) <= len(shape):
            wanted = "`" + ", ".join(role.rstrip(">?") for role in shape) + "`"
            self.error("ESL2007", node, name=word.upper(), wanted=wanted, found=f"{len(given)} operand" + "s" * (len(given) != 1))
            return
        for role, operand in zip(shape, given, strict=False):
            self._cnt_operand(role, operand)

    def _cnt_operand(self, role: str, node: int) -> None:
        name = role.rstrip(">?")
        if name == "value":
            self._cnt_value(node, ">" in role)
        elif ">" in role:
            self.out(node, CNT_TYPES.get(name, K.V_ANY))
        else:
            self.convertible(node, self.check(node), CNT_TYPES.get(name, K.V_ANY))

    def _cnt_value(self, node: int, receives: bool) -> None:
        """A value, a row or a structure; an object's rows can be put in, not received."""
        kind = self.check(node)
        place = self.place_known(node)
        if kind != K.V_RECORD:
            if receives:
                self.out(node, K.V_ANY)
            elif kind != K.V_NONE:
                self.convertible(node, kind, K.V_ANY)
            return
        if place is None or place.kind == K.P_COLUMN or receives and place.kind == K.P_CELL:
            found = place.shown() if place else TYPE_NAMES[kind]
            self.error("ESL3002", node, wanted="a value, a local row or a local structure", found=found)


CHECKS.update({
    K.N_SORT: StructureChecker.sort, K.N_FIND_TRUE: StructureChecker.find_true, K.N_DELETE: StructureChecker.delete,
    K.N_COPY_ROWS: StructureChecker.copy_rows, K.N_SET_BIND: StructureChecker.set_bind, K.N_CNT: StructureChecker.container,
    K.N_LST: StructureChecker.object_list,
})
