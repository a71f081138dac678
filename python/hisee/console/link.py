"""A channel as a console uses it: messages out that may be lost with the channel, questions with deadlines, messages in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, Requests
from hisee.channel.payloads import Shape
from hisee.channel.trace import Trace
from hisee.schema.messages import MessageKind as Kind

log = logging.getLogger("hisee.console")


class ChannelLink:
    """`take` gets every message that is no answer to a question of ours; `lost` is called once, never after `close`.

    With a `trace` the heads of all messages are recorded.
    """

    def __init__(self, channel: Channel, take: Callable[[Message], None], lost: Callable[[str], None], trace: Trace | None = None) -> None:
        self.channel = channel
        self._take, self._lost, self._trace = take, lost, trace
        self._requests = Requests(channel)
        self._closed = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self.channel.attach(loop, self._received, self._ended)

    def send(self, message: Message) -> bool:
        """A channel that ended reports so by itself; what is sent meanwhile is gone: False."""
        self._note("out", message)
        try:
            self.channel.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("message of kind %#06x not sent: %s", message.kind, error)
            return False
        return True

    async def ask(self, message: Message, timeout_s: float) -> Message:
        self._note("out", message)
        return await self._requests.ask(message, timeout_s)

    def close(self, reason: str) -> None:
        self._closed = True
        self._requests.abort(reason)
        self.channel.close(reason)

    def reshape(self, shape: Shape) -> bool:
        """Another delay, jitter and rate from the next byte on; False when this link is not shaped."""
        if self.channel.shape is None:
            return False
        self.channel.shape.set(rtt_ms=shape.rtt_ms, jitter_ms=shape.jitter_ms, kbit_s=int(shape.kbit_s))
        return True

    def crossed(self, about: set[int], since_ns: int) -> list[dict[str, Any]]:
        """Recorded messages from, to or about these numbers."""
        return self._trace.rows(about, since_ns) if self._trace is not None else []

    def _note(self, direction: str, message: Message) -> None:
        if self._trace is not None:
            self._trace.note(direction, message)

    def _received(self, message: Message) -> None:
        self._note("in", message)
        answer = message.kind in (Kind.REPLY, Kind.FAILED)
        if not self._requests.settle(message) and not answer:  # an answer to nobody came after its deadline
            self._take(message)

    def _ended(self, reason: str) -> None:
        self._requests.abort(f"the other side is gone: {reason}")
        if not self._closed:
            self._lost(reason)
