"""Object values: one table, SETs applied in arrival order, fan-out to every subscribed process on the lane of CALL."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hisee._core.cells import CellTable
from hisee._core.values import decode
from hisee.channel import Message
from hisee.channel.payloads import SetAck, Subscribe, ValueState, pack, unpack
from hisee.channel.payloads import Values as NamedValues
from hisee.channel.spoken import USER_FLAGS
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.server.core import Core
from hisee.server.object_rows import RowChange, RowsRefused, change_rows
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.retained import Retained, Row, put_all
from hisee.values import Ref, Stamped

log = logging.getLogger("hisee.server.values")
QUIET_POLL_S = 0.002
EPOCH_SHIFT = 40  # numbers of changes: so many of one epoch, then those of the next begin


class Refused(Exception):
    """A SET that the server does not carry out."""

    def __init__(self, error: int, extended: int, text: str) -> None:
        super().__init__(text)
        self.error, self.extended = error, extended


@dataclass(slots=True)
class _Open:
    """A SET that is applied and not yet acknowledged."""

    ack: SetAck
    settled: bool = False


class Values:
    """Owner of all object values of the system."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.table = CellTable()
        self._retained: Retained | None = None
        self.observers: list[Callable[[Ref], None]] = []  # told of every change that anybody may see
        self.noted: Callable[[Ref], None] = lambda ref: None  # told of every change, for those who follow all values
        self.confirmed: Callable[[Callable[[], None]], None] = lambda then: then()  # runs it once a standby server has what was noted
        self.objects: Callable[[], list[int]] = list  # numbers of all objects that have values; the store's owner sets it
        self._settling = 0  # writes that are carried out and not settled
        self._told: dict[object, Callable[[str], None]] = {}  # who waits for a write to be settled
        self._kept: set[int] = set()  # objects whose values must be on disk before they are acknowledged
        self._open: dict[int, deque[_Open]] = {}  # process -> its SETs in order: acknowledgements are cumulative
        self.subscribers: dict[int, Counter[int]] = {}  # object -> process -> count
        self.watchers: dict[int, dict[int, Callable[[], ValueState]]] = {}  # object -> TEL process -> what to show it
        core.handlers[Kind.SET] = self._set
        core.handlers[Kind.OBJECT_ROWS] = self._object_rows
        core.handlers[Kind.SUBSCRIBE] = self._subscribe
        core.handlers[Kind.UNSUBSCRIBE] = self._unsubscribe
        core.ended.append(self._forget)

    def retain(self, retained: Retained, objects: set[int]) -> None:
        """From now on SETs of these objects are durable before they are acknowledged; what is stored replaces initial values."""
        count = retained.restore(self.table, objects)
        self._retained, self._kept = retained, objects
        log.info("%d retained values taken from where they are kept", count)

    def catch_up(self, rows: list[Row]) -> None:
        """Retained values that another server has committed (`Retained.read`): into the table, and to everybody who follows."""
        for ref in put_all(self.table, self._kept, rows):
            self._publish(ref)

    def keep_too(self, objects: set[int]) -> None:
        """Objects with `retain` that came into the configuration."""
        if self._retained is not None:
            self._kept |= objects

    def subscribe(self, number: int, objects: Iterable[int]) -> None:
        for hbj in objects:
            self.subscribers.setdefault(hbj, Counter())[number] += 1

    def watch(self, number: int, hbj: int, state: Callable[[], ValueState]) -> None:
        """A command follows an object by name: it gets the state in words, not the codec."""
        self.watchers.setdefault(hbj, {})[number] = state

    def unsubscribe(self, number: int, objects: Iterable[int]) -> None:
        for hbj in objects:
            counter = self.subscribers.get(hbj)
            if counter and counter[number] > 0:
                counter[number] -= 1

    def snapshot(self, objects: Iterable[int], flags: bool = True) -> bytes:
        """`flags`: with user flags, for readers that `knows_flags` says they take."""
        return self.table.snapshot([hbj for hbj in objects if self.table.has(hbj)], flags)

    def write(self, ref: Ref, value: object, time_ms: int | None = None, weak: bool = False, flags: int = 0) -> None:
        """Apply one write and tell everybody who follows; raises Refused."""
        if not self.table.has(ref.object):
            raise Refused(Err.ERR_OBJECT_NOT_FOUND, 11, f"object number {ref.object} has no value")
        try:
            self.table.set(ref, value, self._core.seams.clock.now_ms() if time_ms is None else time_ms, weak, flags=flags)
        except (IndexError, ValueError) as error:
            raise Refused(Err.ERR_RANGE_ERROR, 14, str(error)) from error
        self._publish(ref)

    def take(self, payload: bytes) -> None:
        """Values of the hot server: into the table, and to everybody who follows here."""
        for ref in self.table.apply(payload):
            self._publish(ref)

    def stored(self) -> list[Row]:
        """What is kept now, of whatever server. May wait for the database: for a thread. Raises ValuesBroken."""
        return self._retained.read().rows if self._retained is not None else []

    def become_owner(self, epoch: int, stored: list[Row]) -> None:
        """Count from numbers on that no server of an earlier epoch has given; what is stored replaces what was followed."""
        self.table.leap(epoch << EPOCH_SHIFT)
        self.catch_up(stored)

    def everything(self, flags: bool = True) -> bytes:
        """A snapshot of all objects."""
        return self.snapshot(self.objects(), flags)

    def _publish(self, ref: Ref) -> None:
        self.noted(ref)
        for observer in self.observers:
            observer(ref)
        for number, state in self.watchers.get(ref.object, {}).items():
            self._core.tell(number, Kind.VALUE_CHANGED, NamedValues(values=[state()]), Lane.SCRIPT)
        followers = self.subscribers.get(ref.object)
        if not followers:
            return
        payloads: dict[bool, bytes] = {}  # with user flags or without
        for number, count in followers.items():
            if count > 0:
                flags = self.takes_flags(number)
                if flags not in payloads:
                    payloads[flags] = self.table.changes([ref], flags)
                self._core.send(Message(kind=Kind.VALUES, lane=Lane.SCRIPT, source=KNL_NUMBER, target=number,
                                        object=ref.object, payload=payloads[flags]))

    def takes_flags(self, number: int) -> bool:
        """Does this process read user flags? Releases that speak protocol 1.4 and below do not."""
        process = self._core.registry.get(number)
        return process is None or knows_flags(process)

    def settled(self, ref: Ref, then: Callable[[str], None]) -> None:
        """Call `then` with "" once the newest write of `ref` may be acknowledged, or with the reason why it may not."""
        self._settling += 1
        key = object()
        self._told[key] = then

        def settle(reason: str = "") -> None:
            """Done, and perhaps not to be said: a server that is asked to hand over says it itself, one that is cut off does not."""
            self._settling -= 1
            if self._told.pop(key, None) is None:
                return
            if reason:
                then(reason)
            else:
                self._core.acknowledge(then)

        if self._retained is None or ref.object not in self._kept:
            self.confirmed(settle)
        else:
            self._retained.keep(ref, self.table.last_change, self.table.changes([ref]), settle)

    def give_up(self, reason: str) -> None:
        """Nobody waits any longer for what is not settled: whoever asked is told why. What becomes of it is not known."""
        told, self._told = self._told, {}
        for then in told.values():
            then(reason)

    def _set(self, source: Process, message: Message) -> None:
        """A script's write: [reference, value] and perhaps user flags. One acknowledgement answers; its VALUES went out before it."""
        entry = _Open(SetAck(up_to=message.corr))
        self._open.setdefault(source.number, deque()).append(entry)

        def settle(reason: str) -> None:
            if reason:
                entry.ack = _refusal(message.corr, 0, reason)
            entry.settled = True
            self._acknowledge(source.number)

        try:
            ref = self._apply(source, message)
        except Refused as refused:
            entry.ack, entry.settled = _refusal(message.corr, refused.extended, str(refused)), True
            self._acknowledge(source.number)
            return
        self.settled(ref, settle)

    async def quiet(self) -> None:
        """Wait until every write that was carried out is settled, acknowledged or not."""
        while self._settling:
            await asyncio.sleep(QUIET_POLL_S)

    def refuse(self, source: Process, message: Message, extended: int, text: str) -> None:
        """A SET that is not carried out."""
        self._open.setdefault(source.number, deque()).append(_Open(_refusal(message.corr, extended, text), settled=True))
        self._acknowledge(source.number)

    def _apply(self, source: Process, message: Message) -> Ref:
        ref, value, *flags = decode(message.payload)
        time_ms, weak = None, False
        if isinstance(value, Stamped):
            value, time_ms, weak = value.value, value.time_ms, value.weak
        if not self._core.allow(source, "set", ref.object):
            raise Refused(Err.ERR_NO_ACCESS, Ext.NO_RIGHT, f"no right to set {self._core.name_of(ref.object)}")
        self.write(ref, value, time_ms, weak, *flags)
        where: Ref = ref
        return where

    def _object_rows(self, source: Process, message: Message) -> None:
        """A script's REDIM, INSERT or DELETE of an object: answered once it is settled, behind its VALUES."""
        target, *numbers = decode(message.payload)
        name = self._core.name_of(target.object)
        if not self._core.allow(source, "set", target.object):
            self._core.deny(message, "set", name)
            return
        try:
            change_rows(self.table, RowChange.of(target, *numbers), self._core.seams.clock.now_ms())
        except RowsRefused as refused:
            self._core.fail(message, refused.error, refused.extended, f"{name}: {refused}")
            return
        ref = Ref(target.object)
        self._publish(ref)

        def answer(reason: str) -> None:
            if reason:
                self._core.fail(message, Err.ERR_TRANS_ERROR, Ext.NO_REASON, reason)
            else:
                self._core.reply(message)

        self.settled(ref, answer)

    def _acknowledge(self, number: int) -> None:
        """Send what is settled, in the order of the SETs: a later acknowledgement would speak for an earlier SET too."""
        waiting = self._open.get(number, deque())
        while waiting and waiting[0].settled:
            ack = waiting.popleft().ack
            self._core.send(Message(kind=Kind.SET_ACK, lane=Lane.SCRIPT, source=KNL_NUMBER, target=number,
                                    corr=ack.up_to, payload=pack(ack)))

    def _subscribe(self, source: Process, message: Message) -> None:
        objects = unpack(Subscribe, message.payload).objects
        self.subscribe(source.number, objects)
        self._core.reply(message, self.snapshot(objects, self.takes_flags(source.number)))

    def _unsubscribe(self, source: Process, message: Message) -> None:
        self.unsubscribe(source.number, unpack(Subscribe, message.payload).objects)
        self._core.reply(message)

    def _forget(self, process: Process) -> None:
        self._open.pop(process.number, None)
        if process.virtual:  # its host follows for it
            return
        for followers in self.subscribers.values():
            followers.pop(process.number, None)
        for watchers in self.watchers.values():
            watchers.pop(process.number, None)


def knows_flags(process: Process) -> bool:
    return process.speaks.highest >= USER_FLAGS


def _refusal(corr: int, extended: int, text: str) -> SetAck:
    return SetAck(up_to=corr, failed=corr, error=Err.ERR_TRANS_ERROR, extended=extended, text=text)
