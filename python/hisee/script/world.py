"""What a script may know of the world, given to the VM: time, monotonic milliseconds, random numbers, local zone."""

from __future__ import annotations

from hisee.seams import Seams


class World:
    """The `world` of hisee._core.vm.Script over the seams of the process."""

    def __init__(self, seams: Seams) -> None:
        self._seams = seams
        self._origin_ns = seams.clock.monotonic_ns()

    def now_ms(self) -> int:
        return self._seams.clock.now_ms()

    def tick_ms(self) -> float:
        return (self._seams.clock.monotonic_ns() - self._origin_ns) / 1e6

    def random(self) -> int:
        return self._seams.rng.below(1 << 64)
