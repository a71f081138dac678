"""The functions of the language: vectors, edges, validity, fuel and limits. Run through the same C as the VM."""

from __future__ import annotations

import math
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee._core.library import NAMES, Library, OutOfFuel, World, Zone
from hisee.schema.functions import ROWS
from hisee.values import Invalid, Stamped, Time, type_of


def tzif(name: str) -> bytes:
    for folder in (*zoneinfo.TZPATH, Path(__import__("tzdata").__file__).parent / "zoneinfo"):
        path = Path(folder) / name
        if path.exists():
            return path.read_bytes()
    raise FileNotFoundError(name)


BRATISLAVA = Zone("Europe/Bratislava", tzif("Europe/Bratislava"))
WORLD = World(BRATISLAVA, [Zone("America/New_York", tzif("America/New_York"))], now_ms=lambda: 1_000_000, tick_ms=lambda: 12.5, seed=1)
BAD = Invalid(4, "REAL")  # 1/0


@pytest.fixture
def lib() -> Library:
    return Library(WORLD)


def at(text: str) -> Time:
    """Time of `hh:mi dd-mm-yyyy` in Bratislava; A2/B2 allowed."""
    moment = Library(WORLD).call("%StrToTimeEx", [text, "hh:mi dd-mm-yyyy"])
    assert isinstance(moment, Time), text
    return moment


def equal(result: object, wanted: object) -> bool:
    if isinstance(wanted, float) and isinstance(result, float):
        return result == pytest.approx(wanted, rel=1e-12)
    return type(result) is type(wanted) and result == wanted


VECTORS = [
    ("%Mod", (-7, 3), 2), ("%Rem", (-7, 3), -1), ("%Div", (-7, 3), -2), ("%Mod", (5, 0), Invalid(4)),
    ("%Mod", (-7.5, 2), 0.5), ("%Mod", (7, -3), -2), ("%Rem", (7, 0), Invalid(4)), ("%Div", (7, 0), Invalid(4)),
    ("%Round", (2.345, 2), 2.35), ("%Round", (1250, -2), 1300.0), ("%Round", (-0.5,), -1.0), ("%Round", (1e300, 3), 1e300),
    ("%Round", (1.005, 2), 1.01), ("%Round", (0.04, 1), 0.0), ("%Round", (99.95, 1), 100.0), ("%Round", (1.0, 16), Invalid(2, "REAL")),
    ("%Trunc", (-1.9,), -1), ("%Floor", (-1.1,), -2), ("%Ceil", (-1.1,), -1), ("%Frac", (-1.25,), -0.25), ("%RoundI", (-2.5,), -3),
    ("%RoundI", (1e30,), Invalid(2)), ("%Trunc", (7,), 7),
    ("%Sqrt", (-1,), Invalid(2, "REAL")), ("%Power", (0, 0), 1.0), ("%Power", (-8, 1 / 3), Invalid(2, "REAL")),
    ("%Power", (2, 10), 1024.0), ("%Power", (0, -1), Invalid(2, "REAL")), ("%Power", (10, 400), Invalid(2, "REAL")),
    ("%Log", (8, 2), 3.0), ("%Log", (100, 10), 2.0), ("%Log", (5, 1), Invalid(2, "REAL")), ("%Ln", (0,), Invalid(2, "REAL")),
    ("%Log10", (-1,), Invalid(2, "REAL")), ("%ASin", (1.5,), Invalid(2, "REAL")), ("%ATan2", (0, 0), 0.0),
    ("%ATan2", (0.0, -0.0), 0.0), ("%Sinh", (0.5,), math.sinh(0.5)), ("%DegToRad", (180,), math.pi), ("%Pi", (), math.pi),
    ("%Exp", (1,), math.e), ("%Sin", (1,), math.sin(1)), ("%Cos", (1.5,), math.cos(1.5)), ("%Tan", (0.5,), math.tan(0.5)),
    ("%ACos", (-1,), math.pi), ("%ATan", (1e308,), math.atan(1e308)), ("%Cosh", (1,), math.cosh(1)), ("%Tanh", (99,), 1.0),
    ("%RadToDeg", (math.pi,), 180.0), ("%Exp", (1000,), Invalid(2, "REAL")),
    ("%Limit", (5, 1, 3), 3), ("%Limit", (0.5, 1, 3), 1.0), ("%Limit", (5, 3, 1), Invalid(2)), ("%RoundTo", (7.4, 0.5), 7.5),
    ("%RoundTo", (7, 0), Invalid(2, "REAL")), ("%Interp", (5, 0, 0, 10, 100), 50.0), ("%Interp", (5, 1, 0, 1, 9), Invalid(2, "REAL")),
    ("%Abs", (-5,), 5), ("%Abs", (-(2**63) + 16,), 2**63 - 16), ("%Abs", (-1.5,), 1.5), ("%Sgn", (-2.5,), -1), ("%Sgn", (0,), 0),
    ("%Min", (3, 1, 2), 1), ("%Min", (3, 1.5), 1.5), ("%Max", (3, 1), 3), ("%Max", (3, 1.5), 3.0), ("%Min", (3, BAD), BAD),
    ("%MinV", (3, BAD), 3.0), ("%MaxV", (3, Invalid(4), 7), 7), ("%MinV", (Invalid(5), Invalid(5)), Invalid(5)),
    ("%Avg", (1, 2, 6), 3.0), ("%AvgV", (1, Invalid(4), 3), 2.0), ("%Sqr", (3,), 9), ("%Sqr", (2**40,), Invalid(2)), ("%Sqr", (1.5,), 2.25),
    # selection and validity
    ("%IsValid", (BAD,), False), ("%IsValid", (1,), True), ("%IfInvalid", (Invalid(4), -1), -1), ("%IfInvalid", (2.5, 1), 2.5),
    ("%IIf", (True, 1, Invalid(4)), 1), ("%IIf", (False, 1, 2), 2), ("%IIf", (Invalid(3, "BOOL"), 1, 2), Invalid(3)),
    ("%Choose", (2, "a", "b", "c"), "b"), ("%Choose", (4, "a", "b", "c"), Invalid(2, "TEXT")), ("%Choose", (0, 1), Invalid(2)),
    ("%Choose", (1, 5, Invalid(4)), 5), ("%Choose", (Invalid(5), 1), Invalid(5)),
    ("%InvalidReason", (BAD,), 4), ("%InvalidReason", (1,), 0), ("%InRange", (2, 1, 3), True), ("%InRange", (2.5, 1, 2), False),
    ("%Same", (1, 1), True), ("%Same", (1, 1.0), False), ("%Same", (Invalid(1), Invalid(2)), True), ("%Same", ("a", "a"), True),
    ("%Same", ("a", Invalid(1, "TEXT")), False), ("%Compare", (Invalid(1), -5), -1), ("%Compare", (2, 1.5), 1), ("%Compare", ("a", "B"), 1),
    ("%Compare", ("a", 1), Invalid(3)), ("%Compare", (False, True), -1), ("%SetValid", (5, False), Invalid(1)),
    ("%SetValid", (Invalid(4), True), 0), ("%SetValid", (Invalid(4, "TEXT"), True), ""), ("%SetValid", (Invalid(1, "TIME"), True), Time(0)),
    ("%SetValid", (5, True), 5), ("%SetInvalid", (5,), Invalid(5)), ("%SetInvalid", (99,), Invalid(2)), ("%Invalid", (), Invalid(1)),
    ("%TypeOf", (True,), 1), ("%TypeOf", (1,), 2), ("%TypeOf", (1.0,), 3), ("%TypeOf", (Time(1),), 4), ("%TypeOf", (Invalid(1, "TEXT"),), 5),
    # bits
    ("%BitAnd", (6, 12), 4), ("%BitOr", (6, 8), 14), ("%BitXor", (6, 12), 10), ("%BitNot", (0,), -1), ("%BitShl", (1, 62), 2**62),
    ("%BitShl", (1, 63), Invalid(2)), ("%BitShl", (1, 64), Invalid(2)), ("%BitShr", (-1, 1), 2**63 - 1), ("%BitTest", (4, 2), True),
    ("%BitSet", (0, 3, True), 8), ("%BitSet", (15, 0, False), 14), ("%BitCount", (255,), 8), ("%BitField", (0xABCD, 4, 8), 0xBC),
    ("%BitField", (1, 60, 8), Invalid(2)), ("%BitAnd", (-(2**63) + 16, -(2**63) + 32), Invalid(2)),
    # conversions
    ("%IToStr", (-12,), "-12"), ("%IToStr", (2.5,), "3"), ("%IToStr", (1e30,), Invalid(2, "TEXT")), ("%RToStr", (0.1,), "0.1"),
    ("%RToStr", (-0.0,), "0"), ("%RToStr", (1e21,), "1e+21"), ("%RToStr", (2.345, 2), "2.35"), ("%RToStr", (2.0, 3, ","), "2,000"),
    ("%RToStr", (-0.001, 2), "0.00"), ("%RToStr", (1.5, -1, "::"), "1::5"), ("%RToStr", (1.5, 31), Invalid(2, "TEXT")),
    ("%RToStr", (1e-7,), "1e-07"), ("%RToStr", (123456789012345680.0,), "1.2345678901234568e+17"), ("%RToStr", (0.1 + 0.2,), "0.30000000000000004"),
    ("%FormatNum", (1234567.891, "# ##0.00"), "1 234 567.89"), ("%FormatNum", (-5, "0000"), "-0005"), ("%FormatNum", (0.5, "#.##"), ".5"),
    ("%FormatNum", (1234.5, "#,##0.0#"), "1,234.5"), ("%FormatNum", (1234.5, "#.##0,00"), "1.234,50"), ("%FormatNum", (7, "+0.0"), "+7.0"),
    ("%FormatNum", (7, "x"), Invalid(3, "TEXT")), ("%FormatNum", (0, "#"), ""), ("%FormatNum", (999.999, "0.00"), "1000.00"),
    ("%IToHex", (-1,), "FFFFFFFFFFFFFFFF"), ("%IToHex", (255, 4), "00FF"), ("%IToBin", (5, 8), "00000101"), ("%IToHex", (1, 65), Invalid(2, "TEXT")),
    ("%HexToI", ("ff",), 255), ("%HexToI", ("FFFFFFFFFFFFFFFF",), -1), ("%HexToI", ("8000000000000003",), Invalid(2)),
    ("%HexToI", ("xyz",), Invalid(3)), ("%HexToI", ("",), Invalid(3)), ("%BinToI", ("101",), 5), ("%BinToI", ("102",), Invalid(3)),
    ("%StrToI", (" 12 ",), 12), ("%StrToI", ("12a",), Invalid(3)), ("%StrToI", ("",), Invalid(3)), ("%StrToI", ("+5",), 5),
    ("%StrToI", ("9223372036854775808",), Invalid(2)), ("%StrToI", ("-9223372036854775808",), Invalid(2)),
    ("%StrToR", ("1,5", ","), 1.5), ("%StrToR", (" -2.5e3 ",), -2500.0), ("%StrToR", ("1.5x",), Invalid(3, "REAL")),
    ("%StrToR", (".5",), 0.5), ("%StrToR", ("e5",), Invalid(3, "REAL")), ("%StrToR", ("1e999",), Invalid(2, "REAL")),
    ("%StrToR", ("nan",), Invalid(3, "REAL")), ("%StrToR", ("inf",), Invalid(3, "REAL")), ("%StrToR", ("0x10",), Invalid(3, "REAL")),
    ("%BToStr", (True,), "TRUE"), ("%StrToB", ("fAlSe",), False), ("%StrToB", ("1",), True), ("%StrToB", ("yes",), Invalid(3, "BOOL")),
    ("%BToI", (True,), 1), ("%IToB", (2,), Invalid(3, "BOOL")), ("%RToI", (-2.5,), -3), ("%IToR", (3,), 3.0),
    ("%TmToR", (Time(1500),), 1.5), ("%RToTm", (1.0005,), Time(1001)), ("%UnixTime", (Time(-1),), -1), ("%UnixTimeMS", (Time(7),), 7),
    ("%FromUnix", (2,), Time(2000)), ("%FromUnix", (2**60,), Invalid(2, "TIME")), ("%FromUnixMS", (5,), Time(5)),
    ("%Chr", (0x20AC,), "€"), ("%Chr", (0xD800,), Invalid(2, "TEXT")), ("%Chr", (0x1F600,), "😀"), ("%Asc", ("€uro",), 0x20AC), ("%Asc", ("",), Invalid(2)),
    ("%ToStr", (BAD,), ""), ("%ToStr", (True,), "TRUE"), ("%ToStr", (5,), "5"), ("%ToStr", (0.5,), "0.5"), ("%ToStr", ("t",), "t"),
    # text
    ("%StrLen", ("žluťoučký",), 9), ("%SubStr", ("pumpa", 2, 3), "ump"), ("%SubStr", ("pumpa", 9), ""), ("%SubStr", ("x", 0), Invalid(2, "TEXT")),
    ("%SubStr", ("pumpa", 4, 99), "pa"), ("%SubStr", ("pumpa", 3), "mpa"), ("%StrLeft", ("pumpa", 2), "pu"), ("%StrLeft", ("x", -1), Invalid(2, "TEXT")),
    ("%StrRight", ("pumpa", 2), "pa"), ("%StrRight", ("pumpa", 9), "pumpa"), ("%StrPos", ("banana", "an", 3), 4), ("%StrPos", ("banana", "x"), 0),
    ("%StrPos", ("banana", "", 3), 3), ("%StrPos", ("a", "a", 5), 0), ("%StrPos", ("žaž", "ž", 2), 3), ("%StrPosLast", ("banana", "an"), 4),
    ("%StrPosLast", ("žaž", "ž"), 3), ("%StrHas", ("banana", "nan"), True), ("%StartsWith", ("banana", "ban"), True), ("%EndsWith", ("banana", "x"), False),
    ("%StrReplace", ("banana", "an", "-"), "b--a"), ("%StrReplace", ("aaa", "aa", "b"), "ba"), ("%StrReplace", ("x", "", "y"), "x"),
    ("%StrReplaceN", ("banana", "a", "o", 2), "bonona"), ("%StrInsert", ("ad", 2, "bc"), "abcd"), ("%StrInsert", ("ad", 3, "x"), "adx"),
    ("%StrInsert", ("ad", 4, "x"), Invalid(2, "TEXT")), ("%StrDelete", ("abcd", 2, 2), "ad"), ("%StrDelete", ("abcd", 9, 2), "abcd"),
    ("%Trim", ("  x \r\n",), "x"), ("%LTrim", ("--x-", "-"), "x-"), ("%RTrim", ("x€€", "€"), "x"), ("%Trim", ("   ",), ""),
    ("%Upper", ("straße žluť",), "STRAßE ŽLUŤ"), ("%Lower", ("ŽLUŤ Ω",), "žluť ω"), ("%LPad", ("7", 3, "0"), "007"), ("%RPad", ("7", 3), "7  "),
    ("%LPad", ("1234", 3), "1234"), ("%LPad", ("x", 3, "ab"), Invalid(2, "TEXT")), ("%StrRepeat", ("ab", 3), "ababab"), ("%StrRepeat", ("ab", 0), ""),
    ("%StrReverse", ("až€",), "€ža"), ("%StrCmp", ("a", "B"), 1), ("%StrCmp", ("ab", "abc"), -1), ("%StrCmpNC", ("ŽLUŤ", "žluť"), 0),
    ("%StrCmpNC", ("a", "B"), -1), ("%Like", ("U.Tank1", "u.tank?"), True), ("%Like", ("abc", "a*d"), False), ("%Like", ("", "*"), True),
    ("%Like", ("abcbc", "*bc"), True), ("%Like", ("a", ""), False), ("%TokenCount", ("", ";"), 1), ("%TokenCount", ("a;;c", ";"), 3),
    ("%Token", ("a;;c", ";", 2), ""), ("%Token", ("a;;c", ";", 3), "c"), ("%Token", ("a", ";", 2), Invalid(2, "TEXT")),
    ("%TokenFind", ("a;bb;c", ";", "bb"), 2), ("%TokenFind", ("a", ";", "x"), 0), ("%TokenPut", ("a;b;c", ";", 2, "X"), "a;X;c"),
    ("%TokenPut", ("a", ";", 4, "d"), "a;;;d"), ("%TokenPut", ("", ";", 1, "d"), "d"), ("%NewLine", (), "\r\n"), ("%Tab", (), "\t"),
    ("%CR", (), "\r"), ("%LF", (), "\n"), ("%Quote", ('a"b',), '"a""b"'), ("%Unquote", ('"a""b"',), 'a"b'), ("%Unquote", ("'it''s'",), "it's"),
    ("%Unquote", ('"a"b"',), Invalid(3, "TEXT")), ("%Unquote", ('"',), Invalid(3, "TEXT")), ("%Unquote", ('""',), ""), ("%Unquote", ('"""',), Invalid(3, "TEXT")),
    ("%CsvCell", ('a"b',), '"a""b"'), ("%CsvCell", ("ab",), "ab"), ("%HtmlEsc", ("<a&'\">",), "&lt;a&amp;&#39;&quot;&gt;"),
    ("%SqlText", ("it's",), "'it''s'"), ("%Left0", (-7, 4), "-007"), ("%Left0", (7, 3), "007"), ("%Left0", (12345, 3), "12345"),
    # time that needs no zone
    ("%Now", (), Time(1_000_000)), ("%TickMS", (), 12.5), ("%StrToRelTime", ("1 00:00:10",), 86410.0), ("%StrToRelTime", ("-0 00:01:00",), -60.0),
    ("%StrToRelTime", ("256 17:03:16",), 256 * 86400 + 17 * 3600 + 196.0), ("%StrToRelTime", ("1 25:00:00",), Invalid(3, "REAL")),
    ("%RelTimeToStr", (86410.0,), "1 00:00:10"), ("%RelTimeToStr", (-60.0,), "-0 00:01:00"), ("%IsLeapYear", (2000,), True), ("%IsLeapYear", (1900,), False),
    ("%GetCurrentTimeZone", (), "Europe/Bratislava"), ("%MkAT", ("00:00:00 01-01-1970", "+00"), Time(0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "wanted"), VECTORS, ids=[f"{v[0]}-{n}" for n, v in enumerate(VECTORS)])
def test_vector(lib: Library, name: str, args: tuple[object, ...], wanted: object) -> None:
    result = lib.call(name, args)
    assert equal(result, wanted), f"{name}{args} gave {result!r}, not {wanted!r}"


def test_every_function_is_called_by_some_test() -> None:
    called = {NAMES[v[0].upper()] for v in VECTORS}
    source = Path(__file__).read_text()
    assert [row.name for row in ROWS if row.number not in called and f'"{row.name}"' not in source] == []


NUMBERS = {"I": 3, "R": 2.5, "N": 2.5, "B": True, "T": "1", "TM": Time(5), "U": 7}


@pytest.mark.parametrize("row", [r for r in ROWS if r.validity == "strict" and r.parameters and r.result != "-"], ids=lambda r: r.name)
def test_strict_functions_answer_with_the_reason_of_their_invalid_argument(lib: Library, row: object) -> None:
    for index, (_, letter, _) in enumerate(row.parameters):  # type: ignore[attr-defined]
        args: list[object] = [NUMBERS[p[1]] for p in row.parameters]  # type: ignore[attr-defined]
        kind = {"TM": "TIME", "N": "REAL", "U": "INT", "I": "INT", "R": "REAL", "B": "BOOL", "T": "TEXT"}[letter]
        args[index] = Invalid(9, kind)
        result = lib.call(row.number, args)  # type: ignore[attr-defined]
        assert isinstance(result, Invalid) and result.reason == 9


@given(st.sampled_from(ROWS), st.data())
def test_any_arguments_do_no_harm(row: object, data: st.DataObject) -> None:
    kinds = st.one_of(
        st.booleans(), st.integers(-(2**63), 2**63 - 1), st.integers(-3, 70), st.floats(), st.text(max_size=12), st.integers().map(Time),
        st.builds(Invalid, st.integers(1, 15), st.sampled_from(["INT", "REAL", "BOOL", "TEXT", "TIME"])),
    )  # fmt: skip
    args = data.draw(st.lists(kinds, min_size=row.least, max_size=row.most))  # type: ignore[attr-defined]
    lib = Library(WORLD, fuel=10**7, memory_bytes=1 << 20, text_chars=1000)
    try:
        result = lib.call(row.number, args)  # type: ignore[attr-defined]
    except (OutOfFuel, MemoryError):
        result = None
    assert lib.memory_used == 0
    value = result.value if isinstance(result, Stamped) else result
    declared = {"B": bool, "I": int, "R": float, "T": str, "TM": Time}.get(row.result)  # type: ignore[attr-defined]
    if declared and value is not None and not isinstance(value, Invalid):
        assert type(value) is declared
    if isinstance(value, Invalid) and declared:
        assert value.type == type_of({"B": "BOOL", "I": "INT", "R": "REAL", "T": "TEXT", "TM": "TIME"}[row.result])  # type: ignore[attr-defined]


def test_wrong_numbers_of_arguments_and_functions_are_refused(lib: Library) -> None:
    with pytest.raises(ValueError, match="error 6"):
        lib.call("%StrLen", [])
    with pytest.raises(ValueError, match="error 6"):
        lib.call("%StrLen", ["a", "b"])
    with pytest.raises(ValueError, match="error 36"):
        lib.call(999)
    with pytest.raises(KeyError):
        lib.call("%NoSuch")


def test_the_destination_decides_where_the_arguments_do_not(lib: Library) -> None:
    assert lib.call("%Invalid", wanted="TEXT") == Invalid(1, "TEXT")
    assert lib.call("%SetInvalid", [5], wanted="TIME") == Invalid(5, "TIME")
    assert equal(lib.call("%IfInvalid", [Invalid(4, "REAL"), 2], wanted="REAL"), 2.0)
    assert lib.call("%ToStr", [5], wanted="INT") == Invalid(3)
    assert lib.memory_used == 0


def test_time_is_the_newest_and_weak_is_any(lib: Library) -> None:
    result = lib.call("%Max", [Stamped(1, 500), Stamped(2, 300, True)])
    assert (result.value, result.time_ms, result.weak) == (2, 500, True)
    assert lib.call("%GetTime", [Stamped(1, 500)]).value == Time(500)
    assert lib.call("%SetTime", [1, Time(77)]) == Stamped(1, 77)
    assert lib.call("%IsWeak", [Stamped(1, None, True)]).value is True
    assert lib.call("%SetWeak", [Stamped(1, 5, True), False]) == Stamped(1, 5, False)
    assert lib.call("%GetTime", [1]) == Invalid(1, "TIME")


# limits


def test_a_text_is_cut_at_the_limit_and_marked() -> None:
    lib = Library(WORLD, text_chars=10)
    cut = lib.call("%StrRepeat", ["é", 11])
    assert (cut.value, cut.weak) == ("é" * 10, True)
    assert lib.call("%StrRepeat", ["é", 10]) == "é" * 10
    assert lib.call("%StrReplace", ["aaaa", "a", "€uro"]).value == "€uro€uro€u"
    assert lib.call("%LPad", ["x", 50, "-"]).value == "-" * 10
    assert lib.call("%TokenPut", ["a", ";", 99, "z"]).value == "a" + ";" * 9


@pytest.mark.parametrize(
    ("name", "args"),
    [("%StrRepeat", ["x" * 1000, 2**50]), ("%StrReplace", ["a" * 99_000, "a", "b" * 90_000]), ("%LPad", ["x", 2**60]),
     ("%TokenPut", ["a", ";", 2**60, "z"]), ("%Left0", [1, 2**62])],
)  # fmt: skip
def test_a_bomb_costs_fuel_before_it_costs_memory(name: str, args: list[object]) -> None:
    lib = Library(WORLD, fuel=10_000_000, memory_bytes=4 << 20)
    with pytest.raises(OutOfFuel):
        lib.call(name, args)
    assert lib.memory_used == 0


def test_memory_is_charged_before_it_is_taken() -> None:
    lib = Library(WORLD, memory_bytes=20_000)
    with pytest.raises(MemoryError):
        lib.call("%StrRepeat", ["x", 50_000])
    assert lib.memory_used == 0
    assert lib.call("%StrLen", ["ok"]) == 2


def test_fuel_pays_for_long_arguments() -> None:
    short, long = Library(WORLD), Library(WORLD)
    short.call("%StrHas", ["x", ""])
    long.call("%StrHas", ["x" * 160_000, ""])
    assert short.fuel - long.fuel == 160_000 // 16


# random numbers


def test_a_seed_repeats_its_sequence(lib: Library) -> None:
    assert lib.call("%RndSeed", [7]) is None
    first = [lib.call("%RndInt", [1, 6]) for _ in range(50)] + [lib.call("%Rnd")]
    lib.call("%RndSeed", [7])
    assert [lib.call("%RndInt", [1, 6]) for _ in range(50)] + [lib.call("%Rnd")] == first
    assert set(first[:50]) == {1, 2, 3, 4, 5, 6}
    assert 0 <= first[50] < 1
    assert lib.call("%RndInt", [5, 5]) == 5
    assert lib.call("%RndInt", [6, 5]) == Invalid(2)


# letters


def test_letters_map_as_unicode_says(lib: Library) -> None:
    letters = "".join(chr(c) for c in (*range(0x20, 0x600), *range(0x10400, 0x10450), *range(0x1E00, 0x1F00)))
    assert lib.call("%Upper", [letters]) == "".join(c.upper() if len(c.upper()) == 1 else (c.title() if len(c.title()) == 1 else c) for c in letters)
    assert lib.call("%Lower", [letters]) == "".join("i" if c == "İ" else c.lower() for c in letters)


@given(st.text(max_size=200), st.integers(-5, 210), st.integers(-1, 210))
def test_parts_of_texts_are_pythons_slices(text: str, start: int, length: int) -> None:
    wanted: object = Invalid(2, "TEXT")
    if start >= 1:
        wanted = text[start - 1 :] if length < 0 else text[start - 1 : start - 1 + length]
    assert Library(WORLD).call("%SubStr", [text, start, length]) == wanted


@given(st.text("ab*", max_size=12), st.text("ab*?", max_size=8))
def test_like_agrees_with_a_plain_matcher(text: str, mask: str) -> None:
    def fits(t: str, m: str) -> bool:
        if not m:
            return not t
        if m[0] == "*":
            return fits(t, m[1:]) or bool(t) and fits(t[1:], m)
        return bool(t) and (m[0] == "?" or m[0] == t[0]) and fits(t[1:], m[1:])

    assert Library(WORLD).call("%Like", [text, mask]) is fits(text, mask)


@given(st.text("ab", max_size=30), st.text("ab", min_size=1, max_size=3), st.text("abc", max_size=3), st.integers(0, 5))
def test_replacing_agrees_with_python(text: str, old: str, new: str, count: int) -> None:
    lib = Library(WORLD)
    assert lib.call("%StrReplace", [text, old, new]) == text.replace(old, new)
    assert lib.call("%StrReplaceN", [text, old, new, count]) == text.replace(old, new, count)
    assert lib.call("%StrPosLast", [text, old]) == text.rfind(old) + 1


# times


def test_local_and_elapsed_arithmetic_differ_on_the_long_day(lib: Library) -> None:
    start = at("01:30 25-10-2009")
    assert lib.call("%AddIntervalMono", [start, 3600]) == at("A2:30 25-10-2009")
    assert lib.call("%AddIntervalMono", [start, 7200]) == at("B2:30 25-10-2009")
    assert lib.call("%AddIntervalLocal", [start, 7200]) == at("03:30 25-10-2009")
    assert lib.call("%AddTime", [start, 7200]) == at("03:30 25-10-2009")
    assert lib.call("%SubTimesMono", [at("B2:30 25-10-2009"), start]) == 7200.0
    assert lib.call("%SubTimesLocal", [at("B2:30 25-10-2009"), start]) == 3600.0
    assert lib.call("%SubIntervalLocal", [at("03:30 25-10-2009"), 7200]) == start
    assert lib.call("%SubIntervalMono", [at("B2:30 25-10-2009"), 7200]) == start
    assert at("02:30 25-10-2009") == at("B2:30 25-10-2009")


def test_local_arithmetic_keeps_the_offset_in_the_double_hour(lib: Library) -> None:
    assert lib.call("%AddIntervalLocal", [at("A2:10 25-10-2009"), 600]) == at("A2:20 25-10-2009")
    assert lib.call("%AddIntervalLocal", [at("B2:10 25-10-2009"), 600]) == at("B2:20 25-10-2009")


def test_a_wall_time_that_does_not_exist_moves_forward(lib: Library) -> None:
    assert lib.call("%AddIntervalLocal", [at("01:30 29-03-2009"), 3600]) == at("03:30 29-03-2009")
    assert lib.call("%StrToTime", ["02:30:00 29-03-2009"]) == Invalid(3, "TIME")
    assert lib.call("%MkTime", [2009, 3, 29, 2, 30]) == Invalid(2, "TIME")
    assert lib.call("%MkTime", [2009, 10, 25, 2, 30]) == at("B2:30 25-10-2009")


def test_calendar_shift_stays_in_the_month(lib: Library) -> None:
    assert lib.call("%NewTime", [at("10:00 31-01-2007"), 0, 1, 0, 0]) == at("10:00 28-02-2007")
    assert lib.call("%NewTime", [at("10:00 29-02-2008"), 1, 0, 0, 0]) == at("10:00 28-02-2009")
    assert lib.call("%NewTime", [at("10:00 31-12-2007"), 0, -13, 1, 60]) == at("10:01 01-12-2006")
    assert lib.call("%NewTimeT", [at("10:00 31-01-2007"), 20000, 0, 0, 0]) == Invalid(2, "TIME")


def test_times_are_written_by_masks(lib: Library) -> None:
    moment = Time(int(datetime(2009, 10, 25, 0, 30, 5, 78_000, tzinfo=UTC).timestamp() * 1000))
    shown = {
        "hh:mi:ss dd-mm-yyyy": "02:30:05 25-10-2009", "rr/mm/dd": "09/10/25", "hh:mi:ss.mss": "02:30:05.078", "tttt ttt": "Sunday ttt",
        "ttt": "Sun", "tt": "Su", "ZZZ": "+02", "ZZZZZ": "+0200", "ZZZZZZ": "+02:00", "HH hb": "03 hb", "hh hh": "02 hh",
        "UNIX": "1256430605", "UNIXMS": "1256430605078", "výr dd": "výr 25",
    }  # fmt: skip
    for mask, wanted in shown.items():
        assert lib.call("%TimeToStr", [moment, mask]) == wanted
    assert lib.call("%TimeToStrEx", [moment, "hh:mi"]) == "A2:30"
    later = lib.call("%AddIntervalMono", [moment, 3600])
    assert lib.call("%TimeToStrEx", [later, "hh:mi"]) == "B2:30"
    assert lib.call("%TimeToStr", [later, "HH"]) == "04"
    assert lib.call("%TimeToStr", [moment, "hh:mi", "America/New_York"]) == "20:30"
    assert lib.call("%TimeToStr", [moment, "hh:mi", "-03:30"]) == "21:00"
    assert lib.call("%TimeToStrMono", [moment, "hh:mi", 3600]) == "01:30"
    assert lib.call("%TimeToStr", [moment, "hh:mi", "No/Zone"]) == Invalid(3, "TEXT")
    assert lib.call("%ToStr", [moment]) == "02:30:05 25-10-2009"


def test_times_are_read_by_masks(lib: Library) -> None:
    noon = at("12:00 01-07-2021")
    assert lib.call("%StrToTime", ["12:00:00 01-07-2021"]) == noon
    assert lib.call("%StrToTime", ["12:00:00 01-07-21"]) == noon
    assert lib.call("%StrToTimeEx", ["2021-07-01T10:00:00.000+0000", "yyyy-mm-ddThh:mi:ss.mssZZZZZ"]) == noon
    assert lib.call("%StrToTimeEx", ["1625133600", "UNIX"]) == noon
    assert lib.call("%StrToTimeEx", ["06:00 01-07-2021", "hh:mi dd-mm-yyyy", "America/New_York"]) == noon
    assert lib.call("%StrMonoToTime", ["11:00 01-07-2021", "hh:mi dd-mm-yyyy", 3600]) == noon
    assert lib.call("%StrToTimeEx", ["04 25-10-2009", "HH dd-mm-yyyy"]) == at("B2:00 25-10-2009")
    for wrong in ("24:00:00 01-01-2020", "12:00:00 31-02-2020", "12:00:00 01-13-2020", "12:00:00", "", "12:00:00 01-01-2020 x", "12:60:00 01-01-2020"):
        assert lib.call("%StrToTime", [wrong]) == Invalid(3, "TIME")


def test_components_of_a_time(lib: Library) -> None:
    t = Time(at("14:35 25-10-2009") + 7089)
    wanted = {"%WeekDay": 0, "%Year": 2009, "%Month": 10, "%Day": 25, "%Hour": 14, "%Minute": 35, "%Second": 7, "%MSec": 89,
              "%YearDay": 298, "%WeekNr": 43, "%Quarter": 4, "%DaysInMonth": 31, "%UTCOffset": 3600, "%IsSummerTime": False}  # fmt: skip
    assert {name: lib.call(name, [t]) for name in wanted} == wanted
    for unit, start in {"Y": "00:00 01-01-2009", "Q": "00:00 01-10-2009", "M": "00:00 01-10-2009", "W": "00:00 19-10-2009",
                        "D": "00:00 25-10-2009", "h": "14:00 25-10-2009", "MI": "14:35 25-10-2009"}.items():  # fmt: skip
        assert lib.call("%BeginOf", [t, unit]) == at(start)
    assert lib.call("%BeginOf", [t, "X"]) == Invalid(3, "TIME")


def test_grid_times_follow_the_wall_clock(lib: Library) -> None:
    assert lib.call("%GridTime", [at("14:35 25-10-2009"), 900]) == at("14:30 25-10-2009")
    assert lib.call("%GridTime", [at("14:35 25-10-2009"), 86400]) == at("00:00 25-10-2009")
    assert lib.call("%GridTime", [at("14:35 25-10-2009"), 3600, 600]) == at("14:10 25-10-2009")
    assert lib.call("%GridTime", [at("14:35 25-10-2009"), 0]) == Invalid(2, "TIME")

    def with_now(now: Time) -> Library:
        return Library(World(BRATISLAVA, now_ms=lambda: int(now)))

    trigger = Invalid(1)
    assert with_now(at("A2:40 25-10-2009")).call("%NextTime", [1800, 0, trigger]) == at("B2:00 25-10-2009")
    assert with_now(at("B2:40 25-10-2009")).call("%PrevTime", [3600, 0, trigger]) == at("B2:00 25-10-2009")
    assert with_now(at("01:40 29-03-2009")).call("%NextTime", [1800, 0, trigger]) == at("03:00 29-03-2009")
    assert with_now(at("12:00 25-10-2009")).call("%NextTime", [86400, 0, trigger]) == at("00:00 26-10-2009")
    assert with_now(at("12:00 24-10-2009")).call("%NextTime", [86400, 43200, trigger]) == at("12:00 25-10-2009")
