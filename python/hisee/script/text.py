"""Values as text where the host itself prints them (LOG): the words of %ToStr, from the same C function."""

from __future__ import annotations

from hisee._core import library
from hisee.values import Invalid, Stamped

LABEL, VALUE = 200, 20  # characters of a line of the event log: of its text, and of the value behind it
DIGITS = 12  # of a REAL that is longer: a number is rounded, for without its exponent it would be another one


class Text:
    """Writes values in one time zone."""

    def __init__(self, zone: library.Zone | None) -> None:
        self._library = library.Library(library.World(zone), fuel=1 << 62)  # the host's own work is not metered

    def of(self, value: object) -> str:
        """As %ToStr, but invalid is `?`; line breaks stay (whoever writes a line escapes them)."""
        if isinstance(value, Stamped):  # a text that was cut
            value = value.value
        if isinstance(value, Invalid) or value is None:
            return "?"
        return value if isinstance(value, str) else str(self._library.call("%ToStr", [value], "TEXT"))

    def logged(self, value: object) -> str:
        """The value of a LOG, in at most 20 characters."""
        text = self.of(value)
        return f"{value:.{DIGITS}g}" if isinstance(value, float) and len(text) > VALUE else text[:VALUE]
