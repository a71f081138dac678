"""The engine: all instances of one host process on one thread, in fair slices, with messages in and actions out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from hisee._core.cells import CellTable
from hisee._core.vm import Script, Status, Unit, UnitRejected
from hisee.channel import Message
from hisee.channel.payloads import Failed, SetAck, pack, unpack
from hisee.esl.unit import FORMAT_AT, written_later
from hisee.external import External
from hisee.profile import Recorder, Row
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script import actions, calls, inbox
from hisee.script.functions import Site
from hisee.script.host_calls import Workers
from hisee.script.instance import NOTHING, Instance, Item, QueueFull, Waiting
from hisee.script.locks import Locks
from hisee.script.shared import Shared
from hisee.script.text import Text
from hisee.script.turns import Near, Turns
from hisee.script.world import World
from hisee.seams import Seams, plainly

log = logging.getLogger("hisee.script")
PARTS = {1: "L", 2: "R"}
ANSWERS = Kind.REPLY, Kind.FAILED
calls.extend_actions()


class Outside(Protocol):
    """Where the messages of the engine go; the host decides by lane and target."""

    def send(self, message: Message) -> None: ...
    def far(self, message: Message) -> bool: ...
    def ended(self, instance: Instance, reason: str) -> None: ...
    def closed(self, instance: Instance) -> None: ...
    def script_failed(self, instance: Instance, failure: Any) -> None: ...
    def script_idle(self, instance: Instance) -> None: ...
    def event_missed(self, message: Message, text: str) -> None: ...
    def external_failed(self, instance: Instance, text: str, line: int) -> None: ...
    @property
    def near(self) -> Near | None: ...  # whoever may answer within a turn
    async def ask(self, number: int, kind: Kind, payload: bytes) -> bytes: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...


class Engine:
    """Instances by number; `deliver` takes messages for them, `start` makes one, `stop` ends one."""

    def __init__(self, outside: Outside, seams: Seams, recorder: Recorder, time_zone: str = "UTC", site: Site | None = None) -> None:
        self.site = site or Site(seams)
        self.workers = Workers(self.site.limit("function_threads"))
        self.external = External(self.site.rules.libraries)
        self.outside, self.seams, self.recorder = outside, seams, recorder
        self.now_ns = plainly(seams.clock)
        self.cells = CellTable()
        self.followed: set[int] = set()  # objects that came with calls and whose values come since
        self.flags_spoken = True  # does the server take user flags?
        self.instances: dict[int, Instance] = {}
        self.touched: dict[int, Instance] = {}  # those whose figures may be other ones than the server knows
        self._watching: dict[int, Instance] = {}  # those with ON CHANGE
        self._units: dict[str, Unit] = {}
        self._turns = Turns(seams.clock, self._slice, lambda: outside.near)
        self.locks = Locks()
        self._corr = 0
        world = World(seams, time_zone)
        self._shared = Shared(world)
        self.text = Text(world.zone)

    # -- life of an instance

    def unit(self, sha256: str) -> Unit | None:
        return self._units.get(sha256)

    def load(self, data: bytes) -> Unit:
        """Verify and keep a unit; raises UnitRejected."""
        if later := written_later(data):
            raise UnitRejected(FORMAT_AT, later)
        unit = Unit(data)
        self._units[hashlib.sha256(data).hexdigest()] = unit
        return unit

    def start(self, *, number: int, name: str, object: str, part: int, unit: Unit, console: int, limits: dict[str, int],
              variables: Sequence[Sequence[str]], incarnation: int = 0, priority: int = 3) -> Instance:
        """A new instance, its init part first in the queue."""
        limits, setting = self._shared.setting(limits)
        own = self._shared.variables(variables, unit, owner=part == 1, console=console)
        script = Script(unit, self.cells, own.table, setting)
        instance = Instance(number, name, self._shared.one(object), part, unit, script, own, self._shared.one(console), limits, self.site,
                            incarnation=incarnation, priority=priority, handles=self._shared.handles(unit),
                            aliases=self._shared.aliases(unit))
        script.owner = instance
        self.instances[number] = self.touched[number] = instance
        instance.put(Item(None, what="init part", priority=0))
        self.wake(instance)
        return instance

    def stop(self, number: int, reason: str = "closed") -> None:
        instance = self.instances.pop(number, None)
        if instance is None:
            return
        instance.ended = True
        if instance.waiting is not None and instance.waiting.timer is not None:
            instance.waiting.timer.cancel()
        self._answer_all(instance, reason)
        self.locks.drop(number)
        self.touched.pop(number, None)
        self._watching.pop(number, None)
        if instance.own_functions is not None:
            instance.own_functions.close()
        instance.script.close()

    def shut(self) -> None:
        """The process ends: nothing that it started for its scripts outlives it."""
        self.external.close()

    def _answer_all(self, instance: Instance, reason: str) -> None:
        """Closing ends every open request with one defined code."""
        items = [*([instance.current] if instance.current else []), *instance.queue]
        for item in items:
            if item.request is not None and item.request.wants_answer:
                self.fail(item.request, Err.ERR_EVENT_CLOSED, 0, f"{instance.name} ended: {reason}")
        instance.queue, instance.current = NOTHING, None

    # -- another server

    def cut_off(self, text: str) -> None:
        """The server is gone, with everybody behind it: nobody answers what was asked there, and nobody there waits for an answer."""
        self.followed.clear()
        for instance in list(self.instances.values()):
            for item in [*([instance.current] if instance.current else []), *instance.queue]:
                if item.request is not None and item.request.kind == Kind.CALL:
                    item.request = None
            self._give_up(instance, text)
            self.wake(instance)

    def _give_up(self, instance: Instance, text: str) -> None:
        """Whether it was done is not known."""
        waiting = instance.waiting
        if instance.sets_open:
            instance.sets_open = None
            instance.set_failure = instance.set_failure or (Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED, text)
        if waiting is not None and waiting.name == "WAIT":
            actions.end_wait(self, instance)
        elif waiting is not None and waiting.corr and waiting.lane != Lane.VISUAL:
            failed = Failed(error=Err.ERR_TRANS_ABORT, extended=Ext.PROCESS_RESTARTED, text=text)
            self._answer(instance, Message(kind=Kind.FAILED, corr=waiting.corr, payload=pack(failed)))

    def rename(self, instance: Instance, number: int, name: str, console: int) -> None:
        """The instance goes on under the number that another server gave it."""
        for known in (self.instances, self.touched, self._watching):
            known.pop(instance.number, None)
        instance.number, instance.name, instance.console = number, name, console
        instance.variables.belongs_to(console)
        self.instances[number] = self.touched[number] = instance
        self.watches(instance)

    # -- messages

    def deliver(self, message: Message) -> None:
        """A message for one of the instances: an answer, a call, an event, an acknowledgement."""
        instance = self.instances.get(message.target)
        if instance is None:
            self.not_delivered(message, Err.ERR_EVENT_CLOSED, f"process number {message.target} has ended")
            return
        if message.kind in (Kind.REPLY, Kind.FAILED):
            self._answer(instance, message)
        elif message.kind == Kind.SET_ACK:
            self._set_ack(instance, unpack(SetAck, message.payload))
        else:
            self._request(instance, message)
        self.wake(instance)

    def _request(self, instance: Instance, message: Message) -> None:
        try:
            inbox.take(self, instance, message)
        except QueueFull:
            self.not_delivered(message, Err.ERR_TRANS_ABORT, f"{instance.name}: the queue is full", Ext.QUEUE_FULL, instance.dropped)

    def not_delivered(self, message: Message, error: int, text: str, extended: int = 0, dropped: int = 1) -> None:
        """A request ends; an event that nobody waits for leaves a line in the event log, one for each doubling of the number dropped."""
        if message.kind == Kind.PICTURE_EVENT and not message.wants_answer and dropped & dropped - 1 == 0:
            self.outside.event_missed(message, f"{text}; {dropped} dropped so far" if dropped > 1 else text)
        self.fail(message, error, extended, text)

    def answered(self, message: Message) -> None:
        """An answer that came by a direct route, within a turn."""
        instance = self.instances.get(message.target)
        if instance is None or message.kind not in ANSWERS:
            self.deliver(message)
            return
        self._answer(instance, message)
        self.wake(instance)

    def _answer(self, instance: Instance, message: Message) -> None:
        waiting = instance.waiting
        if waiting is None or waiting.corr != message.corr:
            return  # the answer to a request that was given up
        arrived_ns = self.now_ns()
        instance.waiting = None
        if waiting.timer is not None:
            waiting.timer.cancel()
        if message.kind == Kind.FAILED:
            failed = unpack(Failed, message.payload)
            actions.failed(self, instance, waiting, failed)
        else:
            actions.answered(self, instance, waiting, message.payload)
        self.recorded(instance, waiting, arrived_ns, len(message.payload))

    def recorded(self, instance: Instance, waiting: Waiting, arrived_ns: int, bytes_in: int) -> None:
        if not self.recorder.enabled:
            return
        self.recorder.record(Row(
            script=instance.object, part=PARTS[instance.part], process=instance.name, line=waiting.line, action=waiting.name,
            lane=waiting.lane, sent_at_ns=waiting.sent_ns, prepare_ns=waiting.prepare_ns, wait_ns=arrived_ns - waiting.sent_ns,
            receive_ns=self.now_ns() - arrived_ns, service_ns=waiting.service_ns,
            bytes_out=waiting.bytes_out, bytes_in=bytes_in, far=waiting.far))

    def _set_ack(self, instance: Instance, ack: SetAck) -> None:
        if instance.sets_open is not None:
            instance.sets_open.pop(ack.up_to, None)
        if ack.failed and instance.set_failure is None:
            instance.set_failure = (ack.error, ack.extended, ack.text)
        if not instance.sets_open and instance.waiting is not None and instance.waiting.name == "WAIT":
            actions.end_wait(self, instance)

    def values(self, payload: bytes) -> None:
        """New object values: into the one replica of this process, then ON CHANGE of every instance that asked."""
        changed = self.cells.apply(payload)
        for instance in list(self._watching.values()):
            inbox.changed(self, instance, changed)
            self.wake(instance)

    def watches(self, instance: Instance) -> None:
        """Its ON CHANGE is another one now."""
        if instance.changes:
            self._watching[instance.number] = instance
        else:
            self._watching.pop(instance.number, None)

    # -- sending

    def corr(self) -> int:
        self._corr += 1
        return self._corr

    def fail(self, request: Message, error: int, extended: int, text: str) -> None:
        if request.wants_answer:
            self._end(request, Kind.FAILED, pack(Failed(error=error, extended=extended, text=text)))

    def reply(self, request: Message, payload: bytes) -> None:
        if request.wants_answer:
            self._end(request, Kind.REPLY, payload)

    def _end(self, request: Message, kind: Kind, payload: bytes) -> None:
        self.outside.send(Message(kind=kind, lane=request.lane, source=request.target, target=request.source,
                                  object=request.object, corr=request.corr, payload=payload))

    # -- running

    def wake(self, instance: Instance) -> None:
        """Run it in this turn or the next one."""
        if instance.runnable:
            self.touched[instance.number] = instance
            self._turns.wake(instance)

    def _slice(self, instance: Instance) -> None:
        """Its script, or the next item of its queue, needs the host."""
        if instance.current is None:
            self._begin(instance, instance.take())
            return
        instance.resumed_ns = instance.script.woken_ns
        status = instance.script.status
        if status == Status.ACTION:
            actions.perform(self, instance)
        elif status == Status.DONE:
            self._finish(instance, 0)
        elif status == Status.FAILED:
            self._script_failed(instance)
        elif status == Status.KILLED:
            self._script_killed(instance)

    def _begin(self, instance: Instance, item: Item) -> None:
        instance.current = item
        instance.resumed_ns = 0
        if item.done is not None:
            self._finish(instance, 0)
        elif item.procedure is None:
            instance.script.start_init()
        else:
            inbox.begin(self, instance, item)

    def _finish(self, instance: Instance, code: int) -> None:
        item, instance.current = instance.current, None
        instance.handled += 1
        if item is None:
            return
        if item.after is not None:
            item.after(code)
        if item.done is not None:
            item.done()
        elif item.request is not None:
            inbox.end(self, instance, item, code)
        if instance.idle and not instance.ended:
            self.outside.script_idle(instance)

    def _script_failed(self, instance: Instance) -> None:
        failure = instance.script.failure
        assert failure is not None
        item = instance.current
        log.warning("%s [%s] line %s: unhandled %s in %s of %s: %s", instance.object, PARTS[instance.part], failure.line,
                    failure.name, item.what if item else "?", instance.name, failure.text)
        self.outside.script_failed(instance, failure)
        self._finish(instance, failure.number)

    def _script_killed(self, instance: Instance) -> None:
        failure = instance.script.failure
        assert failure is not None
        reason = f"{instance.object} [{PARTS[instance.part]}] line {failure.line}: ended by limit {failure.limit}"
        self.kill(instance, reason)

    def close(self, instance: Instance) -> None:
        """It ends itself, in order."""
        self.stop(instance.number, "closed by itself")
        self.outside.closed(instance)

    def kill(self, instance: Instance, reason: str) -> None:
        """End an instance (limit, order): nothing in the script can catch it."""
        log.error("%s: %s", instance.name, reason)
        self.stop(instance.number, reason)
        self.outside.ended(instance, reason)
