"""The functions of the language: vectors, edges, validity, fuel and limits. Run through the same C as the VM."""

from __future__ import annotations

import math
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee._core.library import Library, OutOfFuel, World, Zone
from hisee.schema.functions import ROWS
from hisee.values import Invalid, Stamped, Time, type_of
from support.builtin_vectors import VECTORS


def tzif(name: str) -> bytes:
    for folder in (*zoneinfo.TZPATH, Path(__import__("tzdata").__file__).parent / "zoneinfo"):
        path = Path(folder) / name
        if path.exists():
            return path.read_bytes()
    raise FileNotFoundError(name)


BRATISLAVA = Zone("Europe/Bratislava", tzif("Europe/Bratislava"))
WORLD = World(BRATISLAVA, [Zone("America/New_York", tzif("America/New_York"))], now_ms=lambda: 1_000_000, tick_ms=lambda: 12.5, seed=1)


@pytest.fixture
def lib() -> Library:
    return Library(WORLD)


def at(text: str) -> Time:
    """Time of `hh:mi dd-mm-yyyy` in Bratislava; A2/B2 allowed."""
    moment = Library(WORLD).call("%StrToTimeEx", [text, "hh:mi dd-mm-yyyy"])
    assert isinstance(moment, Time), text
    return moment


def test_frac_of_a_zero_keeps_its_sign(lib: Library) -> None:
    """Scripts see no difference; objects, files and other programs get the bits."""
    signs = [math.copysign(1, lib.call("%Frac", [x])) for x in (-0.0, 0.0, -2.5, -2.0)]
    assert signs == [-1, 1, -1, 1]


def equal(result: object, wanted: object) -> bool:
    if isinstance(wanted, float) and isinstance(result, float):
        return result == pytest.approx(wanted, rel=1e-12)
    return type(result) is type(wanted) and result == wanted


@pytest.mark.parametrize(("name", "args", "wanted"), VECTORS, ids=[f"{v[0]}-{n}" for n, v in enumerate(VECTORS)])
def test_vector(lib: Library, name: str, args: tuple[object, ...], wanted: object) -> None:
    result = lib.call(name, args)
    assert equal(result, wanted), f"{name}{args} gave {result!r}, not {wanted!r}"


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
def test_a_bomb_is_cut_and_costs_what_it_writes(name: str, args: list[object]) -> None:
    lib = Library(WORLD, fuel=10_000_000, memory_bytes=4 << 20)
    cut = lib.call(name, args)
    assert len(cut.value) == 100_000 and cut.weak
    assert 400_000 // 16 <= 10_000_000 - lib.fuel < 1_000_000


def test_fuel_is_paid_before_memory_is_taken() -> None:
    lib = Library(WORLD, fuel=1_000)
    with pytest.raises(OutOfFuel):
        lib.call("%StrRepeat", ["x", 2**60])
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
    assert lib.call("%Upper", [letters]) == "".join(next((m for m in (c.upper(), c.title()) if len(m) == 1), c) for c in letters)
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
    for wrong in ("24:00:00 01-01-2020", "12:60:00 01-01-2020", "12:00:00 31-02-2020", "12:00:00 01-13-2020", "12:00:00", "",
                  "12:00:00 01-01-2020 x"):  # fmt: skip
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
