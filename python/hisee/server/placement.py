"""Which SES starts the next SEE: the one with the fewest running and starting; tie: the one logged on longest (R20-R23)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hisee.server.registry import Process


def choose_ses(candidates: Iterable[Process], load: Mapping[int, int], tried: Iterable[int] = ()) -> Process | None:
    """The SES for the next start. `load` = SEEs running or starting by SES number; `tried` are left out (R26)."""
    left = [p for p in candidates if p.number not in set(tried)]
    if not left:
        return None
    return min(left, key=lambda p: (load.get(p.number, 0), p.logon_order))
