"""Questions over a channel: correlation, deadline, and one end for every one of them."""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from hisee.channel.errors import ChannelClosed, ChannelFull, NotSpoken, RequestFailed
from hisee.channel.message import Message
from hisee.channel.payloads import Failed, unpack
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind


class Sender(Protocol):
    """Takes a message on its way: a channel, or whoever knows the way to its target."""

    def send(self, message: Message) -> object: ...


class Requests:
    """The open questions of one process on one channel. Belongs to one loop. Numbers them in `corr` from `first` on."""

    def __init__(self, channel: Sender, *, first: int = 1) -> None:
        self._channel = channel
        self._next = first
        self._open: dict[int, asyncio.Future[Message]] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def ask(self, message: Message, timeout_s: float) -> Message:
        """Send `message` and return its REPLY. Sets corr and wants_answer.

        Raises RequestFailed: with the peer's words, with 21 after `timeout_s`, with 10 when the channel ended or is full.
        """
        loop = asyncio.get_running_loop()
        message.corr, message.wants_answer = self._next, True
        self._next += 1
        future: asyncio.Future[Message] = loop.create_future()
        self._open[message.corr] = future
        timer = loop.call_later(timeout_s, self._expire, message.corr, timeout_s)
        try:
            self._channel.send(message)
            return await future
        except ChannelClosed as fault:
            raise RequestFailed(Err.ERR_TRANS_ABORT, Ext.NO_REASON, fault.text) from fault
        except NotSpoken as fault:
            raise RequestFailed(Err.ERR_NOT_SUPPORTED, Ext.NO_REASON, fault.text) from fault
        except ChannelFull as fault:
            raise RequestFailed(Err.ERR_TRANS_ABORT, Ext.QUEUE_FULL, fault.text) from fault
        finally:
            timer.cancel()
            self._open.pop(message.corr, None)

    def asked(self, corr: int) -> bool:
        """Is this the number of an open question?"""
        return corr in self._open

    def settle(self, message: Message) -> bool:
        """Take a REPLY or FAILED that answers one of ours; False = not one of ours, or its time was over."""
        if message.kind not in (MessageKind.REPLY, MessageKind.FAILED):
            return False
        future = self._open.pop(message.corr, None)
        if future is None:
            return False
        if future.done():
            return True
        if message.kind == MessageKind.REPLY:
            future.set_result(message)
        else:
            future.set_exception(failure(message.payload))
        return True

    def abort(self, reason: str) -> None:
        """End all open questions with 10: the channel is gone."""
        for future in self._open.values():
            if not future.done():
                future.set_exception(RequestFailed(Err.ERR_TRANS_ABORT, Ext.NO_REASON, reason))
        self._open.clear()

    def _expire(self, corr: int, timeout_s: float) -> None:
        future = self._open.pop(corr, None)
        if future is not None and not future.done():
            future.set_exception(RequestFailed(Err.ERR_TIMEOUT, Ext.NO_REASON, f"no answer within {timeout_s:g} s"))


def failure(payload: bytes) -> RequestFailed:
    """The FAILED of a peer as an exception."""
    try:
        failed = unpack(Failed, payload)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return RequestFailed(Err.ERR_UNKNOWN, Ext.UNKNOWN, "the peer's reason cannot be read")
    return RequestFailed(failed.error, failed.extended, failed.text)
