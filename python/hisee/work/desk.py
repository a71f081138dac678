"""The work process at its link to the server: commands, dialog requests, load, messages of the outbox. Belongs to the steward's thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, Requests
from hisee.channel.duties import KNL, MessageTrace, answer_soon
from hisee.channel.payloads import LogWrite, Payload, pack
from hisee.channel.spoken import kind_name
from hisee.commands import CommandRefused, Commands
from hisee.engine.coordinator import PRIMARY, Coordinator, LostMember, Member
from hisee.outputs.shelf import Shelf
from hisee.process import on_log_shift, shift_log
from hisee.schema.exits import Exit
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock
from hisee.work.acceptance import Acceptance
from hisee.work.dialog import Dialog
from hisee.work.elsewhere import Elsewhere
from hisee.work.event_starts import EventStarts
from hisee.work.functions import Functions
from hisee.work.loading import Loading
from hisee.work.modes import ModeRefused, change_mode
from hisee.work.monitor import Monitor
from hisee.work.outgoing import ALARM, Outgoing
from hisee.work.relay import Relay
from hisee.work.service import ServiceCalls
from hisee.work.view import View
from hisee.work.worker import Worker

log = logging.getLogger("hisee.work.desk")
REQUEST_S = TIMERS["api_request"].ms / 1000
KINDS = "WP PWP DWP NWP"


class Desk:
    """Everything that comes over the link, and everything that goes."""

    def __init__(self, engine: Coordinator, channel: Channel, member: Member, functions: Functions,
                 ring: Callable[[Iterable[str]], None], worker: Worker, end: Callable[[int, str], None],
                 clock: Clock, shelf: Shelf) -> None:
        assert channel.welcome is not None
        self._engine, self._channel, self._member, self._functions = engine, channel, member, functions
        self._worker, self._end, self._clock = worker, end, clock
        self._number = channel.welcome.number
        self._view = View(member.mode)
        self._early: list[Message] | None = []  # dialog requests that wait for the functions; None = they are answered at once
        self._opened = False
        self.moved: Callable[[], None] = lambda: None  # the server stands elsewhere in its group now
        self._renewals: set[asyncio.Task[None] | None] = set()
        self._requests = Requests(channel)
        self.loading = Loading(functions, self.ask)
        self.acceptance = Acceptance(functions, clock.now_ms, str(channel.welcome.facts.get("time_zone", "UTC")))
        self.dialog = Dialog(engine, self.acceptance, ring, shelf)
        self.outgoing = Outgoing(Relay(engine, self.alarm), self.ask, clock.now_ms)
        self.elsewhere = Elsewhere(engine, clock, ServiceCalls(engine, self.send, clock), EventStarts(engine, self.send, clock),
                                   Monitor(engine, self.ask, ring, clock))
        trace = MessageTrace(channel)
        self._commands = Commands(KINDS, lambda: end(Exit.OK, "stopped by command"), {"MODE": self._mode, "SHUTDOWN": self._shutdown},
                                  status=self._status, trace=trace.switch)
        on_log_shift(self._log_shifted)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._channel.attach(loop, self._receive, self._lost)

    def close(self) -> None:
        on_log_shift(lambda: None)
        self.elsewhere.close()
        self._requests.abort("the work process ends")

    def _lost(self, reason: str) -> None:
        self._end(Exit.CANNOT_CONNECT, f"the server is gone: {reason}")

    # -- messages

    def _receive(self, message: Message) -> None:
        if self._requests.settle(message):
            return
        if message.kind == Kind.STOP:
            self._end(Exit.OK, "stopped by the server")
        elif message.kind == Kind.COMMAND:
            answer_soon(message, self._commands, self._channel)
        elif message.kind == Kind.LOG_SHIFT:
            shift_log(told=True)
        elif message.kind == Kind.SERVER_STATE:
            self.moved()
        elif message.kind == Kind.TASKS_CHANGED:
            self._renew_functions()
        elif self.dialog.takes(message):
            self._early.append(message) if self._early is not None else self.send(self.dialog.answer(message))
        elif not self._of_elsewhere(message) and message.wants_answer:
            self.send(self.dialog.refuse(message))

    def _of_elsewhere(self, message: Message) -> bool:
        try:
            taken = self.elsewhere.takes(message)
        except LostMember as error:
            self._end(Exit.LOST_MEMBER, str(error))
            return True
        if isinstance(taken, Message):
            return self.send(taken) or True
        return taken

    def send(self, message: Message) -> bool:
        """False when the server takes nothing: it is gone or full, and whoever waits sees that."""
        message.source = self._number
        try:
            self._channel.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("%s: %s", kind_name(message.kind), error)
            return False
        return True

    def tell(self, kind: Kind, payload: Payload | bytes = b"", *, lane: int = Lane.CONTROL) -> bool:
        """An event for the server."""
        data = payload if isinstance(payload, bytes) else pack(payload)
        return self.send(Message(kind=kind, lane=lane, target=KNL, payload=data))

    async def ask(self, kind: Kind, payload: Payload | bytes, *, target: int = KNL, lane: int = Lane.CONTROL, object: int = 0,
                  timeout_s: float = REQUEST_S) -> bytes:
        """A request; its reply's payload. Raises RequestFailed."""
        data = payload if isinstance(payload, bytes) else pack(payload)
        message = Message(kind=kind, lane=lane, source=self._number, target=target, object=object, payload=data)
        return (await self._requests.ask(message, timeout_s)).payload

    # -- functions

    def open(self) -> None:
        """Dialog requests are answered from now on; those that came before the functions were known have waited."""
        self._opened = True
        if self._renewals:
            return
        early, self._early = self._early or [], None
        for message in early:
            self.send(self.dialog.answer(message))

    def _renew_functions(self) -> None:
        """tasks.py was saved. Dialog requests wait until it is loaded: whoever saved it may use what is new in it at once."""
        self._early = self._early or []
        self._renewals.add(self._loop.create_task(self._renew()))

    async def _renew(self) -> None:
        await self.loading.load()
        self._renewals.discard(asyncio.current_task())
        if self._opened:
            self.open()

    # -- what we are

    def see(self, view: View) -> None:
        self._view, self.elsewhere.active = view, view.active

    def alarm(self, text: str) -> None:
        """A line that a person has to see: in the log here and in the event log of the system."""
        log.error("%s", text)
        self.tell(Kind.LOG_WRITE, LogWrite(script=self._member.name, text=text, priority=ALARM, time_ms=self._clock.now_ms()))

    def tell_members_changed(self) -> None:
        self.tell(Kind.MEMBERS_CHANGED)

    def counters(self) -> dict[str, int]:
        return {"ran": self._worker.ran, "elsewhere": len(self.elsewhere), "dialog_answered": self.dialog.answered,
                **{f"ran.{queue}": count for queue, count in self._worker.ran_of.items()}}

    def _status(self) -> dict[str, Any]:
        present = self._worker.present
        return {"name": self._member.name, "port": self._member.port or None, "mode": self._view.mode, "kind": self._view.kind,
                "terms": sorted(self._view.terms),
                "queues": list(self._view.queues), "functions": self._functions.names(), **self.counters(),
                "task": present and {"id": present.id, "func": present.func, "attempt": present.attempt, "queue": present.queue}}

    # -- commands

    def _mode(self, words: list[str]) -> str:
        if len(words) != 1 or words[0].upper() not in ("WP", "DWP"):
            raise ValueError("MODE WP or MODE DWP")
        try:
            change_mode(self._engine, self._member, words[0].upper())
        except ModeRefused as error:
            raise CommandRefused(error.text, hint=error.hint) from error
        return f"{self._member.name} becomes {words[0].upper()}"

    async def _shutdown(self, words: list[str]) -> str:
        if PRIMARY not in self._view.terms:
            raise CommandRefused("only the primary ends the system", hint="`hisee roles` names it")
        await self.ask(Kind.SYSTEM_STOP, Payload())
        return "the system ends"

    def _log_shifted(self) -> None:
        """One work process's change of its log changes all of them; may be called from the worker's thread."""
        with contextlib.suppress(RuntimeError):  # the steward has ended
            self._loop.call_soon_threadsafe(self.tell, Kind.LOG_SHIFT)

    def give_up(self, why: str) -> None:
        """The worker does not come back: only the death of this process frees what it holds, and the others see it at once."""
        log.error("%s: this process ends itself", why)
        logging.shutdown()
        os.kill(os.getpid(), signal.SIGKILL)
