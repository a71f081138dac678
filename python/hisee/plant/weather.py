"""Measured outdoor temperature: reads the committed file, interpolates between full hours, repeats the year."""

from __future__ import annotations

from importlib.resources import files

HOURS = 8760


class Weather:
    """A year of hourly temperatures as a ring."""

    def __init__(self, hourly_c: tuple[float, ...]) -> None:
        if not hourly_c:
            raise ValueError("weather: no hours given")
        self.hourly_c = hourly_c

    @classmethod
    def newark_2013(cls) -> Weather:
        """Newark 2013, measured at EWR; source and licence stand in the file's head."""
        return cls(tuple(degrees for _, degrees, _ in rows()))

    def outdoor_c(self, time_s: float) -> float:
        """Degrees Celsius `time_s` seconds after the year began."""
        hour, rest = divmod(time_s / 3600, 1.0)
        low = self.hourly_c[int(hour) % len(self.hourly_c)]
        high = self.hourly_c[int(hour + 1) % len(self.hourly_c)]
        return low + (high - low) * rest


def rows() -> list[tuple[int, float, bool]]:
    """(hour, degrees, filled by interpolation) of the committed file."""
    text = (files("hisee.plant") / "newark2013.csv").read_text(encoding="ascii")
    cells = (line.split(",") for line in text.splitlines() if line[0].isdigit())
    return [(int(hour), float(degrees), gap == "1") for hour, degrees, gap in cells]
