"""How long a member may still act: the age of its last renewal, measured on its own monotonic clock."""

from __future__ import annotations

from hisee.schema.timers import BY_NAME
from hisee.seams import Clock

MS = 1_000_000


class Lease:
    """One per member, shared by its threads: the steward renews, everybody else asks.

    A renewal counts from the moment before it was *sent*: the engine cannot have seen it earlier.
    """

    def __init__(self, clock: Clock, *, lease_ms: int = BY_NAME["lease"].ms, margin_ms: int = BY_NAME["lease_margin"].ms) -> None:
        self._clock = clock
        self._good_ns = (lease_ms - margin_ms) * MS
        self._renewed_ns = clock.monotonic_ns()

    def begin(self) -> int:
        """The time to hand to `renewed` once the engine has answered."""
        return self._clock.monotonic_ns()

    def renewed(self, began_ns: int) -> None:
        self._renewed_ns = max(self._renewed_ns, began_ns)

    def good(self) -> bool:
        """False = nobody may claim, begin or finish anything until the next renewal."""
        return self._clock.monotonic_ns() - self._renewed_ns < self._good_ns
