"""What names mean: structures, symbols, places and procedures as checker and code generator share them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hisee.esl.front.lexer import fold
from hisee.esl.front.nodes import TYPE_NAMES, V_ANY, V_INT, V_OBJECT, V_RECORD, V_TIME

# kinds of symbols
S_LOCAL, S_PVAR, S_CONST, S_REF, S_SPECIAL = range(5)
# kinds of places
P_SCALAR, P_PVAR, P_CONST, P_WHOLE, P_ROW, P_ITEM, P_COLUMN, P_CELL = range(8)
SPECIAL = {"_err_nr": "ERR_NR", "_err_msg": "ERR_MSG", "_err_line": "ERR_LINE", "_err_nr_trans_ex": "ERR_EXT"}

COLUMN_TYPES = {"BOOL": 1, "INT": 2, "REAL": 3, "TIME": 4, "TEXT": 5, "OBJECT": V_OBJECT}


def type_of_word(word: str) -> int:
    """Slot type of a type word of the object model; what is not known is ANY."""
    return COLUMN_TYPES.get(word.upper(), V_ANY)


@dataclass(eq=False)
class Struct:
    """A structure definition as the compiler sees it."""

    name: str
    hbj: int
    columns: list[tuple[str, int]]

    def __post_init__(self) -> None:
        self.positions = {fold(name): i for i, (name, _) in enumerate(self.columns)}

    def position(self, folded: str) -> int:
        """0-based column, -1 when there is none."""
        return self.positions.get(folded, -1)


UNTYPED = Struct("", 0, [])  # of a RECORD without a structure: it takes any, columns are found by name when the script runs


@dataclass(eq=False)
class Symbol:
    """A name of the text. `section` is the number of its procedure, 0 = init part (global)."""

    name: str
    kind: int
    type: int
    section: int = 0
    struct: Struct | None = None
    noalias: bool = False
    value: object = None  # constants
    start: int = 0
    end: int = 0
    register: int = -1
    initial: int = -1  # node of a computed initial value
    index: int = 0  # picture variable
    time: Symbol | None = None  # companions, where the script can observe them
    weak: Symbol | None = None
    flags: Symbol | None = None
    used: bool = False
    public: bool = False  # EVENT sets it before the start and reads it at the end
    handle: bool = False  # CNT_HANDLE: a container stands behind it when the procedure is called
    bound: bool = False  # a record of which rows may stand for rows of objects

    def track_time(self) -> None:
        if self.time is None:
            self.time = Symbol(self.name + "\\TIM", S_LOCAL, V_TIME, self.section)

    def track_weak(self) -> None:
        if self.weak is None:
            self.weak = Symbol(self.name + "\\WEA", S_LOCAL, 1, self.section)

    def track_flags(self) -> None:
        """User flags A..P, as the 16 bits of an INT."""
        if self.flags is None:
            self.flags = Symbol(self.name + " flags", S_LOCAL, V_INT, self.section)


@dataclass(eq=False)
class Place:
    """Where a reference points. CELL = a value or structure outside the script, reached over an object reference.

    base (CELL): "name" object entry | "alias" symbol | "hbj" node of an INT expression | "item" Place of an Object column
    """

    kind: int
    type: int
    symbol: Symbol | None = None
    struct: Struct | None = None
    index: int = -1  # node of the row index
    column: int = -1  # 0-based
    base: str = ""
    entry: object = None
    node: int = -1
    item: Place | None = None
    whole: bool = True  # of a structured CELL: no row chosen
    name: str = ""

    def shown(self) -> str:
        if self.kind in (P_WHOLE, P_COLUMN) or self.kind == P_CELL and self.type == V_RECORD:
            return f"structure `{self.name}`"
        return f"`{self.name}`"


@dataclass(eq=False)
class Parameter:
    symbol: Symbol
    mode: int


@dataclass(eq=False)
class Procedure:
    """A procedure or entry; `index` is its number in the unit (the init part is 0)."""

    name: str
    node: int
    index: int
    flags: int
    parameters: list[Parameter] = field(default_factory=list)
    locals: dict[str, Symbol] = field(default_factory=dict)
    labels: dict[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)  # folded -> node, blocks around it
    on_change: bool = False
    gosubs: bool = False  # its RETURN may belong to a GOSUB
    comes_back: bool = False  # code elsewhere in it can run in the middle of a loop and come back: GOSUB, handler with RESUME
    event: str = ""

    def signature(self, lead: str = "") -> str:
        words = [f"{'IN ' if p.mode == 1 else ''}{TYPE_NAMES[p.symbol.type]} {p.symbol.name}" for p in self.parameters]
        return lead + "(" + ", ".join(words) + ")" if words else lead
