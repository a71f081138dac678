"""Numbers as text and back: against Python's own correctly rounded conversions, and under a foreign C locale."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee._core.library import Library
from hisee._core.values import real_text
from hisee.values import Invalid

reals = st.floats(allow_nan=False, allow_infinity=False)
LIB = Library()


def shortest(value: float) -> str:
    """What the language prints: %.15g, %.16g or %.17g, the first that reads back."""
    tried = (format(value, f".{digits}g") for digits in (15, 16, 17))
    return "0" if value == 0 else next(t for t in tried if float(t) == value)


@given(reals)
def test_a_real_prints_the_shortest_of_15_16_17_digits(value: float) -> None:
    assert real_text(value) == shortest(value)


@given(reals)
def test_printing_and_reading_gives_the_same_number(value: float) -> None:
    assert LIB.call("%StrToR", [real_text(value)]) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_reading_is_correctly_rounded(number: Decimal) -> None:
    assert LIB.call("%StrToR", [format(number, "f")]) == float(number)


@pytest.mark.parametrize(
    "text",
    [
        "9007199254740993" + "0" * 900,
        "1." + "0" * 900 + "1",
        "9007199254740993." + "0" * 2000 + "1",
        "0." + "0" * 320 + "5",
        "2.4703282292062327208e-324",
        "2.2250738585072011e-308",
        "179769313486231580793e289",
        "1e-99999999999",
    ],
)
def test_long_numbers_are_correctly_rounded(text: str) -> None:
    wanted = float(text)
    result = LIB.call("%StrToR", [text])
    assert result == wanted or (wanted == float("inf") and result == Invalid(2, "REAL"))


def rounded(value: float, places: int) -> float:
    """Half away from zero on the shortest decimal form."""
    exact = Decimal(shortest(value))
    return float(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)) if abs(exact) < 10**12 else value


@given(st.floats(-1e9, 1e9), st.integers(-9, 9))
def test_round_uses_the_shortest_decimal_form(value: float, places: int) -> None:
    assert LIB.call("%Round", [value, places]) == rounded(value, places)


@given(st.floats(-1e9, 1e9), st.integers(0, 12))
def test_fixed_decimals_round_the_same_way(value: float, places: int) -> None:
    exact = Decimal(shortest(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    wanted = format(exact, "f")
    assert LIB.call("%RToStr", [value, places]) == (wanted.removeprefix("-") if exact == 0 else wanted)


@given(st.integers(-(2**63) + 16, 2**63 - 1))
def test_an_int_prints_and_reads_exactly(number: int) -> None:
    assert LIB.call("%IToStr", [number]) == str(number)
    assert LIB.call("%StrToI", [str(number)]) == number
    assert LIB.call("%FormatNum", [number, "#,##0."]) == f"{number:,}"


@given(st.floats(-1e15, 1e15), st.integers(0, 6))
def test_a_mask_groups_by_three(value: float, places: int) -> None:
    exact = Decimal(shortest(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) + 0
    mask = "#,##0" + ("." + "0" * places if places else ".")
    wanted = f"{exact:,}" if exact else f"{abs(exact):,}"
    assert LIB.call("%FormatNum", [value, mask]) == wanted


FOREIGN = """
import locale
locale.setlocale(locale.LC_ALL, "comma")
assert locale.localeconv()["decimal_point"] == ","
from hisee._core.library import Library
lib = Library()
print(lib.call("%RToStr", [1234.5]), lib.call("%StrToR", ["1234.5"]), lib.call("%Round", [2.345, 2]), lib.call("%StrToR", ["1,5"]))
"""
LOCALES = Path("/usr/share/i18n/locales/de_DE")


@pytest.mark.slow
@pytest.mark.skipif(not (LOCALES.exists() and shutil.which("localedef")), reason="no sources of locales on this machine")
def test_a_locale_with_a_decimal_comma_changes_nothing(tmp_path: Path) -> None:
    subprocess.run(["localedef", "-c", "-i", str(LOCALES), "-f", "UTF-8", str(tmp_path / "comma")], capture_output=True, check=False)
    environment = {**os.environ, "LOCPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FOREIGN], capture_output=True, text=True, check=False, env=environment)
    assert (done.stdout, done.stderr) == ("1234.5 1234.5 2.35 Invalid(3, REAL)\n", "")
