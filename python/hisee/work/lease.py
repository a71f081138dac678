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
        self._lease_ns, self._good_ns = lease_ms * MS, (lease_ms - margin_ms) * MS
        self._renewed_ns = clock.monotonic_ns()
        self._silent_ns = 0  # when the last silence of this member itself ended; 0 = there was none

    def begin(self) -> int:
        """The time to hand to `renewed` once the engine has answered."""
        return self._clock.monotonic_ns()

    def renewed(self, began_ns: int) -> None:
        if began_ns - self._renewed_ns >= self._good_ns:
            self._silent_ns = began_ns
        self._renewed_ns = max(self._renewed_ns, began_ns)

    def judges(self) -> bool:
        """False for one lease after a silence of its own: what silenced it (a computer that slept) may have silenced the others
        too, and they get the time to come back as well."""
        return not self._silent_ns or self._clock.monotonic_ns() - self._silent_ns >= self._lease_ns

    def good(self) -> bool:
        """False = nobody may claim, begin or finish anything until the next renewal."""
        return self._clock.monotonic_ns() - self._renewed_ns < self._good_ns
