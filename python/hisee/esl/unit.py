"""Writing units: UnitBuilder collects what a compiled script consists of and lays it out as bytes (docs/design/unit.md).

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
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, TypeVar

from hisee.schema import opcodes
from hisee.schema.opcodes import Op

MAGIC = b"ESLU"
FORMAT = (1, 0)  # highest that this release runs; major: another one is refused; minor: rows appended
WRITTEN = (1, 0)  # the highest that the release before runs too: its script servers get units of this one (docs/adr/0012)
FORMAT_AT = 4  # place of the format in a unit
HEAD = struct.Struct("<4sHH")  # how a unit of every format begins: magic, format
REGISTERS = 4096
PUBLIC_IN, PUBLIC_OUT = "PUBLIC <", "PUBLIC >"  # procedures that take and give the PUBLIC variables: no names of the language
HANDLES = "CNT_HANDLE {} {}"  # the same for each parameter of an RPC procedure that is a container: name and position
IMPLEMENTS = "IMPLEMENTATION {}"  # an empty procedure of this name for each interface that the script implements
ARGUMENTS = 255  # of one call, action or procedure
GLOBAL = 0x8000  # bit of a record operand: a global of the script
NO_STRUCTURE = 0xFFFF
TERMINATORS = {Op.RET, Op.END, Op.JUMP, Op.LOOP, Op.RAISE, Op.RAISE_T, Op.RAISE_NR, Op.RERAISE, Op.RETRY, Op.RESUME}


R = TypeVar("R")


class Type(IntEnum):
    """Slot types, as esl_type of core/c/esl_slot.h. UPPER marks the second register of an ANY inside a unit."""

    NONE = 0
    BOOL = 1
    INT = 2
    REAL = 3
    TIME = 4
    TEXT = 5
    RECORD = 6
    OBJECT = 7
    ANY = 8
    UPPER = 9


LETTER = {"B": Type.BOOL, "I": Type.INT, "R": Type.REAL, "M": Type.TIME, "T": Type.TEXT, "C": Type.RECORD, "O": Type.OBJECT, "A": Type.ANY}


class Kind(IntEnum):
    """What a procedure is to its callers."""

    LOCAL = 0
    RPC = 1
    RPCX = 2
    ENTRY = 3
    ENTRYX = 4
    INIT = 5
    CHANGE = 6


class Mode(IntEnum):
    """Direction of an argument or parameter."""

    IN = 0
    OUT = 1
    INOUT = 2


class SiteKind(IntEnum):
    CALL = 0
    FN = 1
    ACT = 2


class UnitLimit(Exception):
    """A limit of the unit format is reached; the text names the procedure and the count."""


def written_later(data: bytes) -> str:
    """Why a unit cannot run here although nothing is wrong with it: a later release wrote it. "" = the verifier may look at it."""
    if len(data) < HEAD.size:
        return ""
    magic, *written = HEAD.unpack_from(data)
    if magic != MAGIC or tuple(written) <= FORMAT:
        return ""
    return f"the unit has format {written[0]}.{written[1]}, this process runs up to {FORMAT[0]}.{FORMAT[1]}: upgrade hisee here"


class Arg(NamedTuple):
    """One argument of a site: `register` of the procedure that uses the site (a record may be a global: | GLOBAL)."""

    mode: Mode
    type: Type
    register: int


class Parameter(NamedTuple):
    name: str
    mode: Mode
    type: Type
    structure: int
    register: int


class Structure(NamedTuple):
    name: str
    hbj: int
    columns: tuple[tuple[str, Type], ...]


class Object(NamedTuple):
    name: str
    hbj: int
    type: Type  # value type; RECORD = structured, ANY = not known at compile time
    rows: int
    columns: int


class Label:
    """A place in the code of one procedure."""

    __slots__ = ("pc",)

    def __init__(self) -> None:
        self.pc = -1


class ActionRange(NamedTuple):
    """Code of (a part of) one textual action: RETRY goes to `start`, RESUME and OFF to `next` (None: where the next range begins)."""

    first: int
    start: int
    next: Label | None
    line: int


class ProcedureBuilder:
    """Code of one procedure. Registers hold one type for life."""

    def __init__(self, unit: UnitBuilder, index: int, name: str, kind: Kind) -> None:
        self.unit = unit
        self.index = index
        self.name = name
        self.kind = kind
        self.parameters: list[Parameter] = []
        self.registers: list[tuple[Type, int]] = []
        self.code: list[list[int]] = []  # op, x, a, b, c
        self.actions: list[ActionRange] = []
        self._fixes: list[tuple[int, str, Label]] = []
        self._end_labels: list[Label] = []

    # registers
    def slot(self, type: Type, structure: int = NO_STRUCTURE) -> int:  # noqa: A002
        """A new register (ANY: the first of two). RECORD needs `structure`. UnitLimit over 4,096."""
        if (type == Type.RECORD) != (structure != NO_STRUCTURE):
            raise ValueError("a RECORD register, and only that, has a structure")
        register = len(self.registers)
        self.registers.append((type, structure))
        if type == Type.ANY:
            self.registers.append((Type.UPPER, NO_STRUCTURE))
        if len(self.registers) > REGISTERS:
            raise UnitLimit(f"procedure {self.name or 'of the init part'} needs more than {REGISTERS} registers")
        return register

    def param(self, name: str, mode: Mode, type: Type, structure: int = NO_STRUCTURE) -> int:  # noqa: A002
        """A new parameter, in order; returns its register. UnitLimit when there are too many (U9)."""
        if len(self.parameters) == ARGUMENTS:
            raise UnitLimit(f"procedure {self.name} has more than {ARGUMENTS} parameters")
        register = self.slot(type, structure)
        self.parameters.append(Parameter(name, mode, type, structure, register))
        return register

    # code
    @property
    def pc(self) -> int:
        """Where the next instruction goes."""
        return len(self.code)

    def label(self) -> Label:
        return Label()

    def place(self, label: Label) -> Label:
        """`label` stands at the next instruction."""
        if label.pc >= 0:
            raise ValueError("label placed twice")
        label.pc = self.pc
        self._end_labels.append(label)
        return label

    def action(self, line: int, *, next: Label | None = None, start: int = -1) -> ActionRange:  # noqa: A002
        """The next instructions belong to a textual action at `line`, until the next call.

        `next` is where RESUME and mode OFF go on; without it, where the next range begins. `start` (a pc, for a second range of
        the same action) is where RETRY goes; without it, here.
        """
        row = ActionRange(self.pc, self.pc if start < 0 else start, next, line)
        if self.actions and self.actions[-1].first == self.pc:
            self.actions.pop()  # an action without code: the one before keeps its place
        self.actions.append(row)
        return row

    def emit(self, op: Op, a: int | Label = 0, b: int | Label = 0, c: int | Label = 0, *, x: int = 0) -> int:
        """Appends one instruction and returns its pc. Labels stand where the row says jump, loop or label."""
        row = opcodes.BY_NUMBER[op]
        if row.b == "jump32" and isinstance(b, Label) and b.pc >= 0:
            return self.emit(Op.LOOP, b=b) if op == Op.JUMP else self._word(row, x, a, b, c)
        if op in (Op.JUMP, Op.LOOP, Op.ON_ERR, Op.GOSUB, Op.GUARD) and isinstance(a, Label):
            a, b = 0, a
            return self.emit(op, a, b, x=x)
        if row.c == "jump16" and isinstance(c, Label) and c.pc >= 0:
            return self._branch_back(op, a, b, c, x)
        return self._word(row, x, a, b, c)

    def _branch_back(self, op: Op, a: int | Label, b: int | Label, target: Label, x: int) -> int:
        taken, past = Label(), Label()
        first = self.emit(op, a, b, taken, x=x)
        self.emit(Op.JUMP, past)
        self.place(taken)
        self.emit(Op.LOOP, target)
        self.place(past)
        return first

    def _word(self, row: opcodes.OpRow, x: int, *operands: int | Label) -> int:
        word = [row.number, x, 0, 0, 0]
        for at, (field, operand) in enumerate(zip("abc", operands, strict=True), start=2):
            signature = getattr(row, field)
            if isinstance(operand, Label):
                self._fixes.append((self.pc, field, operand))
            elif signature.endswith("32") or signature.startswith("const32"):
                word[3], word[4] = _halves(row.name, operand)
            elif signature == "" and operand:
                if not (field == "c" and word[4]):
                    raise ValueError(f"{row.name} has no operand {field}")
            elif signature:
                word[at] = _half(row.name, signature, operand)
        self.code.append(word)
        return self.pc - 1

    # layout
    def finish(self) -> None:
        """Closes the code with RET where it does not end in a terminator, and resolves labels."""
        falls_out = not self.code or self.code[-1][0] not in TERMINATORS
        if falls_out or any(label.pc == self.pc for label in self._end_labels):
            self.emit(Op.RET)
        for pc, field, label in self._fixes:
            self._resolve(pc, field, label)
        self._fixes.clear()

    def _resolve(self, pc: int, field: str, label: Label) -> None:
        if label.pc < 0:
            raise ValueError(f"procedure {self.name}: a label is used and never placed")
        distance = label.pc - pc
        if field == "b":
            self.code[pc][3], self.code[pc][4] = _halves("jump", distance)
        elif -32768 <= distance <= 32767:
            self.code[pc][4] = distance & 0xFFFF
        else:
            raise UnitLimit(f"procedure {self.name or 'of the init part'}: a branch spans {abs(distance)} instructions, 32767 are possible")


class UnitBuilder:
    """One unit. `objects`, structures and picture variables are numbered in the order they are named."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.structures: list[Structure] = []
        self.objects: list[Object] = []
        self.variables: list[tuple[str, Type, int]] = []
        self.procedures: list[ProcedureBuilder] = []
        self.sites: list[tuple[SiteKind, int, bool, tuple[Arg, ...]]] = []
        self._constants: dict[tuple[Type, bytes], int] = {}
        self._strings: dict[str, int] = {name: 0}

    def const(self, type: Type, value: int | float | str) -> int:  # noqa: A002
        """Index of a constant: INT, TIME (ms UTC), REAL, TEXT."""
        if type == Type.TEXT:
            payload = struct.pack("<q", self._string(str(value)))
        else:
            payload = struct.pack("<d" if type == Type.REAL else "<q", value)
        return self._constants.setdefault((type, payload), len(self._constants))

    def structure(self, name: str, hbj: int, columns: Sequence[tuple[str, Type]]) -> int:
        """Index of a structure; the same (name, columns) gives the same index."""
        return _index_of(self.structures, Structure(name, hbj, tuple(columns)))

    def object(self, name: str, hbj: int, type: Type, rows: int = 1, columns: int = 0) -> int:  # noqa: A002
        """Index of an object that this unit names."""
        return _index_of(self.objects, Object(name, hbj, type, rows, columns))

    def variable(self, name: str, type: Type, number: int | None = None) -> int:  # noqa: A002
        """Index of a picture variable. `number` is its object number in the table of variables: its index + 1 unless told."""
        self.variables.append((name, type, len(self.variables) + 1 if number is None else number))
        return len(self.variables) - 1

    def procedure(self, name: str, kind: Kind = Kind.LOCAL) -> ProcedureBuilder:
        """A new procedure. The first one must be the init part (kind INIT); its registers can be globals."""
        if (kind == Kind.INIT) != (not self.procedures):
            raise ValueError("the first procedure, and only that, is the init part")
        self.procedures.append(ProcedureBuilder(self, len(self.procedures), name, kind))
        return self.procedures[-1]

    def call(self, callee: ProcedureBuilder, args: Sequence[Arg]) -> int:
        """Index of a CALL site: one argument per parameter, with the parameter's mode (or IN for a value only)."""
        return self._site(SiteKind.CALL, callee.index, False, args)

    def fn(self, number: int, args: Sequence[Arg], result: Arg | None = None) -> int:
        """Index of a site of function `number`; `result` has mode OUT."""
        return self._site(SiteKind.FN, number, False, [*args, result] if result else args)

    def act(self, number: int, args: Sequence[Arg], *, waits: bool) -> int:
        """Index of a site of action `number`; IN and INOUT arguments are sent, OUT and INOUT come back."""
        return self._site(SiteKind.ACT, number, waits, args)

    def build(self) -> bytes:
        """The unit as bytes. UnitLimit when a limit is reached."""
        for procedure in self.procedures:
            procedure.finish()
        body = b"".join((self._structures(), self._objects(), self._variables(), self._sites(), self._procedures()))
        parts = self._string_rows() + self._constant_rows() + body
        head = MAGIC + struct.pack("<HHIII", *WRITTEN, HEADER + len(parts), opcodes.SCHEMA_HASH, self._string(self.name))
        return head + parts

    # layout
    def _string(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings))

    def _site(self, kind: SiteKind, number: int, waits: bool, args: Sequence[Arg]) -> int:
        if len(self.sites) == 0xFFFF:
            raise UnitLimit("the script has more than 65535 calls")
        if len(args) > ARGUMENTS:
            raise UnitLimit(f"a call has more than {ARGUMENTS} arguments")
        self.sites.append((kind, number, waits, tuple(args)))
        return len(self.sites) - 1

    def _string_rows(self) -> bytes:
        self._name_everything()
        rows = [struct.pack("<I", len(self._strings))]
        for text in self._strings:
            data = text.encode()
            rows.append(struct.pack("<I", len(data)) + data)
        return b"".join(rows)

    def _name_everything(self) -> None:
        """Strings are laid out first: every name must be known before."""
        self._string(self.name)
        self._structures(), self._objects(), self._variables(), self._procedures()

    def _constant_rows(self) -> bytes:
        rows = [struct.pack("<B3x", kind) + payload for kind, payload in self._constants]
        return struct.pack("<I", len(rows)) + b"".join(rows)

    def _structures(self) -> bytes:
        rows = [struct.pack("<I", len(self.structures))]
        for s in self.structures:
            rows.append(struct.pack("<IIHH", self._string(s.name), s.hbj, len(s.columns), 0))
            rows += [struct.pack("<IB3x", self._string(name), kind) for name, kind in s.columns]
        return b"".join(rows)

    def _objects(self) -> bytes:
        rows = [struct.pack("<IIIHB1x", self._string(o.name), o.hbj, o.rows, o.columns, o.type) for o in self.objects]
        return struct.pack("<I", len(rows)) + b"".join(rows)

    def _variables(self) -> bytes:
        rows = [struct.pack("<IIB3x", self._string(name), number, kind) for name, kind, number in self.variables]
        return struct.pack("<I", len(rows)) + b"".join(rows)

    def _sites(self) -> bytes:
        rows = [struct.pack("<I", len(self.sites))]
        for kind, number, waits, args in self.sites:
            rows.append(struct.pack("<BBHH2x", kind, waits, number, len(args)))
            rows += [struct.pack("<BBH", a.mode, a.type, a.register) for a in args]
        return b"".join(rows)

    def _procedures(self) -> bytes:
        rows = [struct.pack("<I", len(self.procedures))]
        for p in self.procedures:
            counts = (len(p.registers), len(p.parameters), len(p.code), len(p.actions))
            rows.append(struct.pack("<IB1xHHxxII", self._string(p.name), p.kind, *counts))
            rows += [struct.pack("<BBH", kind, 0, structure) for kind, structure in p.registers]
            rows += [struct.pack("<IBBH", self._string(q.name), q.mode, q.type, q.register) for q in p.parameters]
            rows += [struct.pack("<BBHHH", *word) for word in p.code]
            rows += [struct.pack("<IIII", *row) for row in _action_rows(p)]
        return b"".join(rows)


HEADER = 20  # magic, format, length, hash of the opcode table, name


def _action_rows(p: ProcedureBuilder) -> list[tuple[int, int, int, int]]:
    """(first pc, start pc, next pc, line) of each range; the last one's next is the closing instruction."""
    rows = []
    for i, action in enumerate(p.actions):
        following = p.actions[i + 1].first if i + 1 < len(p.actions) else max(0, len(p.code) - 1)
        rows.append((action.first, action.start, action.next.pc if action.next else following, action.line))
    return rows


def _half(name: str, signature: str, value: int) -> int:
    low = -32768 if signature.startswith(("imm16", "loop16")) else 0
    if not low <= value <= (32767 if low else 65535):
        raise UnitLimit(f"{name}: operand {value} does not fit into 16 bits")
    return value & 0xFFFF


def _halves(name: str, value: int) -> tuple[int, int]:
    if not -(2**31) <= value < 2**31:
        raise UnitLimit(f"{name}: operand {value} does not fit into 32 bits")
    return value & 0xFFFF, value >> 16 & 0xFFFF


def _index_of(rows: list[R], row: R) -> int:
    if row not in rows:
        rows.append(row)
    return rows.index(row)
