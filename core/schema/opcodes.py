"""Opcodes of the VM. Numbers are stored in units: append only, never reused. 0 is no opcode on purpose.

Instruction: {u8 op, u8 x, u16 a, u16 b, u16 c}, little-endian. Operand signatures (fields x, a, b, c); letters of types are
B BOOL, I INT, R REAL, M TIME, T TEXT, C RECORD, O OBJECT, A ANY:

    ""           must be 0
    "=I" "I" "+I"  register of that type: written / read / read and written
    "=*" "*"     register of any type; the verifier compares it with the column named beside it
    "C" "=C" "+C"  record register; bit 15 set = number of a global of the script instead
    "const16:R"  index of a constant of that type
    "const32:R"  the same, in b:c (stands at b; c is "")
    "imm8" "imm16"  signed small number; at x unsigned; "imm32" in b:c
    "jump16"     forward distance (> 0) in instructions from this instruction
    "jump32"     the same in b:c;  "loop32" any distance in b:c, charged;  "loop16" backward distance (< 0), charged
    "label32"    any distance in b:c, not charged: it is only noted
    "site:CALL" "site:FN" "site:ACT"  index of a site of that kind
    "global:I"   register of the init part
    "object" "variable:I"  index into the unit's objects, picture variables
    "column:I"   0-based column of the record operand, of that type;  "ext" the next word is EXT and belongs to this one
    "reason" 1..15, "error" number of a run-time error, "mode" 0 NONE 1 OFF 2 ON 3 label, "arith" "cmp" see BIN_ANY, CMP_ANY

In `doc`: a, b, c = register contents; k[...] = constant; inv(r) = invalid with reason r; V1..V14 = docs/design/validity.md.
Rows with may_raise can set _ERR_NR; everything else only ever yields invalid values.
"""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Opcode:
    number: int
    name: str
    x: str
    a: str
    b: str
    c: str
    may_raise: bool
    doc: str


SIMPLE = (("B", "BOOL"), ("I", "INT"), ("R", "REAL"), ("M", "TIME"), ("T", "TEXT"))
NAMES = dict(SIMPLE) | {"C": "RECORD", "O": "OBJECT", "A": "ANY"}
OPCODES: list[Opcode] = []


def op(number: int, name: str, a: str = "", b: str = "", c: str = "", doc: str = "", *, x: str = "", may_raise: bool = False) -> None:
    OPCODES.append(Opcode(number, name, x, a, b, c, may_raise, doc))


def family(number: int, name: str, letters: str, a: str, b: str, c: str, doc: str, *, x: str = "", may_raise: bool = False) -> None:
    """One row per type letter, numbers ascending; `?` in a signature stands for the letter, `{T}` in doc for the type."""
    for i, letter in enumerate(letters):
        x_, a_, b_, c_ = (s.replace("?", letter) for s in (x, a, b, c))
        op(number + i, f"{name}_{letter}", a_, b_, c_, doc.replace("{T}", NAMES[letter]), x=x_, may_raise=may_raise)


# control
op(1, "NOP", doc="nothing")
op(2, "EXT", "imm16", "imm16", "imm16", "operands of the instruction before it; never a jump target")
op(3, "JUMP", "", "jump32", doc="pc += b:c; forward only")
op(4, "LOOP", "", "loop32", doc="pc += b:c; one unit of fuel, may end the slice")
op(5, "BR_TRUE", "B", "", "jump16", "a invalid: raise 2; a: pc += c", may_raise=True)
op(6, "BR_FALSE", "B", "", "jump16", "a invalid: raise 2; !a: pc += c", may_raise=True)
op(7, "RET", doc="end of the procedure: INOUT and OUT back to the caller's site, or the run is done")
op(8, "END", doc="end of the run, from any depth")
op(9, "CALL", "site:CALL", doc="procedure of this unit; one unit of fuel; depth over the limit raises 19", may_raise=True)
op(10, "FN", "site:FN", doc="builtin function; fuel by its row", may_raise=True)
op(11, "ACT", "site:ACT", doc="action: ends this run() with ACTION; complete() or fail() goes on", may_raise=True)
op(12, "RAISE", "I", doc="raise number a; 0 or invalid raises 4", may_raise=True)
op(13, "RAISE_T", "I", "T", doc="raise number a with text b (250 characters); 0 or invalid a raises 4", may_raise=True)
op(14, "RAISE_NR", doc="raise number x", x="error", may_raise=True)
op(15, "RERAISE", doc="raise the handled error again with its own line; none handled raises 30", may_raise=True)
op(16, "ON_ERR", "", "label32", doc="mode of this frame := x; with x = 3 the handler stands at pc + b:c, else b:c is 0", x="mode")
op(17, "RETRY", doc="in a label handler: pc := start of the failed action; else raise 30", may_raise=True)
op(18, "RESUME", doc="in a label handler: pc := action after the failed one; else raise 30", may_raise=True)
op(19, "LEAVE", doc="this frame's label handler has ended (before GOTO out of it, EXCEPTION_HANDLER sections); else nothing")
op(20, "ERR_NR", "=I", doc="a := _ERR_NR; in mode OFF then _ERR_NR := 0")
op(21, "ERR_MSG", "=T", doc="a := _ERR_MSG", may_raise=True)
op(22, "ERR_LINE", "=I", doc="a := _ERR_LINE")
op(23, "ERR_EXT", "=I", doc="a := _ERR_NR_TRANS_EX")
op(24, "VALID_TEST", "B", doc="a invalid: raise 2 (loop bounds, EXIT_LOOP); else nothing", may_raise=True)
op(25, "VALID_TEST_I", "I", doc="a invalid: raise 2", may_raise=True)
op(26, "VALID_TEST_R", "R", doc="a invalid: raise 2", may_raise=True)

# constants and moves
op(30, "LOADI_I", "=I", "imm32", doc="a := b:c")
op(31, "LOADI_R", "=R", "imm32", doc="a := b:c as REAL")
op(32, "LOADI_B", "=B", doc="a := x (0 or 1)", x="imm8")
family(33, "LOADK", "IRMT", "=?", "const32:?", "", "a := k[b:c]", may_raise=False)
family(37, "INVALID", "BIRMTA", "=?", "", "", "a := inv(x)", x="reason")
family(43, "MOV", "BIRMTCOA", "=?", "?", "", "a := b; records of one structure only, shared until written")
family(51, "GLOAD", "BIRMTOA", "=?", "global:?", "", "a := global b")
family(58, "GSTORE", "BIRMTOA", "global:?", "?", "", "global a := b")
family(65, "VALID", "BIRMTA", "=B", "?", "", "a := b is valid; never invalid itself")

# INT (V6: one predicted branch; an invalid operand's reason, else 2)
op(71, "ADD_I", "=I", "I", "I", "a := b + c")
op(72, "SUB_I", "=I", "I", "I", "a := b - c")
op(73, "MUL_I", "=I", "I", "I", "a := b * c")
op(74, "ADDI_I", "=I", "I", "imm16", "a := b + c")
op(75, "MULI_I", "=I", "I", "imm16", "a := b * c")
op(76, "NEG_I", "=I", "I", "", "a := -b")
op(77, "AND_I", "=I", "I", "I", "a := b & c, bit by bit")
op(78, "DIV_II", "=R", "I", "I", "a := b / c as REAL; c = 0: inv(4)")
op(79, "IDIV_I", "=I", "I", "I", "a := %Div(b, c), to zero; c = 0: inv(4)")
op(80, "MOD_I", "=I", "I", "I", "a := %Mod(b, c), sign of c; c = 0: inv(4)")
op(81, "MODI_I", "=I", "I", "imm16", "a := %Mod(b, c) with c > 0")
op(82, "ABS_I", "=I", "I", "", "a := |b|")
op(83, "MIN_I", "=I", "I", "I", "a := lesser of b, c")
op(84, "MAX_I", "=I", "I", "I", "a := greater of b, c")

# REAL (lazy: an infinity counts as invalid 2 when looked at)
op(86, "ADD_R", "=R", "R", "R", "a := b + c")
op(87, "SUB_R", "=R", "R", "R", "a := b - c")
op(88, "MUL_R", "=R", "R", "R", "a := b * c")
op(89, "DIV_R", "=R", "R", "R", "a := b / c (V3); c = 0: inv(4)")
op(90, "NEG_R", "=R", "R", "", "a := -b")
op(91, "ADDK_R", "=R", "R", "const16:R", "a := b + k[c]")
op(92, "SUBK_R", "=R", "R", "const16:R", "a := b - k[c]")
op(93, "MULK_R", "=R", "R", "const16:R", "a := b * k[c]")
op(94, "DIVK_R", "=R", "R", "const16:R", "a := b / k[c]")
op(95, "SQRT_R", "=R", "R", "", "a := root of b; b < 0: inv(2)")
op(96, "ABS_R", "=R", "R", "", "a := |b|")
op(97, "MIN_R", "=R", "R", "R", "a := lesser of b, c")
op(98, "MAX_R", "=R", "R", "R", "a := greater of b, c")
op(99, "MULADD_R", "+R", "R", "R", "a := a + b * c, two roundings (V10)")

# BOOL (V8: strict)
op(101, "AND_B", "=B", "B", "B", "a := b & c")
op(102, "OR_B", "=B", "B", "B", "a := b | c")
op(103, "NOT_B", "=B", "B", "", "a := !b")
op(104, "DIV_B", "=I", "B", "B", "a := b / c as 0/1; c FALSE: inv(4)")

# TIME (V12) and TEXT
op(106, "ADD_M", "=M", "M", "R", "a := b + c seconds, local calendar")
op(107, "SUB_M", "=M", "M", "R", "a := b - c seconds, local calendar")
op(108, "DIFF_M", "=R", "M", "M", "a := b - c in seconds, local calendar")
op(109, "CAT_T", "=T", "T", "T", "a := b + c; an invalid one's reason; memory refused raises 20", may_raise=True)
op(110, "LEN_T", "=I", "T", "", "a := characters of b")

# conversions (V5; the pairs that do not exist: INVALID, or BOX and UNBOX)
op(112, "CVT_BI", "=I", "B", "", "a := b as 0/1")
op(113, "CVT_BR", "=R", "B", "", "a := b as 0.0/1.0")
op(114, "CVT_IB", "=B", "I", "", "0 FALSE, 1 TRUE, other: inv(3)")
op(115, "CVT_IR", "=R", "I", "", "a := nearest double of b")
op(116, "CVT_RI", "=I", "R", "", "a := b rounded half away from zero; out of range: inv(2)")
op(117, "CVT_RB", "=B", "R", "", "as CVT_RI and then CVT_IB")

# comparison to BOOL; > and >= swap the operands
for _i, _l in enumerate("IRMTB"):
    for _j, (_n, _s) in enumerate((("LT", "<"), ("LE", "<="), ("EQ", "="), ("NE", "#"))):
        op(120 + 4 * _i + _j, f"{_n}_{_l}", "=B", _l, _l, f"a := b {_s} c; an invalid one's reason")

# compare and branch, forward; an invalid operand raises 2 on both outcomes (V4)
for _i, _l in enumerate("IRM"):
    for _j, (_n, _s) in enumerate((("LT", "<"), ("LE", "<="), ("EQ", "="), ("NE", "#"))):
        op(140 + 4 * _i + _j, f"BR_{_n}_{_l}", _l, _l, "jump16", f"a {_s} b: pc += c", may_raise=True)
for _j, (_n, _s) in enumerate((("LT", "<"), ("LE", "<="), ("EQ", "="), ("NE", "#"), ("GT", ">"), ("GE", ">="))):
    op(152 + _j, f"BRI_{_n}_I", "I", "imm16", "jump16", f"a {_s} b: pc += c", may_raise=True)
    op(158 + _j, f"BRK_{_n}_R", "R", "const16:R", "jump16", f"a {_s} k[b]: pc += c", may_raise=True)

# FOR
op(164, "FOR_PREP", "I", "I", "jump16", "a or b invalid: raise 2; a > b: pc += c", may_raise=True)
op(165, "FOR", "+I", "I", "loop16",
   "a invalid: raise 2; a < b: a := a + 1, pc += c (charged); else a := a + 1 (inv(2) when it does not fit), next", may_raise=True)

# RECORD; rows count from 1; a row outside raises 4, an invalid row number raises 2; writing a shared record copies it first (20)
family(168, "LD", "BIRMTO", "=?", "C", "I", "a := b[c]^x", x="column:?", may_raise=True)
family(174, "ST", "BIRMTO", "+C", "I", "?", "a[b]^x := c", x="column:?", may_raise=True)
op(180, "LDW", "=*", "C", "I", "a := b[c]^column EXT.a, for columns over 255", x="ext", may_raise=True)
op(181, "STW", "+C", "I", "*", "a[b]^column EXT.a := c", x="ext", may_raise=True)
op(182, "DIM", "=I", "C", "", "a := rows of b")
op(183, "ROW_GET", "=C", "C", "I", "a := row c of b as a record of one row; same structure", may_raise=True)
op(184, "ROW_PUT", "+C", "I", "C", "row b of a := the one row of c; structures differ: raise 5", may_raise=True)
op(185, "REDIM", "+C", "I", "", "rows of a := b; below 0, over the limit or memory refused: raise 4; b invalid: raise 2", may_raise=True)
op(186, "INSERT", "+C", "I", "C",
   "before row b of a (-1 or DIM+1 = at the end) insert all of c; raise 5, 4", may_raise=True)
op(187, "INSERT_ROWS", "+C", "I", "C",
   "the same with the rows EXT.a .. EXT.b (INT registers) of c", x="ext", may_raise=True)
op(188, "DELETE", "+C", "I", "I", "remove c rows from row b on; outside: raise 4", may_raise=True)
op(189, "SET_WITH", "+C", "C", "", "a := b as a whole; structures differ: raise 5, rows differ: raise 4", may_raise=True)
op(190, "NEW_C", "=C", "", "", "a := one invalid row")
op(191, "LDI_ROW", "=C", "C", "imm16", "a := row c of b as a record of one row; same structure", may_raise=True)

# objects; a reference that is not linked raises 3 where it is used
op(194, "OBJ", "=O", "object", "", "a := reference to the object of this unit")
op(195, "OBJ_HBJ", "=O", "I", "", "a := reference to object number b; invalid raises 2, not a number of objects raises 8", may_raise=True)
op(196, "OBJ_NONE", "=O", "", "", "a := not linked")
op(197, "ITEM", "=O", "O", "I", "a := reference to b[c]^(x, 1-based; 0 = the row; over 255: ITEMW); c = 0 whole; c outside raises 4",
   x="imm8", may_raise=True)
op(198, "ITEMW", "=O", "O", "I", "as ITEM with the column in EXT.a", x="ext", may_raise=True)
op(199, "LINKED", "=B", "O", "", "a := b is linked")
op(200, "HBJ", "=I", "O", "", "a := number of the object", may_raise=True)
family(201, "RD", "BIRMTA", "=?", "O", "", "a := value of the cell b, converted to {T}", may_raise=True)
family(207, "RDK", "BIRMTA", "=?", "object", "", "a := value of a simple object of this unit, converted to {T}", may_raise=True)
op(213, "ATTR_VLD", "=B", "O", "", "a := the value is valid; never invalid", may_raise=True)
op(214, "ATTR_TIM", "=M", "O", "", "a := time of the value", may_raise=True)
op(215, "ATTR_WEA", "=B", "O", "", "a := the value is weak", may_raise=True)
op(216, "ATTR_DIM", "=I", "O", "", "a := rows of a structured object; of another one: 1", may_raise=True)

# picture variables: writes are applied here at once and handed out as the action PVAR_WRITE
family(220, "PV_RD", "BIRMT", "=?", "variable:?", "", "a := picture variable b", may_raise=True)
family(225, "PV_WR", "BIRMT", "variable:?", "?", "", "picture variable a := b (settled, V11)", may_raise=True)

# ANY: two registers, type word and payload
family(231, "BOX", "BIRMT", "=A", "?", "", "a := b with its type")
family(236, "UNBOX", "BIRMT", "=?", "A", "", "a := b converted to {T}; no conversion: inv(3)")
op(241, "BIN_ANY", "=A", "A", "A",
   "a := b x c by the types at run time; x = 0 + 1 - 2 * 3 / 4 & 5 |; a pair without that operator raises 15", x="arith", may_raise=True)
op(242, "CMP_ANY", "=B", "A", "A", "a := b x c; x = 0 < 1 <= 2 = 3 # 4 > 5 >=; types that do not compare raise 15", x="cmp", may_raise=True)
op(243, "NEG_ANY", "=A", "A", "", "a := -b; not a number: raise 15", may_raise=True)
op(244, "NOT_ANY", "=A", "A", "", "a := !b; not a BOOL: raise 15", may_raise=True)
op(245, "RD_C", "=C", "O", "", "a := the structured object b, or the row it names, as a record; other columns: raise 5", may_raise=True)

# jumps that come back, guarded expressions, rows that stand for rows of objects
op(250, "GOSUB", "", "loop32", doc="remember the next instruction and pc += b:c; charged; too many remembered (gosub_depth) raises 19",
   may_raise=True)
op(251, "RETSUB", doc="on behind the last GOSUB of this frame, which is forgotten; charged; none: the next instruction")
op(252, "GUARD", "", "label32", x="mode",
   doc="x = 3: an error in this frame goes to pc + b:c once, whatever its mode, and leaves _ERR_NR alone; else b:c is 0: no longer")
op(253, "CAUGHT", "=I", doc="a := number of the error that the last GUARD caught")
op(254, "BOUND", "=O", "C", "I", "a := item x (1-based) of the object row to which row c of b is bound; not bound: not linked",
   x="imm8", may_raise=True)
op(255, "RD_O", "=O", "O", doc="a := reference that the cell b holds; a cell of another type raises 15", may_raise=True)

TABLE = Table("opcodes", "Op", OPCODES, "Opcodes of the VM and what each one does.", in_c=("x", "a", "b", "c", "may_raise"))
