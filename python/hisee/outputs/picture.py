"""A picture as PDF: its drawing with the texts that its bound values give.

A drawing comes from whoever may save a picture: only plain shapes and texts are drawn, nothing in it is fetched or run.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from xml.parsers import expat

from fpdf.enums import ResourceAccessPolicy

from hisee.outputs.render import PAGE_MM, fitting, page

MAX_BYTES = 2 << 20
NAMESPACE = "http://www.w3.org/2000/svg"
DRAWN = {"svg", "g", "text", "tspan", "rect", "circle", "ellipse", "line", "polyline", "polygon", "path", "defs", "title", "desc"}
FOREIGN = ("href", "style")  # attributes that may name something outside, or that the drawing library reads its own way


class PictureRefused(ValueError):
    """The drawing cannot be printed; the text says why."""


def to_pdf(title: str, drawing: bytes, texts: Mapping[str, str]) -> bytes:
    """`texts`: id of a graphical object -> what it shows now. Raises PictureRefused."""
    pdf = page(title, across=True)
    root = read(title, drawing)
    _plain(root)
    for node in root.iter(f"{{{NAMESPACE}}}text"):
        node.set("font-family", pdf.font_family)
    fill(root, {name: fitting(pdf, text) for name, text in texts.items()})
    top = pdf.get_y()
    try:
        pdf.image(io.BytesIO(ET.tostring(root)), x=PAGE_MM, y=top, w=pdf.epw, h=pdf.h - top - 2 * PAGE_MM, keep_aspect_ratio=True,
                  resource_access_policy=ResourceAccessPolicy(0))
    except (ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
        raise PictureRefused(f"picture {title} cannot be printed: {error}") from error
    return bytes(pdf.output())


def read(title: str, drawing: bytes) -> ET.Element:
    """The drawing as a tree; a document type (and with it every entity) is refused."""
    if len(drawing) > MAX_BYTES:
        raise PictureRefused(f"picture {title}: the drawing has {len(drawing)} bytes, more than {MAX_BYTES}")
    checker = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise PictureRefused(f"picture {title}: the drawing declares a document type or entities")

    checker.StartDoctypeDeclHandler = refuse
    try:
        checker.Parse(drawing, True)
        ET.register_namespace("", NAMESPACE)
        return ET.fromstring(drawing)
    except (expat.ExpatError, ET.ParseError) as error:
        raise PictureRefused(f"picture {title}: the drawing is not well-formed: {error}") from error


def _plain(node: ET.Element) -> None:
    """Leave only what is drawn."""
    for name in [n for n in node.attrib if n.rpartition("}")[2] in FOREIGN]:
        del node.attrib[name]
    for child in list(node):
        if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] not in DRAWN:
            node.remove(child)
        else:
            _plain(child)


def fill(root: ET.Element, texts: Mapping[str, str]) -> None:
    """Put the texts of bound objects into their text elements."""
    for node in root.iter():
        wanted = texts.get(node.get("id", ""))
        label = next(node.iter(f"{{{NAMESPACE}}}text"), None) if wanted is not None else None
        if label is not None:
            for child in list(label):
                label.remove(child)
            label.text = wanted
