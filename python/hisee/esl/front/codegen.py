"""Code generator: a checked part to the bytes of its unit. Control flow and sections; runs only when the checker found no error.

Each textual action opens a range (RETRY, RESUME and mode OFF work by them); what belongs to ELSE, ENDIF and END_LOOP has ranges
of its own, so that mode OFF never runs from a THEN body into the ELSE body.
"""

from __future__ import annotations

from hisee.esl.front import nodes as N
from hisee.esl.front import nodes_calls as C
from hisee.esl.front.checker import Checker
from hisee.esl.front.checker_expr import FUNCTIONS
from hisee.esl.front.codegen_base import typed
from hisee.esl.front.codegen_calls import CallCode
from hisee.esl.front.nodes import F_ENTRY, F_ENTRYX, F_RPC, F_RPCX, M_IN, M_OUT, V_BOOL, V_INT, V_NONE, V_RECORD
from hisee.esl.front.nodes_units import N_CALL_UNIT, N_WAIT_FOR
from hisee.esl.front.symbols import P_WHOLE, Place, Procedure, Symbol
from hisee.esl.optimisations import NONE
from hisee.esl.unit import Kind, Label, Mode, ProcedureBuilder, Type, UnitBuilder
from hisee.schema.opcodes import Op

KINDS = ((F_RPCX, Kind.RPCX), (F_RPC, Kind.RPC), (F_ENTRYX, Kind.ENTRYX), (F_ENTRY, Kind.ENTRY))


def generate(checked: Checker, without: frozenset[str] = NONE) -> bytes:
    """The unit. Raises hisee.esl.unit.UnitLimit when a limit of the format is reached."""
    unit = UnitBuilder(checked.name)
    return Codegen(unit, checked, without).run()


class Codegen(CallCode):
    def run(self) -> bytes:
        checked: Checker = self.checked  # type: ignore[assignment]
        for procedure in checked.procedures:
            self.builders.append(self.unit.procedure(procedure.name, kind_of(procedure)))
        for symbol in checked.pvars.values():  # all, in the order of the picture: hosts know them by this index
            self.variable(symbol)
        self._text(self.builders[0], "")
        self.public_procedures()
        return self.unit.build()

    def generate_inner(self, init: ProcedureBuilder, name: str) -> None:
        """A unit event as a part of the script: see codegen_units.py."""
        checked: Checker = self.checked  # type: ignore[assignment]
        for procedure in checked.procedures:
            kind = Kind.CHANGE if procedure.on_change else Kind.LOCAL
            self.builders.append(self.unit.procedure(f"{name}.{procedure.name}" if procedure.index else name, kind))
        self._text(init, name + ".")

    def _text(self, init: ProcedureBuilder, prefix: str) -> None:
        """Registers and code of one text; the globals stand in the script's init part."""
        checked: Checker = self.checked  # type: ignore[assignment]
        modes = {self.tree.a[n] for n, kind in enumerate(self.tree.kind) if kind == N.N_ON_ERROR}
        self.has_handler, self.has_off = N.E_LABEL in modes, N.E_OFF in modes
        self.p = init
        for symbol in checked.globals.values():
            self._place_symbol(symbol)
        for procedure in checked.procedures[1:]:
            self._parameters(procedure)
        self.generate_units(init, prefix)
        for procedure in checked.procedures:
            self._section(procedure)

    # sections
    def _place_symbol(self, symbol: Symbol) -> None:
        """Registers of a variable and its companions; a constant known now needs none."""
        if symbol.value is not None or not symbol.type:
            return
        struct = symbol.struct if symbol.type == V_RECORD else None
        symbol.register = self.p.slot(Type(symbol.type), self.structure(struct))
        self._place_companions(symbol)

    def _place_companions(self, symbol: Symbol) -> None:
        for companion in (symbol.time, symbol.weak, symbol.flags):
            if companion is not None:
                companion.register = self.p.slot(Type(companion.type))

    def _parameters(self, procedure: Procedure) -> None:
        self.p = self.builders[procedure.index]
        modes = {M_IN: Mode.IN, M_OUT: Mode.OUT}
        for parameter in procedure.parameters:
            symbol = parameter.symbol
            struct = symbol.struct if symbol.type == V_RECORD else None
            mode = modes.get(parameter.mode, Mode.INOUT)
            symbol.register = self.p.param(symbol.name, mode, Type(symbol.type), self.structure(struct))
        own = {id(p.symbol) for p in procedure.parameters}
        for symbol in procedure.locals.values():
            if id(symbol) in own:
                self._place_companions(symbol)
            else:
                self._place_symbol(symbol)

    def _section(self, procedure: Procedure) -> None:
        self.here = self.checked.here = procedure  # names are looked up in the section that is generated
        self.p = self.builders[procedure.index]
        self.pool, self.busy = {}, {}
        self.labels: dict[str, Label] = {name: self.p.label() for name in procedure.labels}
        self.exits: list[Label] = []
        items = self.tree.items(self.tree.c[procedure.node]) if procedure.index else self.tree.init
        self.begin_flow(procedure, items)
        self._prologue(procedure)
        self.items(items)
        self.release()

    def _prologue(self, procedure: Procedure) -> None:
        if not procedure.index:
            self.start_units()
            for node in self.tree.globals:
                self._declaration(node)
            return
        tracked = [p.symbol for p in procedure.parameters if (p.symbol.time, p.symbol.weak, p.symbol.flags) != (None, None, None)]
        if tracked:
            self.action(procedure.node)
        for symbol in tracked:
            self.stamp(symbol)

    def _declaration(self, node: int) -> None:
        """Constants whose value is not known now are computed here; an invalid one raises."""
        table = self.here.locals if self.here.index else self.checked.globals
        for var in self.tree.items(self.tree.b[node]):
            symbol = table.get(self.checked.folded(self.tree.a[var]))
            value = self.tree.b[var]
            if value < 0 or symbol is None or symbol.initial != value or symbol.value is not None:
                continue
            self.action(var)
            register = self.value(value, symbol.type, self.temp(symbol.type) if self.is_global(symbol) else symbol.register)
            self.write_symbol(symbol, register)
            self._must_be_valid(symbol, register)

    def _must_be_valid(self, symbol: Symbol, register: int) -> None:
        valid, fine = self.temp(V_BOOL), self.p.label()
        self.emit(typed("VALID", symbol.type), valid, register)
        self.emit(Op.BR_TRUE, valid, 0, fine)
        self.emit(Op.RAISE_NR, x=2)
        self.p.place(fine)

    # items
    def items(self, items: list[int]) -> None:
        for node in items:
            kind = self.tree.kind[node]
            if kind == N.N_LABEL:
                self.release()
                self.p.place(self.labels[self.checked.folded(self.tree.a[node])])
            elif kind == N.N_DECL:
                self._declaration(node)
            else:
                self.action(node)
                self._action(node, kind)

    def _action(self, node: int, kind: int) -> None:
        method = METHODS.get(kind)
        if method is not None:
            method(self, node)

    # blocks
    def if_(self, node: int) -> None:
        tree = self.tree
        branches, end = tree.items(tree.a[node]), self.p.label()
        otherwise = tree.items(tree.b[node])
        for at in range(0, len(branches), 2):
            following = self.p.label()
            if at:
                self.action(branches[at])
            self.branch(branches[at], following, False)
            self.release()
            self.items(tree.items(branches[at + 1]))
            if at + 2 < len(branches) or tree.b[node] >= 0:
                self._leave_branch(branches[at], end)
            self.p.place(following)
        self.items(otherwise)
        self.release()
        self.p.place(end)

    def _leave_branch(self, condition: int, end: Label) -> None:
        self.release()
        self.marker(self.tree.end[condition])
        self.emit(Op.JUMP, end)

    def for_(self, node: int) -> None:
        tree = self.tree
        symbol = self.checked.symbol_of(tree.a[node], node)
        assert symbol is not None
        shared = self.is_global(symbol)
        counter = self.hold(V_INT) if shared else None
        i = counter[0] if counter else symbol.register
        bound = self.hold(V_INT)
        if self.has_off:  # a head that fails runs into the body: its END_LOOP must not meet the bound of another loop
            self.invalid(V_INT, bound[0])
        self._bounds(node, i, bound[0])
        end, top = self.p.label(), self.p.label()
        self._write_back(symbol, i)
        self.emit(Op.FOR_PREP, i, bound[0], end)
        self.p.place(top)
        self._write_back(symbol, i)
        self._loop_items(node, end)
        if counter:
            self.emit(Op.GLOAD_I, i, symbol.register)
        self.emit(Op.FOR, i, bound[0], top)
        self._write_back(symbol, i)
        self.p.place(end)
        self.unhold(bound)
        if counter:
            self.unhold(counter)

    def _write_back(self, symbol: Symbol, i: int) -> None:
        """A counter of the script, in a procedure: the loop counts in a register of its own."""
        if self.is_global(symbol):
            self.emit(Op.GSTORE_I, symbol.register, i)

    def _bounds(self, node: int, i: int, bound: int) -> None:
        tree = self.tree
        if tree.kind[node] == N.N_FOR:
            low = self.temp(V_INT)
            self.value(tree.b[node], V_INT, low)
            self.value(tree.c[node], V_INT, bound)
            self.emit(Op.MOV_I, i, low)
            return
        place: Place = self.checked.places[tree.b[node]]  # type: ignore[attr-defined]
        if place.kind == P_WHOLE:
            assert place.symbol is not None
            self.emit(Op.DIM, bound, self.record(place.symbol))
        else:
            self.emit(Op.ATTR_DIM, bound, self.reference(place))
        self.emit(Op.LOADI_I, i, 1)

    def _loop_items(self, node: int, end: Label) -> None:
        self.release()
        self.exits.append(end)
        self.items(self.tree.items(self.tree.d[node]))
        self.exits.pop()
        self.release()

    def loop(self, node: int) -> None:
        end, top = self.p.label(), self.p.label()
        self.p.place(top)
        self._loop_items(node, end)
        self.emit(Op.LOOP, top)
        self.p.place(end)

    def exit_loop(self, node: int) -> None:
        if self.tree.a[node] < 0:
            self.emit(Op.JUMP, self.exits[-1])
        else:
            self.branch(self.tree.a[node], self.exits[-1], True)

    # the others
    def local_call(self, node: int) -> None:
        self.call(self.tree.a[node], self.tree.items(self.tree.b[node]))

    def function_action(self, node: int) -> None:
        """A function for its effect; its result is dropped."""
        inner = self.tree.a[node]
        name = self.checked.folded(self.tree.a[inner])
        args = self.tree.items(self.tree.b[inner])
        row = FUNCTIONS.get(name)
        if row is None:
            self.picture_function(name, args, -1)
        elif row.result == "-":
            given = self._arguments(row, args, [self.type_of(a) for a in args])
            if row.host:
                self._host_function(row, given, V_NONE, -1)
            else:
                self.function(row.number, given, None)
        else:
            self.value(inner)

    def wait_(self, node: int) -> None:
        self.wait()


def kind_of(procedure: Procedure) -> Kind:
    if not procedure.index:
        return Kind.INIT
    for flag, kind in KINDS:
        if procedure.flags & flag:
            return kind
    return Kind.CHANGE if procedure.on_change else Kind.LOCAL


METHODS = {
    N.N_ASSIGN: Codegen.assign, N.N_SET_AS: Codegen.set_as, N.N_SET_WITH: Codegen.set_with, N.N_IF: Codegen.if_,
    N.N_IF_GOTO: Codegen.if_goto, N.N_FOR: Codegen.for_, N.N_FOR_RANGE: Codegen.for_, N.N_LOOP: Codegen.loop,
    N.N_EXIT_LOOP: Codegen.exit_loop, N.N_GOTO: Codegen.goto, N.N_RETURN: Codegen.plain, N.N_END: Codegen.plain,
    N.N_RETRY: Codegen.plain, N.N_RESUME: Codegen.plain, N.N_ON_ERROR: Codegen.on_error, N.N_ON_CHANGE: Codegen.on_change,
    N.N_REDIM: Codegen.redim, N.N_INSERT: Codegen.insert, N.N_CALL: Codegen.local_call, N.N_CALL_OTHER: Codegen.call_other,
    N.N_DELAY: Codegen.delay, N.N_WAIT: Codegen.wait_, N.N_FUNC_ACTION: Codegen.function_action, N.N_LOG: Codegen.log,
    N.N_LOGEX: Codegen.logex, N.N_MESSAGE: Codegen.message, N.N_QUERY: Codegen.query, N.N_DB: Codegen.database,
    C.N_CALL_OBJECT: Codegen.call_object, C.N_EVENT: Codegen.event, C.N_OPENEVENT: Codegen.openevent, C.N_CLOSE: Codegen.close,
    C.N_COMMAND: Codegen.command, C.N_GETACCESS: Codegen.getaccess, C.N_RELEASEACCESS: Codegen.releaseaccess,
    N.N_EXCEPTION_HANDLER: Codegen.exception_handler, N.N_GOSUB: Codegen.gosub, N.N_ON_JUMP: Codegen.on_jump,
    N.N_RAISE: Codegen.raise_exception, N.N_RERAISE: Codegen.plain, N.N_SORT: Codegen.sort, N.N_FIND_TRUE: Codegen.find_true,
    N.N_DELETE: Codegen.delete, N.N_COPY_ROWS: Codegen.copy_rows, N.N_SET_BIND: Codegen.set_bind, N.N_CNT: Codegen.container,
    N.N_LST: Codegen.object_list,
    N_CALL_UNIT: Codegen.call_unit, N_WAIT_FOR: Codegen.wait_for,
}
