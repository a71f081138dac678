# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code generator: a checked part to the bytes of its unit. Control flow and sections; runs only when the checker found no error.

Each textual action opens a range (RETRY, RESUME and mode OFF work by them); what belongs to ELSE, ENDIF and END_LOOP has ranges
of its own, so that mode OFF never runs from a THEN body into the ELSE body.
"""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Label, ProcedureBuilder, UnitBuilder
from hisee.esl.front.checker import Checker
from hisee.esl.front.codegen_actions import MODES
from hisee.esl.front.codegen_base import typed
from hisee.esl.front.codegen_calls import CallCode
from hisee.esl.front.symbols import Procedure, Symbol
from hisee.esl.optimisations import NONE
from hisee.esl.unit import Kind

INIT, CHANGE, LOCAL = Kind.INIT, Kind.CHANGE, Kind.LOCAL
KINDS = ((K.F_RPCX, Kind.RPCX), (K.F_RPC, Kind.RPC), (K.F_ENTRYX, Kind.ENTRYX), (K.F_ENTRY, Kind.ENTRY))


def generate(checked: Checker, without: frozenset[str] = NONE) -> bytes:
    """The unit. Raises hisee.esl.unit.UnitLimit when a limit of the format is reached."""
    unit = UnitBuilder(checked.name)
    return Codegen(unit, checked, without).run()


class Codegen(CallCode):
    def run(self) -> bytes:
        checked = self.checked
        for procedure in checked.procedures:
            self.builders.append(self.unit.procedure(procedure.name, kind_of(procedure)))
        for symbol in checked.pvars.values():  # all, in the order of the picture: hosts know them by this index
            self.variable(symbol)
        self._text(self.builders[0], "")
        self.public_procedures()
        self.marks(checked)
        return self.unit.build()

    def generate_inner(self, init: ProcedureBuilder, name: str) -> None:
        """A unit event as a part of the script: see codegen_units.py."""
        checked = self.checked
        for procedure in checked.procedures:
            kind = Kind.CHANGE if procedure.on_change else Kind.LOCAL
            self.builders.append(self.unit.procedure(f"{name}.{procedure.name}" if procedure.index else name, kind))
        self._text(init, name + ".")

    def _text(self, init: ProcedureBuilder, prefix: str) -> None:
        """Registers and code of one text; the globals stand in the script's init part."""
        checked = self.checked
        self._look_at_modes()
        self.p = init
        for symbol in checked.globals.values():
            self._place_symbol(symbol)
        for procedure in checked.procedures[1:]:
            self._parameters(procedure)
        self.generate_units(init, prefix)
        for procedure in checked.procedures:
            self._section(procedure)

    def _look_at_modes(self) -> None:
        tree = self.tree
        for node in range(tree.count):
            if tree.kind[node] == K.N_ON_ERROR:
                self.has_handler = self.has_handler or tree.a[node] == K.E_LABEL
                self.has_off = self.has_off or tree.a[node] == K.E_OFF

    # sections
    def _place_symbol(self, symbol: Symbol) -> None:
        """Registers of a variable and its companions; a constant known now needs none."""
        if symbol.value is not None or not symbol.type:
            return
        struct = symbol.struct if symbol.type == K.V_RECORD else None
        symbol.register = self.p.slot(symbol.type, self.structure(struct))
        self._place_companions(symbol)

    def _place_companions(self, symbol: Symbol) -> None:
        for companion in (symbol.time, symbol.weak, symbol.flags):
            if companion is not None:
                companion.register = self.p.slot(companion.type)

    def _parameters(self, procedure: Procedure) -> None:
        self.p = self.builders[procedure.index]
        for parameter in procedure.parameters:
            symbol = parameter.symbol
            struct = symbol.struct if symbol.type == K.V_RECORD else None
            symbol.register = self.p.param(symbol.name, MODES[parameter.mode], symbol.type, self.structure(struct))
        for symbol in procedure.locals.values():
            if symbol.given:
                self._place_companions(symbol)
            else:
                self._place_symbol(symbol)

    def _section(self, procedure: Procedure) -> None:
        self.here = self.checked.here = procedure  # names are looked up in the section that is generated
        self.p = self.builders[procedure.index]
        self.begin_registers()
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
        tree = self.tree
        for at in range(tree.first(tree.b[node]), tree.behind(tree.b[node])):
            var = tree.pool[at]
            value = tree.b[var]
            if value < 0:
                continue
            symbol = table.get(self.checked.folded(tree.a[var]))
            if symbol is None or symbol.initial != value or symbol.value is not None:
                continue
            self.action(var)
            register = self.value(value, symbol.type, self.temp(symbol.type) if self.is_global(symbol) else symbol.register)
            self.write_symbol(symbol, register)
            self._must_be_valid(symbol, register)

    def _must_be_valid(self, symbol: Symbol, register: int) -> None:
        valid, fine = self.temp(K.V_BOOL), self.p.label()
        self.emit(typed("VALID", symbol.type), valid, register)
        self.fork(Op.BR_TRUE, valid, 0, fine)
        self.emit(Op.RAISE_NR, 0, 0, 0, 2)
        self.p.place(fine)

    # items
    def items(self, items: list[int]) -> None:
        for node in items:
            self._item_of_section(node)

    def items_of(self, number: int) -> None:
        """A stored list of actions; -1 is an empty one."""
        tree = self.tree
        for at in range(tree.first(number), tree.behind(number)):
            self._item_of_section(tree.pool[at])

    def _item_of_section(self, node: int) -> None:
        kind = self.tree.kind[node]
        if kind == K.N_LABEL:
            self.release()
            self.p.place(self.labels[self.checked.folded(self.tree.a[node])])
        elif kind == K.N_DECL:
            self._declaration(node)
        else:
            self.action(node)
            self._action(node, kind)

    def _action(self, node: int, kind: int) -> None:
        if kind == K.N_ASSIGN:
            self.assign(node)
        elif kind == K.N_IF:
            self.if_(node)
        elif kind == K.N_CALL:
            self.call(self.tree.a[node], self.tree.items(self.tree.b[node]))
        elif kind in (K.N_FOR, K.N_FOR_RANGE):
            self.for_(node)
        elif kind == K.N_FUNC_ACTION:
            self.function_action(node)
        elif kind == K.N_DB:
            self.database(node)
        elif kind != K.N_NOTHING:
            METHODS[kind](self, node)

    # blocks
    def if_(self, node: int) -> None:
        tree = self.tree
        first, behind, end = tree.first(tree.a[node]), tree.behind(tree.a[node]), self.p.label()
        for at in range(first, behind, 2):
            condition, following = tree.pool[at], self.p.label()
            if at > first:
                self.action(condition)
            self.branch(condition, following, False)
            self.release()
            self.items_of(tree.pool[at + 1])
            if at + 2 < behind or tree.b[node] >= 0:
                self._leave_branch(condition, end)
            self.p.place(following)
        self.items_of(tree.b[node])
        self.release()
        self.p.place(end)

    def _leave_branch(self, condition: int, end: Label) -> None:
        self.release()
        self.marker(self.tree.end[condition])
        self.jump(Op.JUMP, end)

    def for_(self, node: int) -> None:
        tree = self.tree
        symbol = self.checked.symbol_of(tree.a[node], node)
        assert symbol is not None
        shared = self.is_global(symbol)
        counter = self.hold(K.V_INT) if shared else None
        i = counter[0] if counter is not None else symbol.register
        bound = self.hold(K.V_INT)
        if self.has_off:  # a head that fails runs into the body: its END_LOOP must not meet the bound of another loop
            self.invalid(K.V_INT, bound[0])
        self._bounds(node, i, bound[0])
        end, top = self.p.label(), self.p.label()
        self._write_back(symbol, i)
        self.fork(Op.FOR_PREP, i, bound[0], end)
        self.p.place(top)
        self._write_back(symbol, i)
        self._loop_items(node, end)
        if counter is not None:
            self.emit(Op.GLOAD_I, i, symbol.register)
        self.fork(Op.FOR, i, bound[0], top)
        self._write_back(symbol, i)
        self.p.place(end)
        self.unhold(bound)
        if counter is not None:
            self.unhold(counter)

    def _write_back(self, symbol: Symbol, i: int) -> None:
        """A counter of the script, in a procedure: the loop counts in a register of its own."""
        if self.is_global(symbol):
            self.emit(Op.GSTORE_I, symbol.register, i)

    def _bounds(self, node: int, i: int, bound: int) -> None:
        tree = self.tree
        if tree.kind[node] == K.N_FOR:
            low = self.temp(K.V_INT)
            self.value(tree.b[node], K.V_INT, low)
            self.value(tree.c[node], K.V_INT, bound)
            self.emit(Op.MOV_I, i, low)
            return
        place = self.placed(tree.b[node])
        if place.kind == K.P_WHOLE:
            assert place.symbol is not None
            self.emit(Op.DIM, bound, self.record(place.symbol))
        else:
            self.emit(Op.ATTR_DIM, bound, self.reference(place))
        self.emit(Op.LOADI_I, i, 1)

    def _loop_items(self, node: int, end: Label) -> None:
        self.release()
        self.exits.append(end)
        self.items_of(self.tree.d[node])
        self.exits.pop()
        self.release()

    def loop(self, node: int) -> None:
        end, top = self.p.label(), self.p.label()
        self.p.place(top)
        self._loop_items(node, end)
        self.jump(Op.LOOP, top)
        self.p.place(end)

    def exit_loop(self, node: int) -> None:
        if self.tree.a[node] < 0:
            self.jump(Op.JUMP, self.exits[-1])
        else:
            self.branch(self.tree.a[node], self.exits[-1], True)

    # the others
    def function_action(self, node: int) -> None:
        """A function for its effect; its result is dropped."""
        inner = self.tree.a[node]
        name = self.checked.folded(self.tree.a[inner])
        args = self.tree.items(self.tree.b[inner])
        signature = self.checked.signature_of(self.tree.a[inner])
        if signature is None:
            self.picture_function(name, args, -1)
        elif signature.result != K.V_NONE:
            self.value(inner)
        elif signature.foreign is not None:
            self._external_function(signature, self.tree.b[inner], K.V_NONE, -1)
        elif signature.host:
            self._host_function(signature, self._arguments(signature, self.tree.b[inner]), K.V_NONE, -1)
        else:
            self.function(signature.number, self._arguments(signature, self.tree.b[inner]), None)

    def wait_(self, node: int) -> None:
        self.wait()


def kind_of(procedure: Procedure) -> Kind:
    if not procedure.index:
        return INIT
    for flag, kind in KINDS:
        if procedure.flags & flag:
            return kind
    return CHANGE if procedure.on_change else LOCAL


METHODS = {
    K.N_SET_AS: Codegen.set_as, K.N_SET_WITH: Codegen.set_with,
    K.N_IF_GOTO: Codegen.if_goto, K.N_LOOP: Codegen.loop,
    K.N_EXIT_LOOP: Codegen.exit_loop, K.N_GOTO: Codegen.goto, K.N_RETURN: Codegen.plain, K.N_END: Codegen.plain,
    K.N_RETRY: Codegen.plain, K.N_RESUME: Codegen.plain, K.N_ON_ERROR: Codegen.on_error, K.N_ON_CHANGE: Codegen.on_change,
    K.N_REDIM: Codegen.redim, K.N_INSERT: Codegen.insert, K.N_CALL_OTHER: Codegen.call_other,
    K.N_DELAY: Codegen.delay, K.N_WAIT: Codegen.wait_, K.N_LOG: Codegen.log,
    K.N_LOGEX: Codegen.logex, K.N_MESSAGE: Codegen.message, K.N_QUERY: Codegen.query,
    K.N_CALL_OBJECT: Codegen.call_object, K.N_EVENT: Codegen.event, K.N_OPENEVENT: Codegen.openevent, K.N_CLOSE: Codegen.close,
    K.N_COMMAND: Codegen.command, K.N_GETACCESS: Codegen.getaccess, K.N_RELEASEACCESS: Codegen.releaseaccess,
    K.N_EXCEPTION_HANDLER: Codegen.exception_handler, K.N_GOSUB: Codegen.gosub, K.N_ON_JUMP: Codegen.on_jump,
    K.N_RAISE: Codegen.raise_exception, K.N_RERAISE: Codegen.plain, K.N_SORT: Codegen.sort, K.N_FIND_TRUE: Codegen.find_true,
    K.N_DELETE: Codegen.delete, K.N_COPY_ROWS: Codegen.copy_rows, K.N_SET_BIND: Codegen.set_bind, K.N_CNT: Codegen.container,
    K.N_LST: Codegen.object_list,
    K.N_CALL_UNIT: Codegen.call_unit, K.N_WAIT_FOR: Codegen.wait_for,
}
