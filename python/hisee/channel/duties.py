"""What every process does on its link to the server beside its own work: answers COMMAND, sends LOAD, keeps a trace on request."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from hisee import process
from hisee.channel.channel import Channel
from hisee.channel.direct import Direct
from hisee.channel.errors import ChannelClosed, ChannelFull
from hisee.channel.message import Message
from hisee.channel.payloads import Command, CommandResult, Failed, Load, pack, unpack
from hisee.channel.spoken import kind_name
from hisee.commands import Commands, Result
from hisee.load import busy_ns, memory_bytes
from hisee.schema.errors import Err
from hisee.schema.messages import BY_NUMBER as MESSAGES
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.channel")
HEARTBEAT_S = TIMERS["heartbeat"].ms / 1000
KNL = 1


class Out(Protocol):
    """Whatever takes messages for the server: a Channel, or an object around one."""

    def send(self, message: Message) -> object: ...


# -- commands


def ordered(message: Message) -> str:
    """The text of a COMMAND; "" when it cannot be read."""
    try:
        return unpack(Command, message.payload).command
    except (msgspec.ValidationError, msgspec.DecodeError):
        return ""


def result_message(request: Message, result: Result) -> Message:
    payload = CommandResult(result=result.result, text=result.text, error=int(result.error))
    return Message(kind=Kind.REPLY, lane=request.lane, source=request.target, target=request.source, corr=request.corr,
                   payload=pack(payload))


def answer_now(request: Message, commands: Commands) -> Message:
    """Carry out a COMMAND at once: for a process without an event loop."""
    return result_message(request, commands.carry_out_now(ordered(request)))


def answer_unknown(request: Message, out: Out) -> None:
    """A message of a kind that this process does not know, perhaps of a later release: whoever asks is told, the link goes on."""
    level = logging.DEBUG if request.kind in MESSAGES else logging.INFO  # many know a kind and have no use for it
    log.log(level, "%s of %d dropped: it is not for this process", kind_name(request.kind), request.source)
    if not request.wants_answer:
        return
    failed = Failed(error=Err.ERR_NOT_SUPPORTED, text=f"the process knows no {kind_name(request.kind)}; is it of an older release?")
    with suppress(ChannelClosed, ChannelFull):  # whoever asked sees that this process is gone
        out.send(Message(kind=Kind.FAILED, lane=request.lane, source=request.target, target=request.source, object=request.object,
                         corr=request.corr, payload=pack(failed)))


_running: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish


def answer_soon(request: Message, commands: Commands, out: Out) -> None:
    """Carry out a COMMAND on the running loop and send its result."""
    task = asyncio.get_running_loop().create_task(_answer(request, commands, out))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _answer(request: Message, commands: Commands, out: Out) -> None:
    result = await commands.carry_out(ordered(request))
    if not request.wants_answer:
        return
    try:
        out.send(result_message(request, result))
    except (ChannelClosed, ChannelFull):
        return  # whoever ordered it sees that this process is gone


# -- load


def load_message(number: int, busy: int, *, connections: int | None = None, counters: Mapping[str, int] | None = None) -> Message:
    """LOAD of process `number`, sent once per heartbeat. `busy` in nanoseconds since the process began."""
    load = Load(busy_ns=busy, memory_bytes=memory_bytes(), now_ms=time.time_ns() // 1_000_000, connections=connections,
                counters=dict(counters or {}))
    return Message(kind=Kind.LOAD, source=number, target=KNL, payload=pack(load))


def report_load(channel: Channel, number: int, connections: Callable[[], int | None] = lambda: None,
                counters: Callable[[], Mapping[str, int]] = dict, busy: Callable[[], int] = busy_ns) -> None:
    """LOAD with every heartbeat of the link, from now on. Without `busy` the channel must be attached to the running loop."""
    channel.report(lambda: load_message(number, busy(), connections=connections(), counters=counters()))


# -- trace


class MessageTrace:
    """TRACE ON: one line per message of a channel in the process's trace file; costs nothing while it is off."""

    def __init__(self, channel: Channel | Direct) -> None:
        self._channel = channel
        self._log: logging.Logger | None = None

    def switch(self, on: bool) -> str:
        """For hisee.commands."""
        logger = process.trace_log(on)
        if on and self._log is None:
            self._log = logger
            self._begin(logger)
        elif not on and self._log is not None:
            self._log = None
            self._end()
        return f"trace {'on' if on else 'off'}"

    def _begin(self, logger: logging.Logger) -> None:
        """Names of the instance stand before those of its class: the plain way is untouched while nobody looks."""
        channel: Any = self._channel
        self._taken = on_message = channel._on_message
        send, receive = channel.send, channel.receive

        def traced_send(message: Message) -> None:
            note(logger, ">", message)
            send(message)

        def traced_receive(timeout_s: float, also: Sequence[int] = ()) -> Message | None:
            message: Message | None = receive(timeout_s, also)
            if message is not None:
                note(logger, "<", message)
            return message

        def traced_message(message: Message) -> None:
            note(logger, "<", message)
            on_message(message)

        channel.send, channel.receive = traced_send, traced_receive
        if isinstance(channel, Direct):  # nothing passes unseen
            self._unseen = channel.reads, channel.on_answer
            channel.reads = channel.on_answer = None
        channel._on_message = traced_message if on_message is not None else None

    def _end(self) -> None:
        channel: Any = self._channel
        del channel.send, channel.receive
        if isinstance(channel, Direct):
            channel.reads, channel.on_answer = self._unseen
        channel._on_message = self._taken


def note(logger: logging.Logger, direction: str, message: Message) -> None:
    """One line of a trace; > goes out, < comes in."""
    logger.info("%s %s lane %d %d -> %d corr %d bytes %d", direction, kind_name(message.kind), message.lane,
                message.source, message.target, message.corr, len(message.payload))
