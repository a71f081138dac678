"""What many instances of one host have in common is there once: limits, world, names, facts about units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from hisee._core.vm import Setting, Unit
from hisee.script import containers, references
from hisee.script.variables import Variables
from hisee.values import Type

T = TypeVar("T")


class Shared:
    """Of the instances of one engine, whose scripts share a `world`."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._settings: list[tuple[dict[str, int], Setting]] = []
        self._ones: dict[Any, Any] = {}
        self._handles: dict[Unit, dict[int, list[int]]] = {}
        self._aliases: dict[Unit, dict[int, dict[int, list[Type]]]] = {}
        self._no_variables = Variables([], None, owner=True)

    def one(self, value: T) -> T:
        """An equal value, always the same."""
        found: T = self._ones.setdefault(value, value)
        return found

    def setting(self, limits: dict[str, int]) -> tuple[dict[str, int], Setting]:
        """These limits and the setting of scripts under them. A host sees few different ones, so they are compared."""
        for known in self._settings:
            if known[0] is limits or known[0] == limits:
                return known
        self._settings.append((limits, Setting(limits, self._world)))
        return self._settings[-1]

    def handles(self, unit: Unit) -> dict[int, list[int]]:
        """Procedure -> positions of its CNT_HANDLE parameters."""
        if unit not in self._handles:
            self._handles[unit] = containers.places(unit)
        return self._handles[unit]

    def aliases(self, unit: Unit) -> dict[int, dict[int, list[Type]]]:
        """Procedure -> position of each typed ALIAS parameter -> types of its columns."""
        if unit not in self._aliases:
            self._aliases[unit] = references.typed(unit)
        return self._aliases[unit]

    def variables(self, declared: Sequence[Sequence[str]], unit: Unit, *, owner: bool, console: int) -> Variables:
        """Of an instance: the one empty replica of all that have and read none."""
        if not declared and not unit.variables:
            return self._no_variables
        return Variables(declared, unit, owner=owner, console=console)
