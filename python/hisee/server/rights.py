"""One question for every entrance: may this user do that to this object? Grants come from app.toml; what is not granted is refused."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence

USER = "local"  # the only user until logons of people exist: whoever owns the data directory


class Rights:
    """Grants by user: `*`, an action, or `action:mask` over object names in any case (`set:U.*`)."""

    def __init__(self, granted: Mapping[str, Sequence[str]]) -> None:
        self._granted = {user: tuple(grant.casefold() for grant in grants) for user, grants in granted.items()}

    def everything(self, user: str) -> bool:
        """Saves the caller looking up a name."""
        return "*" in self._granted.get(user, ())

    def allow(self, user: str, action: str, name: str = "") -> bool:
        """`action` of the rights table, `name` of the object; "" = the system itself."""
        if self.everything(user):
            return True
        return any(self._fits(grant, action, name.casefold()) for grant in self._granted.get(user, ()))

    @staticmethod
    def _fits(grant: str, action: str, name: str) -> bool:
        wanted, colon, mask = grant.partition(":")
        return wanted in (action, "*") and (not colon or fnmatch.fnmatchcase(name, mask))
