# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""What names mean: structures, symbols, places and procedures as checker and code generator share them."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import fold
from hisee.esl.front.nodes import TYPE_NAMES

SPECIAL = {"_err_nr": "ERR_NR", "_err_msg": "ERR_MSG", "_err_line": "ERR_LINE", "_err_nr_trans_ex": "ERR_EXT"}

COLUMN_TYPES = {"BOOL": 1, "INT": 2, "REAL": 3, "TIME": 4, "TEXT": 5, "OBJECT": K.V_OBJECT}


def type_of_word(word: str) -> int:
    """Slot type of a type word of the object model; what is not known is ANY."""
    return COLUMN_TYPES.get(word) or COLUMN_TYPES.get(word.upper(), K.V_ANY)


class Struct:
    """A structure definition as the compiler sees it."""

    def __init__(self, name: str, hbj: int, columns: list[tuple[str, int]]) -> None:
        self.name = name
        self.hbj = hbj
        self.columns = columns
        self.positions = {fold(name): i for i, (name, _) in enumerate(columns)}
        self.links = any(kind == K.V_OBJECT for _, kind in columns)  # it has Object columns
        self.boxed = any(kind == K.V_ANY for _, kind in columns)  # it is of NOALIAS records with Object columns: they hold values
        self._values: Struct | None = None

    def values(self) -> Struct:
        """The same for a NOALIAS record: plain values in place of references."""
        if self._values is None:
            self._values = Struct(self.name, self.hbj, values_of(self.columns)) if self.links else self
        return self._values

    def shown(self) -> str:
        return f"NOALIAS {self.name}" if self.boxed else self.name

    def position(self, folded: str) -> int:
        """0-based column, -1 when there is none."""
        return self.positions.get(folded, -1)


def values_of(columns: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(name, K.V_ANY if kind == K.V_OBJECT else kind) for name, kind in columns]


UNTYPED = Struct("", 0, [])  # of a RECORD without a structure: it takes any, columns are found by name when the script runs


class Symbol:
    """A name of the text. `section` is the number of its procedure, 0 = init part (global)."""

    def __init__(self, name: str, kind: int, type: int, section: int = 0, struct: Struct | None = None,
                 noalias: bool = False, value: object = None, index: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.type = type
        self.section = section
        self.struct = struct
        self.noalias = noalias
        self.value = value  # constants
        self.index = index  # picture variable
        self.start = self.end = 0
        self.register = -1
        self.initial = -1  # node of a computed initial value
        self.time: Symbol | None = None  # companions, where the script can observe them
        self.weak: Symbol | None = None
        self.flags: Symbol | None = None  # user flags
        self.public = False  # EVENT sets it before the start and reads it at the end
        self.handle = False  # CNT_HANDLE: a container stands behind it when the procedure is called
        self.given = False  # a parameter
        self.bound = False  # a record of which rows may stand for rows of objects

    def track_time(self) -> None:
        if self.time is None:
            self.time = Symbol(self.name + "\\TIM", K.S_LOCAL, K.V_TIME, self.section)

    def track_weak(self) -> None:
        if self.weak is None:
            self.weak = Symbol(self.name + "\\WEA", K.S_LOCAL, 1, self.section)

    def track_flags(self) -> None:
        """User flags A..P, as the 16 bits of an INT."""
        if self.flags is None:
            self.flags = Symbol(self.name + " flags", K.S_LOCAL, K.V_INT, self.section)


def local_of(name: str, kind: int, section: int, struct: Struct | None, noalias: bool) -> Symbol:
    """As Symbol() of a local, without the way over Python's call."""
    symbol: Symbol = Symbol.__new__(Symbol)
    symbol.name, symbol.kind, symbol.type, symbol.section = name, K.S_LOCAL, kind, section
    symbol.struct, symbol.noalias, symbol.value, symbol.index = struct, noalias, None, 0
    symbol.start = symbol.end = 0
    symbol.register = symbol.initial = -1
    symbol.time = symbol.weak = symbol.flags = None
    symbol.public = symbol.handle = symbol.bound = symbol.given = False
    return symbol


class Place:
    """Where a reference points. CELL = a value or structure outside the script, reached over an object reference.

    base (CELL): "name" object entry | "alias" symbol | "hbj" node of an INT expression | "item" Place of an Object column
    """

    def __init__(self, kind: int, type: int, symbol: Symbol | None = None, struct: Struct | None = None,
                 index: int = -1, column: int = -1, base: str = "", entry: object = None, node: int = -1,
                 item: Place | None = None, whole: bool = True, name: str = "") -> None:
        self.kind = kind
        self.type = type
        self.symbol = symbol
        self.struct = struct
        self.index = index  # node of the row index
        self.column = column  # 0-based
        self.base = base
        self.entry = entry
        self.node = node
        self.item = item
        self.whole = whole  # of a structured CELL: no row chosen
        self.name = name

    def shown(self) -> str:
        if self.kind in (K.P_WHOLE, K.P_COLUMN) or self.kind == K.P_CELL and self.type == K.V_RECORD:
            return f"structure `{self.name}`"
        return f"`{self.name}`"


def place_at(kind: int, type: int, symbol: Symbol | None, struct: Struct | None, index: int, column: int, name: str) -> Place:
    """As Place(), without the way over Python's call: for the places that most references are."""
    place: Place = Place.__new__(Place)
    place.kind, place.type, place.symbol, place.struct = kind, type, symbol, struct
    place.index, place.column, place.name = index, column, name
    place.base, place.entry, place.node, place.item, place.whole = "", None, -1, None, True
    return place


def cell_at(type: int, symbol: Symbol | None, struct: Struct | None, index: int, column: int, base: str, entry: object,
            name: str) -> Place:
    """The same for a CELL."""
    place = place_at(K.P_CELL, type, symbol, struct, index, column, name)
    place.base, place.entry = base, entry
    return place


def part_of(cell: Place, type: int, struct: Struct | None, index: int, column: int, name: str) -> Place:
    """A row or item of a CELL."""
    place = cell_at(type, cell.symbol, struct, index, column, cell.base, cell.entry, name)
    place.node, place.whole = cell.node, False
    return place


class Parameter:
    def __init__(self, symbol: Symbol, mode: int) -> None:
        self.symbol = symbol
        self.mode = mode


class Procedure:
    """A procedure or entry; `index` is its number in the unit (the init part is 0)."""

    def __init__(self, name: str, node: int, index: int, flags: int) -> None:
        self.name = name
        self.node = node
        self.index = index
        self.flags = flags
        self.parameters: list[Parameter] = []
        self.locals: dict[str, Symbol] = {}
        self.labels: dict[str, tuple[int, int]] = {}  # folded -> node, block around it
        self.markers: list[int] = []  # EXCEPTION_HANDLER, in their order
        self.on_change = False
        self.gosubs = False  # its RETURN may belong to a GOSUB
        self.comes_back = False  # code elsewhere in it can run in the middle of a loop and come back: GOSUB, handler with RESUME
        self.event = ""

    def signature(self, lead: str = "") -> str:
        words = [f"{'IN ' if p.mode == 1 else ''}{TYPE_NAMES[p.symbol.type]} {p.symbol.name}" for p in self.parameters]
        return lead + "(" + ", ".join(words) + ")" if words else lead
