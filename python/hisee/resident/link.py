"""The supervisor's own session with the server: kind RRS in the process list, commands, and who is silent (R37, R85).

Driven by `turn()`, which waits for nothing but the logon, and not long for that, and `rest()`. Without a session it is tried
once a heartbeat.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Any

import msgspec

import hisee
from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, dial_unix
from hisee.channel.duties import KNL, answer_now, report_load
from hisee.channel.payloads import Hello, LogWrite, PsGet, Table, pack, unpack
from hisee.commands import Commands
from hisee.datadir import DataDir
from hisee.errors import HiseeError
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.resident")
BEAT_NS = TIMERS["heartbeat"].ms * 7 // 8 * 1_000_000  # the link's ticks wake us twice per heartbeat, and that may be a little early
LOGON_MS = 2_000  # a server that does not answer is tried again: the children must not wait for it
PRIORITY = 1  # of an alarm's line in the event log


def readable(descriptors: list[int], seconds: float) -> None:
    """Sleep until one of them has something, at most so long."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.poll(seconds * 1000)


class ServerLink:
    """One logon at a time; `rows` is the newest process list."""

    def __init__(self, data: DataDir, name: str, commands: Commands, stop: Callable[[], None]) -> None:
        self._data, self._name, self._commands, self._stop = data, name, commands, stop
        self._channel: Channel | None = None
        self._number = 0
        self._next_ns = 0
        self._over = False
        self._asked = 0  # corr of the list that is asked for
        self.rows: list[dict[str, Any]] = []
        self.silent = False  # the server did not answer for the watchdog's time

    def turn(self) -> None:
        """Log on when the server is there, take what came, ask for the list."""
        due = self._data.seams.clock.monotonic_ns() >= self._next_ns
        if self._channel is None:
            if due and not self._over:
                self._beat_later()
                self._log_on()
            return
        try:
            while (message := self._channel.receive(0)) is not None:
                self._take(message)
            if due:
                self._beat_later()
                self._ask()
        except ChannelClosed as closed:
            self._lost(closed.reason)
        except ChannelFull:
            log.warning("the server takes nothing")

    def rest(self, seconds: float, also: list[int]) -> None:
        """Sleep until one of the descriptors has something, at most so long; a message ends it too."""
        if self._channel is None:
            readable(also, seconds)
            return
        try:
            message = self._channel.receive(seconds, also)
            if message is not None:
                self._take(message)
        except ChannelClosed as closed:
            self._lost(closed.reason)
        except ChannelFull:
            log.warning("the server takes nothing")

    def _beat_later(self) -> None:
        self._next_ns = self._data.seams.clock.monotonic_ns() + BEAT_NS

    def _log_on(self) -> None:
        node, facts = self._name, {"host": socket.gethostname()}
        hello = Hello(kind="RRS", name=node, node=node, pid=os.getpid(), version=hisee.__version__, facts=facts)
        try:
            self._channel = dial_unix(self._data.control_socket, hello, self._data.secret(), seams=self._data.seams,
                                      timers={"logon": LOGON_MS})
        except (HiseeError, OSError) as error:
            log.info("no session with the server: %s", error)
            return
        assert self._channel.welcome is not None
        self._number, self.silent = self._channel.welcome.number, False
        report_load(self._channel, self._number, busy=time.thread_time_ns)
        log.info("%s logged on", self._channel.welcome.name)

    def _take(self, message: Message) -> None:
        if message.kind == Kind.COMMAND:
            self._answer(message)
        elif message.kind == Kind.STOP:
            self._stop()
        elif message.corr == self._asked:
            self._asked = 0
            if message.kind == Kind.REPLY:
                self._list(message.payload)

    def _answer(self, request: Message) -> None:
        answer = answer_now(request, self._commands)
        if request.wants_answer and self._channel is not None:
            self._channel.send(answer)

    def _list(self, payload: bytes) -> None:
        try:
            self.rows = unpack(Table, payload).rows
        except msgspec.DecodeError as error:
            log.warning("process list not read: %s", error)

    def _ask(self) -> None:
        """The list once a heartbeat, one request at a time. The server need not wake up for it."""
        assert self._channel is not None
        if self._asked == 0:
            self._asked = self._next_ns & 0x7FFF_FFFF or 1
            self._channel.send(Message(kind=Kind.PS_GET, source=self._number, target=KNL, corr=self._asked, wants_answer=True,
                                       quiet=True, payload=pack(PsGet(virtual=False))))

    def alarm(self, text: str) -> None:
        """A line of the event log, where operators look; lost when no server runs (the supervisor's log has it too)."""
        if self._channel is None:
            return
        now = self._data.seams.clock.now_ms()
        line = LogWrite(script="RRS", text=text, priority=PRIORITY, time_ms=now)
        try:
            self._channel.send(Message(kind=Kind.LOG_WRITE, source=self._number, target=KNL, payload=pack(line)))
        except HiseeError as error:
            log.info("alarm not sent to the server: %s", error)

    def _lost(self, reason: str) -> None:
        self._channel, self._asked, self.rows = None, 0, []
        self.silent = "silent" in reason
        log.info("the session with the server ended: %s", reason)

    def forget(self) -> None:
        """The server is a new one or gone: what was known of the old one is void, and the next turn logs on."""
        self.silent, self._next_ns = False, 0

    def close(self) -> None:
        """The session ends and no other one follows."""
        self._over = True
        if self._channel is not None:
            self._channel.close("the supervisor ends")
            self._channel = None
