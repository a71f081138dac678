"""XML. Nothing outside the text is ever read: no entities, no document types, no network. A document knows its elements' handles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hisee.schema.errors import Err
from hisee.script.functions.on_files import FLAGS, attempt
from hisee.script.functions.registry import CONVERSION, NO_DATA, RANGE, Raised, function
from hisee.script.functions.sandbox import IO_ERROR, Refused

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

LONGEST_PATH = 1000  # characters of a path of %XML_Find
ELEMENT_BYTES = 200  # that an element costs beside its texts


class Document:
    """A tree, and about how many bytes it holds."""

    def __init__(self, root: Any, size: int) -> None:
        self.root, self.size = root, size


class Node:
    """An element of a document."""

    def __init__(self, document: Document, element: Any) -> None:
        self.document, self.element = document, element


class Nodes:
    """Handles of elements: one for each, whatever way it was found. They do not count as open handles: there are no more than elements."""

    def __init__(self) -> None:
        self.by_number: dict[int, Node] = {}
        self.numbers: dict[Any, int] = {}  # element -> number
        self.next = 1_000_000_000  # far from the other handles

    def number(self, document: Document, element: Any) -> int:
        if element is None:
            return 0
        if element not in self.numbers:
            self.next += 1
            self.numbers[element] = self.next
            self.by_number[self.next] = Node(document, element)
        return self.numbers[element]

    def drop(self, elements: Any) -> None:
        for element in elements:
            number = self.numbers.pop(element, None)
            if number is not None:
                del self.by_number[number]


def parse(data: bytes, most_depth: int) -> Any:
    """Root element of a document. Raises ValueError."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, attribute_defaults=False,
                             huge_tree=False, remove_pis=True, remove_comments=True, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ValueError(str(error)[:200]) from error
    if root.getroottree().docinfo.doctype:
        raise ValueError("a document type is not allowed")
    if deeper(root, most_depth):
        raise ValueError(f"more than xml_depth = {most_depth} levels")
    return root


def deeper(root: Any, most: int) -> bool:
    level: list[Any] = [root]
    for _ in range(most):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True


def node(own: Functions, number: int) -> Node:
    found: Node | None = own.keep(Nodes).by_number.get(number)
    if found is None:
        raise Raised(Err.ERR_NO_DATA, f"{number} is no handle of an XML element")
    return found


def handle(own: Functions, document: Document, element: Any) -> int:
    return int(own.keep(Nodes).number(document, element))


def grow(own: Functions, document: Document, size: int) -> None:
    """Raises _ERR_MEMORY at the limit."""
    if document.size + size > own.site.limit("xml_bytes"):
        raise Raised(Err.ERR_MEMORY, f"an XML document of more than xml_bytes = {own.site.limit('xml_bytes')}")
    document.size += size


def opened(own: Functions, data: bytes) -> int:
    if len(data) > own.site.limit("xml_bytes"):
        return 0
    try:
        document = Document(parse(data, own.site.limit("xml_depth")), len(data))
    except ValueError:
        return 0
    return own.handles.open(document)


@function("%XML_CreateDocument")
def create_document(own: Functions, root: str) -> int:
    from lxml import etree

    try:
        return own.handles.open(Document(etree.Element(root), ELEMENT_BYTES + len(root)))
    except ValueError:
        return 0


@function("%XML_OpenDocument")
def open_document(own: Functions, path: str) -> int:
    def read(box: Any) -> int:
        most = own.site.limit("xml_bytes")
        with box.open(path, os.O_RDONLY) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise Refused(IO_ERROR, f"{path} is longer than xml_bytes")
        return opened(own, data)

    return int(attempt(own, 0, read))


@function("%XML_ParseDocument")
def parse_document(own: Functions, text: str) -> int:
    return opened(own, text.encode())


@function("%XML_ToString")
def to_string(own: Functions, number: int, pretty: bool) -> Any:
    from lxml import etree

    document = own.handles.get(number, Document)
    text = etree.tostring(document.root, encoding="unicode", pretty_print=pretty)
    return text if len(text) <= own.site.limit("text_chars") else RANGE


@function("%XML_SaveDocument")
def save_document(own: Functions, number: int, path: str) -> Any:
    from lxml import etree

    document = own.handles.get(number, Document)

    def write(box: Any) -> bool:
        with box.open(path, FLAGS[2]) as file:
            file.write(etree.tostring(document.root, encoding="UTF-8", xml_declaration=True))
        return True

    return attempt(own, False, write)


@function("%XML_CloseDocument")
def close_document(own: Functions, number: int) -> None:
    document = own.handles.get(number, Document)
    nodes = own.keep(Nodes)
    nodes.drop([n.element for n in list(nodes.by_number.values()) if n.document is document])
    own.handles.close(number, Document)


@function("%XML_Root")
def root_(own: Functions, number: int) -> int:
    document = own.handles.get(number, Document)
    return handle(own, document, document.root)


def named(elements: Any, name: str) -> Any:
    return next((e for e in elements if not name or e.tag == name), None)


@function("%XML_FirstChild")
def first_child(own: Functions, number: int, name: str) -> int:
    at = node(own, number)
    return handle(own, at.document, named(at.element, name))


@function("%XML_NextSibling")
def next_sibling(own: Functions, number: int, name: str) -> int:
    at = node(own, number)
    return handle(own, at.document, named(at.element.itersiblings(), name))


@function("%XML_Parent")
def parent(own: Functions, number: int) -> int:
    at = node(own, number)
    return handle(own, at.document, at.element.getparent())


@function("%XML_Find")
def find(own: Functions, number: int, path: str) -> Any:
    at = node(own, number)
    if len(path) > LONGEST_PATH:
        return RANGE
    try:
        return handle(own, at.document, at.element.find(path))
    except (SyntaxError, ValueError, KeyError):
        return CONVERSION


@function("%XML_Name")
def name_(own: Functions, number: int) -> str:
    return str(node(own, number).element.tag)


@function("%XML_GetText")
def get_text(own: Functions, number: int) -> str:
    return node(own, number).element.text or ""


@function("%XML_SetText")
def set_text(own: Functions, number: int, text: str) -> None:
    at = node(own, number)
    grow(own, at.document, len(text))
    try:
        at.element.text = text
    except ValueError as error:
        raise Raised(Err.ERR_RANGE_ERROR, f"no text of XML: {error}") from error


@function("%XML_GetAttr")
def get_attr(own: Functions, number: int, attribute: str) -> Any:
    try:
        value = node(own, number).element.get(attribute)
    except ValueError:
        return NO_DATA
    return NO_DATA if value is None else value


@function("%XML_SetAttr")
def set_attr(own: Functions, number: int, attribute: str, value: str) -> None:
    at = node(own, number)
    grow(own, at.document, len(attribute) + len(value))
    try:
        at.element.set(attribute, value)
    except ValueError as error:
        raise Raised(Err.ERR_RANGE_ERROR, f"no attribute of XML: {error}") from error


@function("%XML_AddChild")
def add_child(own: Functions, number: int, name: str) -> int:
    from lxml import etree

    at = node(own, number)
    if sum(1 for _ in at.element.iterancestors()) + 2 > own.site.limit("xml_depth"):
        raise Raised(Err.ERR_RANGE_ERROR, f"more than xml_depth = {own.site.limit('xml_depth')} levels")
    grow(own, at.document, ELEMENT_BYTES + len(name))
    try:
        return handle(own, at.document, etree.SubElement(at.element, name))
    except ValueError:
        return 0


@function("%XML_Remove")
def remove(own: Functions, number: int) -> None:
    at = node(own, number)
    above = at.element.getparent()
    if above is None:
        raise Raised(Err.ERR_RANGE_ERROR, "the root of an XML document cannot be removed")
    own.keep(Nodes).drop(list(at.element.iter()))
    above.remove(at.element)
