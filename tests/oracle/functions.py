"""Functions of the language, one Python function each, over plain Python data.

`@function("%Name")` takes the signature from core/schema/functions.py. A strict function gets data (bool, int, float, str; TIME as
milliseconds) and answers data, or a Reason; what does not fit the result's type becomes invalid by values.make. A row marked V
gets Values and answers a Value. To add a function is to write one of these.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from typing import Any

from hisee.schema import functions as schema

from . import times
from .values import (
    CONVERSION,
    DIV_BY_ZERO,
    INT_LEAST,
    INT_MOST,
    NUMBERS,
    RANGE,
    TEXT_CHARS,
    UNDEFINED,
    Value,
    all_reasons,
    convert,
    invalid,
    later,
    make,
    rounded,
)

ROWS = {name.lower(): row for row in schema.ROWS for name in (row.name, *row.old_names)}
BODIES: dict[str, Callable[..., Any]] = {}
# Which reason a value has is decided by walk.Walker; a function that asks gets it as a parameter.
ASKS = {"%InvalidReason", "%SetInvalid"}


class Reason(int):
    """The answer of a function that has no valid result."""


def function(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(body: Callable[..., Any]) -> Callable[..., Any]:
        BODIES.update(dict.fromkeys(names, body))
        return body

    return add


def not_known() -> list[str]:
    """Functions of the schema that the oracle has no body for; those of the process around the VM and of columns never get one."""
    return [row.name for row in schema.ROWS if row.name not in BODIES and not row.host and "C" not in row.letters]


def call(name: str, arguments: list[Value]) -> Value:
    """Result of `name(arguments)`; the kind "?" takes the type of its destination. KeyError: not known."""
    row = ROWS[name.lower()]
    letters = [row.letters[min(i, len(row.letters) - 1)] for i in range(len(arguments))]
    given = united([fitted(a, letter) for a, letter in zip(arguments, letters, strict=True)], letters, row.result)
    body = BODIES[row.name]
    kind = kind_of_result(row.result, given, letters)
    if row.validity == "V":
        result = body(*given)
        if isinstance(result, Reason):
            return invalid(kind, int(result))
        return result if kind == "?" else convert(result, kind) if result.valid else Value(kind, None, result.reasons)
    if reasons := all_reasons(*given):
        return Value(kind, None, reasons)
    defaults = [p[2] for p in row.parameters[len(given):]]
    with decimal.localcontext(decimal.Context(prec=1500)):
        answer = body(*(v.data for v in given), *defaults)
    return invalid(kind, int(answer)) if isinstance(answer, Reason) else answer if isinstance(answer, Value) else make(kind, answer)


def fitted(value: Value, letter: str) -> Value:
    """An argument as its parameter wants it. N keeps INT and REAL apart; a BOOL counts as INT."""
    if letter == "U":
        return value
    if letter == "N":
        return convert(value, "I" if value.kind in "BI" else "R")
    return convert(value, letter)


def united(given: list[Value], letters: list[str], result: str) -> list[Value]:
    """Values of which one becomes the result: INT with REAL is REAL."""
    kinds = {v.kind for v, letter in zip(given, letters, strict=True) if letter == "U"}
    if result != "U" or kinds != {"I", "R"}:
        return given
    return [convert(v, "R") if letter == "U" else v for v, letter in zip(given, letters, strict=True)]


def kind_of_result(result: str, given: list[Value], letters: list[str]) -> str:
    if result == "N":
        return "R" if any(v.kind == "R" for v, letter in zip(given, letters, strict=True) if letter == "N") else "I"
    if result == "U":
        kinds = {v.kind for v, letter in zip(given, letters, strict=True) if letter == "U"}
        return kinds.pop() if len(kinds) == 1 else "?"
    return {"TM": "M", "-": "?"}.get(result, result)


# value and validity
function("%IsValid")(lambda x: Value("B", x.valid))
function("%Invalid")(lambda: invalid("?", UNDEFINED))
function("%IfInvalid")(lambda x, alt: x if x.valid else alt)
EMPTY = {"B": False, "I": 0, "R": 0.0, "M": 0, "T": ""}


@function("%SetValid")
def set_valid(x: Value, on: Value) -> Value:
    """V14: an invalid value keeps nothing; made valid it is empty, and an INT when nothing tells its type."""
    if not on.valid:
        return Value(x.kind, None, on.reasons)
    if not on.data:
        return Value(x.kind, None, x.reasons or frozenset((UNDEFINED,)))
    return x if x.valid else Value(x.kind, EMPTY[x.kind]) if x.kind in EMPTY else Value("I", 0)


@function("%InvalidReason")
def invalid_reason(x: Value) -> Value:
    """The Walker has left at most one reason."""
    return Value("I", min(x.reasons, default=0))


# no alarms are kept yet, and no script here is a calculated historical value
NO_DATA_REASON = 5
function("%AlarmState")(lambda _: 0)
function("%ARC_Nowrite")(lambda: Reason(NO_DATA_REASON))


function("%SetInvalid")(lambda reason: Reason(reason if 1 <= reason <= 15 else RANGE))
function("%TypeOf")(lambda x: Value("I", {"B": 1, "I": 2, "R": 3, "M": 4, "T": 5}.get(x.kind, 0)))


# selection
@function("%IIf")
def iif(c: Value, a: Value, b: Value) -> Value:
    return (a if c.data else b) if c.valid else Value(a.kind, None, c.reasons)


@function("%Choose")
def choose(n: Value, *values: Value) -> Value:
    if n.valid and 1 <= n.data <= len(values):
        return values[n.data - 1]
    return Value(values[0].kind, None, n.reasons or frozenset((RANGE,)))


def order(a: Any, b: Any) -> int:
    """-1, 0, 1 of two data; INT with INT exact, else as REAL."""
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    return (a > b) - (a < b)


function("%InRange")(lambda x, lo, hi: order(x, lo) >= 0 and order(x, hi) <= 0)


@function("%Same")
def same(a: Value, b: Value) -> Value:
    if not (a.valid and b.valid):
        return Value("B", not a.valid and not b.valid)
    return Value("B", a.kind == b.kind and a.data == b.data)


@function("%Compare")
def compare(a: Value, b: Value) -> Value:
    if not (a.valid and b.valid):
        return Value("I", b.reasons == frozenset() and -1 or a.reasons == frozenset() and 1 or 0)
    if a.kind == b.kind or a.kind in NUMBERS and b.kind in NUMBERS:
        return Value("I", order(a.data, b.data))
    return invalid("I", CONVERSION)


# mathematics; overflow of Python's functions is an infinity
def real(compute: Callable[..., float]) -> Callable[..., Any]:
    def body(*x: Any) -> Any:
        try:
            return compute(*map(float, x))
        except OverflowError:
            return math.inf
        except ValueError:
            return Reason(RANGE)

    return body


for _name, _compute in {
    "%Exp": math.exp, "%Sin": math.sin, "%Cos": math.cos, "%Tan": math.tan, "%ASin": math.asin, "%ACos": math.acos,
    "%ATan": math.atan, "%Sinh": math.sinh, "%Cosh": math.cosh, "%Tanh": math.tanh, "%Sqrt": math.sqrt, "%Ln": math.log,
    "%Log10": math.log10,
}.items():
    function(_name)(real(_compute))
function("%Pi")(lambda: math.pi)
function("%DegToRad")(lambda x: float(x) * (math.pi / 180))
function("%RadToDeg")(lambda x: float(x) * (180 / math.pi))
function("%ATan2")(lambda y, x: math.atan2(float(y) + 0.0, float(x) + 0.0))
function("%Abs")(abs)
function("%Sgn")(lambda x: (x > 0) - (x < 0))
function("%Sqr")(lambda x: x * x)


def extreme(wanted: int, values: tuple[Any, ...]) -> Any:
    best = values[0]
    for value in values[1:]:
        best = value if order(value, best) == wanted else best
    return float(best) if any(isinstance(v, float) for v in values) else best


function("%Min")(lambda *x: extreme(-1, x))
function("%Max")(lambda *x: extreme(1, x))


def naive_sum(values: tuple[Any, ...]) -> float:
    """From left to right, as the language adds; Python's own sum() may compensate."""
    total = 0.0
    for value in values:
        total += float(value)
    return total


function("%Avg")(lambda *x: naive_sum(x) / len(x))


def of_valid(compute: Callable[..., Any], kind: str = "") -> Callable[..., Value]:
    """A form that leaves invalid arguments out."""
    def body(*x: Value) -> Value:
        data = tuple(v.data for v in x if v.valid)
        if not data:
            return Value(kind or x[0].kind, None, all_reasons(*x))
        answer = compute(data)
        return make(kind or ("R" if isinstance(answer, float) else "I"), answer)

    return body


function("%MinV")(of_valid(lambda x: extreme(-1, x)))
function("%MaxV")(of_valid(lambda x: extreme(1, x)))
function("%AvgV")(of_valid(lambda x: naive_sum(x) / len(x), "R"))


@function("%Power")
def power(base: Any, exponent: Any) -> Any:
    b, e = float(base), float(exponent)
    if b < 0 and e != math.floor(e) or b == 0 and e < 0:
        return Reason(RANGE)
    try:
        return math.pow(b, e)
    except OverflowError:
        return math.inf


@function("%Log")
def log(x: Any, base: Any) -> Any:
    x, base = float(x), float(base)
    if x <= 0 or base <= 0 or base == 1:
        return Reason(RANGE)
    return math.log2(x) if base == 2 else math.log10(x) if base == 10 else math.log(x) / math.log(base)


@function("%Round")
def round_(x: Any, places: int) -> Any:
    """Of the shortest decimal form, half away from zero; a decimal zero has no sign."""
    if not -15 <= places <= 15:
        return Reason(RANGE)
    shortest = decimal.Decimal(x if isinstance(x, int) else repr(x))
    return float(shortest.quantize(decimal.Decimal(1).scaleb(-places), decimal.ROUND_HALF_UP)) + 0.0


function("%RoundI")(lambda x: x if isinstance(x, int) else rounded(x))
function("%Trunc")(lambda x: int(x))
function("%Floor")(lambda x: math.floor(x))
function("%Ceil")(lambda x: math.ceil(x))
function("%Frac")(lambda x: float(x) - math.trunc(float(x)))


@function("%Div")
def div(a: int, b: int) -> Any:
    if b == 0:
        return Reason(DIV_BY_ZERO)
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


@function("%Rem")
def rem(a: int, b: int) -> Any:
    return Reason(DIV_BY_ZERO) if b == 0 else abs(a) % abs(b) * (-1 if a < 0 else 1)


@function("%Mod")
def mod(a: Any, b: Any) -> Any:
    """Sign of the divisor."""
    if b == 0:
        return Reason(DIV_BY_ZERO)
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    rest = math.fmod(a, b)
    return rest + b if rest != 0 and (rest < 0) != (b < 0) else rest


@function("%Limit")
def limit(x: Any, lo: Any, hi: Any) -> Any:
    if order(lo, hi) > 0:
        return Reason(RANGE)
    chosen = lo if order(x, lo) < 0 else hi if order(x, hi) > 0 else x
    return float(chosen) if any(isinstance(v, float) for v in (x, lo, hi)) else chosen


def round_away(x: float) -> float:
    return math.copysign(float(rounded(x)), x) if math.isfinite(x) else x


function("%RoundTo")(lambda x, step: Reason(RANGE) if step <= 0 else round_away(divided(float(x), float(step))) * float(step))


def divided(x: float, y: float) -> float:
    try:
        return x / y
    except OverflowError:
        return math.inf


@function("%Interp")
def interp(*numbers: Any) -> Any:
    x, x1, y1, x2, y2 = map(float, numbers)
    return Reason(RANGE) if x1 == x2 else y1 + (x - x1) * (y2 - y1) / (x2 - x1)


# bits: 64 of them, as Python's unsigned numbers and back
U64 = 2**64 - 1


def signed(bits: int) -> int:
    bits &= U64
    return bits - 2**64 if bits >> 63 else bits


def with_bit(body: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, n, *more: body(x & U64, n, *more) if 0 <= n <= 63 else Reason(RANGE)


function("%BitAnd")(lambda a, b: a & b)
function("%BitOr")(lambda a, b: a | b)
function("%BitXor")(lambda a, b: a ^ b)
function("%BitNot")(lambda a: ~a)
function("%BitShl")(with_bit(lambda x, n: signed(x << n)))
function("%BitShr")(with_bit(lambda x, n: signed(x >> n)))
function("%BitTest")(with_bit(lambda x, n: bool(x >> n & 1)))
function("%BitSet")(with_bit(lambda x, n, on: signed(x | 1 << n if on else x & ~(1 << n))))
function("%BitCount")(lambda x: (x & U64).bit_count())


@function("%BitField")
def bit_field(x: int, first: int, length: int) -> Any:
    if not 0 <= first <= 63 or not 1 <= length <= 64 - first:
        return Reason(RANGE)
    return signed((x & U64) >> first & (1 << length) - 1)


# conversions
function("%IToStr")(lambda x: str(x) if isinstance(x, int) else whole_text(rounded(x)))
function("%BToStr")(lambda b: "TRUE" if b else "FALSE")
function("%BToI")(lambda b: int(b))
function("%IToB")(lambda i: bool(i) if i in (0, 1) else Reason(CONVERSION))
function("%RToI")(rounded)
function("%IToR")(float)
function("%TmToR")(lambda t: t / 1000.0)
function("%RToTm")(lambda s: later(0, s))
function("%UnixTime")(lambda t: t // 1000)
function("%UnixTimeMS")(lambda t: t)
function("%FromUnix")(lambda s: s * 1000)
function("%FromUnixMS")(lambda ms: ms)


def whole_text(whole: int) -> Any:
    return str(whole) if INT_LEAST <= whole <= INT_MOST else Reason(RANGE)


def real_text(x: float) -> str:
    """The shortest of %.15g, %.16g, %.17g that reads back as x; -0.0 is 0."""
    x += 0.0
    return next(text for digits in (15, 16, 17) if float(text := f"{x:.{digits}g}") == x)


@function("%RToStr")
def real_to_text(x: float, decimals: int, sep: str) -> Any:
    if not -1 <= decimals <= 30:
        return Reason(RANGE)
    if decimals < 0:
        return real_text(x).replace(".", sep)
    shortest = decimal.Decimal(repr(x)).quantize(decimal.Decimal(1).scaleb(-decimals), decimal.ROUND_HALF_UP)
    return f"{shortest if shortest else abs(shortest):f}".replace(".", sep)


@function("%FormatNum")
def format_number(x: Any, mask: str) -> Any:
    """The last dot or comma begins the decimals, what separates before it groups; 0 is a digit in any case, # one that is needed."""
    body = mask[1:] if mask[:1] in ("+", "-") else mask
    point = max(body.rfind("."), body.rfind(","))
    whole, fraction = (body[:point], body[point + 1:]) if point >= 0 else (body, "")
    groups = [at for at, sign in enumerate(whole) if sign in " ,."]
    size = len(whole) - 1 - groups[-1] if groups else 0
    digits = "".join(sign for sign in whole if sign in "0#")
    least = len(digits) - digits.find("0") if "0" in digits else 0
    if not body or set(whole) - set("0# ,.") or set(fraction) - set("0#") or len(fraction) > 30 or least > 300 or groups and not size:
        return Reason(CONVERSION)
    shortest = decimal.Decimal(x if isinstance(x, int) else repr(x))
    shortest = shortest.quantize(decimal.Decimal(1).scaleb(-len(fraction)), decimal.ROUND_HALF_UP)
    before, _, after = f"{abs(shortest):f}".partition(".")
    text = grouped(before.lstrip("0").rjust(least, "0"), size, whole[groups[-1]] if groups else "")
    decimals = after.rstrip("0").ljust(fraction.rfind("0") + 1, "0")
    sign = "-" if shortest < 0 else "+" if mask[0] == "+" else ""
    return sign + text + (body[point] + decimals if decimals else "")


def grouped(digits: str, size: int, sign: str) -> str:
    if not size:
        return digits
    first = len(digits) % size
    heads = [digits[:first]] if first else []
    return sign.join(heads + [digits[at:at + size] for at in range(first, len(digits), size)])


def padded(digits: str, width: int) -> Any:
    return digits.rjust(width, "0") if 0 <= width <= 64 else Reason(RANGE)


def parsed(text: str, base: int, most: int) -> Any:
    digits = "0123456789abcdef"[:base]
    if not 0 < len(text) <= most or any(c not in digits for c in text.lower()) or not text.isascii():
        return Reason(CONVERSION)
    return signed(int(text, base))


function("%IToHex")(lambda x, width: padded(f"{x & U64:X}", width))
function("%IToBin")(lambda x, width: padded(f"{x & U64:b}", width))
function("%HexToI")(lambda s: parsed(s, 16, 16))
function("%BinToI")(lambda s: parsed(s, 2, 64))
BLANKS = " \t\r\n"
DIGITS = frozenset("0123456789")


@function("%StrToI")
def text_to_int(text: str) -> Any:
    body = text.strip(BLANKS)
    digits = body[1:] if body[:1] in ("-", "+") else body
    if not digits or not set(digits) <= DIGITS:
        return Reason(CONVERSION)
    return (-1 if body[0] == "-" else 1) * int(digits)


@function("%StrToR")
def text_to_real(text: str, sep: str) -> Any:
    """[sign] digits [sep digits] [e [sign] digits], at least one digit before the exponent."""
    body = text.strip(BLANKS)
    unsigned = body[1:] if body[:1] in ("-", "+") else body
    mantissa, e, exponent = unsigned.replace("E", "e").partition("e")
    whole, _, fraction = mantissa.partition(sep) if sep else (mantissa, "", "")
    power_ = exponent[1:] if exponent[:1] in ("-", "+") else exponent
    if not whole + fraction or not set(whole + fraction) <= DIGITS or (e and (not power_ or not set(power_) <= DIGITS)):
        return Reason(CONVERSION)
    number = float(f"{whole or 0}.{fraction or 0}e{exponent or 0}")
    return (0.0 if number == 0 else -number) if body[0] == "-" else number


@function("%StrToB")
def text_to_bool(text: str) -> Any:
    return {"TRUE": True, "1": True, "FALSE": False, "0": False}.get(text.upper() if text.isascii() else "", Reason(CONVERSION))


@function("%ToStr")
def to_text(x: Value) -> Value:
    if not x.valid:
        return Value("T", "")
    if x.kind == "M":
        return Value("T", time_text(x.data))
    return Value("T", {"B": lambda v: "TRUE" if v else "FALSE", "R": real_text}.get(x.kind, str)(x.data))


def time_text(ms: int) -> str:
    """hh:mi:ss dd-mm-yyyy by the wall clock."""
    home = times.zone("")
    assert home is not None
    days, seconds = divmod(times.wall(home, ms) // 1000, 86_400)
    year, month, day = times.civil(days)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} {day:02}-{month:02}-{year:04}"


@function("%Chr")
def chr_(code: int) -> Any:
    return chr(code) if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else Reason(RANGE)


function("%Asc")(lambda s: ord(s[0]) if s else Reason(RANGE))


# text
def at_least(least: int, body: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose second argument has a least value."""
    return lambda s, n, *more: body(s, n, *more) if n >= least else Reason(RANGE)


function("%StrLen")(len)
function("%SubStr")(lambda s, n, m: Reason(RANGE) if n < 1 or m < -1 else s[n - 1:] if m < 0 else s[n - 1:n - 1 + m])
function("%StrLeft")(at_least(0, lambda s, n: s[:n]))
function("%StrRight")(at_least(0, lambda s, n: s[max(0, len(s) - n):]))
function("%StrPos")(lambda s, sub, n: Reason(RANGE) if n < 1 else s.find(sub, n - 1) + 1)
function("%StrPosLast")(lambda s, sub: s.rfind(sub) + 1)
function("%StrHas")(lambda s, sub: sub in s)
function("%StartsWith")(lambda s, sub: s.startswith(sub))
function("%EndsWith")(lambda s, sub: s.endswith(sub))
function("%StrReplace")(lambda s, old, new: s.replace(old, new) if old else s)
function("%StrReplaceN")(lambda s, old, new, n: Reason(RANGE) if n < 0 else s.replace(old, new, min(n, len(s))) if old else s)
function("%StrInsert")(lambda s, at, ins: s[:at - 1] + ins + s[at - 1:] if 1 <= at <= len(s) + 1 else Reason(RANGE))
function("%StrDelete")(lambda s, n, m: s[:n - 1] + s[n - 1 + m:] if n >= 1 and m >= 0 else Reason(RANGE))
function("%Trim")(lambda s, chars: s.strip(chars) if chars else s)
function("%LTrim")(lambda s, chars: s.lstrip(chars) if chars else s)
function("%RTrim")(lambda s, chars: s.rstrip(chars) if chars else s)
function("%Upper")(lambda s: "".join(one_for_one(c, c.upper()) for c in s))
function("%Lower")(lambda s: "".join("i" if c == "İ" else one_for_one(c, c.lower()) for c in s))  # İ: Python's form has two
function("%StrRepeat")(at_least(0, lambda s, n: s * min(n, TEXT_CHARS)))
function("%StrReverse")(lambda s: s[::-1])
function("%StrCmp")(order)
function("%StrCmpNC")(lambda a, b: order(folded(a), folded(b)))
function("%LPad")(lambda s, width, c: pad(s, width, c, True))
function("%RPad")(lambda s, width, c: pad(s, width, c, False))
function("%TokenCount")(lambda s, sep: len(tokens(s, sep)))
function("%Token")(lambda s, sep, n: tokens(s, sep)[n - 1] if 1 <= n <= len(tokens(s, sep)) else Reason(RANGE))
function("%TokenFind")(lambda s, sep, token: tokens(s, sep).index(token) + 1 if token in tokens(s, sep) else 0)
function("%NewLine")(lambda: "\r\n")
function("%Tab")(lambda: "\t")
function("%CR")(lambda: "\r")
function("%LF")(lambda: "\n")
function("%Quote")(lambda s: '"' + s.replace('"', '""') + '"')
function("%SqlText")(lambda s: "'" + s.replace("'", "''") + "'")
function("%CsvCell")(lambda s: '"' + s.replace('"', '""') + '"' if set(s) & set('",;\r\n\t') else s)


def one_for_one(before: str, after: str) -> str:
    return after if len(after) == 1 else before


def folded(text: str) -> str:
    """Simple case folding: one character stays one."""
    return "".join(one_for_one(c, c.casefold()) for c in text)


def pad(s: str, width: int, c: str, in_front: bool) -> Any:
    if width < 0 or len(c) != 1:
        return Reason(RANGE)
    filler = c * max(0, min(width, 2 * TEXT_CHARS) - len(s))  # cut afterwards
    return filler + s if in_front else s + filler


def tokens(s: str, sep: str) -> list[str]:
    return s.split(sep) if sep else [s]


@function("%TokenPut")
def token_put(s: str, sep: str, n: int, token: str) -> Any:
    if n < 1 or not sep and n > 1:
        return Reason(RANGE)
    parts = tokens(s, sep)
    parts += [""] * (min(n, 2 * TEXT_CHARS) - len(parts))  # what lies behind is cut
    parts[min(n, len(parts)) - 1] = token
    return sep.join(parts)


@function("%Left0")
def left0(n: int, width: int) -> Any:
    return Reason(RANGE) if width < 0 else ("-" if n < 0 else "") + str(abs(n)).rjust(min(width, 2 * TEXT_CHARS) - (n < 0), "0")


@function("%Unquote")
def unquote(s: str) -> Any:
    quote = s[:1]
    if len(s) < 2 or quote not in ("'", '"') or s[-1] != quote or s[1:-1].replace(quote * 2, "").count(quote):
        return Reason(CONVERSION)
    return s[1:-1].replace(quote * 2, quote)


@function("%HtmlEsc")
def html_escape(s: str) -> str:
    for c, entity in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#39")):
        s = s.replace(c, f"&{entity};")
    return s


@function("%Like")
def like(s: str, mask: str) -> bool:
    """* any characters, ? one; all of s; case is ignored. Row by row: fits[i] = the mask so far fits the first i characters."""
    s, mask = folded(s), folded(mask)
    fits = [True] + [False] * len(s)
    for m in mask:
        after = [fits[0] and m == "*"]
        for i, c in enumerate(s):
            after.append(fits[i + 1] or after[i] if m == "*" else fits[i] and m in ("?", c))
        fits = after
    return fits[-1]


