"""What a script may know of the world, given to the VM: time, monotonic milliseconds, random numbers, time zones."""

from __future__ import annotations

from functools import lru_cache

from hisee._core.library import Zone
from hisee.seams import Seams
from hisee.zones import tzif


@lru_cache(maxsize=256)
def zone(name: str) -> Zone | None:
    """The zone of that name; None when there is none."""
    data = tzif(name)
    return None if data is None else Zone(name, data)


class World:
    """The `world` of hisee._core.vm.Script over the seams of the process; `zone_name` is the system's local zone."""

    def __init__(self, seams: Seams, zone_name: str) -> None:
        self._seams = seams
        self._origin_ns = seams.clock.monotonic_ns()
        self.zone = zone(zone_name)

    def now_ms(self) -> int:
        return self._seams.clock.now_ms()

    def tick_ms(self) -> float:
        return (self._seams.clock.monotonic_ns() - self._origin_ns) / 1e6

    def random(self) -> int:
        return self._seams.rng.below(1 << 64)

    def find_zone(self, name: str) -> Zone | None:
        return zone(name)
