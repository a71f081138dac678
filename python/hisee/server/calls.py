"""Calls to open objects: who is meant, conversations, OPENEVENT and CLOSE. What is open is kept by Events and Opening."""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import NamedTuple

from hisee._core.values import encode
from hisee.background import Background
from hisee.channel import Message, RequestFailed
from hisee.channel.calls import ALL, BEGIN, CONVERSATION, END, Address, unpack_call
from hisee.channel.payloads import ConsoleCommand, EventOpen, unpack
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.events import CannotOpen, Events
from hisee.server.opening import Opening, OpenObject
from hisee.server.own import process_of
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.router import Router

log = logging.getLogger("hisee.server.calls")
OPEN_S = TIMERS["see_start_all"].ms / 1000
NAME_AT = 11  # of the procedure, behind the count and the flags of a CALL
TEXT = 5


class Pair(NamedTuple):
    """The two sides of a conversation."""

    first: int
    second: int


def procedure_of(call: bytes) -> str:
    """Name of the procedure in the payload of a CALL; raises ValueError."""
    if len(call) < NAME_AT + 5 or call[NAME_AT] != TEXT:
        raise ValueError("a CALL without the name of its procedure")
    (length,) = struct.unpack_from("<I", call, NAME_AT + 1)
    name = call[NAME_AT + 5:NAME_AT + 5 + length]
    if len(name) != length:
        raise ValueError("a CALL that ends in the name of its procedure")
    return name.decode("utf-8", "replace").rpartition("^")[2]


class Calls:
    """Finds the instance that a call is for and hands the call on; the router keeps who waits for whom."""

    def __init__(self, core: Core, router: Router, events: Events, opening: Opening) -> None:
        self._core, self._router, self._events, self._opening = core, router, events, opening
        self._conversations: dict[int, Pair] = {}
        self._background = Background(log)
        core.handlers[Kind.CALL_TO] = self._call
        core.handlers[Kind.EVENT_OPEN] = self._open
        core.handlers[Kind.EVENT_CLOSE] = self._close
        core.ended.append(self._process_ended)

    # -- CALL

    def _call(self, source: Process, message: Message) -> None:
        try:
            address, call = unpack_call(message.payload)
            targets = self._targets(source, address, procedure_of(call))
        except ValueError as error:
            self._core.fail(message, Err.ERR_PARAM_TYPE, 0, str(error))
            return
        except CannotOpen as refused:
            self._core.fail(message, refused.error, refused.extended, refused.text)
            return
        if address.flags & BEGIN:
            self._conversations[address.conversation] = Pair(source.number, targets[0])
        if address.flags & END:
            self._conversations.pop(address.conversation, None)
        for target in targets if address.flags & ALL else targets[:1]:
            self._router.forward(Message(kind=Kind.CALL, lane=message.lane, source=message.source, target=target, object=message.object,
                                         corr=message.corr, payload=call, wants_answer=message.wants_answer))

    def _targets(self, source: Process, address: Address, procedure: str) -> list[int]:
        """Numbers of the instances, the one that is meant first; raises CannotOpen when there is none."""
        if address.flags & CONVERSATION and not address.flags & BEGIN:
            return [self._partner(source, address.conversation)]
        if address.flags & ALL:
            found = [r.process.number for r in self._events.runs.values() if r.start.plan.hbj == address.object and r.stays]
            return found + [self._part(o, procedure) for o in self._opening.opened.values() if o.plan.hbj == address.object]
        return self._one(source, address, procedure)

    def _one(self, source: Process, address: Address, procedure: str) -> list[int]:
        host = self._named(source, address.process) if address.process else None
        if address.process and host is None:
            raise CannotOpen(Err.ERR_OBJECT_NOT_FOUND, Ext.PROCESS_NOT_RUNNING, "the process named behind ON does not run")
        if host is None or host.kind == "EVH":
            runs = self._events.find(address.object, host.number if host else 0, address.instance)
            if runs:
                return [run.process.number for run in runs]
        opened = self._opened(source, address, host)
        if not opened:
            where = f" at {host.name}" if host is not None else ""
            instance = f", instance {address.instance}" if address.instance >= 0 else ""
            name = self._core.name_of(address.object)
            raise CannotOpen(Err.ERR_OBJECT_NOT_FOUND, Ext.OBJECT_UNKNOWN, f"{name} is not open{where}{instance}")
        return [self._part(each, procedure) for each in opened]

    def _named(self, source: Process, number: int) -> Process | None:
        """A process by its number; where one event handler runs everything, it stands for all."""
        return process_of(self._core, source, number) or self._events.only

    def _opened(self, source: Process, address: Address, console: Process | None) -> list[OpenObject]:
        """Open on that console; without one on the caller's own, else on the only one that has it."""
        found = [o for o in self._opening.opened.values() if o.plan.hbj == address.object]
        if address.instance >= 0:
            found = [o for o in found if o.instance == address.instance]
        if console is not None:
            return [o for o in found if o.console == console.number]
        own = [o for o in found if o.console == source.console]
        return own or (found if len({o.console for o in found}) == 1 else [])

    @staticmethod
    def _part(opened: OpenObject, procedure: str) -> int:
        """The part that has the procedure; the local one answers for what neither has."""
        names = {name.casefold() for name in opened.plan.procedures.get("R", ())}
        return opened.see.number if opened.see is not None and procedure.casefold() in names else opened.number

    # -- conversations

    def _partner(self, source: Process, conversation: int) -> int:
        pair = self._conversations.get(conversation)
        if pair is None or source.number not in pair:
            raise CannotOpen(Err.ERR_EVENT_CLOSED, 0, "the conversation has ended, or never began")
        return pair.second if source.number == pair.first else pair.first

    def _process_ended(self, process: Process) -> None:
        """The survivor is told, once for each conversation, behind the calls that it has got already."""
        for number, pair in [item for item in self._conversations.items() if process.number in item[1]]:
            del self._conversations[number]
            other = pair.second if process.number == pair.first else pair.first
            self._core.send(Message(kind=Kind.CONVERSATION_LOST, lane=Lane.SCRIPT, source=KNL_NUMBER, target=other,
                                    payload=encode([number])))

    # -- OPENEVENT, CLOSE

    def _open(self, source: Process, message: Message) -> None:
        self._background.spawn(self._opened_or_not(source, message, unpack(EventOpen, message.payload)))

    async def _opened_or_not(self, source: Process, message: Message, request: EventOpen) -> None:
        try:
            await self._open_there(source, request)
        except CannotOpen as refused:
            log.warning("OPENEVENT of %s: %s", source.object or source.name, refused.text)
            self._core.fail(message, refused.error, refused.extended, refused.text)
        except RequestFailed as failed:
            self._core.fail(message, failed.error, failed.extended, failed.text)
        else:
            if message.wants_answer:
                self._core.reply(message)

    async def _open_there(self, source: Process, request: EventOpen) -> None:
        plan = self._events.plan_of(request.object)
        host = self._process(source, request)
        if host.kind == "EVH":
            await self._events.open(plan, host, max(0, request.instance))
        elif host.kind == "HIP" and plan.type in ("server", "client_and_server"):
            await self._on_console(host, plan.object, max(0, request.instance))
        else:
            raise CannotOpen(Err.ERR_NOT_SUPPORTED, Ext.WRONG_TYPE, f"{host.name} cannot open {plan.object}, a {plan.type} event")

    def _process(self, source: Process, request: EventOpen) -> Process:
        """DIRECT is the event handler or the console of the caller."""
        number = (source.console or source.host) if request.direct else request.process
        host = self._named(source, number)
        if host is None or not host.running or host.link is None:
            name = host.name if host is not None else f"process number {number}"
            raise CannotOpen(Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, f"{name} does not run")
        return host

    async def _on_console(self, console: Process, name: str, instance: int) -> None:
        """The console opens it as it opens a picture; with a remote part it is open once that runs."""
        before = set(self._opening.opened)
        await self._core.ask(console.number, Kind.CONSOLE, ConsoleCommand(verb="openevent", target=name, opened=instance), OPEN_S)
        opened = next((o for n, o in self._opening.opened.items()
                       if n not in before and o.console == console.number and o.plan.object == name), None)
        if opened is not None and opened.starting is not None and not opened.up:
            await asyncio.wait([opened.starting], timeout=OPEN_S)
        if opened is None or (opened.plan.remote_unit and not opened.up):
            raise CannotOpen(Err.ERR_NO_REMOTE, 0, f"{name} on {console.name}: {'; '.join(opened.refusals) if opened else 'closed again'}")

    def _close(self, source: Process, message: Message) -> None:
        request = unpack(EventOpen, message.payload)
        host = None if request.all or not (request.direct or request.process) else self._process(source, request)
        for run in list(self._events.runs.values()):
            if run.start.plan.hbj == request.object and run.stays and self._meant(run.start.host, run.start.instance, host, request):
                self._events.stop(run, f"closed by {source.object or source.name}")
        for opened in list(self._opening.opened.values()):
            if opened.plan.hbj == request.object and self._meant(opened.console, opened.instance, host, request):
                self._background.spawn(self._close_at_console(opened))

    @staticmethod
    def _meant(host: int, instance: int, wanted: Process | None, request: EventOpen) -> bool:
        return (wanted is None or host == wanted.number) and request.instance in (-1, instance)

    async def _close_at_console(self, opened: OpenObject) -> None:
        try:
            await self._core.ask(opened.console, Kind.CONSOLE, ConsoleCommand(verb="close", opened=opened.number), OPEN_S)
        except RequestFailed as failed:
            log.warning("CLOSE of %s: %s", opened.plan.object, failed)
