"""What a work process currently is, and the queues that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hisee.engine import rules
from hisee.engine.coordinator import PRIMARY, Member, TermRow
from hisee.schema.queues import ROWS


class View(NamedTuple):
    """As the steward saw it last; an old view costs nothing but an empty claim, the engine checks again."""

    mode: str = "WP"
    terms: frozenset[str] = frozenset()
    dialog: bool = False  # a dialog work process takes work somewhere; one of a computer that waits takes none
    active: bool = True  # False = its computer is not the active one: it waits
    shut: frozenset[str] = frozenset()  # queues whose work is done elsewhere, where no more is taken just now

    @property
    def kind(self) -> str:
        """As the overview names it (R95)."""
        return "NWP" if not self.active else "PWP" if PRIMARY in self.terms else self.mode

    @property
    def queues(self) -> tuple[str, ...]:
        """In the order in which they are looked at (R106-R108); requests of users go to plain ones while there is no other."""
        rows = [row for row in ROWS if self.active
                and self._looks_at(row.name, row.mode) and (not row.term or row.term in self.terms) and row.name not in self.shut]
        return tuple(row.name for row in sorted(rows, key=lambda row: (row.rank, row.number)))

    @property
    def own(self) -> tuple[str, ...]:
        """Those of a term: they go before everything else, also in the middle of a batch."""
        owned = {row.name for row in ROWS if row.term}
        return tuple(name for name in self.queues if name in owned)

    def _looks_at(self, name: str, mode: str) -> bool:
        return mode == self.mode or (name == "dialog" and self.mode == "WP" and not self.dialog)


def view_of(member: Member, members: Sequence[Member], terms: Mapping[str, TermRow]) -> View:
    """Raises nothing: a member that is in no list any more sees no terms."""
    mine = frozenset(row.term for row in terms.values() if row.holder == member.incarnation)
    mode = next((m.mode for m in members if m.incarnation == member.incarnation), member.mode)
    works = rules.active_node(members, terms)
    dialog = any(m.mode == "DWP" and not m.ended_ms and works in (None, m.node) for m in members)
    return View(mode, mine, dialog, works in (None, member.node))
