"""Named locks of the scripts of one process (GETACCESS without PUBLIC). Pure."""

from __future__ import annotations

from typing import NamedTuple


class Holder(NamedTuple):
    """Who holds a lock: its instance and what it says of itself."""

    number: int
    object: str
    note: str


class Locks:
    """Locks by name, in any case. Whoever holds one may ask for it again."""

    def __init__(self) -> None:
        self._held: dict[str, Holder] = {}

    def get(self, name: str, holder: Holder) -> Holder | None:
        """None = granted, else who holds it."""
        found = self._held.setdefault(name.casefold(), holder)
        return None if found.number == holder.number else found

    def release(self, name: str, number: int) -> None:
        """Give it back; one that this instance does not hold stays as it is."""
        if (found := self._held.get(name.casefold())) is not None and found.number == number:
            del self._held[name.casefold()]

    def drop(self, number: int) -> None:
        """The instance has ended: everything that it holds is free."""
        self._held = {name: holder for name, holder in self._held.items() if holder.number != number}

    def rows(self) -> list[tuple[str, Holder]]:
        return sorted(self._held.items())
