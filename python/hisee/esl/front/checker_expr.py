# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Types of expressions and what references mean. Middle part of the checker; knows no actions.

`typ[n]` is the type of node n (V_NONE: an error was told, whatever uses it stays silent); `places[n]` the place of a reference;
`known[n]` a value that is known now.
"""

from __future__ import annotations

from hisee.esl.context import ObjectContext, ObjectEntry
from hisee.esl.front import kinds as K
from hisee.esl.front import lexer as L
from hisee.esl.front.nodes import TYPE_NAMES, Tree
from hisee.esl.front.operands import operands
from hisee.esl.front.rows import zeros
from hisee.esl.front.scope import CONSTANTS, Scope
from hisee.esl.front.signatures import FUNCTIONS, PICTURE_FUNCTIONS, PictureSignature, Signature, foreign_signature
from hisee.esl.front.symbols import UNTYPED, Place, Symbol, cell_at, part_of, place_at, type_of_word
from hisee.esl.front.words import LATER_FUNCTIONS, meant

NUMBERS = (K.V_BOOL, K.V_INT, K.V_REAL)
RELATIONS = (K.T_EQ, K.T_NE, K.T_LT, K.T_GT, K.T_LE, K.T_GE)
OP_TEXT = {number: sign for sign, number in L.SIGNS.items()}
STAMPS = frozenset(("%gettime", "%isweak"))
FLAGS = frozenset(("%flag", "%getflags", "%setflag"))
ATTRIBUTES = {"vld": K.V_BOOL, "tim": K.V_TIME, "wea": K.V_BOOL, "dim": K.V_INT, "hbj": K.V_INT}
# what stands beside a value: codegen_flags.py
STATE_ATTRIBUTES = {"lim": K.V_INT, "alf": K.V_BOOL, "alq": K.V_BOOL, "alt": K.V_TIME, "alv": K.V_INT, "nak": K.V_BOOL, "tra": K.V_BOOL,
                    "def": K.V_BOOL}
ATTRIBUTES |= STATE_ATTRIBUTES
INT_LEAST, INT_MOST = -(2**63) + 16, 2**63 - 1


class ExpressionChecker(Scope):
    """check(n) walks an expression once and answers its type."""

    def __init__(self, source: L.Source, tokens: L.Tokens, tree: Tree, context: ObjectContext, name: str, part: int) -> None:
        super().__init__(source, tokens, tree, context, name, part)
        self.folds = True
        self._literals = tokens.literals
        self.lenient = False  # inside an initial value
        self.typ = zeros(tree.count)
        self.places: list[Place | None] = [None] * tree.count
        self._bare: list[Place | None] = [None] * len(tokens.names.folded)  # by name: what it means without index and column
        self._signatures: list[Signature | None] = [None] * len(tokens.names.folded)  # by name, see signature_of()
        self.known: list[int | float | str | bool | None] = [None] * tree.count

    def prepare(self) -> None:
        """Before the first section: each floor of the checker makes room for what it leaves to the code generator."""

    def type_of(self, node: int) -> int:
        return self.typ[node]

    def place_known(self, node: int) -> Place | None:
        """The place that was found for a node; -1 and what is no reference have none."""
        return self.places[node] if node >= 0 else None

    def check(self, node: int) -> int:
        kind = self.tree.kind[node]
        if kind in (K.N_LOCAL, K.N_OBJECT, K.N_INDEX, K.N_COLUMN):
            result = self._value_of_place(node)
        elif kind == K.N_BINARY:
            result = self._chain(node)
        elif kind == K.N_PAREN:
            result = self.check(self.tree.a[node])
            self.known[node] = self.known[self.tree.a[node]]
        elif kind == K.N_UNARY:
            result = self._unary(node)
        elif kind == K.N_ATTR:
            result = self._attribute(node)
        elif kind == K.N_FUNC:
            result = self.function(node, False)
        else:
            result = self._literal(node, kind)
        self.typ[node] = result
        return result

    def _literal(self, node: int, kind: int) -> int:
        if kind == K.N_AT:
            return self._at_word(node)
        if kind not in (K.N_INT, K.N_REAL, K.N_TEXT):
            return K.V_NONE
        self.known[node] = self._literals[self.tree.a[node]]
        return K.V_INT if kind == K.N_INT else K.V_REAL if kind == K.N_REAL else K.V_TEXT

    def _at_word(self, node: int) -> int:
        key = self.folded(self.tree.a[node])
        found = CONSTANTS.get(key)
        if found is None:
            spelled = self.spelled(self.tree.a[node])
            self.error("ESL2016", node, name=spelled, hint=meant(spelled, [k.upper() for k in CONSTANTS if k[0] == "@"]))
            return K.V_NONE
        self.known[node] = bool(found[1]) if found[0] == K.V_BOOL else found[1]
        return found[0]

    # operators
    def _chain(self, node: int) -> int:
        """A chain grows to the left: walk its spine in a loop, its length is not limited."""
        tree = self.tree
        inner = tree.b[node]
        if tree.kind[inner] == K.N_BINARY:
            return self._long_chain(node)
        left, right = self.check(inner), self.check(tree.c[node])
        result = self._binary(node, tree.a[node], left, right)
        self._lint(node)
        return result

    def _long_chain(self, node: int) -> int:
        tree = self.tree
        spine: list[int] = []
        while tree.kind[node] == K.N_BINARY:
            spine.append(node)
            node = tree.b[node]
        left = self.check(node)
        for at in reversed(spine):
            right = self.check(tree.c[at])
            left = self.typ[at] = self._binary(at, tree.a[at], left, right)
        for at in spine:
            self._lint(at)
        return left

    def _binary(self, node: int, op: int, left: int, right: int) -> int:
        if left == K.V_NONE or right == K.V_NONE:
            return K.V_NONE
        result = binary_type(op, left, right)
        if result == K.V_NONE:
            hint = "join texts with %ToStr or %IToStr" if op == K.T_PLUS and K.V_TEXT in (left, right) else ""
            self.error("ESL3001", node, op=OP_TEXT[op], left=TYPE_NAMES[left], right=TYPE_NAMES[right], hint=hint)
            return K.V_NONE
        if self.folds and op in (K.T_PLUS, K.T_MINUS, K.T_STAR):
            self._fold(node, op, result)
        return result

    def _fold(self, node: int, op: int, result: int) -> None:
        """Values known now: exact INT, the machine's own REAL, TEXT within its limit. Everything else is left to the VM."""
        a, b = self.known[self.tree.b[node]], self.known[self.tree.c[node]]
        if a is None or b is None or isinstance(a, bool) or isinstance(b, bool):
            return
        if isinstance(a, str) or isinstance(b, str):
            if isinstance(a, str) and isinstance(b, str) and len(a) + len(b) < 10_000:
                self.known[node] = a + b
            return
        if result == K.V_REAL:
            a, b = float(a), float(b)
        value = a + b if op == K.T_PLUS else a - b if op == K.T_MINUS else a * b
        fits = INT_LEAST <= value <= INT_MOST if result == K.V_INT else abs(value) < float("inf")
        if fits:
            self.known[node] = value

    def _unary(self, node: int) -> int:
        op, inner = self.tree.a[node], self.tree.b[node]
        kind = self.check(inner)
        if kind in (K.V_NONE, K.V_ANY):
            return kind
        if op == K.T_NOT:
            if kind != K.V_BOOL:
                self.error("ESL3002", inner, wanted="BOOL", found=TYPE_NAMES[kind])
            return K.V_BOOL
        if not is_number(kind):
            self.error("ESL3002", inner, wanted="a number", found=TYPE_NAMES[kind])
            return K.V_NONE
        value = self.known[inner]
        if self.folds and value is not None and not isinstance(value, (bool, str)) and (kind != K.V_INT or -value >= INT_LEAST):
            self.known[node] = -value
        return K.V_INT if kind == K.V_BOOL else kind

    def _lint(self, node: int) -> None:
        tree = self.tree
        op, left, right = tree.a[node], tree.b[node], tree.c[node]
        if op == K.T_OR and (self._joins(left) or self._joins(right)):
            self.error("ESL4001", node)
        if is_relation(op):
            if tree.kind[left] == K.N_UNARY and tree.a[left] == K.T_NOT:
                self.error("ESL4002", node)
        elif op in (K.T_AND, K.T_OR):
            self._lint_validity(node, left, right)

    def _joins(self, node: int) -> bool:
        return self.tree.kind[node] == K.N_BINARY and self.tree.a[node] == K.T_AND

    def _lint_validity(self, node: int, left: int, right: int) -> None:
        if self._guards(left, right) or self._guards(right, left):
            self.error("ESL4003", node)

    def _guards(self, test: int, other: int) -> bool:
        guarded = self._validity_test_of(test)
        return guarded != "" and L.fold(guarded) in L.fold(self._without_attributes(other))

    def _validity_test_of(self, node: int) -> str:
        tree = self.tree
        while tree.kind[node] in (K.N_PAREN, K.N_UNARY):
            node = tree.a[node] if tree.kind[node] == K.N_PAREN else tree.b[node]
        if tree.kind[node] == K.N_ATTR and self.folded(tree.b[node]) == "vld":
            return self.text(tree.a[node])
        return ""

    def _without_attributes(self, node: int) -> str:
        return self.text(node).replace("\\", "\0") if self.tree.kind[node] != K.N_ATTR else ""

    # functions
    def function(self, node: int, as_action: bool) -> int:
        tree = self.tree
        first, behind = tree.first(tree.b[node]), tree.behind(tree.b[node])
        for at in range(first, behind):
            self.check(tree.pool[at])
        signature = self.signature_of(tree.a[node])
        if signature is None:
            return self._other_function(node, self.folded(tree.a[node]), as_action)
        if not signature.least <= behind - first <= signature.most:
            wanted = count_text(signature.least, signature.most, "argument")
            self.error("ESL2007", node, name=signature.name, wanted=wanted, found=str(behind - first))
            return K.V_NONE
        if signature.result == K.V_NONE and not as_action:
            self.error("ESL3011", node, name=signature.name)
            return K.V_NONE
        if signature.column and behind > first:
            return self._column_function(signature, tree.items(tree.b[node]))
        self._argument_types(signature, first, behind)
        if signature.beside:
            self._track_beside(self.folded(tree.a[node]), tree.pool[first])
        return signature.result if signature.is_typed() else signature.result_of(self.types_of(tree.b[node]))

    def signature_of(self, name: int) -> Signature | None:
        """The function that a name means, of the language before an external one; None for a picture function and what is none at all."""
        found = self._signatures[name]
        if found is None:
            found = self._signatures[name] = FUNCTIONS.get(self.folded(name)) or self._foreign(name)
        return found

    def _foreign(self, name: int) -> Signature | None:
        """The external function that is called by the name of its object."""
        entry = self._object_called(name)
        if entry is None or entry.foreign is None or self.folded(name) in PICTURE_FUNCTIONS:
            return None
        self.used_objects[entry.name] = entry
        return foreign_signature(entry, entry.foreign)

    def _object_called(self, name: int) -> ObjectEntry | None:
        directory = self.context.directory
        return directory.object(self.spelled(name)[1:]) if directory is not None else None

    def types_of(self, number: int) -> list[int]:
        """Types of the nodes of a list."""
        tree = self.tree
        return [self.typ[tree.pool[at]] for at in range(tree.first(number), tree.behind(number))]

    def _other_function(self, node: int, key: str, as_action: bool) -> int:
        picture: PictureSignature | None = PICTURE_FUNCTIONS.get(key)
        if picture is not None:
            return self._picture_function(node, picture, self.tree.items(self.tree.b[node]), as_action)
        spelled = self.spelled(self.tree.a[node])
        if key in LATER_FUNCTIONS:
            self.error("ESL1003", node, construct=spelled)
            return K.V_NONE
        other = self._object_called(self.tree.a[node])
        if other is not None:
            self.error("ESL3060", node, name=other.name, found=f"a {other.kind.replace('_', ' ')}", wanted="an external function")
            return K.V_NONE
        self.error("ESL2014", node, name=spelled, hint=meant(spelled, self._function_names()))
        return K.V_NONE

    def _function_names(self) -> list[str]:
        directory = self.context.directory
        objects = [] if directory is None else [f"%{n}" for n in directory.names() if (e := directory.object(n)) and e.foreign]
        return [r.name for r in FUNCTIONS.values()] + [r.name for r in PICTURE_FUNCTIONS.values()] + objects

    def _column_function(self, signature: Signature, args: list[int]) -> int:
        """A function over `_r^Column`; the column's index is the code generator's business."""
        if len(args) != 1:
            self.error("ESL2007", args[1], name=signature.name, wanted="1 argument", found=str(len(args)))
            return K.V_NONE
        place = self.place_known(args[0])
        if place is None or place.kind != K.P_COLUMN or place.struct is None:
            self.error("ESL3002", args[0], wanted="a column, `_r^Column`", found=place.shown() if place else TYPE_NAMES[self.typ[args[0]]])
            return K.V_NONE
        kind: int = place.struct.columns[place.column][1]
        if kind == K.V_OBJECT or signature.result == K.V_REAL and not is_number(kind) and kind != K.V_ANY:
            wanted = "a column of numbers" if signature.result == K.V_REAL else "a column of values"
            self.error("ESL3002", args[0], wanted=wanted, found=TYPE_NAMES[kind])
            return K.V_NONE
        return kind if signature.result == K.L_UNITED else signature.result

    def _track_beside(self, key: str, arg: int) -> None:
        if key in STAMPS:
            self._track(key, arg)
        elif key in FLAGS:
            self.track_flags(arg)

    def _track(self, key: str, arg: int) -> None:
        """The script asks for time or Weak of the locals in this argument."""
        for node in operands(self.tree, arg, lambda node: False):
            place = self.place_known(node)
            symbol = place.symbol if place is not None and place.kind == K.P_SCALAR else None
            if symbol is not None:
                symbol.track_time() if key == "%gettime" else symbol.track_weak()

    def track_flags(self, node: int) -> None:
        """The user flags of this value are asked for: a local keeps them beside itself."""
        while self.tree.kind[node] == K.N_PAREN:
            node = self.tree.a[node]
        place = self.place_known(node)
        if place is not None and place.kind == K.P_SCALAR and place.symbol is not None:
            place.symbol.track_flags()

    def _argument_types(self, signature: Signature, first: int, behind: int) -> None:
        for at in range(first, behind):
            node, wanted = self.tree.pool[at], signature.type_at(at - first)
            if wanted == K.L_NUMBER:
                self.convertible(node, self.typ[node], K.V_REAL, "a number")
            else:
                self.convertible(node, self.typ[node], K.V_ANY if wanted in (K.L_UNITED, K.L_COLUMN) else wanted)

    def _picture_function(self, node: int, signature: PictureSignature, args: list[int], as_action: bool) -> int:
        wanted = len(signature.types)
        if len(args) != wanted:
            self.error("ESL2007", node, name=signature.name, wanted=count_text(wanted, wanted, "argument"), found=str(len(args)))
            return K.V_NONE
        for at in range(wanted):
            self.convertible(args[at], self.typ[args[at]], signature.types[at])
        if signature.result == K.V_NONE and not as_action:
            self.error("ESL3011", node, name=signature.name)
        return signature.result

    def convertible(self, node: int, kind: int, wanted: int, shown: str = "") -> None:
        """Structures are never values; a conversion that always gives an invalid value is worth a warning."""
        if kind in (K.V_RECORD, K.V_OBJECT):
            self.error("ESL3002", node, wanted=shown or TYPE_NAMES[wanted], found=TYPE_NAMES[kind])
        elif not converts(kind, wanted):
            self.error("ESL4004", node, left=TYPE_NAMES[kind], right=shown or TYPE_NAMES[wanted])

    # references
    def _value_of_place(self, node: int) -> int:
        place = self.place(node)
        if place is None:
            return K.V_NONE
        if place.kind == K.P_SCALAR and not self.lenient:
            return place.type
        if self.lenient and place.kind != K.P_CONST:
            self.error("ESL3015", node, name=place.name)
            return K.V_NONE
        if place.base == "self":
            self.error("ESL3002", node, wanted="a value", found=f"`{place.name}`", hint="its number is `SELF.HIP\\HBJ`")
            return K.V_NONE
        if isinstance(place.entry, ObjectEntry) and place.entry.foreign is not None:
            hint = f"call it: `%{place.name}(..)`"
            self.error("ESL3060", node, name=place.name, found="an external function", wanted="a value", hint=hint)
            return K.V_NONE
        if place.kind == K.P_CONST:
            if place.symbol is not None and place.symbol.value is not None and place.symbol.kind != K.S_SPECIAL:
                self.known[node] = place.symbol.value  # type: ignore[call-overload]
            return place.type
        if place.kind in (K.P_WHOLE, K.P_ROW, K.P_COLUMN) or place.type == K.V_RECORD:
            return K.V_RECORD
        return place.type

    def place(self, node: int) -> Place | None:
        """Meaning of a reference; None when an error was told."""
        found = self.places[node]
        if found is None:
            found = self.places[node] = self._place(node)
        return found

    def _place(self, node: int) -> Place | None:
        kind, tree = self.tree.kind[node], self.tree
        if kind == K.N_LOCAL:
            return self._local(node)
        if kind == K.N_OBJECT:
            return self._named(node)
        if kind == K.N_PAREN:
            return self._by_number(node)
        if kind == K.N_INDEX:
            return self._indexed(node, tree.a[node], tree.b[node])
        if kind == K.N_COLUMN:
            return self._item(node, tree.a[node], tree.b[node])
        self.error("ESL3004", node, what=f"`{self.text(node)[:40]}`")
        return None

    def _local(self, node: int) -> Place | None:
        name = self.tree.a[node]
        symbol = self.symbol_of(name, node)
        if symbol is None or symbol.type == K.V_NONE:
            return None
        found = self._bare[name]
        if found is None or found.symbol is not symbol:
            found = self._bare[name] = place_of(symbol)
        return found

    def _named(self, node: int) -> Place | None:
        """An object means the same wherever it is named."""
        name = self.tree.a[node]
        found = self._bare[name]
        if found is None:
            found = self._bare[name] = self._object(node)
        return found

    def _object(self, node: int) -> Place | None:
        spelled = self.spelled(self.tree.a[node])
        if self.folded(self.tree.a[node]) == "self.hip":
            return Place(K.P_CELL, K.V_ANY, base="self", name=spelled)
        entry = self.object_named(spelled, node)
        if entry is None:
            return None
        struct = self.struct_of(entry)
        kind = K.V_RECORD if struct else type_of_word(entry.value_type) if entry.value_type else K.V_ANY
        return cell_at(kind, None, struct, -1, -1, "name", entry, entry.name)

    def _by_number(self, node: int) -> Place | None:
        inner = self.tree.a[node]
        kind = self.check(inner)
        if kind not in (K.V_INT, K.V_ANY, K.V_NONE):
            self.error("ESL3010", node, found=TYPE_NAMES[kind])
        if kind == K.V_NONE:
            return None
        return Place(K.P_CELL, K.V_ANY, base="hbj", node=inner, name=self.text(node)[:40])

    def _indexed(self, node: int, base: int, index: int) -> Place | None:
        kind = self.check(index)
        if not is_number(kind) and kind not in (K.V_ANY, K.V_NONE):
            self.error("ESL3002", index, wanted="INT", found=TYPE_NAMES[kind])
        place = self.place(base)
        if place is None or kind == K.V_NONE:
            return None
        if place.struct is None or place.kind not in (K.P_WHOLE, K.P_CELL):
            self.error("ESL3017", base, what=place.shown())
            return None
        if self.known[index] == 0:
            return place
        if place.kind == K.P_WHOLE:
            return place_at(K.P_ROW, K.V_RECORD, place.symbol, place.struct, index, -1, place.name)
        return part_of(place, K.V_RECORD, place.struct, index, -1, place.name)

    def _item(self, node: int, base: int, name: int) -> Place | None:
        place = self.place(base)
        if place is None:
            return None
        if place.struct is None or place.type != K.V_RECORD and place.base != "alias":
            self.error("ESL3017", base, what=place.shown())
            return None
        if place.struct is UNTYPED:
            return self._untyped_item(node, place, self.spelled(name))
        column = place.struct.position(self.folded(name))
        if column < 0:
            spelled = self.spelled(name)
            hint = meant(spelled, [c for c, _ in place.struct.columns])
            self.error("ESL3013", node, structure=place.struct.name, name=spelled, hint=hint)
            return None
        return self._column_of(node, place, column)

    def _untyped_item(self, node: int, place: Place, column: str) -> Place | None:
        """Item of a RECORD without a structure: its column is found by name when the script runs."""
        if place.kind == K.P_ROW:
            return Place(K.P_ITEM, K.V_ANY, place.symbol, UNTYPED, place.index, name=column)
        self.needs_structure(node, place, f"`^{column}` without a row")
        return None

    def needs_structure(self, node: int, place: Place, what: str) -> bool:
        """Told when a place is a RECORD without a structure."""
        if place.struct is UNTYPED:
            self.error("ESL3061", node, name=place.name, what=what)
        return place.struct is UNTYPED

    def _column_of(self, node: int, place: Place, column: int) -> Place | None:
        struct = place.struct
        assert struct is not None
        name, kind = struct.columns[column]
        shown = f"{place.name}^{name}"
        if place.index < 0:
            if place.kind == K.P_WHOLE:
                return place_at(K.P_COLUMN, K.V_RECORD, place.symbol, struct, -1, column, shown)
            self.error("ESL3020", node, name=name)
            return None
        if place.kind == K.P_ROW:
            return self._record_item(node, place, column, kind, shown)
        value = K.V_ANY if kind == K.V_OBJECT else kind
        return part_of(place, value, None, place.index, column, shown)

    def _record_item(self, node: int, place: Place, column: int, kind: int, shown: str) -> Place | None:
        item = place_at(K.P_ITEM, kind, place.symbol, place.struct, place.index, column, shown)
        if kind != K.V_OBJECT:
            return item
        return Place(K.P_CELL, K.V_ANY, base="item", item=item, name=shown)

    # attributes
    def _attribute(self, node: int) -> int:
        inner, name = self.tree.a[node], self.folded(self.tree.b[node])
        if name not in ATTRIBUTES:
            spelled = self.spelled(self.tree.b[node]).upper()
            self.error("ESL2017", node, name=spelled, hint=meant(spelled, [a.upper() for a in ATTRIBUTES]))
            return K.V_NONE
        if self.tree.kind[inner] not in (K.N_LOCAL, K.N_OBJECT, K.N_INDEX, K.N_COLUMN, K.N_PAREN):
            self.error("ESL3019", node, name=name.upper(), what="an expression")
            return K.V_NONE
        place = self.place(inner)
        if place is None:
            return K.V_NONE
        return ATTRIBUTES[name] if self._has_attribute(node, name, place) else K.V_NONE

    def _has_attribute(self, node: int, name: str, place: Place) -> bool:
        whole = place.kind == K.P_WHOLE or place.kind == K.P_CELL and (place.type == K.V_RECORD and place.whole or place.base == "alias")
        simple = place.kind != K.P_WHOLE and (place.type not in (K.V_RECORD, K.V_OBJECT))
        cell = place.kind == K.P_CELL and place.base != "self"
        if name == "dim":
            allowed = whole or cell
        elif name == "hbj":
            allowed = place.kind == K.P_CELL
        elif name in ("tim", "wea"):
            allowed = simple and (cell or place.kind == K.P_SCALAR)
        else:
            allowed = simple and (name == "vld" or place.base != "self")
        if not allowed:
            self.error("ESL3019", node, name=name.upper(), what=place.shown())
            return False
        if place.kind == K.P_SCALAR and place.symbol is not None:
            if name == "tim":
                place.symbol.track_time()
            elif name == "wea":
                place.symbol.track_weak()
        return True


def place_of(symbol: Symbol) -> Place:
    """The place that a local name stands for."""
    if symbol.kind == K.S_PVAR:
        return place_at(K.P_PVAR, symbol.type, symbol, None, -1, -1, symbol.name)
    if symbol.kind in (K.S_CONST, K.S_REF, K.S_SPECIAL) or symbol.initial >= 0:
        return place_at(K.P_CONST, symbol.type, symbol, None, -1, -1, symbol.name)
    if symbol.type == K.V_RECORD:
        return place_at(K.P_WHOLE, K.V_RECORD, symbol, symbol.struct, -1, -1, symbol.name)
    if symbol.type == K.V_OBJECT:
        kind = K.V_RECORD if symbol.struct else K.V_ANY
        return cell_at(kind, symbol, symbol.struct, -1, -1, "alias", None, symbol.name)
    return place_at(K.P_SCALAR, symbol.type, symbol, None, -1, -1, symbol.name)


def is_number(kind: int) -> bool:
    return kind in (K.V_BOOL, K.V_INT, K.V_REAL)


def is_relation(op: int) -> bool:
    return op in (K.T_EQ, K.T_NE, K.T_LT, K.T_GT, K.T_LE, K.T_GE)


def binary_type(op: int, left: int, right: int) -> int:
    """Type of `left op right`; K.V_NONE when the operator does not join them."""
    if left in (K.V_RECORD, K.V_OBJECT) or right in (K.V_RECORD, K.V_OBJECT):
        return K.V_NONE
    numbers = is_number(left) and is_number(right)
    if is_relation(op):
        return K.V_BOOL if left == right or numbers or K.V_ANY in (left, right) else K.V_NONE
    if K.V_ANY in (left, right):
        return K.V_ANY
    if op in (K.T_AND, K.T_OR):
        if left == right and (left == K.V_BOOL or left == K.V_INT and op == K.T_AND):
            return left
        return K.V_NONE
    if numbers:
        if op == K.T_SLASH:
            return K.V_INT if left == right == K.V_BOOL else K.V_REAL
        return K.V_REAL if K.V_REAL in (left, right) else K.V_INT
    return special_type(op, left, right)


def special_type(op: int, left: int, right: int) -> int:
    """Texts joined by +, times with numbers."""
    if op == K.T_PLUS and left == right == K.V_TEXT:
        return K.V_TEXT
    if op == K.T_MINUS and left == right == K.V_TIME:
        return K.V_REAL
    if left == K.V_TIME and is_number(right) and op in (K.T_PLUS, K.T_MINUS):
        return K.V_TIME
    return K.V_TIME if op == K.T_PLUS and right == K.V_TIME and is_number(left) else K.V_NONE


def converts(kind: int, wanted: int) -> bool:
    """Can a value of `kind` ever become a valid `wanted`?"""
    if kind == wanted or K.V_ANY in (kind, wanted) or K.V_NONE in (kind, wanted):
        return True
    return is_number(kind) and is_number(wanted)


def count_text(least: int, most: int, noun: str) -> str:
    span = str(least) if least == most else f"{least} to {most}"
    return f"{span} {noun}" + ("" if least == most == 1 else "s")
