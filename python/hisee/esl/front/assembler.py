# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Assembler: UnitBuilder collects what a compiled script consists of and lays it out as bytes (docs/design/unit.md).

A hand-assembled loop, `s := sum of 1..10`:

    unit = UnitBuilder("S.Sum")
    init = unit.procedure("", Kind.INIT)          # procedure 0; its registers can be globals
    s, i, hi = init.slot(Type.INT), init.slot(Type.INT), init.slot(Type.INT)
    init.action(line=1)                           # a textual action begins: RETRY, RESUME, _ERR_LINE
    init.emit(Op.LOADI_I, s, 0)
    init.action(line=2)
    init.emit(Op.LOADI_I, i, 1)
    init.emit(Op.LOADI_I, hi, 10)
    end, top = init.label(), init.label()
    init.emit(Op.FOR_PREP, i, hi, end)            # labels stand where the opcode's row says jump or loop
    init.place(top)
    init.action(line=3)
    init.emit(Op.ADD_I, s, s, i)
    init.action(line=4)
    init.emit(Op.FOR, i, hi, top)
    init.place(end)
    site = unit.act(10, [Arg(Mode.IN, Type.INT, s), ...], waits=False)
    init.emit(Op.ACT, site)
    data = unit.build()                           # UnitLimit when a limit of the format is reached

Operands follow the signature of the opcode's row; an operand in b:c (imm32, const32, jump32 ...) is given as `b`.
A conditional branch to a label that is already placed becomes branch, jump and LOOP, so that every way back is charged.

Code, ranges and sites are rows of numbers of 32 bits that lie in memory as they stand in the unit.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence

from hisee.esl.unit import (
    ARGUMENTS,
    CLOSING,
    HEADER,
    LEAST,
    MAGIC,
    MOST,
    NO_STRUCTURE,
    REGISTERS,
    WRITTEN,
    Kind,
    Object,
    Parameter,
    SiteKind,
    Structure,
    Type,
    UnitLimit,
)
from hisee.schema import opcodes
from hisee.schema.opcodes import Op

ABSENT, UNSIGNED, SIGNED, WIDE = range(4)  # forms of an operand: none, 16 bits, 16 bits with a sign, 32 bits in b:c
T_TEXT, T_REAL, T_RECORD, T_ANY, T_UPPER = (int(t) for t in (Type.TEXT, Type.REAL, Type.RECORD, Type.ANY, Type.UPPER))
CALL, FN, ACT = (int(k) for k in (SiteKind.CALL, SiteKind.FN, SiteKind.ACT))
INIT = int(Kind.INIT)
JUMP, LOOP, RET = int(Op.JUMP), int(Op.LOOP), int(Op.RET)


def _form(signature: str) -> int:
    if not signature:
        return ABSENT
    if signature.endswith("32") or signature.startswith("const32"):
        return WIDE
    return SIGNED if signature.startswith(("imm16", "loop16")) else UNSIGNED


def _forms() -> array[int]:
    """Forms of a, b and c by opcode, four places each; the fourth: c is a branch that must go forward."""
    forms = array("i", bytes(4 * 4 * 256))
    for row in opcodes.ROWS:
        forms[4 * row.number:4 * row.number + 4] = array("i", [_form(row.a), _form(row.b), _form(row.c), row.c == "jump16"])
    return forms


FORMS = _forms()
ROOM = 128  # words of a new row
BLANK = array("I", bytes(4 * ROOM))
BITS, COUNT = struct.Struct("<d").pack, struct.Struct("<I").pack
HALF = 0xFFFFFFFF  # of a number of 64 bits


class Words:
    """Numbers of 32 bits, appended one by one."""

    def __init__(self) -> None:
        self.count = 0
        self._room = ROOM
        self._store = BLANK[:]
        self.row = self._store  # the same numbers; compiled, a view that knows their type

    def add(self, word: int) -> None:
        if self.count == self._room:
            self._grow()
        self.row[self.count] = word
        self.count += 1

    def _grow(self) -> None:
        self._store = self._store + self._store
        self.row = self._store
        self._room += self._room

    def join(self, words: Words) -> None:
        """Appends what stands in another row."""
        while self.count + words.count > self._room:
            self._grow()
        for at in range(words.count):
            self.row[self.count + at] = words.row[at]
        self.count += words.count

    def packed(self) -> bytes:
        """Little-endian, whatever the machine."""
        words = self._store[:self.count]
        if sys.byteorder == "big":
            words.byteswap()
        return words.tobytes()


class Label:
    """A place in the code of one procedure."""

    def __init__(self) -> None:
        self.pc = -1


class Arg:
    """One argument of a site: `register` of the procedure that uses the site (a record may be a global: | GLOBAL)."""

    def __init__(self, mode: int, type: int, register: int) -> None:
        self.mode = mode
        self.type = type
        self.register = register


def arg_of(mode: int, type: int, register: int) -> Arg:
    """As Arg(), without the way over Python's call."""
    arg: Arg = Arg.__new__(Arg)
    arg.mode = mode
    arg.type = type
    arg.register = register
    return arg


class ProcedureBuilder:
    """Code of one procedure. Registers hold one type for life."""

    def __init__(self, index: int, name: str, kind: Kind) -> None:
        self.index = index
        self.name = name
        self.kind = kind
        self.parameters: list[Parameter] = []
        self.registers: list[tuple[int, int]] = []  # type, structure
        self.pc = 0  # where the next instruction goes
        self._code = Words()  # op, x, a; b, c
        self._ranges = Words()  # first pc, start pc, next pc or NOWHERE, line
        self._first = -1  # first pc of the last range
        self._nexts: list[tuple[int, Label]] = []  # ranges that go on at a label
        self._fixes: list[tuple[int, bool, Label]] = []  # pc, in b:c, label
        self._placed = -1  # pc of the label placed last

    # registers
    def slot(self, type: int, structure: int = NO_STRUCTURE) -> int:
        """A new register (ANY: the first of two). RECORD needs `structure`. UnitLimit over 4,096."""
        if (type == T_RECORD) != (structure != NO_STRUCTURE):
            raise ValueError("a RECORD register, and only that, has a structure")
        register = len(self.registers)
        self.registers.append((type, structure))
        if type == T_ANY:
            self.registers.append((T_UPPER, NO_STRUCTURE))
        if len(self.registers) > REGISTERS:
            raise UnitLimit(f"procedure {self.shown()} needs more than {REGISTERS} registers")
        return register

    def param(self, name: str, mode: int, type: int, structure: int = NO_STRUCTURE) -> int:
        """A new parameter, in order; returns its register. UnitLimit when there are too many (U9)."""
        if len(self.parameters) == ARGUMENTS:
            raise UnitLimit(f"procedure {self.name} has more than {ARGUMENTS} parameters")
        register = self.slot(type, structure)
        self.parameters.append(Parameter(name, mode, type, structure, register))
        return register

    def shown(self) -> str:
        return self.name or "of the init part"

    # code
    def label(self) -> Label:
        label: Label = Label.__new__(Label)  # as Label(), without the way over Python's call
        label.pc = -1
        return label

    def place(self, label: Label) -> Label:
        """`label` stands at the next instruction."""
        if label.pc >= 0:
            raise ValueError("label placed twice")
        label.pc = self._placed = self.pc
        return label

    def action(self, line: int, next: Label | None = None, start: int = -1) -> None:
        """The next instructions belong to a textual action at `line`, until the next call.

        `next` is where RESUME and mode OFF go on; without it, where the next range begins. `start` (a pc, for a second range of
        the same action) is where RETRY goes; without it, here.
        """
        if self._first == self.pc:
            self._drop_range()  # an action without code: the one before keeps its place
        if next is not None:
            self._nexts.append((self._ranges.count + 2, next))
        self.add_range(self.pc, self.pc if start < 0 else start, NOWHERE, line)

    def add_range(self, first: int, start: int, next: int, line: int) -> None:
        """A range as it stands in the unit, whatever it says."""
        self._first = first
        self._ranges.add(first)
        self._ranges.add(start)
        self._ranges.add(next)
        self._ranges.add(line)

    def _drop_range(self) -> None:
        self._ranges.count -= 4
        self._nexts = [(at, label) for at, label in self._nexts if at < self._ranges.count]

    def emit(self, op: int, a: int | Label = 0, b: int | Label = 0, c: int | Label = 0, x: int = 0) -> int:
        """Appends one instruction and returns its pc. Labels stand where the row says jump, loop or label (there, also as `a`)."""
        if isinstance(c, Label):
            return self.branch(op, a, b, c, x)  # type: ignore[arg-type]
        if isinstance(b, Label):
            return self.jump(op, b, x)
        if isinstance(a, Label):
            return self.jump(op, a, x)
        return self.put(op, a, b, c, x)

    def put(self, op: int, a: int, b: int, c: int, x: int) -> int:
        """Appends one instruction whose operands are numbers. UnitLimit when one does not fit."""
        at = 4 * op
        low = _half(op, "a", FORMS[at], a)
        if FORMS[at + 1] == WIDE:
            return self.word(op, x, low, _whole(op, b), _half(op, "c", ABSENT, c))
        return self.word(op, x, low, _half(op, "b", FORMS[at + 1], b), _half(op, "c", FORMS[at + 2], c))

    def word(self, op: int, x: int, a: int, b: int, c: int) -> int:
        """Appends one instruction as it is, whatever it says; `b` may have 32 bits when c is 0."""
        self._code.add(op | x << 8 | a << 16)
        self._code.add(b | c << 16)
        self.pc += 1
        return self.pc - 1

    def jump(self, op: int, label: Label, x: int) -> int:
        """JUMP, LOOP, ON_ERR, GOSUB, GUARD: a label in b:c. A JUMP back is a LOOP, so that it is charged."""
        if FORMS[4 * op + 1] != WIDE:
            raise ValueError(f"{opcodes.BY_NUMBER[op].name} has no label in b")
        self._fixes.append((self.pc, True, label))
        return self.word(LOOP if op == JUMP and label.pc >= 0 else op, x, 0, 0, 0)

    def branch(self, op: int, a: int, b: int, label: Label, x: int) -> int:
        """A conditional branch or the end of a FOR: a label in c."""
        if label.pc >= 0 and FORMS[4 * op + 3]:
            return self._branch_back(op, a, b, label, x)
        self._fixes.append((self.pc, False, label))
        return self.put(op, a, b, 0, x)

    def _branch_back(self, op: int, a: int, b: int, target: Label, x: int) -> int:
        taken, past = self.label(), self.label()
        first = self.branch(op, a, b, taken, x)
        self.jump(JUMP, past, 0)
        self.place(taken)
        self.jump(LOOP, target, 0)
        self.place(past)
        return first

    # layout
    def finish(self) -> None:
        """Closes the code with RET where nothing closes it yet, and resolves labels."""
        falls_out = not self.pc or self._code.row[2 * self.pc - 2] & 0xFF not in CLOSING
        if falls_out or self._placed == self.pc:
            self.word(RET, 0, 0, 0, 0)
        for pc, wide, label in self._fixes:
            self._resolve(pc, wide, label)
        self._fixes.clear()

    def _resolve(self, pc: int, wide: bool, label: Label) -> None:
        if label.pc < 0:
            raise ValueError(f"procedure {self.name}: a label is used and never placed")
        distance = label.pc - pc
        at = 2 * pc + 1
        if wide:
            self._code.row[at] = distance & 0xFFFFFFFF
        elif -32768 <= distance <= 32767:
            self._code.row[at] = self._code.row[at] & 0xFFFF | (distance & 0xFFFF) << 16
        else:
            raise UnitLimit(f"procedure {self.shown()}: a branch spans {abs(distance)} instructions, 32767 are possible")

    def lay_out(self, rows: Words, unit: UnitBuilder) -> None:
        """Appends the procedure as it stands in the unit; finish() has run."""
        rows.add(unit.string(self.name))
        rows.add(self.kind | len(self.registers) << 16)
        rows.add(len(self.parameters))
        rows.add(self.pc)
        rows.add(self._ranges.count // 4)
        for kind, structure in self.registers:
            rows.add(kind | structure << 16)
        for name, mode, kind, _, register in self.parameters:
            rows.add(unit.string(name))
            rows.add(mode | kind << 8 | register << 16)
        rows.join(self._code)
        self._close_ranges()
        rows.join(self._ranges)

    def _close_ranges(self) -> None:
        """The last range's next is the closing instruction."""
        rows, end = self._ranges.row, self._ranges.count
        for place, label in self._nexts:
            rows[place] = label.pc
        for at in range(2, end, 4):
            if rows[at] == NOWHERE:
                rows[at] = rows[at + 2] if at + 2 < end else max(0, self.pc - 1)


class UnitBuilder:
    """One unit. `objects`, structures and picture variables are numbered in the order they are named."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.variables: list[tuple[str, int, int]] = []
        self.procedures: list[ProcedureBuilder] = []
        self._structures: dict[Structure, int] = {}
        self._objects: dict[Object, int] = {}
        self._sites = Words()
        self._site_count = 0
        self._constants = Words()  # type, value in two words
        self._texts: dict[str, int] = {}  # constants by value: of texts, of INT and TIME, of the bits of a REAL
        self._numbers: dict[tuple[int, int], int] = {}
        self._reals: dict[bytes, int] = {}
        self._strings: dict[str, int] = {name: 0}

    def const(self, type: int, value: int | float | str) -> int:
        """Index of a constant: INT, TIME (ms UTC), REAL, TEXT."""
        if type == T_TEXT:
            return self.text(str(value))
        if type == T_REAL:
            return self.real(value)  # type: ignore[arg-type]
        found = self._numbers.get((type, int(value)))
        if found is None:
            found = self._numbers[type, int(value)] = self._constant(type, int(value))
        return found

    def text(self, value: str) -> int:
        """Index of a TEXT constant."""
        found = self._texts.get(value)
        if found is None:
            found = self._texts[value] = self._constant(T_TEXT, self.string(value))
        return found

    def real(self, value: float) -> int:
        """Index of a REAL constant; -0.0 is another one than 0.0."""
        bits = BITS(value)
        found = self._reals.get(bits)
        if found is None:
            found = self._reals[bits] = self._constant(T_REAL, int.from_bytes(bits, "little", signed=True))
        return found

    def _constant(self, type: int, value: int) -> int:
        self._constants.add(type)
        self._constants.add(value & HALF)
        self._constants.add(value >> 32 & HALF)
        return self._constants.count // 3 - 1

    def structure(self, name: str, hbj: int, columns: Sequence[tuple[str, int]]) -> int:
        """Index of a structure; the same (name, columns) gives the same index."""
        return self._structures.setdefault(Structure(name, hbj, tuple(columns)), len(self._structures))

    def object(self, name: str, hbj: int, type: int, rows: int = 1, columns: int = 0) -> int:
        """Index of an object that this unit names."""
        return self._objects.setdefault(Object(name, hbj, type, rows, columns), len(self._objects))

    def variable(self, name: str, type: int, number: int | None = None) -> int:
        """Index of a picture variable. `number` is its object number in the table of variables: its index + 1 unless told."""
        self.variables.append((name, type, len(self.variables) + 1 if number is None else number))
        return len(self.variables) - 1

    def procedure(self, name: str, kind: Kind = Kind.LOCAL) -> ProcedureBuilder:
        """A new procedure. The first one must be the init part (kind INIT); its registers can be globals."""
        if (kind == INIT) != (not self.procedures):
            raise ValueError("the first procedure, and only that, is the init part")
        procedure = ProcedureBuilder(len(self.procedures), name, kind)
        self.procedures.append(procedure)
        return procedure

    # sites
    def call(self, callee: ProcedureBuilder, args: Sequence[Arg]) -> int:
        """Index of a CALL site: one argument per parameter, with the parameter's mode (or IN for a value only)."""
        return self.site(CALL, callee.index, False, args)

    def fn(self, number: int, args: Sequence[Arg], result: Arg | None = None) -> int:
        """Index of a site of function `number`; `result` has mode OUT."""
        return self.site(FN, number, False, [*args, result] if result is not None else args)

    def act(self, number: int, args: Sequence[Arg], *, waits: bool) -> int:
        """Index of a site of action `number`; IN and INOUT arguments are sent, OUT and INOUT come back."""
        return self.site(ACT, number, waits, args)

    def site(self, kind: int, number: int, waits: bool, args: Sequence[Arg]) -> int:
        """Index of a site of any kind."""
        if self._site_count == 0xFFFF:
            raise UnitLimit("the script has more than 65535 calls")
        if len(args) > ARGUMENTS:
            raise UnitLimit(f"a call has more than {ARGUMENTS} arguments")
        self._sites.add(kind | waits << 8 | number << 16)
        self._sites.add(len(args))
        for arg in args:
            self._sites.add(arg.mode | arg.type << 8 | arg.register << 16)
        self._site_count += 1
        return self._site_count - 1

    # layout
    def build(self) -> bytes:
        """The unit as bytes. UnitLimit when a limit is reached."""
        for procedure in self.procedures:
            procedure.finish()
        rows = Words()
        self._named_rows(rows)
        rows.add(self._site_count)
        rows.join(self._sites)
        rows.add(len(self.procedures))
        for procedure in self.procedures:
            procedure.lay_out(rows, self)
        constants = COUNT(self._constants.count // 3) + self._constants.packed()
        parts = self._string_rows() + constants + rows.packed()  # strings last: all names are known
        return MAGIC + struct.pack("<HHIII", *WRITTEN, HEADER + len(parts), opcodes.SCHEMA_HASH, self.string(self.name)) + parts

    def string(self, text: str) -> int:
        """Number of a string."""
        return self._strings.setdefault(text, len(self._strings))

    def _string_rows(self) -> bytes:
        rows = [COUNT(len(self._strings))]
        for text in self._strings:
            data = text.encode()
            rows.append(COUNT(len(data)))
            rows.append(data)
        return b"".join(rows)

    def _named_rows(self, rows: Words) -> None:
        """Structures, objects, picture variables."""
        rows.add(len(self._structures))
        for structure in self._structures:
            self._structure_row(rows, structure)
        rows.add(len(self._objects))
        for name, hbj, kind, count, columns in self._objects:
            rows.add(self.string(name))
            rows.add(hbj)
            rows.add(count)
            rows.add(columns | kind << 16)
        rows.add(len(self.variables))
        for name, kind, number in self.variables:
            rows.add(self.string(name))
            rows.add(number)
            rows.add(kind)

    def _structure_row(self, rows: Words, structure: Structure) -> None:
        name, hbj, columns = structure
        rows.add(self.string(name))
        rows.add(hbj)
        rows.add(len(columns))
        for column, kind in columns:
            rows.add(self.string(column))
            rows.add(kind)


NOWHERE = 0xFFFFFFFF  # next pc of a range that goes on at the one behind it


def _half(op: int, field: str, form: int, value: int) -> int:
    """An operand of 16 bits."""
    if form == UNSIGNED and 0 <= value <= 65535 or form == SIGNED and -32768 <= value <= 32767:
        return value & 0xFFFF
    if form == ABSENT and not value:
        return 0
    name = opcodes.BY_NUMBER[op].name
    if form == ABSENT:
        raise ValueError(f"{name} has no operand {field}")
    raise UnitLimit(f"{name}: operand {value} does not fit into 16 bits")


def _whole(op: int, value: int) -> int:
    if not LEAST <= value <= MOST:
        raise UnitLimit(f"{opcodes.BY_NUMBER[op].name}: operand {value} does not fit into 32 bits")
    return value & HALF
