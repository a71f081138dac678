"""Picture state: the graphical objects of one opened picture, their properties, and what changed since a given moment.

Pure data: no sockets, no clock. The newest value of each (object, property) is kept with the sequence number of its change,
so a reader that comes late gets one value, not the history (the visual class may be coalesced), and nothing grows.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from hisee.console import svg
from hisee.schema import elements, properties
from hisee.schema.errors import Err

GOOD, INVALID, STALE = 0, 1, 2
PICTURES = 32  # that a console keeps read
Change = tuple[str, str, Any]  # id, property, value
UNCHANGED: dict[str, int] = {}  # nobody writes it


class PictureRefused(ValueError):
    """picture.toml or its drawing cannot be shown; the text says where and why."""


class VisualError(Exception):
    """A picture function failed with a run-time error of the script."""

    def __init__(self, error: int, text: str) -> None:
        super().__init__(text)
        self.error = error


class ChangeLog:
    """Sequence numbers of one console: every change of every picture gets the next one."""

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self.sequence = 0
        self.told = told

    def next(self) -> int:
        self.sequence += 1
        self.told()
        return self.sequence


@dataclass(slots=True)
class Item:
    """One graphical object: its number (`ref`, from 1 in the order of picture.toml), its id and its properties. `values` and `changed` are
    those of all pictures of the version until the first change: only `PictureState.put` writes them."""

    ref: int
    id: str
    kind: elements.ElementKindRow
    values: dict[str, Any]
    drawn: dict[str, Any]  # the same properties as the drawing has them: what a page's nodes look like before any value is shown
    bind: str = ""
    decimals: int | None = None  # of a bound REAL; None = six significant digits
    changed: dict[str, int] = field(default_factory=lambda: UNCHANGED)


def describe(text: bytes) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """Title, and the rows [objects.*] of picture.toml in their order; raises PictureRefused."""
    try:
        tables = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PictureRefused(f"picture.toml: {error}") from None
    rows = tables.get("objects", {})
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise PictureRefused("picture.toml: [objects.NAME] must be tables")
    return str(tables.get("title", "")), list(rows.items())


def _item(ref: int, name: str, row: dict[str, Any], drawing: svg.Drawing) -> Item:
    kind = elements.BY_NAME.get(str(row.get("kind", "")))
    if kind is None:
        raise PictureRefused(f"picture.toml: object {name} has no known kind: {row.get('kind')!r}")
    drawn = svg.initial(drawing.items[name]) if name in drawing.items else {}
    drawn = {p: drawn.get(p, properties.BY_NAME[p].default) for p in kind.properties}
    values = {**drawn, **_written(name, row, drawn)}
    return Item(ref, name, kind, values, drawn, str(row.get("bind", "")), _decimals(name, row.get("decimals")))


def _written(name: str, row: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Properties that picture.toml itself names: they win over the drawing."""
    try:
        return {p: checked(p, value) for p, value in row.items() if p in values}
    except VisualError as error:
        raise PictureRefused(f"picture.toml: object {name}: {error}") from None


def _decimals(name: str, value: Any) -> int | None:
    if value is None or (isinstance(value, int) and 0 <= value <= 15):
        return value
    raise PictureRefused(f"picture.toml: decimals of {name} lie between 0 and 15, not {value!r}")


@lru_cache(maxsize=PICTURES)
def _first_state(picture: bytes, drawing: bytes) -> PictureState:
    """The picture as it opens; nobody changes it. Reading it takes a millisecond and more, and the same ones open again and again."""
    drawn = svg.parse(drawing)
    title, rows = describe(picture)
    return PictureState([_item(n, name, row, drawn) for n, (name, row) in enumerate(rows, 1)], drawn, None, title)


class PictureState:
    """All graphical objects of one opened picture."""

    def __init__(self, items: Iterable[Item], drawing: svg.Drawing, log: ChangeLog | None = None, title: str = "") -> None:
        self.items = list(items)
        self.drawing = drawing
        self.title = title
        self.log = log or ChangeLog()
        self.by_id = {item.id: item for item in self.items}

    @classmethod
    def load(cls, picture: bytes, drawing: bytes, log: ChangeLog | None = None) -> PictureState:
        """From picture.toml and picture.svg as stored; raises PictureRefused or svg.DrawingRefused."""
        first = _first_state(picture, drawing)
        return cls([replace(item) for item in first.items], first.drawing, log, first.title)

    # -- access by a script

    def item(self, ref: int) -> Item:
        """Raises VisualError 13 when there is no such object."""
        if not 1 <= ref <= len(self.items):
            raise VisualError(Err.ERR_UNKNOWN_REFID, f"no graphical object has the number {ref}")
        return self.items[ref - 1]

    def exists(self, ref: int) -> bool:
        return 1 <= ref <= len(self.items)

    def get(self, ref: int, name: str) -> Any:
        item = self.item(ref)
        self._check_kind(item, name)
        return item.values[name]

    def set(self, ref: int, name: str, value: Any) -> None:
        """Raises VisualError: 13 no object, 14 wrong kind, 17 wrong type, 4 out of range."""
        item = self.item(ref)
        self._check_kind(item, name)
        self.put(item, name, checked(name, value))

    @staticmethod
    def _check_kind(item: Item, name: str) -> None:
        if name not in item.values:
            raise VisualError(Err.ERR_INVALID_REFID_TYPE, f"{item.id} is a {item.kind.name} and has no {name}")

    def put(self, item: Item, name: str, value: Any) -> None:
        """Keep a checked value; an equal one is no change."""
        if item.values[name] != value:
            if item.changed is UNCHANGED:
                item.values, item.changed = dict(item.values), {}
            item.values[name] = value
            item.changed[name] = self.log.next()

    # -- reading by pages and commands

    def since(self, sequence: int) -> list[Change]:
        """The newest value of everything that changed after `sequence`, in the order of the last changes."""
        found = [(number, item, name) for item in self.items for name, number in item.changed.items() if number > sequence]
        return [(item.id, name, item.values[name]) for _, item, name in sorted(found, key=lambda f: f[0])]

    def snapshot(self) -> dict[str, dict[str, Any]]:
        return {i.id: {"ref": i.ref, "kind": i.kind.name, **({"bind": i.bind} if i.bind else {}), **i.values} for i in self.items}


def checked(name: str, value: Any) -> Any:
    """`value` if property `name` takes it; raises VisualError 17 (type) or 4 (range)."""
    row = properties.BY_NAME[name]
    wanted = {"TEXT": str, "BOOL": bool, "INT": int}[row.type]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise VisualError(Err.ERR_PARAM_TYPE, f"{name} takes {row.type}, not {type(value).__name__}")
    if isinstance(value, int) and wanted is int and not row.least <= value <= row.most:
        raise VisualError(Err.ERR_RANGE_ERROR, f"{name} lies between {row.least} and {row.most}, not {value}")
    return value
