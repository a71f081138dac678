"""A kernel's instructions as both experiments translate them; they know the opcodes of the kernels loop and mandel only."""

LEAST = -(2**63) + 16  # least valid INT
OUT_OF_RANGE = -(2**63) + 2  # the invalid INT that an overflow gives
DONE, TRAP, PAUSE = 0, 1, 2  # how the code ends: at RET; where an error is raised; where the fuel is used up
RELATIONS = {"LT": "<", "LE": "<=", "EQ": "==", "NE": "!=", "GT": ">", "GE": ">="}


def signed(value: int, bits: int = 16) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


class Instruction:
    """One instruction: `target` of a jump, `wide` the operand in b:c, `b_small` and `c_small` with a sign, `constant` the REAL named."""

    def __init__(self, pc: int, name: str, operands: list[int], constants: list[float]) -> None:
        self.pc, self.name = pc, name
        self.a, self.b, self.c = operands
        self.wide = signed(self.b | self.c << 16, 32)
        self.b_small, self.c_small = signed(self.b), signed(self.c)
        self.target = pc + (self.wide if name in ("LOOP", "JUMP") else self.c_small)
        self.relation = RELATIONS.get(name.split("_")[1], "") if name.startswith("BR") else ""
        self.constant = constants[self.b if name.startswith("BRK") else self.c] if name.startswith("BRK") or name.endswith("K_R") else 0.0


def read_kernel(rows: list[list], constants: list[float]) -> list[Instruction]:
    return [Instruction(pc, name, operands, constants) for pc, (name, operands) in enumerate(rows)]
