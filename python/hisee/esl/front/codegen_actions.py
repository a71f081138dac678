# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of actions that store, call or ask: assignments, links, structures, CALL, LOG, QUERY, database."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Arg, Label, ProcedureBuilder, arg_of
from hisee.esl.front.checker_db import DbAction
from hisee.esl.front.codegen_base import typed
from hisee.esl.front.codegen_stamp import StampCode
from hisee.esl.front.symbols import Parameter, Place, Procedure, Struct
from hisee.esl.front.words import UNIT_ORDER, UNITS
from hisee.esl.unit import Mode
from hisee.schema.actions import BY_NAME as ACTIONS
from hisee.schema.actions import ActionId

OBJECTS = 64  # flag of CALL_OTHER and CALL_OBJECT: objects among the arguments go as references (hisee.script.references)
IN, OUT, INOUT = int(Mode.IN), int(Mode.OUT), int(Mode.INOUT)
MODES = (INOUT, IN, OUT)  # of arguments, by mode of the parameter


class ActionCode(StampCode):
    """One method per kind of action; the caller has opened the action's range."""

    def change_reference(self, place: Place) -> int:
        raise NotImplementedError

    # storing
    def store(self, place: Place, register: int, kind: int, weak: int = -1, time: int = -1, flags: int = -1) -> None:
        """Write a value of type `kind` to a place, converted to it."""
        symbol = place.symbol
        if place.kind == K.P_SCALAR:
            assert symbol is not None
            self.write_symbol(symbol, self.convert(register, kind, symbol.type))
            self.stamp(symbol, weak, time, flags)
        elif place.kind == K.P_PVAR:
            assert symbol is not None
            self.emit(typed("PV_WR", symbol.type), self.variable(symbol), self.convert(register, kind, symbol.type))
        elif place.kind == K.P_ITEM:
            self.store_item(place, self.convert(register, kind, place.type), time)
        else:
            self.set_cell(self._written(place), register, kind, weak, time, flags)

    def _written(self, place: Place) -> int:
        """Reference that an assignment goes to. An Object item of an object: what it is linked to; without a link WAIT says so."""
        cell = self.linked(place)
        if place.index < 0 or not self.checked._holds_reference(place):
            return cell
        reference = self.temp(K.V_OBJECT)
        self.emit(Op.RD_O, reference, cell)
        self.free(cell)
        return reference

    def linked(self, place: Place) -> int:
        """Reference for writing: an empty alias or item raises here."""
        reference = self.reference(place)
        if place.base in ("alias", "item"):
            number = self.temp(K.V_INT)
            self.emit(Op.HBJ, number, reference)
            self.free(number)
        return reference

    def set_cell(self, reference: int, register: int, kind: int, weak: int = -1, time: int = -1, flags: int = -1) -> None:
        time = self.invalid(K.V_TIME) if time < 0 else time
        weak = self.load(False, K.V_BOOL) if weak < 0 else weak
        args = [self.arg_in(K.V_OBJECT, reference), self.arg_in(kind, register), self.arg_in(K.V_TIME, time), self.arg_in(K.V_BOOL, weak)]
        if flags >= 0:
            args.append(self.arg_in(K.V_INT, flags))
        self.act(ActionId.SET, args, False)
        self.free(time)
        self.free(weak)

    def assign(self, node: int) -> None:
        tree = self.tree
        place = self.placed(tree.a[node])
        value = tree.b[node]
        symbol = place.symbol
        time = self.value(tree.c[node], K.V_TIME) if tree.c[node] >= 0 else self.given_time(value)
        if place.kind == K.P_SCALAR and symbol is not None and not self.is_global(symbol):
            weak = self.weak_of(value) if symbol.weak is not None else -1
            flags = self.flags_of(value) if symbol.flags is not None else -1
            if time == symbol.register:  # the time that the variable itself has before it is written
                time = self.convert(time, K.V_TIME, K.V_TIME, self.temp(K.V_TIME))
            self.value(value, symbol.type, symbol.register)
            self.stamp(symbol, weak, time, flags)
            return
        kind = place.type
        if place.kind == K.P_CELL and kind == K.V_ANY:
            kind = self.type_of(value)
        flagged = place.kind == K.P_CELL or symbol is not None and symbol.flags is not None
        flags = self.flags_of(value) if flagged else -1
        register = self.value(value, kind)
        tracked = place.kind == K.P_CELL or symbol is not None and symbol.weak is not None
        self.store(place, register, kind, self.weak_of(value) if tracked else -1, time, flags)

    # links
    def set_as(self, node: int) -> None:
        tree = self.tree
        target = self.placed(tree.a[node])
        if target.kind in (K.P_WHOLE, K.P_ROW, K.P_COLUMN):
            self.set_as_structure(node)
            return
        if tree.b[node] < 0:
            reference = self.temp(K.V_OBJECT)
            self.emit(Op.OBJ_NONE, reference)
        else:
            reference = self.linked(self.placed(tree.b[node]))
            if node in self.checked.through:
                cell, reference = reference, self.temp(K.V_OBJECT)
                self.emit(Op.RD_O, reference, cell)
        if target.base == "item":
            assert target.item is not None
            self.store_item(target.item, reference)
        else:
            assert target.symbol is not None
            self.write_symbol(target.symbol, reference)

    def set_as_structure(self, node: int) -> None:
        raise NotImplementedError

    # calls
    def call(self, name: int, args: list[int], code: int = -1) -> None:
        """A procedure of this part. With `code` an error in it ends there and its number stands in that register."""
        procedure: Procedure = self.checked.by_name[self.checked.folded(name)]
        given: list[Arg] = []
        backs: list[tuple[Place, int, int]] = []
        for at in range(len(args)):
            given.append(self.argument_for(args[at], procedure.parameters[at], backs))
        callee = self.builders[procedure.index]
        if code >= 0:
            given.append(self.arg_out(K.V_INT, code))
            callee = self._guarded(procedure)
        self.emit(Op.CALL, self.unit.call(callee, given), 0, 0)
        for place, register, kind in backs:
            self.copy_back(place, register, kind)

    def _guarded(self, procedure: Procedure) -> ProcedureBuilder:
        """A procedure around `procedure` that catches its errors: the same parameters and a code behind them."""
        if procedure.index in self.guards:
            return self.guards[procedure.index]
        inner, failed = self.builders[procedure.index], Label()
        outer = self.guards[procedure.index] = self.unit.procedure(f"CALL [] {procedure.name}")
        args = [arg_of(p.mode, p.type, outer.param(p.name, p.mode, p.type, p.structure)) for p in inner.parameters]
        code = outer.param("_ret", OUT, K.V_INT)
        line = self.checked.source.line(self.tree.start[procedure.node])
        outer.action(line)
        outer.emit(Op.ON_ERR, failed, 0, 0, K.E_LABEL)
        outer.emit(Op.CALL, self.unit.call(inner, args))
        outer.emit(Op.LOADI_I, code, 0)
        outer.emit(Op.RET)
        outer.place(failed)
        outer.action(line)
        outer.emit(Op.ERR_NR, code)
        return outer

    def argument_for(self, node: int, parameter: Parameter, backs: list[tuple[Place, int, int]]) -> Arg:
        symbol, mode = parameter.symbol, MODES[parameter.mode]
        if symbol.type == K.V_RECORD:
            return self.record_argument(self.placed(node), mode, backs)
        if symbol.type == K.V_OBJECT:
            return self._alias_argument(self.placed(node), mode)
        if parameter.mode == K.M_IN:
            kind = self.type_of(node)
            given = self.arg_in(kind, self.value(node))
        else:
            given = self.inout(self.placed(node), mode, backs)
        if symbol.handle:
            self._must_be_container(given)
        return given

    def _must_be_container(self, handle: Arg) -> None:
        """CNT_HANDLE: the CALL of a procedure with an unknown handle raises _ERR_NO_DATA, the procedure is not entered."""
        self.act(ActionId.CNT_GETNR, [arg_of(IN, handle.type, handle.register), self.arg_out(K.V_INT, self.temp(K.V_INT))], False)

    def _alias_argument(self, place: Place, mode: int) -> Arg:
        """A reference is handed over; only an alias of the caller can be re-linked by the callee."""
        if place.base == "alias" and place.index < 0 and place.symbol is not None and not self.is_global(place.symbol):
            return arg_of(mode, K.V_OBJECT, place.symbol.register)
        return arg_of(IN, K.V_OBJECT, self.reference(place))

    def inout(self, place: Place, mode: int, backs: list[tuple[Place, int, int]]) -> Arg:
        """A variable that the callee may change: a local in place, everything else through a copy that is stored afterwards."""
        symbol = place.symbol
        if place.kind == K.P_SCALAR and symbol is not None and not self.is_global(symbol):
            if (symbol.time, symbol.weak, symbol.flags) != (None, None, None):
                backs.append((place, symbol.register, symbol.type))
            return arg_of(mode, symbol.type, symbol.register)
        if mode == OUT:
            kind = place.type
            register = self.temp(kind)
        else:
            register, kind = self.read_place(place, place.type)
        backs.append((place, register, kind))
        return arg_of(mode, kind, register)

    def record_argument(self, place: Place, mode: int, backs: list[tuple[Place, int, int]]) -> Arg:
        assert place.symbol is not None
        if place.kind == K.P_WHOLE:
            return arg_of(mode, K.V_RECORD, self.fresh(place.symbol) if mode != OUT else self.record(place.symbol))
        register = self.row_copy(place)
        if mode != IN:
            backs.append((place, register, K.V_RECORD))
        return arg_of(mode, K.V_RECORD, register)

    def row_copy(self, place: Place) -> int:
        assert place.symbol is not None
        register = self.temp(K.V_RECORD, place.struct)
        index = self.value(place.index, K.V_INT)
        self.emit(Op.ROW_GET, register, self.fresh(place.symbol), index)
        self.free(index)
        return register

    def copy_back(self, place: Place, register: int, kind: int) -> None:
        if kind == K.V_OBJECT:
            self.write_symbol(place.symbol, register)  # type: ignore[arg-type]
            return
        if kind != K.V_RECORD:
            self.store(place, register, kind)
            return
        assert place.symbol is not None
        index = self.value(place.index, K.V_INT)
        if self.checked.bound:  # the callee may have bound its row: what that row reads comes back
            self.act(ActionId.REFRESH, [arg_of(INOUT, K.V_RECORD, register)], False)
        self.emit(Op.ROW_PUT, self.record(place.symbol), index, register)  # not one row: raises before the object has anything
        if place.symbol.bound:
            self._row_to_object(place, register, index)
        self.free(index)

    def _row_to_object(self, place: Place, register: int, index: int) -> None:
        """A row that stands for one of an object: what the callee wrote goes there too."""
        assert place.symbol is not None and place.struct is not None
        one = self.load(1, K.V_INT)
        for column, (_, kind) in enumerate(place.struct.columns):
            if kind == K.V_OBJECT:
                continue
            value = self.temp(kind)
            self._load_of(register, one, column, kind, value)
            self.store_bound(place.symbol, index, column, kind, value)
            self.free(value)

    def _load_of(self, record: int, row: int, column: int, kind: int, register: int) -> None:
        """As load_cell(), of a record in a register."""
        if kind != K.V_ANY:
            self.emit(typed("LD", kind), register, record, row, column)
        else:
            self.emit(Op.LDW, register, record, row)
            self.emit(Op.EXT, column)

    def call_other(self, node: int) -> None:
        tree = self.tree
        args, flags = tree.items(tree.c[node]), tree.d[node]
        result = self.checked.place_known(tree.a[node])
        if self.checked.folded(tree.b[node]) in self.checked.by_name:
            code = self.temp(K.V_INT) if result is not None else -1
            self.call(tree.b[node], args, code)
            if result is not None:
                self.store(result, code, K.V_INT)
            return
        backs: list[tuple[Place, int, int]] = []
        came: list[tuple[Place, int, int]] = []
        given, modes = self._remote_arguments(args, bool(flags & K.C_ASYNC), backs, came)
        code = self.temp(K.V_INT)
        head = [self.arg_in(K.V_INT, self.load(flags & (K.C_ASYNC | K.C_CODE) | objects_in(modes), K.V_INT)),
                self.arg_in(K.V_TEXT, self.load(self.checked.spelled(tree.b[node]), K.V_TEXT)),
                self.arg_in(K.V_TEXT, self.load(modes, K.V_TEXT)), self.arg_out(K.V_INT, code)]
        self.act(ActionId.CALL_OTHER, head + given, not flags & K.C_ASYNC)
        self._remote_results(backs, came)
        if result is not None:
            self.store(result, code, K.V_INT)

    def _remote_results(self, backs: list[tuple[Place, int, int]], came: list[tuple[Place, int, int]]) -> None:
        for place, register, kind in backs:
            self.copy_back(place, register, kind)
        for place, flag, register in came:
            none = self.p.label()
            self.fork(Op.BR_FALSE, flag, 0, none)
            self.store(place, register, K.V_ANY)
            self.p.place(none)

    def _remote_arguments(self, args: list[int], is_async: bool, backs: list[tuple[Place, int, int]],
                          came: list[tuple[Place, int, int]] | None = None) -> tuple[list[Arg], str]:
        """With `came` objects go as references. What the callee made of one as a value comes beside it, with a flag that says so."""
        given, modes = [], ""
        for arg in args:
            place = self.checked.place_known(arg)
            writable = self._is_writable(arg, place)
            mode = INOUT if writable and not is_async else IN
            in_brackets = self.tree.kind[arg] == K.N_PAREN
            if place is not None and place.kind == K.P_CELL and place.base != "self" and came is not None and not in_brackets:
                modes += "O" if mode == INOUT else "o" if not writable else "a"
                given += self._object_argument(place, mode, backs, came)
                continue
            modes += "=" if writable else "h" if in_brackets else "<"
            if place is not None and place.kind in (K.P_WHOLE, K.P_ROW):
                given.append(self.record_argument(place, mode, backs))
            elif mode == INOUT and place is not None:
                given.append(self.inout(place, mode, backs))
            else:
                given.append(self.arg_in(self.type_of(arg), self.value(arg)))
        return given, modes

    def _object_argument(self, place: Place, mode: int, backs: list[tuple[Place, int, int]],
                         came: list[tuple[Place, int, int]]) -> list[Arg]:
        """A reference; an alias of the caller may come back linked to something else."""
        reference = self.reference(place)
        if mode != INOUT:
            return [self.arg_in(K.V_OBJECT, reference)]
        if place.base == "alias" and place.index < 0:
            backs.append((place, reference, K.V_OBJECT))
        flag, value = self.load(False, K.V_BOOL), self.temp(K.V_ANY)
        came.append((place, flag, value))
        return [arg_of(INOUT, K.V_OBJECT, reference), self.arg_out(K.V_BOOL, flag), self.arg_out(K.V_ANY, value)]

    def _is_writable(self, arg: int, place: Place | None) -> bool:
        if place is None or place.kind == K.P_CONST or place.base == "self" or self.tree.kind[arg] == K.N_PAREN:
            return False
        return getattr(place.entry, "access", "rw") != "r"

    # log and operator
    def _priority(self, node: int) -> int:
        return self.value(self.tree.c[node], K.V_INT) if self.tree.c[node] >= 0 else self.load(0, K.V_INT)

    def log(self, node: int) -> None:
        values = self.tree.items(self.tree.a[node])
        label = self._label_text(values)
        kind = self.type_of(values[1]) if len(values) > 1 else K.V_BOOL
        value = self.value(values[1]) if len(values) > 1 else self.load(False, K.V_BOOL)
        flags = self.tree.b[node] | int(len(values) > 1)
        self.act(ActionId.LOG, [self.arg_in(K.V_INT, self.load(flags, K.V_INT)), self.arg_in(K.V_TEXT, label),
                                self.arg_in(K.V_INT, self._priority(node)), self.arg_in(kind, value)], False)

    def _label_text(self, values: list[int]) -> int:
        """The label is a text or a variable of any type; %ToStr makes a text of it."""
        if not values:
            return self.load("", K.V_TEXT)
        kind = self.type_of(values[0])
        if kind == K.V_TEXT:
            return self.value(values[0])
        return self.to_text(values[0], kind)

    def to_text(self, node: int, kind: int) -> int:
        operand, register = self.value(node), self.temp(K.V_TEXT)
        self.function(TO_STR, [self.arg_in(kind, operand)], self.arg_out(K.V_TEXT, register))
        return register

    def logex(self, node: int) -> None:
        text = self.value(self.tree.a[node], K.V_TEXT)
        self.act(ActionId.LOGEX, [self.arg_in(K.V_INT, self.load(self.tree.b[node], K.V_INT)), self.arg_in(K.V_TEXT, text),
                                  self.arg_in(K.V_INT, self._priority(node))], False)

    def _console(self, node: int) -> int:
        if node >= 0:
            return self.reference(self.placed(node))
        register = self.temp(K.V_OBJECT)
        self.emit(Op.OBJ_NONE, register)
        return register

    def message(self, node: int) -> None:
        text = self.value(self.tree.a[node], K.V_TEXT)
        self.act(ActionId.MESSAGE, [self.arg_in(K.V_TEXT, text), self.arg_in(K.V_OBJECT, self._console(self.tree.b[node]))], False)

    def query(self, node: int) -> None:
        tree = self.tree
        single, console, seconds = tree.items(tree.c[node])
        text = self.value(tree.b[node], K.V_TEXT)
        args = [self.arg_in(K.V_TEXT, text), self.arg_in(K.V_BOOL, self.load(bool(single), K.V_BOOL)),
                self.arg_in(K.V_OBJECT, self._console(console)),
                self.arg_in(K.V_REAL, self.value(seconds, K.V_REAL) if seconds >= 0 else self.invalid(K.V_REAL))]
        self._into(tree.a[node], ActionId.QUERY, args)

    def _into(self, target: int, number: int, args: list[Arg]) -> None:
        """A waiting action whose last operand is an INT for `target`."""
        answer = self.temp(K.V_INT)
        self.act(number, [*args, self.arg_out(K.V_INT, answer)], True)
        self.store(self.placed(target), answer, K.V_INT)

    def on_change(self, node: int) -> None:
        tree = self.tree
        procedure: Procedure = self.checked.by_name[self.checked.folded(tree.b[node])]
        reference = self.change_reference(self.placed(tree.a[node]))
        args = [self.arg_in(K.V_OBJECT, reference), self.arg_in(K.V_INT, self.load(self.builders[procedure.index].index, K.V_INT)),
                self.arg_in(K.V_BOOL, self.load(not tree.c[node], K.V_BOOL))]
        self.act(ActionId.ON_CHANGE, args, False)

    def delay(self, node: int) -> None:
        self.sleep(self.span(self.tree.a[node], self.tree.b[node]))

    def sleep(self, seconds: int) -> None:
        self.act(ActionId.DELAY, [self.arg_in(K.V_REAL, seconds)], True)

    def span(self, node: int, unit: int) -> int:
        """REAL register: an amount of time in seconds."""
        factor = UNITS[UNIT_ORDER[unit]]
        known = self.known_number(node)
        if known is not None:
            return self.load(float(known) * factor, K.V_REAL)
        seconds = self.value(node, K.V_REAL)
        if factor != 1.0:
            seconds = self._three(Op.MUL_R, K.V_REAL, seconds, self.load(factor, K.V_REAL), self.temp(K.V_REAL))
        return seconds

    def wait(self) -> None:
        self.act(ActionId.WAIT, [], True)

    # database
    def database(self, node: int) -> None:
        action: DbAction = self.checked.db[node]
        number, operands = DB_ACTIONS[action.name]
        given: list[Arg] = []
        backs: list[tuple[Place, int, int]] = []
        code = -1
        for name, mode, _ in operands:
            if name == "bind":
                given += [self._bind(bind) for bind in action.binds]
                continue
            operand = self._db_operand(action, name, mode, backs)
            code = operand.register if name == "rc" else code
            given.append(operand)
        self.act(number, given, True)
        for place, register, kind in backs:
            if place.kind == K.P_CELL and kind == K.V_RECORD:
                self.rows_to_object(place, register, code)
            else:
                self.copy_back(place, register, kind)

    def _db_operand(self, action: DbAction, name: str, mode: str, backs: list[tuple[Place, int, int]]) -> Arg:
        node: int = action.operands.get("max" if name == "max_rows" else name, -1)
        if name == "table":
            return self.arg_in(K.V_OBJECT, self.reference(self.placed(node)))
        if name == "row":
            direction = IN if mode == "IN" else OUT if action.mode else INOUT
            return self._db_rows(self.placed(node), direction, backs)
        if mode == "OUT":
            place = self.placed(node)
            return self.inout(place, OUT, backs) if place.type == K.V_INT else self._copied_out(place, backs)
        if name == "where":
            return self.arg_in(K.V_TEXT, self.value(action.where, K.V_TEXT) if action.where >= 0 else self.invalid(K.V_TEXT))
        return self.arg_in(K.V_INT, self._db_number(action, name, node))

    def _db_number(self, action: DbAction, name: str, node: int) -> int:
        if name == "mode":
            return self.load(action.mode, K.V_INT)
        if name == "count":
            return self.load(len(action.binds), K.V_INT)
        return self._max_rows(action, node) if name == "max_rows" else self.value(node, K.V_INT)

    def _db_rows(self, place: Place, direction: int, backs: list[tuple[Place, int, int]]) -> Arg:
        """Rows of an object go as the values that it has now, and what is read comes back into a record of its own."""
        if place.kind != K.P_CELL:
            return self.record_argument(place, direction, backs)
        values: Struct = place.struct.values()  # type: ignore[union-attr]
        if direction == OUT:
            self.linked(place)
            register = self.temp(K.V_RECORD, values)
            self.emit(Op.REDIM, register, self.load(0, K.V_INT))
        else:
            register = self.rows_for(place, values)
        if direction != IN:
            backs.append((place, register, K.V_RECORD))
        return arg_of(direction, K.V_RECORD, register)

    def _max_rows(self, action: DbAction, node: int) -> int:
        if node >= 0:
            return self.value(node, K.V_INT)
        return self.invalid(K.V_INT) if action.mode else self.load(1, K.V_INT)

    def _copied_out(self, place: Place, backs: list[tuple[Place, int, int]]) -> Arg:
        register = self.temp(K.V_INT)
        backs.append((place, register, K.V_INT))
        return self.arg_out(K.V_INT, register)

    def _bind(self, node: int) -> Arg:
        if self.type_of(node) == K.V_RECORD:
            return self._db_rows(self.placed(node), IN, [])
        return self.arg_in(self.type_of(node), self.value(node))


def objects_in(modes: str) -> int:
    """Flag of a call: does one of its arguments go as a reference?"""
    return OBJECTS if any(sign in "Ooa" for sign in modes) else 0


TO_STR = 524
DB_ACTIONS = {name.lower(): (row.number, row.operands) for name, row in ACTIONS.items() if name.startswith("DB")}
