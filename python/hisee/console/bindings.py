"""Bound displays: objects whose text follows a value of the server or a picture variable, without a script.

Owns the process's replica of object values. Knows no link: payloads are fed in, pictures are told what changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from hisee._core.cells import CellTable
from hisee.console.picture import GOOD, INVALID, STALE, Item, PictureState
from hisee.values import Cell, Invalid, Ref, Stamped, Time

log = logging.getLogger("hisee.console")


def shown(value: Any, decimals: int | None = None) -> str:
    """A valid value as an operator reads it; a REAL with `decimals`, or at a glance: six significant digits."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return glance(value) if decimals is None else f"{value:.{decimals}f}"
    if isinstance(value, Time):
        return datetime.fromtimestamp(value.ms / 1000).strftime("%H:%M:%S %d-%m-%Y")
    return str(value)


def glance(value: float) -> str:
    """Six significant digits without trailing zeros; an exponent only where the number would be very long or very small."""
    if value != 0 and not 1e-4 <= abs(value) < 1e12:
        return f"{value:.6g}"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    text = f"{value:.{max(0, min(9, 6 - whole))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Replica:
    """Values of objects in this hip process: one table, however many consoles look at it."""

    def __init__(self) -> None:
        self._table = CellTable()
        self.followers: list[Callable[[set[int]], None]] = []

    def apply(self, payload: bytes) -> None:
        """Take a VALUES payload or a snapshot and tell the followers which objects changed."""
        if not payload:
            return
        try:
            changed = {ref.object for ref in self._table.apply(payload)}
        except ValueError as error:
            log.error("values of %d bytes are malformed: %s", len(payload), error)
            return
        if changed:
            for follower in list(self.followers):
                follower(changed)

    def reset(self) -> None:
        """Another server that is of no group counts its changes afresh: nothing of the old one may look newer."""
        self._table = CellTable()

    def value(self, number: int) -> tuple[Any, Any]:
        """The object's value and the last valid one; invalid and None while it is not known."""
        if not self._table.has(number):
            return Invalid(), None
        cell = self._table.get(Ref(number))
        return (cell.value, cell.last) if isinstance(cell, Cell) else (Invalid(), None)


class Bindings:
    """The bound items of one picture: by object number, and by name of a picture variable."""

    __slots__ = ("_by_object", "_by_variable", "_picture", "_replica")

    def __init__(self, picture: PictureState, objects: dict[str, int], replica: Replica) -> None:
        self._picture, self._replica = picture, replica
        self._by_object: dict[int, list[Item]] = {}
        self._by_variable: dict[str, list[Item]] = {}
        numbers = {name.casefold(): number for name, number in objects.items()}
        for item in picture.items:
            if item.bind and "text" in item.values:
                self._enter(item, numbers.get(item.bind.casefold()))

    def _enter(self, item: Item, number: int | None) -> None:
        if number is not None:
            self._by_object.setdefault(number, []).append(item)
        else:
            self._by_variable.setdefault(item.bind.casefold(), []).append(item)
            self._show(item, Invalid())

    @property
    def objects(self) -> set[int]:
        """Numbers of the objects that are shown."""
        return set(self._by_object)

    def refresh(self, changed: Iterable[int] | None = None) -> None:
        """Show the present values of the objects that changed; None = of all."""
        for number in self._by_object.keys() if changed is None else self._by_object.keys() & set(changed):
            for item in self._by_object[number]:
                self._show(item, *self._replica.value(number))

    def variable(self, name: str, value: Any) -> None:
        """The newest value of a picture variable; one that came with a time stamp shows without it."""
        plain = value.value if isinstance(value, Stamped) else value
        for item in self._by_variable.get(name.casefold(), ()):
            self._show(item, plain)

    def stale(self, *, variables: bool = True) -> None:
        """The way to the server is gone: what stands on the screen is old; picture variables only where the local part is gone too."""
        for items in (*self._by_object.values(), *(self._by_variable.values() if variables else ())):
            for item in items:
                self._picture.put(item, "quality", STALE)

    def _show(self, item: Item, value: Any, last: Any = None) -> None:
        """An invalid value reads `?`; a page shows the last valid one beside it, hatched."""
        invalid = isinstance(value, Invalid)
        self._picture.put(item, "text", "?" if invalid else shown(value, item.decimals))
        self._picture.put(item, "quality", INVALID if invalid else GOOD)
        self._picture.put(item, "last", shown(last, item.decimals) if invalid and last is not None else "")
