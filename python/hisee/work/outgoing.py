"""The outbox leaves for the server: values, log lines, notifications; further receivers register by name. Belongs to the steward's thread.

One process at a time sends, the primary, and one row after the other: the last value of an object stays the last one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from hisee.channel import RequestFailed
from hisee.channel.payloads import LogWrite, Payload, ValueSet
from hisee.engine.coordinator import OutboxRow
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.work.relay import NotAnswered, NoTarget, Relay

log = logging.getLogger("hisee.work.outgoing")
Sender = Callable[[OutboxRow], Awaitable[None]]
NOTICE, LINE, ALARM = 3, 2, 1  # priorities of log lines


class Outgoing:
    """`senders` by target: a coroutine that returns once the receiver has the row; NotAnswered = send it again later."""

    def __init__(self, relay: Relay, ask: Callable[..., Awaitable[bytes]], now_ms: Callable[[], int]) -> None:
        self._relay, self._ask, self._now_ms = relay, ask, now_ms
        self.sent = 0
        self.stuck = False  # a row was not answered: it has to be sent again
        self.senders: dict[str, Sender] = {"value": self._value, "log": self._line, "notify": self._notice}

    async def round(self) -> int:
        """Send what there is; stops at the first row that is not answered, so that none passes it. How many were answered."""
        count, self.stuck = 0, False
        for row in self._relay.rows():
            if not await self._leave(row):
                self.stuck = True
                break
            count += 1
        self._relay.release()
        self.sent += count
        return count

    async def _leave(self, row: OutboxRow) -> bool:
        """False = not answered."""
        sender = self.senders.get(row.target)
        try:
            if sender is None:
                raise NoTarget(f"there are {', '.join(self.senders)}")
            await sender(row)
            self._relay.answered(row)
        except NoTarget as error:
            self._relay.unknown(row, str(error))
        except NotAnswered as error:
            log.warning("outbox row %s: %s", row.key, error)
            return False
        return True

    async def _request(self, row: OutboxRow, kind: Kind, payload: Payload, lane: int) -> None:
        """A refusal is an answer too: the receiver has decided, and a person is told."""
        try:
            await self._ask(kind, payload, lane=lane)
        except RequestFailed as failed:
            if failed.error in (Err.ERR_TRANS_ABORT, Err.ERR_TIMEOUT):
                raise NotAnswered(str(failed)) from failed
            log.error("outbox row %s: %s refused: %s", row.key, row.target, failed)

    async def _value(self, row: OutboxRow) -> None:
        payload = ValueSet(name=str(row.payload.get("name", "")), value=row.payload.get("value"), key=row.key)
        await self._request(row, Kind.VALUE_SET, payload, Lane.SCRIPT)

    async def _line(self, row: OutboxRow) -> None:
        await self._request(row, Kind.LOG_WRITE, self._entry(row, LINE), Lane.CONTROL)

    async def _notice(self, row: OutboxRow) -> None:
        await self._request(row, Kind.LOG_WRITE, self._entry(row, NOTICE), Lane.CONTROL)

    def _entry(self, row: OutboxRow, priority: int) -> LogWrite:
        return LogWrite(script=f"task {row.task}", text=text_of(row.payload), priority=int(row.payload.get("priority", priority)),
                        time_ms=self._now_ms(), key=row.key)


def text_of(payload: dict[str, Any]) -> str:
    """`text` of the payload with its subject before it, or all of it."""
    subject, text = payload.get("subject", ""), payload.get("text", "")
    return f"{subject}: {text}" if subject and text else str(text or subject or payload)
