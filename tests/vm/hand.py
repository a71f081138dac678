"""Hand assembly for tests: operands as Python values, results as Python values, no compiler and no codec module involved."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

from hisee._core.vm import Script, Status, Unit
from hisee.esl.front.assembler import Arg, ProcedureBuilder, UnitBuilder
from hisee.esl.unit import Kind, Mode, Type
from hisee.schema.opcodes import BY_NAME, Op

INT_MIN = -(2**63)
LEAST, MOST = INT_MIN + 16, 2**63 - 1
INF = math.inf
NUMBER = {"B": Type.BOOL, "I": Type.INT, "R": Type.REAL, "M": Type.TIME, "T": Type.TEXT, "O": Type.OBJECT, "A": Type.ANY}


@dataclass(frozen=True)
class Inv:
    """An invalid value and its reason."""

    reason: int


UNCHANGED = object()


def nan(payload: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000 | payload))[0]


def decode(data: bytes) -> list[Any]:
    """A value codec list, read by the words of docs/design/protocol.md alone."""
    (count,), at, values = struct.unpack_from("<H", data), 2, []
    for _ in range(count):
        value, at = _value(data, at)
        values.append(value)
    assert at == len(data)
    return values


def _value(data: bytes, at: int) -> tuple[Any, int]:
    head, at = data[at], at + 1
    kind = head & 0x3F
    if kind == 0x0F:
        return UNCHANGED, at
    if head & 0x40:
        value, at = Inv(data[at]), at + 1
    elif kind == Type.RECORD:
        value, at = _record(data, at)
    elif kind == Type.TEXT:
        (size,) = struct.unpack_from("<I", data, at)
        value, at = data[at + 4 : at + 4 + size].decode(), at + 4 + size
    else:
        form = {Type.BOOL: "<?", Type.REAL: "<d"}.get(kind, "<q")
        (value,), at = struct.unpack_from(form, data, at), at + struct.calcsize(form)
    return value, at + (9 if head & 0x80 else 0)


def _slot(kind: int, word: bytes) -> Any:
    (i,), (r,) = struct.unpack("<q", word), struct.unpack("<d", word)
    if kind == Type.REAL:
        return r if math.isfinite(r) else Inv(struct.unpack("<Q", word)[0] & 15)
    return i if i >= LEAST else Inv(i & 15)


def _record(data: bytes, at: int) -> tuple[list[list[Any]], int]:
    _, rows, columns = struct.unpack_from("<IIH", data, at)
    at, found = at + 10, []
    for _ in range(columns):
        kind, at, column = data[at], at + 1, []
        for _ in range(rows):
            if kind == Type.BOOL:
                column.append(bool(data[at]) if data[at] < 2 else Inv(data[at] - 2))
                at += 1
            elif kind == Type.TEXT:
                (size,) = struct.unpack_from("<I", data, at)
                at += 4
                if size >= 0xFFFFFFF0:
                    column.append(Inv(size - 0xFFFFFFF0))
                else:
                    column.append(data[at : at + size].decode())
                    at += size
            else:
                column.append(_slot(kind, data[at : at + 8]))
                at += 8
        found.append(column)
    return [list(row) for row in zip(*found, strict=True)], at


def encode(*values: tuple[str, Any]) -> bytes:
    """A value codec list of (letter, value); Inv and UNCHANGED as in results."""
    return struct.pack("<H", len(values)) + b"".join(_encoded(letter, value) for letter, value in values)


def _encoded(letter: str, value: Any) -> bytes:
    kind = NUMBER[letter]
    if value is UNCHANGED:
        return b"\x0f"
    if isinstance(value, Inv):
        return bytes([kind | 0x40, value.reason])
    if letter == "T":
        return bytes([kind]) + struct.pack("<I", len(value.encode())) + value.encode()
    return bytes([kind]) + struct.pack({"B": "<?", "R": "<d"}.get(letter, "<q"), value)


def load(unit: UnitBuilder, p: ProcedureBuilder, letter: str, value: Any) -> int:
    """A new register of `p` with a value; ints of I and M and floats of R are raw, so that any bit pattern can be had."""
    register = p.slot(NUMBER[letter])
    if isinstance(value, Inv):
        p.emit(BY_OP[f"INVALID_{letter}"], register, x=value.reason)
    elif letter == "B":
        p.emit(Op.LOADI_B, register, x=int(value))
    elif letter == "O":
        p.emit(Op.OBJ_HBJ, register, load(unit, p, "I", value))
    elif letter == "A":
        inner, number = value
        p.emit(BY_OP[f"BOX_{inner}"], register, load(unit, p, inner, number))
    else:
        p.emit(BY_OP[f"LOADK_{letter}"], register, unit.const(NUMBER[letter], value))
    return register


BY_OP = {name: Op(row.number) for name, row in BY_NAME.items()}


class Hand:
    """A unit with an init part and a procedure P whose results can be read.

    After use: `results` are the OUT parameters in order; `script` and `status` as they ended.
    """

    def __init__(self, *, cells: Any = None, variables: Any = None, limits: dict[str, int] | None = None, world: Any = None) -> None:
        self.unit = UnitBuilder("S.Hand")
        self.init = self.unit.procedure("", Kind.INIT)
        self.p = self.unit.procedure("P", Kind.RPC)
        self.surroundings = (cells, variables, limits, world)

    def out(self, letter: str, name: str = "out") -> int:
        return self.p.param(name, Mode.OUT, NUMBER[letter])

    def load(self, letter: str, value: Any) -> int:
        return load(self.unit, self.p, letter, value)

    def script_of(self) -> Script:
        self.script = Script(Unit(self.unit.build()), *self.surroundings)
        return self.script

    def begin(self, arguments: bytes = b"") -> Script:
        """The script with its init part done and P started."""
        script = self.script_of()
        script.start_init()
        self.status = to_end(script)
        if self.status == Status.DONE:
            count = len(self.p.parameters)
            script.start(1, arguments or struct.pack("<H", count) + b"\x0f" * count)
        return script

    def run(self, arguments: bytes = b"") -> list[Any]:
        """P to its end; the values of its OUT and INOUT parameters."""
        self.status = to_end(self.begin(arguments))
        assert self.status == Status.DONE, (self.status, self.script.failure)
        return [v for v in decode(self.script.results()) if v is not UNCHANGED]

    def fails(self, arguments: bytes = b"") -> Any:
        """P to its end, which is a failure."""
        self.status = to_end(self.begin(arguments))
        assert self.status in (Status.FAILED, Status.KILLED), (self.status, self.script.pending)
        return self.script.failure


def to_end(script: Script, *, slice: int = 100_000, most: int = 100_000) -> Status:
    for _ in range(most):
        status = script.run(slice)
        if status != Status.SLICE:
            return status
    raise AssertionError("the script does not end")


def evaluate(op: str, result: str, *operands: tuple[str, Any], x: int = 0, imm: int | None = None) -> Any:
    """The result of one instruction: `a` is an OUT parameter of type `result`, operands are b and c."""
    hand = Hand()
    a = hand.out(result)
    registers = [hand.load(letter, value) for letter, value in operands]
    if imm is not None:
        registers.append(imm)
    hand.p.emit(BY_OP[op], a, *registers, x=x)
    return hand.run()[0]


def error_of(op: str, *operands: tuple[str, Any], x: int = 0, result: str = "", label: bool = False, imm: int | None = None) -> int:
    """Error number that one instruction raises, 0 = none."""
    hand = Hand()
    hand.p.action(1)
    registers = [hand.out(result)] if result else []
    registers += [hand.load(letter, value) for letter, value in operands]
    if imm is not None:
        registers.append(imm)
    end = hand.p.label()
    if label:
        hand.p.emit(BY_OP[op], *registers, *([0] * (2 - len(registers))), end, x=x)
    else:
        hand.p.emit(BY_OP[op], *registers, x=x)
    hand.p.place(end)
    status = to_end(hand.begin())
    return 0 if status == Status.DONE else hand.script.failure.number


__all__ = [
    "BY_OP",
    "INF",
    "INT_MIN",
    "LEAST",
    "MOST",
    "NUMBER",
    "UNCHANGED",
    "Arg",
    "Hand",
    "Inv",
    "Kind",
    "Mode",
    "Op",
    "ProcedureBuilder",
    "Status",
    "Type",
    "UnitBuilder",
    "decode",
    "encode",
    "error_of",
    "evaluate",
    "load",
    "nan",
    "to_end",
]
