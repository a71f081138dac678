# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Registers, constants, names and conversions of the code generator. Only codegen knows opcodes and registers.

Temporary registers are pooled by type (a register keeps its type for life) and come back at the end of the action, or as soon
as an operator has used them, so that a chain of any length needs only a few.
"""

from __future__ import annotations

from array import array

from hisee.esl.context import ObjectEntry
from hisee.esl.front import kinds as K
from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import Arg, Label, ProcedureBuilder, UnitBuilder, arg_of
from hisee.esl.front.checker import Checker
from hisee.esl.front.nodes import LETTERS
from hisee.esl.front.rows import doubled, zeros
from hisee.esl.front.symbols import Place, Procedure, Struct, Symbol, type_of_word
from hisee.esl.optimisations import IN_PLACE, SHORT_LOAD
from hisee.esl.unit import GLOBAL, LEAST, MOST, NO_STRUCTURE, Mode, SiteKind
from hisee.schema import opcodes

NOW = 701  # %Now
ROOM = 64  # registers of a procedure before the rows that tell of them must grow
TYPES = len(LETTERS)
IN, OUT, ACTION = int(Mode.IN), int(Mode.OUT), int(SiteKind.ACT)


def families() -> dict[str, list[int]]:
    """MOV -> the opcodes MOV_B, MOV_I .. by type; 0 where there is none."""
    found: dict[str, list[int]] = {}
    for row in opcodes.ROWS:
        name, _, letter = row.name.rpartition("_")
        if len(letter) == 1 and letter in LETTERS:
            found.setdefault(name, [0] * TYPES)[LETTERS.index(letter)] = row.number
    return found


def conversions() -> array[int]:
    """Opcodes by type and type wanted."""
    table = zeros(TYPES * TYPES)
    for kind, to, op in ((K.V_BOOL, K.V_INT, Op.CVT_BI), (K.V_BOOL, K.V_REAL, Op.CVT_BR), (K.V_INT, K.V_BOOL, Op.CVT_IB),
                         (K.V_INT, K.V_REAL, Op.CVT_IR), (K.V_REAL, K.V_INT, Op.CVT_RI), (K.V_REAL, K.V_BOOL, Op.CVT_RB)):
        table[TYPES * kind + to] = op
    return table


FAMILIES = families()
MOV, GLOAD, GSTORE = array("i", FAMILIES["MOV"]), array("i", FAMILIES["GLOAD"]), array("i", FAMILIES["GSTORE"])
CONVERSIONS = conversions()


def typed(name: str, kind: int) -> int:
    """Member of a family of opcodes: `MOV` and INT give MOV_I."""
    op: int = FAMILIES[name][kind]
    if not op:
        raise KeyError(f"{name}_{LETTERS[kind]}")
    return op


class Registers:
    """One procedure under construction. `checked` is what the checker left."""

    def __init__(self, unit: UnitBuilder, checked: Checker, without: frozenset[str]) -> None:
        self.unit = unit
        self.without = without
        self.checked = checked
        self.tree = checked.tree
        self.here: Procedure = checked.init
        self.inner = False  # the text of a unit event, generated into the script that declares it
        self.p: ProcedureBuilder = None  # type: ignore[assignment]
        self.pvars: dict[int, int] = {}
        self.structs: dict[int, int] = {}
        self.objects: dict[str, int] = {}
        self.builders: list[ProcedureBuilder] = []
        self.guards: dict[int, ProcedureBuilder] = {}
        self.in_place = IN_PLACE not in without
        self.short_load = SHORT_LOAD not in without
        self._taken = zeros(ROOM)  # registers that hold an operand, in the order they were taken
        self._taken_count = 0
        self._type = zeros(ROOM)  # of a taken register; 0 = not taken
        self._free = zeros(TYPES)  # by type the register that was given back last, 0 = none; here and in _below a register counts from 1
        self._below = zeros(ROOM)  # the one given back before it
        self.begin_registers()

    # registers
    def begin_registers(self) -> None:
        """Another procedure: no register of it exists."""
        while self._taken_count:
            self._leave(self._taken[self._taken_count - 1])
        for kind in range(TYPES):
            self._free[kind] = 0
        self._free_rows: dict[int, list[int]] = {}  # records, by structure
        self._structure_of: dict[int, int] = {}

    def temp(self, kind: int, struct: Struct | None = None) -> int:
        """A register that is free again at the end of the action."""
        if kind == K.V_RECORD:
            return self._temp_rows(self.structure(struct))
        register = self._free[kind] - 1
        if register >= 0:
            self._free[kind] = self._below[register]
        else:
            register = self.p.slot(kind)
        self._take(register, kind)
        return register

    def _temp_rows(self, structure: int) -> int:
        free = self._free_rows.get(structure)
        register = free.pop() if free else self.p.slot(K.V_RECORD, structure)
        self._structure_of[register] = structure
        self._take(register, K.V_RECORD)
        return register

    def _take(self, register: int, kind: int) -> None:
        while register >= len(self._type):
            self._taken, self._type, self._below = doubled(self._taken), doubled(self._type), doubled(self._below)
        self._taken[self._taken_count] = register
        self._taken_count += 1
        self._type[register] = kind

    def _leave(self, register: int) -> None:
        at = self._taken_count - 1
        while self._taken[at] != register:
            at -= 1
        self._taken_count -= 1
        while at < self._taken_count:
            self._taken[at] = self._taken[at + 1]
            at += 1
        self._type[register] = 0

    def _give_back(self, register: int, kind: int) -> None:
        if kind == K.V_RECORD:
            self._free_rows.setdefault(self._structure_of[register], []).append(register)
        else:
            self._below[register] = self._free[kind]
            self._free[kind] = register + 1

    def is_temp(self, register: int, kind: int) -> bool:
        """Does an operand of this type stand there that nothing else needs?"""
        return 0 <= register < len(self._type) and self._type[register] == kind

    def dest(self, wanted: int, kind: int) -> int:
        return wanted if wanted >= 0 else self.temp(kind)

    def free(self, register: int) -> None:
        """An operand has been used: give it back if it was temporary."""
        kind = self._type[register] if 0 <= register < len(self._type) else 0
        if kind:
            self._leave(register)
            self._give_back(register, kind)

    def hold(self, kind: int) -> tuple[int, int]:
        """A register that outlives the action, and its type; unhold() gives it back. Where code elsewhere can run in between and come
        back, it is used for nothing else, before or after: its type is then told as 0."""
        if self.here.comes_back:
            return self.p.slot(kind), 0
        register = self.temp(kind)
        self._leave(register)
        return register, kind

    def unhold(self, held: tuple[int, int]) -> None:
        if held[1]:
            self._give_back(held[0], held[1])

    def release(self) -> None:
        for at in range(self._taken_count):
            register = self._taken[at]
            self._give_back(register, self._type[register])
            self._type[register] = 0
        self._taken_count = 0

    def structure(self, struct: Struct | None) -> int:
        if struct is None:
            return NO_STRUCTURE
        key = id(struct)
        if key not in self.structs:
            self.structs[key] = self.unit.structure(struct.name, struct.hbj, struct.columns)
        return self.structs[key]

    # code
    def emit(self, op: int, a: int = 0, b: int = 0, c: int = 0, x: int = 0) -> int:
        return self.p.put(op, a, b, c, x)

    def jump(self, op: int, label: Label, x: int = 0) -> int:
        """An instruction with a label in b:c."""
        return self.p.jump(op, label, x)

    def fork(self, op: int, a: int, b: int, label: Label) -> int:
        """An instruction that goes on at the label or behind itself."""
        return self.p.branch(op, a, b, label, 0)

    def action(self, node: int) -> None:
        self.release()
        self.p.action(self.checked.source.line(self.tree.start[node]))

    def marker(self, offset: int) -> None:
        """A place of its own for code that belongs to ELSE, ENDIF or END_LOOP."""
        self.p.action(self.checked.source.line(offset))

    # constants
    def load(self, value: int | float | str | bool, kind: int, dest: int = -1) -> int:
        """A known value as `kind`; INT may become REAL on the way."""
        if isinstance(value, bool) or kind == K.V_BOOL:
            register = self.dest(dest, K.V_BOOL)
            self.emit(Op.LOADI_B, register, 0, 0, int(value))
        elif kind == K.V_REAL:
            register = self._load_real(float(value), dest)
        elif isinstance(value, str):
            register = self.dest(dest, K.V_TEXT)
            self.emit(Op.LOADK_T, register, self.unit.text(value), 0)
        else:
            register = self._load_int(int(value), dest)
        return register

    def _load_int(self, value: int, dest: int) -> int:
        register = self.dest(dest, K.V_INT)
        if LEAST <= value <= MOST and self.short_load:
            self.emit(Op.LOADI_I, register, value, 0)
        else:
            self.emit(Op.LOADK_I, register, self.unit.const(K.V_INT, value))
        return register

    def _load_real(self, value: float, dest: int) -> int:
        register = self.dest(dest, K.V_REAL)
        if -MOST <= value <= MOST and value == int(value) and (value or str(value) == "0.0") and self.short_load:
            self.emit(Op.LOADI_R, register, int(value))
        else:
            self.emit(Op.LOADK_R, register, self.unit.real(value))
        return register

    def invalid(self, kind: int, dest: int = -1, reason: int = 1) -> int:
        register = self.dest(dest, kind)
        self.emit(typed("INVALID", kind), register, 0, 0, reason)
        return register

    # conversions
    def convert(self, register: int, kind: int, to: int, dest: int = -1) -> int:
        """The value as `to`, in `dest` if that is given."""
        if kind == to:
            if dest >= 0 and dest != register:
                self.emit(MOV[kind], dest, register, 0)
                self.free(register)
                return dest
            return register
        result = self.dest(dest, to)
        if to == K.V_ANY:
            self.emit(typed("BOX", kind), result, register)
        elif kind == K.V_ANY:
            self.emit(typed("UNBOX", to), result, register)
        elif CONVERSIONS[TYPES * kind + to]:
            self.emit(CONVERSIONS[TYPES * kind + to], result, register, 0)
        else:  # never valid: over ANY, so that an invalid value keeps its own reason
            boxed = self.convert(register, kind, K.V_ANY)
            self.emit(typed("UNBOX", to), result, boxed)
            register = boxed
        self.free(register)
        return result

    # symbols
    def is_global(self, symbol: Symbol) -> bool:
        """A variable of the script, seen from a procedure."""
        return symbol.section == 0 and (self.inner or self.here.index != 0)

    def read_symbol(self, symbol: Symbol, dest: int = -1) -> int:
        if not self.is_global(symbol):
            return self.convert(symbol.register, symbol.type, symbol.type, dest)
        register = self.dest(dest, symbol.type)
        self.emit(GLOAD[symbol.type], register, symbol.register, 0)
        return register

    def write_symbol(self, symbol: Symbol, register: int) -> None:
        if self.is_global(symbol):
            self.emit(GSTORE[symbol.type], symbol.register, register, 0)
        elif register != symbol.register:
            self.emit(MOV[symbol.type], symbol.register, register, 0)

    def record(self, symbol: Symbol) -> int:
        """Record operand: own register, or a global of the script by bit 15."""
        return symbol.register | GLOBAL if self.is_global(symbol) else symbol.register

    def variable(self, symbol: Symbol) -> int:
        if symbol.index not in self.pvars:
            kind = symbol.type if symbol.type <= K.V_TEXT else K.V_TEXT
            self.pvars[symbol.index] = self.unit.variable(symbol.name, kind, symbol.index)
        return self.pvars[symbol.index]

    def object_index(self, place: Place) -> int:
        entry = place.entry
        assert isinstance(entry, ObjectEntry)
        found = self.objects.get(entry.name)
        if found is None:
            found = self.objects[entry.name] = self._new_object(entry)
        return found

    def _new_object(self, entry: ObjectEntry) -> int:
        struct = self.checked.struct_of(entry)
        if struct is not None:
            return self.unit.object(entry.name, entry.hbj, K.V_RECORD, max(1, entry.rows), len(struct.columns))
        kind = type_of_word(entry.value_type) if entry.value_type else K.V_ANY
        return self.unit.object(entry.name, entry.hbj, kind if kind <= K.V_TEXT else K.V_ANY)

    # sites
    def function(self, number: int, args: list[Arg], result: Arg | None) -> None:
        self.emit(Op.FN, self.unit.fn(number, args, result), 0, 0)

    def act(self, number: int, args: list[Arg], waits: bool) -> None:
        self.emit(Op.ACT, self.unit.site(ACTION, number, waits, args), 0, 0)

    def arg_in(self, kind: int, register: int) -> Arg:
        return arg_of(IN, kind, register)

    def arg_out(self, kind: int, register: int) -> Arg:
        return arg_of(OUT, kind, register)

    def now(self, dest: int = -1) -> int:
        register = self.dest(dest, K.V_TIME)
        self.function(NOW, [], self.arg_out(K.V_TIME, register))
        return register


