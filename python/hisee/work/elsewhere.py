"""Claims whose work is done in another process: programs on agents, services in Java, events. Belongs to the steward's thread."""

from __future__ import annotations

import logging

from hisee.channel import Message
from hisee.engine.coordinator import Claim, Coordinator, EngineError, LostMember, StaleClaim
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Clock
from hisee.work.event_starts import EventStarts
from hisee.work.monitor import Monitor
from hisee.work.service import ServiceCalls

log = logging.getLogger("hisee.work.elsewhere")
LATER_MS = 1_000  # a claim that cannot be begun now comes again after this time


class Elsewhere:
    """Hands each claim to the part that watches its kind."""

    def __init__(self, engine: Coordinator, clock: Clock, services: ServiceCalls, events: EventStarts, monitor: Monitor) -> None:
        self._engine, self._clock, self._services, self._events, self._monitor = engine, clock, services, events, monitor
        self.active = True  # False = this computer waits: programs and events are watched by the active one

    def __len__(self) -> int:
        return len(self._services) + len(self._events) + len(self._monitor)

    @property
    def shut(self) -> frozenset[str]:
        """Queues from which nothing more should be claimed now: it would only wait here instead of there."""
        return frozenset(name for name, calls in (("java", self._services), ("event", self._events)) if calls.busy)

    def begin(self, claim: Claim) -> None:
        """From now on the claim is watched here. Raises LostMember."""
        try:
            calls = self._events if EventStarts.takes(claim) else self._services
            if Monitor.takes(claim):
                self._monitor.begin(claim)
            elif calls.full:
                self._later(claim, "as many calls as one process watches are under way")
            else:
                calls.begin(claim)
        except StaleClaim:
            log.info("task %d was taken over before it began", claim.id)
        except LostMember:
            raise
        except EngineError as error:
            self._later(claim, str(error))

    def _later(self, claim: Claim, why: str) -> None:
        try:
            self._engine.give_back([claim], why, self._clock.now_ms() + LATER_MS)
        except LostMember:
            raise
        except EngineError as error:  # it stays ours until this process ends
            log.error("task %d can neither begin nor be given back: %s", claim.id, error)

    def takes(self, message: Message) -> Message | bool:
        """True = it was ours; a message is the answer to be sent; False = not ours. Raises LostMember."""
        if message.kind == Kind.JOB_REPORT:
            return self._monitor.report(message)
        return self._events.on_message(message) or self._services.on_message(message)

    def tick(self) -> None:
        """Raises LostMember; an engine that cannot answer is asked again at the next tick."""
        self._services.tick()
        self._events.tick()
        if not self.active:
            self._monitor.hand_on()
            self._events.hand_on()
        self._monitor.tick()

    def close(self) -> None:
        self._monitor.close()
