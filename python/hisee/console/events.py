"""Picture events: which handler of which part an event goes to. Pure: names in, deliveries out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hisee.schema import events

LOCAL, REMOTE = "L", "R"


@dataclass(frozen=True)
class Delivery:
    """One handler that an event calls: its part, its name as declared, and whether it is the special form."""

    part: str
    event: str
    handler: str
    special: bool

    @property
    def with_reference(self) -> bool:
        """Does the handler take the number of the object as its first parameter?"""
        return not self.special and has_reference(self.event)


class Handlers:
    """The handlers of both parts of an opened object, found as the language compares names: without regard to case."""

    def __init__(self, handlers: dict[str, list[str]]) -> None:
        self._by_part = {part: {name.casefold(): name for name in names} for part, names in handlers.items()}

    def of(self, part: str, event: str, item: str = "") -> Delivery | None:
        """The special handler `Item_OnEvent` of this part wins over its global `OnEvent`."""
        names = self._by_part.get(part, {})
        special = names.get(f"{item}_{event}".casefold()) if item else None
        if special is not None:
            return Delivery(part, event, special, True)
        plain = names.get(event.casefold())
        return Delivery(part, event, plain, False) if plain is not None else None

    def ordinary(self, event: str, item: str = "") -> list[Delivery]:
        """Every part that handles the event, the local one first."""
        parts = (LOCAL,) if events.BY_NAME[event].local else (LOCAL, REMOTE)
        return [found for part in parts if (found := self.of(part, event, item)) is not None]

    def synchronous(self, event: str, item: str = "") -> Delivery | None:
        """The one part that answers; the save gate saw to it that there are not two."""
        return next(iter(self.ordinary(event, item)), None)

    def has(self, part: str) -> bool:
        return part in self._by_part


def has_reference(event: str) -> bool:
    """Does the global form of the event start with the number of the object?"""
    parameters: Iterable[tuple[str, str, str]] = events.BY_NAME[event].parameters
    return next(iter(parameters), ("",))[0] == "_refId"
