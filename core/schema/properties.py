"""Properties of graphical objects: what a script or a binding may change, and what a page is told about."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Property:
    """type is a slot type; default holds where the drawing says nothing; least and most bound an INT."""

    number: int
    name: str
    type: str
    default: str | int | bool
    least: int
    most: int
    doc: str


FAR = 100_000
COLOUR = 0xFFFFFF
PROPERTIES = [
    Property(1, "text", "TEXT", "", 0, 0, "text shown, or typed into an entry"),
    Property(2, "visible", "BOOL", True, 0, 1, "is it shown?"),
    Property(3, "enabled", "BOOL", True, 0, 1, "may it be operated?"),
    Property(4, "x", "INT", 0, -FAR, FAR, "left edge in picture units"),
    Property(5, "y", "INT", 0, -FAR, FAR, "upper edge in picture units"),
    Property(6, "width", "INT", 0, 0, FAR, "width in picture units; 0 = its own"),
    Property(7, "height", "INT", 0, 0, FAR, "height in picture units; 0 = its own"),
    Property(8, "back_color", "INT", -1, -1, COLOUR, "fill colour 0xRRGGBB, -1 = as drawn"),
    Property(9, "fore_color", "INT", -1, -1, COLOUR, "colour of the text, -1 = as drawn"),
    Property(10, "line_color", "INT", -1, -1, COLOUR, "colour of the outline, -1 = as drawn"),
    Property(11, "quality", "INT", 0, 0, 2, "of a bound value: 0 good, 1 invalid, 2 stale"),
    Property(12, "last", "TEXT", "", 0, 0, "last valid text of a bound value that is invalid now"),
]

TABLE = Table("properties", "PropertyId", PROPERTIES, "Properties of graphical objects.")
