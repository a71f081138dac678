"""Kinds of graphical objects: which properties each has and which picture events it raises."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Element:
    """properties and events by name; `tags` are the SVG elements that may carry an object of this kind."""

    number: int
    name: str
    properties: tuple[str, ...]
    events: tuple[str, ...]
    tags: tuple[str, ...]
    doc: str


PLACE = ("visible", "enabled", "x", "y", "width", "height")
LOOK = ("back_color", "fore_color", "line_color")
TEXT = ("text", "quality", "last")

ELEMENTS = [
    Element(1, "button", (*TEXT, *PLACE, *LOOK), ("OnClick",), ("rect", "g", "text"), "push button"),
    Element(2, "text", (*TEXT, *PLACE, *LOOK), ("OnClick",), ("text", "g", "rect"), "text or bound value"),
    Element(3, "entry", (*TEXT, *PLACE, *LOOK), ("OnTextChange",), ("rect", "g", "text"), "field to type into"),
    Element(4, "rect", (*PLACE, *LOOK), ("OnClick",), ("rect", "circle", "ellipse", "path", "polygon", "polyline", "line"),
            "drawn shape"),
    Element(5, "group", (*PLACE, *LOOK), ("OnClick",), ("g",), "several shapes that move and hide together"),
]

TABLE = Table("elements", "ElementKind", ELEMENTS, "Kinds of graphical objects.")
