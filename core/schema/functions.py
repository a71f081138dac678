"""Functions of the language that run inside the VM: signature, validity rule, cost, and the C function behind each.
Those that need the world outside stand in host_functions.py, in rows of the same form.

A row is written as its signature. `N %Min(N x, N y, ...10)`: the last parameter repeats, ten arguments at most.
Type letters of parameters and results:

    B BOOL   I INT   R REAL   T TEXT   TM TIME
    N  a number: INT or REAL; a result N is INT when every argument N is INT, else REAL
    H  number of an object (`x\\HBJ`), an INT
    C  a whole column of a local structure, `_r^Column`; in the unit it is two arguments, the record and the column's index
    U  any simple type; a result U has the common type of the arguments U (INT with REAL is REAL; not known at compile
       time: ANY), and without such arguments the type of its destination
    -  no result: the function stands alone as an action

An argument of another type is converted by the table of conversions before the function sees it (BOOL counts as a
number). Omitted trailing arguments take the default; the C functions also accept fewer arguments and fill them in.

Validity: "strict" = one invalid argument makes the result invalid with that argument's reason; "V" = the function looks
at validity itself. Cost in fuel: `base`, and by `per` one unit for every 16 bytes of the TEXT arguments ("byte") or one
for each argument ("element"); functions whose result can be longer than their arguments charge for it as well.
"""

import ast
import re
from dataclasses import dataclass

from table import Symbol, Table


@dataclass(frozen=True)
class Function:
    number: int
    name: str
    old_names: tuple
    parameters: tuple  # (name, type letter, default); default None = must be given
    least: int  # arguments that must be given
    most: int  # arguments that may be given; more than parameters: the last one repeats
    result: str
    validity: str
    base: int
    per: str
    pure: bool  # the result follows from the arguments alone: constants may be folded
    lane: str
    effect: str
    letters: str  # parameters as C reads them: one letter each, M = TIME
    c: Symbol
    doc: str
    host: bool = False  # done by the process around the VM, not inside it
    waits: bool = False  # the script waits while it is done; others go on


SIGNATURE = re.compile(r"(?P<result>[A-Z]+|-) (?P<name>%\w+)\((?P<parameters>.*)\)$")
PARAMETER = re.compile(r"\s*(?P<type>[A-Z]+) (?P<name>\w+)(?:=(?P<default>'[^']*'|-?\w+))?\s*$")
LETTERS = {"B": "B", "I": "I", "R": "R", "T": "T", "TM": "M", "N": "N", "U": "U", "H": "I", "C": "C"}


def parameters(text: str) -> tuple[tuple, int]:
    """Parameters of a signature, and the number of arguments it takes at most."""
    parts = [p for p in text.split(",") if p.strip()]
    repeat = int(parts.pop().strip().removeprefix("...")) if parts and "..." in parts[-1] else 0
    found = []
    for part in parts:
        match = PARAMETER.match(part)
        if not match:
            raise ValueError(f"functions: parameter {part!r} cannot be read")
        default = match["default"]
        found.append((match["name"], match["type"], None if default is None else ast.literal_eval(default)))
    return tuple(found), max(repeat, len(found))


def c_name(name: str) -> str:
    """%StrToTimeEx -> esl_fn_str_to_time_ex"""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.lstrip("%"))
    return "esl_fn_" + words.lower()


def f(number: int, signature: str, doc: str, *, old: tuple = (), v: bool = False, base: int = 2, per: str = "",
      pure: bool = True, host: bool = False, waits: bool = False) -> Function:
    match = SIGNATURE.match(signature)
    if not match:
        raise ValueError(f"functions: {signature!r} cannot be read")
    params, most = parameters(match["parameters"])
    return Function(
        number, match["name"], old, params, sum(p[2] is None for p in params), most, match["result"],
        "V" if v else "strict", base, per, pure, "local", "none", "".join(LETTERS[p[1]] for p in params),
        Symbol("" if host else c_name(match["name"])), doc, host, waits,
    )


BLANKS = r"' \t\r\n'"
FUNCTIONS = [
    # value and validity
    f(101, "B %IsValid(U x)", "TRUE if x is valid", v=True),
    f(102, "U %Invalid()", "the invalid value, reason 1", v=True),
    f(103, "U %IfInvalid(U x, U alt)", "x if valid, else alt", v=True),
    f(104, "U %SetValid(U x, B v)", "x made invalid, or an invalid x made 0, FALSE, empty text, 1970", v=True),
    f(105, "I %InvalidReason(U x)", "0 valid, 1 undefined, 2 range, 3 conversion, 4 division by zero, 5 no data, 6 communication",
      v=True),
    f(106, "U %SetInvalid(I reason)", "the invalid value with reason 1..15"),
    f(107, "U %SetTime(U x, TM t)", "x with time t", v=True),
    f(108, "TM %GetTime(U x)", "time of x; invalid where nobody keeps it", v=True, pure=False),
    f(109, "B %IsWeak(U x)", "is x marked as suspicious?", v=True, pure=False),
    f(110, "U %SetWeak(U x, B w)", "x with the mark Weak set or cleared", pure=False),
    f(111, "I %TypeOf(U x)", "1 BOOL, 2 INT, 3 REAL, 4 TIME, 5 TEXT, 0 none", v=True),
    f(112, "B %Flag(U x, I f)", "is user flag f (@A = 0 .. @P = 15) of x set? Objects, items of objects and copies of them have flags"),
    f(113, "U %SetFlagsV(U x, I mask)", "x with these user flags, bit 0 = A; a variable or object that it is assigned to has them; outside 0..65535: invalid, 2"),
    f(114, "U %SetFlag(U x, I f, B on)", "x with user flag f (@A .. @P) set or cleared, the others as they are"),
    f(115, "I %GetFlags(U x)", "user flags of x, bit 0 = A"),
    f(116, "I %LimState(U x)", "where an object's value stands against its limits, as `x\\LIM`; anything else: @L_ERR"),
    f(117, "I %AlarmState(U x)", "alarm state of x, as `x\\ALV`; no alarms are kept yet: 0, no alarm"),
    f(118, "U %ARC_Nowrite()", "in a calculated historical value: store nothing; elsewhere the invalid value, reason 5",
      old=("%ARC_Unwrite",), v=True),
    # selection
    f(201, "U %IIf(B c, U a, U b)", "a if c, else b; the other one may be invalid", v=True),
    f(202, "U %Choose(I n, U v, ...10)", "value n of those given, from 1; another n gives invalid", v=True),
    f(203, "B %InRange(N x, N lo, N hi)", "lo <= x <= hi"),
    f(204, "B %Same(U a, U b)", "both invalid, or of one type and equal", v=True, per="byte"),
    f(205, "I %Compare(U a, U b)", "-1, 0, 1; invalid is the least; types without an order give invalid", v=True, per="byte"),
    # mathematics
    f(301, "N %Abs(N x)", "absolute value"),
    f(302, "I %Sgn(N x)", "-1, 0, 1"),
    f(303, "N %Min(N x, N y, ...10)", "least argument", per="element"),
    f(304, "N %Max(N x, N y, ...10)", "greatest argument", per="element"),
    f(305, "N %MinV(N x, N y, ...10)", "least valid argument; none: invalid", v=True, per="element"),
    f(306, "N %MaxV(N x, N y, ...10)", "greatest valid argument; none: invalid", v=True, per="element"),
    f(307, "R %Avg(N x, N y, ...10)", "mean", per="element"),
    f(308, "R %AvgV(N x, N y, ...10)", "mean of the valid arguments; none: invalid", v=True, per="element"),
    f(309, "R %Sqrt(N x)", "square root; of a negative number invalid", base=4),
    f(310, "N %Sqr(N x)", "square"),
    f(311, "R %Power(N b, N e)", "b to the power e; 0 to 0 is 1; a negative b needs a whole e", base=8),
    f(312, "R %Exp(N x)", "e to the power x", base=8),
    f(313, "R %Ln(N x)", "natural logarithm; x <= 0 invalid", base=8),
    f(314, "R %Log10(N x)", "decimal logarithm; x <= 0 invalid", base=8),
    f(315, "R %Log(N x, N base)", "logarithm to a base; x or base <= 0, or base 1, invalid", base=8),
    f(316, "R %Sin(N x)", "sine, radians", base=8),
    f(317, "R %Cos(N x)", "cosine, radians", base=8),
    f(318, "R %Tan(N x)", "tangent, radians", base=8),
    f(319, "R %ASin(N x)", "arc sine; outside -1..1 invalid", base=8),
    f(320, "R %ACos(N x)", "arc cosine; outside -1..1 invalid", base=8),
    f(321, "R %ATan(N x)", "arc tangent", base=8),
    f(322, "R %ATan2(N y, N x)", "angle of the point (x, y); of (0, 0) it is 0", base=8),
    f(323, "R %Sinh(N x)", "hyperbolic sine", base=8),
    f(324, "R %Cosh(N x)", "hyperbolic cosine", base=8),
    f(325, "R %Tanh(N x)", "hyperbolic tangent", base=8),
    f(326, "R %DegToRad(N x)", "degrees as radians"),
    f(327, "R %RadToDeg(N x)", "radians as degrees"),
    f(328, "R %Pi()", "3.14159..."),
    f(329, "R %Round(N x, I n=0)", "n decimals (-15..15) of the shortest decimal form, half away from zero; a zero has no sign", base=40),
    f(330, "I %RoundI(N x)", "nearest whole number, half away from zero"),
    f(331, "I %Trunc(N x)", "whole part, towards zero"),
    f(332, "I %Floor(N x)", "greatest whole number not above x"),
    f(333, "I %Ceil(N x)", "least whole number not below x"),
    f(334, "R %Frac(N x)", "fraction, with the sign of x"),
    f(335, "I %Div(I a, I b)", "quotient, cut towards zero"),
    f(336, "N %Mod(N a, N b)", "remainder with the sign of b"),
    f(337, "I %Rem(I a, I b)", "remainder with the sign of a"),
    f(338, "N %Limit(N x, N lo, N hi)", "x, at least lo, at most hi; lo > hi invalid"),
    f(339, "R %RoundTo(N x, N step)", "nearest multiple of step; step <= 0 invalid"),
    f(340, "R %Interp(N x, N x1, N y1, N x2, N y2)", "line through two points; x1 = x2 invalid"),
    f(341, "R %Rnd()", "random number, 0 <= r < 1", pure=False),
    f(342, "I %RndInt(I lo, I hi)", "random whole number lo..hi; lo > hi invalid", pure=False),
    f(343, "- %RndSeed(I seed)", "from here on %Rnd and %RndInt repeat the sequence of this seed", pure=False),
    f(344, "R %ColSum(C c, I at=0)", "sum of the valid cells of a column; none: invalid, 5", v=True, pure=False),
    f(345, "R %ColAvg(C c, I at=0)", "mean of the valid cells; none: invalid, 5", v=True, pure=False),
    f(346, "U %ColMin(C c, I at=0)", "least valid cell; none: invalid, 5", v=True, pure=False),
    f(347, "U %ColMax(C c, I at=0)", "greatest valid cell; none: invalid, 5", v=True, pure=False),
    f(348, "I %ColCount(C c, I at=0)", "number of valid cells", v=True, pure=False),
    # bits
    f(401, "I %BitAnd(I a, I b)", "bits set in both"),
    f(402, "I %BitOr(I a, I b)", "bits set in one or both"),
    f(403, "I %BitXor(I a, I b)", "bits set in one only"),
    f(404, "I %BitNot(I a)", "bits turned"),
    f(405, "I %BitShl(I x, I n)", "x shifted left by 0..63, overflowing bits dropped"),
    f(406, "I %BitShr(I x, I n)", "x shifted right by 0..63, zeros from the left"),
    f(407, "B %BitTest(I x, I n)", "is bit n (0..63) set?"),
    f(408, "I %BitSet(I x, I n, B on)", "x with bit n set or cleared"),
    f(409, "I %BitCount(I x)", "number of set bits"),
    f(410, "I %BitField(I x, I from, I len)", "len bits from bit `from` up, as a number without sign"),
    # conversions
    f(501, "T %IToStr(N x)", "decimal digits; REAL is rounded half away from zero", base=6),
    f(502, "T %RToStr(R x, I dec=-1, T sep='.')", "shortest exact form, or dec decimals (0..30)", base=40),
    f(503, "T %FormatNum(N x, T mask)",
      "by a mask of 0 # . , blank + -: the last dot or comma starts the decimals, an earlier one or a blank groups", base=50, per="byte"),
    f(504, "T %IToHex(I x, I width=0)", "hexadecimal, upper case, zeros in front up to width (0..64)", base=6),
    f(505, "T %IToBin(I x, I width=0)", "binary, zeros in front up to width (0..64)", base=10),
    f(506, "I %HexToI(T s)", "number of up to 16 hexadecimal digits, two's complement", per="byte"),
    f(507, "I %BinToI(T s)", "number of up to 64 binary digits, two's complement", base=6, per="byte"),
    f(508, "I %StrToI(T s)", "the whole text is a whole number; blanks around are ignored", per="byte"),
    f(509, "R %StrToR(T s, T sep='.')", "the whole text is a number; blanks around are ignored", base=10, per="byte"),
    f(510, "T %BToStr(B b)", "TRUE or FALSE", base=4),
    f(511, "B %StrToB(T s)", "TRUE FALSE 1 0 in any case", per="byte"),
    f(512, "I %BToI(B b)", "1 or 0"),
    f(513, "B %IToB(I i)", "0 FALSE, 1 TRUE, else invalid"),
    f(514, "I %RToI(R r)", "rounded half away from zero"),
    f(515, "R %IToR(I i)", "nearest REAL"),
    f(516, "R %TmToR(TM t)", "seconds since 1970 UTC"),
    f(517, "TM %RToTm(R s)", "time of so many seconds since 1970 UTC"),
    f(518, "I %UnixTime(TM t)", "whole seconds since 1970 UTC"),
    f(519, "I %UnixTimeMS(TM t)", "milliseconds since 1970 UTC"),
    f(520, "TM %FromUnix(I s)", "time of seconds since 1970 UTC"),
    f(521, "TM %FromUnixMS(I ms)", "time of milliseconds since 1970 UTC"),
    f(522, "T %Chr(I code)", "character of a Unicode code point", base=4),
    f(523, "I %Asc(T s)", "code point of the first character; of an empty text invalid"),
    f(524, "T %ToStr(U x)", "any value as text; invalid is empty; TIME as hh:mi:ss dd-mm-yyyy", v=True, base=40, pure=False),
    # text
    f(601, "I %StrLen(T s)", "characters"),
    f(602, "T %SubStr(T s, I from, I len=-1)", "len characters from position `from`; -1 = to the end", base=4),
    f(603, "T %StrLeft(T s, I n)", "first n characters", base=4, per="byte"),
    f(604, "T %StrRight(T s, I n)", "last n characters", base=4, per="byte"),
    f(605, "I %StrPos(T s, T sub, I from=1)", "position of sub at or after `from`; 0 = absent", per="byte"),
    f(606, "I %StrPosLast(T s, T sub)", "last position of sub; 0 = absent", per="byte"),
    f(607, "B %StrHas(T s, T sub)", "does s contain sub?", per="byte"),
    f(608, "B %StartsWith(T s, T sub)", "does s begin with sub?", per="byte"),
    f(609, "B %EndsWith(T s, T sub)", "does s end with sub?", per="byte"),
    f(610, "T %StrReplace(T s, T old, T new)", "every old by new, from left to right", base=4, per="byte"),
    f(611, "T %StrReplaceN(T s, T old, T new, I count)", "at most count replacements", base=4, per="byte"),
    f(612, "T %StrInsert(T s, I pos, T ins)", "ins in front of position pos, 1..length+1", base=4, per="byte"),
    f(613, "T %StrDelete(T s, I from, I len)", "s without len characters from position `from`", base=4, per="byte"),
    f(614, f"T %Trim(T s, T chars={BLANKS})", "s without these characters at both ends", base=4, per="byte"),
    f(615, f"T %LTrim(T s, T chars={BLANKS})", "s without these characters in front", base=4, per="byte"),
    f(616, f"T %RTrim(T s, T chars={BLANKS})", "s without these characters at its end", base=4, per="byte"),
    f(617, "T %Upper(T s)", "capital letters, one for one", base=4, per="byte"),
    f(618, "T %Lower(T s)", "small letters, one for one", base=4, per="byte"),
    f(619, "T %LPad(T s, I width, T c=' ')", "c in front up to width characters; never shorter", base=4, per="byte"),
    f(620, "T %RPad(T s, I width, T c=' ')", "c behind up to width characters; never shorter", base=4, per="byte"),
    f(621, "T %StrRepeat(T s, I n)", "s n times", base=4, per="byte"),
    f(622, "T %StrReverse(T s)", "characters in reverse order", base=4, per="byte"),
    f(623, "I %StrCmp(T a, T b)", "-1, 0, 1 by code point", per="byte"),
    f(624, "I %StrCmpNC(T a, T b)", "-1, 0, 1, capital and small letters alike", per="byte"),
    f(625, "B %Like(T s, T mask)", "does all of s fit the mask? * any characters, ? one; case is ignored; over 5,000,000 steps: invalid, 2", per="byte"),
    f(626, "I %TokenCount(T s, T sep)", "tokens of s; empty ones count", per="byte"),
    f(627, "T %Token(T s, T sep, I n)", "token n, from 1; outside invalid", base=4, per="byte"),
    f(628, "I %TokenFind(T s, T sep, T tok)", "number of the token equal to tok; 0 = absent", per="byte"),
    f(629, "T %TokenPut(T s, T sep, I n, T tok)", "s with token n replaced; missing ones become empty", base=4, per="byte"),
    f(630, "T %NewLine()", "CR LF"),
    f(631, "T %Tab()", "tabulator"),
    f(632, "T %CR()", "carriage return"),
    f(633, "T %LF()", "line feed"),
    f(634, "T %Quote(T s)", "s as a text literal of the language", base=4, per="byte"),
    f(635, "T %Unquote(T s)", "text of a literal; not a literal: invalid", base=4, per="byte"),
    f(636, "T %CsvCell(T s)", "s as a cell of a CSV file, quoted where needed", base=4, per="byte"),
    f(637, "T %HtmlEsc(T s)", "s with & < > and both quotes as entities", base=4, per="byte"),
    f(638, "T %SqlText(T s)", "s as an SQL literal in single quotes", base=4, per="byte"),
    f(639, "T %Left0(I n, I width)", "whole number with leading zeros", base=6),
    # time; tz = zone name, (+|-)hh[:mi[:ss]], empty = zone of the process
    f(701, "TM %Now()", "current time", pure=False),
    f(702, "R %TickMS()", "milliseconds that only grow", pure=False),
    f(703, "TM %StrToTime(T s, T tz='')", "time written hh:mi:ss dd-mm-yyyy", old=("%MkAT",), base=20, per="byte", pure=False),
    f(704, "TM %StrToTimeEx(T s, T mask, T tz='')", "time written by a mask, or UNIX, UNIXMS; A2/B2 = first or second 2 o'clock",
      old=("%MkATEx",), base=20, per="byte", pure=False),
    f(705, "T %TimeToStr(TM t, T mask, T tz='')", "time by a mask", base=20, per="byte", pure=False),
    f(706, "T %TimeToStrEx(TM t, T mask, T tz='')", "time by a mask; A2/B2 in the hour that comes twice", base=20, per="byte", pure=False),
    f(707, "TM %StrMonoToTime(T s, T mask, I off)", "time written by a mask at a fixed offset in seconds", base=20, per="byte"),
    f(708, "T %TimeToStrMono(TM t, T mask, I off)", "time by a mask at a fixed offset in seconds", base=20, per="byte"),
    f(709, "TM %AddIntervalLocal(TM a, R sec, T tz='')", "wall clock addition",
      old=("%AddTime", "%AddTimeT", "%AddTimeLocal"), base=10, pure=False),
    f(710, "TM %SubIntervalLocal(TM a, R sec, T tz='')", "wall clock subtraction", old=("%SubTime", "%SubTimeT"), base=10, pure=False),
    f(711, "TM %AddIntervalMono(TM a, R sec)", "later by elapsed seconds"),
    f(712, "TM %SubIntervalMono(TM a, R sec)", "earlier by elapsed seconds"),
    f(713, "R %SubTimesLocal(TM a, TM b, T tz='')", "a - b by wall clock, seconds", old=("%SubTimeLocal",), base=10, pure=False),
    f(714, "R %SubTimesMono(TM a, TM b)", "a - b elapsed, seconds"),
    f(715, "TM %NewTime(TM a, I y, I mon, I d, I s, T tz='')", "calendar shift; a missing day becomes the last one of its month",
      old=("%NewTimeT",), base=10, pure=False),
    f(716, "I %WeekDay(TM t, T tz='')", "Sunday 0, Monday 1 ... Saturday 6", base=10, pure=False),
    f(717, "I %Year(TM t, T tz='')", "year", base=10, pure=False),
    f(718, "I %Month(TM t, T tz='')", "month 1..12", base=10, pure=False),
    f(719, "I %Day(TM t, T tz='')", "day of the month", base=10, pure=False),
    f(720, "I %Hour(TM t, T tz='')", "hour 0..23", base=10, pure=False),
    f(721, "I %Minute(TM t, T tz='')", "minute 0..59", base=10, pure=False),
    f(722, "I %Second(TM t, T tz='')", "second 0..59", base=10, pure=False),
    f(723, "I %MSec(TM t, T tz='')", "millisecond 0..999", base=10, pure=False),
    f(724, "I %YearDay(TM t, T tz='')", "day of the year, from 1", base=10, pure=False),
    f(725, "I %WeekNr(TM t, T tz='')", "week of the year (ISO 8601)", base=10, pure=False),
    f(726, "I %Quarter(TM t, T tz='')", "quarter 1..4", base=10, pure=False),
    f(727, "I %DaysInMonth(TM t, T tz='')", "days of the month", base=10, pure=False),
    f(728, "B %IsLeapYear(I y)", "does year y have 366 days?"),
    f(729, "B %IsSummerTime(TM t, T tz='')", "is the clock advanced at t?", base=10, pure=False),
    f(730, "I %UTCOffset(TM t, T tz='')", "local time minus UTC, seconds", base=10, pure=False),
    f(731, "TM %MkTime(I y, I mo, I d, I h=0, I mi=0, R s=0, T tz='')", "time of parts; impossible: invalid; twice: standard time",
      base=10, pure=False),
    f(732, "TM %BeginOf(TM t, T unit, T tz='')", "start of the Y Q M W D H MI that holds t", base=10, pure=False),
    f(733, "TM %GridTime(TM t, I period, I offset=0, T tz='')", "last grid time at or before t; grid from local midnight",
      base=10, pure=False),
    f(734, "TM %PrevTime(I period, I offset, U trigger, T tz='')", "last grid time not later than now", v=True, base=10, pure=False),
    f(735, "TM %NextTime(I period, I offset, U trigger, T tz='')", "first grid time later than now", v=True, base=10, pure=False),
    f(736, "R %StrToRelTime(T s)", "seconds of `[-]days hh:mi:ss`", base=10, per="byte"),
    f(737, "T %RelTimeToStr(R sec)", "seconds as `[-]days hh:mi:ss`", base=10),
    f(738, "T %GetCurrentTimeZone()", "zone of the process", old=("%GetTimeZone",), base=4, pure=False),
]



def check_names(rows: list[Function]) -> None:
    """Old names count as names; raises ValueError."""
    found = [name.upper() for row in rows for name in (row.name, *row.old_names)]
    if len(set(found)) != len(found):
        raise ValueError(f"functions: a name is used twice: {sorted({n for n in found if found.count(n) > 1})}")


check_names(FUNCTIONS)

TABLE = Table("functions", "Fn", FUNCTIONS, "Functions that run inside the VM.",
              in_c=("c", "letters", "least", "most", "result", "validity", "base", "per"), manual="function_manual")
