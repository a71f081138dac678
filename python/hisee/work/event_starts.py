"""Tasks that are durable starts of events: asked of the server, which runs the event, until one run has ended.

As a service of a Java work process, with other rules for what is not begun: an event whose event handler does not run waits without end,
and what a server that is hot no more gave up is left to the work processes of the other one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import msgspec

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import EventTask, JobNumber, pack
from hisee.channel.requests import failure
from hisee.engine.coordinator import Claim, Coordinator, EngineError, LostMember, Outcome
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.task_states import ROWS as STATES
from hisee.seams import Clock
from hisee.work.service import FIRST_CORR, NOT_BEGUN, Call, ServiceCalls, log

PREFIX = "event."
ENDED = {row.name for row in STATES if row.ended}
AWAY_MS = 1_000  # before a task that another server has to run is claimed again


class Given(msgspec.Struct):
    """Arguments of such a task, as the server or a client put them."""

    priority: int = 3
    names: list[str] = []
    given: str = ""  # base64


class EventStarts(ServiceCalls):
    """The durable starts that one work process watches."""

    first_corr = 2 * FIRST_CORR
    wait_ns = float("inf")

    def __init__(self, engine: Coordinator, send: Callable[[Message], bool], clock: Clock) -> None:
        super().__init__(engine, send, clock)
        self._runs: dict[int, int] = {}  # by task: how often it ended before

    @staticmethod
    def takes(claim: Claim) -> bool:
        return claim.func.startswith(PREFIX)

    def begin(self, claim: Claim) -> None:
        row = self._engine.task(claim.id)  # an operator's retry is a start of its own
        self._runs[claim.id] = sum(step.get("state") in ENDED for step in row.steps) if row is not None else 0
        super().begin(claim)

    def _request(self, call: Call) -> Message:
        claim = call.claim
        given = msgspec.convert(claim.args, Given)
        task = EventTask(task=claim.id, run=self._runs[claim.id], event=claim.func.removeprefix(PREFIX), priority=given.priority,
                         names=given.names, given=base64.b64decode(given.given, validate=True))
        return Message(kind=Kind.EVENT_TASK, lane=Lane.SCRIPT, corr=call.corr, payload=pack(task), wants_answer=True)

    def _ask(self, call: Call) -> None:
        try:
            super()._ask(call)
        except (msgspec.ValidationError, binascii.Error) as error:
            self._end(call, Outcome(status="not ok", text=f"arguments of {call.claim.func}: {error}"))

    def _cancel(self, call: Call) -> None:
        """Also while the start waits for a place."""
        if call.corr:
            self._send(Message(kind=Kind.EVENT_TASK_STOP, lane=Lane.SCRIPT, payload=pack(JobNumber(job=call.claim.id))))

    def _answered(self, call: Call, message: Message) -> None:
        failed = failure(message.payload) if message.kind == Kind.FAILED else None
        if failed is not None and failed.extended == Ext.STANDBY:
            self._give_back(call, failed.text)
        elif failed is not None and not call.target and not_begun(failed):
            self._later(call, failed.text)
        else:
            super()._answered(call, message)

    def hand_on(self) -> None:
        """This computer is not the active one any more: the events run at the other server."""
        for call in list(self._calls.values()):
            self._give_back(call, "another computer is active")

    def _give_back(self, call: Call, why: str) -> None:
        try:
            self._engine.give_back([call.claim], why, self._clock.now_ms() + AWAY_MS)
        except LostMember:
            raise
        except EngineError as error:
            log.warning("task %d not given back: %s", call.claim.id, error)
        else:
            self._forget(call)

    def _forget(self, call: Call) -> None:
        super()._forget(call)
        self._runs.pop(call.claim.id, None)


def not_begun(failed: RequestFailed) -> bool:
    """It will run later: here, or at a server that knows the request (an earlier release does not)."""
    return failed.extended in (*NOT_BEGUN, Ext.PROCESS_RESTARTED) or failed.error == Err.ERR_NOT_SUPPORTED
