"""Programs of the language, made at random: every one compiles, and most of them meet invalid values, errors and extremes.

The generator asks a `Draw` for numbers below n, and 0 is always the simplest choice. Seeded it is fast; over Hypothesis' `data` the
same generator shrinks. What a program does is bounded: loops count to small numbers, calls go to procedures before, GOTO goes
forward, handlers count their tries.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from . import functions, timefunctions  # noqa: F401  (functions of time are in the table once their module is read)

T = TypeVar("T")


class Draw(Protocol):
    def below(self, n: int) -> int:
        """A number 0..n-1."""
        raise NotImplementedError


class Seeded:
    """Numbers of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def below(self, n: int) -> int:
        return int(self._random() * n)


INTS = ["0", "1", "2", "3", "-1", "7", "60", "-8", "255", "32767", "32768", "-32768", "2147483647", "2147483648", "-2147483648",
        "9007199254740993", "4611686018427387904", "9223372036854775807", "-9223372036854775791", "-9223372036854775807"]
REALS = ["0.0", "1.0", "0.5", "2.5", "-1.5", "3.0", "-0.0", "0.1", "1.0E15", "123456789.125", "1.0E16", "9.3E18", "1.0E-300",
         "1.7976931348623157E308", "-1.0E308", "2.2250738585072014E-308", "4.9E-324", "9223372036854775807.0"]
TEXTS = ['""', '"a"', '"abc"', '"7"', '" 12 "', '"-3.5E2"', '"TRUE"', '"Žofia ß"', '"€ 😀"', "'it''s'", '"a;b;;c"', '"ÀÉ"', '"x""y"',
         '"ǆİı"', '"  "', '"ff"', '"101"', '"e\u0301"', '"99999999999999999999"']
TIMES = ["%FromUnix(0)", "%Now()", "%FromUnix(1256430600)", "%FromUnix(1238292000)",
         "%FromUnix(951782399)", "%FromUnixMS(-1)", "%FromUnix(-62135596800)", "%FromUnix(253402300799)"]
MASKS = ['"hh:mi:ss dd-mm-yyyy"', '"hb mi"', '"yy/mm/dd hh:mi:ss.mss"', '"tttt, dd. mm. rrrr"', '"ttt ZZZ"', '"ZZZZZZ ZZZZZ"', '"UNIX"',
         '"UNIXMS"', '"dd dd hhhh"', '"hh:mi dd-mm-yyyy ZZZZZZ"', '"HH:mi:ss dd-mm-yy"', '""', '"hh:mi"']
WRITTEN = ['"02:30:00 25-10-2009"', '"A2:30:00 25-10-2009"', '"B2:30 25-10-2009"', '"02:30:00 29-03-2009"', '"25:10 01-01-2000"',
           '"07/2/28 23:59:59.999"', '"951782399"', '"10:00 31-12-9999 -01:00"', '"1 02:03:04"', '"-0 00:00:05"', '"26:59:59"', '"12:30"']
ZONES = ['""', '"Europe/Bratislava"', '"+05:30"', '"-03"', '"America/New_York"', '"Australia/Lord_Howe"', '"No/Zone"', '"+24"',
         '"-00:00:01"']
FORMATS = ['"0.00"', '"# ##0.0#"', '"+#,##0"', '"000"', '".##"', '"#.##0,00"', '"0 0"', '"-#"', '"#.#."', '"x"', '"+"', '"# "']
UNITS_OF_TIME = ['"Y"', '"q"', '"M"', '"W"', '"D"', '"H"', '"mi"', '"X"']
# What a parameter of this name is mostly given.
BY_NAME = {"mask": MASKS, "tz": ZONES, "unit": UNITS_OF_TIME, "period": ["60", "3600", "86400", "7", "0", "604800"],
           "off": ["0", "3600", "-7200", "86400"], "y": ["2009", "0", "1", "2024", "9999"], "mo": ["2", "10", "12", "0"],
           "mon": ["1", "-1", "14", "0"], "h": ["2", "23", "24"], "mi": ["30", "59", "60"]}
TYPES = {"B": "BOOL", "I": "INT", "R": "REAL", "T": "TEXT", "M": "TIME"}
LITERALS: dict[str, Sequence[str]] = {"B": ["@FALSE", "@TRUE"], "I": INTS, "R": REALS, "T": TEXTS, "M": TIMES}
OBJECTS = {"I": "U.Count", "R": "U.Level", "T": "U.Note", "B": "U.Enable", "M": "U.When"}
COLUMNS = {"I": "Id", "T": "Name", "R": "Reading"}
ROWS = "_rec\\DIM"
TANK = {"T": "Name", "R": "Level", "B": "Full"}
BOXED = TANK | {"?": "Src"}
GLOBALS = {"I": ["_i", "_j"], "R": ["_r", "_s"], "B": ["_b", "_c"], "T": ["_t", "_u"], "M": ["_m", "_n"]}
CONSTANTS = {"I": "_cI", "R": "_cR", "T": "_cT"}
COMPARISONS = ["=", "#", "<", "<=", ">", ">="]
# The oracle's functions by the kind of their result; N is both INT and REAL, U everything.
LEFT_OUT = {"%InvalidReason", "%TypeOf", "%Invalid", "%SetInvalid", "%TickMS"}
BY_RESULT: dict[str, list[str]] = {kind: [] for kind in "BIRTM"}
for _name in sorted(set(functions.BODIES) - LEFT_OUT):
    for _kind in {"N": "IR", "U": "BIRTM", "TM": "M", "-": ""}.get(functions.ROWS[_name.lower()].result,
                                                                   functions.ROWS[_name.lower()].result):
        BY_RESULT[_kind].append(_name)


class Program:
    """One program under construction. `text()` makes it."""

    def __init__(self, draw: Draw, size: int = 12) -> None:
        self._below, self.size = draw.below, size
        self.lines: list[str] = []
        self.names: dict[str, list[str]] = {}
        self.procedures: list[tuple[str, list[tuple[str, str]]]] = []  # name, (mode, kind)
        self.indent = 0
        self.loops: list[str] = []
        self.labels: list[str] = []  # labels of this section that stand further down
        self.depth = 0
        self.handler = False
        self.subroutine = self.marked = False  # this section has a label Sub; it has EXCEPTION_HANDLER instead of ON ERROR
        self.typed = 0  # inside arguments whose types choose the type of the result: nothing of an unknown type there
        self.in_procedure = False
        self.stamped = self.chance(6)  # asks for time and Weak of everything that keeps them
        self.with_units = self.chance(4)

    # drawing
    def one(self, choices: Sequence[T]) -> T:
        return choices[self._below(len(choices))]

    def chance(self, of: int) -> bool:
        """One in `of`; the simple choice is no."""
        return self._below(of) == of - 1

    def line(self, text: str) -> None:
        self.lines.append("  " * self.indent + text)

    # expressions
    def expression(self, kind: str, depth: int = 3) -> str:
        """Text of an expression of this kind. Brackets stand around every operator."""
        if depth <= 0 or self._below(3) == 0:
            return self.leaf(kind)
        return self.one(COMPOUND[kind])(self, kind, depth - 1)

    def leaf(self, kind: str) -> str:
        what = self._below(16)
        if what < 7:
            return self.one(self.names[kind])
        if what < 12:
            return self.one(LITERALS[kind])
        if what == 12:
            return OBJECTS[kind]
        if what == 13:
            return CONSTANTS.get(kind, self.one(self.names[kind]))
        if what == 14 or self.typed:
            return f"_rec[{self.row()}]^{COLUMNS[kind]}" if kind in COLUMNS else self.one(self.names[kind])
        return "%Invalid()" if self.chance(2) else f"%SetInvalid({self.one('123456')})"

    def row(self) -> str:
        return self.one(["1", "2", "_k", "3", "_rec\\DIM", "_i"])

    def number(self, depth: int) -> str:
        return self.expression(self.one("IIRRB"), depth)

    def arithmetic(self, kind: str, depth: int) -> str:
        """INT from INT and BOOL, REAL from all numbers; / gives REAL."""
        if kind == "I":
            return f"({self.expression('I', depth)} {self.one('+-*')} {self.expression(self.one('IIIB'), depth)})"
        left, right = (self.expression("R", depth), self.number(depth))
        if self.chance(2):
            left, right = right, left
        op = self.one("+-*/")
        if op == "/" and self.chance(3):
            left, right = self.expression("I", depth), self.expression(self.one("IB"), depth)
        return f"({left} {op} {right})"

    def muladd(self, kind: str, depth: int) -> str:
        """The shapes that the code generator has instructions for."""
        return f"({self.leaf(kind)} {self.one('+-')} {self.leaf(kind)} * {self.leaf(kind)})"

    def minus(self, kind: str, depth: int) -> str:
        return f"(-{self.expression(kind, depth)})" if not self.chance(4) else f"-(-{self.leaf(kind)})"

    def bits(self, kind: str, depth: int) -> str:
        return f"({self.expression('I', depth)} & {self.expression('I', depth)})"

    def compare(self, kind: str, depth: int) -> str:
        kinds = self.one(["II", "RR", "IR", "RI", "BI", "TT", "MM", "BB"])
        return f"({self.expression(kinds[0], depth)} {self.one(COMPARISONS)} {self.expression(kinds[1], depth)})"

    def logic(self, kind: str, depth: int) -> str:
        return f"({self.expression('B', depth)} {self.one('&|')} {self.expression('B', depth)})"

    def negation(self, kind: str, depth: int) -> str:
        return f"!({self.expression('B', depth)})"

    def valid(self, kind: str, depth: int) -> str:
        return f"{self.one(self.names[self.one('IRBTM')])}\\VLD"

    def reason(self, kind: str, depth: int) -> str:
        return f"%InvalidReason({self.expression(self.one('IRBTM'), depth)})"

    def divided(self, kind: str, depth: int) -> str:
        return f"({self.expression('B', depth)} / {self.expression('B', depth)})"

    def joined(self, kind: str, depth: int) -> str:
        return f"({self.expression('T', depth)} + {self.expression('T', depth)})"

    def moved(self, kind: str, depth: int) -> str:
        return f"({self.expression('M', depth)} {self.one('+-')} {self.number(depth)})"

    def difference(self, kind: str, depth: int) -> str:
        return f"({self.expression('M', depth)} - {self.expression('M', depth)})"

    def call(self, kind: str, depth: int) -> str:
        """A function, with arguments that mostly are of its parameters' kinds."""
        row = functions.ROWS[self.one(BY_RESULT[kind]).lower()]
        count = row.least + self._below(min(row.most, row.least + 2) - row.least + 1)
        letters = [row.letters[min(i, len(row.letters) - 1)] for i in range(count)]
        self.typed += 1
        names = [row.parameters[min(i, len(row.parameters) - 1)][0] for i in range(count)]
        arguments = [self.argument(letter, kind, row.result, depth, name, row.name) for letter, name in zip(letters, names, strict=True)]
        self.typed -= 1
        return f"{row.name}({', '.join(arguments)})"

    def argument(self, letter: str, kind: str, result: str, depth: int, name: str, function: str) -> str:
        if self._below(5) and (usual := usual_of(function, name)):
            return self.one(usual)
        if letter == "U":
            return self.expression(kind if result == "U" else self.one("IRBTM"), depth)
        if letter == "N":
            return self.expression("I" if result == "N" and kind == "I" else self.one("RIRB"), depth)
        if letter == "I" and self._below(3):
            return self.one(["1", "2", "0", "3", "5", "-1", "40", "63", "64", "_k"])
        return self.expression(letter, depth)

    # actions
    def block(self, count: int) -> None:
        self.indent += 1
        self.depth += 1
        for _ in range(count):
            self.action()
        self.depth -= 1
        self.indent -= 1

    def action(self) -> None:
        kinds = PLAIN if self.depth > 3 else PLAIN + NESTED
        self.one(kinds)(self)

    def assign(self) -> None:
        kind = self.one("IRBTM")
        self.line(f"{self.target(kind)} := {self.expression(kind)}")

    def target(self, kind: str) -> str:
        what = self._below(12)
        if what < 8:
            return self.one(self.names[kind])
        if what < 10 and kind in COLUMNS:
            return f"_rec[{self.row()}]^{COLUMNS[kind]}"
        return OBJECTS[kind] if what < 11 else "_al"

    def convert(self) -> None:
        """An assignment to another type."""
        self.line(f"{self.target(self.one('IRBTM'))} := {self.expression(self.one('IRBTM'), 2)}")

    def alias(self) -> None:
        what = self._below(6)
        if what == 0:
            self.line(f"SET _al AS {self.one([*OBJECTS.values(), 'NONE', '(101)', '(999)', '(_i)'])}")
        elif what == 1:
            self.line(f"_al := {self.expression(self.one('IRBTM'), 2)}")
        elif what == 2:
            self.line(f"{self.one(self.names[self.one('IRBTM')])} := _al")
        elif what == 3:
            self.line(f"{self.one(self.names[self.one('IRBTM')])} := _al {self.one('+-*/&|<=#')} {self.expression(self.one('IRBT'), 1)}")
        elif what == 4:
            self.line(f"IF _al {self.one(COMPARISONS)} {self.expression(self.one('IRBT'), 1)} GOTO {self.label()}")
        else:
            self.line(f"_b := {self.one(['_al', *OBJECTS.values()])}\\VLD")

    def label(self) -> str:
        return self.one(self.labels)

    def log(self) -> None:
        kind = self.one("IRBTM")
        if self.chance(3):
            self.line(f"LOGEX {self.expression('T')}" + (f" PRIORITY {self.expression('I', 1)}" if self.chance(6) else ""))
        else:
            self.line(f"LOG {self.one(TEXTS)}, {self.one(self.names[kind])}")

    def jump(self) -> None:
        if self.chance(3):
            self.line(f"GOTO {self.label()}")
        else:
            self.line(f"IF {self.condition()} GOTO {self.label()}")

    def jump_by_number(self) -> None:
        """ON n GOTO, GOSUB, ON n GOSUB."""
        what = self._below(3)
        if what == 0 or not self.subroutine:
            self.line(f"ON {self.expression('I', 1)} GOTO {self.label()}, {self.label()}")
        else:
            self.line("GOSUB Sub" if what == 1 else f"ON {self.one(['_i', '_k', '1', '2.4'])} GOSUB Sub, Sub")

    def raises(self) -> None:
        if not self.chance(3):
            self.log()
            return
        text = f", {self.expression('T', 1)}" if self.chance(2) else ""
        self.line(f"RAISE_EXCEPTION {self.one(['10001', '22', '_i', '0', '4'])}{text}")

    def condition(self) -> str:
        return "_al" if self.chance(40) else self.expression("I" if self.chance(30) else "B")

    def mode(self) -> None:
        if self.marked:
            self.log()
            return
        modes = ["OFF", "ON", "NONE"] + ["Handler"] * (3 if self.handler else 0)
        self.line(f"ON ERROR {self.one(modes)}")

    def number_of_error(self) -> None:
        self.line(f"{self.one(self.names['I'])} := {self.one(['_ERR_NR', '_ERR_LINE', '_ERR_NR + _i', '_ERR_NR_TRANS_EX'])}")
        if self.chance(3):
            self.line("_t := _ERR_MSG")

    def structure(self) -> None:
        what = self._below(7)
        if what == 0:
            self.line(f"REDIM _rec[{self.one(['2', '3', '1', '0', '-1', '_i', '_k'])}]")
        elif what == 1:
            self.line("SET _rec WITH _old" if self.chance(2) else f"SET _old[{self.one('12')}] WITH _rec[{self.row()}]")
        elif what == 2:
            self.line(f"INSERT _rec, {self.one(['1', '-1', '2', '_k', '_i'])}, {self.one(['_old', '_old[1]', '_rec[1]', '_rec[2], _k'])}")
        elif what == 3:
            self.line(f"_j := {self.one(['_rec', '_old', 'SV.Meters'])}\\DIM")
        elif what == 4:
            kind = self.one("ITR")
            self.line(f"SV.Meters[{self.one('123')}]^{COLUMNS[kind]} := {self.expression(kind, 1)}")
        elif what == 5:
            kind = self.one("ITR")
            self.line(f"{self.one(self.names[kind])} := SV.Meters[{self.row()}]^{COLUMNS[kind]}")
        else:
            self.line(f"_b := _rec[{self.row()}]^{self.one(['Id', 'Name', 'Reading'])}\\VLD")

    def order(self) -> None:
        """SORT, DELETE, COPY_ROWS, FIND_TRUE."""
        what = self._below(4)
        record = self.one(["_rec", "_old"])
        if what == 0:
            keys = [f"{record}^{self.one(list(COLUMNS.values()))}, {self.expression('B', 1)}" for _ in range(1 + self._below(3))]
            self.line(f"SORT {', '.join(keys)}")
        elif what == 1:
            self.line(f"DELETE {record}, {self.one(['1', '2', '_k', ROWS, '0'])}{self.one(['', ', 2', ', 0', ', _i'])}")
        elif what == 2:
            of = self.one(["_rec", "_old", "SV.Meters"])
            numbers = self.one(["1", "2", "_k", ROWS]), self.one(["1", "2", "_i"]), self.one(["1", "2", "0", "_k"])
            self.line(f"COPY_ROWS {record}, {numbers[0]}, {of}, {numbers[1]}, {numbers[2]}")
        else:
            condition = self.one(["_rec[_k]^Id = _i", "_rec[_k]^Name = _t", "_rec[_k]^Reading > _r", "_k = 2", "_k * _r > 3 & _b"])
            if self.chance(3):
                self.line("_k := 1")
            code = self.one(["_j", "_r", "_rec[1]^Id", "U.Count"])
            self.line(f"FIND_TRUE _k, {self.one(['3', '2', ROWS, '_i', '%Invalid()'])}, {code}, {condition}")

    def bond(self) -> None:
        """SET BIND, and what goes through a bound row."""
        record = self.one(["_rec", "_old"])
        what = self._below(4)
        if what < 2:
            self.line(f"SET {record}[{self.one(['1', '2', '_k'])}] BIND {self.one(['SV.Meters[1]', 'SV.Meters[2]', 'SV.Meters[_k]'])}")
        elif what == 2:
            self.line(f"SET {record}[{self.one(['1', '2', '_k'])}] BIND NONE")
        else:
            self.line(self.one(["SET SV.Meters WITH _rec", "SET _old WITH SV.Meters", "SET _rec[1] WITH SV.Meters[2]",
                                "SET SV.Meters[_k] WITH _old[1]", "INSERT _rec, -1, SV.Meters[1]", "INSERT _old, 1, SV.Meters[1], 2",
                                "INSERT _rec, 1, SV.Meters"]))

    def links(self) -> None:
        """Records with references."""
        row, other = self.one(["1", "2", "_k"]), self.one(["1", "2", "3"])
        kind = self.one(list(TANK))
        source = self.one([*OBJECTS.values(), "NONE", "_al", f"_t2[{other}]^Src", "(101)"])
        self.line(self.one([
            f"SET _t1[{row}]^Src AS {source}", f"SET _t1[{row}] AS _t2[{other}]", "SET _t1 AS _t2", "SET _t2 AS _t1",
            "SET _t1[0]^Src AS _t2[0]^Src", "SET _t2^Src AS NONE", "SET _t2[0]^Src AS SV.Tanks[0]^Level DIRECT", "SET _t1[2] AS NONE",
            f"SET _t2[{other}] AS SV.Tanks[{row}]", "SET _t1 AS SV.Tanks", f"SET _al AS _t1[{row}]^Src", f"REDIM _t1[{row}]",
            f"REDIM _t2[{other}]", f"_t1[{row}]^{TANK[kind]} := {self.expression(kind, 1)}",
            f"{self.one(self.names[kind])} := _t2[{other}]^{TANK[kind]}", f"_t1[{row}]^Src := {self.expression(self.one('IRT'), 1)}",
            f"{self.one(self.names[self.one('IRBTM')])} := _t1[{row}]^Src", f"_j := _t1[{row}]^Src\\HBJ", f"_b := _t1[{row}]^Src\\VLD",
        ]))

    def values(self) -> None:
        """NOALIAS records whose Object columns hold values of any type, and their way to and from records with links."""
        row, other, kind = self.one(["1", "2", "_k"]), self.one(["1", "2", "3"]), self.one("IRBTM")
        value = f"_n1[{row}]^Src"
        self.line(self.one([
            f"{value} := {self.expression(kind, 1)}", f"_n2[{other}]^Src := {self.expression(kind, 1)}",
            f"{self.one(self.names[kind])} := {value}", f"_al := {value}", f"{value} := _al", f"LOG \"value\", {value}",
            f"_b := ({value} {self.one(COMPARISONS)} {self.expression(kind, 1)})", f"_b := {value}\\VLD",
            f"{value} := {value} + _n2[{other}]^Src", f"SV.Tanks[{row}]^Src := {self.expression(kind, 1)}",
            "SET _n1 WITH _n2", "SET _n2 WITH _t1", "SET _t1 WITH _n1", f"SET _n1[{row}] WITH _t2[{other}]",
            f"SET _t2[{other}] WITH _n1[{row}]",
            f"SET _n2[{other}] WITH _n1[{row}]", "SET _n1 WITH SV.Tanks", f"SET SV.Tanks[{other}] WITH _n1[{row}]",
            f"SET _n1[{row}] WITH SV.Tanks[{other}]", f"SET _n1[{row}] BIND SV.Tanks[{other}]", f"SET _n1[{row}] BIND NONE",
            f"SORT _n1^Src, {self.expression('B', 1)}, _n1^Name, @TRUE", f"INSERT _n1, {row}, _t1", f"INSERT _t2, -1, _n1[{row}]",
            f"INSERT _n1, 1, _n2[1], {other}", f"INSERT _n2, -1, SV.Tanks[{other}]", f"COPY_ROWS _n1, {row}, _t1, 1, {other}",
            f"REDIM _n1[{other}]", f"REDIM _n2[{row}]", f"CNT_INSERT _h, \"n\", _n1[{row}]", f"CNT_FIND _h, \"n\", _n2[{other}], _b",
            f"CALL Boxed(_n1, {self.one(['_n2', '_n2[1]'])}, {value})",
        ]))

    def containers(self) -> None:
        handle, kind = self.one(["_h", "_h", "_h", "_g", "_g", "_i"]), self.one("IRBTM")
        keys = ['"a"', '"A"', "_t", "_u", '"\u00df"'] if handle == "_h" else ["1", "2", "_i", "_k", "3"]
        key = self.one(keys if self._below(8) else ["_r", "_b", "_m", "_i", "_t", "-0.0", "0.0"])
        value = self.one([self.expression(kind, 1), "_rec", "_old[1]", f"_rec[{self.row()}]", "SV.Meters", "SV.Meters[1]", "U.Count",
                          "_al"])
        to = self.one([self.one(self.names[kind]), "_rec", "_old[1]", "_rec[_k]", "U.Level", "_al", "_rec[1]^Id"])
        self.line(self.one([
            f"CNT_CREATE {self.one(['_h', '_h', '_g'])}", "CNT_CREATE _g CASE_SENSITIVE", f"CNT_INSERT {handle}, {key}, {value}",
            f"CNT_INSERT {handle}, {key}, {value}", f"CNT_INSERT {handle}, {key}, {value}", f"CNT_FIND {handle}, {key}, {to}, _b",
            f"CNT_FIND {handle}, {key}, {to}, _c", f"CNT_DELETE {handle}, {key}", f"CNT_DELETE {handle}, {key}, _c",
            f"CNT_GETNR {handle}, _j", f"CNT_CNVTOARRAY {handle}",
            f"CNT_GETITEM {handle}, {self.one(['1', '2', '_k'])}, {self.one(self.names[self.one('IRBTM')])}, {to}",
            f"CNT_DESTROY {handle}", f"CNT_DEBUG {handle}, {self.expression('T', 1)}",
        ]))

    def stamps(self) -> None:
        if not self.stamped:
            self.assign()
            return
        kind = self.one("IRBM")
        name, given = self.one([*self.names[kind], OBJECTS[kind]]), self.one([*self.names["M"], "%FromUnix(300)", "%Invalid()"])
        item = f"{self.one(['_rec', '_old'])}[{self.one(['1', '2', '_k'])}]^Reading"
        self.line(self.one([
            f"{item} := {self.expression('R', 1)} TIME {given}", f"{item} := %SetTime({self.expression('R', 1)}, {given})",
            f"{name} := {self.expression(kind, 2)} TIME {given}", f"{name} := %SetTime({self.expression(kind, 1)}, {given})",
            f"{name} := %SetWeak({self.expression(kind, 1)}, {self.expression('B', 1)})", f"_m := {name}\\TIM", f"_b := {name}\\WEA",
            f"_n := %GetTime({name})", f"_c := %IsWeak({self.expression(kind, 2)})", f"{name} := {self.one(self.names[kind])}",
            f"_m := %GetTime(%SetTime({name}, {given}))", f"_b := %IsWeak(%SetWeak({name}, @FALSE))",
        ]))

    def wait_for(self) -> None:
        time, met = self.one(["0", "-1[m]", "0[ms]", "%Invalid()", "_r"]), self.one(["", ", _c", ", _i"])
        self.line(f"WAIT {self.condition()} TIMEOUT {time}{met}")

    def watch(self) -> None:
        what = self.one(["U.Level", "SV.Meters", "SV.Meters[1]", "SV.Meters[0]^Id", "SV.Meters[_k]^Reading", "(101)", "(_i)"])
        self.line(f"ON CHANGE {what} GOTO Moved{self.one(['', ' NONE'])}")

    def call_unit(self) -> None:
        if not self.with_units:
            self.assign()
            return
        self.line("CALL " + self.one([
            f"[_u1] Put({self.expression('R', 1)})", f"[_u1] Mean({self.passed('R', items=True)})", "[_u1] Clear",
            f"[_u2] Put({self.expression('I', 1)})", f"[_u2] Mean({self.passed('I', items=False)})",
            f"[_w] Add({self.expression('R', 1)}, {self.passed('R', items=False)})",
            f"[_w] Calls({self.passed('I', items=False)})",
        ]))

    def waiting(self) -> None:
        self.line(self.one(["WAIT", f"DELAY {self.expression('R', 1)}", "DELAY 5[ms]", f"MESSAGE {self.expression('T', 1)}"]))

    def call_procedure(self) -> None:
        if not self.procedures:
            self.assign()
            return
        name, parameters = self.one(self.procedures)
        given = []
        for mode, kind in parameters:
            if kind == "rec":
                given.append(self.one(["_rec", "_old", "_rec[1]"]))
            elif mode == "IN ":
                given.append(self.expression(kind if self._below(5) else self.one("IRBTM"), 2))
            else:
                given.append(self.passed(
                    kind if self._below(5) else self.one("IRB"), items=mode == "" and not any(k == "rec" for _, k in parameters)))
        self.line(f"CALL {name}({', '.join(given)})")

    def passed(self, kind: str, *, items: bool) -> str:
        """What can be handed to an in-out parameter. An item's row is fixed, and none goes to OUT: the language does not say when it
        is looked up."""
        if items and kind in COLUMNS and self.chance(4):
            return f"_rec[{self.one('12')}]^{COLUMNS[kind]}"
        return self.one(self.names[kind]) if not self.chance(8) else OBJECTS[kind]

    def leave(self) -> None:
        if not self.chance(6):
            self.log()
            return
        self.line("END" if self.chance(4) else "RETURN")

    def branch(self) -> None:
        self.line(f"IF {self.condition()} THEN")
        self.block(1 + self._below(3))
        for _ in range(self._below(3) // 2):
            self.line(f"ELSIF {self.condition()} THEN")
            self.block(1 + self._below(2))
        if self.chance(2):
            self.line("ELSE")
            self.block(1 + self._below(2))
        self.line("ENDIF")

    def loop(self) -> None:
        if len(self.loops) > 1:
            self.branch()
            return
        counter = ["_k", "_l"][len(self.loops)]
        if self.chance(4):
            self.line(f"FOR {counter} RANGE {self.one(['_rec', '_old', 'SV.Meters'])} DO_LOOP")
        else:
            low, high = self.one(["1", "0", "_i", "2", "9223372036854775806", "1.5"]), self.one(["3", "2", "1", "_k", "2.5", "_j", "_r"])
            if low[0] == "9":
                high = self.one(["9223372036854775807", "9223372036854775805"])
            if low == "_i" or high in ("_j", "_r"):
                low, high = f"%Limit({low}, -2, 2)", f"%Limit({high}, -2, 4)"
            self.line(f"FOR {counter} = {low} TO {high} DO_LOOP")
        self.loops.append(counter)
        self.block(1 + self._below(3))
        if self.chance(3):
            self.line(f"  EXIT_LOOP {self.condition()}")
        if self.chance(8):
            self.line(f"  {counter} := {self.one(['5', '%Invalid()', counter + ' + 1'])}")
        self.loops.pop()
        self.line("END_LOOP")

    def endless(self) -> None:
        """A loop without FOR, ended by a counter of the script."""
        if len(self.loops) > 1:
            self.branch()
            return
        self.line("DO_LOOP")
        self.loops.append("")
        self.line("  _passes := _passes + 1")
        self.line("  EXIT_LOOP _passes > 6")
        self.block(1 + self._below(3))
        self.loops.pop()
        self.line("END_LOOP")

    # sections
    def section(self, count: int) -> None:
        """Body, its way with errors, and a subroutine behind it."""
        self.subroutine = self.chance(3)
        (self.stretches if self.chance(4) else self.with_modes)(count)
        if self.subroutine:
            self.subroutine = False
            self.line("  RETURN" if self.in_procedure else "  END")
            self.line("Sub:")
            self.labels = ["Last"]
            self.block(2)
            self.line("  RETURN")
            self.labels = []
        self.marked = False

    def stretches(self, count: int) -> None:
        """Body with a label in the middle, and one or two handlers that markers begin."""
        self.labels, self.handler, self.marked = ["Middle", "Last"], False, True
        self.block(count)
        self.line("Middle:")
        self.labels = ["Last"]
        self.block(count // 2)
        for _ in range(1 + self._below(2)):
            self.line("EXCEPTION_HANDLER")
            self.line("  _tries := _tries + 1")
            self.line("  LOG \"caught\", _ERR_NR")
            self.block(1)
            self.line(self.one(["  LOG \"in line\", _ERR_LINE", "  IF _tries < 4 GOTO Middle", "  RERAISE"]))
        self.line("Last:")
        self.labels = []

    def with_modes(self, count: int) -> None:
        """Body, a label in the middle and one at the end, and a handler behind it."""
        self.labels, self.handler = ["Middle", "Last"], self._below(3) > 0
        if self.handler and self.chance(2):
            self.line("  ON ERROR Handler")
        elif self.chance(3):
            self.line("  ON ERROR OFF")
        self.block(count)
        self.line("Middle:")
        self.labels = ["Last"]
        self.block(count // 2)
        self.line("Last:")
        self.labels = []
        if self.handler:
            self.line("  RETURN" if self.in_procedure else "  END")
            self._handler()

    def _handler(self) -> None:
        self.line("Handler:")
        self.line("  _tries := _tries + 1")
        if self.chance(3):
            self.line("  LOG \"handled\", _ERR_NR")
            self.line("  LOG \"in line\", _ERR_LINE")
        if self.chance(4):
            self.labels = ["Last"]
            self.block(1)
        self.line(f"  IF _tries > 4 GOTO {self.one(['Middle', 'Last'])}" if not self.chance(5) else "  IF _tries > 4 GOTO Last")
        if self.chance(3):
            self.line(f"  {self.one(['_i', '_k', '_r', '_b'])} := 1")
        self.line(f"  {self.one(['RESUME', 'RETRY', 'GOTO Last', 'GOTO Middle', 'RERAISE'])}")
        self.labels = []

    def procedure(self, number: int) -> None:
        name = f"P{number}"
        parameters = [(self.one(["", "IN ", "OUT "]), self.one("IRBTM")) for _ in range(self._below(4))]
        if self.chance(4):
            parameters.append((self.one(["", "IN "]), "rec"))
        self.names = {kind: list(names) for kind, names in GLOBALS.items()}
        header = []
        for at, (mode, kind) in enumerate(parameters):
            header.append(f"{mode}{'RECORD NOALIAS (SD.Meter) _rec' if kind == 'rec' else f'{TYPES[kind]} _p{at}'}")
            if kind != "rec":
                self.names[kind] += [f"_p{at}"] * 2
        self.line(f"PROCEDURE {name}({', '.join(header)})")
        self.in_procedure = True
        if self.chance(2):
            kind = self.one("IRBTM")
            self.line(f"  {TYPES[kind]} _own")
            self.names[kind] += ["_own"]
        if self.stamped:
            for own in {name for names in self.names.values() for name in names if name.startswith(("_p", "_own"))}:
                self.line(f"  _c := {own}\\WEA")
        self.section(1 + self._below(self.size // 2))
        self.line(f"END {name}")
        self.in_procedure = False
        self.procedures.append((name, parameters))

    def text(self) -> str:
        self.declarations()
        self.lines += ["PROCEDURE Moved(REAL _val, ALIAS _src, INT _row, INT _col)", "END Moved"]
        self.lines += ["PROCEDURE Boxed(IN RECORD NOALIAS (SD.Tank) _p, RECORD NOALIAS (SD.Tank) _q, REAL _x)",
                       "  _q[1]^Src := _p[1]^Src", "  _x := _p[1]^Src", "  _p[1]^Src := _x", "END Boxed"]
        for number in range(self._below(3)):
            self.procedure(number)
        self.names = {kind: list(names) for kind, names in GLOBALS.items()}
        self.dump()
        self.line("BEGIN")
        self.start_values()
        self.section(2 + self._below(self.size))
        self.line("END")
        return "\n".join(self.lines) + "\n"

    def declarations(self) -> None:
        for kind, names in GLOBALS.items():
            self.line(f"{TYPES[kind]} {', '.join(names)}")
        self.line("INT _k, _l, _tries, _passes")
        self.line("RECORD NOALIAS (SD.Meter) _rec, _old")
        self.line("RECORD (SD.Tank) _t1, _t2")
        self.line("RECORD NOALIAS (SD.Tank) _n1, _n2")
        self.line("INT _h, _g")
        self.line("ALIAS _al")
        if self.with_units:
            self.line("UNIT (E.Avg) _u1, _u2")
            self.line("UNIT (E.Nested) _w")
        self.line(f"INT _cI = {self.one(INTS[:-1])}")
        self.line(f"REAL _cR = {self.one(REALS)}")
        self.line(f"TEXT _cT := {self.one(TEXTS)}")

    def start_values(self) -> None:
        self.line("  _tries := 0")
        self.line("  _passes := 0")
        for handle in ("_h", "_g"):
            if self._below(3):
                self.line(f"  CNT_CREATE {handle}{self.one(['', ' CASE_SENSITIVE'])}")
        for kind, names in GLOBALS.items():
            for name in names:
                if self._below(4):
                    self.line(f"  {name} := {self.one(LITERALS[kind])}")

    def dump(self) -> None:
        """What the script left: every global, every cell, and the state of errors."""
        self.line("PROCEDURE Dump")
        self.line("  INT _row")
        self.line("  RECORD NOALIAS (SD.Tank) _copy")
        for name in [n for names in GLOBALS.values() for n in names] + ["_k", "_l", "_tries"]:
            self.line(f'  LOG "{name}", {name}')
        if self.stamped:
            self.lines += [f'  LOG "weak", {name}\\WEA' for kind in "IRBTM" for name in GLOBALS[kind]]
            self.lines += [f'  LOG "time", {name}\\TIM' for kind in "IRBTM" for name in [*GLOBALS[kind], OBJECTS[kind]]]
        for record, columns in (("_rec", COLUMNS), ("_old", COLUMNS), ("_t1", TANK), ("_t2", TANK), ("_n1", BOXED), ("_n2", BOXED)):
            self.line(f"  FOR _row RANGE {record} DO_LOOP")
            shown = f"{record}[_row]"
            if columns is BOXED:  # reading a bound row may raise, a copy of it does not
                self.line(f"    SET _copy[1] WITH {record}[_row]")
                shown = "_copy[1]"
            for column in columns.values():
                self.line(f'    LOG "{record}", {shown}^{column}')
            self.line("  END_LOOP")
        self.line('  LOG "error", _ERR_NR')
        self.line('  LOG "in line", _ERR_LINE')
        self.line("END Dump")


def usual_of(function: str, name: str) -> Sequence[str]:
    """What this parameter of a function is mostly given; nothing: expressions."""
    if function == "%FormatNum":
        return FORMATS if name == "mask" else []
    return WRITTEN if name == "s" and "ToTime" in function or function == "%StrToRelTime" else BY_NAME.get(name, [])


Maker = Callable[[Program, str, int], str]
COMPOUND: dict[str, list[Maker]] = {
    "I": [Program.arithmetic, Program.arithmetic, Program.call, Program.muladd, Program.minus, Program.bits, Program.divided,
          Program.reason],
    "R": [Program.arithmetic, Program.arithmetic, Program.call, Program.muladd, Program.minus, Program.difference],
    "B": [Program.compare, Program.compare, Program.logic, Program.negation, Program.valid, Program.call],
    "T": [Program.joined, Program.call, Program.call],
    "M": [Program.moved, Program.call],
}
PLAIN: list[Callable[[Program], None]] = [
    Program.assign, Program.assign, Program.assign, Program.assign, Program.convert, Program.log, Program.jump, Program.mode,
    Program.number_of_error, Program.structure, Program.structure, Program.alias, Program.waiting, Program.call_procedure,
    Program.call_procedure, Program.leave, Program.jump_by_number, Program.raises, Program.order, Program.bond, Program.links,
    Program.values,
    Program.containers, Program.containers, Program.stamps, Program.wait_for, Program.watch, Program.call_unit,
]
NESTED: list[Callable[[Program], None]] = [Program.branch, Program.branch, Program.branch, Program.loop, Program.loop, Program.endless]


def program(seed: int, size: int = 12) -> str:
    """The program of a seed."""
    return Program(Seeded(seed), size).text()
