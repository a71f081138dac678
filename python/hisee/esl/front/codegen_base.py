# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Registers, constants, names and conversions of the code generator. Only codegen knows opcodes and registers.

Temporary registers are pooled by type (a register keeps its type for life) and come back at the end of the action, or as soon
as an operator has used them, so that a chain of any length needs only a few.
"""

from __future__ import annotations

from hisee.esl.context import ObjectEntry
from hisee.esl.front.assembler import Arg, Label, ProcedureBuilder, UnitBuilder
from hisee.esl.front.kinds import V_ANY, V_BOOL, V_INT, V_REAL, V_TEXT, V_TIME
from hisee.esl.front.nodes import LETTERS
from hisee.esl.front.scope import Scope
from hisee.esl.front.symbols import Place, Procedure, Struct, Symbol, type_of_word
from hisee.esl.optimisations import SHORT_LOAD
from hisee.esl.unit import GLOBAL, NO_STRUCTURE, Mode, Type
from hisee.schema.opcodes import Op

OPS = Op.__members__
CONVERSIONS = {
    (V_BOOL, V_INT): Op.CVT_BI, (V_BOOL, V_REAL): Op.CVT_BR, (V_INT, V_BOOL): Op.CVT_IB, (V_INT, V_REAL): Op.CVT_IR,
    (V_REAL, V_INT): Op.CVT_RI, (V_REAL, V_BOOL): Op.CVT_RB,
}
NOW = 701  # %Now


def typed(name: str, kind: int) -> Op:
    """Member of a family of opcodes: `MOV` and INT give MOV_I."""
    return OPS[f"{name}_{LETTERS[kind]}"]


class Registers:
    """One procedure under construction. `checked` is what the checker left."""

    def __init__(self, unit: UnitBuilder, checked: Scope, without: frozenset[str]) -> None:
        self.unit = unit
        self.without = without
        self.checked = checked
        self.tree = checked.tree
        self.here: Procedure = checked.init
        self.p: ProcedureBuilder = None  # type: ignore[assignment]
        self.pool: dict[tuple[int, int], list[int]] = {}
        self.busy: dict[int, tuple[int, int]] = {}
        self.pvars: dict[int, int] = {}
        self.structs: dict[int, int] = {}
        self.builders: list[ProcedureBuilder] = []
        self.guards: dict[int, ProcedureBuilder] = {}

    # registers
    def temp(self, kind: int, struct: Struct | None = None) -> int:
        """A register that is free again at the end of the action."""
        key = (kind, self.structure(struct))
        free = self.pool.get(key)
        register = free.pop() if free else self.p.slot(Type(kind), key[1])
        self.busy[register] = key
        return register

    def dest(self, wanted: int, kind: int) -> int:
        return wanted if wanted >= 0 else self.temp(kind)

    def free(self, register: int) -> None:
        """An operand has been used: give it back if it was temporary."""
        key = self.busy.pop(register, None)
        if key is not None:
            self.pool.setdefault(key, []).append(register)

    def hold(self, kind: int) -> tuple[int, tuple[int, int] | None]:
        """A register that outlives the action; unhold() gives it back. Where code elsewhere can run in between and come back, it is
        used for nothing else, before or after."""
        if self.here.comes_back:
            return self.p.slot(Type(kind)), None
        register = self.temp(kind)
        return register, self.busy.pop(register)

    def unhold(self, held: tuple[int, tuple[int, int] | None]) -> None:
        if held[1] is not None:
            self.pool.setdefault(held[1], []).append(held[0])

    def release(self) -> None:
        for register in list(self.busy):
            self.free(register)

    def structure(self, struct: Struct | None) -> int:
        if struct is None:
            return NO_STRUCTURE
        key = id(struct)
        if key not in self.structs:
            columns = [(name, Type(kind if kind != V_ANY else V_TEXT)) for name, kind in struct.columns]
            self.structs[key] = self.unit.structure(struct.name, struct.hbj, columns)
        return self.structs[key]

    # code
    def emit(self, op: Op, a: int | Label = 0, b: int | Label = 0, c: int | Label = 0, x: int = 0) -> int:
        return self.p.emit(op, a, b, c, x=x)

    def action(self, node: int) -> None:
        self.release()
        self.p.action(self.checked.source.line(self.tree.start[node]))

    def marker(self, offset: int) -> None:
        """A place of its own for code that belongs to ELSE, ENDIF or END_LOOP."""
        self.p.action(self.checked.source.line(offset))

    # constants
    def load(self, value: int | float | str | bool, kind: int, dest: int = -1) -> int:
        """A known value as `kind`; INT may become REAL on the way."""
        if isinstance(value, bool) or kind == V_BOOL:
            register = self.dest(dest, V_BOOL)
            self.emit(Op.LOADI_B, register, x=int(value))
        elif kind == V_REAL:
            register = self._load_real(float(value), dest)
        elif isinstance(value, str):
            register = self.dest(dest, V_TEXT)
            self.emit(Op.LOADK_T, register, self.unit.const(Type.TEXT, value))
        else:
            register = self._load_int(int(value), dest)
        return register

    def _load_int(self, value: int, dest: int) -> int:
        register = self.dest(dest, V_INT)
        if -(2**31) <= value < 2**31 and SHORT_LOAD not in self.without:
            self.emit(Op.LOADI_I, register, value)
        else:
            self.emit(Op.LOADK_I, register, self.unit.const(Type.INT, value))
        return register

    def _load_real(self, value: float, dest: int) -> int:
        register = self.dest(dest, V_REAL)
        if value == int(value) and abs(value) < 2**31 and str(value) != "-0.0" and SHORT_LOAD not in self.without:
            self.emit(Op.LOADI_R, register, int(value))
        else:
            self.emit(Op.LOADK_R, register, self.unit.const(Type.REAL, value))
        return register

    def invalid(self, kind: int, dest: int = -1, reason: int = 1) -> int:
        register = self.dest(dest, kind)
        self.emit(typed("INVALID", kind), register, x=reason)
        return register

    # conversions
    def convert(self, register: int, kind: int, to: int, dest: int = -1) -> int:
        """The value as `to`, in `dest` if that is given."""
        if kind == to:
            if dest >= 0 and dest != register:
                self.emit(typed("MOV", kind), dest, register)
                self.free(register)
                return dest
            return register
        result = self.dest(dest, to)
        if to == V_ANY:
            self.emit(typed("BOX", kind), result, register)
        elif kind == V_ANY:
            self.emit(typed("UNBOX", to), result, register)
        elif (kind, to) in CONVERSIONS:
            self.emit(CONVERSIONS[kind, to], result, register)
        else:  # never valid: over ANY, so that an invalid value keeps its own reason
            boxed = self.convert(register, kind, V_ANY)
            self.emit(typed("UNBOX", to), result, boxed)
            register = boxed
        self.free(register)
        return result

    # symbols
    def is_global(self, symbol: Symbol) -> bool:
        """A variable of the script, seen from a procedure."""
        return symbol.section == 0 and self.here.index != 0

    def read_symbol(self, symbol: Symbol, dest: int = -1) -> int:
        if not self.is_global(symbol):
            return self.convert(symbol.register, symbol.type, symbol.type, dest)
        register = self.dest(dest, symbol.type)
        self.emit(typed("GLOAD", symbol.type), register, symbol.register)
        return register

    def write_symbol(self, symbol: Symbol, register: int) -> None:
        if self.is_global(symbol):
            self.emit(typed("GSTORE", symbol.type), symbol.register, register)
        elif register != symbol.register:
            self.emit(typed("MOV", symbol.type), symbol.register, register)

    def record(self, symbol: Symbol) -> int:
        """Record operand: own register, or a global of the script by bit 15."""
        return symbol.register | GLOBAL if self.is_global(symbol) else symbol.register

    def variable(self, symbol: Symbol) -> int:
        if symbol.index not in self.pvars:
            kind = symbol.type if symbol.type <= V_TEXT else V_TEXT
            self.pvars[symbol.index] = self.unit.variable(symbol.name, Type(kind), symbol.index)
        return self.pvars[symbol.index]

    def object_index(self, place: Place) -> int:
        entry = place.entry
        assert isinstance(entry, ObjectEntry)
        struct = self.checked.struct_of(entry)
        if struct is not None:
            return self.unit.object(entry.name, entry.hbj, Type.RECORD, max(1, entry.rows), len(struct.columns))
        kind = type_of_word(entry.value_type) if entry.value_type else V_ANY
        return self.unit.object(entry.name, entry.hbj, Type(kind if kind <= V_TEXT else V_ANY))

    # sites
    def function(self, number: int, args: list[Arg], result: Arg | None) -> None:
        self.emit(Op.FN, self.unit.fn(number, args, result))

    def act(self, number: int, args: list[Arg], waits: bool) -> None:
        self.emit(Op.ACT, self.unit.act(number, args, waits=waits))

    def arg_in(self, kind: int, register: int) -> Arg:
        return Arg(Mode.IN, Type(kind), register)

    def arg_out(self, kind: int, register: int) -> Arg:
        return Arg(Mode.OUT, Type(kind), register)

    def now(self, dest: int = -1) -> int:
        register = self.dest(dest, V_TIME)
        self.function(NOW, [], self.arg_out(V_TIME, register))
        return register


