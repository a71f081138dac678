# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Functions of the language as the passes ask for them: the rows of the schema, their letters turned into types once."""

from __future__ import annotations

from dataclasses import dataclass

from hisee.esl.context import Foreign, ObjectEntry
from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import fold
from hisee.esl.front.rows import zeros
from hisee.esl.front.symbols import type_of_word
from hisee.schema import functions, host_functions, picture_functions

# functions that look at what stands beside a value: its time, its mark Weak, its flags
BESIDE = frozenset(("%GetTime", "%IsWeak", "%Flag", "%GetFlags", "%SetFlag", "%LimState"))
LETTER_TYPES = {"B": K.V_BOOL, "I": K.V_INT, "R": K.V_REAL, "T": K.V_TEXT, "TM": K.V_TIME, "H": K.V_INT, "-": K.V_NONE, "N": K.L_NUMBER,
                "U": K.L_UNITED,
                "C": K.L_COLUMN}
WORD_LETTERS = {"BOOL": "B", "INT": "I", "REAL": "R", "TEXT": "T", "": "-"}


@dataclass(frozen=True)
class ForeignRow:
    """An external function in the form of a row of the tables."""

    name: str
    parameters: tuple[tuple[str, str, None], ...]
    result: str
    least: int
    most: int
    number: int = 0
    host: bool = True


FunctionRow = functions.FnRow | host_functions.HostFnRow | ForeignRow


class Signature:
    """A function: number and name of its row, how many arguments of which types, the type of its result. `foreign`: what an external
    function stands for, None for those of the language."""

    def __init__(self, row: FunctionRow, foreign: Foreign | None = None) -> None:
        self.foreign = foreign
        self.number = row.number
        self.name = row.name
        self.host = bool(row.host)
        self.least, self.most = row.least, row.most
        self.types = [LETTER_TYPES[parameter[1]] for parameter in row.parameters]  # the last one is that of all behind it
        self.result = LETTER_TYPES[row.result]
        self.united = K.L_UNITED in self.types
        self.beside = self.name in BESIDE
        self.column = bool(self.types) and self.types[0] == K.L_COLUMN
        # as an opcode, by type of the result; the code generator says which functions have one
        self.opcodes = zeros(K.V_ANY + 1)
        self.operands = 0  # how many it takes; 0: there is no opcode
        self.operand_type = K.V_NONE  # V_NONE: as the result

    def type_at(self, at: int) -> int:
        """Type of the argument at a place."""
        types = self.types
        return types[at] if at < len(types) else types[len(types) - 1]

    def is_typed(self) -> bool:
        """Is the type of the result the same for all arguments?"""
        return self.result < K.L_NUMBER

    def result_of(self, given: list[int]) -> int:
        """Type of the result for arguments of these types."""
        if self.result == K.L_NUMBER:
            return K.V_INT if self._whole(given) else K.V_REAL
        if self.result == K.L_UNITED:
            return self._joined(given)
        return self.result

    def _whole(self, given: list[int]) -> bool:
        reals = 0
        for at in range(len(given)):
            kind: int = given[at]
            reals += self.type_at(at) == K.L_NUMBER and kind != K.V_INT and kind != K.V_BOOL
        return reals == 0

    def _joined(self, given: list[int]) -> int:
        values = [kind for at, kind in enumerate(given) if self.type_at(at) == K.L_UNITED]
        return K.V_NONE if K.V_NONE in values else common_type(values) if values else K.V_ANY

    def common(self, given: list[int]) -> int:
        """What the values among the arguments become when one of them is the result; ANY: they stay what they are."""
        values = [kind for at, kind in enumerate(given) if self.type_at(at) == K.L_UNITED] if self.result == K.L_UNITED else []
        return common_type(values) if values else K.V_ANY


class PictureSignature:
    """A picture function: number and name of its row, types of its arguments and result, and whether the script waits for it."""

    def __init__(self, row: picture_functions.PictureFunctionRow) -> None:
        self.number = row.number
        self.name = row.name
        self.types = [type_of_word(kind) for _, mode, kind in row.operands if mode == "IN"]
        self.result = type_of_word(row.result) if row.result else K.V_NONE
        self.waits = row.waits == "always"


def common_type(types: list[int]) -> int:
    """Of the values of which one becomes a result: the same for all, REAL for INT with REAL, else ANY."""
    kinds = set(types)
    if len(kinds) == 1:
        return types[0]
    return K.V_REAL if kinds == {K.V_INT, K.V_REAL} else K.V_ANY


def foreign_signature(entry: ObjectEntry, foreign: Foreign) -> Signature:
    """Signature of an external function: it is called by the name of its object."""
    parameters = tuple((f"a{at}", WORD_LETTERS[word], None) for at, word in enumerate(foreign.parameters, 1))
    count = len(parameters)
    return Signature(ForeignRow(f"%{entry.name}", parameters, WORD_LETTERS[foreign.result], count, count), foreign)


ROWS: list[functions.FnRow | host_functions.HostFnRow] = [*functions.ROWS, *host_functions.ROWS]
FUNCTIONS = {fold(name): Signature(row) for row in ROWS for name in (row.name, *row.old_names)}
PICTURE_FUNCTIONS = {fold(row.name): PictureSignature(row) for row in picture_functions.ROWS}
