"""The format of units: numbers, kinds and limits that writer, reader and runner share (docs/design/unit.md).

Units are written by hisee.esl.front.assembler and shown by hisee.esl.disasm.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from hisee.schema.opcodes import Op

MAGIC = b"ESLU"
FORMAT = (1, 0)  # highest that this release runs; major: another one is refused; minor: rows appended
WRITTEN = (1, 0)  # the highest that the release before runs too: its script servers get units of this one (docs/adr/0012)
FORMAT_AT = 4  # place of the format in a unit
HEAD = struct.Struct("<4sHH")  # how a unit of every format begins: magic, format
HEADER = 20  # magic, format, length, hash of the opcode table, name
REGISTERS = 4096
PUBLIC_IN, PUBLIC_OUT = "PUBLIC <", "PUBLIC >"  # procedures that take and give the PUBLIC variables: no names of the language
HANDLES = "CNT_HANDLE {} {}"  # the same for each parameter of an RPC procedure that is a container: name and position
ALIASES = "ALIAS {} {} {}"  # and for each one that is a typed alias: number of the structure in the unit, procedure, position
IMPLEMENTS = "IMPLEMENTATION {}"  # an empty procedure of this name for each interface that the script implements
ARGUMENTS = 255  # of one call, action or procedure
GLOBAL = 0x8000  # bit of a record operand: a global of the script
NO_STRUCTURE = 0xFFFF
LEAST, MOST = -(2**31), 2**31 - 1  # operands of 32 bits
CLOSING = {Op.RET, Op.END, Op.JUMP, Op.LOOP}  # what a procedure's code ends with; what raises does not: in mode OFF it goes on behind it


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


class Parameter(NamedTuple):
    name: str
    mode: int
    type: int
    structure: int
    register: int


class Structure(NamedTuple):
    name: str
    hbj: int
    columns: tuple[tuple[str, int], ...]


class Object(NamedTuple):
    name: str
    hbj: int
    type: int  # value type; RECORD = structured, ANY = not known at compile time
    rows: int
    columns: int
