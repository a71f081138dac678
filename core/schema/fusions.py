"""What the loader makes of a verified unit for the machine's loop: instructions that do the work of several.

Nothing of it stands in a unit: numbers here are those that opcodes leave free, and may change at any time. A fused instruction stands in the
place of its first part; the parts behind it stay where they are, with their operands, so that every jump and every error finds what the
unit says. It does what its parts do, one after the other, in that order: a trace cannot show it (`./hisee campaign oracle` compares).

parts   opcodes that follow each other; the loader takes the first row that fits, so longer ones come first
where   what must hold besides, blanks between: `1c=0a` operand c of part 1 is operand a of part 0 (counted from 0), `0a!1a` they differ,
        `0bL` the record operand is no global, `0b=` it is 0
only    the loader uses the row only where it has looked further than the tests say (esl_fuse.c)
lands   opcode at the place where the last part goes when it jumps; "" any

ALIKE: opcodes that the loop does in the same way, and the one that stands for them after loading; their numbers are free for rows here.
"""

from dataclasses import dataclass

from opcodes import OPCODES
from table import Table

ALIKE = {"LD_R": "LD_I", "LD_M": "LD_I", "LD_O": "LD_I", "ST_R": "ST_I", "ST_M": "ST_I", "ST_O": "ST_I", "MOV_B": "MOV_I", "MOV_R": "MOV_I",
         "MOV_M": "MOV_I", "MOV_O": "MOV_I", "LOADK_R": "LOADK_I", "LOADK_M": "LOADK_I", "GLOAD_B": "GLOAD_I", "GLOAD_R": "GLOAD_I",
         "GLOAD_M": "GLOAD_I", "GLOAD_O": "GLOAD_I", "GSTORE_B": "GSTORE_I", "GSTORE_R": "GSTORE_I", "GSTORE_M": "GSTORE_I",
         "GSTORE_O": "GSTORE_I", "LT_M": "LT_I", "LE_M": "LE_I", "EQ_M": "EQ_I", "NE_M": "NE_I", "BR_LT_M": "BR_LT_I", "BR_LE_M": "BR_LE_I",
         "BR_EQ_M": "BR_EQ_I", "BR_NE_M": "BR_NE_I", "INVALID_M": "INVALID_I", "VALID_M": "VALID_I"}
NUMBERS = {row.name: row.number for row in OPCODES}
FREE = sorted({*range(1, 256)} - {number for name, number in NUMBERS.items() if name not in ALIKE})
MOST_PARTS = 4


@dataclass(frozen=True)
class Fusion:
    number: int
    name: str
    parts: str
    where: str
    lands: str
    doc: str
    first: int = 0
    second: int = 0
    third: int = 0
    fourth: int = 0
    landing: int = 0
    only: bool = False


ROWS: list[Fusion] = []


def fuse(name: str, parts: str, where: str = "", lands: str = "", doc: str = "", *, only: bool = False) -> None:
    """One row. Names of opcodes and of rows before it become numbers; a name of ALIKE would never match."""
    known = NUMBERS | {row.name: row.number for row in ROWS}
    names = parts.split()
    if len(names) > MOST_PARTS or set(names) & set(ALIKE):
        raise ValueError(f"fusion {name}: {parts}")
    numbers = [known[part] for part in names] + [0] * (MOST_PARTS - len(names))
    ROWS.append(Fusion(FREE[len(ROWS)], name, parts, where, lands, doc, *numbers, landing=NUMBERS[lands] if lands else 0, only=only))


# loops
fuse("LOADI_ST_ADD_LOOP", "LOADI_B ST_B ADD_I LOOP", "1aL 1c=0a", lands="BR_LT_I", doc="store a constant BOOL, step, back, leave at a limit")
fuse("MOV_ADDI_LOOP_BRI", "MOV_I ADDI_I LOOP", lands="BRI_GE_I", doc="keep a value, count, back, leave at a limit")
fuse("LOADI_ST_B_FOR", "LOADI_B ST_B FOR", "1aL 1c=0a 1b=2a", doc="fill a column with a constant BOOL")
fuse("LD_B_BR_FOR", "LD_B BR_FALSE", "0bL 1a=0a 1b=", lands="FOR", doc="branch on a cell to the end of a FOR")
fuse("ADDI_LOOP_BRI", "ADDI_I LOOP", lands="BRI_GE_I", doc="count, back, leave at a limit")
fuse("ADD_LOOP_BR", "ADD_I LOOP", lands="BR_LT_I", doc="step, back, leave at a limit")
fuse("ADDI_LOOP", "ADDI_I LOOP", doc="count and back")
fuse("MODI_ADD_FOR", "MODI_I ADD_I FOR", "1c=0a 0a!1b 0a!2a 0a!2b 1a!2a 1a!2b", doc="sum of remainders")
fuse("ADD_FOR", "ADD_I FOR", "0a!1a 0a!1b", doc="a sum at the end of a FOR")
fuse("ST_B_FOR", "ST_B FOR", "0aL", doc="store a BOOL at the end of a FOR")
fuse("MOV_FOR_PREP", "MOV_I FOR_PREP", "1a=0a", doc="head of a FOR")
# records
fuse("LD_LD_SUB", "LD_I LD_I SUB_R", "0bL 1bL 2b=0a 2c=1a 0a!1a", doc="difference of two cells")
fuse("LD_MUL_ADD", "LD_I MUL_R ADD_R", "0bL 1c=0a 2c=1a 0a!1b 1a!2b", doc="sum of products of cells")
fuse("INDEX_LD", "ADD_I LD_I", "1bL 1c=0a", doc="load at a computed row")
fuse("LD_MULK", "LD_I MULK_R", "0bL 1b=0a", doc="cell by a constant")
fuse("LD_CVT_MULK", "LD_I CVT_IR MULK_R", "0bL 1b=0a 2b=1a", doc="INT cell by a REAL constant")
fuse("LD_MODI", "LD_I MODI_I", "0bL 1b=0a", doc="remainder of a cell")
fuse("LD_ADDI_ST", "LD_I ADDI_I ST_I", "0bL 2aL 1b=0a 2c=1a", doc="count in a cell")
fuse("LD_LD", "LD_I LD_I", "0bL 1bL", doc="two cells")
fuse("LD_MUL_MUL", "LD_I MUL_R MUL_R", "0bL 1c=0a 2b=1a", doc="cell times two registers")
fuse("LD_B_BR", "LD_B BR_FALSE", "0bL 1a=0a 1b=", doc="branch on a cell")
fuse("LOADI_ST_B", "LOADI_B ST_B", "1aL 1c=0a", doc="store a constant BOOL")
fuse("LOADI_NE_ST", "LOADI_I NE_I ST_B", "2aL 1c=0a 2c=1a", doc="store whether a number differs from a constant")
fuse("SUB_ST", "SUB_R ST_I", "1aL 1c=0a", doc="store a difference")
fuse("ADD_ST", "ADD_R ST_I", "1aL 1c=0a", doc="store a sum")
fuse("ADD_MODI_ST", "ADD_I MODI_I ST_I", "2aL 1b=0a 2c=1a", doc="store a remainder of a sum")
# REAL
fuse("MUL_MUL_ADD_BRK", "MUL_R MUL_R ADD_R BRK_GT_R", "2b=0a 2c=1a 0a!1a 3a=2a", doc="compare a sum of two products")
fuse("MUL_MUL_SUB_ADD", "MUL_R MUL_R SUB_R ADD_R", "2b=0a 2c=1a 0a!1a 3b=2a", doc="difference of two products and sum")
fuse("MUL_MUL_ADD", "MUL_R MUL_R ADD_R", "2b=0a 2c=1a 0a!1a", doc="sum of two products")
fuse("MUL_MUL_SUB", "MUL_R MUL_R SUB_R", "2b=0a 2c=1a 0a!1a", doc="difference of two products")
fuse("MULK_MUL_ADD", "MULK_R MUL_R ADD_R", "1b=0a 2b=1a", doc="scaled product and sum")
fuse("MUL_ADD", "MUL_R ADD_R", "1c=0a 0a!1b", doc="add a product")
# calls
fuse("CALL_OVER", "CALL", only=True, doc="plain call: arguments stand where the procedure's frame begins (esl_calls.c)")
fuse("CALL_FILL", "CALL", only=True, doc="plain call: slots are copied or filled")
fuse("ADDI_CALL", "ADDI_I CALL_OVER", doc="last argument of a call is a sum")
fuse("MODI_CALL", "MODI_I CALL_FILL", doc="last argument of a call is a remainder")
fuse("JUMP_RET", "JUMP", lands="RET", doc="end of a branch that ends the procedure")
fuse("MOV_RET", "MOV_I RET", doc="result and end of a procedure")
fuse("ADD_RET", "ADD_I RET", doc="sum as a result and end of a procedure")
fuse("ADDI_RET", "ADDI_I RET", doc="the same with a small number")
fuse("MODI_RET", "MODI_I RET", doc="remainder as a result and end of a procedure")
fuse("MULI_ADDI", "MULI_I ADDI_I", "1b=0a", doc="product and sum with small numbers")
fuse("LOADI_MOD", "LOADI_I MOD_I", "1c=0a 0a!1b", doc="remainder by a larger number")
fuse("BR_CASE", "BRI_NE_I BRI_NE_I", only=True, doc="decisions one after the other by the value of one INT, by a table")
fuse("FN_QUICK", "FN", only=True, doc="function of texts without the way over the table of functions (esl_quick.c)")

TABLE = Table("fusions", "Fused", ROWS, "What the loader makes of the opcodes of a unit for the machine's loop; nothing of it is stored.",
              in_c=("first", "second", "third", "fourth", "where", "landing", "only"))
