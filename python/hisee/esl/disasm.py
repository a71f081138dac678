"""Readable text of a unit, for tests and for people: one line per instruction, operands in the words of the opcode table.

Reads the bytes by itself (docs/design/unit.md) and verifies nothing: a damaged unit raises ValueError or struct.error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hisee.esl.unit import GLOBAL, MAGIC, Kind, Mode, SiteKind, Type
from hisee.schema.opcodes import BY_NUMBER, Op, OpRow


@dataclass
class Reader:
    """A cursor over the bytes of a unit."""

    data: bytes
    at: int = 0

    def take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def count(self) -> int:
        return self.take("I")[0]


@dataclass
class Parsed:
    """What the text needs of a unit."""

    strings: list[str] = field(default_factory=list)
    name: str = ""
    constants: list[object] = field(default_factory=list)
    structures: list[tuple[str, list[str]]] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    procedures: list[Code] = field(default_factory=list)


@dataclass
class Code:
    name: str
    kind: Kind
    registers: list[tuple[int, int]]
    parameters: list[str]
    words: list[tuple[int, int, int, int, int]]
    actions: list[tuple[int, int, int, int]]


def parse(data: bytes) -> Parsed:
    r, unit = Reader(data, 20), Parsed()
    if data[:4] != MAGIC:
        raise ValueError("this is not a unit")
    for _ in range(r.count()):
        (size,) = r.take("I")
        unit.strings.append(data[r.at : r.at + size].decode())
        r.at += size
    unit.name = unit.strings[struct.unpack_from("<I", data, 16)[0]]
    unit.constants = [_constant(r, unit) for _ in range(r.count())]
    unit.structures = [_structure(r, unit) for _ in range(r.count())]
    unit.objects = [unit.strings[r.take("IIIHBx")[0]] for _ in range(r.count())]
    unit.variables = [unit.strings[r.take("IIB3x")[0]] for _ in range(r.count())]
    sites = [_site(r) for _ in range(r.count())]
    unit.procedures = [_procedure(r, unit) for _ in range(r.count())]
    unit.sites = [_site_text(unit, *site) for site in sites]
    return unit


def _constant(r: Reader, unit: Parsed) -> object:
    (kind,) = r.take("B3x")
    if kind == Type.TEXT:
        return unit.strings[r.take("q")[0]]
    return r.take("d" if kind == Type.REAL else "q")[0]


def _structure(r: Reader, unit: Parsed) -> tuple[str, list[str]]:
    name, _, columns = r.take("IIHxx")
    return unit.strings[name], [unit.strings[r.take("IB3x")[0]] for _ in range(columns)]


def _site(r: Reader) -> tuple[int, int, int, list[tuple[int, ...]]]:
    kind, waits, number, argc = r.take("BBHHxx")
    return kind, waits, number, [r.take("BBH") for _ in range(argc)]


def _procedure(r: Reader, unit: Parsed) -> Code:
    name, kind, registers, params, length, actions = r.take("IBxHHxxII")
    regs = [r.take("BxH") for _ in range(registers)]
    parameters = [_parameter(unit, *r.take("IBBH")) for _ in range(params)]
    words = [r.take("BBHHH") for _ in range(length)]
    rows = [r.take("IIII") for _ in range(actions)]
    return Code(unit.strings[name], Kind(kind), regs, parameters, words, rows)  # type: ignore[arg-type]


def _parameter(unit: Parsed, name: int, mode: int, kind: int, register: int) -> str:
    return f"{Mode(mode).name} {Type(kind).name} {unit.strings[name]}=r{register}"


def _site_text(unit: Parsed, kind: int, waits: int, number: int, args: list[tuple[int, ...]]) -> str:
    what = unit.procedures[number].name if kind == SiteKind.CALL and number < len(unit.procedures) else str(number)
    inside = ", ".join(f"{'<>='[mode]}{_register(register)}" for mode, _, register in args)
    return f"{SiteKind(kind).name} {what}({inside}){' waits' if waits else ''}"


def _register(operand: int) -> str:
    return f"g{operand & ~GLOBAL}" if operand & GLOBAL else f"r{operand}"


def _half(value: int) -> int:
    return value - 0x10000 if value & 0x8000 else value


def _operand(unit: Parsed, signature: str, value: int, pc: int) -> str:
    kind, _, _ = signature.partition(":")
    if kind in ("jump16", "loop16", "jump32", "loop32", "label32"):
        return f"@{pc + value}"
    if kind in ("imm16", "imm32"):
        return str(value)
    if kind in ("const16", "const32"):
        return repr(unit.constants[value & 0xFFFF if kind == "const16" else value])
    names = {"object": unit.objects, "variable": unit.variables, "site": unit.sites}.get(kind)
    if names is not None:
        return names[value]
    return f"g{value}" if kind == "global" else _register(value)


def _operands(unit: Parsed, row: OpRow, word: tuple[int, int, int, int, int], pc: int) -> Iterator[str]:
    _, x, a, b, c = word
    wide = row.b.endswith("32") or row.b.startswith("const32")
    for signature, value in ((row.a, a), (row.b, b), (row.c, c)):
        if signature and wide and signature == row.b:
            yield _operand(unit, signature, struct.unpack("<i", struct.pack("<HH", b, c))[0], pc)
        elif signature:
            signed = signature.startswith(("imm", "jump", "loop"))
            yield _operand(unit, signature, _half(value) if signed else value, pc)
    if row.x and row.x != "ext":
        yield f"x={x}"


def instruction(unit: Parsed, word: tuple[int, int, int, int, int], pc: int) -> str:
    row = BY_NUMBER.get(word[0])
    if row is None:
        return f"? {word}"
    if row.name == Op.ON_ERR.name and word[1] != 3:
        return f"ON_ERR {('NONE', 'OFF', 'ON')[word[1]]}"
    if row.name == Op.GUARD.name and word[1] != 3:
        return "GUARD OFF"
    if row.name == Op.EXT.name:
        return f"EXT {word[2]} {word[3]} {word[4]}"
    return " ".join([row.name, *_operands(unit, row, word, pc)])


def listing(code: Code, unit: Parsed) -> Iterator[str]:
    """Lines of one procedure: `line` marks where a textual action begins."""
    yield f"{code.kind.name} {code.name or '(init)'}({'; '.join(code.parameters)}) registers {len(code.registers)}"
    lines = {first: line for first, _, _, line in code.actions}
    for pc, word in enumerate(code.words):
        mark = f"line {lines[pc]}" if pc in lines else ""
        yield f"  {mark:9} {pc:5}  {instruction(unit, word, pc)}"


def as_json(data: bytes) -> dict[str, Any]:
    """The unit as plain values, for tools. ValueError or struct.error when the bytes are none."""
    unit = parse(data)
    return {
        "name": unit.name, "structures": [{"name": name, "columns": columns} for name, columns in unit.structures],
        "objects": unit.objects, "variables": unit.variables, "procedures": [_procedure_json(code, unit) for code in unit.procedures],
    }


def _procedure_json(code: Code, unit: Parsed) -> dict[str, Any]:
    lines = {first: line for first, _, _, line in code.actions}
    words = [{"pc": pc, "line": lines.get(pc), "text": instruction(unit, word, pc)} for pc, word in enumerate(code.words)]
    return {"name": code.name, "kind": code.kind.name, "parameters": code.parameters, "registers": len(code.registers), "code": words}


def disassemble(data: bytes) -> str:
    """The unit as text. ValueError or struct.error when the bytes are none."""
    unit = parse(data)
    out = [f"unit {unit.name}"]
    out += [f"structure {name}({', '.join(columns)})" for name, columns in unit.structures]
    for code in unit.procedures:
        out += ["", *listing(code, unit)]
    return "\n".join(out) + "\n"
