# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of calls between objects, events, locks and commands, and the two procedures by which PUBLIC variables come and go."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Arg
from hisee.esl.front.checker import Checker
from hisee.esl.front.codegen_actions import objects_in
from hisee.esl.front.codegen_base import typed
from hisee.esl.front.codegen_expr import ExpressionCode
from hisee.esl.front.codegen_units import UnitCode
from hisee.esl.front.symbols import Place, Symbol
from hisee.esl.unit import ALIASES, GLOBAL, HANDLES, IMPLEMENTS, PUBLIC_IN, PUBLIC_OUT, Mode, Type
from hisee.schema.actions import ActionId

Backs = list[tuple[Place, int, int]]


class CallCode(UnitCode):
    """One method per action; the caller has opened its range."""

    # operands
    def _object_arg(self, node: int) -> Arg:
        """Reference, not linked when it is not given."""
        return self.arg_in(K.V_OBJECT, self._console(node))

    def _linked_arg(self, node: int) -> Arg:
        return self.arg_in(K.V_OBJECT, self.linked(self.placed(node)))

    def _value_arg(self, node: int, kind: int) -> Arg:
        """Value, invalid when it is not given."""
        return self.arg_in(kind, self.value(node, kind) if node >= 0 else self.invalid(kind))

    def _text_argument(self, text: str) -> Arg:
        return self.arg_in(K.V_TEXT, self.load(text, K.V_TEXT))

    def _flags(self, flags: int) -> Arg:
        return self.arg_in(K.V_INT, self.load(flags, K.V_INT))

    def _base(self, place: Place) -> int:
        if place.base == "self":
            register, number = self.temp(K.V_OBJECT), self._cell_attribute("hbj", place, -1)
            self.emit(Op.OBJ_HBJ, register, number)
            self.free(number)
            return register
        return ExpressionCode._base(self, place)

    def _cell_attribute(self, name: str, place: Place, dest: int) -> int:
        if place.base == "self" and isinstance(place.entry, int):
            return self.load(place.entry, K.V_INT, dest)
        return ExpressionCode._cell_attribute(self, name, place, dest)

    def _copied_back(self, backs: Backs) -> None:
        for place, register, kind in backs:
            self.copy_back(place, register, kind)

    # actions
    def call_object(self, node: int) -> None:
        tree = self.tree
        name, flags, interface, process, instance, priority, conversation = tree.items(tree.d[node])
        backs: Backs = []
        came: Backs = []
        given, modes = self._remote_arguments(tree.items(tree.c[node]), bool(flags & K.G_ASYNC), backs, came)
        code, handle = self.temp(K.V_INT), self.temp(K.V_INT)
        target = self._linked_arg(tree.b[node]) if tree.b[node] >= 0 else self._object_arg(-1)
        head = [self._flags(flags | objects_in(modes)), target, self._text_argument(self.checked.spelled(name)),
                self._text_argument(self.checked.spelled(interface) if interface >= 0 else ""), self._object_arg(process),
                self._value_arg(instance, K.V_INT), self._value_arg(priority, K.V_INT), self._text_argument(modes),
                self._handle_argument(conversation, flags, handle), self.arg_out(K.V_INT, code)]
        self.act(ActionId.CALL_OBJECT, head + given, not flags & K.G_ASYNC)
        self._remote_results(backs, came)
        if flags & K.G_CODE:
            self.store(self.placed(tree.a[node]), code, K.V_INT)
        if flags & K.G_BEGIN:
            self.store(self.placed(conversation), handle, K.V_INT)

    def _handle_argument(self, node: int, flags: int, register: int) -> Arg:
        """The handle of a conversation; its beginning gives it."""
        if flags & K.G_BEGIN:
            return self.arg_out(K.V_INT, register)
        self.value(node, K.V_INT, register) if node >= 0 else self.load(0, K.V_INT, register)
        return self.arg_in(K.V_INT, register)

    def event(self, node: int) -> None:
        tree = self.tree
        flags, priority = tree.items(tree.d[node])
        backs: Backs = []
        given, modes = self._remote_arguments(tree.items(tree.c[node]), bool(flags & K.G_ASYNC), backs)
        names = ",".join(self.checked.spelled(name) for name in tree.items(tree.b[node]))
        head = [self._flags(flags), self._linked_arg(tree.a[node]), self._text_argument(names), self._text_argument(modes),
                self._value_arg(priority, K.V_INT)]
        self.act(ActionId.EVENT, head + given, not flags & K.G_ASYNC or bool(flags & K.G_DURABLE))
        self._copied_back(backs)

    def openevent(self, node: int) -> None:
        tree = self.tree
        flags = tree.d[node]
        args = [self._flags(flags), self._linked_arg(tree.a[node]), self._object_arg(tree.b[node]), self._value_arg(tree.c[node], K.V_INT)]
        self.act(ActionId.OPENEVENT, args, bool(flags & K.O_SYNC))

    def close(self, node: int) -> None:
        tree = self.tree
        target = self._linked_arg(tree.a[node]) if tree.a[node] >= 0 else self._object_arg(-1)
        args = [self._flags(tree.d[node]), target, self._object_arg(tree.b[node]), self._value_arg(tree.c[node], K.V_INT)]
        self.act(ActionId.CLOSE, args, False)

    def command(self, node: int) -> None:
        tree = self.tree
        args = [self._value_arg(tree.b[node], K.V_TEXT), self._object_arg(tree.c[node]), self._value_arg(tree.d[node], K.V_INT)]
        if tree.a[node] >= 0:
            self._into(tree.a[node], ActionId.COMMAND, args)
        else:
            self.act(ActionId.COMMAND, [*args, self.arg_out(K.V_INT, self.temp(K.V_INT))], False)

    def getaccess(self, node: int) -> None:
        tree = self.tree
        public, holder, note = tree.items(tree.c[node])
        granted, text = self.temp(K.V_BOOL), self.temp(K.V_TEXT)
        args = [self._value_arg(tree.b[node], K.V_TEXT), self.arg_in(K.V_BOOL, self.load(bool(public), K.V_BOOL)),
                self._value_arg(note, K.V_TEXT),
                self.arg_out(K.V_BOOL, granted), self.arg_out(K.V_TEXT, text)]
        self.act(ActionId.GETACCESS, args, True)
        self.store(self.placed(tree.a[node]), granted, K.V_BOOL)
        if holder >= 0:
            self.store(self.placed(holder), text, K.V_TEXT)

    def releaseaccess(self, node: int) -> None:
        args = [self._value_arg(self.tree.a[node], K.V_TEXT), self.arg_in(K.V_BOOL, self.load(bool(self.tree.b[node]), K.V_BOOL))]
        self.act(ActionId.RELEASEACCESS, args, False)

    def change_reference(self, place: Place) -> int:
        """Reference that ON CHANGE follows; row 0 with a column is the whole column."""
        if place.column < 0 or place.index >= 0:
            return self.linked(place)
        base = self.linked(Place(place.kind, K.V_RECORD, place.symbol, place.struct, base=place.base, entry=place.entry, node=place.node))
        return self.item(base, self.load(0, K.V_INT), place.column + 1)

    # PUBLIC variables
    def public_procedures(self) -> None:
        """`PUBLIC_IN` takes the values that a caller gives, `PUBLIC_OUT` hands them all back; the host of the script starts them."""
        public = [symbol for symbol in self.checked.globals.values() if symbol.public and symbol.register >= 0]
        if not public:
            return
        self._moving(PUBLIC_IN, Mode.IN, public)
        self._moving(PUBLIC_OUT, Mode.OUT, public)

    def marks(self, checked: Checker) -> None:
        """What the host of a script has to know of it: its interfaces, the containers and typed aliases that its RPC procedures take."""
        names = [IMPLEMENTS.format(name) for name in checked.interfaces]
        called = [(p.name, at, parameter.symbol) for p in checked.procedures if p.flags & (K.F_RPC | K.F_RPCX)
                  for at, parameter in enumerate(p.parameters)]
        names += [HANDLES.format(name, at) for name, at, symbol in called if symbol.handle]
        names += [ALIASES.format(self.structure(symbol.struct), name, at) for name, at, symbol in called
                  if symbol.type == K.V_OBJECT and symbol.struct is not None]
        for name in names:
            self.p = self.unit.procedure(name)
            self.p.action(1)
            self.emit(Op.RET)

    def _moving(self, name: str, mode: Mode, public: list[Symbol]) -> None:
        self.p = self.unit.procedure(name)
        self.begin_registers()
        places = [self.p.param(s.name, mode, Type(s.type), self.structure(s.struct if s.type == K.V_RECORD else None)) for s in public]
        self.p.action(1)
        for symbol, register in zip(public, places, strict=True):
            if symbol.type == K.V_RECORD:
                to, of = (symbol.register | GLOBAL, register) if mode == Mode.IN else (register, symbol.register | GLOBAL)
                self._copy_record(to, of)
            elif mode == Mode.IN:
                self.emit(typed("GSTORE", symbol.type), symbol.register, register)
            else:
                self.emit(typed("GLOAD", symbol.type), register, symbol.register)
        self.emit(Op.RET)

    def _copy_record(self, to: int, of: int) -> None:
        rows = self.temp(K.V_INT)
        self.emit(Op.DIM, rows, of)
        self.emit(Op.REDIM, to, rows)
        self.emit(Op.SET_WITH, to, of)
        self.free(rows)
