"""One operator console: opened objects, events to their scripts, picture functions back, questions and messages.

Knows no process and no socket: two links (HIS host, server) and the seams are handed in, so all of it runs in a test.
Everything happens on one event loop; a synchronous event is a pending task, and the console goes on meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from hisee._core.values import decode, encode
from hisee.background import Background
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import (
    Close,
    Ended,
    Failed,
    HisStart,
    LogWrite,
    ObjectList,
    Open,
    Opened,
    RemoteDown,
    RemoteUp,
    SeeState,
    SeeStop,
    Table,
    pack,
    unpack,
)
from hisee.console import visual
from hisee.console.bindings import Replica
from hisee.console.desk import Desk
from hisee.console.events import LOCAL, Delivery
from hisee.console.opened import Link, OpenObject, Part
from hisee.console.picture import ChangeLog, Item, PictureRefused, VisualError
from hisee.console.svg import DrawingRefused
from hisee.schema.actions import ActionId
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams

log = logging.getLogger("hisee.console")
KNL = 1
REQUEST_S = TIMERS["api_request"].ms / 1000
SYNC_S = TIMERS["sync_event"].ms / 1000
# how a request ends when the link has ended meanwhile, or its server is not the hot one
ANOTHER_SERVER = ((Err.ERR_TRANS_ABORT, Ext.NO_REASON), (Err.ERR_TRANS_IGNORED, Ext.STANDBY))
EARLY = 10_000  # messages kept for objects whose OPEN is still on its way


def passing(failed: RequestFailed) -> bool:
    """Did the other process fail, not the request?"""
    return (failed.error, failed.extended) in ANOTHER_SERVER


class OperatorError(Exception):
    """What a person or a command asked for cannot be done; `error` is an _ERR_ number."""

    def __init__(self, error: int, text: str) -> None:
        super().__init__(text)
        self.error = error


class Console:
    """One `<ws>.HIP`. `number` is its process number at the server."""

    def __init__(self, name: str, number: int, local: Link, server: Link, seams: Seams, *, replica: Replica | None = None,
                 limits: dict[str, int] | None = None) -> None:
        self.name, self.number = name, number
        self.local, self.server, self.seams = local, server, seams
        self.limits = limits or {}
        self.replica = replica or Replica()
        self.replica.followers.append(self._values_changed)
        self.opened: dict[int, OpenObject] = {}
        self.connected = True
        self.viewing = False  # values come from a standby server, or the main session is in doubt
        self.home: object = None  # of what is opened now; see OpenObject
        self.latency_ms: dict[str, float | None] = {"L": None, "R": None}
        self.structure = 0  # grows when objects open or close: pages take a new snapshot
        self.listeners: list[Callable[[], None]] = []
        self.log = ChangeLog(self.tell_pages)
        self.desk = Desk(seams.clock, self.tell_pages)
        self._opening = 0
        self._early: list[Message] = []
        self._slots = 0
        self._moved: dict[int, int] = {}
        self._background = Background(log)

    @property
    def mode(self) -> str:
        """What a person can do here: control, view (values go on, nothing can be operated beyond local parts), lost."""
        return "view" if self.viewing else "control" if self.connected else "lost"

    # -- opening and closing

    async def open(self, name: str, instance: int = 0) -> OpenObject:
        """Open a picture or event; raises RequestFailed (the server's reason) or OperatorError (it cannot be shown)."""
        if self.viewing and not self.connected:
            raise OperatorError(Err.ERR_TRANS_ABORT, f"{name} is not opened: view only, no server is hot")
        self._slots += 1
        return await self._open(name, self._slots, instance=instance)

    async def _open(self, name: str, slot: int, instead: OpenObject | None = None, instance: int = 0) -> OpenObject:
        """`instead` stays on the screen until this one is there; it may be this one itself, which goes on under new numbers."""
        moves, asked_ns = 0, self.seams.clock.monotonic_ns()
        self._opening += 1
        try:
            wanted = Open(object=name, console=self.number, instance=instead.instance if instead is not None else instance)
            answer = await self.server.ask(self._message(Kind.OPEN, Lane.CONTROL, KNL, pack(wanted)), REQUEST_S)
            reply = unpack(Opened, answer.payload)
            if instead is not None and instead.lives_on(reply):
                moves, opened = instead.number, self._move(instead, reply)
            else:
                opened = self._enter(reply, slot, instead, instance)
            opened.asked_ns = asked_ns
        finally:
            self._opening -= 1
        self._deliver_early()
        try:
            await self._start_local(opened, moves)
        except RequestFailed as failed:
            if instead is None or not passing(failed):
                await self._drop(opened)
            raise
        return opened

    def _move(self, opened: OpenObject, reply: Opened) -> OpenObject:
        self._renumbered(opened.number, reply.opened)
        opened.move(reply)
        opened.home = self.home
        self.opened = {each.number: each for each in self.opened.values()}
        self.replica.apply(reply.values)
        opened.bindings.refresh()
        if opened.remote is not Part.NONE:
            self.desk.note(f"{opened.name}: its remote part starts anew at the other server, its variables begin afresh", opened.name)
        return opened

    def _enter(self, reply: Opened, slot: int, instead: OpenObject | None = None, instance: int = 0) -> OpenObject:
        self.replica.apply(reply.values)
        try:
            opened = OpenObject(reply, slot, self.log, self.replica, self.seams.clock, self._timer, self._close_by_script)
        except (PictureRefused, DrawingRefused) as error:
            self.server.send(self._message(Kind.CLOSE, Lane.CONTROL, KNL, pack(Close(opened=reply.opened)), wants_answer=False))
            raise OperatorError(Err.ERR_OBJECT_NOT_FOUND, f"{reply.object} cannot be shown: {error}") from error
        if opened.picture.drawing.removed:
            log.warning("%s: left out of the drawing: %s", opened.name, ", ".join(opened.picture.drawing.removed[:20]))
        opened.home, opened.instance = self.home, instance if instead is None else instead.instance
        self.opened[opened.number] = opened
        if instead is not None:
            self._renumbered(instead.number, opened.number)
            self._leave(instead)
        opened.bindings.refresh()
        self._restructured()
        return opened

    def _renumbered(self, old: int, new: int) -> None:
        if old != new:
            self._moved[old] = new

    def _present(self, number: int) -> int:
        """What is open now under a number that was given out once."""
        for _ in range(len(self._moved)):
            if number in self.opened:
                break
            number = self._moved.get(number, number)
        return number

    def _leave(self, opened: OpenObject) -> None:
        """It is not on the screen any more."""
        if self.opened.get(opened.number) is opened:
            del self.opened[opened.number]
        opened.end()
        self._restructured()

    async def _start_local(self, opened: OpenObject, moves: int = 0) -> None:
        see = opened.see or (KNL if opened.has_remote else 0)  # not 0: a CALL [] of the init part waits for the start
        start = HisStart(opened=opened.number, name=opened.reply.his_name, object=opened.name, version=opened.reply.version,
                         unit=opened.reply.local_unit, see=see, console=self.number, variables=opened.reply.variables,
                         values=opened.reply.values, limits=self.limits, moves=moves)
        if not opened.reply.local_unit:
            opened.local = Part.NONE
            return
        if moves and opened.local is Part.DOWN:  # it ended by itself before
            return
        message = self._message(Kind.HIS_START, Lane.CONTROL, opened.number, pack(start), opened=opened.number)
        await self.local.ask(message, REQUEST_S)
        opened.local = Part.UP if opened.local is Part.STARTING else opened.local
        self.tell_pages()

    async def close(self, number: int) -> bool:
        """A person closes an object: its OnClose may refuse. False = refused, or already about to close."""
        opened = self.object(number)
        if opened.closing:
            return False
        opened.closing = True
        if not await self._may_close(opened):
            opened.closing = False
            return False
        await self._drop(opened)
        return True

    async def _may_close(self, opened: OpenObject) -> bool:
        """OnClose, synchronous in exactly one part; no handler, no answer or a failure = it closes."""
        delivery = opened.handlers.synchronous("OnClose")
        if delivery is None or (delivery.part != LOCAL and opened.remote is not Part.UP):
            return True
        message = self._event(opened, delivery, None, (True,), wants_answer=True)
        opened.pending += 1
        try:
            answer = await self._link(delivery).ask(message, SYNC_S)
        except RequestFailed as failed:
            self.desk.note(f"{opened.name}: OnClose did not answer ({failed}); it closes", opened.name)
            return True
        finally:
            opened.pending -= 1
            opened.handled += 1
        results = decode(answer.payload) if answer.payload else []
        return results[0] is not False if results else True

    def _close_by_script(self, opened: OpenObject) -> None:
        """%HI_ClosePicture: the script has decided, nobody is asked."""
        if not opened.closing:
            opened.closing = True
            self.soon(self._drop(opened))

    async def _drop(self, opened: OpenObject) -> None:
        """Both parts end, and the server gives their names back."""
        if self.opened.pop(opened.number, None) is None:
            return
        opened.end()
        self.desk.forget(opened.number)
        self._restructured()
        stop = pack(SeeStop(number=opened.number, reason="closed"))
        self.local.send(self._message(Kind.HIS_STOP, Lane.CONTROL, opened.number, stop, opened=opened.number, wants_answer=False))
        try:
            await self.server.ask(self._message(Kind.CLOSE, Lane.CONTROL, KNL, pack(Close(opened=opened.number))), REQUEST_S)
        except RequestFailed as failed:
            log.warning("%s: the server did not confirm the end of %s: %s", self.name, opened.name, failed)

    # -- loss of the other processes

    def server_lost(self, *, viewing: bool = False) -> None:
        """What stands on the screen is old from now on, and says so; unless a standby server takes over what is shown."""
        self.connected, self.viewing = False, viewing
        for opened in self.opened.values():
            if not viewing:
                opened.bindings.stale(variables=opened.orphan)
            if opened.remote is not Part.NONE:
                opened.remote, opened.reason = Part.DOWN, "the server is lost"
        self.tell_pages()

    def view(self, viewing: bool) -> None:
        """A standby server serves what is shown, or does so no more."""
        if self.viewing != viewing:
            self.viewing = viewing
            for opened in self.opened.values():
                if self.connected or viewing:
                    opened.bindings.refresh()
                else:
                    opened.bindings.stale(variables=opened.orphan)
            self.tell_pages()

    @property
    def shown_objects(self) -> set[int]:
        """Numbers of the objects whose values are on the screen."""
        return set().union(*(opened.bindings.objects for opened in self.opened.values()))

    def local_lost(self) -> None:
        for opened in self.opened.values():
            opened.local, opened.orphan = Part.DOWN, True
            opened.end()
        self.desk.questions.clear()
        self.tell_pages()

    async def reopen(self, local: Link, server: Link, number: int, home: object = None) -> None:
        """Open again what is open elsewhere than at this `home`, over new links (R136); None = everything. A local part that lives goes on.

        An object that cannot be opened leaves a message. Raises RequestFailed when it is the server that failed: it is to be tried again.
        """
        self.local, self.server, self.number, self.home = local, server, number, home or object()
        for old in [opened for opened in self.opened.values() if opened.home is not self.home]:
            if self.opened.get(old.number) is old:
                await self._reopen(old)
        self.connected, self.viewing = True, False
        self.tell_pages()

    async def _reopen(self, old: OpenObject) -> None:
        self.server.send(self._message(Kind.OPENED_LOST, Lane.CONTROL, KNL, pack(Close(opened=old.number)), wants_answer=False))
        try:
            await self._open(old.name, old.slot, old)
        except (RequestFailed, OperatorError) as error:
            if isinstance(error, RequestFailed) and passing(error):
                self._again(old.slot)
                raise
            self._leave(old)
            self.desk.note(f"{old.name} was open and cannot be opened again: {error}", old.name)

    def _again(self, slot: int) -> None:
        """Whatever stands there is opened once more when its processes are back."""
        for opened in self.opened.values():
            if opened.slot == slot:
                opened.home = None

    # -- what a person does

    async def pictures(self) -> list[dict[str, Any]]:
        """Pictures of the application, for a list to choose from; raises RequestFailed."""
        request = self._message(Kind.OBJECT_LIST, Lane.CONTROL, KNL, pack(ObjectList(mask="S.*")))
        rows = unpack(Table, (await self.server.ask(request, REQUEST_S)).payload).rows
        return [{"name": row["name"]} for row in rows if row.get("type", "picture") == "picture"]

    def object(self, number: int) -> OpenObject:
        """The opened object of a number that was given out once, also after it was opened again; raises OperatorError."""
        number = self._present(number)
        if number not in self.opened:
            raise OperatorError(Err.ERR_OBJECT_NOT_FOUND, f"number {number} is not open on {self.name}")
        return self.opened[number]

    @staticmethod
    def find(opened: OpenObject, target: str) -> Item:
        """By id (`Lbl`) or reference variable (`_Lbl`), any case."""
        wanted = {target.casefold(), target.removeprefix("_").casefold()}
        for item in opened.picture.items:
            if item.id.casefold() in wanted:
                return item
        raise OperatorError(Err.ERR_UNKNOWN_REFID, f"{opened.name} has no graphical object {target!r}")

    def _operable(self, opened: OpenObject, target: str, event: str) -> Item:
        item = self.find(opened, target)
        if event not in item.kind.events:
            raise OperatorError(Err.ERR_INVALID_REFID_TYPE, f"{item.id} is a {item.kind.name}: it raises no {event}")
        if not (item.values["visible"] and item.values["enabled"]):
            raise OperatorError(Err.ERR_TRANS_IGNORED, f"{item.id} is {'disabled' if item.values['visible'] else 'hidden'}")
        return item

    def click(self, number: int, target: str) -> None:
        """Raises OperatorError when nothing of that name can be clicked."""
        opened = self.object(number)
        item = self._operable(opened, target, "OnClick")
        opened.input_ns = self.seams.clock.monotonic_ns()
        self.raise_event(opened, "OnClick", item)

    def type(self, number: int, target: str, text: str) -> None:
        """A person leaves an entry field with this text; the same text as before is no event."""
        opened = self.object(number)
        item = self._operable(opened, target, "OnTextChange")
        opened.input_ns = self.seams.clock.monotonic_ns()
        if item.values["text"] != text or item.values["quality"]:
            opened.picture.set(item.ref, "text", text)
            opened.picture.put(item, "quality", 0)
            self.raise_event(opened, "OnTextChange", item)

    # -- events to scripts

    def raise_event(self, opened: OpenObject, event: str, item: Item | None = None, arguments: tuple[Any, ...] = ()) -> None:
        """An ordinary event: to every part that handles it; one that is absent misses it (R54, R137), and the event log says so."""
        for delivery in opened.handlers.ordinary(event, item.id if item else ""):
            local = delivery.part == LOCAL
            absent = opened.local is Part.DOWN if local else opened.remote is not Part.UP
            if absent or not self._link(delivery).send(self._event(opened, delivery, item, arguments, wants_answer=False)):
                self._dropped(opened, event, "local" if local else "remote")
                continue
            opened.handled += 1

    def _event(self, opened: OpenObject, delivery: Delivery, item: Item | None, arguments: tuple[Any, ...], *,
               wants_answer: bool) -> Message:
        """Payload: name of the handler, then its arguments; only the global form gets the number of the object."""
        reference = [item.ref if item else 0] if delivery.with_reference else []
        values = [delivery.handler, *reference, *arguments]
        target = opened.number if delivery.part == LOCAL else opened.see
        return self._message(Kind.PICTURE_EVENT, Lane.VISUAL, target, encode(values), opened=opened.number, wants_answer=wants_answer)

    def _link(self, delivery: Delivery) -> Link:
        return self.local if delivery.part == LOCAL else self.server

    def _timer(self, opened: OpenObject) -> None:
        self.raise_event(opened, "OnTimer")

    def _dropped(self, opened: OpenObject, event: str, part: str) -> None:
        opened.dropped += 1
        text = f"{event} of {opened.name} is not delivered to the {part} part, which does not run; {opened.dropped} dropped so far"
        log.info(text)
        if self.connected:
            line = LogWrite(script=opened.reply.his_name, text=text, time_ms=self.seams.clock.now_ms())
            self.server.send(self._message(Kind.LOG_WRITE, Lane.CONTROL, KNL, pack(line), wants_answer=False))
            state = SeeState(number=opened.number, dropped=opened.dropped)
            self.server.send(self._message(Kind.SEE_STATE, Lane.CONTROL, KNL, pack(state), wants_answer=False))
        self.tell_pages()

    # -- messages from the other processes

    def take(self, message: Message, link: Link) -> None:
        """One message for this console, from the HIS host or from the server; answers go back on the same link."""
        if message.kind in (Kind.VISUAL, Kind.VISUAL_SET):
            self._visual(message, link)
        elif message.kind == Kind.REMOTE_UP:
            self._remote_up(unpack(RemoteUp, message.payload), message)
        elif message.kind == Kind.REMOTE_DOWN:
            self._remote_down(unpack(RemoteDown, message.payload), message)
        elif message.kind == Kind.HIS_ENDED:
            self._his_ended(unpack(Ended, message.payload))
        elif message.kind == Kind.PVAR_SEEN:
            self._variable(message)
        else:
            self._refuse(message, link, Err.ERR_NOT_SUPPORTED, f"{self.name} knows no message of kind {message.kind:#06x}")

    def _wait_for_open(self, message: Message) -> bool:
        """An object may speak before the reply to its OPEN was looked at: keep the message until then."""
        if self._opening and len(self._early) < EARLY:
            self._early.append(message)
            return True
        return False

    def _deliver_early(self) -> None:
        early, self._early = self._early, []
        for message in early:
            self.take(message, self.server)

    def _of(self, message: Message) -> OpenObject | None:
        number = self._present(message.object or message.source)  # it may have been sent before the local part had its new number
        return self.opened.get(number) or next((o for o in self.opened.values() if o.see and o.see == message.source), None)

    def _visual(self, message: Message, link: Link) -> None:
        opened = self._of(message)
        if opened is None and self._wait_for_open(message):
            return
        try:
            number, *arguments = decode(message.payload)
            results = self._carry_out(opened, number, arguments, message, link)
        except VisualError as error:
            if opened is not None:
                opened.refused += not message.wants_answer
            self._refuse(message, link, error.error, str(error))
        except ValueError as error:
            self._refuse(message, link, Err.ERR_PARAM_TYPE, f"not a list of values: {error}")
        else:
            if message.wants_answer and results is not None:
                link.send(self._answer(message, Kind.REPLY, encode(results)))
        if opened is not None:
            opened.handled += 1

    def _carry_out(self, opened: OpenObject | None, number: int, arguments: list[Any], message: Message, link: Link) -> list[Any] | None:
        """Out operands; None = answered later."""
        source = opened.name if opened else ""
        if number == ActionId.MESSAGE:
            self.desk.note(str(visual.valid(arguments[0])), source)
            return []
        if number == ActionId.QUERY:
            self._query(opened, arguments, message, link)
            return None
        if opened is None:
            raise VisualError(Err.ERR_OBJECT_NOT_FOUND, f"the object is not open on {self.name}")
        results = visual.execute(opened, number, arguments)
        if message.kind == Kind.VISUAL_SET:
            opened.effect_ns = self.seams.clock.monotonic_ns()
        return results

    def _query(self, opened: OpenObject | None, arguments: list[Any], message: Message, link: Link) -> None:
        text, single, _console, seconds = arguments

        def answer(choice: int) -> None:
            link.send(self._answer(message, Kind.REPLY, encode([choice])))

        self.desk.ask(str(visual.valid(text)), opened.name if opened else "", opened.number if opened else 0,
                      seconds if isinstance(seconds, float) else None, answer, single=single is True)

    def _remote_up(self, up: RemoteUp, message: Message) -> None:
        opened = self.opened.get(up.opened)
        if opened is None:
            self._wait_for_open(message)
            return
        opened.remote, opened.see, opened.see_name, opened.reason = Part.UP, up.see, up.name, ""
        opened.up_ns = self.seams.clock.monotonic_ns()
        self.tell_pages()

    def _remote_down(self, down: RemoteDown, message: Message) -> None:
        opened = self.opened.get(down.opened)
        if opened is None:
            self._wait_for_open(message)
            return
        opened.remote, opened.reason = Part.STARTING if down.starting else Part.DOWN, down.reason
        opened.see, opened.see_name = 0, ""
        self.tell_pages()

    def _his_ended(self, ended: Ended) -> None:
        opened = self.opened.get(ended.number)
        if opened is not None:
            opened.local, opened.reason = Part.DOWN, ended.reason
            opened.end()
            self.desk.note(f"the local script of {opened.name} ended: {ended.reason}", opened.name)

    def _variable(self, message: Message) -> None:
        opened = self._of(message)
        if opened is None:
            self._wait_for_open(message)
            return
        index, value = decode(message.payload)
        if 0 <= index < len(opened.reply.variables):
            opened.bindings.variable(opened.reply.variables[index][0], value)

    def _values_changed(self, objects: set[int]) -> None:
        for opened in self.opened.values():
            opened.bindings.refresh(objects)

    # -- messages out

    def _message(self, kind: Kind, lane: Lane, target: int, payload: bytes, *, opened: int = 0, wants_answer: bool = True) -> Message:
        return Message(kind=kind, lane=lane, source=self.number, target=target, object=opened, payload=payload,
                       wants_answer=wants_answer)

    def _answer(self, request: Message, kind: Kind, payload: bytes) -> Message:
        return Message(kind=kind, lane=request.lane, source=self.number, target=request.source, object=request.object,
                       corr=request.corr, payload=payload)

    def _refuse(self, message: Message, link: Link, error: int, text: str) -> None:
        log.info("%s: %s", self.name, text)
        if message.wants_answer:
            link.send(self._answer(message, Kind.FAILED, pack(Failed(error=error, text=text))))

    def _restructured(self) -> None:
        self.structure += 1
        self.tell_pages()

    def tell_pages(self) -> None:
        for listener in self.listeners:
            listener()

    def soon(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start work that nobody waits for, and keep it alive until it ends."""
        self._background.spawn(work)
