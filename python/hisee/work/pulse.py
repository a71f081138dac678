"""The lease is renewed at each round of the steward, and by a thread that does nothing else when the steward is late: whoever waits
for its turn to write is not dead.

The thread stops when the steward has not gone round for long: a process whose duties hang shall lose its lease.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from hisee.engine.coordinator import Coordinator, EngineError, LostMember, Member
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock
from hisee.work.lease import Lease

log = logging.getLogger("hisee.work.pulse")
RENEW_S = TIMERS["lease_renew"].ms / 1000
LATE_NS = TIMERS["lease_renew"].ms * 1_500_000
HANGS_NS = 2 * TIMERS["kill"].ms * 1_000_000  # twice what one that stands still may keep the others from writing


class Pulse:
    """Has a Coordinator of its own: one belongs to one thread. `lost(why)` is called once when the membership is gone."""

    def __init__(self, open_own: Callable[[], Coordinator], member: Member, lease: Lease, clock: Clock,
                 lost: Callable[[str], None]) -> None:
        self._open, self._member, self._lease, self._clock, self._lost = open_own, member, lease, clock, lost
        self._ended = threading.Event()
        self._round_ns = clock.monotonic_ns()
        self._thread = threading.Thread(target=self._run, name=f"{member.name}.pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def went_round(self, engine: Coordinator) -> None:
        """The steward lives; with its engine it renews, too. Raises LostMember, EngineError."""
        self._round_ns = self._clock.monotonic_ns()
        renew(engine, self._member, self._lease)

    def close(self) -> None:
        """Idempotent; also without a start."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        trouble = ""
        engine = self._open()
        try:
            while not self._ended.wait(RENEW_S if self._late() else 2 * RENEW_S):
                try:
                    if not self._hangs():
                        renew(engine, self._member, self._lease)
                    trouble = ""
                except LostMember:
                    raise
                except EngineError as error:
                    if trouble != str(error):
                        trouble = str(error)
                        log.warning("the lease is not renewed: %s", trouble)
        except LostMember as error:
            self._lost(str(error))
        finally:
            engine.close()

    def _late(self) -> bool:
        return self._clock.monotonic_ns() - self._round_ns > LATE_NS

    def _hangs(self) -> bool:
        return self._clock.monotonic_ns() - self._round_ns > HANGS_NS


def renew(engine: Coordinator, member: Member, lease: Lease) -> None:
    """One renewal; it counts from before it was sent. Raises LostMember."""
    began = lease.begin()
    engine.beat(member)
    lease.renewed(began)
