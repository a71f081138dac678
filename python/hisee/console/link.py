"""A channel as a console uses it: messages out that may be lost with the channel, questions with deadlines, messages in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, Requests

log = logging.getLogger("hisee.console")


class ChannelLink:
    """`take` gets every message that is no answer to a question of ours; `lost` is called once, never after `close`."""

    def __init__(self, channel: Channel, take: Callable[[Message], None], lost: Callable[[str], None]) -> None:
        self.channel = channel
        self._take, self._lost = take, lost
        self._requests = Requests(channel)
        self._closed = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self.channel.attach(loop, self._received, self._ended)

    def send(self, message: Message) -> None:
        """A channel that ended reports so by itself; what is sent meanwhile is gone."""
        try:
            self.channel.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("message of kind %#06x not sent: %s", message.kind, error)

    async def ask(self, message: Message, timeout_s: float) -> Message:
        return await self._requests.ask(message, timeout_s)

    def close(self, reason: str) -> None:
        self._closed = True
        self._requests.abort(reason)
        self.channel.close(reason)

    def _received(self, message: Message) -> None:
        if not self._requests.settle(message):
            self._take(message)

    def _ended(self, reason: str) -> None:
        self._requests.abort(f"the other side is gone: {reason}")
        if not self._closed:
            self._lost(reason)
