"""Where a server stands in its group: hot, standby, or on its way. Pure: it is told what the engine database says and what was ordered,
and asked what to do and what may be acknowledged. The clock is handed in; it must go on while the computer sleeps (CLOCK_BOOTTIME).

One rule makes it safe: a server acts until *send time of the last renewal that was answered* + lease - margin. Nobody else gets the term
before the lease is over by the database's clock, which saw that renewal later than it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hisee.schema.server_states import BY_NAME as STATES
from hisee.schema.server_states import ServerStateIdRow
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock

MS = 1_000_000


class Times(NamedTuple):
    """Milliseconds."""

    lease: int = TIMERS["lease"].ms
    margin: int = TIMERS["lease_margin"].ms
    election: int = TIMERS["election"].ms


@dataclass(frozen=True, slots=True)
class View:
    """What the engine database says at one instant about the term of the group."""

    epoch: int = 0  # of the term; 0 = nobody ever took it
    holder: str = ""  # node; "" = it is free
    heir: str = ""  # node that alone may take it now
    silent: bool = False  # it is free because its holder fell silent: nobody has proved its death
    candidates: Mapping[str, int] = field(default_factory=dict)  # priorities of the living servers by node, this one too


class Standing:
    """Of one server. Belongs to one thread, except `acknowledges`, which any thread may ask."""

    def __init__(self, clock: Clock, node: str, servers: Mapping[str, int], *, witness: bool, times: Times | None = None) -> None:
        """`servers`: priorities by node as configured; `witness`: silence may be taken for death."""
        self._clock, self.node, self._witness, self._times = clock, node, witness, times or Times()
        self._wrong = node not in servers
        self._priority = servers.get(node, 0)
        self.view = View()
        self._seen_ns: int | None = None  # when the view was asked for
        self._free_ns: int | None = None  # since when nobody holds the term, as far as seen here
        self.epoch = 0  # of the grant; 0 = none
        self._until_ns = 0  # what the grant is good for
        self._ready = False
        self.heir = ""  # the node to which it hands over
        self._promoted = False  # ordered to take the term whatever its priority and the silence of others
        self._follows = ""  # the node it has a session with
        self._synchronized = False

    # -- what is told

    def saw(self, view: View, began_ns: int) -> None:
        """The engine answered a look that was sent at `began_ns`."""
        self.view, self._seen_ns = view, began_ns
        if view.holder:
            self._free_ns = None
        elif self._free_ns is None:
            self._free_ns = began_ns

    def took(self, epoch: int, began_ns: int) -> None:
        """The term is this server's, by a commit that was sent at `began_ns`."""
        self.epoch, self._ready, self._promoted, self.heir = epoch, False, False, ""
        self._until_ns = 0
        self.renewed(began_ns)

    def renewed(self, began_ns: int) -> None:
        """A renewal that was sent at `began_ns` was answered, and the term is still this server's."""
        if self.epoch:
            self._until_ns = max(self._until_ns, began_ns + (self._times.lease - self._times.margin) * MS)

    def lost(self) -> None:
        """The term is another's, or nobody's: dropped, or taken away."""
        self.epoch, self._until_ns, self._ready, self.heir = 0, 0, False, ""

    def doubt(self) -> None:
        """Whether the term is still this server's is not known before the next renewal."""
        self._until_ns = 0

    def ready(self) -> None:
        """What a hot server needs is in place: from now on it acknowledges."""
        self._ready = self.epoch > 0

    def follows(self, node: str, *, synchronized: bool) -> None:
        """The session with a hot server: "" = there is none."""
        self._follows, self._synchronized = node, bool(node) and synchronized

    # -- what is ordered

    def hand_over(self, heir: str) -> None:
        """Acknowledge nothing more: the term goes to `heir` once everything is settled. "" = it stays here after all."""
        self.heir = heir if self.epoch else ""

    def promote(self, on: bool = True) -> None:
        """An operator decides what no witness can tell."""
        self._promoted = on and not self.epoch

    # -- what is asked

    def acknowledges(self) -> bool:
        """May this server say at this moment that something is done?"""
        return not self.heir and self.settles()

    def settles(self) -> bool:
        """May it still say that what it took is done? An ordered hand-over takes nothing new, and ends what is open before it drops."""
        return self._ready and self._clock.monotonic_ns() < self._until_ns

    def holds(self) -> bool:
        """Is the term certainly this server's at this moment? What it acknowledged before a hand-over may still be settled."""
        return self.epoch > 0 and self._clock.monotonic_ns() < self._until_ns

    def now_ns(self) -> int:
        return self._clock.monotonic_ns()

    def renewed_after(self, at_ns: int) -> bool:
        """Was a renewal answered that was sent after this instant? Then nobody else was hot at it."""
        return self.epoch > 0 and self._until_ns >= at_ns + (self._times.lease - self._times.margin) * MS

    def wants_the_term(self) -> bool:
        """Is it time to try to take it?"""
        if self._wrong or self.epoch or self._seen_ns is None or self.view.holder:
            return False
        if self.view.heir:
            return self.view.heir == self.node
        if self._promoted:
            return True
        if not self._priority or (self.view.silent and not self._witness):
            return False
        return self._is_first() or self._election_is_over()

    def _is_first(self) -> bool:
        """The one with the highest priority of those that live; of equal ones the first by name."""
        rivals = [(-priority, node) for node, priority in self.view.candidates.items() if priority and node != self.node]
        return not rivals or (-self._priority, self.node) < min(rivals)

    def _election_is_over(self) -> bool:
        return self._free_ns is not None and self._clock.monotonic_ns() - self._free_ns >= self._times.election * MS

    @property
    def state(self) -> ServerStateIdRow:
        """Row of the table server_states."""
        return STATES[self._name()]

    @property
    def hot(self) -> str:
        """Node of the hot server, as far as this one knows; "" = nobody is."""
        return self.node if self.epoch else self.view.holder

    def _name(self) -> str:
        if self._wrong:
            return "wrong"
        if self.epoch:
            return self._name_of_the_holder()
        if self._follows and self._follows == self.view.holder:
            return "standby" if self._synchronized else "synchronizing"
        if self._seen_ns is None or self._clock.monotonic_ns() - self._seen_ns >= self._times.lease * MS:
            return "cut off"
        return "waiting for the hot server" if self.view.holder else "election"

    def _name_of_the_holder(self) -> str:
        if not self.holds():
            return "cut off"
        if self.heir:
            return "switching to standby"
        return "hot" if self._ready else "switching to hot"
