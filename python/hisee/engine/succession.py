"""Who held a term last and who alone may take it now: the record that `take_together` and `hand_over` keep, alike in every engine."""

from __future__ import annotations

import msgspec

from hisee.engine.coordinator import Grant, Member, Succession


class Kept(msgspec.Struct, omit_defaults=True):
    """Value of the fact `key(term)`. The heir has until `until_ms` of the engine's clock."""

    node: str = ""
    incarnation: int = 0
    epoch: int = 0
    heir: str = ""
    until_ms: int = 0


def key(term: str) -> str:
    """Of the fact."""
    return f"term/{term}"


def kept_of(text: str | bytes | None) -> Kept:
    return msgspec.json.decode(text, type=Kept) if text else Kept()


def text_of(kept: Kept) -> str:
    return msgspec.json.encode(kept).decode()


def taken(grant: Grant, member: Member) -> Kept:
    """What is kept from now on: whoever takes a term ends the heir's time."""
    return Kept(member.node, member.incarnation, grant.epoch)


def named(kept: Kept, heir: str, until_ms: int) -> Kept:
    return msgspec.structs.replace(kept, heir=heir, until_ms=until_ms)


def may_take(kept: Kept, member: Member, now_ms: int) -> bool:
    return member.node == kept.heir or not _heir(kept, now_ms)


def told(kept: Kept, now_ms: int) -> Succession:
    return Succession(kept.node, kept.incarnation, kept.epoch, _heir(kept, now_ms))


def _heir(kept: Kept, now_ms: int) -> str:
    return kept.heir if now_ms < kept.until_ms else ""
