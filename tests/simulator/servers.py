"""The servers of a group in a simulated system: `node.active` goes from one computer to the other, and is nobody's in between.

With numbers of its own, so that a seed without a group is the run that it always was.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hisee.engine.coordinator import ACTIVE, Candidate, Grant, LostMember, Member
from hisee.engine.rules import active_node

if TYPE_CHECKING:
    from simulator.world import World

HOT, NODES = "hs.plant", ("SRV1", "SRV2")
FIRST = 1 << 40  # incarnations of servers


class Servers:
    """`group` False = there is none, and every computer works."""

    def __init__(self, world: World) -> None:
        self._world, self._rng = world, random.Random(f"servers {world.seed}")
        self.group = self._rng.random() < 0.3
        self.moves = True  # until the world heals
        self._joined = 0
        self._members: dict[str, Member] = {}
        self._grants: tuple[Grant, ...] | None = None
        if self.group:
            world.raw.expect(ACTIVE)

    @property
    def active(self) -> str | None:
        """The computer that works; "" = none at this moment, None = all."""
        return active_node(self._world.raw.members(), self._world.raw.terms()) if self.group else None

    def works(self, node: str) -> bool:
        return self.active in (None, node)

    def node(self) -> str:
        """Of a work process that starts; there is always one where it is needed."""
        if not self.group:
            return NODES[0]
        active = self.active
        if active and not any(hand.member.node == active for hand in self._world.hands):
            return active
        return self._rng.choice(NODES)

    def lacking(self) -> bool:
        """The active computer has no work process."""
        return bool(self.active) and not any(hand.member.node == self.active for hand in self._world.hands)

    def tick(self) -> None:
        if self.group:
            for node in NODES:
                self._renew(node)
            self._move()

    def _renew(self, node: str) -> None:
        """A server that was buried, by a sleep of the whole computer too, joins anew."""
        try:
            self._world.raw.beat(self._members[node])
        except (KeyError, LostMember):
            self._joined += 1
            incarnation = FIRST + self._joined
            self._members[node] = self._world.raw.join(Candidate(kind="KNL", node=node, host="h", pid=incarnation, birth=1,
                                                                 incarnation=incarnation))

    def _move(self) -> None:
        holder = self._world.raw.terms()[ACTIVE].holder
        if not holder:
            if not self.moves or self._rng.random() < 0.5:
                self._grants = self._world.raw.take_together([HOT, ACTIVE], self._members[self._rng.choice(NODES)])
        elif self.moves and self._rng.random() < 0.08:
            self._world.faults["move"] += 1
            self._lose(holder)

    def _lose(self, holder: int) -> None:
        """By order or by death."""
        if self._grants is not None and self._rng.random() < 0.5:
            self._world.raw.hand_over(self._grants, self._rng.choice(NODES), 1_000)
        else:
            self._world.engine.killed(holder)
            self._world.raw.bury(holder, "process ended")
