"""Drawings: reads picture.svg and keeps only what can do no harm. Pure; knows nothing of objects, scripts or pages.

A drawing comes from whoever may save a picture and is shown in every operator's browser. What leaves this module is a tree
of plain lists, made of the elements and attributes named here; a page builds it node by node, so no text of a drawing is
ever parsed as markup again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

MAX_BYTES = 2 << 20
MAX_NODES = 20_000
MAX_DEPTH = 64
MAX_ATTRIBUTE = 65_536

SVG = "http://www.w3.org/2000/svg"
SHAPES = {"rect", "circle", "ellipse", "line", "polyline", "polygon", "path"}
# No `use`, `image`, `a`, `style`, `foreignObject`, no filter and no animation: they fetch, run, or multiply.
ELEMENTS = SHAPES | {"svg", "g", "text", "tspan", "title", "desc", "defs", "linearGradient", "radialGradient", "stop", "clipPath",
                     "marker"}
LOOK = {"fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-linecap", "stroke-linejoin",
        "stroke-dasharray", "stroke-dashoffset", "stroke-miterlimit", "opacity", "color", "display", "visibility",
        "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "letter-spacing",
        "stop-color", "stop-opacity", "clip-path", "clip-rule", "marker-start", "marker-mid", "marker-end", "paint-order"}
ATTRIBUTES = LOOK | {"id", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "dx", "dy", "width", "height",
                     "d", "points", "transform", "viewBox", "preserveAspectRatio", "offset", "gradientUnits",
                     "gradientTransform", "spreadMethod", "clipPathUnits", "markerWidth", "markerHeight", "markerUnits",
                     "orient", "refX", "refY", "pathLength", "textLength", "lengthAdjust"}
ID = re.compile(r"[A-Za-z_][\w.-]{0,63}\Z")
LOCAL_URL = re.compile(r"url\(\s*['\"]?#[A-Za-z_][\w.-]*['\"]?\s*\)\Z")
NAMED = {"none": -1, "black": 0, "white": 0xFFFFFF, "red": 0xFF0000, "green": 0x008000, "blue": 0x0000FF, "yellow": 0xFFFF00,
         "gray": 0x808080, "grey": 0x808080, "silver": 0xC0C0C0, "orange": 0xFFA500}


class DrawingRefused(ValueError):
    """The drawing as a whole is not taken: not well-formed, no svg, too big, or it declares entities."""


@dataclass(slots=True)
class Node:
    tag: str
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def tree(self) -> list[Any]:
        """[tag, attributes, children]: what a page builds its nodes from."""
        return [self.tag, self.attributes, [c if isinstance(c, str) else c.tree() for c in self.children]]

    def nodes(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.nodes()

    def text(self) -> str:
        """Text of this node and those inside, blanks joined."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in ("title", "desc"):
                yield from child._texts()


@dataclass(slots=True)
class Drawing:
    root: Node
    items: dict[str, Node]  # by id
    removed: list[str]  # what was left out, for the log


def parse(data: bytes) -> Drawing:
    """Read and clean a drawing; raises DrawingRefused with the reason."""
    if len(data) > MAX_BYTES:
        raise DrawingRefused(f"the drawing has {len(data)} bytes, more than {MAX_BYTES}")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DrawingRefused(f"the drawing is not well-formed: {error}") from None
    if reader.root is None:
        raise DrawingRefused("the drawing is no svg")
    items: dict[str, Node] = {}
    for node in reader.root.nodes():
        if "id" in node.attributes:
            items.setdefault(node.attributes["id"], node)
    return Drawing(reader.root, items, reader.removed)


class _Reader:
    """Expat handlers. `skipping` > 0 inside a removed element."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.removed: list[str] = []
        self._open: list[Node] = []
        self._skipping = 0
        self._depth = self._count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.EntityDeclHandler = self._refuse_doctype
        self.parser.ExternalEntityRefHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse_doctype(self, *_: object) -> int:
        raise DrawingRefused("the drawing declares a document type or entities")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_NODES:
            raise DrawingRefused(f"the drawing has more than {MAX_NODES} elements or {MAX_DEPTH} levels")
        namespace, _, tag = name.rpartition(" ")
        if self._skipping or namespace not in ("", SVG) or tag not in ELEMENTS:
            self._skip(tag)
            return
        node = Node(tag, self._clean(attributes))
        self._enter(node)

    def _skip(self, tag: str) -> None:
        if not self._skipping:
            self.removed.append(f"<{tag[:64]}>")
        self._skipping += 1

    def _enter(self, node: Node) -> None:
        if self._open:
            self._open[-1].children.append(node)
        elif node.tag != "svg":
            raise DrawingRefused(f"the drawing starts with <{node.tag}>, not <svg>")
        else:
            self.root = node
        self._open.append(node)

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._skipping:
            self._skipping -= 1
        else:
            self._open.pop()

    def _text(self, text: str) -> None:
        if not self._skipping and self._open and self._open[-1].tag in ("text", "tspan", "title", "desc"):
            self._open[-1].children.append(text)

    def _clean(self, attributes: dict[str, str]) -> dict[str, str]:
        wanted = {name: value for name, value in attributes.items() if name != "style"}
        wanted.update(_style(attributes.get("style", "")))
        kept = {}
        for name, value in wanted.items():
            if name in ATTRIBUTES and _harmless(name, value):
                kept[name] = value
            else:
                self.removed.append(name.rpartition(" ")[2][:64])
        return kept


def _style(text: str) -> Iterator[tuple[str, str]]:
    """A style attribute as presentation attributes: a page forbids inline style."""
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            yield name.strip(), value.strip()


def _harmless(name: str, value: str) -> bool:
    if len(value) > MAX_ATTRIBUTE:
        return False
    if name == "id":
        return ID.match(value) is not None
    lowered = value.lower()
    if "url" in lowered:
        return LOCAL_URL.match(value.strip()) is not None
    return not any(mark in lowered for mark in ("\\", "javascript:", "data:", "expression(", "image(", "src("))


# -- what a graphical object starts with


def number(text: str | None) -> int:
    """A length of the drawing in whole picture units; 0 when it says none."""
    found = re.match(r"\s*([+-]?\d{0,7}(?:\.\d*)?)", text or "")
    try:
        return round(float(found.group(1))) if found else 0
    except ValueError:
        return 0


def colour(text: str | None) -> int:
    """0xRRGGBB of `#rgb`, `#rrggbb` or a common name, else -1."""
    value = (text or "").strip().lower()
    if re.fullmatch(r"#[0-9a-f]{6}", value):
        return int(value[1:], 16)
    if re.fullmatch(r"#[0-9a-f]{3}", value):
        return int("".join(c + c for c in value[1:]), 16)
    return NAMED.get(value, -1)


def _box(node: Node) -> tuple[int, int, int, int]:
    a = node.attributes
    if node.tag in ("circle", "ellipse"):
        rx, ry = number(a.get("rx") or a.get("r")), number(a.get("ry") or a.get("r"))
        return number(a.get("cx")) - rx, number(a.get("cy")) - ry, 2 * rx, 2 * ry
    if node.tag == "line":
        x, y = number(a.get("x1")), number(a.get("y1"))
        return x, y, number(a.get("x2")) - x, number(a.get("y2")) - y
    return number(a.get("x")), number(a.get("y")), number(a.get("width")), number(a.get("height"))


def _first(node: Node, tags: set[str]) -> Node | None:
    return next((n for n in node.nodes() if n.tag in tags), None)


def _moved(node: Node) -> tuple[int, int]:
    found = re.fullmatch(r"\s*translate\(\s*([-+.\d]+)(?:[\s,]+([-+.\d]+))?\s*\)\s*", node.attributes.get("transform", ""))
    return (number(found.group(1)), number(found.group(2))) if found else (0, 0)


def initial(node: Node) -> dict[str, Any]:
    """Properties as drawn: place, text and colours of the object that this node carries."""
    shape = _first(node, SHAPES)
    label = _first(node, {"text"})
    x, y, width, height = _box(shape or label or node)
    dx, dy = _moved(node)
    found: dict[str, Any] = {"x": x + dx, "y": y + dy, "width": width, "height": height}
    if label is not None:
        found["text"] = label.text()
        found["fore_color"] = colour(label.attributes.get("fill"))
    if shape is not None:
        found["back_color"] = colour(shape.attributes.get("fill"))
        found["line_color"] = colour(shape.attributes.get("stroke"))
    if node.attributes.get("display") == "none" or node.attributes.get("visibility") == "hidden":
        found["visible"] = False
    return found
