"""Handles of one script instance: numbers above 0 for things that live outside it, given back when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hisee.schema.errors import Err
from hisee.script.functions.registry import Raised

T = TypeVar("T")


class Handles:
    """Numbers are never used twice. `most` things may be open at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._next = 0
        self._open: dict[int, object] = {}
        self._enders: dict[int, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, thing: object, end: Callable[[], None] | None = None) -> int:
        """A number for `thing`; `end` gives it back. Raises _ERR_RANGE_ERROR when too many are open."""
        if len(self._open) >= self._most:
            raise Raised(Err.ERR_RANGE_ERROR, f"{self._most} handles are open, the limit `handles`; free some")
        self._next += 1
        self._open[self._next] = thing
        if end is not None:
            self._enders[self._next] = end
        return self._next

    def get(self, number: int, kind: type[T]) -> T:
        """What an open handle stands for; raises _ERR_NO_DATA for a number that is none of this kind."""
        thing = self._open.get(number)
        if not isinstance(thing, kind):
            raise Raised(Err.ERR_NO_DATA, f"{number} is no open handle of this kind")
        return thing

    def close(self, number: int, kind: type[object]) -> None:
        """Raises _ERR_NO_DATA like `get`."""
        self.get(number, kind)
        del self._open[number]
        end = self._enders.pop(number, None)
        if end is not None:
            end()

    def all(self, kind: type[T]) -> list[T]:
        return [thing for thing in self._open.values() if isinstance(thing, kind)]

    def close_all(self) -> None:
        enders, self._enders = self._enders, {}
        self._open.clear()
        for end in enders.values():
            end()
