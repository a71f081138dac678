"""Good units for the fuzzer of verifier and VM: scripts of the tests, generated programs, and one unit for every opcode."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from esl.directory import event, picture, plain
from esl.scripts import expectations, files
from hisee.esl import compile_source
from hisee.esl.front.assembler import UnitBuilder
from hisee.esl.unit import Kind, Type, UnitLimit
from hisee.schema import opcodes
from hisee.schema.opcodes import Op
from oracle.generate import program
from vm.hand import NUMBER, Inv, load

CONTEXTS = {"script": plain, "picture": picture, "event": event}
PROGRAMS = 30
COLUMNS = [("B", Type.BOOL), ("I", Type.INT), ("R", Type.REAL), ("M", Type.TIME), ("T", Type.TEXT), ("O", Type.OBJECT)]
# Values of each type: the first is plain, the others are extremes and invalid ones.
VALUES = {"B": [True, False, Inv(2)], "I": [1, 2, 0, -1, 2**63 - 1, Inv(3)], "R": [1.0, -2.5, 0.0, 1.7e308, float("inf"), Inv(4)],
          "M": [86_400_000, -1, Inv(1)], "T": ["a", "žluť 1", "", Inv(5)], "O": [101, 0, 204, 999],
          "A": [("I", 1), ("R", 2.5), ("T", "x"), ("B", True)]}
OBJECTS = {"B": 104, "I": 101, "R": 102, "M": 105, "T": 103, "A": 101}


@cache
def units() -> list[bytes]:
    return [*scripts(), *programs(), *every_opcode()]


def scripts() -> Iterator[bytes]:
    """Those of the tests that compile."""
    for path in (path for folder in ("language", "samples") for path in files(folder)):
        wanted = expectations(path.read_text())
        done = compile_source(path.read_text(), name="S.Fuzz", context=CONTEXTS[wanted.kind](), part=wanted.part)
        if done.ok:
            yield done.unit


def programs() -> Iterator[bytes]:
    for seed in range(PROGRAMS):
        yield compile_source(program(seed, 8), name="S.Fuzz", context=plain()).unit


def every_opcode() -> Iterator[bytes]:
    """Each opcode with operands of its types; several times with other values, so that what it does with them differs."""
    for row in opcodes.ROWS:
        for turn in range(6):
            builder = Operands(turn)
            try:
                builder.add(row)
                yield builder.unit.build()
            except (UnitLimit, ValueError, NotImplementedError):
                continue


class Operands:
    """A unit whose procedure P has one instruction that is looked at."""

    def __init__(self, turn: int) -> None:
        self.turn, self.taken = turn, 0
        self.unit = UnitBuilder("S.Op")
        self.init = self.unit.procedure("", Kind.INIT)
        self.p = self.unit.procedure("P", Kind.RPC)
        self.structure = self.unit.structure("SD", 7, COLUMNS)
        self.globals = {letter: self.init.slot(NUMBER[letter]) for letter in "BIRMTOA"}
        self.handler, self.end = self.p.label(), self.p.label()
        self.p.action(1)
        if turn % 2:
            self.p.emit(Op.ON_ERR, self.handler, x=3)
        self.p.action(2)

    def add(self, row: opcodes.OpRow) -> None:
        operands = [self.operand(sig, row) for sig in (row.a, row.b, row.c)]
        self.p.emit(Op(row.number), *operands, x=self.x(row.x))
        if row.x == "ext":
            self.p.emit(Op.EXT, self.turn % 6, 1)
        self.p.action(3)
        self.p.place(self.end)
        self.p.emit(Op.RET)
        self.p.place(self.handler)
        self.p.action(4)
        self.p.emit(Op.RESUME if self.turn == 1 else Op.RETRY if self.turn == 3 else Op.RET)

    def value(self, letter: str) -> object:
        self.taken += 1
        return VALUES[letter][(self.turn + (self.taken if self.turn > 2 else 0)) % len(VALUES[letter])]

    def register(self, letter: str) -> int:
        if letter == "C":
            register = self.p.slot(Type.RECORD, self.structure)
            self.p.emit(Op.REDIM, register, load(self.unit, self.p, "I", self.turn % 3))
            return register
        if letter == "*":
            letter = "BIRMTO"[self.turn % 6]
        return load(self.unit, self.p, letter, self.value(letter))

    def operand(self, sig: str, row: opcodes.OpRow) -> object:
        kind, _, letter = sig.partition(":")
        if not sig:
            return 0
        if kind.startswith(("const", "imm")):
            return self.unit.const(NUMBER[letter], self.constant(letter)) if letter else (1, 2, -1, 0, 300, -32768)[self.turn]
        if kind in ("jump16", "jump32", "label32"):
            return self.end
        if kind.startswith("loop"):
            return self.back()
        if kind == "global":
            return self.globals[letter]
        if kind == "object":
            of = row.a.lstrip("=")
            return self.unit.object("X", OBJECTS.get(of, 204), NUMBER.get(of, Type.OBJECT))
        if kind == "variable":
            return self.unit.variable("v", NUMBER[letter], "BIRMT".index(letter) + 1)
        if kind == "site":
            raise NotImplementedError  # scripts have them
        return self.register(sig[-1])

    def constant(self, letter: str) -> object:
        return next(v for v in VALUES[letter][self.turn % len(VALUES[letter]):] + VALUES[letter] if not isinstance(v, Inv))

    def back(self) -> object:
        top = self.p.label()
        self.p.place(top)
        return top

    def x(self, sig: str) -> int:
        kind, _, letter = sig.partition(":")
        if kind == "column":
            return "BIRMTO".index(letter)
        by_kind = {"reason": 1 + self.turn, "error": 4, "mode": self.turn % 3, "arith": self.turn, "cmp": self.turn, "imm8": self.turn % 4}
        return by_kind.get(kind, 0)

